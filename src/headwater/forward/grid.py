"""The regular 3-D grid on which sources lie: as MNE-Python describes it, or found from the positions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import mne
import numpy as np
from scipy.spatial import cKDTree

LEAST_SOURCES = 27  # fewer positions are on a regular grid by chance, or too few to be an image
OFF_LATTICE = 0.15  # largest distance from the nearest grid point, in spacings: positions rounded to mm have .12


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

    def edges(self) -> np.ndarray:
        """Pairs (i, j) of volume sources one step apart along an axis, shape (n_edges, 2), as lead field indices."""
        lookup = np.full(self.shape, -1)
        lookup[tuple(self.index.T)] = self.sources
        pairs = []
        for axis in range(3):
            line = np.moveaxis(lookup, axis, 0)
            pair = np.stack([line[:-1].ravel(), line[1:].ravel()], axis=1)
            pairs.append(pair[(pair >= 0).all(axis=1)])
        return np.concatenate(pairs)


def source_slices(src: mne.SourceSpaces) -> list[slice]:
    """Where the sources of each source space stand among all sources."""
    ends = np.cumsum([space["nuse"] for space in src]).tolist()
    return [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def is_grid(space: dict[str, Any]) -> bool:
    """Whether a source space is a regular grid: MNE calls one without an MRI discrete but keeps its shape."""
    return "shape" in space and "src_mri_t" in space


def volume_grid(src: mne.SourceSpaces) -> Grid | None:
    """Grid of the volume source spaces; None without any, or if they do not share one regular grid."""
    volumes = [(space, where) for space, where in zip(src, source_slices(src), strict=True) if is_grid(space)]
    if not volumes:
        return None
    first = volumes[0][0]
    voxel_mri = first["src_mri_t"]["trans"]
    same = all(
        tuple(space["shape"]) == tuple(first["shape"]) and np.allclose(space["src_mri_t"]["trans"], voxel_mri)
        for space, _ in volumes
    )
    if not same:
        return None
    # MNE numbers grid points with x fastest.
    vertices = np.concatenate([space["vertno"] for space, _ in volumes])
    index = np.stack(np.unravel_index(vertices, first["shape"], order="F"), axis=1)
    index -= index.min(axis=0)
    n_x, n_y, n_z = (index.max(axis=0) + 1).tolist()
    return Grid(
        shape=(n_x, n_y, n_z),
        index=index,
        sources=np.concatenate([np.arange(where.start, where.stop) for _, where in volumes]),
        spacing=_spacing(first),
    )


def _spacing(space: dict[str, Any]) -> float:
    """Distance of neighbours in metres, to 0.1 micrometre: positions may be in single precision."""
    # The transform to the MRI may lead to that of another, scaled head; positions are those of this one.
    stride = 1 if space["shape"][0] > 1 else space["shape"][0] * space["shape"][1]
    return float(np.round(np.linalg.norm(space["rr"][stride] - space["rr"][0]), 7))


def lattice_grid(pos: np.ndarray) -> Grid | None:
    """Grid of positions (n_sources, 3) that all lie on one cubic lattice, turned in any way; None if they do not.

    The axes of the grid are those of the lattice that are nearest to x, y and z.
    """
    if len(pos) < LEAST_SOURCES or not np.isfinite(pos).all():
        return None
    axes = _lattice_axes(pos)
    if axes is None:
        return None
    steps = (pos - pos[0]) @ np.linalg.inv(axes)
    for _ in range(2):  # axes estimated from single steps are made exact over the whole grid
        index = np.rint(steps)
        design = np.column_stack([index, np.ones(len(index))])
        fitted = np.linalg.lstsq(design, pos, rcond=None)[0]
        if np.linalg.matrix_rank(design) < 4:
            return None
        steps = (pos - fitted[3]) @ np.linalg.inv(fitted[:3])
    index = np.rint(steps).astype(int)
    if np.abs(steps - index).max() > OFF_LATTICE or len(np.unique(index, axis=0)) < len(index):
        return None
    index -= index.min(axis=0)
    n_x, n_y, n_z = (index.max(axis=0) + 1).tolist()
    spacing = float(np.linalg.norm(fitted[:3], axis=1).mean())
    return Grid(shape=(n_x, n_y, n_z), index=index, sources=np.arange(len(pos)), spacing=spacing)


def _lattice_axes(pos: np.ndarray) -> np.ndarray | None:
    """Three perpendicular steps of one length between neighbours, as rows near x, y and z; None without them."""
    tree = cKDTree(pos)
    spacing = np.median(tree.query(pos, k=2)[0][:, 1])
    pairs = tree.query_pairs((1 + OFF_LATTICE) * spacing, output_type="ndarray")
    steps = pos[pairs[:, 1]] - pos[pairs[:, 0]]
    if not steps.any(axis=1).all():  # two sources at one place
        return None
    axes = np.zeros((3, 3))
    for row in range(3):
        # The next axis is the step that is most nearly perpendicular to those found before.
        along = np.abs(steps @ axes[:row].T).max(axis=1, initial=0.0)
        if not len(steps) or along.min() > 2 * OFF_LATTICE * spacing**2:
            return None
        first = steps[along.argmin()]
        cosine = steps @ first / (np.linalg.norm(steps, axis=1) * np.linalg.norm(first))
        same = np.abs(cosine) > 0.9
        axes[row] = (steps[same] * np.sign(cosine[same, np.newaxis])).mean(axis=0)
    length = np.linalg.norm(axes, axis=1)
    if np.ptp(length) > 0.05 * spacing or np.abs(axes @ axes.T - np.diag(length**2)).max() > 0.05 * spacing**2:
        return None
    return _nearest_to_xyz(axes)


def _nearest_to_xyz(axes: np.ndarray) -> np.ndarray:
    """Order and sign of three axes (rows) with which they are nearest to x, y and z."""
    order = np.array(max(permutations(range(3)), key=lambda rows: np.abs(axes[list(rows), range(3)]).sum()))
    ordered = axes[order]
    return ordered * np.sign(np.diag(ordered))[:, np.newaxis]
