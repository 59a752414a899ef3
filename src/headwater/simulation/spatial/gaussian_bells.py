"""Gaussian bells in a volume, the training sources of 3D-PIUNet."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch

from headwater.simulation.currents import DenseCurrents
from headwater.simulation.distributions import (
    Distribution,
    Integers,
    Normal,
    Uniform,
    check_distribution,
    check_instance,
)
from headwater.simulation.spatial.base import SpatialPattern, check_common, draw_components
from headwater.simulation.spatial.geometry import Geometry
from headwater.simulation.spatial.orientation import Orientation, RandomDirection
from headwater.simulation.spatial.placement import Anywhere, Further, Independent, Where


@dataclass(frozen=True, eq=False)
class Profiles:
    """Components that extend over the whole brain.

    Attributes
    ----------
    centers, amplitude, extent_mm, orientation
        As in `Patches`.
    profile : float tensor of shape (batch, n_components, n_sources)
        Spatial profile of each component.
    direction : float tensor of shape (batch, n_components, n_orient)
        One direction per component.
    """

    centers: torch.Tensor
    amplitude: torch.Tensor
    extent_mm: torch.Tensor
    orientation: torch.Tensor
    profile: torch.Tensor
    direction: torch.Tensor

    def currents(self, courses: torch.Tensor) -> DenseCurrents:
        """Sum the components: ``x = sum_k profile_k (amplitude_k direction_k course_k)``."""
        moments = (self.amplitude[:, :, None] * self.direction)[:, :, :, None] * courses[:, :, None, :]
        x = self.profile.transpose(1, 2) @ moments.flatten(2)
        return DenseCurrents(x.reshape(*x.shape[:2], *moments.shape[2:]))


@dataclass(frozen=True, kw_only=True)
class GaussianBells(SpatialPattern):
    """Gaussian bells in a volume: ``x_i = sum_s a_s g(|p_i - c_s|) v_s``.

    With ``normalized``, ``g(d) = exp(-d^2 / 2 sigma^2) / sqrt(2 pi sigma^2)``, sigma in mm: equation (5) of Morik et
    al., 3D-PIUNet, where a wide bell has a low peak. Otherwise the peak equals the amplitude for any width.

    Parameters
    ----------
    n_sources : Distribution
        Bells per sample.
    sigma_mm : Distribution
        Standard deviation of the bell. (A full width at half maximum is 2.355 times larger.)
    amplitude_nam : Distribution
    normalized : bool
    where, further : Where, Further
        Placement of the centres, which are source positions.
    orientation : Orientation
        One direction per bell.
    """

    n_sources: Distribution = Integers(1, 20)
    sigma_mm: Distribution = Uniform(10.0, 80.0)
    amplitude_nam: Distribution = Normal(0.0, 1.0)
    normalized: bool = True
    where: Where = field(default_factory=Anywhere)
    further: Further = field(default_factory=Independent)
    orientation: Orientation = field(default_factory=RandomDirection)

    sparse = False
    space = "volume"

    def __post_init__(self) -> None:
        check_common(self)
        check_distribution(self, "sigma_mm", above=0.0)
        check_instance(self, "normalized", bool, "True")

    def draw(self, n: int, geometry: Geometry, generator: torch.Generator) -> Profiles:
        """Draw centres, widths, amplitudes and directions, and evaluate the bells."""
        centers, amplitude = draw_components(self, n, geometry, generator)
        sigma_mm = self.sigma_mm.draw(tuple(centers.shape), generator)
        orientation = self.orientation.draw(centers, geometry, generator)
        profile = _bells(geometry.pos, geometry.pos[centers.clamp(min=0)], 1e-3 * sigma_mm)
        if self.normalized:
            profile /= math.sqrt(2 * math.pi) * sigma_mm[:, :, None]
        direction = orientation if geometry.n_orient == 3 else torch.ones_like(orientation[..., :1])
        present = centers >= 0
        return Profiles(centers, amplitude, sigma_mm * present, orientation, profile, direction)


def _bells(pos: torch.Tensor, centers: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """``exp(-|p - c|^2 / 2 sigma^2)`` for positions (n, 3), centres (batch, k, 3) and widths (batch, k).

    The exponent is one matrix product: ``|p - c|^2 = |p|^2 - 2 p.c + |c|^2``. With positions in metres and widths of
    some millimetres, float32 rounding is below 1e-4 of the exponent's scale.
    """
    half_precision = -0.5 / sigma.square()[..., None]
    ones = torch.ones_like(half_precision)
    left = torch.cat([-2 * centers, centers.square().sum(-1, keepdim=True), ones], -1) * half_precision
    right = torch.cat([pos, torch.ones_like(pos[:, :1]), pos.square().sum(1, keepdim=True)], 1)
    return (left.flatten(0, 1) @ right.T).clamp_(max=0.0).exp_().reshape(*sigma.shape, len(pos))
