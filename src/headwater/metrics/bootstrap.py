"""Confidence intervals of scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headwater._utils.errors import InputError


@dataclass(frozen=True)
class Interval:
    """A statistic of a metric over samples, with its confidence interval.

    Attributes
    ----------
    estimate, low, high : float
        The statistic and the bounds of its interval, in the unit of the metric.
    n : int
        Number of scored samples, NaN excluded.
    """

    estimate: float
    low: float
    high: float
    n: int


def bootstrap_interval(
    values: np.ndarray,
    *,
    statistic: Callable[..., np.ndarray] = np.mean,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Confidence interval of a statistic over samples, by the percentile bootstrap.

    NaN (samples to which the metric does not apply) are excluded. To compare two solvers on the same samples, pass the
    differences of their scores. Percentiles are not bias-corrected, because the correction fails for the median of
    scores with few distinct values.

    Parameters
    ----------
    values : array of shape (batch,)
        Scores, as a metric returns them.
    statistic : callable
        ``numpy.mean``, ``numpy.median`` or another function with an ``axis`` argument.
    confidence : float
        Between 0 and 1.
    n_resamples : int
        Number of bootstrap samples.
    seed : int
        The same seed gives the same interval.

    Returns
    -------
    Interval
        The bounds are NaN for fewer than two scored samples, and the estimate is NaN for none.

    References
    ----------
    Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapter 13; :func:`scipy.stats.bootstrap`.

    Examples
    --------
    >>> bootstrap_interval([4.0, 4.0, float("nan"), 4.0])
    Interval(estimate=4.0, low=4.0, high=4.0, n=3)
    """
    from scipy.stats import bootstrap

    values = np.asarray(values, dtype=float)
    if values.ndim != 1:
        raise InputError(f"bootstrap_interval takes scores of shape (batch,), not {values.shape}.")
    if not 0 < confidence < 1:
        raise InputError(f"confidence must lie between 0 and 1, not {confidence}.")
    scored = values[~np.isnan(values)]
    if len(scored) < 2:
        return Interval(float(scored[0]) if len(scored) else np.nan, np.nan, np.nan, len(scored))
    result = bootstrap(
        (scored,),
        statistic,
        confidence_level=confidence,
        n_resamples=n_resamples,
        method="percentile",
        vectorized=True,
        batch=max(1, 10**7 // len(scored)),
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(statistic(scored, axis=0)), float(result.low), float(result.high), len(scored))
