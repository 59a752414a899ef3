"""Positions of the sources: the first centre from a density, additional ones in relation to it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from headwater._utils.errors import InputError
from headwater.simulation.distributions import check_number
from headwater.simulation.spatial.geometry import Geometry


class Where(ABC):
    """A density over the source positions."""

    @abstractmethod
    def density(self, geometry: Geometry) -> torch.Tensor:
        """Return the (not normalised) probability of each position, shape (n_sources,)."""


@dataclass(frozen=True)
class Anywhere(Where):
    """Every position is equally probable, or every position of the named regions.

    If the cortex has named regions, its medial wall, which is not cortex and belongs to no region, is excluded.
    """

    regions: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check_regions(self)

    def density(self, geometry: Geometry) -> torch.Tensor:
        """Return one, or zero outside the regions and on the medial wall."""
        named = torch.as_tensor(geometry.region_ids >= 0, device=geometry.device)
        no_wall = named | ~geometry.cortical
        allowed = _allowed(self, geometry)
        return (allowed & no_wall if (named & geometry.cortical).any() else allowed).float()


@dataclass(frozen=True)
class EachRegion(Where):
    """Every region is equally probable, and every position within a region; positions without a region are left out."""

    regions: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check_regions(self)

    def density(self, geometry: Geometry) -> torch.Tensor:
        """Return the reciprocal of the number of positions in the region."""
        ids = torch.as_tensor(geometry.region_ids, device=geometry.device)
        allowed = _allowed(self, geometry) & (ids >= 0)
        if not allowed.any():
            raise InputError("EachRegion: the lead field has no named regions; make it from a Head, or use Anywhere().")
        count = torch.bincount(ids[allowed], minlength=int(ids.max()) + 1)
        return allowed / count[ids.clamp(min=0)].clamp(min=1)


@dataclass(frozen=True)
class CortexAndDeep(Where):
    """On the cortex with this probability, otherwise in the volume; uniform over the positions with a region in each.

    If the lead field has only one of the two, all sources lie there; if it has no named regions, anywhere.
    """

    cortical_share: float
    regions: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check_regions(self)
        check_number(self, "cortical_share", at_least=0.0)
        if self.cortical_share > 1:
            raise InputError(f"CortexAndDeep.cortical_share is {self.cortical_share:g}; give a share from 0 to 1.")

    def density(self, geometry: Geometry) -> torch.Tensor:
        """Spread the two shares evenly."""
        allowed = _allowed(self, geometry)
        if geometry.region_names:
            allowed = allowed & torch.as_tensor(geometry.region_ids >= 0, device=geometry.device)
        cortex, deep = allowed & geometry.cortical, allowed & ~geometry.cortical
        if not cortex.any() or not deep.any():
            return allowed.float()
        return self.cortical_share * cortex / cortex.sum() + (1 - self.cortical_share) * deep / deep.sum()


def _check_regions(where: Anywhere | EachRegion | CortexAndDeep) -> None:
    names = where.regions
    if names is None:
        return
    if isinstance(names, str) or not isinstance(names, Iterable) or not all(isinstance(one, str) for one in names):
        raise InputError(f"{type(where).__name__}.regions is {names!r}; give names, for example ('Left-Thalamus',).")
    object.__setattr__(where, "regions", tuple(names))


def _allowed(where: Anywhere | EachRegion | CortexAndDeep, geometry: Geometry) -> torch.Tensor:
    if where.regions is None:
        return torch.ones(geometry.n_sources, dtype=torch.bool, device=geometry.device)
    return geometry.in_regions(where.regions, f"{type(where).__name__}.regions")


class Further(ABC):
    """How an additional centre depends on the earlier ones."""

    @abstractmethod
    def next_center(
        self, density: torch.Tensor, earlier: torch.Tensor, geometry: Geometry, generator: torch.Generator
    ) -> torch.Tensor:
        """Draw one more centre for each sample.

        Parameters
        ----------
        density : float tensor of shape (n_sources,)
        earlier : long tensor of shape (batch, n_earlier)
        geometry : Geometry
        generator : torch.Generator

        Returns
        -------
        centers : long tensor of shape (batch,)
        """


@dataclass(frozen=True)
class Independent(Further):
    """All centres are drawn from the same density, independently."""

    def next_center(
        self,
        density: torch.Tensor,
        earlier: torch.Tensor,
        geometry: Geometry,  # noqa: ARG002
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Ignore the earlier centres."""
        return draw_positions(density, len(earlier), generator)


@dataclass(frozen=True)
class FarApart(Further):
    """With probability proportional to the distance to the nearest of the earlier centres.

    Buda et al., A deep learning framework for multi-source EEG localization, section II-B.
    """

    def next_center(
        self, density: torch.Tensor, earlier: torch.Tensor, geometry: Geometry, generator: torch.Generator
    ) -> torch.Tensor:
        """Weight the density by the distance."""
        return draw_weighted(density * _nearest(earlier, geometry), generator)


@dataclass(frozen=True)
class AtDistance(Further):
    """At a given Euclidean distance from the nearest earlier centre: close together, apart, or overlapping."""

    low_mm: float
    high_mm: float = math.inf

    def __post_init__(self) -> None:
        check_number(self, "low_mm", at_least=0.0)
        check_number(self, "high_mm", above=self.low_mm, infinite=True)

    def next_center(
        self, density: torch.Tensor, earlier: torch.Tensor, geometry: Geometry, generator: torch.Generator
    ) -> torch.Tensor:
        """Draw among the positions in the shell."""
        distance = _nearest(earlier, geometry)
        weights = density * ((distance >= 1e-3 * self.low_mm) & (distance <= 1e-3 * self.high_mm))
        if not weights.sum(1).all():
            raise InputError(
                f"AtDistance: nothing lies between low_mm ({self.low_mm:g}) and high_mm ({self.high_mm:g}) of every "
                "earlier source; widen them or ask for fewer sources."
            )
        return draw_weighted(weights, generator)


@dataclass(frozen=True)
class AlongPath(Further):
    """The next position of a travelling source: one step along a path that keeps its direction if possible."""

    step_mm: float

    def __post_init__(self) -> None:
        check_number(self, "step_mm", above=0.0)

    def next_center(
        self, density: torch.Tensor, earlier: torch.Tensor, geometry: Geometry, generator: torch.Generator
    ) -> torch.Tensor:
        """Find the position nearest to one step ahead; the first step goes anywhere."""
        here = geometry.pos[earlier[:, -1]]
        ahead = torch.randn(here.shape, generator=generator, device=generator.device)
        if earlier.shape[1] > 1:
            ahead = here - geometry.pos[earlier[:, -2]]
        target = here + 1e-3 * self.step_mm * torch.nn.functional.normalize(ahead, dim=1)
        distance = torch.cdist(target, geometry.pos).masked_fill(density == 0, math.inf)
        distance.scatter_(1, earlier, math.inf)
        return distance.argmin(1)


def _nearest(earlier: torch.Tensor, geometry: Geometry) -> torch.Tensor:
    """Distance of every position to the nearest earlier centre, shape (batch, n_sources)."""
    distance = torch.full((len(earlier), geometry.n_sources), math.inf, device=geometry.device)
    for centers in earlier.T:
        # Differences rather than torch.cdist: its matrix product loses the small distances in float32.
        step = geometry.pos[centers][:, None, :] - geometry.pos
        distance = torch.minimum(distance, step.square().sum(-1).sqrt())
    return distance


def draw_positions(density: torch.Tensor, n: int, generator: torch.Generator) -> torch.Tensor:
    """Draw ``n`` independent positions, shape (n,)."""
    return _invert(torch.cumsum(density.double(), 0), torch.rand(n, generator=generator, device=generator.device))


def draw_weighted(weights: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Draw one position per row of weights (batch, n_sources), shape (batch,)."""
    uniform = torch.rand((len(weights), 1), generator=generator, device=generator.device)
    return _invert(torch.cumsum(weights.double(), 1), uniform)[:, 0]


def _invert(cumulative: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Invert a cumulative sum; a position of weight zero is never drawn."""
    total = cumulative[..., -1:]
    return torch.searchsorted(cumulative, uniform.double() * total, right=True).clamp(max=cumulative.shape[-1] - 1)


def draw_centers(
    where: Where, further: Further, count: torch.Tensor, n_max: int, geometry: Geometry, generator: torch.Generator
) -> torch.Tensor:
    """Draw the centres of ``count`` (batch,) sources for each sample, shape (batch, n_max); -1 beyond the count."""
    density = where.density(geometry)
    centers = draw_positions(density, len(count), generator)[:, None]
    while centers.shape[1] < n_max:
        following = further.next_center(density, centers, geometry, generator)
        centers = torch.cat([centers, following[:, None]], dim=1)
    absent = torch.arange(n_max, device=geometry.device) >= count[:, None]
    return centers.masked_fill(absent, -1)
