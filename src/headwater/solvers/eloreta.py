"""Exact low-resolution electromagnetic tomography."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np

from headwater.solvers.algebra.matrices import regularized_inverse, symmetric_power
from headwater.solvers.inputs.whitening import Rank, Whitened
from headwater.solvers.linear.prior import Loose, loose_per_source, orientation_blocks, oriented_gain
from headwater.solvers.linear.regularized import PriorGain, Regularized
from headwater.solvers.regularization.rules import Lambda2


class ELORETA(Regularized):
    """Minimum norm with weights that localise any single source exactly (Pascual-Marqui 2007, 2011).

    The prior covariances ``R_s`` solve ``R_s = [G_s' (G R G' + lambda2 I)^-1 G_s]^(-1/2)``, which is iterated to
    convergence. There is no depth weighting, because the weights compensate for depth. The estimate of a single
    noiseless source has its peak exactly at the source, for fixed (``loose=0``) and for free orientations
    (``loose=1``), but not for values in between.

    Parameters
    ----------
    lambda2 : float | "auto" | Rule
        As in `MinimumNorm`. A rule compares its candidates with the weights for ``lambda2 = 1/9``, unless the
        candidates are given. The weights of the estimate are always those for the chosen ``lambda2``.
    loose : float | "auto" | dict
        As in `MinimumNorm`.
    max_iter : int
        Maximum number of iterations; a warning is issued if they do not converge.
    eps : float
        The iteration has converged when the relative change of the weights is smaller than this.
    force_equal : bool
        Use one weight for the three orientations of a source instead of a 3 x 3 block.
    rank : dict | str | None
        As in :func:`mne.compute_rank`.

    Attributes
    ----------
    n_iter_ : int
        Number of iterations.
    change_ : float
        Relative change of the weights in the last iteration.
    """

    title: ClassVar[str] = "eLORETA"
    prior_follows_lambda2: ClassVar[bool] = True

    def __init__(
        self,
        *,
        lambda2: Lambda2 = 1 / 9,
        loose: Loose = "auto",
        max_iter: int = 20,
        eps: float = 1e-6,
        force_equal: bool = False,
        rank: Rank = None,
    ) -> None:
        self.lambda2 = lambda2
        self.loose = loose
        self.max_iter = max_iter
        self.eps = eps
        self.force_equal = force_equal
        self.rank = rank

    def _prior(self, white: Whitened, lambda2: float) -> PriorGain:
        loose = loose_per_source(white.leadfield, self.loose)
        gain = oriented_gain(white, loose)
        blocks = orientation_blocks(loose, white.leadfield.normals, gain.shape[2])
        return PriorGain.of(gain, self._weights(gain, blocks, lambda2))

    def _weights(self, gain: np.ndarray, blocks: np.ndarray, lambda2: float) -> np.ndarray:
        """Iterate to the weights ``R_s``, shape (n_sources, n_orient, n_orient), up to a scale.

        As in MNE-Python, a loose orientation enters both the gain, ``G_s D_s``, and the weights, ``D_s (...) D_s``.
        ``D_s`` is the square root of the orientation prior.
        """
        root = symmetric_power(blocks, 0.5)
        biased = np.einsum("csi,sij->csj", gain, root, optimize=True)
        weights, gram = _scaled(biased, blocks)
        for iteration in range(self.max_iter):
            last = weights
            power = _source_power(biased, regularized_inverse(gram, lambda2))
            weights, gram = _scaled(biased, root @ self._inverse_root(power) @ root)
            self.n_iter_ = iteration + 1
            self.change_ = float(np.linalg.norm(weights - last) / np.linalg.norm(last))
            if self.change_ < self.eps:
                break
        else:
            warnings.warn(
                f"eLORETA's weights still changed by {self.change_:.1g} after {self.max_iter} iterations (eps is "
                f"{self.eps:.1g}); raise max_iter, or raise eps if this accuracy is sufficient.",
                RuntimeWarning,
                stacklevel=3,
            )
        return weights

    def _inverse_root(self, power: np.ndarray) -> np.ndarray:
        """Return ``M_s^(-1/2)``, or the identity divided by the mean eigenvalue of ``M_s^(1/2)``."""
        if not self.force_equal:
            return symmetric_power(power, -0.5)
        mean = np.sqrt(np.linalg.eigvalsh(power).clip(min=0)).mean(axis=1)
        return np.eye(power.shape[1]) / mean[:, np.newaxis, np.newaxis]


def _source_power(gain: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Return ``G_s' N G_s`` of every source, shape (n_sources, n_orient, n_orient)."""
    seen = (inverse @ gain.reshape(len(gain), -1)).reshape(gain.shape)
    return np.moveaxis(gain, 0, 2) @ np.moveaxis(seen, 0, 1)


def _scaled(gain: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ``R`` and ``G R G'``, scaled so that the trace is the number of channels and lambda2 keeps its meaning."""
    rank = len(gain)
    # With optimize=True, here and elsewhere in this package, einsum calls BLAS and is ten times faster.
    gram = np.einsum("csi,sij->csj", gain, weights, optimize=True).reshape(rank, -1) @ gain.reshape(rank, -1).T
    scale = rank / np.trace(gram)
    return scale * weights, scale * gram
