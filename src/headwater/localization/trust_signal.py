"""Whether a recording holds more than noise.

Three tests, by what there is: the signs of trials are flipped, the window is compared with the baseline, or, where the
noise is not known at all, the topographies with those that the lead field can make.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mne.proj import make_projector
from scipy import stats

from headwater.localization.noise import ROUNDED, before_zero
from headwater.localization.prepare import Prepared
from headwater.localization.trust_baseline import Course, p_value_against_baseline
from headwater.solvers.inputs.shrinkage import effective_samples
from headwater.solvers.inputs.whitening import whiten

LEVEL = 0.01  # of all tests
N_FLIPS = 499
# With fewer trials, all combinations of signs are too few for the level.
MIN_TRIALS = 8
# Fewer baseline samples than these do not say how strong the noise is.
MIN_BASELINE = 20
# Share of the lead field's power that the leading topographies hold, of one window and of a window and its baseline.
LEADING, LEADING_OF_BASELINE = 0.95, 0.9


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
    before = before_zero(trials.times)
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
    if int(before_zero(prepared.whole.times).sum()) >= MIN_BASELINE:
        return _stronger_than_baseline(prepared)
    evoked, sd = prepared.evoked, _noise_sd(prepared)
    covariance = _full(prepared.noise_cov.data) / np.outer(sd, sd)
    directions = np.trace(covariance) ** 2 / np.sum(covariance**2)  # independent ones of the same variance
    power = np.mean((evoked.data / sd[:, np.newaxis]) ** 2, axis=0) * evoked.nave
    n_samples = directions * max((prepared.noise.n_effective or np.inf) - 1, 1)
    p_each = stats.f.sf(power.max() / np.mean(np.diag(covariance)), directions, n_samples)
    return Evidence(float(min(1.0, len(power) * p_each)), "against the noise covariance")


def _stronger_than_baseline(prepared: Prepared) -> Evidence:
    """Compare the window with the baseline, in the leading topographies of the lead field."""
    whole, window = prepared.whole, prepared.evoked.times
    within = (whole.times >= window[0] - ROUNDED) & (whole.times <= window[-1] + ROUNDED)
    course = Course(whole.times, before_zero(whole.times), within)
    sd = _noise_sd(prepared)
    sd = (sd / sd.max())[:, np.newaxis]
    leading = _leading(prepared, sd, LEADING_OF_BASELINE)
    p_value = p_value_against_baseline(leading.T @ (whole.data / sd), course)
    return Evidence(p_value, "against noise like that of the baseline")


def _topographies(prepared: Prepared) -> Evidence:
    """Test whether topographies resemble those of the lead field more than independent noise of any strength does."""
    evoked, sd = prepared.evoked, _noise_sd(prepared)
    leading = _leading(prepared, sd[:, np.newaxis], LEADING)
    n_leading = leading.shape[1]
    rank = int(np.linalg.matrix_rank(make_projector(evoked.info["projs"], evoked.ch_names)[0]))
    data = evoked.data / sd[:, np.newaxis]
    inside = np.sum((leading.T @ data) ** 2)
    outside = max(np.sum(data**2) - inside, np.finfo(float).tiny)
    n_times = effective_samples([data], data.shape[1]) if data.shape[1] >= MIN_BASELINE else 1.0
    ratio = (inside / n_leading) / (outside / (rank - n_leading))
    p_value = stats.f.sf(ratio, n_leading * n_times, (rank - n_leading) * n_times)
    return Evidence(float(p_value), "against independent noise on all channels")


def _leading(prepared: Prepared, sd: np.ndarray, share: float) -> np.ndarray:
    """Return the topographies that hold a share of the lead field's power, orthonormal, shape (n_channels, n).

    Sensors are divided by the standard deviations ``sd`` of their noise, shape (n_channels, 1).
    """
    evoked = prepared.evoked
    gain = make_projector(evoked.info["projs"], evoked.ch_names)[0] @ prepared.leadfield.matrix / sd
    values, vectors = np.linalg.eigh(gain @ gain.T)
    held = np.cumsum(values[::-1]) / values.sum()
    return np.asarray(vectors[:, ::-1][:, : int(np.searchsorted(held, share)) + 1])


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
