"""What a file of another program says, before units and frames are settled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class RawLeadField:
    """Arrays of a foreign file.

    Attributes
    ----------
    program : str
        For people.
    gain : array of shape (n_channels, n_sources, n_orient)
        Columns along x, y, z of the frame of ``pos``, or along ``normals``.
    pos : array of shape (n_sources, 3) | None
        In metres; None where the file has none.
    ch_names : tuple of str | None
    normals : array of shape (n_sources, 3) | None
    to_head : array of shape (4, 4) | None
        From the frame of the file to head coordinates, where the file says it; in metres.
    electrodes : dict of str to array of shape (3,) | None
        Positions of EEG channels in the frame of the file, where it has them; in metres.
    """

    program: str
    gain: np.ndarray
    pos: np.ndarray | None = None
    ch_names: tuple[str, ...] | None = None
    normals: np.ndarray | None = None
    to_head: np.ndarray | None = None
    electrodes: dict[str, np.ndarray] | None = None
