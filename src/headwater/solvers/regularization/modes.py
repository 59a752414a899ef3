"""Whitened data in the sensor modes of a prior. Rules for ``lambda2`` need these, and no source estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

# Consecutive time points are highly correlated: about this many, evenly spaced, are used to choose lambda2.
MAX_TIMES = 2000


@dataclass(frozen=True, eq=False)
class Modes:
    """Whitened data ``z`` in the eigenvectors of ``S = G R G' = U diag(s) U'``.

    The influence matrix ``H = S (S + lambda2 I)^-1`` is diagonal here; the residual is ``r = (I - H) z``.

    Attributes
    ----------
    variance : array of shape (rank,)
        ``s``: prior signal variance of each mode; its mean is 1.
    power : array of shape (rank, n_times)
        ``(U' z) ** 2``, in units of the noise variance.
    """

    variance: np.ndarray
    power: np.ndarray

    @classmethod
    def of(cls, gram: np.ndarray, white: np.ndarray) -> Self:
        """Compute the modes from ``S`` of shape (rank, rank) and whitened data of shape (rank, n_times)."""
        variance, vectors = np.linalg.eigh(gram)
        step = max(1, -(-white.shape[1] // MAX_TIMES))
        return cls(np.maximum(variance, 0.0), (vectors.T @ white[:, ::step]) ** 2)

    def noise_share(self, lambda2: np.ndarray) -> np.ndarray:
        """Return the diagonal of ``I - H`` for each of n values of ``lambda2``, shape (n, rank)."""
        return lambda2[:, np.newaxis] / (self.variance + lambda2[:, np.newaxis])

    def residual(self, lambda2: np.ndarray) -> np.ndarray:
        """Return ``|r|^2``, averaged over channels and time points, shape (n,)."""
        return np.mean(self.noise_share(lambda2) ** 2 * self.power.mean(axis=1), axis=1)

    def size(self, lambda2: np.ndarray) -> np.ndarray:
        """Return ``x' R^-1 x = z' H r / lambda2``, averaged over time points, shape (n,)."""
        total = self.variance + lambda2[:, np.newaxis]
        return np.sum(self.variance / total**2 * self.power.mean(axis=1), axis=1)
