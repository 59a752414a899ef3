"""Which voxels lie inside a closed surface, by rays through the columns of the grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.head.anatomy import Surface

OFF_VERTEX = np.array([1.3e-4, 1.7e-4])  # voxels: rays are moved by so little that they meet no vertex and no edge


@dataclass(frozen=True, eq=False)
class VoxelGrid:
    """Cubic voxels along the axes of a frame.

    Attributes
    ----------
    origin : array of shape (3,)
        Middle of the first voxel, in metres.
    step : float
        Edge of a voxel, in metres.
    shape : tuple of int
    """

    origin: np.ndarray
    step: float
    shape: tuple[int, int, int]

    @classmethod
    def around(cls, points: np.ndarray, step: float, margin: int = 2) -> VoxelGrid:
        """Make the smallest grid around points (n, 3), with some voxels of margin, its middles at multiples of step."""
        first = np.floor(points.min(axis=0) / step).astype(int) - margin
        last = np.ceil(points.max(axis=0) / step).astype(int) + margin
        i, j, k = (last - first + 1).tolist()
        return cls(first * step, step, (i, j, k))

    @property
    def affine(self) -> np.ndarray:
        """From voxel indices to positions, shape (4, 4)."""
        affine = np.diag([self.step, self.step, self.step, 1.0])
        affine[:3, 3] = self.origin
        return affine

    def positions(self, chosen: np.ndarray) -> np.ndarray:
        """Middles of chosen voxels (bool of the shape of the grid), shape (n, 3)."""
        return self.origin + self.step * np.argwhere(chosen)

    def inside(self, surface: Surface) -> np.ndarray:
        """Voxels whose middle is inside a closed surface, bool of the shape of the grid.

        A ray along z enters through triangles that face down and leaves through those that face up; the winding number
        of a voxel is what its ray has entered minus what it has left below it. Folds and overlaps do no harm.
        """
        columns, heights, signs = _crossings((surface.rr - self.origin) / self.step, surface.tris, self.shape[:2])
        first = np.clip(np.ceil(heights), 0, self.shape[2]).astype(int)
        change = np.zeros((self.shape[0] * self.shape[1], self.shape[2] + 1), np.int8)
        np.add.at(change, (columns, first), signs)
        return (np.cumsum(change, axis=1, dtype=np.int8)[:, :-1] > 0).reshape(self.shape)


def _crossings(rr: np.ndarray, tris: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the rays of columns cross triangles, in voxel units.

    Returns
    -------
    columns : int array of shape (n_crossings,)
        Flat index of the column.
    heights : array of shape (n_crossings,)
    signs : int array of shape (n_crossings,)
        1 where the ray enters, -1 where it leaves.
    """
    a, b, c = (rr[tris[:, corner]] for corner in range(3))
    flat = np.stack([a, b, c])[:, :, :2]
    low = np.maximum(np.ceil(flat.min(axis=0)).astype(int), 0)
    high = np.minimum(np.floor(flat.max(axis=0)).astype(int), np.array(shape) - 1)
    extent = np.maximum(high - low + 1, 0)
    counts = extent.prod(axis=1)
    triangle = np.repeat(np.arange(len(tris)), counts)
    within = np.arange(len(triangle)) - np.repeat(np.cumsum(counts) - counts, counts)
    column = low[triangle] + np.stack(np.divmod(within, np.maximum(extent[triangle, 1], 1)), axis=1)
    ray = column + OFF_VERTEX
    area = _cross(b[:, :2] - a[:, :2], c[:, :2] - a[:, :2])
    with np.errstate(divide="ignore", invalid="ignore"):  # triangles along the ray are met by none
        to_b = _cross(ray - a[triangle, :2], (c - a)[triangle, :2]) / area[triangle]
        to_c = _cross((b - a)[triangle, :2], ray - a[triangle, :2]) / area[triangle]
        met = (to_b >= 0) & (to_c >= 0) & (to_b + to_c <= 1)
    triangle, column, to_b, to_c = triangle[met], column[met], to_b[met], to_c[met]
    heights = a[triangle, 2] + to_b * (b - a)[triangle, 2] + to_c * (c - a)[triangle, 2]
    return column[:, 0] * shape[1] + column[:, 1], heights, np.where(area[triangle] < 0, 1, -1)


def _cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cross product of plane vectors (..., 2)."""
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
