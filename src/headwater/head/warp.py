"""A smooth, invertible map from one head to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Warp:
    """The map ``y = A (p + u(p))`` with ``p = previous(x)``, from a reference head to the head made from it.

    ``u(p) = sum_k a_k cos(w_k . p + phi_k)`` is a smooth random displacement field: with frequencies ``w_k`` drawn from
    a normal law of variance ``1 / length ** 2`` it is a Gaussian random field whose covariance is a Gaussian bell of
    that length (A. Rahimi and B. Recht, NIPS 2007). All lengths in metres.

    Attributes
    ----------
    affine : array of shape (4, 4)
        ``A``, applied last.
    frequencies : array of shape (n_waves, 3)
        ``w_k``, in rad/m.
    phases : array of shape (n_waves,)
        ``phi_k``.
    amplitudes : array of shape (n_waves, 3)
        ``a_k``, in metres. No waves at all: the map is affine.
    previous : Warp | None
        The map that is applied first, if any.
    """

    affine: np.ndarray
    frequencies: np.ndarray
    phases: np.ndarray
    amplitudes: np.ndarray
    previous: Warp | None = None

    @classmethod
    def from_affine(cls, affine: np.ndarray, previous: Warp | None = None) -> Warp:
        """Make a map without displacement field."""
        return cls(affine, np.zeros((0, 3)), np.zeros(0), np.zeros((0, 3)), previous)

    def as_affine(self) -> np.ndarray | None:
        """Return the whole map as a matrix of shape (4, 4); None if it has a displacement field."""
        before = np.eye(4) if self.previous is None else self.previous.as_affine()
        return None if before is None or len(self.frequencies) else self.affine @ before

    def displacement(self, points: np.ndarray) -> np.ndarray:
        """Return ``u`` at points of shape (..., 3), in metres."""
        return np.cos(points @ self.frequencies.T + self.phases) @ self.amplitudes

    def forward(self, points: np.ndarray) -> np.ndarray:
        """Carry points (..., 3) of the reference head to this head."""
        points = np.asarray(points, float)
        if self.previous is not None:
            points = self.previous.forward(points)
        return (points + self.displacement(points)) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def inverse(self, points: np.ndarray, *, tolerance: float = 1e-7, max_iterations: int = 200) -> np.ndarray:
        """Carry points (..., 3) of this head back to the reference head.

        Solves ``p = A^-1 y - u(p)`` by fixed-point iteration, which converges because ``u`` is a contraction.
        """
        affine = np.linalg.inv(self.affine)
        target = np.asarray(points, float) @ affine[:3, :3].T + affine[:3, 3]
        estimate = target
        for _ in range(max_iterations):
            moved = target - self.displacement(estimate)
            step, estimate = np.abs(moved - estimate).max(initial=0), moved
            if step < tolerance:
                return estimate if self.previous is None else self.previous.inverse(estimate)
        raise RuntimeError(f"The inverse of the warp did not converge to {tolerance} m in {max_iterations} iterations.")
