"""What a lead field takes from plain arrays: a discrete source space, regions by name, the grid that positions form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mne
import numpy as np
from mne.io.constants import FIFF
from scipy import sparse

from headwater._utils.errors import InputError
from headwater.forward.grid import lattice_grid
from headwater.forward.neighbours import grid_adjacency

PLACEHOLDER = np.array([0.0, 0.0, 1.0])  # what MNE-Python writes for a source without a normal


def array_fields(
    gain: np.ndarray,
    pos: np.ndarray,
    *,
    normals: np.ndarray | None,
    regions: Sequence[str | None] | None,
    adjacency: sparse.sparray | None,
    subject: str,
) -> dict[str, Any]:
    """Fields of a `LeadField` that follow from arrays; see `LeadField.from_arrays`."""
    gain = np.asarray(gain, dtype=float)
    pos = np.asarray(pos, dtype=float)
    normals = np.zeros_like(pos) if normals is None else np.asarray(normals, dtype=float)
    if pos.ndim != 2 or pos.shape[1] != 3 or normals.shape != pos.shape:
        raise InputError(f"Positions have shape {pos.shape} and normals {normals.shape}; both must be (n_sources, 3).")
    if regions is not None and len(regions) != len(pos):
        raise InputError(f"{len(regions)} regions are named for {len(pos)} sources; give one per source, or None.")
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = normals / np.where(length > 0, length, 1.0)
    names: dict[str | None, int] = {None: -1}
    for region in regions or ():
        names.setdefault(region, len(names) - 1)
    grid = lattice_grid(pos)
    return {
        "gain": gain[:, :, np.newaxis] if gain.ndim == 2 else gain,
        "pos": pos,
        "normals": normals,
        "src": discrete_source_space(pos, normals, subject),
        "region_ids": np.array([names[region] for region in regions or [None] * len(pos)]),
        "region_names": tuple(name for name in names if name is not None),
        "grid": grid,
        "adjacency": grid_adjacency(grid, len(pos)) if adjacency is None else sparse.csr_array(adjacency),
        "subject": subject,
    }


def discrete_source_space(pos: np.ndarray, normals: np.ndarray, subject: str) -> mne.SourceSpaces:
    """Describe positions in head coordinates as MNE does, with its placeholder where a source has no normal."""
    directions = np.where(normals.any(axis=1, keepdims=True), normals, PLACEHOLDER)
    src = mne.setup_volume_source_space(subject, pos={"rr": pos, "nn": directions}, verbose="error")
    src[0]["coord_frame"] = FIFF.FIFFV_COORD_HEAD
    return src
