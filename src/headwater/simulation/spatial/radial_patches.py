"""Round patches that fade towards their edge, the sources of the multi-source ConvNet."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from headwater.simulation.currents import Patches
from headwater.simulation.distributions import Constant, Distribution, Integers, Uniform, check_instance
from headwater.simulation.spatial.base import (
    SpatialPattern,
    check_common,
    check_extent,
    discs,
    draw_components,
    make_patches,
)
from headwater.simulation.spatial.geometry import DistanceMetric, Euclidean, Geometry
from headwater.simulation.spatial.orientation import AlongNormal, Orientation
from headwater.simulation.spatial.placement import Anywhere, FarApart, Further, Where


@dataclass(frozen=True, kw_only=True)
class RadialPatches(SpatialPattern):
    """Round patches whose coefficient falls linearly from 1 at the centre to 0 at the edge: ``l = 1 - d / r``.

    In Buda et al., section II-B, the coefficient decreases radially; neither its form nor whether the extent of 20-60
    mm is a radius or a diameter is given. A random guess finds 4.9 % active sources there (table V); on another cortex
    of 8196 sources, Euclidean diameters give 4.7 % and Euclidean radii 24 %. For overlapping patches, `Background` and
    `Samples.coefficients` follow the rule of the paper.

    Parameters
    ----------
    n_sources : Distribution
        Patches per sample.
    diameter_mm : Distribution
        Twice the distance ``r`` at which the coefficient reaches 0.
    amplitude_nam : Distribution
    metric : DistanceMetric
        ``Euclidean()`` or ``Geodesic()``.
    where, further : Where, Further
    orientation : Orientation
    """

    n_sources: Distribution = Integers(1, 3)
    diameter_mm: Distribution = Uniform(20.0, 60.0)
    amplitude_nam: Distribution = Constant(1.0)
    metric: DistanceMetric = field(default_factory=Euclidean)
    where: Where = field(default_factory=Anywhere)
    further: Further = field(default_factory=FarApart)
    orientation: Orientation = field(default_factory=AlongNormal)

    def __post_init__(self) -> None:
        check_common(self)
        check_extent(self, "diameter_mm")
        check_instance(self, "metric", DistanceMetric, "Geodesic()")

    def draw(self, n: int, geometry: Geometry, generator: torch.Generator) -> Patches:
        """Draw discs whose coefficients decrease with distance."""
        centers, amplitude = draw_components(self, n, geometry, generator)
        diameter_mm = self.diameter_mm.draw(tuple(centers.shape), generator)
        component, source, distance = discs(self.metric, centers, diameter_mm / 2, self.diameter_mm.high / 2, geometry)
        coefficient = 1 - distance / (0.5e-3 * diameter_mm.flatten()[component])
        return make_patches(self, centers, amplitude, diameter_mm, component, source, coefficient, geometry, generator)
