"""Posteriors of the classical solvers: against dense computations, and on samples of the solver's own model."""

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers import (
    DSPM,
    ELORETA,
    LAURA,
    LCMV,
    LORETA,
    SLORETA,
    SOLVERS,
    Champagne,
    GammaMap,
    MinimumNorm,
    Solver,
    WeightedMinimumNorm,
)
from headwater.solvers.posterior.contract import Posterior
from spheres import electrodes, sphere_leadfield

LAMBDA2 = 0.3
SOME = np.array([7, 2, 40])


@pytest.fixture(scope="module")
def leadfield() -> LeadField:
    """32 electrodes and sources every 25 mm in a sphere."""
    return sphere_leadfield(electrodes("biosemi32"), 25.0)


@pytest.fixture(scope="module")
def noise_cov() -> np.ndarray:
    mixing = 1e-7 * np.random.default_rng(1).normal(size=(32, 32)) + 1e-6 * np.eye(32)
    return mixing @ mixing.T


@pytest.fixture(scope="module")
def data(leadfield) -> np.ndarray:
    rng = np.random.default_rng(2)
    currents = np.zeros((leadfield.n_sources, 3, 4))
    currents[[5, 40]] = 5e-8 * rng.normal(size=(2, 3, 4)) * [1.0, 3.0, 0.2, 1.0]
    return np.einsum("csx,sxt->ct", leadfield.gain, currents) + 1e-6 * rng.normal(size=(32, 4))


GAUSSIAN = [
    MinimumNorm(lambda2=LAMBDA2),
    MinimumNorm(lambda2=LAMBDA2, depth=None),
    WeightedMinimumNorm(lambda2="auto"),
    ELORETA(lambda2="auto"),
    LORETA(lambda2=LAMBDA2),
    LAURA(lambda2=LAMBDA2),
]
SPARSE = [Champagne(eps=1e-5), GammaMap(eps=1e-4)]


@pytest.fixture(params=[*GAUSSIAN, *SPARSE], ids=lambda solver: type(solver).__name__)
def solver(request, leadfield, noise_cov) -> Solver:
    return request.param.fit(leadfield, noise_cov)


def dense(found: Posterior) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean (n, n_times) and covariance (n_times, n, n) with matrices of sources squared."""
    model = found.model
    prior = model.prior.covariance(np.arange(model.gain.shape[1]))
    gain = model.gain.reshape(len(model.gain), -1)
    filters = np.linalg.solve(gain @ prior @ gain.T + model.noise * np.eye(len(gain)), gain @ prior).T
    return filters @ found.white, found.power[:, None, None] * (prior - filters @ gain @ prior)


def test_equals_a_dense_computation(solver, data):
    found = solver.posterior(data)
    mean, covariance = dense(found)
    sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2).T.clip(min=0)).reshape(found.sd.shape)
    assert found.mean.shape == found.sd.shape == solver.estimate(data).shape
    np.testing.assert_allclose(found.mean, solver.estimate(data), rtol=1e-6, atol=1e-9 * np.abs(mean).max())
    np.testing.assert_allclose(found.mean, mean.reshape(found.mean.shape), rtol=1e-6, atol=1e-8 * np.abs(mean).max())
    np.testing.assert_allclose(found.sd, sd, rtol=1e-5, atol=1e-6 * sd.max())
    rows = (3 * SOME[:, None] + np.arange(3)).ravel()
    expected = covariance[:, rows[:, None], rows]
    np.testing.assert_allclose(found.covariance(SOME), expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())


def test_samples_have_the_moments_of_the_posterior(solver, data):
    found = solver.posterior(data).at(np.array([1]))
    samples = found.sample(4000, seed=3)
    assert samples.shape == (4000, *found.mean.shape)
    np.testing.assert_array_equal(samples[:3], found.sample(4000, seed=3)[:3])
    expected = found.covariance(SOME)[0]
    own = np.cov(samples[..., 0][:, SOME].reshape(4000, -1).T)
    assert np.abs(own - expected).max() < 0.1 * np.abs(expected).max() + 1e-30
    z = (samples.mean(axis=0) - found.mean) / np.where(found.sd > 0, found.sd / np.sqrt(4000), 1.0)
    assert 0.9 < np.sqrt(np.mean(z[found.sd > 0] ** 2)) < 1.1 or not (found.sd > 0).any()


@pytest.mark.parametrize("kind", GAUSSIAN, ids=lambda one: type(one).__name__)
def test_intervals_hold_their_share_of_the_model_s_own_samples(kind, leadfield, noise_cov, data):
    fitted = kind.fit(leadfield, noise_cov).adapted(data)
    model, rng = fitted.model_, np.random.default_rng(4)
    power = rng.uniform(0.5, 20.0, size=400)
    true = np.sqrt(power) * model.prior.draw(400, rng)
    rank = len(model.gain)
    white = model.gain.reshape(rank, -1) @ true.reshape(-1, 400)
    white += np.sqrt(power * model.noise) * rng.standard_normal((rank, 400))
    found = fitted.posterior(np.linalg.pinv(model.whitener) @ white)
    for level in (0.5, 0.9):
        low, high = found.interval(level)
        held = ((low <= true) & (true <= high)).mean()
        assert abs(held - level) < 0.02  # the power of a time point is estimated from 31 channels
    np.testing.assert_allclose(found.power / power, 1.0, atol=1.2)
    assert abs(np.mean(found.power / power) - 1) < 0.05


def test_champagne_with_its_own_variances_holds_the_share(leadfield, noise_cov, data):
    found = Champagne(eps=1e-5).fit(leadfield, noise_cov).posterior(data)
    model, rng = found.model, np.random.default_rng(5)
    true = np.sqrt(found.power[0]) * model.prior.draw(2000, rng)
    noise = np.sqrt(found.power[0] * model.noise) * rng.standard_normal((len(model.gain), 2000))
    white = model.gain.reshape(len(noise), -1) @ true.reshape(-1, 2000) + noise
    again = type(found)(model, white, np.full(2000, found.power[0]))
    low, high = again.interval(0.8)
    active = found.sd[:, :, 0] > 0
    assert active.any()
    assert abs(((low <= true) & (true <= high))[active].mean() - 0.8) < 0.02


@pytest.mark.parametrize("factor", [1e-3, 50.0])
@pytest.mark.parametrize("kind", [MinimumNorm(), LORETA(), ELORETA(), *SPARSE], ids=lambda one: type(one).__name__)
def test_scales_with_the_data(kind, leadfield, noise_cov, data, factor):
    """Unless lambda2 follows from the data and the stated noise."""
    solver = kind.fit(leadfield, noise_cov)
    one, other = solver.posterior(data), solver.posterior(factor * data)
    np.testing.assert_allclose(other.mean, factor * one.mean, rtol=1e-5, atol=1e-8 * np.abs(other.mean).max())
    np.testing.assert_allclose(other.sd, factor * one.sd, rtol=1e-5, atol=1e-8 * other.sd.max())


def test_some_time_points(solver, data):
    found = solver.posterior(data)
    some = found.at(np.array([2, 0]))
    np.testing.assert_allclose(some.mean, found.mean[..., [2, 0]], rtol=1e-9, atol=1e-12 * np.abs(found.mean).max())
    np.testing.assert_array_equal(some.sd, found.sd[..., [2, 0]])


def test_left_out_channels_equal_a_solution_without_them(leadfield, noise_cov, data):
    """The prior is kept; the whitening starts again from the other channels' data, without any reference."""
    solver = MinimumNorm(lambda2=LAMBDA2).fit(leadfield, noise_cov)
    found, vertex = solver.posterior(data), 5
    fast = found.without_channels(vertex)
    model = found.model
    prior = model.prior.covariance(np.arange(leadfield.n_sources))
    for channel in (0, 9, 31):
        others = np.delete(np.arange(32), channel)
        differences = np.eye(31)[1:] - 1 / 31  # 30 combinations of 31 channels that have no reference
        combine = differences @ np.eye(32)[others]
        gain = combine @ leadfield.matrix
        # The noise that the solver assumed: of the channels with an average reference.
        reference = np.eye(32) - 1 / 32
        noise = combine @ reference @ noise_cov @ reference @ combine.T
        slow = prior @ gain.T @ np.linalg.solve(gain @ prior @ gain.T + LAMBDA2 * noise, combine @ data)
        expected = slow.reshape(leadfield.n_sources, 3, -1)[vertex]
        np.testing.assert_allclose(fast[channel], expected, rtol=1e-5, atol=1e-7 * np.abs(expected).max())
    share = found.explain_channels(vertex, time=1)
    mean = found.mean[vertex, :, 1]
    assert share.shape == (32,)
    np.testing.assert_allclose(share[9], 1 - fast[9, :, 1] @ mean / (mean @ mean))
    assert share.max() > 0.05


def test_evidence_of_time_points_equals_the_ratio_of_likelihoods(leadfield, noise_cov, data):
    found = MinimumNorm(lambda2=LAMBDA2).fit(leadfield, noise_cov).posterior(data)
    model, vertex = found.model, 40
    gain = model.gain.reshape(len(model.gain), -1)
    own = model.gain[:, vertex] @ model.prior.covariance(np.array([vertex])) @ model.gain[:, vertex].T
    whole = gain @ model.prior.covariance(np.arange(leadfield.n_sources)) @ gain.T + LAMBDA2 * np.eye(len(gain))

    def log_likelihood(covariance: np.ndarray, time: int) -> float:
        scaled, white = found.power[time] * covariance, found.white[:, time]
        return -0.5 * (np.linalg.slogdet(scaled)[1] + white @ np.linalg.solve(scaled, white))

    expected = [log_likelihood(whole, t) - log_likelihood(whole - own, t) for t in range(4)]
    np.testing.assert_allclose(found.explain_times(vertex), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", [DSPM, SLORETA, LCMV])
def test_maps_without_unit_have_none(kind, leadfield, noise_cov, data):
    solver = kind().fit(leadfield, noise_cov)
    assert not solver.has_posterior
    with pytest.raises(InputError, match="is not the mean of a distribution"):
        solver.posterior(data)


def test_solvers_that_declare_a_posterior_have_one():
    declared = {name for name, kind in SOLVERS.items() if kind.has_posterior}
    assert declared == {"mne", "wmne", "eloreta", "loreta", "laura", "champagne", "gamma-map"}


def test_data_of_zeros_have_no_uncertainty_to_scale(leadfield, noise_cov):
    found = Champagne().fit(leadfield, noise_cov).posterior(np.zeros((32, 2)))
    assert not found.mean.any()
    assert not found.sd.any()
    assert not found.explain_channels(3).any()
    assert not found.explain_times(3).any()


def test_wrong_input_is_refused(leadfield, noise_cov, data):
    found = MinimumNorm().fit(leadfield, noise_cov).posterior(data)
    with pytest.raises(InputError, match="must be a probability"):
        found.interval(90)
    with pytest.raises(InputError, match="draw at least one"):
        found.sample(0)
    with pytest.raises(InputError, match="must lie between 0 and"):
        found.covariance(np.array([leadfield.n_sources]))
    with pytest.raises(InputError, match="one recording"):
        MinimumNorm().fit(leadfield, noise_cov).posterior(data[None])
    with pytest.raises(InputError, match="has not been fitted yet"):
        MinimumNorm().posterior(data)
