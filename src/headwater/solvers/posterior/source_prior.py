"""Gaussian priors of the sources, without matrices of as many elements as the number of sources squared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy.sparse.linalg import SuperLU

from headwater.solvers.algebra.matrices import symmetric_power

AT_ONCE = 256  # columns solved at a time


class SourcePrior(ABC):
    """Gaussian distribution ``x ~ N(0, R)`` of the currents at one time point."""

    @abstractmethod
    def variance(self) -> np.ndarray:
        """Return the diagonal of ``R``, shape (n_sources, n_orient)."""

    @abstractmethod
    def covariance(self, vertices: np.ndarray) -> np.ndarray:
        """Return the block of ``R`` of some sources, shape (n * n_orient, n * n_orient); sources vary slowest."""

    @abstractmethod
    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw currents, shape (n_sources, n_orient, n)."""

    @abstractmethod
    def scaled(self, factor: float) -> Self:
        """Return the prior with the covariance ``factor R``."""


@dataclass(frozen=True, eq=False)
class BlockPrior(SourcePrior):
    """Independent sources.

    Parameters
    ----------
    blocks : array of shape (n_sources, n_orient, n_orient)
        Covariance of each source.
    """

    blocks: np.ndarray

    def variance(self) -> np.ndarray:
        """Return the diagonals of the blocks."""
        return np.diagonal(self.blocks, axis1=1, axis2=2)

    def covariance(self, vertices: np.ndarray) -> np.ndarray:
        """Return a block-diagonal matrix; a source that is listed twice is correlated with itself."""
        n, n_orient = len(vertices), self.blocks.shape[1]
        same = (vertices[:, np.newaxis] == vertices).astype(float)
        full = same[:, np.newaxis, :, np.newaxis] * self.blocks[vertices][:, :, np.newaxis]
        return full.reshape(n * n_orient, n * n_orient)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Multiply white noise by the square roots of the blocks."""
        n_sources, n_orient, _ = self.blocks.shape
        return symmetric_power(self.blocks, 0.5) @ rng.standard_normal((n_sources, n_orient, n))

    def scaled(self, factor: float) -> Self:
        """Scale the blocks."""
        return replace(self, blocks=factor * self.blocks)


@dataclass(frozen=True, eq=False)
class SmoothPrior(SourcePrior):
    """Correlated sources, ``R = scale D (M' M)^-1 D'``; ``M`` acts on each direction separately.

    Parameters
    ----------
    root : array of shape (n_sources, n_orient, n_orient)
        ``D``, symmetric.
    factors : scipy.sparse.linalg.SuperLU
        Of ``M``.
    scale : float
    """

    root: np.ndarray
    factors: SuperLU
    scale: float = 1.0

    def variance(self) -> np.ndarray:
        """Return the diagonal; ``(M' M)^-1_ss`` is the square of column s of ``M^-T``."""
        n_sources = len(self.root)
        along = np.concatenate(
            [
                np.sum(self._half(np.arange(start, min(start + AT_ONCE, n_sources))) ** 2, axis=0)
                for start in range(0, n_sources, AT_ONCE)
            ]
        )
        return self.scale * along[:, np.newaxis] * np.sum(self.root**2, axis=2)

    def covariance(self, vertices: np.ndarray) -> np.ndarray:
        """Return the block of ``R``."""
        half, root = self._half(vertices), self.root[vertices]
        full = np.einsum("vw,vij,wkj->viwk", half.T @ half, root, root, optimize=True)
        return self.scale * full.reshape(2 * (len(vertices) * root.shape[1],))

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Multiply white noise by ``D M^-1``."""
        n_sources, n_orient, _ = self.root.shape
        smooth = self.factors.solve(rng.standard_normal((n_sources, n_orient * n))).reshape(n_sources, n_orient, n)
        return np.sqrt(self.scale) * (self.root @ smooth)

    def scaled(self, factor: float) -> Self:
        """Scale the covariance."""
        return replace(self, scale=factor * self.scale)

    def _half(self, vertices: np.ndarray) -> np.ndarray:
        """Return columns of ``M^-T``, shape (n_sources, n)."""
        unit = np.zeros((len(self.root), len(vertices)))
        unit[vertices, np.arange(len(vertices))] = 1.0
        half: np.ndarray = self.factors.solve(unit, trans="T")
        return half
