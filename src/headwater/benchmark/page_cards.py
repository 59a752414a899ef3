"""The first screen of a benchmark: the best solver, how it compares with eLORETA, how sure that is, on what terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from headwater.benchmark.comparison import BETTER, UNDECIDED, WORSE
from headwater.benchmark.methods import Control, Method
from headwater.benchmark.protocol import Case, Protocol
from headwater.benchmark.reference import verdicts_on
from headwater.benchmark.results import summary
from headwater.benchmark.tables import Scores, best_of, interval_words
from headwater.page.document import Card, Status


def status_of(
    protocol: Protocol, cases: Sequence[Case], methods: Mapping[str, Method], results: pd.DataFrame, *, crime: bool
) -> Status:
    """Say how much was compared, and what spoils the comparison."""
    competing = [name for name, method in methods.items() if method.competes]
    failed = list(dict.fromkeys(results[results["status"] == "failed"]["solver"]))
    reasons = ["Inverse crime: the data come from the lead field that the solvers assume, which flatters all of them"]
    reasons = reasons if crime else []
    reasons += [f"Errors stopped {', '.join(map(str, failed))}; “What could not be scored” says why"] if failed else []
    amount = f"{_counted(len(competing), 'solver')} in {_counted(len(cases), 'case')}"
    return Status("DOUBTFUL" if reasons else "GOOD", amount, protocol.about, reasons)


def cards_of(
    protocol: Protocol,
    cases: Sequence[Case],
    methods: Mapping[str, Method],
    reference: str | None,
    scores: Scores,
    about: Mapping[str, Any],
) -> list[Card]:
    """Answer what a reader asks first, by the first metric of the protocol."""
    wins = _wins(protocol, cases, methods, scores)
    return [
        _best(protocol, wins, scores),
        _beside(protocol, cases, methods, reference, wins, scores),
        _how_sure(protocol, scores, about),
        _scale(protocol, cases, methods, scores),
        _assumed(methods, about),
    ]


def _wins(
    protocol: Protocol, cases: Sequence[Case], methods: Mapping[str, Method], scores: Scores
) -> dict[str, list[str]]:
    """Return the best solver of each case by the first metric: the names of the cases of each, most cases first."""
    metric, measure = next(iter(protocol.measures.items()))
    solvers = [name for name, method in methods.items() if method.competes]
    found: dict[str, list[str]] = {}
    for case in cases:
        intervals = {
            (name, metric): summary(scores[case.name, name, metric], protocol.statistic)
            for name in solvers
            if (case.name, name, metric) in scores
        }
        if name := best_of(metric, measure, solvers, intervals):
            found.setdefault(name, []).append(case.name)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def _best(protocol: Protocol, wins: Mapping[str, list[str]], scores: Scores) -> Card:
    metric, measure = next(iter(protocol.measures.items()))
    if not wins:
        return Card("Which solver is best?", "None could be scored", ())
    n_cases = sum(map(len, wins.values()))
    leader, won = next(iter(wins.items()))
    answer = leader if n_cases == 1 else f"{leader}, in {len(won)} of {_counted(n_cases, 'case')}"
    words = interval_words(summary(scores[won[0], leader, metric], protocol.statistic), measure)
    details = [f"By {metric}{f' ({measure.unit})' if measure.unit else ''}: {words} in the case {won[0]}."]
    others = [f"{name} in {len(of)}" for name, of in list(wins.items())[1:4]]
    details += [f"Best elsewhere: {', '.join(others)}."] if others else []
    return Card("Which solver is best?", answer, tuple(details))


def _beside(
    protocol: Protocol,
    cases: Sequence[Case],
    methods: Mapping[str, Method],
    reference: str | None,
    wins: Mapping[str, list[str]],
    scores: Scores,
) -> Card:
    question = "Compared with eLORETA?"
    if reference is None:
        return Card(question, "eLORETA was not run", ("Name it among the solvers to have a reference.",))
    metric = next(iter(protocol.measures))
    name = next((one for one in wins if one != reference), None) or next(
        (one for one, method in methods.items() if method.competes and one != reference), None
    )
    if name is None:
        return Card(question, "nothing else was run", ())
    found = Counter(
        verdicts_on(protocol, case.name, {name: methods[name]}, reference, scores).get((name, metric), "")
        for case in cases
    )
    said = [f"{word} in {found[word]}" for word in (BETTER, WORSE) if found[word]]
    said += [f"no difference shown in {found[UNDECIDED]}"] if found[UNDECIDED] else []
    return Card(
        question,
        f"{name}: {', '.join(said) or 'cannot be compared'}",
        (f"Cases, by {metric}, sample by sample. In the tables \u25b2 is better and \u25bc worse than {reference}.",),
    )


def _how_sure(protocol: Protocol, scores: Scores, about: Mapping[str, Any]) -> Card:
    sizes = sorted({len(values) for values in scores.values()})
    amount = "" if not sizes else f"{sizes[0]}" if sizes[0] == sizes[-1] else f"{sizes[0]} to {sizes[-1]}"
    return Card(
        "How sure is that?",
        f"{amount or 'No'} samples in each case",
        (
            f"Each score is the {protocol.statistic} with its 95 % bootstrap interval over samples.",
            f"Heads (seeds): {', '.join(map(str, about['seeds']))}.",
        ),
    )


def _scale(protocol: Protocol, cases: Sequence[Case], methods: Mapping[str, Method], scores: Scores) -> Card:
    metric, measure = next(iter(protocol.measures.items()))
    details = [f"{'Higher' if measure.higher_is_better else 'Lower'} is better. {measure.meaning}"]
    for name, method in methods.items():
        found = [scores[case.name, name, metric] for case in cases if (case.name, name, metric) in scores]
        if isinstance(method, Control) and found and not np.isnan(np.concatenate(found)).all():
            words = interval_words(summary(np.concatenate(found), protocol.statistic), measure)
            details.append(f"{name} {method.knowledge}: {words.split(' [')[0]}.")
    return Card("What do the numbers mean?", metric.replace("_", " "), tuple(details))


def _assumed(methods: Mapping[str, Method], about: Mapping[str, Any]) -> Card:
    crime = "the head that made the data" if about["inverse crime"] else "another head than that of the data"
    versions = ", ".join(f"{name} {number}" for name, number in list(about["versions"].items())[:2])
    tuned = any(method.needs_tuning for method in methods.values())
    return Card(
        "What was assumed?",
        f"Solvers assume {crime}" if about["protocol"] != "real" else "What each recording is known to show",
        (
            *(["Hyper-parameters are those of the column \u201cchosen\u201d."] if tuned else []),
            f"{versions}{', commit ' + about['commit'] if about['commit'] else ''}.",
        ),
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
