"""Metrics of time courses."""

from __future__ import annotations

import numpy as np

from headwater._utils.errors import InputError
from headwater.metrics._inputs import active_sources, amplitude, paired


def time_course_correlation(
    x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, threshold_true: float = 0.5
) -> np.ndarray:
    r"""Correlation over time of true and estimated currents at the truly active sources, weighted by their amplitude.

    .. math:: \sum_{i \in A} w_i \frac{\langle \tilde x_i, \tilde{\hat x}_i \rangle}
        {\|\tilde x_i\| \, \|\tilde{\hat x}_i\|}, \qquad \tilde x_i(t) = x_i(t) - \bar x_i, \quad
        w_i = \frac{\|\tilde x_i\|}{\sum_{j \in A} \|\tilde x_j\|}

    with scalar products over orientations and times; for one orientation it is Pearson's correlation. The sign
    counts, because the orientation of a source is estimated too.

    Range [-1, 1], no unit, higher is better, 0 by chance. A source whose estimate does not vary counts as 0, so an
    estimate of zeros scores 0.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient, n_times)
        Source currents, any unit, with at least two time points.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).
    threshold_true : float
        Sources above this share of the true peak count; background activity of all others does not.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    Correlation of source time courses as evaluated for DeepSIF and the CNN-Transformer on neural-mass spikes.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.zeros((1, 2, 1, 4))
    >>> truth[0, 0, 0] = [1, -1, 1, -1]
    >>> time_course_correlation(truth, 3 * truth + 5, pos=np.eye(3)[:2]).round(6)
    array([1.])
    """
    x_true, x_est, _ = paired(x_true, x_est, pos)
    if x_true.ndim != 4 or x_true.shape[3] < 2:
        raise InputError("time_course_correlation needs sources with a fourth axis of at least two time points.")
    active = active_sources(amplitude(x_true), threshold_true)
    true, est = (x - x.mean(axis=3, keepdims=True) for x in (x_true, x_est))
    product = np.einsum("bsot,bsot->bs", true, est)
    norm_true, norm_est = (np.sqrt(np.einsum("bsot,bsot->bs", x, x)) for x in (true, est))
    if not (norm_true * active).any(axis=1).all():
        raise InputError("time_course_correlation needs truly active sources whose activity changes over time.")
    # The true norm in the weight cancels the one in the correlation.
    weighted = np.divide(product, norm_est, out=np.zeros_like(product), where=norm_est > 0)
    return (weighted * active).sum(axis=1) / (norm_true * active).sum(axis=1)
