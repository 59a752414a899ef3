"""The directions of sensor space that a recording has: projections and Maxwell filtering take others away."""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np
from mne.proj import make_projector

# Relative to the largest singular value: rounding of files in single precision.
ROUNDING = 1e-6
# Singular values of noise and of filtered time courses decline gradually; at a lost direction they fall by more.
FALL = 1e3


@dataclass(frozen=True, eq=False)
class Span:
    """Channels that are regularised together, and the directions in which their data vary.

    Attributes
    ----------
    name : str
        For people.
    picks : int array of shape (n_picks,)
        Rows of the recording.
    scale : array of shape (n_picks,)
        Root mean square of the data of each channel's type, in V, T or T/m; what follows is for data divided by it.
    basis : array of shape (n_picks, rank)
        Orthonormal.
    """

    name: str
    picks: np.ndarray
    scale: np.ndarray
    basis: np.ndarray


NAMES = {"eeg": "EEG", "mag": "magnetometers", "grad": "gradiometers", "meg": "MEG"}


def spans(evoked: mne.Evoked, samples: np.ndarray) -> list[Span]:
    """Find the directions that the recording has, for every sensor type.

    Maxwell filtering leaves about 70 directions, common to magnetometers and gradiometers, so that these are then
    taken together.

    Parameters
    ----------
    evoked : mne.Evoked
    samples : array of shape (n_channels, n_samples)
        All data at hand, with the projections applied.
    """
    info, types = evoked.info, np.array(evoked.get_channel_types())
    meg_rank = mne.compute_rank(evoked, rank="info", verbose="error").get("meg")
    groups = {kind: types == kind for kind in np.unique(types)}
    if any(processed.get("max_info") for processed in info["proc_history"]) and meg_rank:
        groups = {"meg": np.isin(types, ("mag", "grad")), **({"eeg": types == "eeg"} if "eeg" in types else {})}
    found = []
    for kind, members in groups.items():
        picks = np.flatnonzero(members)
        scale = np.ones(len(picks))
        for each in np.unique(types[picks]):
            same = types[picks] == each
            scale[same] = np.sqrt(np.mean(samples[picks[same]] ** 2)) or 1.0
        basis = _basis(info, picks, samples[picks] / scale[:, np.newaxis], scale, meg_rank if kind == "meg" else None)
        found.append(Span(NAMES[str(kind)], picks, scale, basis))
    return found


def _basis(
    info: mne.Info, picks: np.ndarray, samples: np.ndarray, scale: np.ndarray, known_rank: int | None
) -> np.ndarray:
    """Return the directions that projections leave, or those of the samples where these are fewer."""
    projector = make_projector(info["projs"], [info["ch_names"][pick] for pick in picks])[0]
    left, singular, _ = np.linalg.svd(projector / scale[:, np.newaxis] * scale)
    projected = left[:, singular > ROUNDING * singular[0]]
    values, vectors = np.linalg.eigh(samples @ samples.T)
    amplitude = np.sqrt(values[::-1].clip(min=0))[: projected.shape[1]]
    vectors = vectors[:, ::-1]
    if known_rank is not None and known_rank < projected.shape[1]:
        enough = amplitude[known_rank - 1] > ROUNDING * amplitude[0]
        return vectors[:, :known_rank] if enough else projected
    rank = _lost_from(amplitude) if samples.shape[1] >= 2 * len(picks) else len(amplitude)
    return vectors[:, :rank] if rank < len(amplitude) else projected


def _lost_from(amplitude: np.ndarray) -> int:
    """Return the index from which sorted singular values are those of lost directions; their number if none is."""
    floor = np.finfo(float).eps * amplitude[0]
    falls = amplitude[:-1] / np.maximum(amplitude[1:], floor)
    lost = (falls > FALL) & (amplitude[1:] < ROUNDING * amplitude[0])
    return int(np.flatnonzero(lost)[0]) + 1 if lost.any() else len(amplitude)
