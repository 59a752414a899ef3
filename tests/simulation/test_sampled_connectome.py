"""The generated connectome has the statistics of the published one."""

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.simulation.spikes.connectome import Connectome
from headwater.simulation.spikes.default import BRAIN_RADIUS, fibonacci_sphere
from headwater.simulation.spikes.sampled_connectome import sampled_connectome

PERCENTILES = (5, 25, 50, 75, 95)


def statistics(connectome):
    """Percentiles over regions and over tracts, and how lengths go with weights and neighbours with each other."""
    weights, lengths, linked = connectome.weights, connectome.tract_lengths_mm, connectome.weights > 0
    return {
        "in-strength": np.percentile(weights.sum(axis=1), PERCENTILES),
        "tracts": np.percentile(linked.sum(axis=1), PERCENTILES),
        "weight": np.percentile(weights[linked], PERCENTILES),
        "length in mm": np.percentile(lengths[linked], PERCENTILES),
        "length of strong tracts in mm": np.median(lengths[weights > 0.6]),
    }


def test_sampled_connectome_has_the_published_statistics(shared_data):
    published = statistics(Connectome.from_tvb_zip(shared_data / "tvb" / "connectivity_998.zip"))
    for seed in range(3):
        found = statistics(sampled_connectome(BRAIN_RADIUS * fibonacci_sphere(998), seed=seed))
        for name, values in published.items():
            np.testing.assert_allclose(found[name], values, rtol=0.5, err_msg=name)
        for name in ("in-strength", "length in mm"):
            assert found[name][2] == pytest.approx(published[name][2], rel=0.06)


def test_sampled_connectome_is_symmetric_and_repeats():
    pos = BRAIN_RADIUS * fibonacci_sphere(150)
    one, same, other = (sampled_connectome(pos, n_inputs=20, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.weights, one.weights.T)
    np.testing.assert_array_equal(one.weights, same.weights)
    assert (one.weights != other.weights).any()
    assert not one.weights.diagonal().any()
    assert (one.weights > 0).sum(axis=1).mean() == pytest.approx(20, rel=0.15)
    few = sampled_connectome(pos[:6])
    assert ((few.weights > 0) == ~np.eye(6, dtype=bool)).all()


@pytest.mark.parametrize(
    ("pos", "n_inputs", "words"),
    [(np.zeros((5, 2)), 36, "shape"), (np.full((5, 3), np.nan), 36, "finite"), (np.eye(3), 0, "n_inputs")],
)
def test_sampled_connectome_refuses(pos, n_inputs, words):
    with pytest.raises(InputError, match=words):
        sampled_connectome(pos, n_inputs=n_inputs)
