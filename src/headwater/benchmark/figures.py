"""Figures of a benchmark: a row for each solver, the best ones on top; a point for each case, with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from headwater.benchmark.methods import Method
from headwater.benchmark.protocol import Case, Protocol
from headwater.benchmark.results import summary
from headwater.benchmark.tables import Scores
from headwater.metrics.bootstrap import Interval
from headwater.metrics.measure import Measure

MOST_METRICS = 4  # the first of a protocol are its main ones
MOST_PANELS = 4  # side by side
ONE_CASE, CONTROL = "#1f5a99", "0.5"  # colours
APART, SPREAD = 0.22, 0.6  # of the cases of a series within a row: from one to the next, and all at most

Intervals = Mapping[tuple[str, str, str], Interval]


def figures(
    protocol: Protocol, cases: Sequence[Case], methods: Mapping[str, Method], scores: Scores
) -> dict[str, tuple[Figure, str]]:
    """Draw everything there is to see.

    Returns
    -------
    figures : dict of str to (matplotlib.figure.Figure, str)
        By file name without suffix, each with its caption.
    """
    intervals = {key: summary(values, protocol.statistic) for key, values in scores.items()}
    intervals = {key: found for key, found in intervals.items() if not np.isnan(found.estimate)}
    metrics = dict(list(protocol.measures.items())[:MOST_METRICS])
    how = f"Points: {protocol.statistic} over samples; lines: its 95 % bootstrap interval. Best solvers on top"
    made = {}
    for axis in dict.fromkeys(case.axis for case in cases if case.axis):
        series = [case for case in cases if case.axis == axis]
        name = "by-" + "-".join(axis.split(" (")[0].lower().split())
        caption = f"{how}, by the first score; colour: {axis}. {'; '.join(case.title for case in series)}."
        made[name] = _series(series, axis, methods, metrics, intervals), caption
    single = [case for case in cases if not case.axis]
    for metric, measure in metrics.items() if single else ():
        shown = [case for case in single if any((case.name, method, metric) in intervals for method in methods)]
        if shown:
            caption = f"{_label(metric, measure)}. {measure.meaning} {how}; dashed: the Random control."
            made[metric.replace("_", "-")] = _single(shown, methods, metric, measure, intervals), caption
    return made


def _series(
    series: Sequence[Case],
    axis: str,
    methods: Mapping[str, Method],
    metrics: Mapping[str, Measure],
    intervals: Intervals,
) -> Figure:
    """One panel for each metric, a colour for each case."""
    first, measure = next(iter(metrics.items()))
    names = _ranked(methods, series, first, measure, intervals)
    figure = Figure(figsize=(3.1 * len(metrics) + 1.4, 0.32 * len(names) + 1.5), layout="constrained")
    panels = figure.subplots(1, len(metrics), squeeze=False, sharey=True)[0]
    shades = [colormaps["viridis"](at) for at in np.linspace(0.0, 0.85, len(series))]
    offsets = np.linspace(-0.5, 0.5, len(series)) * min(APART * (len(series) - 1), SPREAD)
    for panel, (metric, measure) in zip(panels, metrics.items(), strict=True):
        for case, shade, offset in zip(series, shades, offsets, strict=True):
            _points(panel, case, names, methods, metric, intervals, shade, offset)
        _finish(panel, measure, names)
        panel.set_title(f"{_label(metric, measure).replace(', ', chr(10))}", fontsize="medium")
    keys = [Line2D([], [], color=shade, marker="o", markersize=4) for shade in shades]
    figure.legend(keys, [f"{case.at:g}" for case in series], title=axis, loc="outside right upper", frameon=False)
    return figure


def _single(
    cases: Sequence[Case], methods: Mapping[str, Method], metric: str, measure: Measure, intervals: Intervals
) -> Figure:
    """One panel for each case."""
    names = _ranked(methods, cases, metric, measure, intervals)
    across = min(len(cases), MOST_PANELS)
    down = -(-len(cases) // across)
    size = (max(3.2 * across, 4.5) + 1.2, down * (0.24 * len(names) + 0.7) + 0.5)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(down, across, squeeze=False, sharey=True, sharex=not measure.logarithmic)
    for panel, case in zip(panels.flat, cases, strict=False):
        _points(panel, case, names, methods, metric, intervals, ONE_CASE, 0.0)
        chance = intervals.get((case.name, "Random", metric))
        if chance is not None:
            panel.axvline(chance.estimate, color="0.6", lw=0.8, ls="--", zorder=0)
        _finish(panel, measure, names)
        panel.tick_params(labelbottom=True)
        panel.set_title(case.title, fontsize="small", wrap=True)
    for panel in panels.flat[len(cases) :]:
        panel.set_axis_off()
    figure.supxlabel(_label(metric, measure), fontsize="medium")
    return figure


def _ranked(
    methods: Mapping[str, Method], cases: Sequence[Case], metric: str, measure: Measure, intervals: Intervals
) -> list[str]:
    """Names from the bottom of a figure to its top: the controls, then solvers from the worst mean score to the best.

    Solvers without any score are left out; the table says why they have none.
    """
    means = {}
    for method in methods:
        found = [intervals[case.name, method, metric] for case in cases if (case.name, method, metric) in intervals]
        if found:
            means[method] = np.mean([one.estimate for one in found])
    solvers = [method for method in means if methods[method].competes]
    solvers.sort(key=lambda method: means[method], reverse=not measure.higher_is_better)
    controls = [method for method in reversed(list(methods)) if method in means and not methods[method].competes]
    return [*controls, *solvers]


def _points(
    panel: Axes,
    case: Case,
    names: Sequence[str],
    methods: Mapping[str, Method],
    metric: str,
    intervals: Intervals,
    color: str | tuple[float, ...],
    offset: float,
) -> None:
    """Score of each solver with its interval."""
    for row, method in enumerate(names):
        found = intervals.get((case.name, method, metric))
        if found is None:
            continue
        shade = CONTROL if color == ONE_CASE and not methods[method].competes else color
        panel.plot([found.low, found.high], [row - offset] * 2, color=shade, lw=1.4)
        panel.plot(found.estimate, row - offset, marker="o", color=shade, markersize=4)


def _finish(panel: Axes, measure: Measure, names: Sequence[str]) -> None:
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(-0.6, len(names) - 0.4)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(color="0.93")
    panel.set_axisbelow(True)
    if measure.logarithmic:
        panel.set_xscale("log")
        # 1, 2 and 5 of each decade: the default writes 3 x 10^-1 and 4 x 10^-1 over each other on a narrow axis.
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.xaxis.set_major_formatter("{x:g}")


def _label(metric: str, measure: Measure) -> str:
    unit = f" ({measure.unit})" if measure.unit else ""
    scale = ", logarithmic scale" if measure.logarithmic else ""
    better = "higher" if measure.higher_is_better else "lower"
    return f"{metric.replace('_', ' ')}{unit}, {better} is better{scale}"
