"""Small symmetric matrices, one or a stack of them."""

from __future__ import annotations

import numpy as np

# Eigenvalues of 3 x 3 blocks below this fraction of the largest count as zero: radial sources in a sphere are silent
# in MEG, and rounding errors are not a signal. The same as in MNE-Python.
RELATIVE_ZERO = 1e-7


def symmetric_power(matrices: np.ndarray, power: float, drop: int = 0) -> np.ndarray:
    """Power of positive semi-definite matrices, shape (..., n, n); the null space stays null.

    Parameters
    ----------
    matrices : array of shape (..., n, n)
    power : float
    drop : int
        Count this many of the smallest eigenvalues as zero in any case.
    """
    values, vectors = np.linalg.eigh(matrices)
    keep = values > RELATIVE_ZERO * values[..., -1:]
    keep[..., :drop] = False
    raised = np.where(keep, np.where(keep, values, 1.0) ** power, 0.0)
    return (vectors * raised[..., np.newaxis, :]) @ np.swapaxes(vectors, -1, -2)


def regularized_inverse(gram: np.ndarray, lambda2: float) -> np.ndarray:
    """Inverse of ``A + lambda2 I`` on the range of ``A``, shape (n, n)."""
    values, vectors = np.linalg.eigh(gram)
    keep = values > len(values) * np.finfo(values.dtype).eps * values[-1]
    vectors = vectors[:, keep]
    return (vectors / (values[keep] + lambda2)) @ vectors.T
