"""Group Lasso: as few active sources as the data allow."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import ClassVar, Self

import mne
import numpy as np

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers.algebra.matrices import symmetric_power
from headwater.solvers.base import Solver, check_data
from headwater.solvers.inputs.whitening import Rank, Whitened, whiten
from headwater.solvers.linear.prior import Loose, depth_variance, loose_per_source, orientation_blocks, oriented_gain
from headwater.solvers.sparse.l21 import group_lasso


class GroupPenaltySolver(Solver):
    """What solvers that penalise the length of each source share: the gain, whitened and weighted."""

    alpha: float
    loose: Loose
    exponent: float
    rank: Rank

    def fit(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> Self:
        """Prepare the solver for one lead field and one noise covariance.

        Attributes
        ----------
        whitener_ : array of shape (rank, n_channels)
        gain_ : array of shape (rank, n_sources, n_orient)
            Whitened and weighted, ``G D``.
        scaling_ : array of shape (n_sources, n_orient, n_orient)
            ``D``.
        """
        check_alpha(self.alpha)
        white = whiten(leadfield, noise_cov, self.rank)
        self.gain_, self.scaling_ = weighted_gain(white, self.loose, self.exponent)
        self.whitener_ = white.whitener
        self.leadfield_ = white.leadfield
        return self


class GroupLasso(GroupPenaltySolver):
    """Group Lasso: the three orientations of a source (and its times) are active together or not at all.

    Minimises ``|y - G x|^2 / 2 + alpha sum_s |z_s|``, with whitened gain and data and ``x_s = D_s z_s`` weighted for
    depth and orientation (selective minimum norm, Matsuura & Okabe 1995; with groups Haufe et al. 2008, NeuroImage
    42:726; over times it is the mixed-norm estimate MxNE of Gramfort et al. 2012). The penalty makes amplitudes too
    small; `MxNE` corrects that. A duality gap certifies every estimate.

    Parameters
    ----------
    alpha : float
        Penalty as a fraction of the smallest one with which no source is active, which follows the data: an estimate
        of data times k is k times the estimate. Above 0, below 1.
    joint : bool
        True: a source is active at all time points of a sample, or at none. False: each time point is estimated
        separately.
    loose : float | "auto" | dict
        As in `MinimumNorm`.
    exponent : float
        Of the depth weights, as in `WeightedMinimumNorm` and in :func:`mne.inverse_sparse.mixed_norm`. 0: none.
    tol : float
        Largest duality gap, relative to the objective of no activity at all.
    max_iter : int
        Working sets of sources at most; a warning says when they were too few.
    rank : dict | str | None
        As in :func:`mne.compute_rank`.

    Attributes
    ----------
    gap_ : array
        Relative duality gaps of the last estimate, one per sample (or per sample and time, where not ``joint``).
    """

    title: ClassVar[str] = "group lasso"

    def __init__(
        self,
        *,
        alpha: float = 0.2,
        joint: bool = True,
        loose: Loose = "auto",
        exponent: float = 0.8,
        tol: float = 1e-8,
        max_iter: int = 50,
        rank: Rank = None,
    ) -> None:
        self.alpha = alpha
        self.joint = joint
        self.loose = loose
        self.exponent = exponent
        self.tol = tol
        self.max_iter = max_iter
        self.rank = rank

    def estimate(self, data: np.ndarray) -> np.ndarray:
        """Solve one problem for each sample of data of shape (..., n_channels, n_times), or for each of its times."""
        data = check_data(data, self)
        white = self.whitener_ @ data.astype(float, copy=False)
        if not self.joint:
            white = np.swapaxes(white, -1, -2)[..., np.newaxis]
        batch = white.shape[:-2]
        reduced, back = reduced_times(white.reshape(-1, *white.shape[-2:]))
        solution = group_lasso(self.gain_, reduced, self.alpha, tol=self.tol, max_iter=self.max_iter)
        self.gap_ = solution.gap.reshape(batch)
        self._check_convergence()
        currents = self.scaling_ @ solution.currents
        if back is not None:
            currents = currents @ back[:, np.newaxis]
        currents = currents.reshape(*batch, *currents.shape[1:])
        if not self.joint:
            currents = np.moveaxis(currents[..., 0], -3, -1)
        return currents.astype(data.dtype, copy=False)

    def _check_convergence(self) -> None:
        missed = int((self.gap_ > self.tol).sum())
        if missed:
            warnings.warn(
                f"Group Lasso has not converged for {missed} of {self.gap_.size} samples: after {self.max_iter} "
                f"working sets the duality gap is up to {self.gap_.max():.1g} (tol is {self.tol:.1g}); raise "
                "max_iter, or tol if that is close enough.",
                RuntimeWarning,
                stacklevel=3,
            )


def check_alpha(alpha: float) -> None:
    """Refuse a penalty that would mean nothing."""
    if not 0 < alpha < 1:
        raise InputError(
            f"alpha is {alpha:g}; it must lie between 0 and 1, the fraction of the penalty at which nothing is active."
        )


def weighted_gain(white: Whitened, loose: Loose, exponent: float) -> tuple[np.ndarray, np.ndarray]:
    """Return ``G D`` and ``D``, with which each source costs the same whatever its depth.

    ``D_s`` is the square root of the prior covariance, ``v_s (l I + (1 - l) n n')``: what depth and orientation are
    in :func:`mne.inverse_sparse.mixed_norm`: with fixed orientations the depth is that of the fixed sources.

    Returns
    -------
    gain : array of shape (rank, n_sources, n_orient)
    scaling : array of shape (n_sources, n_orient, n_orient)
    """
    fraction = loose_per_source(white.leadfield, loose)
    white = replace(white, gain=oriented_gain(white, fraction))
    root = symmetric_power(orientation_blocks(fraction, white.leadfield.normals, white.gain.shape[2]), 0.5)
    options = {"exp": exponent, "limit": None, "limit_depth_chs": "whiten", "combine_xyz": "fro"}
    scaling = np.sqrt(depth_variance(white, options))[:, np.newaxis, np.newaxis] * root
    return np.einsum("csi,sij->csj", white.gain, scaling, optimize=True), scaling


def reduced_times(white: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Turn more times than channels into as many: norms over times do not change with the basis.

    Parameters
    ----------
    white : array of shape (n_samples, rank, n_times)

    Returns
    -------
    reduced : array of shape (n_samples, rank, min(rank, n_times))
    back : array of shape (n_samples, rank, n_times) | None
        ``white = reduced @ back``; None where nothing was to be reduced.
    """
    if white.shape[2] <= white.shape[1]:
        return white, None
    left, singular, right = np.linalg.svd(white, full_matrices=False)
    return left * singular[:, np.newaxis], right
