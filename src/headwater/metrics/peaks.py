"""Localization errors in mm: of the peak, the centroid, the set of active sources, and matched peaks."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from headwater._utils.errors import InputError
from headwater.metrics._inputs import (
    MM_PER_M,
    active_sources,
    checked_centers,
    paired_amplitudes,
    peaks,
    truly_active,
)


def localization_error(x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray) -> np.ndarray:
    r"""Distance between the estimated and the true peak.

    .. math:: \mathrm{LE} = \|r_{\arg\max_i a_i} - r_{\arg\max_i \hat a_i}\|

    Range [0, diameter of the source space], in mm, lower is better. If several true sources share the peak (a binary
    patch), the nearest counts; if several estimated sources do, their distances are averaged. An estimate of zeros thus
    has the expected score of a random guess.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    4LCNN (Yokoyama et al.), section "Evaluation metrics", I.

    Examples
    --------
    >>> import numpy as np
    >>> pos = np.array([[0.0, 0, 0], [0.01, 0, 0]])
    >>> localization_error([[[2.0], [1.0]]], [[[1.0], [-3.0]]], pos=pos)
    array([10.])
    """
    a_true, a_est, pos = paired_amplitudes(x_true, x_est, pos)
    return MM_PER_M * np.array(
        [cKDTree(pos[t]).query(pos[e])[0].mean() for t, e in zip(peaks(a_true), peaks(a_est), strict=True)]
    )


def centroid_localization_error(
    x_true: np.ndarray,
    x_est: np.ndarray,
    *,
    pos: np.ndarray,
    threshold: float = 0.5,
    threshold_true: float = 0.5,
    relative: bool = True,
) -> np.ndarray:
    r"""Distance between the centroids of the truly active sources and of those estimated as active.

    .. math:: \mathrm{LE} = \|c - \hat c\|, \qquad c = \frac{1}{|A|} \sum_{i \in A} r_i

    Range [0, diameter of the source space], in mm, lower is better. If no source is estimated as active (an estimate of
    zeros), the centroid of all sources is used.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres.
    threshold : float
        A source is estimated as active above this share of the estimated peak.
    threshold_true : float
        A source is truly active above this share of the true peak.
    relative : bool
        False: ``threshold`` is an absolute amplitude.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    U-Net direct inversion (Ojaroudi et al.), eq. 2-3.

    Examples
    --------
    >>> import numpy as np
    >>> pos = np.array([[0.0, 0, 0], [0.01, 0, 0], [0.02, 0, 0]])
    >>> centroid_localization_error([[[1.0], [0.0], [0.0]]], [[[0.0], [2.0], [2.0]]], pos=pos)
    array([15.])
    """
    true, est, pos = _active_sets(x_true, x_est, pos, threshold, threshold_true, relative)
    centroids = [(active @ pos) / active.sum(axis=1, keepdims=True) for active in (true, est)]
    return MM_PER_M * np.linalg.norm(centroids[0] - centroids[1], axis=1)


def region_localization_error(
    x_true: np.ndarray,
    x_est: np.ndarray,
    *,
    pos: np.ndarray,
    threshold: float = 0.5,
    threshold_true: float = 0.5,
    relative: bool = True,
) -> np.ndarray:
    r"""Mean distance from each active source to the nearest one of the other set, averaged over both directions.

    .. math:: \mathrm{RLE} = \frac{1}{2|A|} \sum_{i \in A} \min_{j \in \hat A} \|r_i - r_j\|
        + \frac{1}{2|\hat A|} \sum_{j \in \hat A} \min_{i \in A} \|r_i - r_j\|

    Range [0, diameter of the source space], in mm, lower is better. If no source is estimated as active (an estimate of
    zeros), all sources count as active. Equals :func:`mne.simulation.metrics.region_localization_error` (also called
    dipole localisation error) where both thresholds are the same, but in mm.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres.
    threshold, threshold_true, relative
        As in :func:`centroid_localization_error`.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    Becker et al., NeuroImage 157 (2017); Maksymenko et al. (2017).

    Examples
    --------
    >>> import numpy as np
    >>> pos = np.array([[0.0, 0, 0], [0.01, 0, 0], [0.02, 0, 0]])
    >>> region_localization_error([[[1.0], [0.0], [0.0]]], [[[0.0], [2.0], [2.0]]], pos=pos)
    array([12.5])
    """
    true, est, pos = _active_sets(x_true, x_est, pos, threshold, threshold_true, relative)
    return MM_PER_M * np.array([_set_distance(pos[t], pos[e]) for t, e in zip(true, est, strict=True)])


def assignment_error(
    x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, centers: np.ndarray, separation: float = 0.02
) -> np.ndarray:
    r"""Mean distance between the true centres and the estimated peaks, each peak used once (optimal assignment).

    .. math:: \min_\pi \frac1S \sum_{s=1}^S \|r_{c_s} - r_{p_{\pi(s)}}\|

    The estimate's peaks are its S strongest local maxima: sources at least as strong as any within ``separation``,
    and at least that far apart. A centre without a peak (if the estimate has fewer peaks) contributes its mean distance
    to all sources, as a random guess would; so does an estimate of zeros.

    Range [0, diameter of the source space], in mm, lower is better.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres.
    centers : int array of shape (batch, n_centers)
        Source index of each true centre, padded with -1.
    separation : float
        Smallest distance between two peaks, in metres.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    Kuhn, Naval Res. Logist. Q. 2 (1955), for the assignment; solved by :func:`scipy.optimize.linear_sum_assignment`.

    Examples
    --------
    >>> import numpy as np
    >>> pos = np.array([[0.0, 0, 0], [0.05, 0, 0], [0.09, 0, 0]])
    >>> assignment_error([[[1.0], [0.0], [1.0]]], [[[1.0], [2.0], [0.0]]], pos=pos, centers=[[0, 2]])
    array([20.])
    """
    _, a_est, pos = paired_amplitudes(x_true, x_est, pos)
    centers = checked_centers(centers, *a_est.shape)
    if not separation > 0:
        raise InputError(f"separation is a distance in metres and must be positive, not {separation}.")
    neighbours = cKDTree(pos).query_ball_point(pos, separation)
    flat = np.concatenate([np.asarray(n, dtype=np.intp) for n in neighbours])
    starts = np.cumsum([0, *map(len, neighbours[:-1])])
    errors = np.empty(len(a_est))
    for b, a in enumerate(a_est):
        truth = pos[centers[b][centers[b] >= 0]]
        maxima = np.flatnonzero((a > 0) & (a >= np.maximum.reduceat(a[flat], starts)))
        found = _strongest(maxima[np.argsort(-a[maxima], kind="stable")], pos, len(truth), separation)
        errors[b] = _assigned(truth, pos[found], pos)
    return MM_PER_M * errors


def _strongest(candidates: np.ndarray, pos: np.ndarray, count: int, separation: float) -> list[int]:
    """Select up to ``count`` candidates, strongest first, no two closer than ``separation``."""
    chosen: list[int] = []
    for candidate in candidates:
        if len(chosen) == count:
            break
        if not chosen or np.linalg.norm(pos[chosen] - pos[candidate], axis=1).min() >= separation:
            chosen.append(int(candidate))
    return chosen


def _assigned(truth: np.ndarray, found: np.ndarray, pos: np.ndarray) -> float:
    """Mean distance under the best assignment of found to true points; missing points count as random guesses."""
    guess = np.repeat(cdist(truth, pos).mean(axis=1, keepdims=True), len(truth) - len(found), axis=1)
    cost = np.hstack([cdist(truth, found), guess])
    return float(cost[linear_sum_assignment(cost)].mean())


def _set_distance(a: np.ndarray, b: np.ndarray) -> float:
    return (cKDTree(b).query(a)[0].mean() + cKDTree(a).query(b)[0].mean()) / 2


def _active_sets(
    x_true: np.ndarray, x_est: np.ndarray, pos: np.ndarray, threshold: float, threshold_true: float, relative: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Active sources of ground truth and estimate; an estimate without any counts as active everywhere."""
    a_true, a_est, pos = paired_amplitudes(x_true, x_est, pos)
    est = active_sources(a_est, threshold, relative)
    est[~est.any(axis=1)] = True
    return truly_active(a_true, threshold_true), est, pos
