"""Areas under curves: how well the estimated amplitude separates active from inactive sources."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

from headwater._utils.errors import InputError
from headwater.metrics._inputs import paired_amplitudes, truly_active


def auc(x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, threshold_true: float = 0.0) -> np.ndarray:
    r"""Area under the ROC curve: the probability that an active source outranks an inactive one.

    .. math:: \mathrm{AUC} = P(\hat a_i > \hat a_j) + \tfrac12 P(\hat a_i = \hat a_j),
        \qquad i \text{ active}, \; j \text{ inactive}

    Range [0, 1], no unit, higher is better, 0.5 by chance and for an estimate of zeros. Equals
    :func:`mne.simulation.metrics.roc_auc_score` for one orientation.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).
    threshold_true : float
        A source is truly active above this share of the true peak.

    Returns
    -------
    array of shape (batch,)

    Examples
    --------
    >>> import numpy as np
    >>> pos = np.array([[0.0, 0, 0], [0.01, 0, 0], [0.02, 0, 0]])
    >>> auc([[[1.0], [0.0], [0.0]]], [[[2.0], [3.0], [1.0]]], pos=pos)
    array([0.5])
    """
    a_true, a_est, _ = paired_amplitudes(x_true, x_est, pos)
    return _auc(truly_active(a_true, threshold_true), a_est)


def auc_close(
    x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, threshold_true: float = 0.0, share: float = 0.2
) -> np.ndarray:
    r"""Area under the ROC curve against inactive sources near the active ones.

    Measures whether the border of a patch is found. This is :func:`auc` with the negatives restricted to the inactive
    sources nearest to an active one: the share ``share`` of all sources, plus those at the same distance as the last.
    Published versions repeatedly draw as many negatives as positives from this pool; the whole pool gives the mean over
    all such draws.

    .. math:: P(\hat a_i > \hat a_j) + \tfrac12 P(\hat a_i = \hat a_j), \qquad i \in A, \;
        j \in \operatorname{nearest}_{0.2 N}(A)

    Range [0, 1], no unit, higher is better, 0.5 by chance and for an estimate of zeros.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres.
    threshold_true : float
        A source is truly active above this share of the true peak.
    share : float
        Size of the pool of negatives, as a share of all sources.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    Named in the multi-source ConvNet (Buda et al.), section II E; defined by Grova et al., NeuroImage 29 (2006), with
    the 20 % of Hecker et al. (ConvDip), Front. Neurosci. 15 (2021).

    Examples
    --------
    >>> import numpy as np
    >>> pos = np.array([[0.0, 0, 0], [0.01, 0, 0], [0.02, 0, 0], [0.09, 0, 0]])
    >>> auc_close([[[1.0], [0], [0], [0]]], [[[2.0], [3.0], [1.0], [1.0]]], pos=pos, share=0.25)
    array([0.])
    """
    return _auc_against(_nearest, x_true, x_est, pos, threshold_true, share)


def auc_far(
    x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, threshold_true: float = 0.0, share: float = 0.5
) -> np.ndarray:
    r"""Area under the ROC curve against inactive sources far from the active ones.

    Measures whether there is spurious distant activity. As :func:`auc_close`, but with the inactive sources farthest
    from any active one.

    .. math:: P(\hat a_i > \hat a_j) + \tfrac12 P(\hat a_i = \hat a_j), \qquad i \in A, \;
        j \in \operatorname{farthest}_{0.5 N}(A)

    Range [0, 1], no unit, higher is better, 0.5 by chance and for an estimate of zeros.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres.
    threshold_true : float
        A source is truly active above this share of the true peak.
    share : float
        Size of the pool of negatives, as a share of all sources.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    As :func:`auc_close`, with the 50 % of Hecker et al. (ConvDip).

    Examples
    --------
    >>> import numpy as np
    >>> pos = np.array([[0.0, 0, 0], [0.01, 0, 0], [0.02, 0, 0], [0.09, 0, 0]])
    >>> auc_far([[[1.0], [0], [0], [0]]], [[[2.0], [3.0], [1.0], [1.0]]], pos=pos, share=0.5)
    array([1.])
    """
    return _auc_against(_farthest, x_true, x_est, pos, threshold_true, share)


def auprc(x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, threshold_true: float = 0.0) -> np.ndarray:
    r"""Area under the precision-recall curve, with the endpoint rule of the 4LCNN paper.

    .. math:: \int_0^1 P \, \mathrm{d}R, \qquad P(T) = \frac{TP}{TP + FP}, \quad R(T) = \frac{TP}{TP + FN},
        \qquad \text{active where } \hat a_i / \max \hat a > T, \; T \in [0, 1)

    by the trapezoidal rule. Towards recall 0, where nothing is active and the precision is undefined, the precision
    of the highest threshold below 1 is kept (scikit-learn uses 1, which favours wrong peaks). A source whose
    estimate is zero is never active, so the curve ends at the recall that threshold 0 reaches.

    Range [0, 1], no unit, higher is better. Chance is the share of active sources; an estimate of zeros scores 0.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).
    threshold_true : float
        A source is truly active above this share of the true peak.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    4LCNN (Yokoyama et al.), section "Evaluation metrics", III.

    Examples
    --------
    >>> import numpy as np
    >>> auprc([[[1.0], [0.0], [1.0]]], [[[0.5], [1.0], [0.2]]], pos=np.eye(3))  # the peak is wrong
    array([0.41666667])
    """
    a_true, a_est, _ = paired_amplitudes(x_true, x_est, pos)
    return np.array([_auprc(y, a) for y, a in zip(truly_active(a_true, threshold_true), a_est, strict=True)])


def _auc(active: np.ndarray, a_est: np.ndarray, counted: np.ndarray | None = None) -> np.ndarray:
    from sklearn.metrics import roc_auc_score

    counted = np.ones_like(active) if counted is None else counted
    return np.array([roc_auc_score(y[c], a[c]) for y, a, c in zip(active, a_est, counted, strict=True)])


def _auc_against(
    pool: Callable[[np.ndarray, np.ndarray, int], np.ndarray],
    x_true: np.ndarray,
    x_est: np.ndarray,
    pos: np.ndarray,
    threshold_true: float,
    share: float,
) -> np.ndarray:
    if not 0 < share <= 1:
        raise InputError(f"share must lie in (0, 1], not {share}.")
    a_true, a_est, pos = paired_amplitudes(x_true, x_est, pos)
    active = truly_active(a_true, threshold_true)
    size = max(1, round(share * len(pos)))
    counted = np.array([y | pool(_distance_to(y, pos), ~y, size) for y in active])
    return _auc(active, a_est, counted)


def _distance_to(active: np.ndarray, pos: np.ndarray) -> np.ndarray:
    """Distance of each source to the nearest active one, in metres."""
    return cKDTree(pos[active]).query(pos)[0]


def _nearest(distance: np.ndarray, among: np.ndarray, size: int) -> np.ndarray:
    """Choose the ``size`` nearest sources, and all others at the distance of the last (common on grids)."""
    candidates = distance[among]
    limit = np.partition(candidates, min(size, len(candidates)) - 1)[min(size, len(candidates)) - 1]
    # A relative margin, as equal distances on a grid differ in the last digits.
    return among & (distance <= limit * (1 + 1e-9))


def _farthest(distance: np.ndarray, among: np.ndarray, size: int) -> np.ndarray:
    """Choose the ``size`` farthest sources, and all others at the distance of the last."""
    candidates = distance[among]
    limit = np.partition(candidates, max(len(candidates) - size, 0))[max(len(candidates) - size, 0)]
    return among & (distance >= limit * (1 - 1e-9))


def _auprc(active: np.ndarray, a_est: np.ndarray) -> float:
    from sklearn.metrics import precision_recall_curve

    if not a_est.any():
        return 0.0
    precision, recall, threshold = precision_recall_curve(active, a_est)
    detected = threshold > 0
    precision, recall = precision[:-1][detected], recall[:-1][detected]  # [:-1]: without the artificial end (1, 0)
    return float(-np.trapezoid(np.append(precision, precision[-1]), np.append(recall, 0)))
