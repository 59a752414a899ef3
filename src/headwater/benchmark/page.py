"""The files that people read: ``table.md``, figures, and one HTML page that needs no other file."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markdown_it import MarkdownIt
from markupsafe import Markup
from matplotlib.figure import Figure

from headwater._utils.files import atomic_file
from headwater.benchmark.comparison import comparison, comparison_table
from headwater.benchmark.explore import chart_content
from headwater.benchmark.methods import Method
from headwater.benchmark.page_cards import cards_of, status_of
from headwater.benchmark.page_tables import sortable_case
from headwater.benchmark.protocol import Case, Protocol
from headwater.benchmark.reference import reference_of
from headwater.benchmark.tables import (
    COMPARED,
    Scores,
    gaps_list,
    introduction,
    markdown,
    meanings,
    pair_table,
    provenance_list,
)
from headwater.page.document import Section, asset, data_block, document, template_of
from headwater.page.parts import picture, preformatted

COMPARISON = "comparison.csv"
READING = (
    "Points are scores over all samples of a case, lines their 95 % bootstrap intervals; the pale bars below show "
    "where half of the samples lie, and the dashed line what chance gives. Buttons show and hide solvers. Point at a "
    "chart, or move over it with the arrow keys, to read its numbers."
)
SORTING = (
    "Click on the name of a column to sort. The best solver of a column is bold; \u25b2 and \u25bc mark solvers that "
    "are better or worse than {reference}, sample by sample, where the 95 % interval of the mean difference excludes "
    "zero."
)


def write_page(
    out: Path,
    protocol: Protocol,
    cases: tuple[Case, ...],
    methods: Mapping[str, Method],
    results: pd.DataFrame,
    scores: Scores,
    about: Mapping[str, Any],
) -> list[str]:
    """Write table, comparison, figures and, last, ``report.html``; return their names."""
    from headwater.benchmark.figures import figures

    compared = comparison(protocol, methods, scores)
    text = markdown(protocol, cases, methods, results, scores, about, compared)
    with atomic_file(out / "table.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    written = ["table.md"]
    if len(compared):
        with atomic_file(out / COMPARISON) as temporary:
            compared.to_csv(temporary, index=False, float_format="%.6g")
        written.append(COMPARISON)
    drawn = figures(protocol, cases, methods, scores)
    for name, (figure, _) in drawn.items():
        written.append(_write_figure(out, name, figure))
    page = make_page(protocol, cases, methods, results, scores, about, compared, drawn)
    with atomic_file(out / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    return [*written, "report.html"]


def make_page(
    protocol: Protocol,
    cases: Sequence[Case],
    methods: Mapping[str, Method],
    results: pd.DataFrame,
    scores: Scores,
    about: Mapping[str, Any],
    compared: pd.DataFrame,
    drawn: Mapping[str, tuple[Figure, str]],
) -> str:
    """Return the page as one HTML document."""
    reference = reference_of(methods)
    scripts = [asset("headwater.page", "tables.js"), asset("headwater.page", "charts.js")]
    tables = [
        Section(f"case-{case.name}", case.title, sortable_case(protocol, case, methods, results, scores, reference))
        for case in cases
    ]
    if tables and reference:
        note = Markup('<p class="note interactive">{}</p>').format(SORTING.format(reference=reference))
        tables[0] = Section(tables[0].key, tables[0].title, note + tables[0].content)
    return document(
        protocol.title,
        status_of(protocol, cases, methods, results, crime=bool(about["inverse crime"])),
        cards_of(protocol, cases, methods, reference, scores, about),
        [*tables, *_rest(protocol, cases, methods, results, scores, about, compared, drawn)],
        scripts=[*scripts, asset("headwater.benchmark", "explore.js")],
        template=template_of("headwater.benchmark", "explore.html.jinja"),
        reading=READING,
        content=data_block("benchmark-content", chart_content(protocol, cases, methods, reference, scores)),
    )


def _rest(
    protocol: Protocol,
    cases: Sequence[Case],
    methods: Mapping[str, Method],
    results: pd.DataFrame,
    scores: Scores,
    about: Mapping[str, Any],
    compared: pd.DataFrame,
    drawn: Mapping[str, tuple[Figure, str]],
) -> list[Section]:
    """Sections below the tables, each only where it has something to say."""
    sections = []
    if len(compared):
        said = f"{COMPARED}\n\n{comparison_table(protocol, compared)}"
        sections.append(Section("compared", "Networks compared with classical solvers", to_html(said)))
    if pairs := protocol.pairs(cases):
        sections.append(
            Section(
                "pairs", "All defaults next to tuned by hand", to_html(pair_table(protocol, pairs, methods, scores))
            )
        )
    if gaps := gaps_list(results):
        sections.append(Section("gaps", "What could not be scored, and why", to_html(gaps)))
    if drawn:
        pictures = Markup().join(picture(figure, caption, caption) for figure, caption in drawn.values())
        sections.append(Section("figures", "All scores in pictures", pictures))
    words = f"{introduction(protocol, methods, about)}\n\n{meanings(protocol)}"
    sections.append(Section("metrics", "What the scores mean", to_html(words)))
    repeat = preformatted(about["command"]) if about["command"] else Markup()
    sections.append(Section("provenance", "How to repeat it", repeat + to_html(provenance_list(about))))
    return sections


def _write_figure(out: Path, name: str, figure: Figure) -> str:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=130)
    with atomic_file(out / f"{name}.png") as temporary:
        temporary.write_bytes(content.getvalue())
    return f"{name}.png"


def to_html(text: str) -> Markup:
    """Turn Markdown into HTML whose tables scroll; what looks like HTML in it is escaped."""
    rendered = str(MarkdownIt("commonmark", {"html": False}).enable("table").render(text))
    rendered = rendered.replace("<table>", '<div class="scroll" tabindex="0"><table>')
    return Markup(rendered.replace("</table>", "</table></div>"))  # noqa: S704 - the renderer escapes
