"""Scattered volume sources as an image of voxels, and its projections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

VOXEL_MM = 3.0  # below half the distance of sources that anybody uses on a grid
N_NEIGHBOURS = 8


@dataclass(frozen=True, eq=False)
class VoxelImage:
    """Values on a regular grid of voxels along the axes of the figure's frame.

    Attributes
    ----------
    values : array of shape (n_x, n_y, n_z)
        Interpolated; 0 far from any source.
    covered : bool array of shape (n_x, n_y, n_z)
        Where a source is near enough for the value to be shown.
    first_mm : array of shape (3,)
        Centre of the first voxel.
    """

    values: np.ndarray
    covered: np.ndarray
    first_mm: np.ndarray

    @property
    def edges_mm(self) -> np.ndarray:
        """Outer corners of the first and the last voxel, shape (2, 3)."""
        first = self.first_mm - VOXEL_MM / 2
        return np.stack([first, first + VOXEL_MM * np.array(self.values.shape)])

    def project(self, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """Value of largest magnitude along an axis, its sign kept, and the smoothed (0 to 1) area that is covered.

        Beyond the covered area the value of the nearest covered pixel goes on, so that its edge can be smoothed.
        """
        shown = np.where(self.covered, self.values, 0)
        strongest = np.expand_dims(np.abs(shown).argmax(axis=axis), axis)
        values = np.take_along_axis(shown, strongest, axis).squeeze(axis)
        area = self.covered.any(axis=axis)
        nearest = ndimage.distance_transform_edt(~area, return_distances=False, return_indices=True)
        return values[tuple(nearest)], ndimage.gaussian_filter(area.astype(float), 1.2)


def source_spacing(pos_mm: np.ndarray) -> float:
    """Median distance to the nearest other source, in mm; 10 mm where there is only one."""
    if len(pos_mm) < 2:
        return 10.0
    return float(np.median(cKDTree(pos_mm).query(pos_mm, k=2)[0][:, 1]))


def interpolate_volume(pos_mm: np.ndarray, value: np.ndarray) -> VoxelImage | None:
    """Interpolate by inverse squared distance to the nearest sources (Shepard 1968).

    Works for any arrangement of sources, in any frame, warped grids included. None where there is no source.
    """
    if not len(pos_mm):
        return None
    spacing = source_spacing(pos_mm)
    first, last = pos_mm.min(axis=0) - 2 * spacing, pos_mm.max(axis=0) + 2 * spacing
    sides = [np.arange(low, high + VOXEL_MM, VOXEL_MM) for low, high in zip(first, last, strict=True)]
    voxels = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1)
    neighbours = np.arange(1, min(N_NEIGHBOURS, len(pos_mm)) + 1)
    distance, index = cKDTree(pos_mm).query(voxels.reshape(-1, 3), k=neighbours, distance_upper_bound=1.5 * spacing)
    weight = 1 / np.maximum(distance, 1e-3 * spacing) ** 2  # 0 where no source is near: distance is then infinite
    total, weighted = weight.sum(axis=1), (weight * np.append(value, 0.0)[index]).sum(axis=1)
    values = np.divide(weighted, total, out=np.zeros_like(total), where=total > 0)
    covered = distance[:, 0] <= 0.9 * spacing
    shape = voxels.shape[:3]
    return VoxelImage(values.reshape(shape), covered.reshape(shape), first)
