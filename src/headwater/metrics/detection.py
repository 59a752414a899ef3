"""Detection of active sources: accuracy, precision, recall, F1.

A source is estimated as active if its amplitude exceeds ``threshold``: a share of the estimate's peak, or, with
``relative=False``, an absolute value (0.5 for a network that returns probabilities). An estimate of zeros contains no
active source and scores 0 in precision, recall and F1.
"""

from __future__ import annotations

import numpy as np

from headwater.metrics._inputs import active_sources, paired_amplitudes, truly_active


def accuracy(
    x_true: np.ndarray,
    x_est: np.ndarray,
    *,
    pos: np.ndarray,
    threshold: float = 0.5,
    threshold_true: float = 0.5,
    relative: bool = True,
) -> np.ndarray:
    r"""Share of sources whose state, active or not, is estimated correctly.

    .. math:: \frac{TP + TN}{N}

    Range [0, 1], no unit, higher is better. Report it together with :func:`active_share`: with a share p, an
    estimate of zeros scores 1 - p, and a random choice with probability p scores p^2 + (1 - p)^2.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).
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
    U-Net direct inversion (Ojaroudi et al.), table 1.

    Examples
    --------
    >>> import numpy as np
    >>> accuracy([[[1.0], [1.0], [0.0], [0.0]]], [[[9.0], [1.0], [1.0], [8.0]]], pos=np.zeros((4, 3)))
    array([0.5])
    """
    true, est = states(x_true, x_est, pos, threshold, threshold_true, relative)
    return (true == est).mean(axis=1)


def precision(
    x_true: np.ndarray,
    x_est: np.ndarray,
    *,
    pos: np.ndarray,
    threshold: float = 0.5,
    threshold_true: float = 0.5,
    relative: bool = True,
) -> np.ndarray:
    r"""Share of the sources estimated as active that are truly active.

    .. math:: \frac{TP}{TP + FP}

    Range [0, 1], no unit, higher is better; chance is the share of active sources. Equals
    :func:`mne.simulation.metrics.precision_score` where both thresholds are the same.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).
    threshold, threshold_true, relative
        As in :func:`accuracy`.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    U-Net direct inversion (Ojaroudi et al.), table 1.

    Examples
    --------
    >>> import numpy as np
    >>> precision([[[1.0], [1.0], [0.0], [0.0]]], [[[9.0], [1.0], [1.0], [8.0]]], pos=np.zeros((4, 3)))
    array([0.5])
    """
    return precision_recall_f1(*states(x_true, x_est, pos, threshold, threshold_true, relative))[0]


def recall(
    x_true: np.ndarray,
    x_est: np.ndarray,
    *,
    pos: np.ndarray,
    threshold: float = 0.5,
    threshold_true: float = 0.5,
    relative: bool = True,
) -> np.ndarray:
    r"""Share of the active sources that are estimated as active.

    .. math:: \frac{TP}{TP + FN}

    Range [0, 1], no unit, higher is better; chance is the share of sources estimated as active. Equals
    :func:`mne.simulation.metrics.recall_score` where both thresholds are the same.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).
    threshold, threshold_true, relative
        As in :func:`accuracy`.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    U-Net direct inversion (Ojaroudi et al.), table 1.

    Examples
    --------
    >>> import numpy as np
    >>> recall([[[1.0], [1.0], [0.0], [0.0]]], [[[9.0], [8.0], [7.0], [6.0]]], pos=np.zeros((4, 3)))
    array([1.])
    """
    return precision_recall_f1(*states(x_true, x_est, pos, threshold, threshold_true, relative))[1]


def f1(
    x_true: np.ndarray,
    x_est: np.ndarray,
    *,
    pos: np.ndarray,
    threshold: float = 0.5,
    threshold_true: float = 0.5,
    relative: bool = True,
) -> np.ndarray:
    r"""Harmonic mean of precision and recall.

    .. math:: F_1 = \frac{2 \, TP}{2 \, TP + FP + FN}

    Range [0, 1], no unit, higher is better. Equals :func:`mne.simulation.metrics.f1_score` where both thresholds are
    the same.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).
    threshold, threshold_true, relative
        As in :func:`accuracy`.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    U-Net direct inversion (Ojaroudi et al.), table 1.

    Examples
    --------
    >>> import numpy as np
    >>> f1([[[1.0], [1.0], [0.0], [0.0]]], [[[9.0], [8.0], [7.0], [6.0]]], pos=np.zeros((4, 3))).round(3)
    array([0.667])
    """
    return precision_recall_f1(*states(x_true, x_est, pos, threshold, threshold_true, relative))[2]


def active_share(x_true: np.ndarray, *, threshold_true: float = 0.5) -> np.ndarray:
    r"""Share of the sources that are truly active: the class balance on which detection scores depend.

    Range (0, 1), no unit; not a score.

    Parameters
    ----------
    x_true : array of shape (batch, n_sources, n_orient[, n_times])
        True sources, any unit.
    threshold_true : float
        A source is truly active above this share of the true peak.

    Returns
    -------
    array of shape (batch,)

    Examples
    --------
    >>> active_share([[[1.0], [0.0], [0.0], [0.0]]])
    array([0.25])
    """
    x_true = np.asarray(x_true)
    a_true, _, _ = paired_amplitudes(x_true, x_true, np.zeros((*x_true.shape[1:2], 3)))
    return truly_active(a_true, threshold_true).mean(axis=1)


def states(
    x_true: np.ndarray, x_est: np.ndarray, pos: np.ndarray, threshold: float, threshold_true: float, relative: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Mark the active sources of ground truth and estimate; (batch, n_sources) each."""
    a_true, a_est, _ = paired_amplitudes(x_true, x_est, pos)
    return truly_active(a_true, threshold_true), active_sources(a_est, threshold, relative)


def precision_recall_f1(true: np.ndarray, est: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F1 of each sample, 0 where undefined."""
    hits = (true & est).sum(axis=1)
    n_true, n_est = true.sum(axis=1), est.sum(axis=1)
    return hits / np.maximum(n_est, 1), hits / np.maximum(n_true, 1), 2 * hits / np.maximum(n_true + n_est, 1)
