"""Spatio-temporal Kalman filter: LORETA with a memory.

The currents ``j``, in units of LORETA's weights for depth and orientation, follow

``j_t = a j_(t-1) + b M j_(t-1) + eta_t``,

with ``M`` the mean over neighbours. Dynamical noise is alike at neighbours: the discrete Laplacian ``B = I - M`` makes
it white, ``B eta ~ N(0, q I)``. In the whitened states ``u = B j`` the dynamics are the same, for ``M`` and ``B``
commute, and their noise is independent, so that one local filter per source replaces the large one (Galka, Yamashita,
Ozaki, Biscay & Valdes-Sosa 2004, NeuroImage 23:435). Local filters leave out of the error covariances what comes from
neighbours, and the covariances between sources. We leave out the former only: `state_space` says why the latter cost
nothing, so that without coupling (``b = 0``) the filter is Kalman's own. With it the likelihood is an approximation.
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
    """What the filter learned from one sample.

    Attributes
    ----------
    currents : array of shape (n_sources, n_orient, n_times)
        In A m, each time point from the data up to it.
    dynamics : Dynamics
        Given, or learned from the sample.
    variance : array of shape (n_sources,)
        Of the whitened states, relative to each other.
    noise_variance : float
        Of whitened data: 1 where the noise covariance is right.
    log_likelihoods : array of shape (n_iter,)
        Of the whitened data, after each iteration of the search; the last is that of the estimate.
    n_parameters : int
        How many were learned, the common scale of all variances among them.
    converged : bool
    noiseless : bool
        Whether the learned ``lambda2`` is the smallest allowed: the model takes all of the data for signal.
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
        """Akaike's information criterion: among models of the same data the one with the smallest is preferred."""
        return float(2 * self.n_parameters - 2 * self.log_likelihoods[-1])


class KalmanSolver(Solver):
    """What both filters share: the states, and the loop over samples.

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
                f"iterations, with eps={self.eps:g}; raise max_iter, or accept a larger eps."
            )
        if noiseless:
            _warn(
                f"To the filter {noiseless} of {len(samples)} samples are free of noise, as data with slow offsets, or "
                "sampled far above their low-pass, are: correct the baseline, resample to some three times the "
                "low-pass, or give STKF a lambda2."
            )
        return out

    def posterior(self, data: np.ndarray) -> KalmanEstimate:
        """Return everything learned from one sample of shape (n_channels, n_times)."""
        data = check_data(data, self)
        if data.ndim != 2:
            raise InputError(f"The data have shape {data.shape}; give one sample (n_channels, n_times) at a time.")
        found = self._filter(data)
        if found is None:
            raise InputError("The data are zero or empty, so nothing can be learned from them; give a recording.")
        return found

    def _filter(self, sample: np.ndarray) -> KalmanEstimate | None:
        """Filter one sample; None where there is nothing to filter."""
        white = self.whitener_ @ sample.astype(np.float64, copy=False)
        return self._posterior(white) if white.any() else None

    @abstractmethod
    def _posterior(self, white: np.ndarray) -> KalmanEstimate:
        """Filter whitened data of shape (rank, n_times) that are not all zero."""


class STKF(KalmanSolver):
    """Spatio-temporal Kalman filter (Galka et al. 2004, NeuroImage 23:435) of the first order.

    At a single time point this is `LORETA` with the same ``lambda2``; later ones are predicted from those before, and
    corrected. What is not given is chosen by maximum likelihood for each sample, together with the common scale of all
    variances, so that data times k give sources times k. Parameters can be compared by the criterion
    ``posterior(data).aic``.

    From the paper are neighbours' autoregression, the whitening of its noise by the Laplacian, filters that ignore how
    errors spread to neighbours, and the choice by likelihood and AIC. We had its abstract and no more than accounts of
    its equations. Ours are the weights for depth, the stationary start, the covariances between sources, and the
    limit ``|own| + |neighbours| < 1``, which keeps the dynamics stable. Models of second order, which oscillate, are
    not here.

    Parameters
    ----------
    own : float | None
        ``a``. Of data of a single time point it is not learned.
    neighbours : float | None
        ``b``. Unless it is 0, all sources are followed one time point after the other, and learning takes long.
    lambda2 : float | None
        Regularisation, ``1 / SNR ** 2`` of single time points.
    loose, exponent, leak, rank
        As in `LORETA`.
    max_iter : int
        Iterations of the search (Nelder & Mead 1965) at most; a warning says when they were too few.
    eps : float
        Converged when the likelihood per value and the parameters change by less than this.
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
            Of the signal in each sensor mode.
        basis_ : array of shape (rank, rank)
            The sensor modes, as columns.
        kernel_ : array of shape (n_sources, n_orient, rank)
            Their currents.
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
            raise InputError(f"lambda2 is {self.lambda2:g}; the filter needs noise, so give it a positive value.")

    def _posterior(self, white: np.ndarray) -> KalmanEstimate:
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
        """Choose what is not given by maximum likelihood, from sensor modes of shape (rank, n_times)."""
        return maximize(
            lambda values: self._innovations(modes, self.dynamics(values)).log_likelihood,
            self._free(modes.shape[1]),
            n_values=modes.size,
            max_iter=self.max_iter,
            eps=self.eps,
        )

    def dynamics(self, learned: Mapping[str, float]) -> Dynamics:
        """Put given and learned parameters together; learned ones share what the given ones leave of stability."""
        lambda2 = float(np.exp(learned["log_lambda2"])) if self.lambda2 is None else self.lambda2
        own = (1 - abs(self.neighbours or 0.0)) * learned.get("own", 0.0) if self.own is None else self.own
        neighbours = (1 - abs(own)) * learned.get("share", 0.0) if self.neighbours is None else self.neighbours
        return Dynamics(own, neighbours, lambda2)

    def _free(self, n_times: int) -> list[str]:
        """Names of the parameters to be learned; the dynamics only where there are any."""
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
        if dynamics.neighbours == 0 or modes.shape[1] == 1:  # nothing to take over from neighbours yet
            states, innovations = filter_modes(self.variance_, dynamics, modes)
            return self.kernel_ @ states, innovations
        followed = np.empty((*self.states_.gain.shape[1:], modes.shape[1]))
        innovations = self._follow(modes, dynamics, followed)
        return self.states_.currents(followed), innovations

    def _follow(self, modes: np.ndarray, dynamics: Dynamics, followed: np.ndarray | None) -> Innovations:
        """Filter with coupled neighbours; write the states of all sources to ``followed``, if it is given."""
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
