"""From a volume of tissue labels to hexahedra whose nodes lie on the boundaries of tissues.

Cells are blocks of voxels. Tissues have ranks from the inside to the outside (``RANKS``), and the boundary between two
ranks is where half of the surroundings, smoothed over about half a cell, is of the inner rank or further inside: a
definition that keeps the thickness of layers thinner than a cell. The rank of a cell is that at its middle; where brain
would meet bone, a cell becomes cerebrospinal fluid, and the compact bone around spongy bone is kept closed. Soft tissue
that would share a node with the inside of a thin skull becomes bone. Nodes between two tissues are then shifted to the
boundary. Without that shift the staircase of cells makes the skull too conductive: geometry-adapted hexahedra are those
of Wolters et al. (2007, IEEE Trans. Biomed. Eng. 54, 1446), who shift by a fixed part of an edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mne.transforms import apply_trans
from scipy import ndimage

from headwater._utils.errors import InputError
from headwater.forward.fem.hexahedra import CORNERS, HexMesh, gauss_points, jacobians
from headwater.head.anatomy import LabelVolume
from headwater.head.conductivity import (
    AIR,
    BONE_TISSUES,
    BRAIN_TISSUES,
    BRAINSTEM,
    CEREBELLAR_GREY,
    CEREBELLAR_WHITE,
    COMPACT,
    CSF,
    GREY,
    SOFT_TISSUES,
    SPONGY,
    TISSUES,
    WHITE,
)

LARGEST_SHIFT = 0.6  # of an edge, along each axis
NEWTON_STEPS = 3
LEAST_VOLUME = 0.05  # smallest Jacobian determinant at a Gauss point, of that of an unshifted cell
DAMPING, DAMPINGS = 0.8, 30  # of the shift of nodes that would flatten an element; then they are not shifted at all
LARGEST_LEAK = 0.02  # share of the upper surface of brain and CSF that may touch something else than bone
EVERY_NEIGHBOUR = ndimage.generate_binary_structure(3, 3)
EDGE_NEIGHBOUR = ndimage.generate_binary_structure(3, 2)
OUTSIDE = 0
RANKS = (
    (WHITE, CEREBELLAR_WHITE, BRAINSTEM),
    (GREY, CEREBELLAR_GREY),
    (CSF,),
    BONE_TISSUES,
    SOFT_TISSUES,
)


def hexahedra(volume: LabelVolume, size: float, *, adapted: bool = True) -> HexMesh:
    """Mesh a volume of tissue labels.

    Parameters
    ----------
    volume : LabelVolume
        Its names are tissues, see `headwater.head.conductivity`; air is left out.
    size : float
        Edges of the elements, in metres: rounded to a whole number of voxels.
    adapted : bool
        Whether nodes are shifted to the boundaries of tissues.

    Returns
    -------
    mesh : HexMesh
        In the frame of the volume. The largest connected part of it.
    """
    if unknown := [name for name in volume.names if name not in TISSUES]:
        raise InputError(f"The tissue labels {', '.join(unknown)} are unknown; use {', '.join(TISSUES)}.")
    voxel = np.linalg.norm(volume.affine[:3, :3], axis=0)
    block = np.maximum(np.rint(size / voxel), 1).astype(int)
    labels, first = _cropped(_without_air(volume), block)
    levels = _Levels.of(labels, _ranks(volume.names), block)
    cells = levels.cells(block)
    _refuse_leaks(cells, volume.names, volume.affine[2, :3])
    cells = _separated(_sealed(cells, volume.names, volume.affine[2, :3]), volume.names)
    nodes, elements, places = _nodes_and_elements(_largest_part(cells))
    tissue = cells[tuple(places.T)]
    corners = (nodes * block).astype(float)  # in voxels, from the corner of the first
    if adapted:
        corners = _adapted(corners, nodes, elements, cells, levels, block)
    to_voxels = first - 0.5  # voxel indices count from the middle of the first voxel
    return HexMesh(
        nodes=apply_trans(volume.affine, corners + to_voxels),
        elements=elements.astype(np.int32),
        tissue=tissue - 1,
        tissues=tuple(volume.names),
        size=float((block * voxel).mean()),
    )


def _without_air(volume: LabelVolume) -> np.ndarray:
    """Labels with air as outside."""
    air = [k + 1 for k, name in enumerate(volume.names) if name == AIR]
    return np.where(np.isin(volume.labels, air), OUTSIDE, volume.labels).astype(np.uint8)


def _cropped(labels: np.ndarray, block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole blocks around the head, with a block of margin; and the index of the first voxel in the given volume."""
    filled = ndimage.find_objects((labels > 0).astype(np.uint8))
    if not filled:
        raise InputError("The volume of tissue labels is empty; check its label table.")
    (box,) = filled
    first = np.array([side.start for side in box]) - block
    last = np.array([side.stop for side in box]) + block
    shape = block * -(-(last - first) // block)
    cropped = np.zeros(shape, np.uint8)
    inner = tuple(slice(b, b + side.stop - side.start) for b, side in zip(block, box, strict=True))
    cropped[inner] = labels[box]
    return cropped, first


def _ranks(names: tuple[str, ...]) -> np.ndarray:
    """Rank of outside, the highest, and of each tissue."""
    of = {name: rank for rank, group in enumerate(RANKS) for name in group}
    return np.array([len(RANKS), *(of.get(name, len(RANKS)) for name in names)])


@dataclass(frozen=True, eq=False)
class _Levels:
    """Functions on the voxels whose zeros are the boundaries of tissues.

    Attributes
    ----------
    ranks : int array of shape (n_labels,)
    indicators : list of array
        Smoothed indicator function of each label.
    within : list of array
        Share of the surroundings with at most each rank, minus a half.
    """

    ranks: np.ndarray
    indicators: list[np.ndarray]
    within: list[np.ndarray]

    @classmethod
    def of(cls, labels: np.ndarray, ranks: np.ndarray, block: np.ndarray) -> _Levels:
        """Smooth over half a cell, or a voxel."""
        width = np.maximum(block / 2, 1.0)
        indicators = [
            ndimage.gaussian_filter((labels == label).astype(np.float32), width, truncate=3.0)
            for label in range(len(ranks))
        ]
        within = [np.full(labels.shape, -0.5, np.float32) for _ in RANKS]
        for rank, share in enumerate(within):
            for label in np.flatnonzero(ranks <= rank):
                share += indicators[label]
        return cls(ranks, indicators, within)

    def cells(self, block: np.ndarray) -> np.ndarray:
        """Label in the middle of each cell."""
        shares = [_middle(share, block) for share in self.within]
        rank = np.full(shares[0].shape, len(RANKS), np.uint8)
        for k in range(len(RANKS) - 1, -1, -1):
            rank[shares[k] >= 0] = k
        cells = np.full(rank.shape, OUTSIDE, np.uint8)
        best = np.full(rank.shape, -1.0, np.float32)
        for label in np.flatnonzero(self.ranks < len(RANKS)):
            value = np.where(rank == self.ranks[label], _middle(self.indicators[label], block), -1.0)
            cells[value > best] = label
            np.maximum(best, value, out=best)
        return cells

    def at(self, points: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Evaluate the function of the boundary between two labels (n,) at points (n, 3), in voxels."""
        value = np.zeros(len(points), np.float32)
        where = points.T - 0.5  # voxel indices count from the middle of the first voxel
        inner = np.minimum(self.ranks[first], self.ranks[second])
        alike = self.ranks[first] == self.ranks[second]
        for rank, share in enumerate(self.within):
            chosen = ~alike & (inner == rank)
            value[chosen] = ndimage.map_coordinates(share, where[:, chosen], order=1, mode="nearest")
        for label, indicator in enumerate(self.indicators):
            for sign, own in ((1, first), (-1, second)):
                chosen = alike & (own == label)
                value[chosen] += sign * ndimage.map_coordinates(indicator, where[:, chosen], order=1, mode="nearest")
        return value


def _middle(values: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Mean over the middle voxels of each cell: one or two along each axis."""
    for axis, length in enumerate(block):
        low, high = (length - 1) // 2, length // 2
        every = [slice(None)] * 3
        parts = []
        for start in (low, high):
            every[axis] = slice(start, None, length)
            parts.append(values[tuple(every)])
        values = (parts[0] + parts[1]) / 2
    return values


def _labels_of(wanted: tuple[str, ...], names: tuple[str, ...]) -> list[int]:
    return [k + 1 for k, name in enumerate(names) if name in wanted]


def _separated(cells: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Keep layers closed that are thinner than a cell: CSF between brain and bone, compact bone around spongy bone.

    Only tissues that the volume has: brain that shares a node with bone becomes CSF, and spongy bone that shares an
    edge with anything but bone becomes compact.
    """
    bone = np.isin(cells, _labels_of(BONE_TISSUES, names))
    brain = np.isin(cells, _labels_of(BRAIN_TISSUES, names))
    if CSF in names:
        beside_bone = brain & ndimage.binary_dilation(bone, EVERY_NEIGHBOUR)
        cells = np.where(beside_bone, names.index(CSF) + 1, cells)
    if {COMPACT, SPONGY} <= set(names):
        beside_other = (cells == names.index(SPONGY) + 1) & ndimage.binary_dilation(~bone, EDGE_NEIGHBOUR)
        cells = np.where(beside_other, names.index(COMPACT) + 1, cells)
    return cells.astype(np.uint8)


def _refuse_leaks(cells: np.ndarray, names: tuple[str, ...], up: np.ndarray) -> None:
    """Refuse a skull with holes above the middle of the brain: brain or CSF beside scalp or air.

    Below, the canals of nerves and of the spinal cord are open, and eyes may be labelled as CSF.
    """
    for wanted, called in ((BONE_TISSUES, "bone"), (BRAIN_TISSUES, "brain")):
        if not np.isin(cells, _labels_of(wanted, names)).any():
            raise InputError(f"The volume of tissue labels has no {called}; check its label table.")
    bone = np.isin(cells, _labels_of(BONE_TISSUES, names))
    within = np.isin(cells, _labels_of((*BRAIN_TISSUES, CSF), names))
    height = np.tensordot(up, np.indices(cells.shape), axes=1)
    brain = np.isin(cells, _labels_of(BRAIN_TISSUES, names))
    upper = within & (height > height[brain].mean())
    to_bone = to_other = 0
    for axis in range(3):
        for step in (-1, 1):
            beside_bone, beside_within = (np.roll(some, step, axis) for some in (bone, within))
            to_bone += int((upper & beside_bone).sum())
            to_other += int((upper & ~beside_bone & ~beside_within).sum())
    if to_other > LARGEST_LEAK * (to_bone + to_other):
        share = 100 * to_other / (to_bone + to_other)
        raise InputError(
            f"The skull leaks: {share:.0f} % of the upper surface of brain and CSF touches scalp or air instead of "
            "bone; close the holes of the segmentation, or read it with `close_skull=True`."
        )


def _sealed(cells: np.ndarray, names: tuple[str, ...], up: np.ndarray) -> np.ndarray:
    """Turn soft tissue into bone where it shares a corner or an edge with the inside of a skull thinner than a cell.

    Current passes through a shared node as through a hole (Engwer et al. 2017, SIAM J. Sci. Comput. 39, B138). Shared
    faces are openings: above the middle of the brain they are closed, below they are canals, or missing bone.
    """
    soft, within, brain = (
        np.isin(cells, _labels_of(wanted, names)) for wanted in (SOFT_TISSUES, (*BRAIN_TISSUES, CSF), BRAIN_TISSUES)
    )
    height = np.tensordot(up, np.indices(cells.shape), axes=1)
    open_below = ndimage.binary_dilation(within) & (height <= height[brain].mean())
    closing = soft & ndimage.binary_dilation(within, EVERY_NEIGHBOUR) & ~open_below
    bone = next(name for name in BONE_TISSUES if name in names)
    return np.where(closing, names.index(bone) + 1, cells).astype(np.uint8)


def _largest_part(cells: np.ndarray) -> np.ndarray:
    """Which cells belong to the largest part that is connected through faces."""
    parts, _ = ndimage.label(cells != OUTSIDE)
    return parts == np.bincount(parts.ravel())[1:].argmax() + 1


def _nodes_and_elements(kept: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grid indices of nodes (n_nodes, 3) and cells (n_elements, 3), and the nodes of each element (n_elements, 8)."""
    places = np.argwhere(kept)
    used = np.zeros(np.array(kept.shape) + 1, bool)
    for corner in CORNERS:
        used[tuple((places + corner).T)] = True
    number = np.cumsum(used.ravel()).reshape(used.shape) - 1
    elements = np.stack([number[tuple((places + corner).T)] for corner in CORNERS], axis=1)
    return np.argwhere(used), elements, places


def _adapted(
    corners: np.ndarray,
    nodes: np.ndarray,
    elements: np.ndarray,
    cells: np.ndarray,
    levels: _Levels,
    block: np.ndarray,
) -> np.ndarray:
    """Shift nodes between two tissues to the boundary, as far as no element is flattened; all in voxels."""
    chosen, first, second = _between(nodes, cells, levels.ranks)
    shift = np.zeros_like(corners)
    shift[chosen] = _to_boundary(corners[chosen], first, second, levels, LARGEST_SHIFT * block)
    touched = np.isin(elements, chosen).any(axis=1)
    elements = elements[touched]
    for attempt in range(DAMPINGS + 1):
        moved = corners + shift
        volume = np.linalg.det(jacobians(gauss_points(), moved[elements])) / block.prod()
        flat = np.unique(elements[(volume < LEAST_VOLUME).any(axis=1)])
        if not len(flat):
            return moved
        shift[flat] *= DAMPING if attempt < DAMPINGS - 1 else 0.0
    raise RuntimeError("Elements without shifted nodes are flat.")


def _between(nodes: np.ndarray, cells: np.ndarray, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes that touch several labels, and two labels around each of them.

    They are of the two most frequent ranks, where there are several; bone, CSF and brain differ more in conductivity
    than tissues of one rank.
    """
    padded = np.pad(cells, 1)
    around = np.stack([padded[tuple((nodes + corner).T)] for corner in CORNERS], axis=1)
    chosen = np.flatnonzero((around != around[:, :1]).any(axis=1))
    first, second, _ = _most_frequent(around[chosen], len(ranks))
    inner, outer, several = _most_frequent(ranks[around[chosen]], len(RANKS) + 1)
    anyone = np.array([np.flatnonzero(ranks == rank)[:1].sum() for rank in range(len(RANKS) + 1)])
    return chosen, np.where(several, anyone[inner], first), np.where(several, anyone[outer], second)


def _most_frequent(values: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the two most frequent of n values in each row, and whether a row has more than one."""
    counts = np.stack([(values == value).sum(axis=1) for value in range(n)], axis=1)
    order = np.argsort(-counts, axis=1, kind="stable")
    return order[:, 0], order[:, 1], (counts > 0).sum(axis=1) > 1


def _to_boundary(
    start: np.ndarray, first: np.ndarray, second: np.ndarray, levels: _Levels, largest: np.ndarray
) -> np.ndarray:
    """Shift points (n, 3), in voxels, to the boundary between their two labels: Newton's method."""
    shift = np.zeros_like(start)
    for _ in range(NEWTON_STEPS):
        points = start + shift
        here = levels.at(points, first, second)
        slope = np.stack(
            [levels.at(points + e, first, second) - levels.at(points - e, first, second) for e in np.eye(3)], axis=1
        )
        slope /= 2
        steepness = (slope**2).sum(axis=1)
        step = here / np.maximum(steepness, 1e-3 * steepness.max(initial=1e-30))
        shift = np.clip(shift - step[:, np.newaxis] * slope, -largest, largest)
    return shift
