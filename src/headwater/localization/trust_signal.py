"""Whether a recording holds more than noise.

Three tests, by what there is: the signs of trials are flipped, the window is compared with the baseline, or, where the
noise is not known at all, the topographies with those that the lead field can make.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mne.proj import make_projector
from scipy import stats
from scipy.linalg import toeplitz

from headwater.localization.noise_shrinkage import autocorrelation, effective_samples
from headwater.localization.prepare import Prepared
from headwater.solvers.inputs.whitening import whiten

LEVEL = 0.01  # of all tests
N_FLIPS = 499
# With fewer trials, all combinations of signs are too few for the level.
MIN_TRIALS = 8
# Fewer baseline samples than these do not say how strong the noise is.
MIN_BASELINE = 20
# Time points of a recording that is compared with its baseline.
MOST_TIMES = 200
# Share of the lead field's power that the leading topographies hold.
LEADING = 0.95


@dataclass(frozen=True)
class Evidence:
    """Outcome of the test that the window holds nothing but noise.

    Attributes
    ----------
    p_value : float
    test : str
        What was compared, in words.
    """

    p_value: float
    test: str

    @property
    def found(self) -> bool:
        """Whether something stands out of the noise, at the level `LEVEL`."""
        return self.p_value <= LEVEL


def evidence_of_signal(prepared: Prepared) -> Evidence:
    """Test a prepared recording against noise alone."""
    if prepared.trials is not None and len(prepared.trials) >= MIN_TRIALS:
        return _flipped_signs(prepared)
    if prepared.noise.measured:
        return _stronger_than_noise(prepared)
    return _topographies(prepared)


def _flipped_signs(prepared: Prepared) -> Evidence:
    """Compare the largest power over time with that after random signs: noise is as likely with either sign."""
    evoked = prepared.evoked
    trials = prepared.trials
    assert trials is not None  # noqa: S101
    white = whiten(prepared.leadfield, prepared.noise_cov)
    evoked, whitener = evoked.copy().pick(white.leadfield.ch_names), white.whitener
    projector = make_projector(evoked.info["projs"], evoked.ch_names)[0]
    first = int(np.abs(trials.times - evoked.times[0]).argmin())
    data = projector @ trials.get_data(picks=evoked.ch_names, copy=True)
    before = trials.times <= 0
    if before.sum() > 1:
        data = data - data[:, :, before].mean(axis=2, keepdims=True)
    data = whitener @ data[:, :, first : first + len(evoked.times)]
    n_trials = len(data)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (N_FLIPS, n_trials))
    flat = data.reshape(n_trials, -1)
    power = [_largest_power(row @ flat, data.shape[1:]) for row in (np.ones(n_trials), *signs)]
    p_value = (1 + np.count_nonzero(np.array(power[1:]) >= power[0])) / (1 + N_FLIPS)
    return Evidence(float(p_value), f"against {N_FLIPS} averages of the {n_trials} trials with random signs")


def _largest_power(flat: np.ndarray, shape: tuple[int, ...]) -> float:
    return float(np.sum(flat.reshape(shape) ** 2, axis=0).max())


def _stronger_than_noise(prepared: Prepared) -> Evidence:
    """Compare the power in the window with that of the noise.

    Channels are only scaled, not whitened, so that errors of the estimated covariance matter little.
    """
    if int((prepared.whole.times < 0).sum()) >= MIN_BASELINE:
        return _stronger_than_baseline(prepared)
    evoked, sd = prepared.evoked, _noise_sd(prepared)
    covariance = _full(prepared.noise_cov.data) / np.outer(sd, sd)
    directions = np.trace(covariance) ** 2 / np.sum(covariance**2)  # independent ones of the same variance
    power = np.mean((evoked.data / sd[:, np.newaxis]) ** 2, axis=0) * evoked.nave
    n_samples = directions * max((prepared.noise.n_effective or np.inf) - 1, 1)
    p_each = stats.f.sf(power.max() / np.mean(np.diag(covariance)), directions, n_samples)
    return Evidence(float(min(1.0, len(power) * p_each)), "against the noise covariance")


def _stronger_than_baseline(prepared: Prepared) -> Evidence:
    """Compare the window with the baseline: mean power and largest power, relative to the mean of the baseline.

    The same ratios of random noise follow from draws that have the principal components of the baseline and their
    autocorrelation, and whose baseline mean is subtracted as well. The smaller of the two p-values counts twice.
    """
    whole, evoked = prepared.whole, prepared.evoked
    step = int(np.ceil(len(whole.times) / MOST_TIMES))
    times = whole.times[::step]
    before = times < 0
    window = (times >= evoked.times[0]) & (times <= evoked.times[-1])
    if not window.any():
        window[np.abs(times - evoked.times[0]).argmin()] = True
    sd = _noise_sd(prepared)
    data = whole.data[:, ::step] / (sd / sd.max())[:, np.newaxis]
    data /= max(float(np.abs(data[:, before]).max()), np.finfo(float).tiny)  # the ratios below have no scale
    _, strength, courses = np.linalg.svd(data[:, before], full_matrices=False)
    values, vectors = np.linalg.eigh(toeplitz(_noise_autocorrelation(courses, strength**4, len(times))))
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    rng = np.random.default_rng(0)
    ratios = np.array(
        [
            _power_ratios(
                strength[:, np.newaxis] * (rng.standard_normal((len(strength), len(times))) @ root), before, window
            )
            for _ in range(N_FLIPS)
        ]
    )
    exceeded = np.count_nonzero(ratios >= _power_ratios(data, before, window), axis=0)
    p_value = 2 * (1 + exceeded.min()) / (1 + N_FLIPS)
    return Evidence(float(min(1.0, p_value)), "against noise like that of the baseline")


def _power_ratios(data: np.ndarray, before: np.ndarray, window: np.ndarray) -> tuple[float, float]:
    """Return the mean and the largest power in the window, relative to the mean power of the baseline."""
    power = np.sum((data - data[:, before].mean(axis=1, keepdims=True)) ** 2, axis=0)
    level = power[before].mean()
    return float(power[window].mean() / level), float(power[window].max() / level)


def _noise_autocorrelation(courses: np.ndarray, weights: np.ndarray, n_lags: int) -> np.ndarray:
    """Return the autocorrelation of components, weighted, and corrected for the mean that was subtracted.

    Of a series without its mean it is ``(rho_k - v) / (1 - v)`` in expectation, with ``v`` the variance of the mean.
    Strong components count most (with the square of their power), since they decide how much the power varies.
    """
    n_times = courses.shape[1]
    each = np.array([autocorrelation(course[np.newaxis]) for course in courses])
    lags = np.average(each, axis=0, weights=weights)
    below = np.flatnonzero(lags < 2 / np.sqrt(n_times))
    n_kept = below[0] if len(below) else len(lags)
    found, taper = lags[:n_kept], 1 - np.arange(n_kept) / n_times
    corrected = found
    for _ in range(10):
        variance = min((1 + 2 * np.sum(taper[1:] * corrected[1:])) / n_times, 0.9)
        corrected = found * (1 - variance) + variance
    return np.pad(corrected, (0, n_lags))[:n_lags]


def _topographies(prepared: Prepared) -> Evidence:
    """Test whether topographies resemble those of the lead field more than independent noise of any strength does."""
    evoked, leadfield = prepared.evoked, prepared.leadfield
    sd = _noise_sd(prepared)
    projector = make_projector(evoked.info["projs"], evoked.ch_names)[0]
    gain = (projector @ leadfield.matrix) / sd[:, np.newaxis]
    values, vectors = np.linalg.eigh(gain @ gain.T)
    share = np.cumsum(values[::-1]) / values.sum()
    n_leading = int(np.searchsorted(share, LEADING)) + 1
    rank = int(np.linalg.matrix_rank(projector))
    data = evoked.data / sd[:, np.newaxis]
    inside = np.sum((vectors[:, ::-1][:, :n_leading].T @ data) ** 2)
    outside = max(np.sum(data**2) - inside, np.finfo(float).tiny)
    n_times = effective_samples([data], data.shape[1]) if data.shape[1] >= MIN_BASELINE else 1.0
    ratio = (inside / n_leading) / (outside / (rank - n_leading))
    p_value = stats.f.sf(ratio, n_leading * n_times, (rank - n_leading) * n_times)
    return Evidence(float(p_value), "against independent noise on all channels")


def _noise_sd(prepared: Prepared) -> np.ndarray:
    """Return the standard deviation of the noise of a single trial; one for each sensor type, in V, T and T/m."""
    variance = np.diag(_full(prepared.noise_cov.data))
    types = np.array(prepared.evoked.get_channel_types())
    sd = np.empty(len(types))
    for kind in np.unique(types):
        sd[types == kind] = np.sqrt(variance[types == kind].mean())
    return sd


def _full(matrix: np.ndarray) -> np.ndarray:
    return np.diag(matrix) if matrix.ndim == 1 else matrix
