"""Restrict any metric to sources in a range of depths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from headwater._utils.errors import InputError
from headwater.metrics._inputs import MM_PER_M, paired_amplitudes


def source_depth(pos: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """Distance of each source to the nearest point of a surface (the scalp, or the inner skull).

    Parameters
    ----------
    pos : array of shape (n_sources, 3)
        Source positions, in metres.
    surface : array of shape (n_points, 3)
        Vertices of the surface, in metres, in the same frame.

    Returns
    -------
    array of shape (n_sources,)
        Depth in metres.

    Examples
    --------
    >>> import numpy as np
    >>> source_depth(np.array([[0.0, 0.0, 0.07]]), np.array([[0.0, 0.0, 0.09]])).round(3)
    array([0.02])
    """
    return cKDTree(np.asarray(surface, dtype=float)).query(np.asarray(pos, dtype=float))[0]


@dataclass(frozen=True, eq=False)
class AtDepth:
    """A metric that scores only the samples whose true peak lies within a range of depths; the others are NaN.

    It has the signature of the metric and can be used in its place.

    Parameters
    ----------
    metric : callable
        Any metric of this package.
    depth : array of shape (n_sources,)
        Depth of each source, in metres (see :func:`source_depth`).
    between_mm : tuple of two float
        Lower bound (included) and upper bound (excluded) of the depth, in mm.

    Examples
    --------
    >>> import numpy as np
    >>> from headwater.metrics import localization_error
    >>> pos = np.array([[0.0, 0, 0.07], [0.0, 0, 0.02]])
    >>> superficial = AtDepth(localization_error, depth=0.09 - pos[:, 2], between_mm=(0, 40))
    >>> truth = np.array([[[1.0], [0.0]], [[0.0], [1.0]]])
    >>> superficial(truth, truth[::-1], pos=pos)
    array([50., nan])
    """

    metric: Callable[..., np.ndarray]
    depth: np.ndarray
    between_mm: tuple[float, float]

    def __call__(self, x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, **parameters: Any) -> np.ndarray:
        """Score a batch; see the metric for its parameters."""
        a_true, _, pos = paired_amplitudes(x_true, x_est, pos)
        depth_mm = MM_PER_M * np.asarray(self.depth, dtype=float)
        if depth_mm.shape != (len(pos),):
            raise InputError(f"depth must hold one value for each of the {len(pos)} sources, not {depth_mm.shape}.")
        low, high = self.between_mm
        of_peak = depth_mm[a_true.argmax(axis=1)]
        scores = np.asarray(self.metric(x_true, x_est, pos=pos, **parameters), dtype=float)
        return np.where((of_peak >= low) & (of_peak < high), scores, np.nan)
