"""Metrics of the rank order of the estimated amplitudes.

Ties are averaged over random orders: sources of equal amplitude share their ranks. An estimate of zeros therefore
scores exactly as chance does, and the numbering of the sources does not matter.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from headwater._utils.errors import InputError
from headwater.metrics._inputs import MM_PER_M, checked_centers, paired_amplitudes, peaks, truly_active


def fraction_active(
    x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, threshold_true: float = 0.0
) -> np.ndarray:
    r"""Share of the k strongest estimated sources that are truly active; k is the number of truly active sources.

    .. math:: \frac{|\mathrm{top}_k(\hat a) \cap A|}{k}, \qquad k = |A|

    Range [0, 1], no unit, higher is better. Chance, and the score of an estimate of zeros, is the share of active
    sources.

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
    Multi-source ConvNet (Buda et al.), section II E.

    Examples
    --------
    >>> import numpy as np
    >>> fraction_active([[[1.0], [1.0], [0.0]]], [[[3.0], [1.0], [2.0]]], pos=np.eye(3))
    array([0.5])
    """
    a_true, a_est, _ = paired_amplitudes(x_true, x_est, pos)
    active = truly_active(a_true, threshold_true)
    return (_top_k(a_est, active.sum(axis=1)) * active).sum(axis=1) / active.sum(axis=1)


def peak_activity_spread(
    x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, threshold_true: float = 0.0
) -> np.ndarray:
    r"""Mean distance of the k strongest estimated sources from their peak; k is the number truly active.

    .. math:: \mathrm{PAS} = \frac1k \sum_{i \in \mathrm{top}_k(\hat a)} \|r_i - r_{\arg\max \hat a}\|

    Range [0, diameter of the source space], in mm, lower is better for a single source of the true size, but
    values below the score of the perfect estimate are no improvement. An estimate of zeros scores the mean distance of
    two sources.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres.
    threshold_true : float
        A source is truly active above this share of the true peak.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    Multi-source ConvNet (Buda et al.), section II E, gives name, purpose and values in mm, but no formula. On
    fsaverage, this formula gives 11 mm for a perfect patch of 30 mm (the paper: 11), 21 mm for one of 60 mm (15) and
    76-79 mm for a random estimate (66, on a smaller brain), so compare with the paper's ranking of methods, not with
    its values in mm.

    Examples
    --------
    >>> import numpy as np
    >>> pos = np.array([[0.0, 0, 0], [0.01, 0, 0], [0.02, 0, 0]])
    >>> peak_activity_spread([[[1.0], [1.0], [0.0]]], [[[3.0], [1.0], [2.0]]], pos=pos)
    array([10.])
    """
    a_true, a_est, pos = paired_amplitudes(x_true, x_est, pos)
    k = truly_active(a_true, threshold_true).sum(axis=1)
    weights = _top_k(a_est, k) / k[:, None]
    at_peak = peaks(a_est)
    spread = np.empty(len(a_est))
    constant = at_peak.all(axis=1)
    if constant.any():  # all samples without a peak have the same spread, the most expensive to compute
        spread[constant] = cdist(pos, pos).mean()
    for b in np.flatnonzero(~constant):
        top = weights[b] > 0
        spread[b] = (cdist(pos[at_peak[b]], pos[top]) @ weights[b, top]).mean()
    return MM_PER_M * spread


def distance_rank(
    x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, centers: np.ndarray, source: int = 1
) -> np.ndarray:
    r"""Rank of the true centre of one source in the order of estimated amplitudes (DR_1, DR_2, DR_3).

    .. math:: \mathrm{DR}_s = \frac{1}{N - S} \Bigl(
        |\{j : \hat a_j > \hat a_{c_s}\}| + \tfrac12 |\{j : \hat a_j = \hat a_{c_s}\}| \Bigr),
        \qquad j \notin \{c_1, \dots, c_S\}

    The S true centres do not compete with each other, so a perfect estimate of equally strong sources scores 0.

    Range [0, 1], no unit, lower is better, 0.5 by chance and for an estimate of zeros. NaN for samples that have
    fewer sources: the paper averages DR_2 and DR_3 over samples that have two or three.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).
    centers : int array of shape (batch, n_centers)
        Source index of each true centre, padded with -1.
    source : int
        Which centre, counted from 1.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    Multi-source ConvNet (Buda et al.), section II E and table IX.

    Examples
    --------
    >>> import numpy as np
    >>> pos = np.arange(12.0).reshape(4, 3)
    >>> estimate = [[[3.0], [1.0], [2.0], [0.0]]]
    >>> distance_rank([[[1.0], [1.0], [0.0], [0.0]]], estimate, pos=pos, centers=[[0, 1]], source=2)
    array([0.5])
    """
    _, a_est, _ = paired_amplitudes(x_true, x_est, pos)
    if source < 1:
        raise InputError(f"source counts the true centres from 1, so it cannot be {source}.")
    ranks = _center_ranks(a_est, checked_centers(centers, *a_est.shape))
    return ranks[:, source - 1] if source <= ranks.shape[1] else np.full(len(a_est), np.nan)


def distance_rank_least(x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, centers: np.ndarray) -> np.ndarray:
    r"""Rank of the true centre that the estimate ranks last (DR_least).

    .. math:: \mathrm{DR}_{\text{least}} = \max_s \mathrm{DR}_s

    Range [0, 1], no unit, lower is better. An estimate of zeros scores 0.5; chance is S / (S + 1) for S sources.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).
    centers : int array of shape (batch, n_centers)
        Source index of each true centre, padded with -1.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    Multi-source ConvNet (Buda et al.), section II E. Its Random control (.691 in table IX) is the median of this
    maximum over samples with one to three sources.

    Examples
    --------
    >>> import numpy as np
    >>> pos = np.arange(12.0).reshape(4, 3)
    >>> distance_rank_least([[[1.0], [1.0], [0.0], [0.0]]], [[[3.0], [1.0], [2.0], [0.0]]], pos=pos, centers=[[1, 0]])
    array([0.5])
    """
    _, a_est, _ = paired_amplitudes(x_true, x_est, pos)
    return np.nanmax(_center_ranks(a_est, checked_centers(centers, *a_est.shape)), axis=1)


def _top_k(a_est: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Probability that each source is among the k strongest when ties are broken at random; (batch, n_sources)."""
    kth = np.take_along_axis(-np.sort(-a_est, axis=1), k[:, None] - 1, axis=1)
    above, tied = a_est > kth, a_est == kth
    left = k - above.sum(axis=1)
    return above + tied * (left / tied.sum(axis=1))[:, None]


def _center_ranks(a_est: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Normalised rank of each centre among the sources that are not centres; (batch, n_centers), NaN where padded."""
    exists = centers >= 0
    of_center = np.take_along_axis(a_est, np.where(exists, centers, 0), axis=1)
    rivals = np.ones_like(a_est, dtype=bool)
    for column in range(centers.shape[1]):
        rows = np.flatnonzero(exists[:, column])
        rivals[rows, centers[rows, column]] = False
    ranks = np.full(centers.shape, np.nan)
    for column in range(centers.shape[1]):
        a = of_center[:, column, None]
        places = ((a_est > a) + 0.5 * (a_est == a)) * rivals
        ranks[:, column] = np.where(exists[:, column], places.sum(axis=1) / rivals.sum(axis=1), np.nan)
    return ranks
