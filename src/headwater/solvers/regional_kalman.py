"""Regional spatio-temporal Kalman filter: each brain region has its own variance of the dynamical noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import mne
import numpy as np

from headwater.forward.leadfield import LeadField
from headwater.solvers.inputs.whitening import Rank
from headwater.solvers.kalman import STKF, KalmanEstimate, KalmanSolver
from headwater.solvers.linear.prior import Loose
from headwater.solvers.states.likelihood_search import check_search
from headwater.solvers.states.state_space import Dynamics, filter_modes, log_likelihood, temporal_modes


class RSTKF(KalmanSolver):
    """`STKF` with a separate variance of the dynamical noise for each region, learned from each sample.

    Hamid et al. 2021, Computer Methods and Programs in Biomedicine 200:105830.
    Their abstract describes the model as `STKF` with "spatially heterogeneous dynamical noise variances"; the regions
    are anatomical regions of an atlas. Their estimator of the variances is not known to us. This implementation keeps
    the dynamics of `STKF` and learns the variances by convex bounding of the likelihood (Wipf & Nagarajan 2009,
    NeuroImage 44:947), which never decreases it. In the basis of the eigenvectors of the temporal correlations, with
    eigenvalues ``theta_j``, the likelihood is that of independent samples ``y_j`` with covariances
    ``S_j = theta_j sum_r g_r K_r K_r' + lambda2 I``, and

    ``g_r <- g_r sqrt(sum_j theta_j |K_r' S_j^-1 y_j|^2 / (c sum_j theta_j tr(K_r' S_j^-1 K_r)))``,

    with ``c`` the common factor of all variances. Neighbours are correlated as in LORETA, but their dynamics are not
    coupled. The regions are those of the lead field; sources outside of them form an additional region. Without
    regions, this is `STKF`.

    Parameters
    ----------
    own : float | None
        As in `STKF`. The noise level is always learned.
    loose, exponent, leak, rank
        As in `LORETA`.
    max_iter : int
        Maximum number of iterations; a warning is issued if they do not converge.
    eps : float
        The iteration has converged when it raises the log-likelihood per value by less than this.
    """

    title: ClassVar[str] = "regional spatio-temporal Kalman filter"

    def __init__(
        self,
        *,
        own: float | None = None,
        loose: Loose = "auto",
        exponent: float = 1.0,
        leak: float = 0.01,
        max_iter: int = 2000,
        eps: float = 1e-6,
        rank: Rank = None,
    ) -> None:
        self.own = own
        self.loose = loose
        self.exponent = exponent
        self.leak = leak
        self.max_iter = max_iter
        self.eps = eps
        self.rank = rank

    def fit(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> Self:
        """Prepare the solver for one lead field and one noise covariance.

        Attributes
        ----------
        uniform_ : STKF
            Filter with the same variance in all regions.
        region_of_source_ : int array of shape (n_sources,)
        blocks_ : array of shape (n_regions, rank, rank)
            ``K_r K_r'``.
        """
        check_search(self.max_iter, self.eps)
        self.uniform_ = STKF(
            own=self.own,
            loose=self.loose,
            exponent=self.exponent,
            leak=self.leak,
            max_iter=self.max_iter,
            eps=self.eps,
            rank=self.rank,
        ).fit(leadfield, noise_cov)
        self.states_, self.whitener_ = self.uniform_.states_, self.uniform_.whitener_
        self.leadfield_ = self.uniform_.leadfield_
        regions, self.region_of_source_ = np.unique(self.leadfield_.region_ids, return_inverse=True)
        gain, rank = self.states_.gain, len(self.states_.gain)
        parts = [gain[:, self.region_of_source_ == region].reshape(rank, -1) for region in range(len(regions))]
        self.blocks_ = np.stack([part @ part.T for part in parts])
        return self

    def _learned(self, white: np.ndarray) -> KalmanEstimate:
        search = self.uniform_.learn(self.uniform_.basis_.T @ white)
        dynamics = self.uniform_.dynamics(search.values)
        learned = self._learn(white, dynamics)
        variance = learned.variance[self.region_of_source_]
        states, innovations = filter_modes(learned.strength, dynamics, learned.basis.T @ white)
        return KalmanEstimate(
            currents=self.states_.kernel(variance, learned.basis) @ states,
            dynamics=dynamics,
            variance=variance,
            noise_variance=innovations.scale * dynamics.lambda2,
            log_likelihoods=np.array(learned.log_likelihoods),
            # The noise counts once: as lambda2, relative to variances of 1, or as the common scale.
            n_parameters=len(search.values) + len(learned.variance),
            converged=search.converged and learned.rise < self.eps,
            noiseless=search.noiseless,
        )

    def _learn(self, white: np.ndarray, dynamics: Dynamics) -> _Regions:
        """Learn the variance of each region from whitened data of shape (rank, n_times)."""
        theta, vectors = temporal_modes(dynamics.own, white.shape[1])
        samples = white @ vectors
        variance = np.ones(len(self.blocks_))
        path: list[float] = []
        while True:
            strength, basis = np.linalg.eigh(np.tensordot(variance, self.blocks_, 1))
            spread = np.outer(strength, theta) + dynamics.lambda2
            modes = basis.T @ samples
            scale = float(np.mean(modes**2 / spread))
            path.append(log_likelihood(scale, spread))
            found = _Regions(variance, strength, basis, path, white.size)
            if found.rise < self.eps or len(path) == self.max_iter:
                return found
            seen = basis @ (np.sqrt(theta) * modes / spread)
            power = np.tensordot(self.blocks_, seen @ seen.T, 2) / scale
            expected = np.tensordot(self.blocks_, (basis * np.sum(theta / spread, axis=1)) @ basis.T, 2)
            variance = variance * np.sqrt(power / expected)


@dataclass(frozen=True, eq=False)
class _Regions:
    """Variances of the regions, and the corresponding sensor modes."""

    variance: np.ndarray
    strength: np.ndarray
    basis: np.ndarray
    log_likelihoods: list[float]
    n_values: int

    @property
    def rise(self) -> float:
        """Increase of the log-likelihood per value in the last iteration."""
        path = self.log_likelihoods
        return (path[-1] - path[-2]) / self.n_values if len(path) > 1 else np.inf
