"""A seed and its rings of neighbours in one anatomical region, the sources of 4LCNN."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch

from headwater._utils.errors import InputError
from headwater.simulation.currents import Patches
from headwater.simulation.distributions import Constant, Distribution, Integers, check_distribution
from headwater.simulation.spatial.base import SpatialPattern, check_common, draw_components, make_patches
from headwater.simulation.spatial.geometry import Geometry, RegionRings
from headwater.simulation.spatial.orientation import AlongNormal, Orientation
from headwater.simulation.spatial.placement import CortexAndDeep, Further, Independent, Where


@dataclass(frozen=True, kw_only=True)
class RingClusters(SpatialPattern):
    """A seed and its rings of nearest neighbours within the same anatomical region.

    Yokoyama et al., 4LCNN, section on EEG simulations: amplitudes 1, 0.95, 0.9, 0.85 on the seed and the first, second
    and third ring; along the normal on the cortex, one random direction per cluster below it. Clusters have about
    10-100 dipoles there; here the number follows from the neighbourhood graph.

    Parameters
    ----------
    n_sources : Distribution
        Clusters per sample.
    n_rings : Distribution
    ring_amplitudes : tuple of float
        Relative amplitude of the seed and of each ring.
    amplitude_nam : Distribution
    where, further : Where, Further
    orientation : Orientation
    """

    n_sources: Distribution = Constant(1)
    n_rings: Distribution = Integers(1, 3)
    ring_amplitudes: tuple[float, ...] = (1.0, 0.95, 0.9, 0.85)
    amplitude_nam: Distribution = Constant(1.0)
    where: Where = field(default_factory=lambda: CortexAndDeep(2 / 9))
    further: Further = field(default_factory=Independent)
    orientation: Orientation = field(default_factory=AlongNormal)

    space = "mixed"

    def __post_init__(self) -> None:
        check_common(self)
        object.__setattr__(self, "ring_amplitudes", tuple(float(one) for one in self.ring_amplitudes))
        if not self.ring_amplitudes or not all(math.isfinite(one) for one in self.ring_amplitudes):
            raise InputError("RingClusters.ring_amplitudes needs one finite number for the seed and for each ring.")
        check_distribution(self, "n_rings", at_least=0, at_most=len(self.ring_amplitudes) - 1, whole=True)

    def draw(self, n: int, geometry: Geometry, generator: torch.Generator) -> Patches:
        """Draw seeds and numbers of rings, and find the neighbours."""
        centers, amplitude = draw_components(self, n, geometry, generator)
        n_rings = self.n_rings.draw(tuple(centers.shape), generator)
        component, source, ring = geometry.neighbourhoods(RegionRings(), self.n_rings.high).around(centers)
        inside = ring <= n_rings.flatten()[component]
        component, source, ring = component[inside], source[inside], ring[inside].long()
        coefficient = torch.tensor(self.ring_amplitudes, device=geometry.device)[ring]
        reach = (geometry.pos[source] - geometry.pos[centers.flatten()[component]]).norm(dim=1)
        extent_mm = torch.zeros(centers.numel(), device=geometry.device)
        extent_mm.scatter_reduce_(0, component, 1e3 * reach, "amax")
        extent_mm = extent_mm.reshape(centers.shape)
        return make_patches(self, centers, amplitude, extent_mm, component, source, coefficient, geometry, generator)
