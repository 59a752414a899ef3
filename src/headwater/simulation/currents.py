"""Source currents of a batch, sparse (patches with time courses) or dense, and their projection to the sensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import torch


@dataclass(frozen=True, eq=False)
class Patches:
    """Spatial patterns of a batch: for each component (source patch) its positions and their coefficients.

    Attributes
    ----------
    centers : long tensor of shape (batch, n_components)
        Source at the centre of each component; -1 where a sample has fewer components.
    amplitude : float tensor of shape (batch, n_components)
        A m; 0 where a sample has fewer components.
    extent_mm : float tensor of shape (batch, n_components)
        As the pattern defines extent; 0 where a sample has fewer components.
    orientation : float tensor of shape (batch, n_components, 3)
        Unit vector of the current at the centre, in head coordinates.
    component : long tensor of shape (n_entries,)
        ``sample * n_components + component`` of each entry, ascending.
    source : long tensor of shape (n_entries,)
        A component has each source at most once.
    coefficient : float tensor of shape (n_entries,)
        Spatial profile, in (0, 1].
    direction : float tensor of shape (n_entries, n_orient)
    n_sources : int
        Positions of the lead field.
    """

    centers: torch.Tensor
    amplitude: torch.Tensor
    extent_mm: torch.Tensor
    orientation: torch.Tensor
    component: torch.Tensor
    source: torch.Tensor
    coefficient: torch.Tensor
    direction: torch.Tensor
    n_sources: int

    @property
    def n_components(self) -> int:
        """Components per sample, absent ones included."""
        return self.centers.shape[1]

    def __getitem__(self, samples: slice) -> Self:
        """Return the patterns of consecutive samples."""
        start, stop, _ = samples.indices(len(self.centers))
        edges = torch.tensor([start, max(start, stop)], device=self.component.device) * self.n_components
        entries = slice(*torch.searchsorted(self.component, edges).tolist())
        per_entry = {name: getattr(self, name)[entries] for name in ("source", "coefficient", "direction")}
        per_sample = {
            name: getattr(self, name)[samples] for name in ("centers", "amplitude", "extent_mm", "orientation")
        }
        return replace(self, component=self.component[entries] - edges[0], **per_entry, **per_sample)

    @classmethod
    def concatenate(cls, parts: list[Self]) -> Self:
        """Concatenate batches."""
        sizes = torch.tensor([0] + [part.centers.numel() for part in parts[:-1]])
        joined = {
            name: torch.cat([getattr(part, name) for part in parts])
            for name in ("centers", "amplitude", "extent_mm", "orientation", "source", "coefficient", "direction")
        }
        offsets = torch.cumsum(sizes, 0).tolist()
        component = torch.cat([part.component + offset for part, offset in zip(parts, offsets, strict=True)])
        return cls(component=component, n_sources=parts[0].n_sources, **joined)

    def summed(self) -> torch.Tensor:
        """Sum of the coefficients of all components at each source, shape (batch, n_sources)."""
        total = torch.zeros(len(self.centers) * self.n_sources, device=self.coefficient.device)
        for rows, entries in self.ranks():
            total[rows] += self.coefficient[entries]
        return total.reshape(-1, self.n_sources)

    def ranks(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Entries of the first, second, ... component of all samples, and their rows ``sample * n_sources + source``.

        Within one rank no row occurs twice, so ``out[rows] += values`` adds in a fixed order on every device.
        """
        rank = self.component % self.n_components
        rows = self.component.div(self.n_components, rounding_mode="floor") * self.n_sources + self.source
        chosen = [torch.nonzero(rank == k)[:, 0] for k in range(self.n_components)]
        return [(rows[entries], entries) for entries in chosen]

    def currents(self, courses: torch.Tensor) -> SparseCurrents:
        """Give each component its time course, (batch, n_components, n_times)."""
        return SparseCurrents(self, courses)


class Currents(ABC):
    """Source currents ``x`` of a batch."""

    patches: Patches | None

    @abstractmethod
    def dense(self) -> torch.Tensor:
        """Return currents in A m, shape (batch, n_sources, n_orient, n_times)."""

    @abstractmethod
    def project(self, gain: torch.Tensor) -> torch.Tensor:
        """Return ``L x`` for a gain of shape (n_channels, n_sources, n_orient): (batch, n_channels, n_times)."""

    @abstractmethod
    def __getitem__(self, samples: slice) -> Self:
        """Return consecutive samples."""

    @classmethod
    @abstractmethod
    def concatenate(cls, parts: list[Self]) -> Self:
        """Concatenate batches."""


def by_columns(gain: torch.Tensor) -> torch.Tensor:
    """Return the same gain (n_channels, n_sources, n_orient), laid out so that each of its columns is contiguous."""
    return gain.permute(1, 2, 0).contiguous().permute(2, 0, 1)


def columns_of(gain: torch.Tensor) -> torch.Tensor:
    """Transpose to (n_sources * n_orient, n_channels); without a copy if laid out `by_columns`."""
    return gain.permute(1, 2, 0).flatten(0, 1)


@dataclass(frozen=True, eq=False)
class SparseCurrents(Currents):
    """Patches, each with one time course.

    Attributes
    ----------
    patches : Patches
    courses : float tensor of shape (batch, n_components, n_times)
    """

    patches: Patches
    courses: torch.Tensor

    @property
    def weights(self) -> torch.Tensor:
        """Current of each entry for a time course equal to one, in A m, shape (n_entries, n_orient)."""
        patches = self.patches
        return (patches.coefficient * patches.amplitude.flatten()[patches.component])[:, None] * patches.direction

    def dense(self) -> torch.Tensor:
        """Add up the components at all sources."""
        n_samples, _, n_times = self.courses.shape
        weights, courses = self.weights, self.courses.flatten(0, 1)
        x = torch.zeros(n_samples * self.patches.n_sources, weights.shape[1], n_times, device=weights.device)
        for rows, entries in self.patches.ranks():
            x[rows] += weights[entries, :, None] * courses[self.patches.component[entries], None, :]
        return x.reshape(n_samples, self.patches.n_sources, *x.shape[1:])

    def project(self, gain: torch.Tensor) -> torch.Tensor:
        """Sum the gain's columns of each component into its topography, then combine topographies over time."""
        n_orient = gain.shape[2]
        which = (self.patches.source[:, None] * n_orient + torch.arange(n_orient, device=gain.device)).flatten()
        counts = torch.bincount(self.patches.component, minlength=self.patches.centers.numel()) * n_orient
        offsets = torch.cumsum(counts, 0) - counts
        topographies = torch.nn.functional.embedding_bag(
            which, columns_of(gain), offsets, mode="sum", per_sample_weights=self.weights.flatten()
        )
        return topographies.reshape(*self.courses.shape[:2], -1).transpose(1, 2) @ self.courses

    def __getitem__(self, samples: slice) -> Self:
        return replace(self, patches=self.patches[samples], courses=self.courses[samples])

    @classmethod
    def concatenate(cls, parts: list[Self]) -> Self:
        """Concatenate batches."""
        patches = Patches.concatenate([part.patches for part in parts])
        return cls(patches, torch.cat([part.courses for part in parts]))


@dataclass(frozen=True, eq=False)
class DenseCurrents(Currents):
    """Every source has its own current.

    Attributes
    ----------
    x : float tensor of shape (batch, n_sources, n_orient, n_times)
    patches : Patches | None
        The patches that were blended in, if any.
    """

    x: torch.Tensor
    patches: Patches | None = None

    def dense(self) -> torch.Tensor:
        """Return ``x`` itself."""
        return self.x

    def project(self, gain: torch.Tensor) -> torch.Tensor:
        """Multiply with the whole gain."""
        columns = columns_of(gain)
        if self.x.shape[3] == 1:
            return (self.x.flatten(1) @ columns)[:, :, None]
        return columns.T @ self.x.flatten(1, 2)

    def __getitem__(self, samples: slice) -> Self:
        patches = None if self.patches is None else self.patches[samples]
        return replace(self, x=self.x[samples], patches=patches)

    @classmethod
    def concatenate(cls, parts: list[Self]) -> Self:
        """Concatenate batches."""
        patches = [part.patches for part in parts if part.patches is not None]
        return cls(torch.cat([part.x for part in parts]), Patches.concatenate(patches) if patches else None)
