"""Results as a page of Markdown: one table a case, solvers as rows, scores with their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from headwater.benchmark.comparison import comparison_table
from headwater.benchmark.methods import Control, Method
from headwater.benchmark.protocol import Case, Protocol
from headwater.benchmark.results import summary
from headwater.metrics.bootstrap import Interval
from headwater.metrics.measure import Measure

Scores = Mapping[tuple[str, str, str], np.ndarray]

ABSENT = "–"
ORACLE = "Oracle"  # the control that gives the best possible score, where there is one
DECIMALS = 9  # what is smaller is rounding
DECIMALS_MM = 1
COMPARED = (
    "All cases together, sample by sample: by how much a network scores better than each classical solver, on average, "
    "with the 95 % interval of a paired bootstrap over samples. A network is better, or worse, where the interval "
    "excludes zero. The last column has the solver over which its advantage is least; `comparison.csv` has all, case "
    "by case."
)


def markdown(
    protocol: Protocol,
    cases: tuple[Case, ...],
    methods: Mapping[str, Method],
    results: pd.DataFrame,
    scores: Scores,
    about: Mapping[str, Any],
    compared: pd.DataFrame,
) -> str:
    """Write everything that is worth reading besides the figures."""
    parts = [f"# {protocol.title}", introduction(protocol, methods, about), meanings(protocol), provenance_list(about)]
    for case in cases:
        parts += [f"## {case.title}", case_table(protocol, case, methods, results, scores)]
    if len(compared):
        parts += ["## Networks compared with classical solvers", COMPARED, comparison_table(protocol, compared)]
    if pairs := protocol.pairs(cases):
        parts += ["## All defaults next to tuned by hand", pair_table(protocol, pairs, methods, scores)]
    if gaps := gaps_list(results):
        parts += ["## What could not be scored, and why", gaps]
    return "\n\n".join(parts) + "\n"


def case_table(
    protocol: Protocol, case: Case, methods: Mapping[str, Method], results: pd.DataFrame, scores: Scores
) -> str:
    """Table of one case; the best score of each metric is bold, the controls aside."""
    measures = protocol.measures
    intervals = {
        (method, metric): summary(scores[case.name, method, metric], protocol.statistic)
        for method in methods
        for metric in measures
        if (case.name, method, metric) in scores
    }
    solvers = [name for name, method in methods.items() if method.competes]
    best = {metric: best_of(metric, measure, solvers, intervals) for metric, measure in measures.items()}
    first = next(iter(measures))
    best_known = intervals.get((ORACLE, first))
    known = best_known.estimate if best_known is not None and best_known.estimate > 0 else None
    header = ["solver", *(label(name, measure) for name, measure in measures.items())]
    header += [*([f"{first} / {ORACLE}"] if known else []), "chosen", "ms a sample"]
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    of_case = results[results["case"] == case.name]
    for name, method in methods.items():
        cells = []
        for metric, measure in measures.items():
            found = intervals.get((name, metric))
            words = ABSENT if found is None or np.isnan(found.estimate) else interval_words(found, measure)
            cells.append(f"**{words}**" if name == best[metric] else words)
        if known:
            mine = intervals.get((name, first))
            cells.append(ABSENT if mine is None or np.isnan(mine.estimate) else f"{mine.estimate / known:.3g}")
        cells += costs(of_case[of_case["solver"] == name], method)
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


def pair_table(
    protocol: Protocol, pairs: Iterable[tuple[Case, str]], methods: Mapping[str, Method], scores: Scores
) -> str:
    """Table of pairs of cases, solver by solver: each score, and that of the case next to it."""
    measures = protocol.measures
    labels = [label(name, measure) for name, measure in measures.items()]
    header = ["recording", "solver", *(f"{name}, {kind}" for kind in ("defaults", "by hand") for name in labels)]
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    for case, other in pairs:
        for name in (name for name, method in methods.items() if method.competes):
            cells = [
                interval_words(summary(scores[which, name, metric], protocol.statistic), measure)
                if (which, name, metric) in scores
                else ABSENT
                for which in (case.name, other)
                for metric, measure in measures.items()
            ]
            lines.append("| " + " | ".join([case.title, name, *cells]) + " |")
    return "\n".join(lines)


def costs(rows: pd.DataFrame, method: Method) -> tuple[str, str]:
    """Chosen hyper-parameters, and milliseconds per sample."""
    chosen = ", ".join(dict.fromkeys(rows["parameters"].dropna())) or ABSENT
    seconds = rows["s_per_sample"].astype(float).median()
    return chosen, f"{1e3 * seconds:.3g}" if method.competes and not np.isnan(seconds) else ABSENT


def introduction(protocol: Protocol, methods: Mapping[str, Method], about: Mapping[str, Any]) -> str:
    """Say what is compared, and how to read the scores."""
    crime = (
        " **Inverse crime**: the data come from the lead field that the solvers assume, which flatters all of them."
        if about["inverse crime"]
        else ""
    )
    controls = {name: method for name, method in methods.items() if isinstance(method, Control)}
    rows = "; ".join(f"{name} {control.knowledge}" for name, control in controls.items())
    return (
        f"{protocol.about} Scores are the {protocol.statistic} over samples and heads, with the 95 % interval of a "
        f"bootstrap over samples in brackets; arrows point to better scores, and the best one is bold. {rows}.{crime}"
    ).strip()


def meanings(protocol: Protocol) -> str:
    """List what each metric means."""
    return "\n".join(f"- **{label(name, measure)}**: {measure.meaning}" for name, measure in protocol.measures.items())


def provenance_list(about: Mapping[str, Any]) -> str:
    """List what was run, with what, and where."""
    shown = {**about, "versions": ", ".join(f"{name} {number}" for name, number in about["versions"].items())}
    shown["solvers"] = ", ".join(about["solvers"])
    shown["seeds"] = ", ".join(map(str, about["seeds"]))
    return "\n".join(f"- {name}: {value}" for name, value in shown.items() if value not in (None, ""))


def label(name: str, measure: Measure) -> str:
    """Name of a metric with its unit, and an arrow to better scores."""
    unit = f" ({measure.unit})" if measure.unit else ""
    return f"{name}{unit} {'↑' if measure.higher_is_better else '↓'}"


def interval_words(found: Interval, measure: Measure) -> str:
    """Write a score with its interval in brackets."""
    decimals = DECIMALS_MM if measure.unit == "mm" else DECIMALS
    estimate, low, high = (f"{round(value, decimals) + 0.0:.3g}" for value in (found.estimate, found.low, found.high))
    return estimate if np.isnan(found.low) else f"{estimate} [{low}, {high}]"


def best_of(metric: str, measure: Measure, methods: list[str], intervals: Mapping[tuple[str, str], Interval]) -> str:
    """Name of the best solver; empty where none has a score."""
    found = {method: intervals[method, metric].estimate for method in methods if (method, metric) in intervals}
    found = {method: value for method, value in found.items() if not np.isnan(value)}
    if not found:
        return ""
    return (max if measure.higher_is_better else min)(found, key=lambda method: found[method])


def gaps_list(results: pd.DataFrame) -> str:
    """Reasons, each with the solvers, metrics and cases it holds for."""
    lines: dict[str, list[str]] = {}
    absent = results[results["status"] != "ok"]
    for (solver, status, reason), rows in absent.groupby(["solver", "status", "reason"], sort=False):
        # Metrics that are missing in the same cases are grouped.
        cases_of = {metric: ", ".join(dict.fromkeys(of["case"])) for metric, of in rows.groupby("metric", sort=False)}
        metrics_in: dict[str, list[str]] = {}
        for metric, cases in cases_of.items():
            metrics_in.setdefault(cases, []).append(str(metric))
        where = "; ".join(f"{', '.join(metrics)} in {cases}" for cases, metrics in metrics_in.items())
        lines.setdefault(f"({status}; {where}): {reason}", []).append(str(solver))
    everyone = results["solver"].nunique()
    return "\n".join(
        f"- {'all' if len(solvers) == everyone else ', '.join(solvers)} {words}" for words, solvers in lines.items()
    )
