"""Areas under curves, against counting pairs, redrawing, thresholds one by one, scikit-learn and MNE-Python."""

import mne
import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from sklearn.metrics import precision_recall_curve, roc_auc_score

from headwater._utils.errors import InputError
from headwater.metrics import active_share, auc, auc_close, auc_far, auprc, random_estimate


def amplitudes(x):
    return np.linalg.norm(x, axis=2)


def test_auc_counts_pairs(pos, truth, blurred):
    active, a = amplitudes(truth) > 0, amplitudes(blurred)
    pairs = [mannwhitneyu(v[y], v[~y]).statistic / (y.sum() * (~y).sum()) for y, v in zip(active, a, strict=True)]
    np.testing.assert_allclose(auc(truth, blurred, pos=pos), pairs, rtol=1e-9)


def test_auc_agrees_with_mne(pos, truth, blurred):
    vertices = [np.arange(100), np.arange(243)]
    stcs = [mne.SourceEstimate(x[..., 0].T, vertices, tmin=0, tstep=1) for x in (truth, blurred)]
    theirs = mne.simulation.metrics.roc_auc_score(*stcs)
    np.testing.assert_allclose(auc(truth[..., :1], blurred[..., :1], pos=pos), theirs, rtol=1e-9)


def test_all_negatives_make_the_plain_auc(pos, truth, blurred):
    plain = auc(truth, blurred, pos=pos)
    for metric in (auc_close, auc_far):
        np.testing.assert_allclose(metric(truth, blurred, pos=pos, share=1.0), plain, rtol=1e-12)


@pytest.mark.parametrize(("metric", "share", "far"), [(auc_close, 0.2, False), (auc_far, 0.5, True)])
def test_pool_equals_the_mean_over_redrawn_negatives(metric, share, far, pos, truth, blurred):
    y, a = amplitudes(truth)[0] > 0, amplitudes(blurred)[0]
    distance = np.linalg.norm(pos[:, None] - pos[y][None], axis=2).min(axis=1)
    order = np.flatnonzero(~y)[np.argsort(distance[~y])]
    size = round(share * len(pos))
    pool = order[-size:] if far else order[:size]
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(400):
        chosen = np.concatenate([np.flatnonzero(y), rng.choice(pool, y.sum(), replace=False)])
        draws.append(roc_auc_score(y[chosen], a[chosen]))
    ours = metric(truth[:1], blurred[:1], pos=pos)[0]
    assert abs(ours - np.mean(draws)) < 4 * np.std(draws) / np.sqrt(len(draws)) + 1e-9


def test_ghosts_lower_the_far_score_and_blur_the_close_one(pos, centers):
    c = centers[0, 0]
    distance = np.linalg.norm(pos - pos[c], axis=1)
    truth = (distance < 0.025).astype(float)[None, :, None]
    ghost = truth + 2 * (distance > 0.95 * distance.max())[None, :, None]
    blur = np.exp(-(np.linalg.norm(pos - pos[c] - [0.012, 0, 0], axis=1) ** 2) / 0.05**2)[None, :, None]
    assert auc_far(truth, ghost, pos=pos)[0] < auc_close(truth, ghost, pos=pos)[0]
    assert auc_close(truth, blur, pos=pos)[0] < auc_far(truth, blur, pos=pos)[0] == 1


@pytest.mark.parametrize("metric", [auc, auc_close, auc_far])
def test_random_estimates_score_one_half(metric, pos, truth):
    scores = [metric(truth, random_estimate(truth, seed=s), pos=pos) for s in range(5)]
    assert abs(np.mean(scores) - 0.5) < 4 * np.std(scores) / np.sqrt(np.size(scores))


def by_thresholds(active, a):
    """Trace the curve threshold by threshold, as the paper words it."""
    a = a / a.max()
    points = []
    for threshold in np.sort(np.unique(np.append(a, 0.0)))[::-1][1:]:  # from just below 1 down to 0
        estimated = a > threshold
        hits = (estimated & active).sum()
        points.append((hits / active.sum(), hits / estimated.sum()))
    recall, precision = np.array(points).T
    return np.trapezoid(np.append(precision[0], precision), np.append(0, recall))


def test_auprc_traces_the_curve(pos, truth, blurred):
    sparse = np.where(np.abs(blurred) > 0.3, blurred, 0)
    for estimate in (blurred, sparse, truth, np.round(blurred, 1)):
        estimate = estimate[amplitudes(estimate).any(axis=1)]
        x_true = truth[: len(estimate)]
        expected = [by_thresholds(y, a) for y, a in zip(amplitudes(x_true) > 0, amplitudes(estimate), strict=True)]
        np.testing.assert_allclose(auprc(x_true, estimate, pos=pos), expected, rtol=1e-9)


def test_auprc_differs_from_scikit_learn_only_at_its_end(pos, truth, blurred):
    y, a = amplitudes(truth)[1] > 0, amplitudes(blurred)[1]
    precision, recall, _ = precision_recall_curve(y, a)
    precision[-1] = precision[-2]
    np.testing.assert_allclose(auprc(truth[1:2], blurred[1:2], pos=pos), -np.trapezoid(precision, recall), rtol=1e-9)


def test_end_rule_by_hand():
    truth = np.array([[[1.0], [0.0], [1.0], [0.0]]])
    wrong_peak = np.array([[[3.0], [4.0], [2.0], [1.0]]])
    # (recall, precision): (0, 0) kept to recall 0, (1/2, 1/2), (1, 2/3), (1, 1/2)
    expected = 0.5 * (0 + 1 / 2) / 2 + 0.5 * (1 / 2 + 2 / 3) / 2
    np.testing.assert_allclose(auprc(truth, wrong_peak, pos=np.zeros((4, 3))), expected)
    half = np.array([[[1.0], [0.0], [0.0], [0.0]]])  # one of two found, nothing wrong: ends at recall 1/2
    np.testing.assert_allclose(auprc(truth, half, pos=np.zeros((4, 3))), 0.5)


def test_random_auprc_is_near_the_active_share(pos, truth):
    scores = np.mean([auprc(truth, random_estimate(truth, seed=s), pos=pos) for s in range(10)], axis=0)
    share = active_share(truth, threshold_true=0.0)
    assert abs(scores.mean() / share.mean() - 1) < 0.35  # biased upwards for few positives, vanishing with their number
    constant = auprc(truth, np.ones_like(truth), pos=pos)
    np.testing.assert_allclose(constant, share, rtol=1e-12)


def test_activity_everywhere_is_refused(pos, truth):
    with pytest.raises(InputError, match="threshold_true"):
        auc(np.ones_like(truth), truth, pos=pos)
    with pytest.raises(InputError, match="share"):
        auc_close(truth, truth, pos=pos, share=0)
    with pytest.raises(InputError, match="threshold"):
        auc(truth, truth, pos=pos, threshold_true=1.5)
