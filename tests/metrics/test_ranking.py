"""Ranks, against values by hand and chance."""

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.metrics import (
    distance_rank,
    distance_rank_least,
    fraction_active,
    peak_activity_spread,
    random_estimate,
)

LINE = np.stack([np.arange(5) * 0.01, np.zeros(5), np.zeros(5)], axis=1)


def column(*amplitudes):
    return np.array(amplitudes, dtype=float)[None, :, None]


def test_fraction_active_by_hand():
    truth = column(1, 1, 1, 0, 0)
    assert fraction_active(truth, column(5, 4, 1, 3, 2), pos=LINE) == 2 / 3
    assert fraction_active(truth, column(0, 0, 0, 1, 2), pos=LINE) == pytest.approx(1 / 3 * 1 / 3 * 3)
    # two above, and the third place is drawn among sources 2 (active), 3 and 4 (not)
    assert fraction_active(truth, column(9, 8, 1, 1, 1), pos=LINE) == pytest.approx((2 + 1 / 3) / 3)


def test_spread_by_hand():
    truth = column(1, 1, 0, 0, 0)
    assert peak_activity_spread(truth, column(9, 0, 0, 8, 0), pos=LINE) == pytest.approx((0 + 30) / 2)
    assert peak_activity_spread(truth, column(9, 8, 0, 0, 0), pos=LINE) == pytest.approx((0 + 10) / 2)
    # two equal peaks at the ends: from either, 0 and 40 mm
    assert peak_activity_spread(truth, column(1, 0, 0, 0, 1), pos=LINE) == pytest.approx(20)


def test_spread_of_a_disc_is_two_thirds_of_its_radius():
    rng = np.random.default_rng(0)
    disc = np.concatenate([rng.uniform(-0.03, 0.03, (20000, 2)), np.zeros((20000, 1))], axis=1)
    radius = np.linalg.norm(disc, axis=1)
    truth = np.maximum(0.02 - radius, 0)[None, :, None]
    assert peak_activity_spread(truth, truth, pos=disc)[0] == pytest.approx(2 / 3 * 20, rel=0.02)


def test_ranks_by_hand():
    truth, estimate = column(1, 1, 0, 0, 0), column(2, 4, 3, 1, 0)
    centers = np.array([[0, 1, -1]])
    # only sources 2, 3, 4 compete: source 2 is stronger than centre 0
    assert distance_rank(truth, estimate, pos=LINE, centers=centers, source=1) == 1 / 3
    assert distance_rank(truth, estimate, pos=LINE, centers=centers, source=2) == 0
    assert np.isnan(distance_rank(truth, estimate, pos=LINE, centers=centers, source=3))
    assert np.isnan(distance_rank(truth, estimate, pos=LINE, centers=centers, source=4))
    assert distance_rank_least(truth, estimate, pos=LINE, centers=centers) == 1 / 3
    assert distance_rank(truth, column(0, 1, 1, 1, 1), pos=LINE, centers=centers) == 1


def test_order_of_centres_does_not_matter_to_the_least(pos, truth, blurred, centers):
    np.testing.assert_array_equal(
        distance_rank_least(truth, blurred, pos=pos, centers=centers),
        distance_rank_least(truth, blurred, pos=pos, centers=centers[:, ::-1]),
    )


def test_random_estimates_score_chance(pos, truth, centers):
    estimates = [random_estimate(truth, seed=s) for s in range(30)]
    first = np.array([distance_rank(truth, e, pos=pos, centers=centers) for e in estimates])
    assert abs(first.mean() - 1 / 2) < 4 * first.std() / np.sqrt(first.size)
    count = (centers >= 0).sum(axis=1)
    least = np.array([distance_rank_least(truth, e, pos=pos, centers=centers) for e in estimates])
    assert abs((least - count / (count + 1)).mean()) < 4 * least.std() / np.sqrt(least.size)
    fraction = np.mean([fraction_active(truth, e, pos=pos) for e in estimates], axis=0)
    share = (np.linalg.norm(truth, axis=2) > 0).mean(axis=1)
    assert abs(fraction.mean() / share.mean() - 1) < 0.1


@pytest.mark.parametrize("centers", [[[0, 1]], [[5]], [[-1]], [[0.5]], [0]])
def test_wrong_centres_are_refused(centers):
    truth = np.repeat(column(1, 0, 0, 0, 0), 1 + (centers == [[0, 1]]), axis=0)
    with pytest.raises(InputError, match="centers|centre"):
        distance_rank(truth, truth, pos=LINE, centers=centers)


def test_sources_count_from_one():
    with pytest.raises(InputError, match="counts the true centres from 1"):
        distance_rank(column(1, 0, 0, 0, 0), column(1, 0, 0, 0, 0), pos=LINE, centers=[[0]], source=0)
