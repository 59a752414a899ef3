"""How far a peak would move: with new noise, with other places of one dipole, and from one moment to the next."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import softmax

RIGHT_MM = 15.0  # a peak this near to a true source is called right
LEAST_ERROR = 0.05  # share of the signal's power that a template head gets wrong at the least
N_DRAWS = 30
# Of the currents, those that are stronger than this share of the strongest make the response that is drawn again.
STRONG = 0.5
AROUND = 0.0201  # s, a little more than two samples at 100 Hz


def signal_power(signal: np.ndarray) -> float:
    """Return the power of whitened data, shape (rank,), above that of the noise; at least a small number."""
    return max(float(np.sum(signal**2)) - len(signal), 1e-9)


def stable_share(
    strength_of: Callable[[np.ndarray], np.ndarray],
    topography: np.ndarray,
    signal: np.ndarray,
    distance_mm: np.ndarray,
    error: float,
) -> float:
    """Localise the response that the strong currents make, with new noise, and count how often the peak stays.

    Parameters
    ----------
    strength_of : callable
        Strength of the estimate, shape (n_sources, n), of whitened data, shape (rank, n).
    topography : array of shape (rank,)
        What the strong currents of the estimate make, whitened.
    signal : array of shape (rank,)
        The data, whitened so that their noise has a variance of 1.
    distance_mm : array of shape (n_sources,)
        From the peak to each source.
    error : float
        Power of the error of the lead field, relative to that of the signal; drawn like noise.

    Returns
    -------
    share : float
        Of the draws whose strongest source lies within `RIGHT_MM` of the peak.
    """
    power = signal_power(signal)
    sd = np.sqrt(1 + max(error, LEAST_ERROR) * power / len(signal))
    length = float(np.linalg.norm(topography))
    if length == 0:
        return 0.0
    mean = topography * np.sqrt(power) / length
    draws = mean[:, np.newaxis] + sd * np.random.default_rng(0).standard_normal((len(signal), N_DRAWS))
    strongest = strength_of(draws).argmax(axis=0)
    return float(np.mean(distance_mm[strongest] <= RIGHT_MM))


def dipole_share(goodness: np.ndarray, signal: np.ndarray, distance_mm: np.ndarray, error: float) -> float:
    """Return the probability that the dipole lies within `RIGHT_MM` of the peak, if there is only one.

    All places are equally likely beforehand, and noise and lead-field error are white:
    ``p(i) ~ exp(goodness_i |signal|^2 / (2 v))`` with v their variance.

    Parameters
    ----------
    goodness : array of shape (n_sources,)
        Goodness of fit of a dipole at each source.
    signal : array of shape (rank,)
        The data, whitened so that their noise has a variance of 1.
    distance_mm : array of shape (n_sources,)
        From the peak to each source.
    error : float
        Power of the error of the lead field, relative to that of the signal.
    """
    variance = 1 + max(error, LEAST_ERROR) * signal_power(signal) / len(signal)
    probability = softmax(goodness * float(np.sum(signal**2)) / (2 * variance))
    return float(probability[distance_mm <= RIGHT_MM].sum())


def moments_around(power: np.ndarray, times: np.ndarray, moment: int) -> np.ndarray:
    """Return the time points around a peak, within `AROUND`, at which the data have at least half of its power."""
    return np.flatnonzero((np.abs(times - times[moment]) <= AROUND) & (power >= 0.5 * power[moment]))
