"""Losses on currents, for networks that predict them in A m."""

from __future__ import annotations

from typing import Annotated

import torch
from mne.proj import make_projector
from pydantic import Field
from torch.nn import functional
from typing_extensions import override

from headwater._utils.errors import InputError
from headwater._utils.settings import AtLeastZero, checked
from headwater.networks.base import BoundNetwork
from headwater.simulation.samples import Samples
from headwater.training.losses.base import Loss


class CurrentL1(Loss):
    """Sum of the lengths of the errors, relative to the sum of the lengths of the true currents."""

    @override
    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Return the mean over the batch."""
        return _relative_l1(prediction, samples.x).mean()


class CurrentL2(Loss):
    """Squared error relative to the power of the true currents (Morik et al., figure 9)."""

    @override
    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Return the mean over the batch."""
        scale = samples.x.flatten(1).norm(dim=1)[:, None]
        return ((prediction - samples.x).flatten(1) / scale).square().sum(1).mean()


class DataTerm(Loss):
    """`CurrentL1` plus the share of the data's power that the estimate does not explain (Morik et al., figure 9).

    Parameters
    ----------
    weight : float
        Weight of the second term.
    """

    @checked
    def __init__(self, *, weight: AtLeastZero = 1.0) -> None:
        self.weight = weight

    @override
    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Return the mean over the batch."""
        leadfield = bound.leadfield
        projector = make_projector(leadfield.info["projs"], leadfield.ch_names)[0]
        reference, gain = (
            torch.as_tensor(matrix, dtype=torch.float32, device=prediction.device)
            for matrix in (projector, projector @ leadfield.matrix)
        )
        with torch.autocast(prediction.device.type, enabled=False):  # A m is outside the range of half precision
            y = reference @ samples.y
            left = (y - gain @ prediction.flatten(1, 2)).flatten(1).norm(dim=1) / y.flatten(1).norm(dim=1)
        return (_relative_l1(prediction, samples.x) + self.weight * left.square()).mean()


class Transport(Loss):
    """`CurrentL1` plus a bound on the normalised earth mover's distance, which penalises displaced activity.

    Amplitudes are summed in cubes of 1, 2, 4, ... voxels. The differences of the sums, each weighted by the side of its
    cube, bound the distance over which amplitude must be moved (Indyk & Thaper 2003); as in the metric, the bound is
    divided by that of evenly spread activity. The cubes are shifted at random to average over the positions of their
    borders.

    Parameters
    ----------
    weight : float
        Weight of the second term.
    levels : int
        Cubes have up to ``2 ** (levels - 1)`` voxels per side.
    """

    @checked
    def __init__(self, *, weight: AtLeastZero = 1.0, levels: Annotated[int, Field(ge=1, le=10)] = 5) -> None:
        self.weight = weight
        self.levels = levels

    @override
    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Return the mean over the batch."""
        lattice = getattr(bound, "lattice", None)
        if lattice is None:
            raise InputError("The transport loss needs a network that works on the grid of a volume, such as PIUNet.")
        true, estimated = (_shares(x) for x in (samples.x, prediction))
        uniform = torch.full_like(true, 1 / true.shape[1])
        images = _shifted(lattice.image(torch.stack([true - estimated, true - uniform], 1)), 2 ** (self.levels - 1))
        moved = _pyramid(images, self.levels)
        return (_relative_l1(prediction, samples.x) + self.weight * moved[:, 0] / moved[:, 1]).mean()


def _relative_l1(estimated: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Error of each sample, shape (batch,); axis 2 is that of the orientations."""
    return (estimated - true).norm(dim=2).flatten(1).sum(1) / true.norm(dim=2).flatten(1).sum(1)


def _shares(x: torch.Tensor) -> torch.Tensor:
    """Amplitudes of each sample as shares of their sum, shape (batch, n_sources)."""
    amplitude = x.norm(dim=2).flatten(2).sum(2)
    return amplitude / amplitude.sum(1, keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)


def _shifted(images: torch.Tensor, side: int) -> torch.Tensor:
    """Pad images of shape (..., x, y, z) at random to multiples of a side, so that cubes begin anywhere."""
    pads: list[int] = []
    for length in reversed(images.shape[-3:]):
        before = int(torch.randint(side, ()))
        pads += [before, -(length + before) % side]
    return functional.pad(images, pads)


def _pyramid(images: torch.Tensor, levels: int) -> torch.Tensor:
    """Sum over cubes of growing side of the absolute sums in them, weighted by the side."""
    total = images.abs().flatten(2).sum(2)
    for level in range(1, levels):
        side = 2**level
        sums = side**3 * functional.avg_pool3d(images, side)
        total = total + side * sums.abs().flatten(2).sum(2)
    return total
