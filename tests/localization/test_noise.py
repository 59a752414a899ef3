"""Noise covariances against the covariance that drew the samples."""

import re

import mne
import numpy as np
import pytest
from scipy.signal import lfilter

from headwater._utils.errors import InputError
from headwater.localization.noise import Noise, default_baseline, estimate_noise
from headwater.localization.noise_span import spans
from headwater.localization.prepare import SENSORS
from headwater.solvers.inputs.shrinkage import (
    cross_validated_intensity,
    effective_samples,
    oracle_intensity,
    time_folds,
)

N_EEG = 32


def eeg_info(n_channels: int = N_EEG) -> mne.Info:
    return mne.create_info([f"EEG {number:03d}" for number in range(n_channels)], 100.0, "eeg")


def correlated(n_channels: int = N_EEG, seed: int = 0) -> np.ndarray:
    """A covariance with a few strong directions over sensor noise, in uV^2."""
    mixing = np.random.default_rng(seed).standard_normal((n_channels, 4))
    return mixing @ mixing.T + 0.1 * np.eye(n_channels)


def drawn(covariance: np.ndarray, n_samples: int, *, memory: float = 0.0, seed: int = 1) -> np.ndarray:
    """Samples of an autoregressive process of first order, in V."""
    white = np.random.default_rng(seed).standard_normal((len(covariance), n_samples + 200))
    course = lfilter([np.sqrt(1 - memory**2)], [1, -memory], white)[:, 200:]
    return 1e-6 * np.linalg.cholesky(covariance) @ course


def evoked_of(data: np.ndarray, n_baseline: int, nave: int = 1) -> mne.Evoked:
    info = eeg_info(len(data))
    evoked = mne.EvokedArray(data, info, tmin=-n_baseline / 100.0, nave=nave, baseline=None, verbose="ERROR")
    return evoked.set_eeg_reference(projection=True, verbose="ERROR").apply_proj(verbose="ERROR")


def whitened_variance(estimated: np.ndarray, truth: np.ndarray) -> float:
    """Mean variance of noise after whitening; 1 for the covariance that drew it. EEG with an average reference."""
    reference = np.eye(len(truth)) - 1 / len(truth)
    return float(np.trace(np.linalg.pinv(estimated, rcond=1e-12) @ reference @ truth @ reference) / (len(truth) - 1))


def given(matrix: np.ndarray, n_samples: int) -> mne.Covariance:
    return mne.Covariance(matrix, eeg_info(len(matrix)).ch_names, [], [], nfree=n_samples)


@pytest.mark.parametrize("memory", [0.0, 0.8])
def test_effective_samples_predict_the_error_of_a_variance(memory: float) -> None:
    """The variance of a sample variance is 2 / n_effective."""
    n_samples = 400
    course = drawn(np.eye(2000), n_samples, memory=memory) * 1e6
    measured = 2 / np.var(np.mean(course**2, axis=1))
    assert effective_samples([course], n_samples) == pytest.approx(measured, rel=0.15)


def test_intensity_falls_with_the_number_of_samples() -> None:
    covariance = correlated()
    intensities = [oracle_intensity(covariance, n_samples) for n_samples in (10, 100, 1000)]
    assert intensities == sorted(intensities, reverse=True)
    assert oracle_intensity(np.eye(5), 10) == 1.0


def test_oracle_intensity_is_that_of_scikit_learn() -> None:
    from sklearn.covariance import oas

    samples = 1e6 * drawn(correlated(), 60)
    matrix = samples @ samples.T / 60
    # scikit-learn leaves out the terms of order 1 / p in the numerator, as its documentation says.
    shrunk, intensity = oas(samples.T, assume_centered=True)
    assert oracle_intensity(matrix, 60) == pytest.approx(intensity, rel=0.1)
    assert shrunk.shape == matrix.shape


def test_cross_validation_finds_nearly_the_most_probable_covariance() -> None:
    truth = correlated()
    samples = drawn(truth, 60) * 1e6
    matrix = samples @ samples.T / 60

    def likelihood(intensity: float) -> float:
        shrunk = (1 - intensity) * matrix + intensity * np.trace(matrix) / N_EEG * np.eye(N_EEG)
        return -np.linalg.slogdet(shrunk)[1] - np.trace(np.linalg.solve(shrunk, truth))

    found = cross_validated_intensity(samples, time_folds(1, 60))
    best = max(likelihood(intensity) for intensity in np.logspace(-4, 0, 33))
    assert likelihood(found) > best - 0.1 * N_EEG
    assert likelihood(found) > likelihood(1e-4) + N_EEG / 2


def test_folds_hold_whole_trials_or_stretches_of_one() -> None:
    assert [list(fold) for fold in time_folds(1, 10)] == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    assert [list(fold) for fold in time_folds(6, 2)][0] == [0, 1, 2, 3]
    assert sorted(np.concatenate(time_folds(7, 3))) == list(range(21))


@pytest.mark.parametrize("average", [True, False])
def test_baseline_covariance_is_that_of_single_trials(average: bool) -> None:
    """The covariance of white noise of known variance comes back, from trials and from their average alike."""
    sigma, n_trials = 1e-5, 64
    data = sigma * np.random.default_rng(0).standard_normal((n_trials, 20, 600))
    epochs = mne.EpochsArray(data, eeg_info(20), tmin=-3.0, verbose="ERROR")
    noise = estimate_noise(epochs.average(), None if average else epochs, None)
    assert "baseline" in noise.words
    assert noise.measured
    variance = np.diag(noise.covariance.data)
    np.testing.assert_allclose(variance, sigma**2, rtol=0.3)
    np.testing.assert_allclose(variance.mean(), sigma**2, rtol=0.05)


@pytest.mark.parametrize("n_baseline", [25, 40, 400])
def test_few_and_dependent_samples_whiten_as_well_as_many(n_baseline: int) -> None:
    """Without regularisation, noise that was not used for the estimate is far from white."""
    truth = correlated()
    noise = drawn(truth, n_baseline + 100, memory=0.8)
    evoked = evoked_of(noise, n_baseline)
    found = estimate_noise(evoked, None, None)
    assert 0.3 < whitened_variance(1e12 * found.covariance.data, truth) < 2.0
    exact = estimate_noise(evoked, None, None, regularize=False)
    if n_baseline < 100:
        assert whitened_variance(1e12 * exact.covariance.data, truth) > 5


def test_a_given_covariance_is_regularised_by_its_effective_samples() -> None:
    truth = correlated()
    samples = drawn(truth, 200, memory=0.9)
    evoked = evoked_of(drawn(truth, 500, memory=0.9, seed=2), 400)
    covariance = given(samples @ samples.T / 200, 200)
    exact = estimate_noise(evoked, None, covariance, regularize=False)
    np.testing.assert_array_equal(exact.covariance.data, covariance.data)
    found = estimate_noise(evoked, None, covariance)
    assert found.n_effective < 60
    assert "shrunk" in found.words
    assert "shrunk" not in exact.words
    regularised, kept = (whitened_variance(1e12 * one.covariance.data, truth) for one in (found, exact))
    assert regularised < 0.6 * kept
    assert regularised < 2.0


@pytest.mark.parametrize("nfree", [0, 1])
def test_a_covariance_that_was_not_estimated_is_exact(nfree: int) -> None:
    evoked = evoked_of(drawn(correlated(), 200), 100)
    found = estimate_noise(evoked, None, given(1e-12 * correlated(), nfree))
    np.testing.assert_array_equal(found.covariance.data, 1e-12 * correlated())
    assert found.words == "as given"


@pytest.mark.parametrize(("nave", "factor"), [(1, 5.0), (16, 5.0), (1, 1.5), (1, 0.2)])
def test_a_given_covariance_of_another_level_is_said(nave: int, factor: float) -> None:
    truth = correlated()
    evoked = evoked_of(factor / np.sqrt(nave) * drawn(truth, 600), 500, nave)
    said = estimate_noise(evoked, None, given(1e-12 * truth, 10_000)).words
    if 0.5 < factor < 2:
        assert "another level" not in said
    else:
        shown = re.search(r"the baseline holds noise of another level: ([\d.]+) times \(EEG\) the given one", said)
        assert shown is not None
        assert float(shown[1]) == pytest.approx(factor, rel=0.1)


def test_time_zero_is_not_part_of_the_baseline() -> None:
    """The artefact of a stimulus, and a response of no latency, begin at zero."""
    evoked = evoked_of(drawn(correlated(), 200), 100)
    before = estimate_noise(evoked, None, None).covariance.data
    evoked.data[:, 100:] += 1e-3
    assert np.abs(estimate_noise(evoked, None, None).covariance.data).max() < 2 * np.abs(before).max()
    assert default_baseline(evoked.times) == (evoked.times[0], evoked.times[99])


def test_given_covariance_is_put_in_the_order_of_the_data() -> None:
    evoked = evoked_of(drawn(correlated(), 200), 100)
    reverse, variances = evoked.ch_names[::-1], np.arange(1.0, N_EEG + 1)
    noise = estimate_noise(evoked, None, mne.Covariance(np.diag(variances), reverse, [], [], nfree=0))
    assert noise.covariance.ch_names == evoked.ch_names
    np.testing.assert_allclose(np.diag(noise.covariance.data), variances[::-1])
    short = mne.Covariance(np.eye(2), reverse[:2], [], [], nfree=10)
    with pytest.raises(InputError, match="lacks 30 channels"):
        estimate_noise(evoked, None, short)


@pytest.mark.parametrize("n_baseline", [21, 100])
def test_few_baseline_samples_do_not_lower_the_rank(n_baseline: int) -> None:
    data = 1e-6 * np.random.default_rng(0).standard_normal((N_EEG, n_baseline + 50))
    evoked = evoked_of(data, n_baseline, nave=10)
    noise = estimate_noise(evoked, None, None)
    assert f"({n_baseline} samples" in noise.words
    assert mne.compute_rank(noise.covariance, info=evoked.info, verbose="ERROR") == {"eeg": N_EEG - 1}


def test_directions_that_the_recording_lacks_are_not_filled() -> None:
    """An ICA that took two components away, or channels that were interpolated."""
    rng = np.random.default_rng(0)
    mixing = np.linalg.qr(rng.standard_normal((N_EEG, N_EEG)))[0][:, : N_EEG - 3]
    evoked = evoked_of(1e-6 * mixing @ rng.standard_normal((N_EEG - 3, 300)), 25)
    (span,) = spans(evoked, evoked.data)
    assert span.basis.shape == (N_EEG, N_EEG - 3)
    outside = evoked.data - span.basis @ (span.basis.T @ evoked.data)
    assert np.abs(outside).max() < 1e-6 * np.abs(evoked.data).max()
    for covariance in (None, given(correlated(), 50)):
        noise = estimate_noise(evoked, None, covariance)
        assert mne.compute_rank(noise.covariance, info=evoked.info, verbose="ERROR") == {"eeg": N_EEG - 3}


def test_a_filtered_recording_keeps_its_rank() -> None:
    """A low-pass leaves fewer independent time points than channels, which says nothing about the rank."""
    evoked = evoked_of(drawn(np.eye(N_EEG), 700), 200)
    evoked.filter(None, 3.0, method="iir", verbose="ERROR")
    (span,) = spans(evoked, evoked.data)
    assert span.basis.shape[1] == N_EEG - 1


def test_short_baseline_of_maxwell_filtered_meg_has_its_rank(shared_data) -> None:
    raw = mne.io.read_raw_fif(shared_data / "mne-sample" / "sample_audvis_trunc_raw_sss.fif", verbose="ERROR")
    raw = raw.load_data(verbose="ERROR").pick("meg", exclude="bads").del_proj()
    start = int(0.1 * raw.info["sfreq"])
    evoked = mne.EvokedArray(raw.get_data(), raw.info, tmin=-start / raw.info["sfreq"], verbose="ERROR")
    noise = estimate_noise(evoked, None, None)
    known = mne.compute_rank(raw, rank="info", verbose="ERROR")
    assert known["meg"] < 100
    assert mne.compute_rank(noise.covariance, info=raw.info, verbose="ERROR") == known
    assert f"MEG 1 in {known['meg']}" in noise.words or f"in {known['meg']} directions" in noise.words


def test_without_baseline_typical_noise_is_assumed() -> None:
    evoked = mne.EvokedArray(np.ones((N_EEG, 50)), eeg_info(), tmin=-0.004, baseline=None, verbose="ERROR")
    noise: Noise = estimate_noise(evoked, None, None)
    assert "assumed" in noise.words
    assert not noise.measured
    assert noise.covariance["diag"]
    assert set(SENSORS) == {"eeg", "mag", "grad"}
