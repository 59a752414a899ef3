"""Figures of a benchmark: a curve for each solver where cases form a series, a row for each solver elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from headwater.benchmark.protocol import CONTROLS, Case, Column, Protocol
from headwater.benchmark.results import summary
from headwater.benchmark.tables import Scores
from headwater.metrics.bootstrap import Interval

MOST_METRICS = 4  # the first of a protocol are its main ones
MOST_PANELS = 4  # side by side
MARKERS = "osD^vP*X"


def figures(
    protocol: Protocol, cases: Sequence[Case], methods: Sequence[str], scores: Scores
) -> dict[str, tuple[Figure, str]]:
    """Draw everything there is to see.

    Returns
    -------
    figures : dict of str to (matplotlib.figure.Figure, str)
        By file name without suffix, each with its caption.
    """
    intervals = {key: summary(values, protocol.statistic) for key, values in scores.items()}
    metrics = dict(list(protocol.columns.items())[:MOST_METRICS])
    made = {}
    for axis in dict.fromkeys(case.axis for case in cases if case.axis):
        series = [case for case in cases if case.axis == axis]
        name = "by-" + "-".join(axis.split(" (")[0].lower().split())
        made[name] = (
            _curves(series, axis, methods, metrics, intervals),
            (
                f"{protocol.statistic.capitalize()} over samples with the 95 % interval of a bootstrap, over {axis}. "
                f"Cases: {'; '.join(case.title for case in series)}."
            ),
        )
    single = [case for case in cases if not case.axis]
    for metric, column in metrics.items() if single else ():
        shown = [case for case in single if any((case.name, method, metric) in intervals for method in methods)]
        if shown:
            made[f"{metric.replace('_', '-')}"] = (
                _rows(shown, methods, metric, column, intervals),
                (
                    f"{_label(metric, column)}: {protocol.statistic} over samples with its 95 % bootstrap interval. "
                    "Dashed: the Random control."
                ),
            )
    return made


def _curves(
    series: Sequence[Case],
    axis: str,
    methods: Sequence[str],
    metrics: Mapping[str, Column],
    intervals: Mapping[tuple[str, str, str], Interval],
) -> Figure:
    height = max(4.2, 0.24 * len(methods) + 0.4)  # of the legend
    figure = Figure(figsize=(4.0 * len(metrics) + 1.6, height), layout="constrained")
    panels = figure.subplots(1, len(metrics), squeeze=False)[0]
    lines = {}
    for panel, (metric, column) in zip(panels, metrics.items(), strict=True):
        for method in methods:
            known = [case for case in series if (case.name, method, metric) in intervals]
            if not known:
                continue
            found = [intervals[case.name, method, metric] for case in known]
            at = [case.at for case in known]
            style = _style(method, methods)
            (lines[method],) = panel.plot(at, [one.estimate for one in found], **style)
            panel.fill_between(
                at, [one.low for one in found], [one.high for one in found], color=style["color"], alpha=0.12, lw=0
            )
        panel.set(xlabel=axis, ylabel=_label(metric, column), xticks=[case.at for case in series])
        _finish(panel, column)
    figure.legend([lines[method] for method in methods if method in lines], list(lines), loc="outside right upper")
    return figure


def _rows(
    cases: Sequence[Case],
    methods: Sequence[str],
    metric: str,
    column: Column,
    intervals: Mapping[tuple[str, str, str], Interval],
) -> Figure:
    across = min(len(cases), MOST_PANELS)
    down = -(-len(cases) // across)
    figure = Figure(figsize=(3.2 * across + 1.2, down * (0.24 * len(methods) + 1.1)), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False, sharey=True, sharex=not column.logarithmic)
    names = list(reversed(methods))
    for panel, case in zip(panels.flat, cases, strict=False):
        for height, method in enumerate(names):
            found = intervals.get((case.name, method, metric))
            if found is None or np.isnan(found.estimate):
                continue
            style = _style(method, methods)
            panel.plot([found.low, found.high], [height, height], color=style["color"], lw=1.6)
            panel.plot(found.estimate, height, marker=style["marker"], color=style["color"], markersize=5)
        chance = intervals.get((case.name, "Random", metric))
        if chance is not None:
            panel.axvline(chance.estimate, color="0.6", lw=0.8, ls="--", zorder=0)
        panel.set_yticks(range(len(names)), names)
        panel.set_title(case.title, fontsize="small", wrap=True)
        _finish(panel, column, along="x")
    for panel in panels.flat[len(cases) :]:
        panel.set_axis_off()
    figure.supxlabel(_label(metric, column), fontsize="medium")
    return figure


def _finish(panel: Axes, column: Column, along: Literal["x", "y"] = "y") -> None:
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis=along, color="0.92")
    panel.set_axisbelow(True)
    if column.logarithmic:
        (panel.set_yscale if along == "y" else panel.set_xscale)("log")


def _style(method: str, methods: Sequence[str]) -> dict:
    """Colour and marker of a solver; grey and dashed for the controls."""
    if method in CONTROLS:
        return {
            "color": "0.45",
            "ls": "--" if method == "Random" else ":",
            "marker": "x" if method == "Random" else "+",
        }
    index = list(methods).index(method)
    colors = colormaps["tab20"].colors  # type: ignore[attr-defined]
    return {
        "color": colors[(2 * index) % 20 + (2 * index) // 20 % 2],
        "ls": "-" if index < 10 else "-.",
        "marker": MARKERS[index % len(MARKERS)],
        "markersize": 4,
    }


def _label(metric: str, column: Column) -> str:
    unit = f" ({column.unit})" if column.unit else ""
    return f"{metric.replace('_', ' ')}{unit}, {'higher' if column.higher_is_better else 'lower'} is better"
