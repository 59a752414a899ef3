"""The image that a U-Net sees of atoms anywhere: cubes of a fixed size, each with the mean of what lies in it."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from headwater.networks.relevance.bells import cubes

PER_SIDE = 2  # voxels of a cell along each axis
SLOTS = PER_SIDE**3


class Cells(nn.Module):
    """Cubic cells around all sources, of 2 x 2 x 2 voxels each.

    The size of a voxel is fixed, whatever the spacing of the sources, so that the same network serves every source
    space. Several atoms in one voxel share what the network says of it.

    Parameters
    ----------
    positions : array of shape (n_sources, 3)
        In metres.
    voxel : float
        Side of a voxel, in metres.
    multiple : int
        Sides of the image are multiples of this many cells.

    Attributes
    ----------
    shape : tuple of int
        Cells along each axis.
    """

    inside: torch.Tensor
    voxel_of_source: torch.Tensor

    def __init__(self, positions: np.ndarray, voxel: float, multiple: int) -> None:
        super().__init__()
        self.voxel, self.origin = voxel, positions.min(axis=0)
        highest = cubes(positions, self.origin, PER_SIDE * voxel).max(axis=0) + 1
        self.shape = tuple(multiple * math.ceil(length / multiple) for length in highest.tolist())
        voxels = cubes(positions, self.origin, voxel)
        order = np.ravel_multi_index(tuple(voxels.T), tuple(PER_SIDE * length for length in self.shape))
        self.register_buffer("voxel_of_source", torch.from_numpy(order), persistent=False)
        inside = torch.zeros(math.prod(self.shape))
        inside[torch.from_numpy(self.places(positions, fine=False))] = 1.0
        self.register_buffer("inside", inside, persistent=False)

    @property
    def n_cells(self) -> int:
        """Cells of the image."""
        return math.prod(self.shape)

    def places(self, positions: np.ndarray, *, fine: bool) -> np.ndarray:
        """Return the number of each position's cell, or of its voxel, those of one cell being consecutive."""
        voxels = cubes(positions, self.origin, self.voxel)
        cell = np.ravel_multi_index(tuple((voxels // PER_SIDE).T), self.shape)
        return cell * SLOTS + np.ravel_multi_index(tuple((voxels % PER_SIDE).T), (PER_SIDE,) * 3) if fine else cell

    def image(self, values: torch.Tensor) -> torch.Tensor:
        """Sum values of sources, shape (..., n_sources), over each voxel: shape (..., x, y, z)."""
        shape = tuple(PER_SIDE * length for length in self.shape)
        image = values.new_zeros(*values.shape[:-1], math.prod(shape))
        return image.index_add_(-1, self.voxel_of_source, values).reshape(*values.shape[:-1], *shape)


class Placed(nn.Module):
    """Atoms of one family and where they are in the image.

    Parameters
    ----------
    cells : Cells
    positions : array of shape (n_atoms, 3)
    fine : bool
        One channel for each of the 8 voxels of a cell, instead of one for the cell.
    """

    place: torch.Tensor
    weight: torch.Tensor
    occupied: torch.Tensor

    def __init__(self, cells: Cells, positions: np.ndarray, *, fine: bool) -> None:
        super().__init__()
        self.slots = SLOTS if fine else 1
        self.n_cells = cells.n_cells
        place = torch.from_numpy(cells.places(positions, fine=fine))
        count = torch.bincount(place, minlength=self.n_cells * self.slots)
        self.register_buffer("place", place, persistent=False)
        self.register_buffer("weight", (1 / count.float())[place], persistent=False)
        self.register_buffer("occupied", (count > 0).float().reshape(self.n_cells, self.slots), persistent=False)

    def gathered(self, features: torch.Tensor) -> torch.Tensor:
        """Average features of atoms, shape (batch, n_atoms, n), to (batch, n_cells, n_slots * n)."""
        image = features.new_zeros(len(features), self.n_cells * self.slots, features.shape[2])
        image = image.index_add_(1, self.place, features * self.weight[:, None])
        return image.reshape(len(features), self.n_cells, -1)

    def handed_back(self, image: torch.Tensor) -> torch.Tensor:
        """Return what the image, shape (batch, n_cells, n_slots * n), says of each atom: (batch, n_atoms, n)."""
        by_slot = image.reshape(len(image), self.n_cells * self.slots, -1)
        return by_slot.index_select(1, self.place)
