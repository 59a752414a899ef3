"""What each source can look like at the sensors, and which source looks most like given signals.

The topographies of source ``s`` span the columns of its whitened gain ``G_s``. In the orthonormal basis
``B_s = G_s (G_s' G_s)^(-1/2)`` projections onto them are plain products, and the search for a source is one matrix
product for all positions. Sources that have been found already are taken out of data and gain alike: with ``Q`` an
orthonormal basis of their topographies, ``P = I - Q Q'`` and ``D_s = B_s' P B_s``, the part of a signal ``z`` that
``s`` explains beyond them has the coordinates ``D_s^(-1/2) B_s' P z``, up to a rotation that no length depends on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from headwater.solvers.algebra.matrices import symmetric_power

# Eigenvalues of D_s lie between 0 and 1. Below the first number a direction counts as found already; above the second,
# a determinant says that all eigenvalues are far from it.
FOUND = 1e-8
WELL_CONDITIONED = 1e-3


@dataclass(frozen=True, eq=False)
class Topographies:
    """Orthonormal bases of the topographies of all sources.

    Attributes
    ----------
    basis : array of shape (n_sources, n_orient, rank)
        ``B_s'``; zero along orientations that the sensors do not see.
    moments : array of shape (n_sources, n_orient, n_orient)
        ``(G_s' G_s)^(-1/2)``: turns coordinates in the basis into the dipole moment that has this topography.
    """

    basis: np.ndarray
    moments: np.ndarray

    @classmethod
    def of(cls, gain: np.ndarray) -> Self:
        """Take the bases of a whitened gain of shape (rank, n_sources, n_orient)."""
        by_source = np.moveaxis(gain, 0, 2)
        moments = symmetric_power(by_source @ np.swapaxes(by_source, 1, 2), -0.5)
        return cls(np.ascontiguousarray(moments @ by_source), moments)

    def coordinates(self, signals: np.ndarray) -> np.ndarray:
        """Coordinates of signals (rank, n) in the basis of each source, shape (n_sources, n_orient, n)."""
        n_sources, n_orient, rank = self.basis.shape
        return (self.basis.reshape(-1, rank) @ signals).reshape(n_sources, n_orient, -1)

    def remaining(self, found: np.ndarray) -> np.ndarray:
        """Root of ``D_s^-1``, shape (n_sources, n_orient, n_orient): ``R R' = D_s^-1``, null where nothing is left.

        Parameters
        ----------
        found : array of shape (rank, n_found)
            Orthonormal basis ``Q`` of the topographies found already.
        """
        taken = self.coordinates(found)
        left = np.eye(self.basis.shape[1]) - taken @ np.swapaxes(taken, 1, 2)
        good = np.linalg.det(left) > WELL_CONDITIONED
        root = np.empty_like(left)
        root[good] = np.linalg.cholesky(np.linalg.inv(left[good]))
        values, vectors = np.linalg.eigh(left[~good])
        keep = values > FOUND
        root[~good] = vectors * np.where(keep, np.where(keep, values, 1.0) ** -0.5, 0.0)[:, np.newaxis]
        return root

    def explained(self, signals: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates of what each source explains of signals beyond the sources found already.

        Parameters
        ----------
        signals : array of shape (rank, n)
            Without the part that the sources found already explain.
        found : array of shape (rank, n_found)

        Returns
        -------
        coordinates : array of shape (n_sources, n_orient, n)
        root : array of shape (n_sources, n_orient, n_orient)
            Times a direction in these coordinates: the direction in the source's basis.
        """
        coordinates = self.coordinates(signals)
        if not found.shape[1]:
            return coordinates, np.broadcast_to(np.eye(self.basis.shape[1]), self.moments.shape)
        root = self.remaining(found)
        return np.swapaxes(root, 1, 2) @ coordinates, root


def without(signals: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Take the span of orthonormal columns (rank, n_found) out of signals (rank, n)."""
    return signals - found @ (found.T @ signals)


def orthonormal(columns: np.ndarray) -> np.ndarray:
    """Orthonormal basis of the span of columns (rank, n); those that depend on the others add nothing."""
    left, singular, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, singular > 1e-6 * singular.max(initial=0.0)]


def largest_eigenvalue(coordinates: np.ndarray) -> np.ndarray:
    """Largest eigenvalue of ``c c'`` for stacked ``c`` of shape (n_sources, n_orient, n), shape (n_sources,)."""
    if 1 in coordinates.shape[1:]:
        return np.einsum("sot,sot->s", coordinates, coordinates)
    return np.linalg.eigvalsh(coordinates @ np.swapaxes(coordinates, 1, 2))[:, -1]


def compact(white: np.ndarray) -> np.ndarray:
    """Signals of the same second moment in no more columns than rows: (rank, n) to (rank, at most rank)."""
    if white.shape[1] <= white.shape[0]:
        return white
    left, singular, _ = np.linalg.svd(white, full_matrices=False)
    return left * singular
