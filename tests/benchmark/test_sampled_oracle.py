"""The Bayes oracle of several bells."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from headwater._utils.errors import InputError
from headwater.benchmark.bell_sampler import BellSampler, scales
from headwater.benchmark.oracle import Oracle
from headwater.benchmark.piunet import bells
from headwater.benchmark.sampled_oracle import SampledOracle, monte_carlo_error
from headwater.forward.make import make_leadfield
from headwater.head.sensors import montage_info
from headwater.head.template import template_head
from headwater.metrics import nmse
from headwater.simulation.distributions import Constant, Integers
from headwater.simulation.simulator import simulate
from headwater.solvers import ELORETA


@pytest.fixture(scope="module")
def leadfield():
    head = template_head()
    return make_leadfield(head, montage_info(head, "biosemi32"), "volume", spacing=20.0, method="sphere")


def test_two_bells_as_by_enumeration():
    """All pairs of candidates and of variances, each with a dense computation."""
    rng = np.random.default_rng(0)
    seen, sd, level = rng.standard_normal((5, 3, 7)), 1.3, 0.8
    y = seen[1].T @ [0.9, -0.4, 0.5] + seen[3].T @ [0.2, 0.7, -0.8] + level * rng.standard_normal(7)
    u, log_prior = (one.numpy() for one in scales())
    log_evidence, means = [], []
    for (a, i), (b, j) in product(product(range(5), range(len(u))), repeat=2):
        prior_a, prior_b = (sd * u[i]) ** 2, (sd * u[j]) ** 2
        covariance = prior_a * seen[a].T @ seen[a] + prior_b * seen[b].T @ seen[b] + level**2 * np.eye(7)
        solved = np.linalg.solve(covariance, y)
        log_evidence.append(-0.5 * (y @ solved + np.linalg.slogdet(covariance)[1]) + log_prior[i] + log_prior[j])
        mean = np.zeros((5, 3))
        mean[a] += prior_a * seen[a] @ solved
        mean[b] += prior_b * seen[b] @ solved
        means.append(mean)
    weight = np.exp(np.array(log_evidence) - max(log_evidence))
    exact = np.tensordot(weight / weight.sum(), np.stack(means), 1)
    generator = torch.Generator().manual_seed(1)
    data = torch.from_numpy(y / level)
    found = BellSampler(torch.from_numpy(seen), sd).moments(data, level, 2, 4, 20, 120, generator)
    np.testing.assert_allclose(found.mean(0).numpy(), exact, atol=0.03)
    assert np.abs(exact).max() > 0.3


def test_one_bell_as_by_the_exact_oracle(leadfield):
    preset = bells(20, Constant(1))
    samples = simulate(leadfield, preset, 8, seed=3)
    exact = Oracle(knows_head=True).posterior_mean(samples, leadfield, preset)
    found = SampledOracle(knows_head=True, n_chains=2, n_warm=0, n_sweeps=1).chains(samples, leadfield, preset)
    assert nmse(exact, found[0], pos=leadfield.pos).max() < 1e-3
    assert monte_carlo_error(found) < 1e-12


def test_chains_agree_and_nothing_is_better_in_the_mean_squared_error(leadfield):
    preset = bells(20, Constant(2), Constant(25.0))
    samples = simulate(leadfield, preset, 16, seed=4)
    x_true, y = samples.x.numpy(), samples.y.double().numpy()
    chains = SampledOracle(knows_head=True, n_chains=3, n_warm=10, n_sweeps=10).chains(samples, leadfield, preset)
    found = nmse(x_true, chains.mean(axis=0), pos=leadfield.pos).mean()
    linear = ELORETA(lambda2=0.01).fit(leadfield).estimate(y)
    assert found < 0.7 * nmse(x_true, linear, pos=leadfield.pos, rescale=True).mean()
    assert found < 0.7 * nmse(x_true, _of_one_bell(samples, leadfield, preset), pos=leadfield.pos).mean()
    assert monte_carlo_error(chains) < 0.2 * found


def _of_one_bell(samples, leadfield, preset):
    one = replace(preset, sources=replace(preset.sources, n_sources=Constant(1)))
    return Oracle(knows_head=True).posterior_mean(samples, leadfield, one)


def test_an_unknown_number_of_bells_is_refused(leadfield):
    preset = bells(20, Integers(1, 2))
    samples = simulate(leadfield, preset, 2, seed=5)
    with pytest.raises(InputError, match="fixed number"):
        SampledOracle(knows_head=True).chains(samples, leadfield, preset)
