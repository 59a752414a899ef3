"""Source-wise metrics of amplitude and orientation."""

from __future__ import annotations

import numpy as np

from headwater.metrics._inputs import amplitude, paired


def nmse(x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, rescale: bool = False) -> np.ndarray:
    r"""Normalised mean squared error.

    .. math:: \mathrm{NMSE} = \frac{\sum_i \|x_i - \hat x_i\|^2}{\sum_i \|x_i\|^2}

    Range [0, inf), no unit, lower is better. An estimate of zeros scores 1.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, in A m; the error is summed over orientations and time.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).
    rescale : bool
        First multiply each estimate by the factor that minimises its error, for solvers whose estimates have no current
        unit (dSPM, sLORETA, beamformer power). The score then lies in [0, 1].

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    3D-PIUNet (Morik et al.), eq. 7.

    Examples
    --------
    >>> import numpy as np
    >>> pos = np.eye(3)[:2]
    >>> nmse([[[2.0], [0.0]]], [[[1.0], [1.0]]], pos=pos)
    array([0.5])
    """
    x_true, x_est, _ = paired(x_true, x_est, pos)
    x_true, x_est = _flat(x_true), _flat(x_est)
    if rescale:
        x_est = x_est * _ratio(_dot(x_true, x_est), _dot(x_est, x_est))[:, None]
    return _dot(x_true - x_est, x_true - x_est) / _dot(x_true, x_true)


def weighted_cosine_distance(x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray) -> np.ndarray:
    r"""Error of the orientation, weighted by the true amplitude.

    .. math:: 1 - \sum_i w_i \frac{x_i^\top \hat x_i}{\|x_i\| \, \|\hat x_i\|},
        \qquad w_i = \frac{\|x_i\|}{\sum_j \|x_j\|}

    Range [0, 2], no unit, lower is better, 1 by chance. Where the estimate is zero, the cosine counts as 0.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit. With a time axis, the vector of a source comprises orientations and time points.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    3D-PIUNet (Morik et al.), eq. 12.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.array([[[3.0, 0, 0], [0, 1.0, 0]]])
    >>> estimate = np.array([[[7.0, 0, 0], [2.0, 0, 0]]])  # the weaker source is off by a right angle
    >>> weighted_cosine_distance(truth, estimate, pos=np.eye(3)[:2])
    array([0.25])
    """
    x_true, x_est, _ = paired(x_true, x_est, pos)
    x_true, x_est = (x.reshape(*x.shape[:2], -1) for x in (x_true, x_est))
    norm_true, norm_est = np.linalg.norm(x_true, axis=2), np.linalg.norm(x_est, axis=2)
    # The true norm in the weight cancels the one in the cosine, so there is no division by a zero norm.
    cosine_times_norm = _ratio(np.einsum("bsk,bsk->bs", x_true, x_est), norm_est)
    return 1 - cosine_times_norm.sum(axis=1) / norm_true.sum(axis=1)


def cosine_score(x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray) -> np.ndarray:
    r"""Cosine of the angle between ground truth and estimate, each taken as one vector.

    .. math:: \frac{\langle x, \hat x \rangle}{\|x\| \, \|\hat x\|}

    Range [-1, 1], no unit, higher is better, 0 by chance and for an estimate of zeros. Equals
    :func:`mne.simulation.metrics.cosine_score`.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).

    Returns
    -------
    array of shape (batch,)

    Examples
    --------
    >>> import numpy as np
    >>> cosine_score([[[3.0], [4.0]]], [[[6.0], [8.0]]], pos=np.eye(3)[:2])
    array([1.])
    """
    x_true, x_est, _ = paired(x_true, x_est, pos)
    return _cosine(_flat(x_true), _flat(x_est))


def correlation(x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray) -> np.ndarray:
    r"""Pearson correlation of the true and the estimated amplitude map.

    .. math:: r = \frac{\langle a - \bar a, \hat a - \bar{\hat a} \rangle}
        {\|a - \bar a\| \, \|\hat a - \bar{\hat a}\|}, \qquad a_i = \|x_i\|

    Range [-1, 1], no unit, higher is better, 0 by chance. Maps without variation (an estimate of zeros) score 0.
    The sign of a current does not matter here; it does in :func:`cosine_score`.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit. With a time axis, amplitudes are averaged over it; see
        :func:`time_course_correlation` for the correlation over time.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    Correlation with the ground truth, as in the evaluation of the CNN-Transformer on neural-mass spikes (system C of
    the five); the paper gives no formula.

    Examples
    --------
    >>> import numpy as np
    >>> correlation([[[0.0], [1.0], [2.0]]], [[[5.0], [-7.0], [9.0]]], pos=np.eye(3))
    array([1.])
    """
    x_true, x_est, _ = paired(x_true, x_est, pos)
    a_true, a_est = amplitude(x_true), amplitude(x_est)
    return _cosine(a_true - a_true.mean(axis=1, keepdims=True), a_est - a_est.mean(axis=1, keepdims=True))


def _flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("bk,bk->b", a, b)


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _ratio(_dot(a, b), np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient, 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
