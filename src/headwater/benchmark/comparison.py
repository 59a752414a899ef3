"""Trained networks compared with every classical solver, sample by sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from headwater.benchmark.methods import Fitted, Method
from headwater.benchmark.protocol import Protocol
from headwater.metrics.bootstrap import bootstrap_interval

ALL = "all cases"
COLUMNS = ("case", "network", "metric", "solver", "advantage", "low", "high", "n", "verdict")
BETTER, WORSE, UNDECIDED = "better", "worse", "undecided"


def comparison(
    protocol: Protocol, methods: Mapping[str, Method], scores: Mapping[tuple[str, str, str], np.ndarray]
) -> pd.DataFrame:
    """Compare each network with each classical solver in each case, and in all cases together.

    Parameters
    ----------
    protocol : Protocol
    methods : dict of str to Method
    scores : dict of (case, method, metric) to array of shape (n_samples,)
        All methods have the same samples in the same order.

    Returns
    -------
    DataFrame
        ``advantage`` is the mean over samples by which the network scores better, in the unit of the metric, negative
        where it is worse; ``low`` and ``high`` bound its 95 % interval, of a paired bootstrap over samples.
    """
    networks, classical = _split(methods)
    rows = []
    for network in networks:
        for metric, measure in protocol.measures.items():
            for solver in classical:
                found = _differences(scores, metric, network, solver, higher_is_better=measure.higher_is_better)
                together = {ALL: np.concatenate(list(found.values()))} if len(found) > 1 else {}
                rows += [(case, network, metric, solver, *_judged(one)) for case, one in (found | together).items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def _differences(
    scores: Mapping[tuple[str, str, str], np.ndarray], metric: str, network: str, solver: str, *, higher_is_better: bool
) -> dict[str, np.ndarray]:
    """By how much the network scores better, sample by sample, in each case that has all samples of both."""
    found = {}
    for case in dict.fromkeys(case for case, _, _ in scores):
        mine, theirs = scores.get((case, network, metric)), scores.get((case, solver, metric))
        if mine is not None and theirs is not None and len(mine) == len(theirs):
            found[case] = mine - theirs if higher_is_better else theirs - mine
    return found


def verdicts(rows: pd.DataFrame) -> str:
    """Say in words how a network compares with the classical solvers: the rows of one case and metric."""
    of = {verdict: list(rows[rows["verdict"] == verdict]["solver"]) for verdict in (BETTER, UNDECIDED, WORSE)}
    if len(of[BETTER]) == len(rows):
        return f"better than all {len(rows)}"
    parts = [f"better than {len(of[BETTER]) or 'none'} of {len(rows)}"]
    parts += [f"worse than {', '.join(of[WORSE])}"] if of[WORSE] else []
    parts += [f"no difference shown from {', '.join(of[UNDECIDED])}"] if of[UNDECIDED] else []
    return "; ".join(parts)


def comparison_table(protocol: Protocol, compared: pd.DataFrame) -> str:
    """Table of networks and metrics, all cases together: which classical solvers each is better than."""
    lines = ["| network | metric | compared with classical solvers | least advantage (95 %) |", "|" + " --- |" * 4]
    together = compared[compared["case"] == (ALL if (compared["case"] == ALL).any() else compared["case"].iloc[0])]
    together = together[together["advantage"].notna()]  # a case with two sources has no score for the third
    for (network, metric), rows in together.groupby(["network", "metric"], sort=False):
        least = rows.loc[rows["advantage"].idxmin()]
        unit = protocol.measures[str(metric)].unit
        interval = f"{least['advantage']:.3g} [{least['low']:.3g}, {least['high']:.3g}] {unit}".rstrip()
        lines.append(f"| {network} | {metric} | {verdicts(rows)} | {interval}, over {least['solver']} |")
    return "\n".join(lines)


def _split(methods: Mapping[str, Method]) -> tuple[list[str], list[str]]:
    """Names of the networks, and of the classical solvers."""
    fitted = {name: method.solver for name, method in methods.items() if isinstance(method, Fitted)}
    return [name for name, solver in fitted.items() if solver.learned], [
        name for name, solver in fitted.items() if not solver.learned
    ]


def _judged(differences: Iterable[float]) -> tuple[float, float, float, int, str]:
    found = bootstrap_interval(np.asarray(differences))
    verdict = BETTER if found.low > 0 else WORSE if found.high < 0 else UNDECIDED
    return found.estimate, found.low, found.high, found.n, verdict
