import numpy as np
import pytest
import torch
from scipy import signal

from headwater._utils.errors import InputError
from headwater.simulation.distributions import Constant, Uniform
from headwater.simulation.spikes.spike_library import SpikeLibrary
from headwater.simulation.temporal import (
    Autoregressive,
    Correlated,
    Oscillation,
    PowerLaw,
    Static,
    TakingTurns,
    Transient,
    autoregressive,
)
from headwater.simulation.temporal.clips import Clips


def _draw(course, n=2000, k=1, n_times=50, sfreq=250.0, seed=0, centers=None):
    centers = torch.zeros((n, k), dtype=torch.long) if centers is None else centers
    return course.draw(centers, n_times, sfreq, torch.Generator().manual_seed(seed)).double().numpy()


KNOWN = np.array([1.2, -0.7, 0.2])  # a stationary process with a spectral peak


def test_fits_find_the_process_back():
    rng = np.random.default_rng(0)
    data = signal.lfilter([1], np.r_[1, -KNOWN], rng.standard_normal((20, 4000)))
    np.testing.assert_allclose(autoregressive.burg(data, 3), KNOWN, atol=0.01)
    exact = autoregressive.autocorrelation(KNOWN, 8)
    np.testing.assert_allclose(autoregressive.yule_walker(exact[:4]), KNOWN, atol=1e-12)
    found = np.mean([np.correlate(x, x, "full")[len(x) - 1 : len(x) + 7] / (x @ x) for x in data[:, 200:]], axis=0)
    np.testing.assert_allclose(found, exact, atol=0.02)


def test_autoregressive_courses_have_the_fitted_spectrum():
    course = Autoregressive.fit(
        signal.lfilter([1], np.r_[1, -KNOWN], np.random.default_rng(1).standard_normal((50, 2000))), order=3
    )
    freqs, power = signal.welch(_draw(course, 1500, n_times=256), fs=250.0, nperseg=256, detrend=False)
    mean = power.mean((0, 1))
    expected = autoregressive.spectrum(KNOWN, freqs, 250.0)
    inside = slice(2, -2)  # the window's leakage fills the ends
    np.testing.assert_allclose(10 * np.log10(mean[inside] / expected[inside]), 0, atol=0.7)
    assert np.trapezoid(expected, freqs) == pytest.approx(1, rel=0.01)


def test_autoregressive_courses_are_stationary_from_the_first_value():
    drawn = _draw(Autoregressive(), 40_000, n_times=30)[:, 0]
    np.testing.assert_allclose(drawn.var(0), 1, atol=5 * np.sqrt(2 / 40_000))
    covariance = drawn.T @ drawn / len(drawn)
    expected = autoregressive.autocorrelation(np.array(Autoregressive().at(250.0)), 30)
    lags = np.abs(np.subtract.outer(np.arange(30), np.arange(30)))
    np.testing.assert_allclose(covariance, expected[lags], atol=5 * np.sqrt(2 / 40_000))


@pytest.mark.parametrize("sfreq", [100.0, 250.0, 500.0])
def test_default_process_has_a_resting_spectrum(sfreq):
    freqs = np.array([2.0, 4.0, 7.0, 10.0, 13.0, 20.0, 40.0])
    found = autoregressive.spectrum(np.array(Autoregressive().at(sfreq)), freqs, sfreq)
    expected = autoregressive.resting_spectrum(freqs)
    gap = 10 * np.log10(found / expected)
    np.testing.assert_allclose(gap, gap.mean(), atol=0.6)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_power_law(exponent):
    drawn = _draw(PowerLaw(exponent), 4000, n_times=512)[:, 0]
    # The windows are stretches of periods of 1024 values, in which each frequency k has power k^-exponent.
    weights = np.arange(1, 513.0) ** -exponent
    weights[-1] /= 2
    lags = np.arange(0, 512, 37)
    expected = np.cos(2 * np.pi * np.outer(lags, np.arange(1, 513)) / 1024) @ weights / weights.sum()
    found = [np.mean(drawn[:, : 512 - lag] * drawn[:, lag:]) for lag in lags]
    np.testing.assert_allclose(found, expected, atol=0.04)


def test_exponents_are_drawn_per_component():
    drawn = _draw(PowerLaw(Uniform(0, 2)), 500, 2, n_times=256)
    roughness = (np.diff(drawn, axis=2) ** 2).mean(2) / (drawn**2).mean(2)
    assert np.percentile(roughness, 90) > 10 * np.percentile(roughness, 10)


def test_transients():
    course = Transient(latency_s=0.1, width_s=0.02, freq_hz=10.0, phase_rad=0.5)
    t = np.arange(50) / 250 - 0.1
    expected = np.exp(-0.5 * (t / 0.02) ** 2) * np.cos(2 * np.pi * 10 * t + 0.5)
    np.testing.assert_allclose(_draw(course, 2)[1, 0], expected, atol=1e-5)
    peaks = _draw(Transient(latency_s=Uniform(0.05, 0.15), freq_hz=0.0), 4000)[:, 0].argmax(1) / 250
    assert peaks.min() >= 0.048
    assert peaks.max() <= 0.152
    assert peaks.mean() == pytest.approx(0.1, abs=0.002)


def test_oscillations():
    drawn = _draw(Oscillation(freq_hz=10.0), 2000, n_times=250)[:, 0]
    spectrum = np.abs(np.fft.rfft(drawn)) ** 2
    assert (spectrum.argmax(1) == 10).all()
    assert (drawn**2).mean() == pytest.approx(1, rel=1e-3)
    assert abs(drawn[:, 0].mean()) < 5 * np.sqrt(1 / 2000)
    with pytest.raises(InputError, match=r"Oscillation\.freq_hz reaches 125"):
        _draw(Oscillation(freq_hz=125.0))


def test_static():
    assert (_draw(Static(), 3, 2, n_times=1) == 1).all()


@pytest.mark.parametrize("rho", [0.0, 0.6, 1.0])
def test_correlated_courses(rho):
    drawn = _draw(Correlated(Autoregressive(), Constant(rho)), 20_000, 3, n_times=10)
    pairs = [np.mean(drawn[:, i] * drawn[:, j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(pairs, rho, atol=0.03)
    np.testing.assert_allclose((drawn**2).mean((0, 2)), 1, atol=0.03)


def test_turns_are_taken():
    centers = torch.tensor([[5, 6, 7], [5, 6, -1], [5, -1, -1]])
    drawn = _draw(TakingTurns(Static()), n_times=60, centers=centers)
    assert drawn.sum(1) == pytest.approx(1)
    np.testing.assert_array_equal(drawn[0], np.kron(np.eye(3), np.ones(20)))
    np.testing.assert_array_equal(drawn[1, :2], np.kron(np.eye(2), np.ones(30)))
    assert not drawn[1, 2].any()
    assert (drawn[2, 0] == 1).all()
    faded = _draw(TakingTurns(Static(), fade_s=0.04), n_times=60, centers=centers)
    np.testing.assert_allclose(faded.sum(1), 1, atol=1e-6)
    assert (np.diff(faded[0, 0]) <= 1e-6).all()
    assert 0.4 < faded[0, 0, 19] < 0.6
    waveform = _draw(TakingTurns(Oscillation()), n_times=60, centers=centers).sum(1)
    assert np.abs(np.diff(waveform[0], 2)).max() < 0.3  # it goes on smoothly across the switch
    with pytest.raises(InputError, match=r"TakingTurns\.fade_s"):
        _draw(TakingTurns(Static(), fade_s=1.0), n_times=60, centers=centers)


def _spikes():
    t = np.arange(500)
    return np.stack([3 + (i + 1) * np.exp(-0.5 * ((t - 100 * (i + 1)) / 10) ** 2) for i in range(4)]).astype(np.float16)


def test_clips_are_centred_scaled_and_contain_their_peak():
    full = _draw(Clips(_spikes()), 200, 2, n_times=500)
    np.testing.assert_allclose(np.abs(full).max(2), 1, rtol=1e-6)
    np.testing.assert_allclose(full.mean(2), 0, atol=1e-6)
    assert sorted(set(full.argmax(2).flatten())) == [100, 200, 300, 400]
    short = _draw(Clips(_spikes()), 2000, n_times=60)[:, 0]
    assert short.argmax(1).min() == 0
    assert short.argmax(1).max() == 59
    np.testing.assert_allclose(np.bincount(short.argmax(1) // 20) / 2000, 1 / 3, atol=0.06)


def test_clips_from_a_file(tmp_path):
    np.save(tmp_path / "clips.npy", _spikes())
    from_file = _draw(Clips(str(tmp_path / "clips.npy")), 20, n_times=100)
    np.testing.assert_array_equal(from_file, _draw(Clips(_spikes()), 20, n_times=100))


def _library() -> SpikeLibrary:
    """Regions 2 and 5 with clips that peak at 100 and 200, 300."""
    clips = np.zeros((2, 3, 1, 500), dtype=np.float16)
    clips[0, 0, 0, 100] = clips[1, 0, 0, 200] = clips[1, 1, 0, 300] = 9
    index = {"members": np.array([[2], [5]]), "found": np.zeros((2, 1), int), "peaks": np.zeros((2, 3), int)}
    return SpikeLibrary(
        regions=np.array([2, 5]),
        counts=np.array([1, 2]),
        attempts=np.zeros((2, 3), int),
        clips=clips,
        sfreq=250.0,
        **index,
    )


def test_clips_of_a_library_belong_to_the_region_of_the_source():
    centers = torch.tensor([[2, 5], [5, -1]]).repeat(100, 1)
    own = _draw(Clips(_library(), by_source=True), n_times=500, centers=centers).argmax(2)
    assert set(own[::2, 0]) == {100}
    assert set(own[::2, 1]) == set(own[1::2, 0]) == {200, 300}
    assert set(_draw(Clips(_library()), n_times=500, centers=centers).argmax(2).flatten()) == {100, 200, 300}
    for missing in (3, 7):
        with pytest.raises(InputError, match=f"no clip of region {missing}"):
            _draw(Clips(_library(), by_source=True), centers=torch.tensor([[2, missing]]))


def test_nonsense_is_refused():
    for make, named in (
        (lambda: Autoregressive((1.1,)), r"Autoregressive\.coefficients"),
        (lambda: Autoregressive(()), r"Autoregressive\.coefficients"),
        (lambda: Autoregressive.fit(np.ones((3, 100))), "constant"),
        (lambda: Autoregressive.fit(np.zeros((3, 5)), order=9), "order of 9"),
        (lambda: Transient(width_s=0), r"Transient\.width_s"),
        (lambda: Correlated(correlation=1.5), r"Correlated\.correlation"),
        (lambda: Correlated(courses=3), r"Correlated\.courses"),
        (lambda: Clips(np.ones(3)), r"Clips\.spikes"),
        (lambda: Clips(3), r"Clips\.spikes"),
        (lambda: _draw(Clips("none.npy")), r"Clips\.spikes: cannot read none\.npy"),
        (lambda: _draw(Clips(_spikes()), sfreq=500.0), "250 Hz"),
        (lambda: _draw(Clips(_spikes()), n_times=501), "500 time points"),
    ):
        with pytest.raises(InputError, match=named):
            make()
