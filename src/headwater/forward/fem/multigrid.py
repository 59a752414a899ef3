"""Conjugate gradients for many right-hand sides at once, preconditioned by algebraic multigrid.

The hierarchy is pyamg's (smoothed aggregation). Its own cycles take one vector; here a block of vectors goes through
the hierarchy together, in single precision, so that each matrix is read once for all of them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import eigsh

from headwater._utils.errors import InputError

TOLERANCE = 1e-6  # of the residual, relative to the right-hand side
MAX_ITERATIONS = 300
COARSEST = 500  # unknowns of the coarsest level at most
NULL = 1e-9  # eigenvalues of the coarsest level below this part of the largest are zero but for rounding
SMOOTHED = 4.0  # the smoother damps eigenvalues down to the largest one divided by this
SMOOTHINGS = 2  # degree of the Chebyshev polynomial


@dataclass(frozen=True, eq=False)
class Level:
    """One level of the hierarchy, in single precision.

    Attributes
    ----------
    matrix : scipy.sparse.csr_array of shape (n, n)
    inverse_diagonal : array of shape (n, 1)
    largest : float
        Largest eigenvalue of the matrix scaled by its inverse diagonal.
    prolongation, restriction : scipy.sparse.csr_array of shapes (n, n_coarse), (n_coarse, n)
    """

    matrix: sparse.csr_array
    inverse_diagonal: np.ndarray
    largest: float
    prolongation: sparse.csr_array
    restriction: sparse.csr_array

    def smoothed(self, x: np.ndarray | None, b: np.ndarray) -> np.ndarray:
        """Improve ``x`` (None: zero) by a Chebyshev polynomial on the upper part of the spectrum."""
        middle = self.largest * (1 + 1 / SMOOTHED) / 2
        half = self.largest * (1 - 1 / SMOOTHED) / 2
        sigma = middle / half
        rho = 1 / sigma
        residual = b if x is None else b - self.matrix @ x
        step = self.inverse_diagonal * residual / np.float32(middle)
        x = step if x is None else x + step
        for _ in range(SMOOTHINGS - 1):
            next_rho = 1 / (2 * sigma - rho)
            residual = b - self.matrix @ x
            step = np.float32(next_rho * rho) * step
            step += np.float32(2 * next_rho / half) * (self.inverse_diagonal * residual)
            rho = next_rho
            x = x + step
        return x


class Multigrid:
    """Solves ``A x = b`` for a symmetric positive semi-definite matrix whose null space are the constants.

    Parameters
    ----------
    matrix : scipy.sparse.csr_array of shape (n, n)
    """

    def __init__(self, matrix: sparse.csr_array) -> None:
        self.matrix = matrix
        hierarchy = _library().smoothed_aggregation_solver(
            matrix, max_coarse=COARSEST, strength=("symmetric", {"theta": 0.0}), improve_candidates=None
        )
        self.levels = [_level(level) for level in hierarchy.levels[:-1]]
        coarsest = hierarchy.levels[-1].A.toarray()
        self.coarsest = np.linalg.pinv(coarsest, rcond=NULL, hermitian=True).astype(np.float32)

    def solve(self, b: np.ndarray) -> np.ndarray:
        """Solve for all columns of ``b`` (n, n_columns), each of which must sum to zero; on all cores."""
        from joblib import cpu_count  # takes a while to be imported

        n_parts = min(cpu_count(), b.shape[1])
        with ThreadPoolExecutor(n_parts) as pool:  # SciPy's products release the interpreter
            return np.concatenate(list(pool.map(self._solve, np.array_split(b, n_parts, axis=1))), axis=1)

    def _solve(self, b: np.ndarray) -> np.ndarray:
        """Conjugate gradients for some columns."""
        x, residual = np.zeros_like(b), b.copy()
        size = np.linalg.norm(b, axis=0)
        direction = improved = self._cycle(residual)
        product = np.einsum("nc,nc->c", residual, improved)
        for _ in range(MAX_ITERATIONS):
            applied = self.matrix @ direction
            step = product / np.einsum("nc,nc->c", direction, applied)
            x += step * direction
            residual -= step * applied
            if (np.linalg.norm(residual, axis=0) <= TOLERANCE * size).all():
                return x - x.mean(axis=0)
            improved = self._cycle(residual)
            previous, product = product, np.einsum("nc,nc->c", residual, improved)
            direction = improved + product / previous * direction
        raise InputError(
            f"The finite-element equations did not converge in {MAX_ITERATIONS} iterations; check that conductivities "
            "are between 1e-4 and 10 S/m."
        )

    def _cycle(self, b: np.ndarray) -> np.ndarray:
        """One V-cycle in single precision."""
        return self._descend(b.astype(np.float32), 0).astype(float)

    def _descend(self, b: np.ndarray, depth: int) -> np.ndarray:
        if depth == len(self.levels):
            return self.coarsest @ b
        level = self.levels[depth]
        x = level.smoothed(None, b)
        x = x + level.prolongation @ self._descend(level.restriction @ (b - level.matrix @ x), depth + 1)
        return level.smoothed(x, b)


def _library() -> Any:
    """Return pyamg."""
    try:
        import pyamg
    except ImportError as error:
        raise InputError(
            "Finite elements need scikit-fem and pyamg, which are not installed; pip install 'headwater[fem]', or use "
            "method='bem'."
        ) from error
    return pyamg


def _level(level: Any) -> Level:
    """One level in single precision, with the upper end of the spectrum."""
    matrix = sparse.csr_array(level.A)
    diagonal = matrix.diagonal()
    scale = sparse.diags_array(1 / np.sqrt(diagonal))
    start = 1.0 + np.arange(len(diagonal)) % 7
    largest = eigsh(scale @ matrix @ scale, k=1, which="LA", tol=1e-2, v0=start, return_eigenvectors=False)[0]
    return Level(
        matrix=matrix.astype(np.float32),
        inverse_diagonal=(1 / diagonal).astype(np.float32)[:, np.newaxis],
        largest=1.02 * float(largest),
        prolongation=sparse.csr_array(level.P).astype(np.float32),
        restriction=sparse.csr_array(level.R).astype(np.float32),
    )
