"""Volume sources as an image on the bounding box of their grid points."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField


class Lattice(nn.Module):
    """The bounding box of the sources of a volume, in voxels.

    Parameters
    ----------
    leadfield : LeadField
        Lead field with free orientations on one regular grid.
    multiple : int
        The sides of the box are padded to multiples of this number of voxels.
    box : tuple of int | None
        Fixed size of the box instead; an error is raised if the sources do not fit.

    Attributes
    ----------
    shape : tuple of int
        Number of voxels along the x, y and z axes of the MRI.
    spacing : float
        Distance between voxels, in metres.
    """

    voxel: torch.Tensor

    def __init__(self, leadfield: LeadField, multiple: int = 1, box: tuple[int, ...] | None = None) -> None:
        super().__init__()
        grid = leadfield.grid
        if grid is None or not leadfield.is_free_grid:
            raise InputError(
                "This network requires sources with free orientations on one regular grid, which "
                f"{leadfield!r} does not have; use `space='volume'`, or another solver."
            )
        padded = tuple(multiple * math.ceil(length / multiple) for length in grid.shape)
        self.shape = padded if box is None else tuple(box)
        if any(have < need for have, need in zip(self.shape, grid.shape, strict=True)):
            raise InputError(
                f"The sources need a box of {grid.shape} voxels, but that of the network has {self.shape}; use a "
                "coarser spacing, or a network without a fixed box."
            )
        self.spacing = grid.spacing
        start = [(have - need) // 2 for have, need in zip(self.shape, grid.shape, strict=True)]
        order = np.empty(leadfield.n_sources, dtype=int)
        order[grid.sources] = np.ravel_multi_index(tuple((grid.index + start).T), self.shape)
        self.register_buffer("voxel", torch.from_numpy(order), persistent=False)

    @property
    def n_voxels(self) -> int:
        """Number of voxels of the box."""
        return math.prod(self.shape)

    def image(self, values: torch.Tensor) -> torch.Tensor:
        """Place values of the sources, shape (..., n_sources), in the box, shape (..., x, y, z); 0 elsewhere."""
        image = values.new_zeros(*values.shape[:-1], self.n_voxels)
        return image.index_copy_(-1, self.voxel, values).unflatten(-1, self.shape)

    def features(self, values: torch.Tensor) -> torch.Tensor:
        """Convert (batch, n_features, n_sources) to an image (batch, n_features, x, y, z), features last in memory."""
        image = values.new_zeros(len(values), self.n_voxels, values.shape[1])
        return image.index_copy_(1, self.voxel, values.transpose(1, 2)).unflatten(1, self.shape).movedim(-1, 1)

    def values(self, image: torch.Tensor) -> torch.Tensor:
        """Return the values of an image at the sources, shape (..., x, y, z) to (..., n_sources)."""
        return image.flatten(-3).index_select(-1, self.voxel)

    def blurred(self, image: torch.Tensor, sigma: float) -> torch.Tensor:
        """Convolve an image with a Gaussian bell of peak 1; ``sigma`` in metres."""
        x, y, z = (self._bell(length, sigma, image) for length in self.shape)
        return (x @ (y @ (image @ z)).flatten(-2)).unflatten(-1, self.shape[1:])

    def _bell(self, length: int, sigma: float, image: torch.Tensor) -> torch.Tensor:
        """Return the symmetric matrix of weights between all voxels along an axis."""
        steps = self.spacing * torch.arange(length, dtype=image.dtype, device=image.device)
        return torch.exp(-0.5 * ((steps[:, None] - steps) / sigma) ** 2)
