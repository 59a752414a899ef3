"""Kalman filters: the textbook's, written out densely; the likelihood of all data at once; what memory is good for."""

import pickle
from dataclasses import replace

import mne
import numpy as np
import pytest
from scipy.linalg import toeplitz
from scipy.stats import multivariate_normal

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers import LORETA, RSTKF, STKF
from headwater.solvers.inputs.whitening import whiten
from headwater.solvers.linear.smoothness import source_strength
from headwater.solvers.states.state_space import Dynamics, filter_modes, gains
from spheres import electrodes, sphere_leadfield

OWN, LAMBDA2 = 0.8, 0.5
N_REGIONS = 12


@pytest.fixture(scope="module")
def tiny() -> LeadField:
    """Few sources under 16 electrodes, in two regions and with some in none."""
    leadfield = sphere_leadfield(electrodes("biosemi16"), 45.0)
    return replace(leadfield, region_ids=np.arange(leadfield.n_sources) % 3 - 1, region_names=("one", "other"))


@pytest.fixture(scope="module")
def head() -> LeadField:
    """Sources every 20 mm under 32 electrodes, in regions around random places."""
    leadfield = sphere_leadfield(electrodes("biosemi32"), 20.0)
    seeds = np.random.default_rng(1).choice(leadfield.n_sources, N_REGIONS, replace=False)
    region = np.argmin(np.linalg.norm(leadfield.pos[:, np.newaxis] - leadfield.pos[seeds], axis=2), axis=1)
    return replace(leadfield, region_ids=region, region_names=tuple(f"region {i}" for i in range(N_REGIONS)))


def cap(leadfield: LeadField, seed: int = 0) -> mne.Covariance:
    n = leadfield.n_channels
    mixing = np.random.default_rng(seed).normal(size=(n, n)) * 1e-7 + 1e-6 * np.eye(n)
    return mne.Covariance(mixing @ mixing.T, leadfield.ch_names, [], [], nfree=1000)


def wave(leadfield: LeadField, noise_cov: mne.Covariance, seed: int, n_times: int = 60):
    """A source with a slow rhythm, as strong on average as the noise of the sensors."""
    rng = np.random.default_rng(seed)
    source, orientation = rng.integers(leadfield.n_sources), rng.normal(size=3)
    white = whiten(leadfield, noise_cov)
    course = np.sin(2 * np.pi * np.arange(n_times) / n_times + rng.uniform(0, 2 * np.pi))
    moment = orientation * np.sqrt(2 * len(white.gain)) / np.linalg.norm(white.gain[:, source] @ orientation)
    noise = np.linalg.cholesky(noise_cov["data"]) @ rng.normal(size=(leadfield.n_channels, n_times))
    return source, moment[:, np.newaxis] * course, leadfield.gain[:, source] @ np.outer(moment, course) + noise


def dense_prior(leadfield, noise_cov, variance=None):
    """Whitened data's gain, and LORETA's prior covariance of the currents with the states' variances in the middle."""
    white = whiten(leadfield, noise_cov)
    gain = white.gain.reshape(len(white.gain), -1)
    gap = np.linalg.norm(leadfield.pos[:, np.newaxis] - leadfield.pos, axis=2)
    near = np.where(np.isclose(gap, leadfield.grid.spacing), 1 / 6, 0.0)
    mean = 0.5 * (np.eye(len(near)) + np.diag(1 / near.sum(axis=1))) @ near
    roughness = (np.eye(len(near)) - mean) @ np.diag(source_strength(white, 1.0))
    inverse = np.kron(np.linalg.inv(roughness), np.eye(3))
    scale = len(gain) / np.trace(gain @ inverse @ inverse.T @ gain.T)
    weight = np.ones(len(near)) if variance is None else variance
    return white.whitener, gain, scale * inverse @ np.diag(np.repeat(weight, 3)) @ inverse.T, mean, roughness


def textbook(white, gain, transition, dynamical, lambda2, covariance, predict):
    """Kalman's filter of the whole state, as every textbook has it; ``predict`` is that of the error covariance."""
    state = np.zeros(len(transition))
    states, log_determinants, squares = [], 0.0, 0.0
    for t, data in enumerate(white.T):
        if t:
            state, covariance = transition @ state, predict(covariance) + dynamical
        error, spread = data - gain @ state, gain @ covariance @ gain.T + lambda2 * np.eye(len(gain))
        kalman = covariance @ gain.T @ np.linalg.inv(spread)
        state, covariance = state + kalman @ error, covariance - kalman @ gain @ covariance
        states.append(state)
        log_determinants += np.linalg.slogdet(spread)[1]
        squares += error @ np.linalg.solve(spread, error)
    scale = squares / white.size
    return np.array(states).T, -0.5 * (log_determinants + white.size * (np.log(2 * np.pi * scale) + 1))


def close(one, other, tolerance=1e-8) -> bool:
    return np.linalg.norm(one - other) <= tolerance * np.linalg.norm(other)


def test_without_coupling_this_is_the_textbooks_filter(tiny):
    _, _, data = wave(tiny, cap(tiny), 0)
    whitener, gain, prior, _, _ = dense_prior(tiny, cap(tiny))
    n = len(prior)
    states, log_likelihood = textbook(
        whitener @ data, gain, OWN * np.eye(n), (1 - OWN**2) * prior, LAMBDA2, prior, lambda p: OWN**2 * p
    )
    found = STKF(own=OWN, lambda2=LAMBDA2).fit(tiny, cap(tiny)).learn_from(data)
    assert close(found.currents.reshape(n, -1), states)
    assert np.isclose(found.log_likelihoods[-1], log_likelihood, rtol=1e-10)


def test_with_coupling_it_differs_only_in_how_errors_spread_to_neighbours(tiny):
    neighbours = 0.15
    _, _, data = wave(tiny, cap(tiny), 1)
    whitener, gain, prior, mean, roughness = dense_prior(tiny, cap(tiny))
    weights = np.diag(source_strength(whiten(tiny, cap(tiny)), 1.0))
    coupled = np.kron(np.linalg.inv(weights) @ mean @ weights, np.eye(3))
    n = len(prior)
    transition, dynamical = OWN * np.eye(n) + neighbours * coupled, (1 - OWN**2) * prior
    without, _ = textbook(whitener @ data, gain, transition, dynamical, LAMBDA2, prior, lambda p: OWN**2 * p)
    whole, _ = textbook(
        whitener @ data, gain, transition, dynamical, LAMBDA2, prior, lambda p: transition @ p @ transition.T
    )
    currents = STKF(own=OWN, neighbours=neighbours, lambda2=LAMBDA2).fit(tiny, cap(tiny)).estimate(data).reshape(n, -1)
    assert close(currents, without)
    assert close(currents[:, 0], whole[:, 0])
    assert 1e-3 < np.linalg.norm(currents - whole) / np.linalg.norm(whole) < 0.2


def test_regional_variances_are_those_of_the_textbooks_filter(tiny):
    _, _, data = wave(tiny, cap(tiny), 2)
    found = RSTKF(own=OWN).fit(tiny, cap(tiny)).learn_from(data)
    whitener, gain, prior, _, _ = dense_prior(tiny, cap(tiny), found.variance)
    n = len(prior)
    states, log_likelihood = textbook(
        whitener @ data,
        gain,
        OWN * np.eye(n),
        (1 - OWN**2) * prior,
        found.dynamics.lambda2,
        prior,
        lambda p: OWN**2 * p,
    )
    assert close(found.currents.reshape(n, -1), states)
    assert np.isclose(found.log_likelihoods[-1], log_likelihood, rtol=1e-10)
    assert all(len(np.unique(found.variance[tiny.region_ids == region])) == 1 for region in (-1, 0, 1))
    assert len(np.unique(found.variance)) == 3


def test_the_likelihood_is_that_of_all_data_at_once(tiny):
    _, _, data = wave(tiny, cap(tiny), 3, n_times=6)
    whitener, gain, prior, _, _ = dense_prior(tiny, cap(tiny))
    found = STKF(own=OWN, lambda2=LAMBDA2).fit(tiny, cap(tiny)).learn_from(data)
    white = (whitener @ data).T.ravel()
    covariance = np.kron(toeplitz(OWN ** np.arange(6)), gain @ prior @ gain.T) + LAMBDA2 * np.eye(white.size)
    at_once = multivariate_normal(cov=found.noise_variance / LAMBDA2 * covariance).logpdf(white)
    assert np.isclose(found.log_likelihoods[-1], at_once, rtol=1e-10)
    assert found.aic == 2 - 2 * found.log_likelihoods[-1]


@pytest.mark.parametrize("neighbours", [0.0, 0.1])
def test_a_single_time_point_is_loretas(head, neighbours):
    _, _, data = wave(head, cap(head), 4, n_times=1)
    loreta = LORETA(lambda2=LAMBDA2).fit(head, cap(head)).estimate(data)
    assert close(STKF(own=OWN, neighbours=neighbours, lambda2=LAMBDA2).fit(head, cap(head)).estimate(data), loreta)
    learned = STKF().fit(head, cap(head)).learn_from(data)
    assert learned.dynamics.own == 0
    assert close(learned.currents, LORETA(lambda2=learned.dynamics.lambda2).fit(head, cap(head)).estimate(data))


def test_it_is_on_the_cortex_for_eeg_and_meg_together(recordings):
    leadfield, noise_cov = recordings["both"].leadfield, recordings["both"].noise_cov
    linear = LORETA(lambda2=LAMBDA2).fit(leadfield, noise_cov)
    data = recordings["both"].evoked.get_data(linear.leadfield_.ch_names)[:, :4]
    loreta = linear.estimate(data)
    for neighbours in (0.0, 0.1):
        solver = STKF(own=OWN, neighbours=neighbours, lambda2=LAMBDA2).fit(leadfield, noise_cov)
        assert close(solver.estimate(data)[..., :1], loreta[..., :1])
    assert close(STKF(own=0.0, lambda2=LAMBDA2).fit(leadfield, noise_cov).estimate(data), loreta)


def test_no_memory_is_loreta_at_every_time(head):
    _, _, data = wave(head, cap(head), 5)
    loreta = LORETA(lambda2=LAMBDA2).fit(head, cap(head)).estimate(data)
    assert close(STKF(own=0.0, lambda2=LAMBDA2).fit(head, cap(head)).estimate(data), loreta)


def test_the_filter_becomes_stationary_and_foresees_all_but_noise():
    variance = np.array([1e-6, 0.1, 1.0, 30.0])
    dynamics = Dynamics(0.95, 0.0, LAMBDA2)
    _, spread = gains(variance, dynamics, 400)
    predicted = spread - LAMBDA2
    # The discrete Riccati equation, and the order that Kalman's theory promises.
    limit = 0.95**2 * predicted[-1] * LAMBDA2 / spread[-1] + (1 - 0.95**2) * variance
    assert np.allclose(predicted[-1], limit, rtol=1e-12)
    assert (np.diff(predicted, axis=0) <= 0).all()
    assert np.allclose(predicted[0], variance, rtol=1e-9)
    rng = np.random.default_rng(6)
    states = np.empty((4, 20000))
    states[:, 0] = np.sqrt(variance) * rng.normal(size=4)
    for t in range(1, states.shape[1]):
        states[:, t] = 0.95 * states[:, t - 1] + np.sqrt((1 - 0.95**2) * variance) * rng.normal(size=4)
    innovations = filter_modes(variance, dynamics, states + np.sqrt(LAMBDA2) * rng.normal(size=states.shape))[1]
    white = innovations.errors / np.sqrt(innovations.variances)
    assert np.allclose(white.var(axis=0), 1, atol=0.05)
    assert np.allclose(np.mean(white[1:] * white[:-1], axis=0), 0, atol=0.03)


def test_parameters_and_noise_are_learned_from_data_of_the_model(head):
    solver = STKF().fit(head, cap(head))
    rng = np.random.default_rng(7)
    n = len(solver.variance_)
    states = np.sqrt(solver.variance_)[:, np.newaxis] * rng.normal(size=(n, 400))
    for t in range(1, 400):
        states[:, t] = OWN * states[:, t - 1] + np.sqrt(1 - OWN**2) * states[:, t]
    modes = states + np.sqrt(LAMBDA2) * rng.normal(size=states.shape)
    data = np.linalg.pinv(solver.whitener_) @ solver.basis_ @ modes
    found = solver.learn_from(data)
    assert found.converged
    assert abs(found.dynamics.own - OWN) < 0.03
    assert abs(np.log(found.dynamics.lambda2 / LAMBDA2)) < 0.15
    assert abs(np.log(found.noise_variance / LAMBDA2)) < 0.05
    assert (np.diff(found.log_likelihoods) >= -1e-9 * abs(found.log_likelihoods[-1])).all()
    for own, factor in [(0.03, 1.0), (-0.03, 1.0), (0.0, 1.3), (0.0, 1 / 1.3)]:
        other = STKF(own=found.dynamics.own + own, lambda2=factor * found.dynamics.lambda2).fit(head, cap(head))
        assert other.learn_from(data).log_likelihoods[-1] < found.log_likelihoods[-1]


def test_learned_coupling_raises_the_likelihood(head):
    _, _, data = wave(head, cap(head), 8, n_times=20)
    coupled = STKF(neighbours=None).fit(head, cap(head)).learn_from(data)
    alone = STKF().fit(head, cap(head)).learn_from(data)
    assert coupled.converged
    assert abs(coupled.dynamics.own) + abs(coupled.dynamics.neighbours) < 1
    assert coupled.log_likelihoods[-1] > alone.log_likelihoods[-1]


def error(currents: np.ndarray, source: int, leadfield: LeadField) -> float:
    """Mean distance in metres of the peak from the source, after the first third of the time."""
    strength = np.linalg.norm(currents[..., currents.shape[2] // 3 :], axis=1)
    return np.linalg.norm(leadfield.pos[strength.argmax(axis=0)] - leadfield.pos[source], axis=1).mean()


def test_memory_and_regions_help_to_find_slow_sources_in_noise(head):
    noise_cov = cap(head)
    solvers = [
        RSTKF().fit(head, noise_cov),
        STKF().fit(head, noise_cov),
        *(LORETA(lambda2=lambda2).fit(head, noise_cov) for lambda2 in (1 / 9, 1.0, 9.0)),
    ]
    errors = []
    for seed in range(8):
        source, _, data = wave(head, noise_cov, seed)
        errors.append([error(solver.estimate(data), source, head) for solver in solvers])
    regional, plain, *loreta = np.mean(errors, axis=0)
    # Against LORETA with whatever regularisation is best for it.
    assert plain < 0.9 * min(loreta)
    assert regional < 0.9 * plain


def test_regions_raise_the_likelihood_step_by_step(head):
    source, _, data = wave(head, cap(head), 9)
    regional = RSTKF().fit(head, cap(head)).learn_from(data)
    plain = STKF().fit(head, cap(head)).learn_from(data)
    path = regional.log_likelihoods
    assert regional.converged
    assert np.isclose(path[0], plain.log_likelihoods[-1], rtol=1e-10)
    assert (np.diff(path) > 0).all()
    assert path[-1] - path[-2] < 1e-6 * data.size
    assert regional.aic < plain.aic
    assert regional.variance[source] > np.median(regional.variance)


def test_one_region_is_all_regions(head):
    _, _, data = wave(head, cap(head), 10)
    whole = replace(head, region_ids=np.full(head.n_sources, -1), region_names=())
    regional, plain = (kind().fit(whole, cap(head)).learn_from(data) for kind in (RSTKF, STKF))
    assert close(regional.currents, plain.currents, 1e-2)
    assert np.isclose(regional.log_likelihoods[-1], plain.log_likelihoods[-1], rtol=1e-8)
    assert regional.n_parameters == plain.n_parameters == 3


@pytest.mark.parametrize("method", [STKF, RSTKF])
def test_too_few_iterations_are_said_in_words(head, method):
    _, _, data = wave(head, cap(head), 11)
    solver = method(max_iter=3).fit(head, cap(head))
    assert not solver.learn_from(data).converged
    with pytest.warns(RuntimeWarning, match="1 of 1 samples was still rising after 3 iterations"):
        solver.estimate(data)


def test_data_without_noise_are_said_in_words(head):
    source, truth, _ = wave(head, cap(head), 12)
    data = head.gain[:, source] @ truth
    solver = STKF().fit(head, cap(head))
    assert solver.learn_from(data).noiseless
    with pytest.warns(RuntimeWarning, match="finds no noise in 1 of 1 samples"):
        solver.estimate(data)
    assert not STKF(lambda2=1e-4).fit(head, cap(head)).learn_from(data).noiseless


@pytest.mark.parametrize("method", [STKF, RSTKF])
def test_silence_is_silent_and_a_fitted_filter_can_be_sent_elsewhere(tiny, method):
    solver = pickle.loads(pickle.dumps(method().fit(tiny, cap(tiny))))
    assert not solver.estimate(np.zeros((2, tiny.n_channels, 5))).any()
    with pytest.raises(InputError, match="zero or empty"):
        solver.learn_from(np.zeros((tiny.n_channels, 5)))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"own": 0.9, "neighbours": 0.1}, "grow without limit"),
        ({"lambda2": 0.0}, "must be positive"),
        ({"leak": 0.0}, "leak is 0"),
        ({"max_iter": 0}, "must be positive"),
        ({"eps": 0.0}, "must be positive"),
    ],
)
def test_impossible_parameters_are_refused_in_words(tiny, parameters, words):
    with pytest.raises(InputError, match=words):
        STKF(**parameters).fit(tiny, cap(tiny))


def test_several_samples_have_no_one_posterior(tiny):
    with pytest.raises(InputError, match="one sample"):
        STKF().fit(tiny, cap(tiny)).learn_from(np.ones((2, tiny.n_channels, 5)))
