"""How far to shrink a noise covariance that was estimated from few samples.

The smallest eigenvalues of a sample covariance are too small, and whitening divides by them. A shrunk covariance,
``(1 - r) S + r tr(S) / p I``, repairs this; the functions here choose the intensity ``r``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Intensities that cross-validation compares; none is 0, since every estimate has an error.
INTENSITIES = np.logspace(-4, 0, 33)
FOLDS = 5


def effective_samples(segments: Sequence[np.ndarray], n_samples: float) -> float:
    """Return how many independent samples have as much error in their covariance as these correlated ones.

    The variance of a sample covariance grows by ``1 + 2 sum_k rho_k^2``, with ``rho_k`` the autocorrelation at lag k
    (Bartlett 1946). It is averaged over channels, and the sum ends where it is no longer above chance.

    Parameters
    ----------
    segments : sequence of arrays of shape (n_channels, n_times)
        Noise that has the autocorrelation of the samples.
    n_samples : float
        Number of samples that the covariance was estimated from.
    """
    n_times = min(segment.shape[1] for segment in segments)
    correlation = np.mean([autocorrelation(segment[:, :n_times]) for segment in segments], axis=0)
    below = np.flatnonzero(correlation < 2 / np.sqrt(n_times * len(segments)))
    stop = below[0] if len(below) else len(correlation)
    return float(n_samples / (1 + 2 * np.sum(correlation[1:stop] ** 2)))


def autocorrelation(segment: np.ndarray) -> np.ndarray:
    """Return the mean over channels of the autocorrelation at lags up to half the duration."""
    centred = segment - segment.mean(axis=1, keepdims=True)
    n_times = centred.shape[1]
    power = np.abs(np.fft.rfft(centred, 2 * n_times, axis=1)) ** 2
    lagged = np.fft.irfft(power, axis=1)[:, : max(n_times // 2, 1)]
    variance = lagged[:, :1]
    moving = variance[:, 0] > 0
    if not moving.any():
        return np.eye(1, lagged.shape[1])[0]
    return np.asarray((lagged[moving] / variance[moving]).mean(axis=0))


def oracle_intensity(covariance: np.ndarray, n_samples: float) -> float:
    """Return the oracle-approximating shrinkage of Gaussian samples (Chen, Wiesel, Eldar & Hero 2010, eq. 23).

    It needs only the sample covariance and the number of independent samples behind it. Terms of order ``1 / p`` in
    the numerator are kept as in the published formula.
    """
    n_channels = len(covariance)
    squared_trace = np.trace(covariance) ** 2
    trace_of_square = float(np.sum(covariance**2))
    numerator = (1 - 2 / n_channels) * trace_of_square + squared_trace
    denominator = (n_samples + 1 - 2 / n_channels) * (trace_of_square - squared_trace / n_channels)
    return float(min(1.0, numerator / denominator)) if denominator > 0 else 1.0


def cross_validated_intensity(samples: np.ndarray, folds: Sequence[np.ndarray]) -> float:
    """Return the intensity whose covariance makes samples that were left out most probable.

    Parameters
    ----------
    samples : array of shape (n_channels, n_samples)
        With a mean of zero.
    folds : sequence of int arrays
        Samples to leave out together. Neighbours in time belong into one fold, since they are not independent.
    """
    loss = np.zeros(len(INTENSITIES))
    for left_out in folds:
        kept = np.delete(samples, left_out, axis=1)
        values, vectors = np.linalg.eigh(kept @ kept.T / kept.shape[1])
        tested = np.mean((vectors.T @ samples[:, left_out]) ** 2, axis=1)
        shrunk = np.outer(1 - INTENSITIES, values.clip(min=0)) + INTENSITIES[:, np.newaxis] * values.mean()
        loss += len(left_out) * np.sum(np.log(shrunk) + tested / shrunk, axis=1)
    return float(INTENSITIES[loss.argmin()])


def time_folds(n_trials: int, n_times: int) -> list[np.ndarray]:
    """Split samples of concatenated trials into folds of whole trials, or of one trial's contiguous stretches."""
    samples = np.arange(n_trials * n_times)
    if n_trials < FOLDS:
        return np.array_split(samples, FOLDS)
    return [np.concatenate(part) for part in np.array_split(samples.reshape(n_trials, n_times), FOLDS)]
