"""Kalman filtering of thousands of sources in sensor space.

States ``u`` with independent variances ``D`` follow ``u_t = a u_(t-1) + eta_t``. The dynamical noise has the variance
``(1 - a^2) D``, which keeps the states stationary. The whitened sensors measure ``y_t = K u_t + eps_t`` with noise of
variance ``lambda2``. Every error covariance of the Kalman filter is then ``D`` minus a matrix in the span of ``D K'``,
and every estimate is ``u_t = D K' U z_t`` with ``K D K' = U diag(v) U'``. The filter separates into one scalar filter
per sensor mode, without approximation and for any number of sources. A mode of variance ``v`` has the predicted error
variance ``f v``, with ``f = 1`` initially, and is updated by

``s = f v + lambda2``, ``z <- a z + (f / s) (y - v a z)``, ``f <- a^2 f lambda2 / s + 1 - a^2``.

The likelihood is that of the innovations ``e = y - v a z`` with variance ``s``, up to a common factor that is estimated
as well (Schweppe 1965; applied to EEG by Galka et al. 2004).
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
        ``a``: autoregressive coefficient of a source.
    neighbours : float
        ``b``: autoregressive coefficient of the mean of its neighbours.
    lambda2 : float
        Noise variance relative to the signal variance, per whitened channel and time point.
    """

    own: float
    neighbours: float
    lambda2: float


@dataclass(frozen=True, eq=False)
class Innovations:
    """Prediction errors of the filter.

    Attributes
    ----------
    errors : array of shape (n_times, rank)
        Each mode minus its prediction.
    variances : array of shape (n_times, rank)
        Variances of the errors under the model, up to a common factor.
    """

    errors: np.ndarray
    variances: np.ndarray

    @property
    def scale(self) -> float:
        """Common factor of all variances that maximises the likelihood."""
        return float(np.mean(self.errors**2 / self.variances))

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood of the whitened data, maximised over the common factor of all variances."""
        return log_likelihood(self.scale, self.variances)


def log_likelihood(scale: float, variances: np.ndarray) -> float:
    """Return the Gaussian log-likelihood of independent values with variances ``scale * variances``.

    ``scale`` is the mean of the squared values divided by ``variances``.
    """
    return -0.5 * float(np.sum(np.log(variances)) + variances.size * (np.log(2 * np.pi * scale) + 1))


def gains(variance: np.ndarray, dynamics: Dynamics, n_times: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the gains ``f / s`` and the innovation variances ``s`` of all time points, each (n_times, rank).

    Parameters
    ----------
    variance : array of shape (rank,)
        Signal variance ``v`` of each mode.
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
        With ``neighbours`` equal to 0.
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
    """Return eigenvalues and eigenvectors (columns) of the stationary correlations ``a^|t - t'|`` of the states."""
    return np.linalg.eigh(toeplitz(own ** np.arange(n_times)))
