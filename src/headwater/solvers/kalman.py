"""Spatio-temporal Kalman filter: LORETA with temporal dynamics.

The currents ``j``, in units of LORETA's weights for depth and orientation, follow

``j_t = a j_(t-1) + b M j_(t-1) + eta_t``,

with ``M`` the mean over neighbours. The dynamical noise is correlated between neighbours: the discrete Laplacian
``B = I - M`` whitens it, ``B eta ~ N(0, q I)``. The whitened states ``u = B j`` have the same dynamics, because ``M``
and ``B`` commute, and independent noise. One local filter per source therefore replaces the full filter (Galka,
Yamashita, Ozaki, Biscay & Valdes-Sosa 2004, NeuroImage 23:435). Local filters neglect two parts of the error
covariances: those propagated from neighbours, and those between sources. This implementation neglects the former only;
`state_space` shows why the latter need no additional computation. Without coupling (``b = 0``), the filter is therefore
the exact Kalman filter. With coupling, the likelihood is an approximation.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import mne
import numpy as np

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers.base import Solver, check_data
from headwater.solvers.inputs.whitening import Rank, whiten
from headwater.solvers.linear.prior import Loose
from headwater.solvers.states.likelihood_search import Search, check_search, maximize
from headwater.solvers.states.state_space import Dynamics, Innovations, filter_modes, gains
from headwater.solvers.states.whitened_states import WhitenedStates


@dataclass(frozen=True, eq=False)
class KalmanEstimate:
    """Estimate and learned parameters for one sample.

    Attributes
    ----------
    currents : array of shape (n_sources, n_orient, n_times)
        In A m; each time point is estimated from the data up to that time point.
    dynamics : Dynamics
        Given, or learned from the sample.
    variance : array of shape (n_sources,)
        Relative variances of the whitened states.
    noise_variance : float
        Noise variance of the whitened data: 1 if the noise covariance is correct.
    log_likelihoods : array of shape (n_iter,)
        Log-likelihood of the whitened data after each iteration of the search; the last is that of the estimate.
    n_parameters : int
        Number of learned parameters, including the common scale of all variances.
    converged : bool
    noiseless : bool
        Whether the learned ``lambda2`` is the smallest allowed value: the model explains all of the data as signal.
    """

    currents: np.ndarray
    dynamics: Dynamics
    variance: np.ndarray
    noise_variance: float
    log_likelihoods: np.ndarray
    n_parameters: int
    converged: bool
    noiseless: bool

    @property
    def aic(self) -> float:
        """Akaike's information criterion; among models of the same data, the smallest value is preferred."""
        return float(2 * self.n_parameters - 2 * self.log_likelihoods[-1])


class KalmanSolver(Solver):
    """Base class of both filters: the states, and the loop over samples.

    Attributes
    ----------
    states_ : WhitenedStates
    whitener_ : array of shape (rank, n_channels)
    """

    max_iter: int
    eps: float
    states_: WhitenedStates
    whitener_: np.ndarray

    def estimate(self, data: np.ndarray) -> np.ndarray:
        """Filter data of shape (..., n_channels, n_times), each sample separately."""
        data = check_data(data, self)
        out = np.zeros((*data.shape[:-2], *self.states_.gain.shape[1:], data.shape[-1]), data.dtype)
        samples = out.reshape(-1, *out.shape[-3:])
        unfinished = noiseless = 0
        for index, sample in enumerate(data.reshape(-1, *data.shape[-2:])):
            found = self._filter(sample)
            if found is not None:
                samples[index] = found.currents
                unfinished += not found.converged
                noiseless += found.noiseless
        if unfinished:
            _warn(
                f"The likelihood of {unfinished} of {len(samples)} samples was still rising after {self.max_iter} "
                f"iterations, with eps={self.eps:g}; raise max_iter, or raise eps."
            )
        if noiseless:
            _warn(
                f"The filter finds no noise in {noiseless} of {len(samples)} samples, which happens for data with slow "
                "offsets or with a sampling rate far above the low-pass; correct the baseline, resample to about three "
                "times the low-pass, or set lambda2 of STKF."
            )
        return out

    def learn_from(self, data: np.ndarray) -> KalmanEstimate:
        """Return the estimate and the learned parameters for one sample of shape (n_channels, n_times)."""
        data = check_data(data, self)
        if data.ndim != 2:
            raise InputError(f"The data have shape {data.shape}; provide one sample of shape (n_channels, n_times).")
        found = self._filter(data)
        if found is None:
            raise InputError("The data are zero or empty; provide a recording with a signal.")
        return found

    def _filter(self, sample: np.ndarray) -> KalmanEstimate | None:
        """Filter one sample; return None if it is zero or empty."""
        white = self.whitener_ @ sample.astype(np.float64, copy=False)
        return self._learned(white) if white.any() else None

    @abstractmethod
    def _learned(self, white: np.ndarray) -> KalmanEstimate:
        """Filter whitened data of shape (rank, n_times) that are not all zero."""


class STKF(KalmanSolver):
    """Spatio-temporal Kalman filter (Galka et al. 2004, NeuroImage 23:435) of first order.

    For a single time point this is `LORETA` with the same ``lambda2``. Each later time point is predicted from the
    previous one and corrected by the data. Parameters that are not given are estimated by maximum likelihood for each
    sample, together with the common scale of all variances, so that the estimate scales with the data. Parameters can
    be compared by the criterion ``learn_from(data).aic``.

    The autoregression with neighbours, the whitening of its noise by the Laplacian, the neglect of errors propagated to
    neighbours, and the selection by likelihood and AIC are from the publication. The implementation is based on its
    abstract and on descriptions of its equations by others. The depth weighting, the stationary initial state, the
    covariances between sources, and the limit ``|own| + |neighbours| < 1``, which keeps the dynamics stable, are our
    additions. Second-order models, which can oscillate, are not implemented.

    Parameters
    ----------
    own : float | None
        ``a``. It is not learned from data with a single time point.
    neighbours : float | None
        ``b``. Unless it is 0, all sources are updated time point by time point, and learning is slow.
    lambda2 : float | None
        Regularisation, ``1 / SNR ** 2`` of single time points.
    loose, exponent, leak, rank
        As in `LORETA`.
    max_iter : int
        Maximum number of iterations of the search (Nelder & Mead 1965); a warning is issued if they do not converge.
    eps : float
        The search has converged when the likelihood per value and the parameters change by less than this.
    """

    title: ClassVar[str] = "spatio-temporal Kalman filter"

    def __init__(
        self,
        *,
        own: float | None = None,
        neighbours: float | None = 0.0,
        lambda2: float | None = None,
        loose: Loose = "auto",
        exponent: float = 1.0,
        leak: float = 0.01,
        max_iter: int = 500,
        eps: float = 1e-6,
        rank: Rank = None,
    ) -> None:
        self.own = own
        self.neighbours = neighbours
        self.lambda2 = lambda2
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
        variance_ : array of shape (rank,)
            Signal variance of each sensor mode.
        basis_ : array of shape (rank, rank)
            Sensor modes, as columns.
        kernel_ : array of shape (n_sources, n_orient, rank)
            Currents of the sensor modes.
        """
        self._check()
        white = whiten(leadfield, noise_cov, self.rank)
        self.states_ = WhitenedStates.of(white, self.loose, self.exponent, self.leak)
        seen = self.states_.gain.reshape(len(white.gain), -1)
        self.variance_, self.basis_ = np.linalg.eigh(seen @ seen.T)
        self.kernel_ = self.states_.kernel(np.ones(white.leadfield.n_sources), self.basis_)
        self.whitener_, self.leadfield_ = white.whitener, white.leadfield
        return self

    def _check(self) -> None:
        check_search(self.max_iter, self.eps)
        if abs(self.own or 0.0) + abs(self.neighbours or 0.0) >= 1:
            raise InputError(
                f"own={self.own} and neighbours={self.neighbours} let currents grow without limit; "
                "choose them so that their absolute values add up to less than 1."
            )
        if self.lambda2 is not None and self.lambda2 <= 0:
            raise InputError(f"lambda2 is {self.lambda2:g}; it must be positive.")

    def _learned(self, white: np.ndarray) -> KalmanEstimate:
        modes = self.basis_.T @ white
        search = self.learn(modes)
        dynamics = self.dynamics(search.values)
        currents, innovations = self._run(modes, dynamics)
        return KalmanEstimate(
            currents=currents,
            dynamics=dynamics,
            variance=np.ones(self.leadfield_.n_sources),
            noise_variance=innovations.scale * dynamics.lambda2,
            log_likelihoods=np.array([*search.log_likelihoods, innovations.log_likelihood]),
            n_parameters=len(search.values) + 1,
            converged=search.converged,
            noiseless=search.noiseless,
        )

    def learn(self, modes: np.ndarray) -> Search:
        """Estimate the parameters that are not given, by maximum likelihood, from sensor modes (rank, n_times)."""
        return maximize(
            lambda values: self._innovations(modes, self.dynamics(values)).log_likelihood,
            self._free(modes.shape[1]),
            n_values=modes.size,
            max_iter=self.max_iter,
            eps=self.eps,
        )

    def dynamics(self, learned: Mapping[str, float]) -> Dynamics:
        """Combine given and learned parameters; learned ones are fractions of the range of stable models."""
        lambda2 = float(np.exp(learned["log_lambda2"])) if self.lambda2 is None else self.lambda2
        own = (1 - abs(self.neighbours or 0.0)) * learned.get("own", 0.0) if self.own is None else self.own
        neighbours = (1 - abs(own)) * learned.get("share", 0.0) if self.neighbours is None else self.neighbours
        return Dynamics(own, neighbours, lambda2)

    def _free(self, n_times: int) -> list[str]:
        """Return the names of the parameters to learn; those of the dynamics only for several time points."""
        free = ["log_lambda2"] if self.lambda2 is None else []
        if n_times > 1:
            free += ["own"] if self.own is None else []
            free += ["share"] if self.neighbours is None else []
        return free

    def _innovations(self, modes: np.ndarray, dynamics: Dynamics) -> Innovations:
        if dynamics.neighbours == 0 or modes.shape[1] == 1:
            return filter_modes(self.variance_, dynamics, modes)[1]
        return self._follow(modes, dynamics, None)

    def _run(self, modes: np.ndarray, dynamics: Dynamics) -> tuple[np.ndarray, Innovations]:
        """Return currents of shape (n_sources, n_orient, n_times) and innovations."""
        if dynamics.neighbours == 0 or modes.shape[1] == 1:  # no coupling between neighbours
            states, innovations = filter_modes(self.variance_, dynamics, modes)
            return self.kernel_ @ states, innovations
        followed = np.empty((*self.states_.gain.shape[1:], modes.shape[1]))
        innovations = self._follow(modes, dynamics, followed)
        return self.states_.currents(followed), innovations

    def _follow(self, modes: np.ndarray, dynamics: Dynamics, followed: np.ndarray | None) -> Innovations:
        """Filter with coupling between neighbours; write the states of all sources to ``followed``, if given."""
        seen = self.basis_.T @ self.states_.gain.reshape(len(self.basis_), -1)
        gain, innovation = gains(self.variance_, dynamics, modes.shape[1])
        errors = np.empty(modes.T.shape)
        state = np.zeros(self.states_.gain.shape[1:])
        for t, data in enumerate(modes.T):
            state = dynamics.own * state + dynamics.neighbours * (self.states_.mean @ state)
            errors[t] = data - seen @ state.ravel()
            state = state + ((gain[t] * errors[t]) @ seen).reshape(state.shape)
            if followed is not None:
                followed[..., t] = state
        return Innovations(errors, innovation)


def _warn(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=3)
