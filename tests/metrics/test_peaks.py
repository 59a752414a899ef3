"""Localisation errors, against values by hand, brute force and chance."""

from itertools import permutations

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.metrics import assignment_error, centroid_localization_error, localization_error, random_estimate

LINE = np.stack([np.arange(5) * 0.03, np.zeros(5), np.zeros(5)], axis=1)


def column(*amplitudes):
    return np.array(amplitudes, dtype=float)[None, :, None]


def test_peak_by_hand():
    assert localization_error(column(0, 2, 1, 0, 0), column(0, 0, 0, -3, 1), pos=LINE) == pytest.approx(60)


def test_ties_average_in_the_estimate_and_spare_the_truth():
    patch = column(1, 1, 0, 0, 0)
    assert localization_error(patch, column(0, 1, 0, 0, 0), pos=LINE) == 0
    assert localization_error(column(1, 0, 0, 0, 0), column(0, 1, 0, 1, 0), pos=LINE) == pytest.approx((30 + 90) / 2)


def test_random_peak_is_a_guess_anywhere(pos, truth):
    scores = np.array([localization_error(truth, random_estimate(truth, seed=s), pos=pos) for s in range(30)])
    zeros = localization_error(truth, np.zeros_like(truth), pos=pos)
    assert abs((scores - zeros).mean()) < 4 * scores.std() / np.sqrt(scores.size)


def test_centroid_by_hand():
    truth, estimate = column(1, 1, 0, 0, 0), column(0, 0, 0, 4, 3)
    assert centroid_localization_error(truth, estimate, pos=LINE) == pytest.approx(3.5 * 30 - 0.5 * 30)


def test_assignment_equals_the_best_permutation(pos):
    rng = np.random.default_rng(0)
    far = pos[np.linalg.norm(pos - pos.mean(axis=0), axis=1) > 0]
    centers = np.array([rng.choice(len(far), 4, replace=False) for _ in range(10)])
    truth = np.zeros((10, len(far), 1))
    np.put_along_axis(truth[..., 0], centers, 1, axis=1)
    peaks = np.array([rng.choice(len(far), 4, replace=False) for _ in range(10)])
    estimate = np.zeros_like(truth)
    np.put_along_axis(estimate[..., 0], peaks, rng.uniform(1, 2, peaks.shape), axis=1)
    best = [
        min(np.linalg.norm(far[c] - far[list(order)], axis=1).mean() for order in permutations(p))
        for c, p in zip(centers, peaks, strict=True)
    ]
    ours = assignment_error(truth, estimate, pos=far, centers=centers, separation=1e-3)
    np.testing.assert_allclose(ours, 1e3 * np.array(best), rtol=1e-9)


def test_shoulder_of_a_peak_is_no_peak():
    fine = np.stack([np.arange(100) * 1e-3, np.zeros(100), np.zeros(100)], axis=1)
    bump = 10 * np.exp(-((np.arange(100) - 20) ** 2) / 200) + np.exp(-((np.arange(100) - 80) ** 2) / 20)
    truth = np.zeros((1, 100, 1))
    truth[0, [20, 80]] = 1
    assert assignment_error(truth, bump[None, :, None], pos=fine, centers=[[80, 20]]) == pytest.approx(0)


def test_close_peaks_count_once():
    truth, estimate = column(1, 0, 0, 0, 1), column(9, 8, 0, 0, 1)
    near = assignment_error(truth, estimate, pos=LINE, centers=[[0, 4]], separation=0.02)
    merged = assignment_error(truth, estimate, pos=LINE, centers=[[0, 4]], separation=0.04)
    assert near == pytest.approx((0 + 90) / 2)
    assert merged == pytest.approx(0)


def test_missing_peak_costs_a_guess():
    truth, estimate = column(1, 0, 0, 0, 1), column(9, 0, 0, 0, 0)
    guess = np.abs(LINE[4, 0] - LINE[:, 0]).mean()
    ours = assignment_error(truth, estimate, pos=LINE, centers=[[4, 0]])
    assert ours == pytest.approx(1e3 * (0 + guess) / 2)


def test_impossible_separation_is_refused(pos, truth, blurred, centers):
    with pytest.raises(InputError, match="separation"):
        assignment_error(truth, blurred, pos=pos, centers=centers, separation=0)
