"""Confidence intervals: coverage, and what cannot be scored."""

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.metrics import bootstrap_interval


def test_mean_agrees_with_theory():
    values = np.random.default_rng(0).normal(10, 2, 1000)
    interval = bootstrap_interval(values, seed=1)
    half = 1.96 * values.std() / np.sqrt(1000)
    assert interval.estimate == values.mean()
    assert interval.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.1 * half)
    assert interval.n == 1000


def test_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(2)
    covered = 0
    for trial in range(200):
        interval = bootstrap_interval(rng.exponential(1.0, 60), confidence=0.8, n_resamples=300, seed=trial)
        covered += interval.low <= 1.0 <= interval.high
    assert 0.72 <= covered / 200 <= 0.88


def test_median_and_seed():
    values = np.repeat([0.0, 1.0, 5.0], [10, 30, 10])
    a, b = (bootstrap_interval(values, statistic=np.median, seed=3) for _ in range(2))
    assert a == b
    assert (a.estimate, a.low, a.high) == (1, 1, 1)
    spread = np.random.default_rng(0).random(30)
    assert bootstrap_interval(spread, seed=3) != bootstrap_interval(spread, seed=4)


def test_nan_are_left_out_and_counted():
    values = np.array([np.nan, 1.0, 2.0, 3.0])
    assert bootstrap_interval(values, seed=0) == bootstrap_interval(values[1:], seed=0)
    single = bootstrap_interval([np.nan, 4.0])
    assert (single.estimate, single.n) == (4, 1)
    assert np.isnan([single.low, single.high]).all()
    none = bootstrap_interval([np.nan])
    assert np.isnan(none.estimate)
    assert none.n == 0


def test_impossible_requests_are_refused():
    with pytest.raises(InputError, match="shape"):
        bootstrap_interval(np.zeros((3, 2)))
    with pytest.raises(InputError, match="confidence"):
        bootstrap_interval(np.zeros(3), confidence=95)
