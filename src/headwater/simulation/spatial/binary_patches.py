"""Binary activation maps, the sources used for direct inversion with a U-Net."""

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
from headwater.simulation.spatial.geometry import DistanceMetric, Geodesic, Geometry
from headwater.simulation.spatial.orientation import AlongNormal, Orientation
from headwater.simulation.spatial.placement import Anywhere, Further, Independent, Where


@dataclass(frozen=True, kw_only=True)
class BinaryPatches(SpatialPattern):
    """Round patches that are on (1) inside and off (0) outside.

    The published description of such maps (Ojaroudi et al.) does not say how many sources are active. The prior used
    here is 1-5 discs of 10-30 mm radius along the cortex, anywhere. `active_share` gives the share of active sources,
    with which any accuracy must be compared.

    Parameters
    ----------
    n_sources : Distribution
        Patches per sample.
    radius_mm : Distribution
    amplitude_nam : Distribution
    metric : DistanceMetric
    where, further : Where, Further
    orientation : Orientation
    """

    n_sources: Distribution = Integers(1, 5)
    radius_mm: Distribution = Uniform(10.0, 30.0)
    amplitude_nam: Distribution = Constant(1.0)
    metric: DistanceMetric = field(default_factory=Geodesic)
    where: Where = field(default_factory=Anywhere)
    further: Further = field(default_factory=Independent)
    orientation: Orientation = field(default_factory=AlongNormal)

    def __post_init__(self) -> None:
        check_common(self)
        check_extent(self, "radius_mm")
        check_instance(self, "metric", DistanceMetric, "Geodesic()")

    def draw(self, n: int, geometry: Geometry, generator: torch.Generator) -> Patches:
        """Draw discs; a source in two discs belongs to the first only, so that the map stays binary."""
        centers, amplitude = draw_components(self, n, geometry, generator)
        radius_mm = self.radius_mm.draw(tuple(centers.shape), generator)
        component, source, _ = discs(self.metric, centers, radius_mm, self.radius_mm.high, geometry)
        first = _first_claims(component, source, self.n_components, n, geometry.n_sources)
        component, source = component[first], source[first]
        coefficient = torch.ones(len(source), device=geometry.device)
        return make_patches(self, centers, amplitude, radius_mm, component, source, coefficient, geometry, generator)


def _first_claims(
    component: torch.Tensor, source: torch.Tensor, n_components: int, n_samples: int, n_sources: int
) -> torch.Tensor:
    """Mark the first entry of each source within a sample."""
    row = component.div(n_components, rounding_mode="floor") * n_sources + source
    owner = torch.full((n_samples * n_sources,), n_components * n_samples, dtype=torch.int32, device=component.device)
    owner.scatter_reduce_(0, row, component.int(), "amin")
    return owner[row] == component
