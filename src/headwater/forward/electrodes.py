"""EEG electrodes of a recording and the references it names."""

from __future__ import annotations

import mne
import numpy as np


def electrodes_of(info: mne.Info, picks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Electrodes and after them the references the recording names, in head coordinates.

    Returns
    -------
    electrodes : array of shape (n_channels + n_references, 3)
    referenced : bool array of shape (n_channels,)
        Channels with a reference of known position.
    which : int array of shape (n_referenced,)
        Their reference.
    """
    loc = np.array([info["chs"][pick]["loc"][:6] for pick in picks])
    referenced = np.isfinite(loc[:, 3:]).all(axis=1) & loc[:, 3:].any(axis=1)
    references, which = np.unique(loc[referenced, 3:], axis=0, return_inverse=True)
    return np.concatenate([loc[:, :3], references]), referenced, which


def against_reference(rows: np.ndarray, referenced: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Rows of the channels, minus those of their references."""
    channels, references = rows[: len(referenced)].copy(), rows[len(referenced) :]
    channels[referenced] -= references[which]
    return channels
