"""Detection of active regions: precision, recall, F1."""

from __future__ import annotations

import numpy as np

from headwater._utils.errors import InputError
from headwater.metrics.detection import precision_recall_f1, states


def region_precision(
    x_true: np.ndarray,
    x_est: np.ndarray,
    *,
    pos: np.ndarray,
    region_ids: np.ndarray,
    threshold: float = 0.5,
    threshold_true: float = 0.5,
    relative: bool = True,
) -> np.ndarray:
    r"""Share of the regions estimated as active that are truly active.

    .. math:: \frac{TP}{TP + FP} \quad \text{counted in regions}

    A region is active if one of its sources is. Range [0, 1], no unit, higher is better.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).
    region_ids : int array of shape (n_sources,)
        Region of each source; sources with -1 are left out.
    threshold, threshold_true, relative
        As in :func:`accuracy`.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    Detection of regions as evaluated for DeepSIF and the CNN-Transformer on neural-mass spikes.

    Examples
    --------
    >>> import numpy as np
    >>> ids = np.array([0, 0, 1, 1])
    >>> estimate = [[[1.0], [9.0], [8.0], [0.0]]]
    >>> region_precision([[[1.0], [0.0], [0.0], [0.0]]], estimate, pos=np.zeros((4, 3)), region_ids=ids)
    array([0.5])
    """
    active = states(x_true, x_est, pos, threshold, threshold_true, relative)
    return precision_recall_f1(*_regions(*active, region_ids))[0]


def region_recall(
    x_true: np.ndarray,
    x_est: np.ndarray,
    *,
    pos: np.ndarray,
    region_ids: np.ndarray,
    threshold: float = 0.5,
    threshold_true: float = 0.5,
    relative: bool = True,
) -> np.ndarray:
    r"""Share of the active regions that are estimated as active.

    .. math:: \frac{TP}{TP + FN} \quad \text{counted in regions}

    Range [0, 1], no unit, higher is better; 0 if no truly active source lies in a known region.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).
    region_ids : int array of shape (n_sources,)
        Region of each source; sources with -1 are left out.
    threshold, threshold_true, relative
        As in :func:`accuracy`.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    As :func:`region_precision`.

    Examples
    --------
    >>> import numpy as np
    >>> ids = np.array([0, 0, 1, 1])
    >>> estimate = [[[1.0], [9.0], [8.0], [0.0]]]
    >>> region_recall([[[1.0], [0.0], [0.0], [0.0]]], estimate, pos=np.zeros((4, 3)), region_ids=ids)
    array([1.])
    """
    active = states(x_true, x_est, pos, threshold, threshold_true, relative)
    return precision_recall_f1(*_regions(*active, region_ids))[1]


def region_f1(
    x_true: np.ndarray,
    x_est: np.ndarray,
    *,
    pos: np.ndarray,
    region_ids: np.ndarray,
    threshold: float = 0.5,
    threshold_true: float = 0.5,
    relative: bool = True,
) -> np.ndarray:
    r"""Harmonic mean of the precision and the recall of regions.

    .. math:: F_1 = \frac{2 \, TP}{2 \, TP + FP + FN} \quad \text{counted in regions}

    Range [0, 1], no unit, higher is better.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres (not used here).
    region_ids : int array of shape (n_sources,)
        Region of each source; sources with -1 are left out.
    threshold, threshold_true, relative
        As in :func:`accuracy`.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    As :func:`region_precision`.

    Examples
    --------
    >>> import numpy as np
    >>> ids = np.array([0, 0, 1, 1])
    >>> estimate = [[[1.0], [9.0], [8.0], [0.0]]]
    >>> region_f1([[[1.0], [0.0], [0.0], [0.0]]], estimate, pos=np.zeros((4, 3)), region_ids=ids).round(3)
    array([0.667])
    """
    active = states(x_true, x_est, pos, threshold, threshold_true, relative)
    return precision_recall_f1(*_regions(*active, region_ids))[2]


def _regions(true: np.ndarray, est: np.ndarray, region_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mark the regions with an active source, in ground truth and estimate; (batch, n_regions) each."""
    region_ids = np.asarray(region_ids)
    if region_ids.shape != true.shape[1:] or region_ids.dtype.kind not in "iu" or not (region_ids >= 0).any():
        raise InputError(
            f"region_ids must hold one region number for each of the {true.shape[1]} sources, -1 where unknown."
        )
    known = np.flatnonzero(region_ids >= 0)
    order = known[np.argsort(region_ids[known], kind="stable")]
    starts = np.unique(region_ids[order], return_index=True)[1]
    in_region = [np.logical_or.reduceat(active[:, order], starts, axis=1) for active in (true, est)]
    return in_region[0], in_region[1]
