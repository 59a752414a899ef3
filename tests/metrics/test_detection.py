"""Detection of sources and regions, against scikit-learn and MNE-Python."""

import mne
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from headwater import metrics
from headwater._utils.errors import InputError
from headwater.metrics import active_share, random_estimate


def states(x, threshold):
    a = np.linalg.norm(x, axis=2)
    return a > threshold * a.max(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("name", "reference"),
    [("accuracy", accuracy_score), ("precision", precision_score), ("recall", recall_score), ("f1", f1_score)],
)
def test_agrees_with_scikit_learn(name, reference, pos, truth, blurred):
    ours = getattr(metrics, name)(truth, blurred, pos=pos, threshold=0.4, threshold_true=0.2)
    theirs = [reference(y, p) for y, p in zip(states(truth, 0.2), states(blurred, 0.4), strict=True)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "theirs", "unit"),
    [
        ("precision", "precision_score", 1),
        ("recall", "recall_score", 1),
        ("f1", "f1_score", 1),
        ("region_localization_error", "region_localization_error", 1e3),
    ],
)
def test_agrees_with_mne(name, theirs, unit, pos, truth, blurred):
    reference = getattr(mne.simulation.metrics, theirs)
    src = [{"rr": pos[:150]}, {"rr": pos[150:]}]
    extra = {"src": src} if theirs.startswith("region") else {}
    vertices = [np.arange(150), np.arange(len(pos) - 150)]
    x_true, x_est = truth[:8, :, :1], blurred[:8, :, :1]
    ours = getattr(metrics, name)(x_true, x_est, pos=pos, threshold=0.3, threshold_true=0.3)
    for b in range(len(x_true)):  # one at a time, as MNE's threshold is relative to the peak over all samples
        stcs = [mne.SourceEstimate(x[b], vertices, tmin=0, tstep=1) for x in (x_true, x_est)]
        np.testing.assert_allclose(ours[b], unit * reference(*stcs, threshold="30%", **extra)[0], rtol=1e-6)


def test_absolute_threshold_takes_probabilities_as_they_are(pos):
    truth, timid = np.eye(1, len(pos))[..., None], 0.4 * np.eye(1, len(pos))[..., None]
    assert metrics.recall(truth, timid, pos=pos) == 1
    assert metrics.recall(truth, timid, pos=pos, relative=False) == 0


def test_chance_follows_the_class_balance(pos):
    rng = np.random.default_rng(0)
    truth = (rng.random((200, len(pos), 1)) < 0.3).astype(float)
    guess = random_estimate(truth, seed=1)
    parameters = {"pos": pos, "threshold": 0.5, "relative": False}
    share = active_share(truth).mean()
    assert share == pytest.approx(0.3, abs=0.01)
    assert metrics.precision(truth, guess, **parameters).mean() == pytest.approx(share, abs=0.01)
    assert metrics.recall(truth, guess, **parameters).mean() == pytest.approx(0.5, abs=0.01)
    assert metrics.accuracy(truth, guess, **parameters).mean() == pytest.approx(0.5, abs=0.01)


def test_each_source_its_own_region_is_plain_detection(pos, truth, blurred):
    ids = np.random.default_rng(0).permutation(len(pos))
    for name in ("precision", "recall", "f1"):
        np.testing.assert_array_equal(
            getattr(metrics, f"region_{name}")(truth, blurred, pos=pos, region_ids=ids),
            getattr(metrics, name)(truth, blurred, pos=pos),
        )


def test_regions_by_hand():
    ids = np.array([7, -1, 2, 7, 2, 9])  # any numbers, in any order; the second source is in no region
    truth = np.array([1.0, 1, 0, 0, 0, 0])[None, :, None]  # region 7
    estimate = np.array([0.0, 9, 8, 7, 0, 0])[None, :, None]  # regions 2 and 7
    parameters = {"pos": np.zeros((6, 3)), "region_ids": ids}
    assert metrics.region_precision(truth, estimate, **parameters) == 1 / 2
    assert metrics.region_recall(truth, estimate, **parameters) == 1
    assert metrics.region_f1(truth, estimate, **parameters) == 2 / 3


def test_impossible_requests_are_refused(pos, truth, blurred):
    for ids in (np.zeros(5, int), np.zeros(len(pos)), np.full(len(pos), -1)):
        with pytest.raises(InputError, match="region_ids"):
            metrics.region_f1(truth, blurred, pos=pos, region_ids=ids)
    with pytest.raises(InputError, match="threshold"):
        metrics.f1(truth, blurred, pos=pos, threshold=1.0)
    with pytest.raises(InputError, match="All sources of sample 0"):
        metrics.f1(np.ones_like(truth), blurred, pos=pos)
