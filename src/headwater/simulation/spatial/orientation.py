"""Orientation of the currents of a source patch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch

from headwater.simulation.spatial.geometry import Geometry


class Orientation(ABC):
    """Directions of the currents of a patch. A lead field with fixed orientation determines them itself."""

    @abstractmethod
    def draw(self, centers: torch.Tensor, geometry: Geometry, generator: torch.Generator) -> torch.Tensor:
        """Return the unit vector at each centre (batch, n_components), shape (batch, n_components, 3)."""

    @abstractmethod
    def spread(self, at_center: torch.Tensor, source: torch.Tensor, geometry: Geometry) -> torch.Tensor:
        """Return the direction at each source of a patch, shape (n_entries, n_orient), from that at its centre."""


@dataclass(frozen=True)
class RandomDirection(Orientation):
    """One direction per patch, uniform on the sphere."""

    def draw(self, centers: torch.Tensor, geometry: Geometry, generator: torch.Generator) -> torch.Tensor:
        """Normalise normal vectors."""
        if geometry.n_orient == 1:
            return geometry.normals[centers.clamp(min=0)]
        return random_directions((*centers.shape, 3), generator)

    def spread(self, at_center: torch.Tensor, source: torch.Tensor, geometry: Geometry) -> torch.Tensor:  # noqa: ARG002
        """Use the centre's direction everywhere."""
        return torch.ones_like(at_center[:, :1]) if geometry.n_orient == 1 else at_center


@dataclass(frozen=True)
class AlongNormal(Orientation):
    """Along the normal of the cortex; sources in a volume share one random direction per patch."""

    def draw(self, centers: torch.Tensor, geometry: Geometry, generator: torch.Generator) -> torch.Tensor:
        """Look up normals; draw directions for centres in a volume."""
        present = centers.clamp(min=0)
        if geometry.n_orient == 1:
            return geometry.normals[present]
        drawn = random_directions((*centers.shape, 3), generator)
        return torch.where(geometry.cortical[present][..., None], geometry.normals[present], drawn)

    def spread(self, at_center: torch.Tensor, source: torch.Tensor, geometry: Geometry) -> torch.Tensor:
        """Use each source's own normal on the cortex and the centre's direction elsewhere."""
        if geometry.n_orient == 1:
            return torch.ones_like(at_center[:, :1])
        return torch.where(geometry.cortical[source][:, None], geometry.normals[source], at_center)


def random_directions(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Return unit vectors uniform on the sphere; the last axis has length 3."""
    drawn = torch.randn(shape, generator=generator, device=generator.device)
    return torch.nn.functional.normalize(drawn, dim=-1)
