"""Corrected posteriors, the features they depend on, and how the corrections are fitted."""

from pathlib import Path

import numpy as np
import pytest

from headwater.solvers import SOLVERS, MinimumNorm
from headwater.solvers.inputs.whitening import whiten
from headwater.solvers.posterior.calibrated import CalibratedPosterior, Widths
from headwater.solvers.posterior.calibration import Calibration, bundled
from headwater.solvers.posterior.features import Features, features_of

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SOME = np.array([9, 4])

CALIBRATION = Calibration(
    temperature=(np.log(2.0), 0.0, 0.5),
    share=(-1.0, 0.0, 0.0),
    floor=(-3.0, 0.7, 0.0),
    snr_db=(0.0, 40.0),
    diffuse_db=(-20.0, 0.0),
    limits_db=(-12.0, -4.0),
    added_mm=(-5.0, 3.0, 20.0),
    added_others_mm=30.0,
    n_recordings=10,
    heads=(1, 2),
    command="by hand",
)


@pytest.fixture(scope="module")
def data(sphere_leadfield) -> np.ndarray:
    rng = np.random.default_rng(0)
    signal = 3e-8 * sphere_leadfield.gain[:, [30, 90], 0] @ np.array([[1.0, 4.0], [0.0, 2.0]])
    return signal + 1e-6 * rng.standard_normal(signal.shape)


@pytest.fixture(scope="module")
def posterior(sphere_leadfield, data) -> CalibratedPosterior:
    n = sphere_leadfield.n_channels
    inner = MinimumNorm(lambda2=0.2).fit(sphere_leadfield, 1e-12 * np.eye(n)).posterior(data)
    return CalibratedPosterior(inner, Widths(np.array([2.0, 0.5]), np.array([0.1, 0.0]), np.array([0.01, 0.3])))


def test_the_variance_is_the_sum_of_three(posterior):
    inner, length = posterior.inner, np.linalg.norm(posterior.mean, axis=1)
    np.testing.assert_array_equal(posterior.mean, inner.mean)
    first = (2 * inner.sd[..., 0]) ** 2 + ((0.1 * length[:, 0]) ** 2 + (0.01 * length[:, 0].max()) ** 2)[:, None]
    second = (0.5 * inner.sd[..., 1]) ** 2 + (0.3 * length[:, 1].max()) ** 2
    np.testing.assert_allclose(posterior.sd, np.sqrt(np.stack([first, second], -1)))
    diagonal = np.diagonal(posterior.covariance(SOME), axis1=1, axis2=2)
    np.testing.assert_allclose(diagonal, posterior.sd[SOME].reshape(-1, 2).T ** 2)
    np.testing.assert_allclose(posterior.at(np.array([1])).sd, posterior.sd[..., [1]])
    low, high = posterior.interval(0.9)
    np.testing.assert_allclose(high - low, 2 * 1.6448536 * posterior.sd)


def test_samples_have_the_corrected_moments(posterior):
    samples = posterior.sample(2000, seed=0)
    np.testing.assert_array_equal(samples, posterior.sample(2000, seed=0))
    assert np.abs(np.log(samples.std(axis=0) / posterior.sd)).max() < 0.1
    z = (samples.mean(axis=0) - posterior.mean) / posterior.sd
    assert np.mean(z**2) == pytest.approx(1 / 2000, rel=0.2)


def test_features_tell_noise_and_several_sources(sphere_leadfield):
    white, rng = whiten(sphere_leadfield, None), np.random.default_rng(1)
    one = sphere_leadfield.gain[:, 40, 0]
    several = one + sphere_leadfield.gain[:, [90, 120], 1].sum(axis=1)
    noise = rng.standard_normal(one.shape)
    data = np.stack(
        [30 * one / one.std() + noise, 30 * several / several.std() + noise, 0.1 * one / one.std() + noise], 1
    )
    found = features_of(white, data)
    assert found.snr_db[0] == pytest.approx(20 * np.log10(30), abs=1.0)
    assert found.snr_db[2] < 2
    assert found.diffuse_db[0] < -20
    assert found.diffuse_db[1] > found.diffuse_db[0] + 5
    assert found.diffuse_db[2] > -6
    assert found.meg == 0
    np.testing.assert_allclose(features_of(white, data / 5, nave=25).snr_db, found.snr_db)


def test_widths_are_exponential_in_the_terms_and_constant_outside_their_range():
    widths = CALIBRATION.widths(Features(np.array([20.0, 40.0, 90.0]), np.full(3, -10.0), meg=1.0))
    np.testing.assert_allclose(widths.temperature, 2.0 * np.exp([0.0, 0.5, 0.5]))
    np.testing.assert_allclose(widths.share, np.exp(-1.0))
    np.testing.assert_allclose(widths.floor, np.exp(-2.3))


def test_radii_have_a_constant_for_each_class():
    radii = [CALIBRATION.radius_mm(10.0, level, strongest=True) for level in (-15.0, -8.0, -1.0)]
    assert radii == [5.0, 13.0, 30.0]
    assert CALIBRATION.radius_mm(2.0, -15.0, strongest=True) == 0.0
    assert CALIBRATION.radius_mm(10.0, -15.0, strongest=False) == 40.0


def test_bundled_calibrations_belong_to_solvers_with_a_posterior():
    kinds = {kind.__name__: kind for kind in SOLVERS.values()}
    assert {"ELORETA", "MinimumNorm", "Champagne"} <= set(bundled())
    for name, one in bundled().items():
        assert kinds[name].has_posterior
        assert kinds[name]().posterior_calibration() == one
        assert one.n_recordings > 50
        assert len(one.added_mm) == len(one.limits_db) + 1
        assert not set(one.heads) & {3101, 3201, 3202}


def records(n: int, seed: int) -> list[dict[str, np.ndarray]]:
    """Errors that are three times as large as stated, plus a fifth of the current itself."""
    rng, made = np.random.default_rng(seed), []
    for _ in range(n):
        length = rng.exponential(1.0, 400).astype(float)
        sd = rng.uniform(0.01, 0.5, (400, 3))
        spread = np.hypot(3 * sd, 0.2 * length[:, np.newaxis])
        made.append(
            {
                "snr_db": np.float32(rng.uniform(0, 40)),
                "diffuse_db": np.float32(rng.uniform(-20, 0)),
                "meg": np.float32(rng.integers(2)),
                "error": np.abs(spread * rng.standard_normal(sd.shape)),
                "sd": sd,
                "length": length,
                "peak_error_mm": rng.exponential(20.0, 2),
                "radius_mm": np.array([10.0, 10.0]),
            }
        )
    return made


def test_a_fitted_calibration_holds_on_other_records(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from calibrating.fitting import HALF, calibrate, strong, widened

    found = calibrate(records(90, 0), records(20, 1), (5,), "a test")
    tested = records(300, 2)
    inside = [one["error"] <= HALF * widened(one, found) for one in tested]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.015)
    assert np.mean([held[strong(one)].mean() for held, one in zip(inside, tested, strict=True)]) == pytest.approx(
        0.9, abs=0.015
    )
    assert np.exp(found.temperature[0]) == pytest.approx(3.0, rel=0.35)
    held = [
        one["peak_error_mm"][0] <= found.radius_mm(10.0, float(one["diffuse_db"]), strongest=True) for one in tested
    ]
    assert 0.8 < np.mean(held) < 0.99  # each of three bounds rests on 30 recordings


def test_split_conformal_bounds_hold_on_average(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from calibrating.fitting import conformal

    rng = np.random.default_rng(0)
    held = [rng.exponential() <= conformal(rng.exponential(size=19)) for _ in range(4000)]
    assert np.mean(held) == pytest.approx(18 / 20, abs=0.015)
    assert conformal(np.arange(5.0)) == 4.0
