"""Each solver compared with eLORETA, sample by sample."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from headwater.benchmark.comparison import BETTER, UNDECIDED, WORSE
from headwater.benchmark.methods import Fitted, Method
from headwater.benchmark.protocol import Protocol
from headwater.benchmark.tables import Scores
from headwater.solvers import ELORETA

CONFIDENCE = 95.0  # per cent
N_RESAMPLES = 2000


def reference_of(methods: Mapping[str, Method]) -> str | None:
    """Return the name of the first eLORETA among the methods; None where there is none."""
    for name, method in methods.items():
        if isinstance(method, Fitted) and type(method.solver) is ELORETA:
            return name
    return None


def verdicts_on(
    protocol: Protocol, case: str, methods: Mapping[str, Method], reference: str | None, scores: Scores
) -> dict[tuple[str, str], str]:
    """Say of each solver and metric of a case whether it is better or worse than the reference.

    The mean of the paired differences decides: better, or worse, where its 95 % bootstrap interval excludes zero.

    Returns
    -------
    verdicts : dict of (method, metric) to str
        ``"better"``, ``"worse"`` or ``"undecided"``; nothing where the samples of the two differ.
    """
    pairs, columns = [], []
    for metric, measure in protocol.measures.items():
        theirs = scores.get((case, reference or "", metric))
        for name, method in methods.items():
            mine = scores.get((case, name, metric))
            if theirs is None or mine is None or name == reference or not method.competes or len(mine) != len(theirs):
                continue
            pairs.append((name, metric))
            columns.append(mine - theirs if measure.higher_is_better else theirs - mine)
    if not pairs:
        return {}
    low, high = paired_bounds(np.column_stack(columns))
    words = np.where(low > 0, BETTER, np.where(high < 0, WORSE, UNDECIDED))
    return {pair: str(word) for pair, word in zip(pairs, words, strict=True)}


def paired_bounds(differences: np.ndarray) -> np.ndarray:
    """Bounds of the mean of each column, by a percentile bootstrap over its rows.

    All columns share the same draws, which one matrix product evaluates.

    Parameters
    ----------
    differences : array of shape (n_samples, n_columns)
        NaN where one of the two has no score.

    Returns
    -------
    bounds : array of shape (2, n_columns)
        NaN for columns with fewer than two values.
    """
    n = len(differences)
    known = ~np.isnan(differences)
    draws = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES).astype(float)
    with np.errstate(invalid="ignore"):
        means = draws @ np.where(known, differences, 0.0) / (draws @ known)
    means[:, known.sum(axis=0) < 2] = np.nan
    found = np.full((2, differences.shape[1]), np.nan)
    usable = ~np.isnan(means).all(axis=0)
    tail = (100 - CONFIDENCE) / 2
    found[:, usable] = np.nanpercentile(means[:, usable], [tail, 100 - tail], axis=0)
    return found
