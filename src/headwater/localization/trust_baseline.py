"""Whether a window holds more than the noise of the baseline before it.

Averages of few trials have baselines of about 20 independent samples, and noise that drifts and oscillates, so that
ratios of power have wide distributions. The test therefore

- looks only at the leading topographies of the lead field, where the brain is strong compared with the sensors;
- takes the autocorrelation of the noise from the whole recording, in which a response counts as noise, and takes slow
  drifts out;
- whitens by the shrunk covariance of the baseline, and does so again in every draw of noise, so that the errors of the
  covariance are the same in the data and in the draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.solvers.inputs.shrinkage import oracle_intensity

N_DRAWS = 499
# Time points of the recording that are compared at most, and of its baseline that are kept.
MOST_TIMES, MIN_KEPT = 200, 10
# Hz; drifts slower than this are taken out of the data and of the draws.
DRIFT = 1.0
# The draws have the sample covariance of the baseline, shrunk by this share of what estimation requires. Fully shrunk,
# their power varies less than that of real noise, and too many recordings of noise are found to hold a signal; not
# shrunk, weak responses are missed (benchmarks/bench_signal_test.py).
DRAWN_SHRINKAGE = 0.3
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Course:
    """When a recording was sampled, and what is compared.

    Attributes
    ----------
    times : array of shape (n_times,)
        In s, equally spaced.
    before, window : bool arrays of shape (n_times,)
        The baseline, and the window that may hold a response.
    """

    times: np.ndarray
    before: np.ndarray
    window: np.ndarray

    @property
    def drifts(self) -> np.ndarray:
        """Orthonormal courses of the mean and of slow drifts, shape (n_times, n_drifts): cosines up to `DRIFT`."""
        n_times = len(self.times)
        duration = n_times * (self.times[1] - self.times[0])
        n_drifts = min(int(2 * DRIFT * duration) + 1, n_times // 4)
        phase = np.pi * (np.arange(n_times) + 0.5) / n_times
        return np.asarray(np.linalg.qr(np.cos(np.outer(phase, np.arange(n_drifts))))[0])

    def every(self, step: int) -> Course:
        """Keep one of ``step`` time points, and the one of the window that is nearest to its middle."""
        times, before, window = self.times[::step], self.before[::step], self.window[::step].copy()
        if not window.any():
            window[np.abs(times - self.times[self.window].mean()).argmin()] = True
        return Course(times, before, window)


def p_value_against_baseline(data: np.ndarray, course: Course) -> float:
    """Return how often noise like that of the baseline is as strong in the window, relative to its baseline.

    Mean and largest power of the window are both compared; the smaller of their p-values is compared with the smaller
    ones of the draws.

    Parameters
    ----------
    data : array of shape (n_components, n_times)
        Coordinates in few directions of sensor space.
    course : Course
    """
    n_before = int(course.before.sum())
    step = max(1, min(-(-data.shape[1] // MOST_TIMES), n_before // MIN_KEPT))
    data, course = data[:, ::step], course.every(step)
    drifts = course.drifts
    data = data - data @ drifts @ drifts.T
    data = data / max(float(np.abs(data[:, course.before]).max()), np.finfo(float).tiny)  # ratios have no scale
    covariance = _covariance(data[:, course.before])
    spectrum = _spectrum(data, covariance)
    n_effective = _effective(spectrum, data.shape[1], int(course.before.sum()))
    drawn = _shrunk(covariance, DRAWN_SHRINKAGE * oracle_intensity(covariance, n_effective))
    values, vectors = np.linalg.eigh(drawn)
    root = vectors * np.sqrt(values.clip(min=0))
    rng = np.random.default_rng(0)
    ratios = [_power_ratios(data, course, n_effective)]
    for _ in range(N_DRAWS):
        noise = root @ _coloured(rng, len(data), spectrum)
        ratios.append(_power_ratios(noise - noise @ drifts @ drifts.T, course, n_effective))
    return _smallest_rank(np.array(ratios))


def _smallest_rank(ratios: np.ndarray) -> float:
    """Return the p-value of the first row among all: its best rank, compared with the best ranks of the others."""
    each = np.array([[np.count_nonzero(column >= value) for value in column] for column in ratios.T])
    best = each.min(axis=0)
    return float(np.count_nonzero(best <= best[0]) / len(best))


def _covariance(quiet: np.ndarray) -> np.ndarray:
    return np.asarray(quiet @ quiet.T / quiet.shape[1])


def _shrunk(covariance: np.ndarray, intensity: float) -> np.ndarray:
    size = len(covariance)
    return np.asarray((1 - intensity) * covariance + intensity * np.trace(covariance) / size * np.eye(size))


def _spectrum(data: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return the power spectrum of principal components of the baseline, padded with as many zeros.

    Strong components count most (with the square of their power), since they decide how much the power varies.
    """
    values, vectors = np.linalg.eigh(covariance)
    kept = values > ROUNDING * values[-1]
    courses = vectors[:, kept].T @ data
    power = np.abs(np.fft.rfft(courses, 2 * data.shape[1], axis=1)) ** 2
    each = power / np.maximum(np.sum(courses**2, axis=1, keepdims=True), np.finfo(float).tiny)
    return np.asarray(np.average(each, axis=0, weights=values[kept] ** 2 if kept.any() else None))


def _effective(spectrum: np.ndarray, n_times: int, n_before: int) -> float:
    """Return how many independent samples have as much error in their covariance as those of the baseline."""
    lagged = np.fft.irfft(spectrum)[:n_times]
    lags = np.arange(1, n_before)
    correlation = lagged[lags] / lagged[0] if lagged[0] > 0 else np.zeros(len(lags))
    return float(max(2.0, n_before / (1 + 2 * np.sum((1 - lags / n_before) * correlation**2))))


def _coloured(rng: np.random.Generator, n_components: int, spectrum: np.ndarray) -> np.ndarray:
    """Draw independent components with a power spectrum and a variance of one, shape (n_components, n_times)."""
    n_padded = 2 * (len(spectrum) - 1)
    white = np.fft.rfft(rng.standard_normal((n_components, n_padded)), axis=1)
    return np.asarray(np.fft.irfft(white * np.sqrt(spectrum), n_padded, axis=1)[:, : n_padded // 2])


def _power_ratios(data: np.ndarray, course: Course, n_effective: float) -> tuple[float, float]:
    """Return mean and largest power of the window, whitened by the baseline, relative to the mean of the baseline."""
    covariance = _covariance(data[:, course.before])
    shrunk = _shrunk(covariance, oracle_intensity(covariance, n_effective))
    power = np.sum(data * np.linalg.lstsq(shrunk, data, rcond=None)[0], axis=0)
    level = power[course.before].mean()
    if level <= 0:
        return 0.0, 0.0
    return float(power[course.window].mean() / level), float(power[course.window].max() / level)
