"""Patches grown in one direction over the neighbourhood graph, the sources of DeepSIF and its successors."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from headwater.simulation.currents import Patches
from headwater.simulation.distributions import Constant, Distribution, Integers, Uniform, check_distribution
from headwater.simulation.spatial.base import SpatialPattern, check_common, check_extent, draw_components, make_patches
from headwater.simulation.spatial.geometry import Geodesic, Geometry
from headwater.simulation.spatial.orientation import AlongNormal, Orientation, random_directions
from headwater.simulation.spatial.placement import Anywhere, Further, Independent, Where


@dataclass(frozen=True, kw_only=True)
class GrownRegions(SpatialPattern):
    """Patches grown from a centre over the neighbourhood graph, faster in one random direction.

    Growth is a first-passage process: an edge ``e`` of length ``|e|`` takes ``|e| - elongation u . e`` for the random
    direction ``u`` of the patch, and the patch comprises all sources reached within ``radius_mm``. Along a path the
    second term sums to ``elongation u . (p - c)``, so the arrival time at ``p`` is the geodesic distance minus this
    term. Every edge takes positive time, so the patch is connected; it extends to ``r / (1 - elongation)`` ahead and
    ``r / (1 + elongation)`` behind. The magnitude is a Gaussian of the geodesic distance to the centre, equal to
    ``edge_coefficient`` at the tip.

    Sun et al.'s DeepSIF and the CNN-Transformer built on it grow patches of regions by neighbourhood, direction and
    Gaussian decay; they give no formula.

    Parameters
    ----------
    n_sources : Distribution
        Patches per sample.
    radius_mm : Distribution
    elongation : Distribution
        0 for round patches, up to 0.9.
    edge_coefficient : Distribution
        Magnitude at the tip relative to the centre, in (0, 1).
    amplitude_nam : Distribution
    where, further : Where, Further
    orientation : Orientation
    """

    n_sources: Distribution = Integers(1, 2)
    radius_mm: Distribution = Uniform(10.0, 30.0)
    elongation: Distribution = Uniform(0.0, 0.5)
    edge_coefficient: Distribution = Constant(0.5)
    amplitude_nam: Distribution = Constant(1.0)
    where: Where = field(default_factory=Anywhere)
    further: Further = field(default_factory=Independent)
    orientation: Orientation = field(default_factory=AlongNormal)

    def __post_init__(self) -> None:
        check_common(self)
        check_extent(self, "radius_mm")
        check_distribution(self, "elongation", at_least=0.0, at_most=0.9)
        check_distribution(self, "edge_coefficient", above=0.0, at_most=1.0)

    def draw(self, n: int, geometry: Geometry, generator: torch.Generator) -> Patches:
        """Compare arrival times with the radius."""
        centers, amplitude = draw_components(self, n, geometry, generator)
        shape = tuple(centers.shape)
        radius_mm, elongation = self.radius_mm.draw(shape, generator), self.elongation.draw(shape, generator)
        decay = -self.edge_coefficient.draw(shape, generator).log()
        drift = elongation[..., None] * random_directions((*shape, 3), generator)
        farthest_mm = self.radius_mm.high / (1 - self.elongation.high)
        neighbours = geometry.neighbourhoods(Geodesic(), 1e-3 * farthest_mm)
        component, source, distance = neighbours.around(centers)
        step = geometry.pos[source] - geometry.pos[centers.flatten()[component]]
        arrival = distance - (drift.flatten(0, 1)[component] * step).sum(1)
        reached = arrival <= 1e-3 * radius_mm.flatten()[component]
        component, source, distance = component[reached], source[reached], distance[reached]
        tip = (1e-3 * radius_mm / (1 - elongation)).flatten()[component]
        coefficient = torch.exp(-decay.flatten()[component] * (distance / tip) ** 2)
        return make_patches(self, centers, amplitude, radius_mm, component, source, coefficient, geometry, generator)
