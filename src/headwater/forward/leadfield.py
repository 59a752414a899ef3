"""The lead field: what each sensor sees of each source, and where the sources are."""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np
from scipy import sparse


@dataclass(frozen=True, eq=False)
class Grid:
    """The regular 3-D grid on which volume sources lie.

    Attributes
    ----------
    shape : tuple of three int
        Grid points along the MRI's x, y, z axes, just around the sources.
    index : int array of shape (n_volume, 3)
        Grid index of each volume source.
    sources : int array of shape (n_volume,)
        Which sources of the lead field these are (volume sources follow cortical ones in a mixed lead field).
    spacing : float
        Distance of neighbours, in metres.
    """

    shape: tuple[int, int, int]
    index: np.ndarray
    sources: np.ndarray
    spacing: float


@dataclass(frozen=True, eq=False)
class LeadField:
    """Linear map from source currents to sensors, ``y = L x``.

    Attributes
    ----------
    gain : array of shape (n_channels, n_sources, n_orient)
        V/(A m) for EEG, T/(A m) for magnetometers, T/m/(A m) for gradiometers. With ``n_orient == 3`` the
        orientations are the x, y, z axes of head coordinates; with 1 the orientation is ``normals``.
    pos : array of shape (n_sources, 3)
        Source positions in head coordinates, in metres.
    normals : array of shape (n_sources, 3)
        Unit normals of the cortex in head coordinates (cortical patch statistics where the source space has them, as
        in MNE-Python); (0, 0, 1) for sources in a volume.
    info : mne.Info
        The channels, in the order of the gain's rows, and the device-to-head transform.
    src : mne.SourceSpaces
        The way back to MNE objects, in head coordinates; its used vertices are the sources, in order.
    region_ids : int array of shape (n_sources,)
        Index into ``region_names``, -1 where unknown.
    region_names : tuple of str
    grid : Grid | None
        For volume sources on a regular grid.
    adjacency : scipy.sparse.csr_array of shape (n_sources, n_sources) | None
        1 where two sources are neighbours (mesh edges on the cortex, six neighbours on the grid).
    subject : str
    assumptions : dict of str to str
        How it was made (head, conductivities, method, spacing, ...), in words for reports.
    """

    gain: np.ndarray
    pos: np.ndarray
    normals: np.ndarray
    info: mne.Info
    src: mne.SourceSpaces
    region_ids: np.ndarray
    region_names: tuple[str, ...]
    grid: Grid | None
    adjacency: sparse.csr_array | None
    subject: str
    assumptions: dict[str, str]
