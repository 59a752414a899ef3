"""Correlation over time, against numpy and by construction."""

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.metrics import time_course_correlation


@pytest.fixture
def waves():
    rng = np.random.default_rng(0)
    truth, estimate = 0.01 * rng.standard_normal((2, 3, 6, 1, 50))
    truth[:, 2] += rng.standard_normal((3, 1, 50))
    return truth, estimate + truth * 0.1


def test_one_active_source_is_pearsons_correlation(pos, waves):
    truth, estimate = waves
    expected = [np.corrcoef(t[2, 0], e[2, 0])[0, 1] for t, e in zip(truth, estimate, strict=True)]
    np.testing.assert_allclose(time_course_correlation(truth, estimate, pos=pos[:6]), expected, rtol=1e-9)


def test_several_sources_are_weighted_by_amplitude(pos):
    sine, cosine = np.sin(np.arange(0, 8 * np.pi, np.pi / 8)), np.cos(np.arange(0, 8 * np.pi, np.pi / 8))
    truth = np.stack([3 * sine, 2 * sine, 0 * sine])[None, :, None]
    estimate = np.stack([sine, cosine, sine])[None, :, None]
    ours = time_course_correlation(truth, estimate, pos=pos[:3], threshold_true=0.1)
    np.testing.assert_allclose(ours, 3 / 5, atol=1e-12)
    np.testing.assert_allclose(time_course_correlation(truth, -estimate, pos=pos[:3], threshold_true=0.1), -3 / 5)


def test_offset_and_gain_do_not_matter_but_the_sign_does(pos, waves):
    truth, estimate = waves
    plain = time_course_correlation(truth, estimate, pos=pos[:6])
    np.testing.assert_allclose(time_course_correlation(truth, 5 * estimate + 3, pos=pos[:6]), plain, rtol=1e-9)
    np.testing.assert_allclose(time_course_correlation(truth, -estimate, pos=pos[:6]), -plain, rtol=1e-9)


def test_orientations_turn_together(pos, waves):
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    truth, estimate = (np.concatenate([w, 0 * w, 0 * w], axis=2) for w in waves)
    turned = [np.einsum("po,bsot->bspt", turn, x) for x in (truth, estimate)]
    plain = time_course_correlation(truth, estimate, pos=pos[:6])
    np.testing.assert_allclose(time_course_correlation(*turned, pos=pos[:6]), plain, rtol=1e-9)


def test_chance_is_zero(pos):
    rng = np.random.default_rng(2)
    x = rng.standard_normal((2, 500, 4, 3, 30))
    scores = time_course_correlation(x[0], x[1], pos=pos[:4])
    assert abs(scores.mean()) < 4 * scores.std() / np.sqrt(len(scores))


def test_needs_times_that_differ(pos, truth):
    with pytest.raises(InputError, match="at least two time points"):
        time_course_correlation(truth, truth, pos=pos)
    with pytest.raises(InputError, match="changes over time"):
        time_course_correlation(*2 * [np.ones((1, 2, 1, 5))], pos=pos[:2])
