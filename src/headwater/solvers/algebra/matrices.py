"""Functions of small symmetric matrices, single or stacked."""

from __future__ import annotations

import numpy as np

# Eigenvalues of 3 x 3 blocks below this fraction of the largest count as zero. In a sphere, MEG is insensitive to
# radial sources, and their eigenvalues are rounding errors. Same value as in MNE-Python.
RELATIVE_ZERO = 1e-7


def symmetric_power(matrices: np.ndarray, power: float, drop: int = 0) -> np.ndarray:
    """Return a power of positive semi-definite matrices, shape (..., n, n); zero on the null space.

    Parameters
    ----------
    matrices : array of shape (..., n, n)
    power : float
    drop : int
        Number of smallest eigenvalues that always count as zero.
    """
    values, vectors = np.linalg.eigh(matrices)
    keep = values > RELATIVE_ZERO * values[..., -1:]
    keep[..., :drop] = False
    raised = np.where(keep, np.where(keep, values, 1.0) ** power, 0.0)
    return (vectors * raised[..., np.newaxis, :]) @ np.swapaxes(vectors, -1, -2)


def regularized_inverse(gram: np.ndarray, lambda2: float) -> np.ndarray:
    """Return the inverse of ``A + lambda2 I`` on the range of ``A``, shape (n, n)."""
    values, vectors = _range_of(gram)
    return (vectors / (values + lambda2)) @ vectors.T


def regularized_inverse_root(gram: np.ndarray, lambda2: float) -> np.ndarray:
    """Return ``T`` with ``T' T = regularized_inverse(A, lambda2)``, shape (rank, n)."""
    values, vectors = _range_of(gram)
    return vectors.T / np.sqrt(values + lambda2)[:, np.newaxis]


def _range_of(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the eigenvalues above rounding errors and their eigenvectors."""
    values, vectors = np.linalg.eigh(gram)
    keep = values > len(values) * np.finfo(values.dtype).eps * values[-1]
    return values[keep], vectors[:, keep]
