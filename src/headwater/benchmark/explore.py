"""The numbers of the charts on the page of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from headwater.benchmark.methods import Fitted, Method
from headwater.benchmark.protocol import Case, Protocol
from headwater.benchmark.results import summary
from headwater.benchmark.tables import Scores, label

CHANCE = "Random"
N_SHOWN = 4  # best solvers that the chart begins with, besides the networks, eLORETA and chance


def chart_content(
    protocol: Protocol, cases: Sequence[Case], methods: Mapping[str, Method], reference: str | None, scores: Scores
) -> dict[str, Any]:
    """Return what the charts draw, as plain values: scores by case, metric and solver."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for (case, method, metric), values in scores.items():
        if not np.isnan(values).all():
            found.setdefault(case, {}).setdefault(metric, {})[method] = _numbers(values, protocol.statistic)
    scored = [case for case in cases if case.name in found]
    known = {name for of_case in found.values() for of_metric in of_case.values() for name in of_metric}
    return {
        "cases": [
            {"name": case.name, "title": case.title, "axis": case.axis, "at": case.at if case.axis else None}
            for case in scored
        ],
        "metrics": [
            {
                "name": name,
                "label": label(name, measure),
                "meaning": measure.meaning,
                "log": measure.logarithmic,
                "higher": measure.higher_is_better,
            }
            for name, measure in protocol.measures.items()
            if any(name in of_case for of_case in found.values())
        ],
        "solvers": [{"name": name, "competes": method.competes} for name, method in methods.items() if name in known],
        "reference": reference if reference in known else None,
        "first": _first(protocol, methods, reference, found),
        "scores": found,
    }


def _numbers(values: np.ndarray, statistic: str) -> dict[str, Any]:
    interval = summary(values, statistic)
    quartiles = np.nanpercentile(values, (25, 75))
    return {
        "estimate": _plain(interval.estimate),
        "low": _plain(interval.low),
        "high": _plain(interval.high),
        "quartiles": [_plain(value) for value in quartiles],
        "n": interval.n,
    }


def _plain(value: float) -> float | None:
    """Five digits are more than a chart shows; a gap is None."""
    return float(f"{value:.5g}") if np.isfinite(value) else None


def _first(
    protocol: Protocol, methods: Mapping[str, Method], reference: str | None, found: Mapping[str, Any]
) -> list[str]:
    """Choose the methods that are shown at first: a chart with thirty curves says nothing."""
    metric, measure = next(iter(protocol.measures.items()))
    means = {}
    for name, method in methods.items():
        known = [of_case[metric][name]["estimate"] for of_case in found.values() if name in of_case.get(metric, {})]
        if known and method.competes:
            means[name] = np.mean(known)
    best = sorted(means, key=lambda name: means[name], reverse=measure.higher_is_better)[:N_SHOWN]
    learned = [name for name, one in methods.items() if isinstance(one, Fitted) and one.solver.learned]
    wanted = {*best, *learned, *([reference] if reference else []), CHANCE}
    return [name for name in methods if name in wanted]
