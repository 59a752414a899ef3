"""What holds for every metric of the table."""

import inspect
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.metrics import METRICS, perfect_estimate, random_estimate
from headwater.metrics.table import markdown_table

RECALL = {"recall", "region_recall"}  # calling everything active is enough
TIMED = {"time_course_correlation"}
ABSOLUTE = {"nmse"}  # the amplitude itself is scored
OF_BATCH = {"extent_correlation"}
NOT_BEST_WHEN_PERFECT = {"peak_activity_spread", "spatial_dispersion"}  # a point is sharper than any patch
STATIC = [name for name in METRICS if name not in TIMED]


@pytest.fixture
def score(pos, centers):
    """Call any metric of the table with what it needs, in the order of the sources it is given."""
    octants = (pos > 0) @ [1, 2, 4]

    def _score(name, x_true, x_est, order=slice(None), samples=slice(None)):
        metric = METRICS[name]
        place = np.full(len(pos) + 1, -1)
        place[:-1][order] = np.arange(len(pos))
        known = {
            "centers": place[centers[samples]],
            "region_ids": octants[order],
            "source_volume": 0.02**3,
        }
        needs = {key: known[key] for key in metric.needs}
        if name in TIMED and x_true.ndim == 3:
            wave = np.array([0.0, 1.0, -1.0, 0.5])
            x_true, x_est = x_true[..., None] * wave, x_est[..., None] * wave
        return metric.function(x_true, x_est, pos=pos[order], **needs)

    return _score


@pytest.mark.parametrize("name", METRICS)
def test_one_value_per_sample_within_range(name, score, truth, blurred):
    values = score(name, truth, blurred)
    low, high = METRICS[name].range
    assert values.shape == (len(truth),)
    applies = np.isfinite(values)
    assert applies.any()
    assert (values[applies] >= low - 1e-12).all()
    assert (values[applies] <= high + 1e-12).all()


@pytest.mark.parametrize("name", METRICS)
def test_perfect_is_the_best_value(name, score, truth, blurred, centers):
    perfect, other = score(name, truth, perfect_estimate(truth)), score(name, truth, blurred)
    applies = np.isfinite(perfect)
    if name in NOT_BEST_WHEN_PERFECT:
        single = centers[:, 1] < 0
        assert (perfect < score(name, truth, random_estimate(truth, seed=0)))[single].all()
        return
    best = 1.0 if METRICS[name].higher_is_better else 0.0
    np.testing.assert_allclose(perfect[applies], best, atol=1e-9)
    sign = 1 if METRICS[name].higher_is_better else -1
    assert (sign * (perfect - other)[applies] >= -1e-12).all()


@pytest.mark.parametrize("name", [n for n in METRICS if n not in ABSOLUTE | RECALL])
def test_blurred_truth_beats_a_random_estimate(name, score, truth, blurred):
    sign = 1 if METRICS[name].higher_is_better else -1
    ours, chance = score(name, truth, blurred), score(name, truth, random_estimate(truth, seed=1))
    assert sign * np.nanmean(ours) > sign * np.nanmean(chance)


@pytest.mark.parametrize("name", [n for n in METRICS if n not in ABSOLUTE])
def test_unit_of_the_estimate_does_not_matter(name, score, truth, blurred):
    np.testing.assert_allclose(score(name, truth, 1e-9 * blurred), score(name, truth, blurred), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_unit_of_both_does_not_matter(name, score, truth, blurred):
    np.testing.assert_allclose(
        score(name, 1e-9 * truth, 1e-9 * blurred), score(name, truth, blurred), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("name", METRICS)
def test_order_of_sources_does_not_matter(name, score, truth, blurred):
    order = np.random.default_rng(5).permutation(truth.shape[1])
    shuffled = score(name, truth[:, order], blurred[:, order], order=order)
    np.testing.assert_allclose(shuffled, score(name, truth, blurred), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_frame_and_sign_of_orientations_do_not_matter(name, score, truth, blurred):
    turn = np.linalg.qr(np.random.default_rng(6).standard_normal((3, 3)))[0]
    np.testing.assert_allclose(
        score(name, truth @ turn, blurred @ turn), score(name, truth, blurred), rtol=1e-7, atol=1e-9
    )
    np.testing.assert_allclose(score(name, -truth, -blurred), score(name, truth, blurred), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [n for n in METRICS if n not in OF_BATCH])
def test_samples_are_scored_apart_from_each_other(name, score, truth, blurred):
    alone = [score(name, truth[b : b + 1], blurred[b : b + 1], samples=slice(b, b + 1))[0] for b in range(3)]
    np.testing.assert_allclose(alone, score(name, truth, blurred)[:3], rtol=1e-12)


@pytest.mark.parametrize("name", STATIC)
def test_constant_times_change_nothing(name, score, truth, blurred):
    in_time = [np.repeat(x[..., None], 3, axis=3) for x in (truth, blurred)]
    np.testing.assert_allclose(score(name, *in_time), score(name, truth, blurred), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_input_is_left_alone(name, score, truth, blurred):
    copies = truth.copy(), np.where(np.arange(len(blurred))[:, None, None] == 0, 0, blurred)
    kept = [c.copy() for c in copies]
    score(name, *copies)
    for copy, original in zip(copies, kept, strict=True):
        np.testing.assert_array_equal(copy, original)


@pytest.mark.parametrize("name", METRICS)
def test_bad_input_is_refused_in_words(name, score, truth, blurred):
    broken = blurred.copy()
    broken[3, 5, 0] = np.nan
    silent = truth.copy()
    silent[2] = 0
    with pytest.raises(InputError, match="x_est has NaN"):
        score(name, truth, broken)
    with pytest.raises(InputError, match="x_true has NaN"):
        score(name, broken, truth)
    with pytest.raises(InputError, match="Sample 2 of x_true has no activity"):
        score(name, silent, blurred)
    with pytest.raises(InputError, match="same shape|must both have"):
        score(name, truth, blurred[:, :-1])
    with pytest.raises(InputError, match="must both have"):
        METRICS[name].function(truth[0], blurred[0], pos=np.zeros((343, 3)), **dict.fromkeys(METRICS[name].needs))
    with pytest.raises(InputError, match="pos must have the shape"):
        METRICS[name].function(truth, blurred, pos=np.zeros((5, 3)), **dict.fromkeys(METRICS[name].needs))
    with pytest.raises(InputError, match="real numbers"):
        score(name, truth, blurred + 1j)


@pytest.mark.parametrize("name", METRICS)
def test_zeros_score_what_the_table_says(name, score, truth, pos, centers):
    zeros = score(name, truth, np.zeros_like(truth))
    active = np.linalg.norm(truth, axis=2) > 0
    strong = np.linalg.norm(truth, axis=2) > 0.5 * np.linalg.norm(truth, axis=2).max(axis=1, keepdims=True)
    distance = np.linalg.norm(pos[:, None] - pos[None], axis=2)
    said = METRICS[name].zeros
    peak = np.linalg.norm(truth, axis=2) > (1 - 1e-9) * np.linalg.norm(truth, axis=2).max(axis=1, keepdims=True)
    mean_over_centers = [distance[c[c >= 0]].mean() for c in centers]
    expected = {
        "share of active sources": active.mean(axis=1),
        "share of inactive sources": 1 - strong.mean(axis=1),
        "mean distance of sources": 1e3 * distance.mean(),
        "mean distance to the true peak": 1e3 * np.array([distance[p].min(axis=0).mean() for p in peak]),
        "mean distance to the true centres": 1e3 * np.array(mean_over_centers),
        "true volume": strong.sum(axis=1) * 2.0**3,
        "as spread evenly": score(name, truth, np.ones_like(truth)) if said == "as spread evenly" else None,
        "as active everywhere": score(name, truth, np.ones_like(truth)) if said == "as active everywhere" else None,
        "NaN": np.nan,
    }
    value = expected[said] if said in expected else float(said)
    applies = ~np.isnan(zeros) if said != "NaN" else slice(None)
    np.testing.assert_allclose(zeros[applies], np.broadcast_to(value, zeros.shape)[applies], rtol=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_docstring_agrees_with_the_record(name):
    metric = METRICS[name]
    function = metric.function.func if isinstance(metric.function, partial) else metric.function
    text = inspect.getdoc(function)
    better = "higher is better" if metric.higher_is_better else ("lower is better", "lower is sharper")
    assert any(b in text for b in ([better] if isinstance(better, str) else better))
    assert "Range [" in text
    assert ".. math::" in text
    assert ">>>" in text
    assert f"in {metric.unit}," in text if metric.unit else "no unit" in text
    assert metric.meaning.endswith(".")


def test_documented_table_is_that_of_the_records():
    page = Path(__file__).parents[2] / "docs" / "metrics.md"
    assert markdown_table() in page.read_text(encoding="utf-8")


def test_random_control_is_reproducible_and_spares_no_shape(truth):
    a, b = random_estimate(truth, seed=4), random_estimate(truth, seed=4)
    np.testing.assert_array_equal(a, b)
    assert (random_estimate(truth, seed=5) != a).any()
    amplitudes = np.linalg.norm(a, axis=2)
    assert amplitudes.max() < 1
    assert abs(amplitudes.mean() - 0.5) < 0.01
    assert np.abs(a.mean(axis=(0, 1))).max() < 0.02
    assert random_estimate(truth[..., None].repeat(2, axis=3), seed=4).shape == (*truth.shape, 2)
    with pytest.raises(InputError, match="shape"):
        random_estimate(truth[0], seed=0)


def test_perfect_control_is_a_copy(truth):
    perfect = perfect_estimate(truth)
    perfect[0] = 0
    assert truth[0].any()
