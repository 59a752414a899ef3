"""The page of a training run: learning curves compared with eLORETA, what was trained on what, and how to go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from markupsafe import Markup

from headwater._utils.files import atomic_file
from headwater.metrics.measure import Metric
from headwater.metrics.table import METRICS
from headwater.page.document import Section, asset, data_block, document, template_of
from headwater.page.parts import paragraphs, picture, preformatted, table
from headwater.page.sorting import Cell, Row, sortable_table
from headwater.training.logs import Run, read_run, smoothed, thinned
from headwater.training.page_cards import cards_of, status_of

REPORT = "report.html"
DECADE = 10.0  # a loss that falls further is drawn on a logarithmic axis
CURVES = (
    "Scores are means over the samples of the validation, on heads that the network was not trained on; the dashed "
    "line is eLORETA on the same samples. The loss jumps from batch to batch: the strong line is its moving median. "
    "Point at a chart, or move over it with the arrow keys, to read its numbers."
)
HEADS = ("montage", "space", "spacing (mm)", "heads of the data", "sampling weight")


def write_training_page(folder: Path | str) -> Path:
    """Write ``report.html`` into the folder of a training run, which need not have ended; return its path."""
    run = read_run(Path(folder))
    path = run.folder / REPORT
    with atomic_file(path) as temporary:
        temporary.write_text(training_page(run), encoding="utf-8")
    return path


def training_page(run: Run) -> str:
    """Return the page as one HTML document."""
    charts = _charts(run)
    still = Markup()
    if charts:
        figure, alt = _figure(charts)
        still = picture(figure, alt, CURVES.rpartition(". Point")[0] + ".")
    return document(
        f"training {run.folder.name}",
        status_of(run),
        cards_of(run),
        _sections(run),
        scripts=[asset("headwater.page", name) for name in ("tables.js", "charts.js")]
        + [asset("headwater.training", "explore.js")],
        template=template_of("headwater.training", "explore.html.jinja"),
        reading=CURVES,
        still=still,
        content=data_block("training-content", {"charts": charts}),
    )


def metric_of(score: str) -> tuple[str, Metric]:
    """Return the preset and the metric of a score, which is called after both."""
    preset, _, metric = score.rpartition(" ")
    return preset, METRICS[metric]


def _charts(run: Run) -> list[dict[str, Any]]:
    """Return the curves as plain values: the loss, then each score."""
    charts = []
    if len(run.loss):
        smooth = thinned(smoothed(run.loss), 400)
        series = [
            {"name": "batch", "color": "c0", "faint": True, **_points(thinned(run.loss))},
            {"name": "moving median", "color": "c0", "plain": True, **_points(smooth)},
        ]
        log = bool(run.loss.min() > 0 and run.loss.max() > DECADE * run.loss.min())
        charts.append({"title": "Loss", "label": "loss", "log": log, "higher": False, "series": series, "levels": []})
    baseline = {} if run.card is None else run.card.baseline
    for name in run.scores:
        preset, metric = metric_of(str(name))
        arrow = "\u2191" if metric.higher_is_better else "\u2193"
        label = f"{str(name).removeprefix(preset).strip()}{f' ({metric.unit})' if metric.unit else ''} {arrow}"
        series = [{"name": "network", "color": "c0", **_points(run.scores[name].dropna())}]
        levels = [{"name": "eLORETA", "y": baseline[str(name)]}] if str(name) in baseline else []
        higher = metric.higher_is_better
        charts.append(
            {"title": str(name), "label": label, "log": False, "higher": higher, "series": series, "levels": levels}
        )
    return charts


def _points(values: pd.Series) -> dict[str, list[Any]]:
    finite = values[np.isfinite(values.astype(float))]
    return {"x": [int(step) + 1 for step in finite.index], "y": [float(f"{value:.5g}") for value in finite]}


def _sections(run: Run) -> list[Section]:
    sections = []
    if run.card is not None and run.card.validation:
        sections.append(Section("scores", "Scores of the kept weights", _scores(run)))
    commands = template_of("headwater.training", "go_on.html.jinja").render(run=run)
    sections.append(Section("go-on", "How to go on", Markup(commands)))  # noqa: S704 - the template escapes
    if heads := run.recipe.get("heads"):
        rows = [_heads_row(one) for one in heads]
        sections.append(Section("heads", "Heads", table(list(HEADS), rows, "Heads and lead fields of the training")))
    sections.append(
        Section(
            "recipe",
            "Recipe",
            preformatted(yaml.safe_dump(run.recipe, sort_keys=False, default_flow_style=None, width=100)),
        )
    )
    if run.card is not None:
        sections.append(
            Section("limits", "Intended use and limits", paragraphs((run.card.intended_use, run.card.limits)))
        )
    return sections


def _scores(run: Run) -> Markup:
    assert run.card is not None  # noqa: S101
    rows = []
    for name, value in run.card.validation.items():
        _, metric = metric_of(name)
        reference = run.card.baseline.get(name, np.nan)
        gain = (value - reference) * (1 if metric.higher_is_better else -1)
        kind = "" if np.isnan(gain) or not gain else "better" if gain > 0 else "worse"
        best = run.scores[name].dropna() if name in run.scores else pd.Series(dtype=float)
        where = None if best.empty else int(best.idxmax() if metric.higher_is_better else best.idxmin())
        unit = f" {metric.unit}" if metric.unit else ""
        cells = (
            Cell(f"{value:.3g}{unit}", value, kind),
            Cell(f"{reference:.3g}{unit}", reference),
            Cell("\u2013" if where is None else f"{best[where]:.3g}{unit}", np.nan if where is None else best[where]),
            Cell("\u2013" if where is None else f"{where + 1:,}", np.nan if where is None else where + 1),
            Cell(metric.meaning, kind="wide"),
        )
        rows.append(Row(name, cells))
    header = [Cell(name) for name in ("score", "network", "eLORETA", "best so far", "at step", "meaning")]
    return sortable_table(header, rows, "Scores of the network and of eLORETA on the validation samples")


def _heads_row(heads: dict[str, Any]) -> tuple[str, ...]:
    seeds = heads["data"]
    spacing = "as the space" if heads["spacing"] is None else f"{heads['spacing']}"
    many = "the head of the model" if not seeds else f"{len(seeds)} varied head{'s' if len(seeds) > 1 else ''}"
    return heads["montage"], heads["space"], spacing, many, f"{heads['weight']:g}"


def _figure(charts: list[dict[str, Any]]) -> tuple[Any, str]:
    """Draw the same curves for paper, and for browsers without scripts."""
    from matplotlib.figure import Figure

    across = min(len(charts), 3)
    down = -(-len(charts) // across)
    figure = Figure(figsize=(3.4 * across + 0.4, 2.5 * down + 0.2), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).flat
    for panel, chart in zip(panels, charts, strict=False):
        for one in chart["series"]:
            panel.plot(one["x"], one["y"], color="#0b5fa5", alpha=0.25 if one.get("faint") else 1.0, lw=1.2)
        for level in chart["levels"]:
            panel.axhline(level["y"], color="0.3", ls="--", lw=1)
        panel.set_title(chart["title"], fontsize="medium")
        panel.set_ylabel(chart["label"], fontsize="small")
        panel.set_yscale("log" if chart["log"] else "linear")
        panel.set_xlabel("step", fontsize="small")
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels:
        panel.set_axis_off()
    return figure, f"Learning curves: {', '.join(chart['title'] for chart in charts)}"
