"""Extent and spread of the estimated activity."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from headwater._utils.errors import InputError
from headwater.metrics._inputs import (
    MM_PER_M,
    active_sources,
    amplitude,
    paired,
    paired_amplitudes,
    peaks,
    truly_active,
)

CM3_PER_M3 = 1e6


def spatial_dispersion(x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray) -> np.ndarray:
    r"""Spread of the estimate about its own peak.

    .. math:: \mathrm{SD} = \sqrt{\frac{\sum_j (\hat a_j \|r_{\text{peak}} - r_j\|)^2}{\sum_j \hat a_j^2}},
        \qquad r_{\text{peak}} = r_{\arg\max \hat a}

    Range [0, diameter of the source space], in mm, lower is sharper; values below the dispersion of the ground truth
    are no improvement. The ground truth is not used, so recordings without one can be scored (pass the estimate twice).
    Several equal peaks are averaged; an estimate of zeros counts as evenly spread.

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
    4LCNN (Yokoyama et al.), section "Evaluation metrics", II.

    Examples
    --------
    >>> import numpy as np
    >>> pos = np.array([[0.0, 0, 0], [0.01, 0, 0], [0.02, 0, 0]])
    >>> spatial_dispersion([[[1.0], [0.0], [0.0]]], [[[4.0], [3.0], [0.0]]], pos=pos)
    array([6.])
    """
    _, a_est, pos = paired_amplitudes(x_true, x_est, pos)
    weights = _energy(a_est)
    dispersion = np.empty(len(weights))
    for b, (w, at_peak) in enumerate(zip(weights, peaks(a_est), strict=True)):
        # sum_j w_j |r_p - r_j|^2 = |r_p - m|^2 + sum_j w_j |r_j - m|^2 with the centre of mass m, for every peak p
        centred = pos - w @ pos
        squared = (centred**2).sum(axis=1)
        dispersion[b] = np.sqrt(squared[at_peak] + w @ squared).mean()
    return MM_PER_M * dispersion


def dispersion_from_truth(
    x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, threshold_true: float = 0.0
) -> np.ndarray:
    r"""Spread of the estimate about the truly active sources.

    .. math:: \mathrm{SD} = \sqrt{\frac{\sum_j \hat a_j^2 \min_{i \in A} \|r_i - r_j\|^2}{\sum_j \hat a_j^2}}

    Range [0, diameter of the source space], in mm, lower is better, 0 if all activity lies in truly active sources. An
    estimate of zeros counts as evenly spread.

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
    Molins et al., NeuroImage 42 (2008); Chang et al., NeuroImage 53 (2010). The spatial dispersion reported for DeepSIF
    and the systems compared with it.

    Examples
    --------
    >>> import numpy as np
    >>> pos = np.array([[0.0, 0, 0], [0.01, 0, 0], [0.02, 0, 0]])
    >>> dispersion_from_truth([[[1.0], [1.0], [0.0]]], [[[0.0], [4.0], [3.0]]], pos=pos)
    array([6.])
    """
    a_true, a_est, pos = paired_amplitudes(x_true, x_est, pos)
    active = truly_active(a_true, threshold_true)
    squared = np.array([cKDTree(pos[y]).query(pos)[0] ** 2 for y in active])
    return MM_PER_M * np.sqrt((_energy(a_est) * squared).sum(axis=1))


def active_volume_error(
    x_true: np.ndarray,
    x_est: np.ndarray,
    *,
    pos: np.ndarray,
    source_volume: float | np.ndarray,
    threshold: float = 0.5,
    threshold_true: float = 0.5,
    relative: bool = True,
) -> np.ndarray:
    r"""Difference between the true and the estimated active volume.

    .. math:: \mathrm{AVE} = \bar V \, \bigl| |\hat A| - |A| \bigr|

    Range [0, volume of the source space], in cm^3, lower is better. An estimate of zeros scores the true volume.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).
    source_volume : float | array of shape (n_sources,)
        Volume represented by a source, in m^3; several values are averaged, as in the paper.
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
    U-Net direct inversion (Ojaroudi et al.), eq. 4-7.

    Examples
    --------
    >>> import numpy as np
    >>> estimate = [[[3.0], [2.0], [2.0]]]
    >>> active_volume_error([[[1.0], [0.0], [0.0]]], estimate, pos=np.eye(3), source_volume=0.01**3)
    array([2.])
    """
    a_true, a_est, _ = paired_amplitudes(x_true, x_est, pos)
    volume = float(np.mean(source_volume))
    if not (np.isfinite(volume) and volume > 0):
        raise InputError(f"source_volume must be a positive volume in m^3, not {volume}.")
    n_true = truly_active(a_true, threshold_true).sum(axis=1)
    n_est = active_sources(a_est, threshold, relative).sum(axis=1)
    return CM3_PER_M3 * volume * np.abs(n_est - n_true)


def extent(x: np.ndarray, *, threshold: float = 0.5) -> np.ndarray:
    r"""Count the active sources, those above a share of the peak.

    .. math:: |\{i : a_i > T \max_j a_j\}|

    Range [0, n_sources], in sources; not a score; 0 for an estimate of zeros.

    Parameters
    ----------
    x : array of shape (batch, n_sources, n_orient[, n_times])
        Sources, any unit.
    threshold : float
        Share of the peak above which a source is active.

    Returns
    -------
    int array of shape (batch,)

    References
    ----------
    4LCNN (Yokoyama et al.), section "Statistics": activation area.

    Examples
    --------
    >>> extent([[[4.0], [3.0], [2.0], [0.0]]])
    array([2])
    """
    return active_sources(amplitude(np.asarray(x, dtype=np.float64)), threshold).sum(axis=1)


def extent_correlation(x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    r"""Pearson correlation, over the batch, of the true and the estimated extent.

    .. math:: r = \mathrm{corr}_b \bigl( |A_b|, |\hat A_b| \bigr)

    Range [-1, 1], no unit, higher is better, 0 by chance. The only metric of a whole batch: every sample is given the
    value of the batch, so that it can be tabulated like the others. NaN if one of the extents does not vary (estimates
    of zeros, or fewer than two samples).

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).
    threshold : float
        A source is active above this share of the peak, in ground truth and estimate.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    4LCNN (Yokoyama et al.), Fig. 6.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.array([[[1.0], [0], [0]], [[1.0], [1.0], [0]]])
    >>> extent_correlation(truth, truth[:, ::-1], pos=np.eye(3)).round(6)
    array([1., 1.])
    """
    x_true, x_est, _ = paired(x_true, x_est, pos)
    n_true, n_est = extent(x_true, threshold=threshold), extent(x_est, threshold=threshold)
    varies = np.ptp(n_true) > 0 and np.ptp(n_est) > 0
    return np.full(len(x_true), np.corrcoef(n_true, n_est)[0, 1] if varies else np.nan)


def _energy(a_est: np.ndarray) -> np.ndarray:
    """Each source's share of the estimate's energy; zeros count as evenly spread; (batch, n_sources)."""
    peak = a_est.max(axis=1, keepdims=True)
    relative = np.where(peak > 0, a_est / np.where(peak > 0, peak, 1), 1)
    return relative**2 / (relative**2).sum(axis=1, keepdims=True)
