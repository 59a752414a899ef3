"""The tables on the page of a benchmark: solvers as rows, columns that sort, each solver compared with eLORETA."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from markupsafe import Markup

from headwater.benchmark.comparison import BETTER, WORSE
from headwater.benchmark.methods import Method
from headwater.benchmark.protocol import Case, Protocol
from headwater.benchmark.reference import verdicts_on
from headwater.benchmark.results import summary
from headwater.benchmark.tables import ABSENT, Scores, best_of, costs, interval_words, label
from headwater.metrics.bootstrap import Interval
from headwater.metrics.measure import Measure
from headwater.page.sorting import Cell, Row, sortable_table

Intervals = Mapping[tuple[str, str], Interval]


def sortable_case(
    protocol: Protocol,
    case: Case,
    methods: Mapping[str, Method],
    results: pd.DataFrame,
    scores: Scores,
    reference: str | None,
) -> Markup:
    """Table of one case, ordered by its first metric; the controls come last."""
    measures = protocol.measures
    intervals = {
        (name, metric): summary(scores[case.name, name, metric], protocol.statistic)
        for name in methods
        for metric in measures
        if (case.name, name, metric) in scores
    }
    verdicts = verdicts_on(protocol, case.name, methods, reference, scores)
    solvers = [name for name, method in methods.items() if method.competes]
    best = {metric: best_of(metric, measure, solvers, intervals) for metric, measure in measures.items()}
    of_case = results[results["case"] == case.name]
    rows = []
    for name in _ordered(methods, measures, intervals):
        cells = [
            _score(
                intervals.get((name, metric)),
                measure,
                verdicts.get((name, metric), ""),
                reference,
                best=best[metric] == name,
            )
            for metric, measure in measures.items()
        ]
        kind = "reference" if name == reference else "" if methods[name].competes else "control"
        rows.append(Row(name, [*cells, *_costs(of_case[of_case["solver"] == name], methods[name])], kind))
    header = [Cell("solver"), *(Cell(label(name, one), says=one.meaning) for name, one in measures.items())]
    header += [Cell("chosen", says="hyper-parameters"), Cell("ms a sample", says="computing time of the estimate")]
    return sortable_table(header, rows, f"Scores: {case.title}")


def _score(found: Interval | None, measure: Measure, verdict: str, reference: str | None, *, best: bool) -> Cell:
    if found is None or np.isnan(found.estimate):
        return Cell(ABSENT, np.nan)
    kinds = [*(["best"] if best else []), *([verdict] if verdict in (BETTER, WORSE) else [])]
    says = f"{verdict} than {reference}, sample by sample" if verdict in (BETTER, WORSE) else ""
    return Cell(interval_words(found, measure), found.estimate, " ".join(kinds), says)


def _costs(rows: pd.DataFrame, method: Method) -> list[Cell]:
    chosen, milliseconds = costs(rows, method)
    return [Cell(chosen), Cell(milliseconds, np.nan if milliseconds == ABSENT else float(milliseconds))]


def _ordered(methods: Mapping[str, Method], measures: Mapping[str, Measure], intervals: Intervals) -> list[str]:
    """Return the names as the table begins: the best first, those without a score and the controls last."""
    first, measure = next(iter(measures.items()))
    sign = -1.0 if measure.higher_is_better else 1.0

    def place(name: str) -> tuple[bool, bool, float]:
        found = intervals.get((name, first))
        absent = found is None or np.isnan(found.estimate)
        return not methods[name].competes, absent, 0.0 if found is None or absent else sign * found.estimate

    return sorted(methods, key=place)
