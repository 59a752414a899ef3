"""Group Lasso: sparse estimates with few active sources."""

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
    """Base class of solvers that penalise the norm of each source: the whitened and weighted gain."""

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
    """Group Lasso: the three orientations (and the time points) of a source are active together or not at all.

    Minimises ``|y - G x|^2 / 2 + alpha sum_s |z_s|``, with whitened gain and data and ``x_s = D_s z_s`` weighted for
    depth and orientation (selective minimum norm, Matsuura & Okabe 1995; with groups Haufe et al. 2008, NeuroImage
    42:726; with time points in the groups it is the mixed-norm estimate MxNE of Gramfort et al. 2012). The penalty
    makes amplitudes too small; `MxNE` corrects this bias. The duality gap bounds the error of every estimate.

    Parameters
    ----------
    alpha : float
        Penalty as a fraction of the smallest one for which no source is active. That one scales with the data, and so
        does the estimate. Above 0 and below 1.
    joint : bool
        True: a source is active at all time points of a sample or at none. False: each time point is estimated
        separately.
    loose : float | "auto" | dict
        As in `MinimumNorm`.
    exponent : float
        Exponent of the depth weights, as in `WeightedMinimumNorm` and in :func:`mne.inverse_sparse.mixed_norm`. 0: no
        weighting.
    tol : float
        Largest duality gap, relative to the objective without active sources.
    max_iter : int
        Maximum number of working sets; a warning is issued if they do not converge.
    rank : dict | str | None
        As in :func:`mne.compute_rank`.

    Attributes
    ----------
    gap_ : array
        Relative duality gaps of the last estimate: one per sample, or per sample and time point if not ``joint``.
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
        """Solve one problem per sample, or per time point, for data of shape (..., n_channels, n_times)."""
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
                "max_iter, or raise tol if this accuracy is sufficient.",
                RuntimeWarning,
                stacklevel=3,
            )


def check_alpha(alpha: float) -> None:
    """Raise an error if the relative penalty is not between 0 and 1."""
    if not 0 < alpha < 1:
        raise InputError(
            f"alpha is {alpha:g}; it must lie between 0 and 1, because it is a fraction of the smallest penalty for "
            "which no source is active."
        )


def weighted_gain(white: Whitened, loose: Loose, exponent: float) -> tuple[np.ndarray, np.ndarray]:
    """Return ``G D`` and ``D``, which make the penalty of a source independent of its depth.

    ``D_s`` is the square root of the prior covariance, ``v_s (l I + (1 - l) n n')``. Depth and orientation have the
    meaning that they have in :func:`mne.inverse_sparse.mixed_norm`. With fixed orientations, the depth weights are
    computed from the gain along the normals.

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
    """Reduce the number of time points to the number of channels; norms over time do not depend on the basis.

    Parameters
    ----------
    white : array of shape (n_samples, rank, n_times)

    Returns
    -------
    reduced : array of shape (n_samples, rank, min(rank, n_times))
    back : array of shape (n_samples, rank, n_times) | None
        ``white = reduced @ back``; None if there were no more time points than channels.
    """
    if white.shape[2] <= white.shape[1]:
        return white, None
    left, singular, right = np.linalg.svd(white, full_matrices=False)
    return left * singular[:, np.newaxis], right
