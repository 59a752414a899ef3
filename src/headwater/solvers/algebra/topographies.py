"""Topographies of the sources, and the share of given signals that each source explains.

The topographies of source ``s`` are the span of the columns of its whitened gain ``G_s``. In the orthonormal basis
``B_s = G_s (G_s' G_s)^(-1/2)``, projections onto this span are simple products, and the search for a source is one
matrix product for all positions. Sources found before are projected out of both data and gain. With ``Q`` an
orthonormal basis of their topographies, ``P = I - Q Q'`` and ``D_s = B_s' P B_s``, the part of a signal ``z`` that
``s`` explains in addition has the coordinates ``D_s^(-1/2) B_s' P z``, up to a rotation that does not change norms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from headwater.solvers.algebra.matrices import symmetric_power

# Eigenvalues of D_s lie between 0 and 1. Below FOUND, a direction counts as found before. A determinant above
# WELL_CONDITIONED ensures that all eigenvalues are far above FOUND.
FOUND = 1e-8
WELL_CONDITIONED = 1e-3


@dataclass(frozen=True, eq=False)
class Topographies:
    """Orthonormal bases of the topographies of all sources.

    Attributes
    ----------
    basis : array of shape (n_sources, n_orient, rank)
        ``B_s'``; zero along orientations to which the sensors are insensitive.
    moments : array of shape (n_sources, n_orient, n_orient)
        ``(G_s' G_s)^(-1/2)``: converts coordinates in the basis to the dipole moment with this topography.
    """

    basis: np.ndarray
    moments: np.ndarray

    @classmethod
    def of(cls, gain: np.ndarray) -> Self:
        """Compute the bases from a whitened gain of shape (rank, n_sources, n_orient)."""
        by_source = np.moveaxis(gain, 0, 2)
        moments = symmetric_power(by_source @ np.swapaxes(by_source, 1, 2), -0.5)
        return cls(np.ascontiguousarray(moments @ by_source), moments)

    def coordinates(self, signals: np.ndarray) -> np.ndarray:
        """Return the coordinates of signals (rank, n) in the basis of each source, shape (n_sources, n_orient, n)."""
        n_sources, n_orient, rank = self.basis.shape
        return (self.basis.reshape(-1, rank) @ signals).reshape(n_sources, n_orient, -1)

    def remaining(self, found: np.ndarray) -> np.ndarray:
        """Return ``R`` with ``R R' = D_s^-1``, shape (n_sources, n_orient, n_orient); zero for directions found before.

        Parameters
        ----------
        found : array of shape (rank, n_found)
            Orthonormal basis ``Q`` of the topographies found before.
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
        """Return the coordinates of the signals that each source explains in addition to the sources found before.

        Parameters
        ----------
        signals : array of shape (rank, n)
            Signals without the part explained by the sources found before.
        found : array of shape (rank, n_found)

        Returns
        -------
        coordinates : array of shape (n_sources, n_orient, n)
        root : array of shape (n_sources, n_orient, n_orient)
            Matrix that maps these coordinates to the basis of the source.
        """
        coordinates = self.coordinates(signals)
        if not found.shape[1]:
            return coordinates, np.broadcast_to(np.eye(self.basis.shape[1]), self.moments.shape)
        root = self.remaining(found)
        return np.swapaxes(root, 1, 2) @ coordinates, root


def without(signals: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Project the span of orthonormal columns (rank, n_found) out of signals (rank, n)."""
    return signals - found @ (found.T @ signals)


def orthonormal(columns: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of the span of columns (rank, n), which may be linearly dependent."""
    left, singular, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, singular > 1e-6 * singular.max(initial=0.0)]


def largest_eigenvalue(coordinates: np.ndarray) -> np.ndarray:
    """Return the largest eigenvalue of ``c c'``, shape (n_sources,), for stacked ``c`` (n_sources, n_orient, n)."""
    if 1 in coordinates.shape[1:]:
        return np.einsum("sot,sot->s", coordinates, coordinates)
    return np.linalg.eigvalsh(coordinates @ np.swapaxes(coordinates, 1, 2))[:, -1]


def compact(white: np.ndarray) -> np.ndarray:
    """Return signals with the same second moment and no more columns than rows: (rank, n) to (rank, at most rank)."""
    if white.shape[1] <= white.shape[0]:
        return white
    left, singular, _ = np.linalg.svd(white, full_matrices=False)
    return left * singular
