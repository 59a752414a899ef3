"""The two controls of every table: a random estimate and a perfect one."""

from __future__ import annotations

import numpy as np

from headwater._utils.errors import InputError


def random_estimate(x_true: np.ndarray, *, seed: int) -> np.ndarray:
    """Estimate with uniform random amplitudes and uniform random directions (signs, for one orientation).

    Parameters
    ----------
    x_true : array of shape (batch, n_sources, n_orient[, n_times])
        Only its shape is used.
    seed : int
        The same seed gives the same estimate.

    Returns
    -------
    array of the shape of ``x_true``
        Amplitudes in [0, 1), constant in time.

    References
    ----------
    The "Random" control of the multi-source ConvNet (Buda et al.), section II E.

    Examples
    --------
    >>> import numpy as np
    >>> random_estimate(np.zeros((2, 5, 3)), seed=0).shape
    (2, 5, 3)
    """
    shape = np.shape(x_true)
    if len(shape) not in (3, 4):
        raise InputError(f"x_true must have the shape (batch, n_sources, n_orient[, n_times]), not {shape}.")
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal(shape[:3])
    direction /= np.linalg.norm(direction, axis=2, keepdims=True)
    estimate = rng.random((*shape[:2], 1)) * direction
    return estimate if len(shape) == 3 else np.repeat(estimate[..., None], shape[3], axis=3)


def perfect_estimate(x_true: np.ndarray) -> np.ndarray:
    """Estimate that equals the ground truth (a copy of it).

    Parameters
    ----------
    x_true : array of shape (batch, n_sources, n_orient[, n_times])
        True sources, any unit.

    Returns
    -------
    array of the shape of ``x_true``

    References
    ----------
    The "Perfect" control of the multi-source ConvNet (Buda et al.), section II E.

    Examples
    --------
    >>> import numpy as np
    >>> perfect_estimate(np.ones((1, 2, 1))).tolist()
    [[[1.0], [1.0]]]
    """
    return np.array(x_true, copy=True)
