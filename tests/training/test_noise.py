"""Noise as recordings have it: what its covariance says, and how well it is estimated."""

from dataclasses import replace

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.head.meg_arrays import sensors_info
from headwater.head.template import template_head
from headwater.simulation.noise import FromCovariance, White
from headwater.simulation.presets import MULTI_SOURCE, PIUNET
from headwater.training.noise import OngoingNoise, estimated_covariance, ongoing_covariance
from headwater.training.recipe import Heads


@pytest.fixture(scope="module")
def pair():
    (pair,) = Heads(montage="biosemi16", spacing=25.0, method="sphere", data=(1,), missing=3).pairs()
    return pair


def test_the_share_of_the_brain_is_that_asked_for(pair):
    types = pair.truth.ch_types
    shares = []
    for brain in (0.5, 0.9):
        found = ongoing_covariance(pair.truth, brain, np.random.default_rng(1))
        only = ongoing_covariance(pair.truth, 1 - 1e-12, np.random.default_rng(1))
        shares.append(np.trace(only) / np.trace(found))
    assert shares == pytest.approx([0.5, 0.9], rel=1e-6)
    assert set(types) == {"eeg"}


def test_more_samples_estimate_the_covariance_better(pair):
    rng = np.random.default_rng(0)
    true = ongoing_covariance(pair.truth, 0.8, rng)
    n_channels = len(true)
    reference = np.eye(n_channels) - 1 / n_channels
    target = reference @ true @ reference

    def error(n_samples: int) -> float:
        found = reference @ estimated_covariance(true, pair.truth.ch_types, n_samples, rng) @ reference
        return float(np.linalg.norm(found - target) / np.linalg.norm(target))

    errors = [np.mean([error(n) for _ in range(20)]) for n in (50, 500, 50_000)]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[2] < 0.02


def test_a_pair_is_given_the_estimate_and_drawn_from_the_truth(pair):
    noisy = OngoingNoise(samples=(50, 60)).added(pair, PIUNET, 4)
    assert isinstance(noisy.preset.noise, FromCovariance)
    assert noisy.preset.noise.together
    assert noisy.noise_cov.shape == (13, 13)
    assert not np.allclose(noisy.noise_cov, noisy.preset.noise.covariance, rtol=0.05)
    again, other = (OngoingNoise(samples=(50, 60)).added(pair, PIUNET, number) for number in (4, 5))
    np.testing.assert_array_equal(again.noise_cov, noisy.noise_cov)
    assert not np.allclose(other.noise_cov, noisy.noise_cov)


def test_noise_is_not_put_on_top_of_other_noise(pair):
    coloured = replace(MULTI_SOURCE, noise=FromCovariance(np.eye(13), White().snr_db))
    with pytest.raises(InputError, match="has noise of its own"):
        OngoingNoise().added(pair, coloured, 0)


def test_missing_channels_are_those_of_the_head(pair):
    assert pair.model.n_channels == 13
    assert pair.model.ch_names == pair.truth.ch_names
    with pytest.raises(InputError, match="missing is 14 and biosemi16 has 16 channels"):
        Heads(montage="biosemi16", spacing=25.0, method="sphere", missing=14).pairs()


def test_coils_stay_where_they_are_and_electrodes_follow_the_head():
    sensors = "opm128+biosemi16"
    (joint,) = Heads(montage=sensors, spacing=30.0, method="sphere", data=(1,)).pairs()
    head = template_head()
    known, placed = sensors_info(head, sensors), sensors_info(head.varied(seed=1), sensors)
    for index, channel in enumerate(joint.truth.info["chs"]):
        expected = (known if joint.truth.ch_types[index] == "mag" else placed)["chs"][index]
        np.testing.assert_allclose(channel["loc"], expected["loc"], atol=1e-6)
    for name in ("opm128", "biosemi16"):
        (alone,) = Heads(montage=name, spacing=30.0, method="sphere", data=(1,)).pairs()
        np.testing.assert_allclose(joint.lead_fields.pick(alone.truth.ch_names).truth.gain, alone.truth.gain, rtol=1e-5)
