"""Amplitude and orientation, against values by hand and MNE-Python."""

import mne
import numpy as np
import pytest

from headwater.metrics import correlation, cosine_score, nmse, random_estimate, weighted_cosine_distance


def as_stc(x):
    """A source estimate with one time per sample, from (batch, n_sources, 1)."""
    half = x.shape[1] // 2
    vertices = [np.arange(half), np.arange(x.shape[1] - half)]
    return mne.SourceEstimate(x[..., 0].T, vertices, tmin=0, tstep=1)


def test_nmse_by_hand(pos):
    truth = np.array([[[3.0, 0, 0], [0, 4.0, 0]]])
    estimate = np.array([[[0.0, 0, 0], [0, 4.0, 5.0]]])
    np.testing.assert_allclose(nmse(truth, estimate, pos=pos[:2]), (9 + 25) / 25)
    np.testing.assert_allclose(nmse(truth, 0 * estimate, pos=pos[:2]), 1)
    np.testing.assert_allclose(nmse(truth, -truth, pos=pos[:2]), 4)


def test_rescaled_nmse_is_the_smallest_over_all_factors(pos, truth, blurred):
    ours = nmse(truth, 7e-9 * blurred, pos=pos, rescale=True)
    factors = np.linspace(-1, 2, 3001)
    searched = np.min([nmse(truth, f * blurred, pos=pos) for f in factors[::50]], axis=0)
    assert (ours <= searched + 1e-12).all()
    np.testing.assert_allclose(ours, 1 - cosine_score(truth, blurred, pos=pos) ** 2, rtol=1e-9)


def test_weighted_cosine_by_hand(pos):
    truth = np.array([[[2.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [0, 0, 0]]])
    estimate = np.array([[[1.0, 1.0, 0], [0, -3.0, 0], [0, 0, 0], [9.0, 9.0, 9.0]]])
    expected = 1 - (0.5 * np.sqrt(0.5) + 0.25 * -1 + 0.25 * 0)
    np.testing.assert_allclose(weighted_cosine_distance(truth, estimate, pos=pos[:4]), expected)
    np.testing.assert_allclose(weighted_cosine_distance(truth, -truth, pos=pos[:4]), 2)


def test_weighted_cosine_ignores_the_amplitude_of_the_estimate(pos, truth, blurred):
    gains = np.random.default_rng(0).uniform(0.1, 10, (*truth.shape[:2], 1))
    np.testing.assert_allclose(
        weighted_cosine_distance(truth, gains * blurred, pos=pos),
        weighted_cosine_distance(truth, blurred, pos=pos),
        rtol=1e-9,
    )


@pytest.mark.parametrize(("metric", "chance"), [(weighted_cosine_distance, 1), (cosine_score, 0), (correlation, 0)])
def test_random_estimates_score_chance(metric, chance, pos, truth):
    scores = [metric(truth, random_estimate(truth, seed=s), pos=pos) for s in range(20)]
    error = np.std(scores) / np.sqrt(np.size(scores))
    assert abs(np.mean(scores) - chance) < 4 * error


def test_cosine_agrees_with_mne(pos, truth, blurred):
    truth, blurred = truth[..., :1], blurred[..., :1]
    theirs = mne.simulation.metrics.cosine_score(as_stc(truth), as_stc(blurred))
    np.testing.assert_allclose(cosine_score(truth, blurred, pos=pos), theirs, rtol=1e-9)


def test_correlation_agrees_with_numpy(pos, truth, blurred):
    a, b = np.linalg.norm(truth, axis=2), np.linalg.norm(blurred, axis=2)
    theirs = [np.corrcoef(u, v)[0, 1] for u, v in zip(a, b, strict=True)]
    np.testing.assert_allclose(correlation(truth, blurred, pos=pos), theirs, rtol=1e-9)
