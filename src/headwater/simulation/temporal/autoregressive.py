"""Autoregressive processes: fitting them, their autocovariance and their spectrum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import solve_toeplitz, toeplitz

from headwater._utils.errors import InputError


def yule_walker(autocovariance: np.ndarray) -> np.ndarray:
    """Coefficients ``a`` of ``p_t = sum_k a_k p_(t-k) + e_t`` from the autocovariance at lags 0 to order.

    The resulting process is stationary and has exactly this autocovariance up to the order.
    """
    r = np.asarray(autocovariance, dtype=float)
    return np.asarray(solve_toeplitz(r[:-1], r[1:]))


def burg(data: np.ndarray, order: int) -> np.ndarray:
    """Coefficients of one process for several series, by Burg's method; shape (order,).

    Burg (1975): each reflection coefficient minimises the sum of forward and backward prediction errors, here over all
    series. It is better than Yule-Walker on short windows, and also stationary.

    Parameters
    ----------
    data : array of shape (n_series, n_times)
        The mean of each series is removed.
    order : int
    """
    data = np.atleast_2d(np.asarray(data, dtype=float))
    if data.ndim != 2 or not np.isfinite(data).all():
        raise InputError("The series to fit must be a finite array of shape (n_series, n_times).")
    if not 1 <= order < data.shape[1]:
        raise InputError(
            f"An autoregressive order of {order} cannot be fitted to series of {data.shape[1]} time points; lower it."
        )
    forward = backward = data - data.mean(axis=1, keepdims=True)
    if not forward.any():
        raise InputError("The series to fit are constant; give data that vary.")
    polynomial = np.ones(1)
    for _ in range(order):
        forward, backward = forward[:, 1:], backward[:, :-1]
        reflection = -2 * np.sum(forward * backward) / np.sum(forward**2 + backward**2)
        forward, backward = forward + reflection * backward, backward + reflection * forward
        extended = np.append(polynomial, 0.0)
        polynomial = extended + reflection * extended[::-1]
    return -polynomial[1:]


def autocorrelation(coefficients: np.ndarray, n_lags: int) -> np.ndarray:
    """Autocorrelation of the stationary process at lags 0 to ``n_lags - 1``.

    The Yule-Walker equations ``r_k = sum_i a_i r_|k-i|`` for k = 1..order are linear in r_1..r_order given r_0 = 1.
    """
    a = np.asarray(coefficients, dtype=float)
    order = len(a)
    matrix = np.eye(order)
    right = np.zeros(order)
    for k in range(1, order + 1):
        for i in range(1, order + 1):
            lag = abs(k - i)
            if lag == 0:
                right[k - 1] += a[i - 1]
            else:
                matrix[k - 1, lag - 1] -= a[i - 1]
    r = np.concatenate([[1.0], np.linalg.solve(matrix, right)])[: max(n_lags, 1)]
    while len(r) < n_lags:
        r = np.append(r, a @ r[-1 : -order - 1 : -1])
    return r


def is_stationary(coefficients: np.ndarray) -> bool:
    """Whether all roots of the characteristic polynomial lie inside the unit circle."""
    return bool(np.all(np.abs(np.roots(np.r_[1.0, -np.asarray(coefficients, dtype=float)])) < 1))


def spectrum(coefficients: np.ndarray, freqs: np.ndarray, sfreq: float) -> np.ndarray:
    """One-sided power spectral density of the process of unit variance, per Hz."""
    a = np.asarray(coefficients, dtype=float)
    lags = np.arange(1, len(a) + 1)
    transfer = 1 - np.exp(-2j * np.pi * np.multiply.outer(freqs, lags) / sfreq) @ a
    r = autocorrelation(a, len(a) + 1)
    innovation = r[0] - a @ r[1:]
    return np.asarray(2 * innovation / sfreq / np.abs(transfer) ** 2)


def from_spectrum(density: Callable[[np.ndarray], np.ndarray], sfreq: float, order: int) -> np.ndarray:
    """Coefficients of the process that matches a power spectral density up to lag ``order``."""
    freqs = np.fft.rfftfreq(8192, 1 / sfreq)
    return yule_walker(np.fft.irfft(density(freqs))[: order + 1])


def resting_spectrum(freqs: np.ndarray) -> np.ndarray:
    """Power spectral density of resting cortex, up to a factor: 1/f with a knee at 1 Hz, and an alpha peak.

    The alpha peak lies at 10 Hz, is 2 Hz wide (standard deviation) and exceeds the background by 10 dB at its top,
    values central in the range that Donoghue et al. (2020), Nature Neuroscience 23, report for adult resting EEG.
    """
    background = 1 / (1 + freqs)
    return np.asarray(background * 10 ** np.exp(-0.5 * ((freqs - 10) / 2) ** 2))


def covariance_factor(coefficients: np.ndarray, n_times: int) -> np.ndarray:
    """Lower Cholesky factor of the covariance of ``n_times`` successive values of the process of unit variance.

    ``factor @ white`` is a segment of the stationary process, exactly, from its first value on.
    """
    return np.linalg.cholesky(toeplitz(autocorrelation(coefficients, n_times)))
