"""The Bayes oracle of one bell."""

from dataclasses import replace

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.benchmark.oracle import Oracle
from headwater.benchmark.piunet import bells
from headwater.forward.make import make_leadfield
from headwater.head.sensors import montage_info
from headwater.head.template import template_head
from headwater.metrics import nmse
from headwater.simulation.distributions import Constant, Integers, Uniform
from headwater.simulation.simulator import simulate
from headwater.solvers import ELORETA


@pytest.fixture(scope="module")
def leadfield():
    head = template_head()
    return make_leadfield(head, montage_info(head, "biosemi32"), "volume", spacing=20.0, method="sphere")


def test_one_bell_in_hardly_any_noise_is_found(leadfield):
    preset = bells(60, Constant(1), Constant(25.0))
    samples = simulate(leadfield, preset, 16, seed=1)
    found = Oracle(knows_head=True).posterior_mean(samples, leadfield, preset)
    assert nmse(samples.x.numpy(), found, pos=leadfield.pos).max() < 1e-3


def test_nothing_is_better_in_the_mean_squared_error(leadfield):
    """The posterior mean minimises it; here the estimate knows all but the sample."""
    preset = bells(10, Constant(1), Uniform(10.0, 60.0))
    samples = simulate(leadfield, preset, 64, seed=2)
    x_true = samples.x.numpy()
    found = Oracle(knows_head=True).posterior_mean(samples, leadfield, preset)
    linear = ELORETA(lambda2=0.1).fit(leadfield).estimate(samples.y.double().numpy())
    best_of_linear = nmse(x_true, linear, pos=leadfield.pos, rescale=True)
    assert nmse(x_true, found, pos=leadfield.pos).mean() < 0.7 * best_of_linear.mean()


def test_the_estimate_follows_the_unit_of_the_data(leadfield):
    preset = bells(20, Constant(1))
    samples = simulate(leadfield, preset, 4, seed=3)
    found = Oracle(knows_head=True).posterior_mean(samples, leadfield, preset)
    amplitude = np.linalg.norm(found, axis=2).max(axis=1)
    assert np.all((amplitude > 1e-14) & (amplitude < 1e-8))


def test_other_sources_are_refused(leadfield):
    preset = bells(20, Integers(1, 2))
    samples = simulate(leadfield, preset, 2, seed=4)
    with pytest.raises(InputError, match="one"):
        Oracle(knows_head=True).posterior_mean(samples, leadfield, preset)


def test_expecting_an_error_of_the_lead_field_helps_where_there_is_one(leadfield):
    preset = bells(30, Constant(1), Uniform(20.0, 60.0))
    wrong = 1 + 0.3 * np.random.default_rng(5).standard_normal((leadfield.n_channels, 1, 1))
    samples = simulate(replace(leadfield, gain=leadfield.gain * wrong), preset, 32, seed=5)

    def error(oracle: Oracle) -> float:
        found = oracle.posterior_mean(samples, leadfield, preset)
        return nmse(samples.x.numpy(), found, pos=leadfield.pos).mean()

    assert error(Oracle(knows_head=False, error=0.3)) < 0.9 * error(Oracle(knows_head=False))
