"""Kalman filtering of thousands of sources in the space of the sensors.

States ``u`` with independent variances ``D`` follow ``u_t = a u_(t-1) + eta_t``, with dynamical noise of variance
``(1 - a^2) D`` that keeps them stationary, and whitened sensors see ``y_t = K u_t + eps_t`` with noise of variance
``lambda2``. Then every error covariance of the Kalman filter is ``D`` minus something in the span of ``D K'``, and
every estimate is ``u_t = D K' U z_t`` with ``K D K' = U diag(v) U'``: the filter falls apart into one scalar filter per
sensor mode, without any approximation and whatever the number of sources. A mode of variance ``v`` has the predicted
error variance ``f v``, ``f = 1`` at first, and then

``s = f v + lambda2``, ``z <- a z + (f / s) (y - v a z)``, ``f <- a^2 f lambda2 / s + 1 - a^2``.

The likelihood is that of the innovations ``e = y - v a z``, of variance ``s``, up to a common factor that is estimated
too (Schweppe 1965; Galka et al. 2004 use it for EEG).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import toeplitz


@dataclass(frozen=True)
class Dynamics:
    """Parameters of the state-space model.

    Attributes
    ----------
    own : float
        ``a``: what a source keeps of itself from one time point to the next.
    neighbours : float
        ``b``: what it takes over from the mean of its neighbours.
    lambda2 : float
        Variance of the noise relative to that of the signal, per whitened channel and time point.
    """

    own: float
    neighbours: float
    lambda2: float


@dataclass(frozen=True, eq=False)
class Innovations:
    """What the filter did not foresee.

    Attributes
    ----------
    errors : array of shape (n_times, rank)
        Each mode minus its prediction.
    variances : array of shape (n_times, rank)
        As the model has them, up to a common factor.
    """

    errors: np.ndarray
    variances: np.ndarray

    @property
    def scale(self) -> float:
        """The common factor of all variances that makes the likelihood largest."""
        return float(np.mean(self.errors**2 / self.variances))

    @property
    def log_likelihood(self) -> float:
        """Largest log-likelihood of the whitened data over the common factor of all variances."""
        return log_likelihood(self.scale, self.variances)


def log_likelihood(scale: float, variances: np.ndarray) -> float:
    """Gaussian log-likelihood of independent values of these variances times ``scale``, their mean squared ratio."""
    return -0.5 * float(np.sum(np.log(variances)) + variances.size * (np.log(2 * np.pi * scale) + 1))


def gains(variance: np.ndarray, dynamics: Dynamics, n_times: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the gains ``f / s`` and innovation variances ``s`` of all time points, each (n_times, rank).

    Parameters
    ----------
    variance : array of shape (rank,)
        ``v``, of the signal in each mode.
    dynamics : Dynamics
    n_times : int
    """
    gain, innovation = np.empty((n_times, len(variance))), np.empty((n_times, len(variance)))
    fraction, kept = np.ones(len(variance)), dynamics.own**2
    for t in range(n_times):
        innovation[t] = fraction * variance + dynamics.lambda2
        gain[t] = fraction / innovation[t]
        fraction = kept * dynamics.lambda2 * gain[t] + 1 - kept
    return gain, innovation


def filter_modes(variance: np.ndarray, dynamics: Dynamics, modes: np.ndarray) -> tuple[np.ndarray, Innovations]:
    """Filter data without coupling between neighbours.

    Parameters
    ----------
    variance : array of shape (rank,)
    dynamics : Dynamics
        Its ``neighbours`` are 0.
    modes : array of shape (rank, n_times)
        ``U' y``.

    Returns
    -------
    states : array of shape (rank, n_times)
        ``z``.
    innovations : Innovations
    """
    gain, innovation = gains(variance, dynamics, modes.shape[1])
    states, errors = np.empty(modes.T.shape), np.empty(modes.T.shape)
    state = np.zeros(len(variance))
    for t, data in enumerate(modes.T):
        state = dynamics.own * state
        errors[t] = data - variance * state
        state = state + gain[t] * errors[t]
        states[t] = state
    return states.T, Innovations(errors, innovation)


def temporal_modes(own: float, n_times: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors (columns) of the stationary correlations ``a^|t - t'|`` of the states."""
    return np.linalg.eigh(toeplitz(own ** np.arange(n_times)))
