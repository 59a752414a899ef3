"""What all spatial patterns share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import torch

from headwater._utils.errors import InputError
from headwater.simulation.currents import Currents, Patches
from headwater.simulation.distributions import Distribution, check_distribution, check_instance
from headwater.simulation.spatial.geometry import DistanceMetric, Geometry
from headwater.simulation.spatial.orientation import Orientation
from headwater.simulation.spatial.placement import Further, Where, draw_centers

NAM = 1e-9  # A m in one nA m


class Pattern(Protocol):
    """The spatial patterns of a batch before time courses are assigned; attributes as in `Patches`."""

    @property
    def centers(self) -> torch.Tensor: ...  # noqa: D102

    @property
    def amplitude(self) -> torch.Tensor: ...  # noqa: D102

    @property
    def extent_mm(self) -> torch.Tensor: ...  # noqa: D102

    @property
    def orientation(self) -> torch.Tensor: ...  # noqa: D102

    def currents(self, courses: torch.Tensor) -> Currents:
        """Combine with time courses of shape (batch, n_components, n_times)."""


class SpatialPattern(ABC):
    """How the active sources of one sample are drawn.

    Every pattern has these fields and some of its own.

    Parameters
    ----------
    n_sources : Distribution
        Components (patches, bells, clusters) per sample.
    amplitude_nam : Distribution
        In nA m.
    where : Where
        Density of the centres.
    further : Further
        How additional centres depend on the earlier ones.
    orientation : Orientation
    """

    n_sources: Distribution
    amplitude_nam: Distribution
    where: Where
    further: Further
    orientation: Orientation

    sparse: bool = True
    """Whether most sources are inactive."""

    space: str = "cortex"
    """Default source space of the pattern."""

    @property
    def n_components(self) -> int:
        """Largest number of components in a sample."""
        return int(self.n_sources.high)

    @abstractmethod
    def draw(self, n: int, geometry: Geometry, generator: torch.Generator) -> Pattern:
        """Draw the patterns of ``n`` samples."""


def active_share(pattern: SpatialPattern, geometry: Geometry, *, n: int = 1000, seed: int = 0) -> float:
    """Mean share of the sources that are active, over ``n`` samples of a sparse pattern.

    Examples
    --------
    >>> import headwater as hw
    >>> from headwater.simulation import active_share
    >>> active_share(hw.presets.DIRECT_UNET.sources, geometry)  # doctest: +SKIP
    """
    drawn = pattern.draw(n, geometry, torch.Generator(geometry.device).manual_seed(seed))
    if not isinstance(drawn, Patches):
        raise InputError(f"{type(pattern).__name__} reaches every source; only patches have an active share.")
    return float((drawn.summed() > 0).float().mean())


def check_common(pattern: SpatialPattern) -> None:
    """Check the fields that all patterns share."""
    check_distribution(pattern, "n_sources", at_least=1, whole=True)
    check_distribution(pattern, "amplitude_nam")
    check_instance(pattern, "where", Where, "Anywhere()")
    check_instance(pattern, "further", Further, "Independent()")
    check_instance(pattern, "orientation", Orientation, "AlongNormal()")


def check_extent(pattern: SpatialPattern, name: str) -> None:
    """Check that extents are positive and bounded, because neighbours are found once, up to the largest extent."""
    check_distribution(pattern, name, above=0.0, at_most=1000.0)


def draw_components(
    pattern: SpatialPattern, n: int, geometry: Geometry, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Centres and amplitudes in A m, both (n, n_components), with -1 and 0 where a sample has fewer components."""
    if pattern.n_components > geometry.n_sources:
        raise InputError(
            f"{type(pattern).__name__}.n_sources reaches {pattern.n_components}, but the lead field has only "
            f"{geometry.n_sources} positions; ask for fewer."
        )
    count = pattern.n_sources.draw((n,), generator)
    centers = draw_centers(pattern.where, pattern.further, count, pattern.n_components, geometry, generator)
    amplitude = NAM * pattern.amplitude_nam.draw(tuple(centers.shape), generator)
    return centers, amplitude * (centers >= 0)


def discs(
    metric: DistanceMetric, centers: torch.Tensor, radius_mm: torch.Tensor, largest_mm: float, geometry: Geometry
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Find the sources closer to a centre than the radius: component, source, distance in m."""
    component, source, distance = geometry.neighbourhoods(metric, 1e-3 * largest_mm).around(centers)
    inside = distance < 1e-3 * radius_mm.flatten()[component]
    return component[inside], source[inside], distance[inside]


def make_patches(
    pattern: SpatialPattern,
    centers: torch.Tensor,
    amplitude: torch.Tensor,
    extent_mm: torch.Tensor,
    component: torch.Tensor,
    source: torch.Tensor,
    coefficient: torch.Tensor,
    geometry: Geometry,
    generator: torch.Generator,
) -> Patches:
    """Draw the orientations and assemble the patches."""
    orientation = pattern.orientation.draw(centers, geometry, generator)
    return Patches(
        centers=centers,
        amplitude=amplitude,
        extent_mm=extent_mm * (centers >= 0),
        orientation=orientation,
        component=component,
        source=source,
        coefficient=coefficient,
        direction=pattern.orientation.spread(orientation.flatten(0, 1)[component], source, geometry),
        n_sources=geometry.n_sources,
    )
