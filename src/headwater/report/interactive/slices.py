"""Values on a coarse lattice of voxels, between which the slices interpolate."""

from __future__ import annotations

import numpy as np

from headwater.head.voxels import VoxelGrid
from headwater.report.cortical_map import carried
from headwater.report.interactive.pack import Pack, Reference

STEP_MM = 4.0


def value_lattice(pos_mm: np.ndarray, pack: Pack) -> Reference:
    """Describe the lattice around the sources, and how its voxels mix them."""
    grid = VoxelGrid.around(pos_mm, STEP_MM, margin=2)
    everywhere = grid.positions(np.ones(grid.shape, bool))
    matrix = carried(1e-3 * everywhere, 1e-3 * pos_mm)
    voxels = np.flatnonzero(np.diff(matrix.indptr))
    return {
        "first": grid.origin.tolist(),
        "step": grid.step,
        "shape": list(grid.shape),
        "voxels": pack.add(voxels.astype(np.uint32)),
        "mixing": pack.mixing(matrix[voxels]),
    }
