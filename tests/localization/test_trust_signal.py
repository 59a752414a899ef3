"""Whether a recording holds more than noise: the tests hold their level, and weak responses are found."""

from pathlib import Path

import mne
import numpy as np
import pytest
from scipy.signal import lfilter

from headwater.localization.noise import before_zero
from headwater.localization.prepare import prepare
from headwater.localization.trust_baseline import Course, p_value_against_baseline
from headwater.localization.trust_signal import LEVEL, evidence_of_signal

TIMES = np.arange(-30, 51) / 100.0
COURSE = Course(TIMES, before_zero(TIMES), TIMES >= -1e-9)


def correlated_noise(seed: int, n_components: int = 8) -> np.ndarray:
    """Components of unequal strength whose neighbouring samples correlate by .8."""
    rng = np.random.default_rng(seed)
    white = rng.standard_normal((n_components, len(TIMES) + 100))
    strength = np.linspace(3, 1, n_components)[:, np.newaxis]
    return strength * lfilter([0.6], [1, -0.8], white, axis=1)[:, 100:]


def test_correlated_noise_after_a_short_baseline_is_rarely_taken_for_a_response() -> None:
    p_values = np.array([p_value_against_baseline(correlated_noise(seed), COURSE) for seed in range(24)])
    assert np.count_nonzero(p_values <= LEVEL) <= 1
    assert 0.3 < p_values.mean() < 0.8


def test_a_response_in_correlated_noise_is_found() -> None:
    bump = np.exp(-0.5 * ((TIMES - 0.15) / 0.03) ** 2)
    topography = np.r_[0, 0, 0, 0, 0, 0, 20.0, 10.0]
    found = [p_value_against_baseline(correlated_noise(seed) + np.outer(topography, bump), COURSE) for seed in range(8)]
    assert np.count_nonzero(np.array(found) <= LEVEL) >= 7


@pytest.mark.parametrize(
    "times", [TIMES, np.arange(-20, 2000) / 1000.0], ids=["short", "much longer than its baseline"]
)
def test_the_largest_power_counts_wherever_it_is(times: np.ndarray) -> None:
    data = np.random.default_rng(0).standard_normal((5, len(times)))
    window = (times >= 0.2) & (times <= 0.2021)
    data[:, window] += 30.0
    assert p_value_against_baseline(data, Course(times, before_zero(times), window)) <= LEVEL


@pytest.mark.parametrize(("sensors", "limit"), [("meg", LEVEL), ("eeg", 2 * LEVEL)])
def test_the_response_to_a_visual_field_stands_out_of_six_trials(shared_data: Path, sensors: str, limit: float) -> None:
    """That of the EEG is at the limit: .010 with the template head, .014 with the subject's own."""
    sample = shared_data / "mne-sample"
    evokeds = mne.read_evokeds(sample / "sample_right-auditory_right-visual-ave.fif", verbose="error")
    forward = mne.read_forward_solution(sample / "derived_sample_ico3-320bem-meg-eeg-fwd.fif", verbose="error")
    prepared = prepare(evokeds, forward=forward, condition="Right visual", sensors=sensors, tmin=0.08, tmax=0.13)
    evidence = evidence_of_signal(prepared)
    print(f"Right visual, {sensors}: p = {evidence.p_value:.3f} {evidence.test}")
    assert evidence.p_value <= limit
