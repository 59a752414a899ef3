"""The files that people read: ``table.md``, figures, and one HTML page that needs no other file."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from markdown_it import MarkdownIt

from headwater._utils.files import atomic_file
from headwater.benchmark.comparison import comparison
from headwater.benchmark.methods import Method
from headwater.benchmark.protocol import Case, Protocol
from headwater.benchmark.tables import Scores, markdown

COMPARISON = "comparison.csv"
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: #212529; }
table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; font-size: 0.85rem; display: block; overflow-x: auto; }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid #dde1e6; text-align: left; white-space: nowrap; }
td { font-variant-numeric: tabular-nums; }
figure { margin: 1.5rem 0; } img { max-width: 100%; } figcaption { color: #495057; max-width: 52rem; }
"""


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
    written, shown = ["table.md"], []
    if len(compared):
        with atomic_file(out / COMPARISON) as temporary:
            compared.to_csv(temporary, index=False, float_format="%.6g")
        written.append(COMPARISON)
    for name, (figure, caption) in figures(protocol, cases, methods, scores).items():
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=130)
        with atomic_file(out / f"{name}.png") as temporary:
            temporary.write_bytes(picture.getvalue())
        written.append(f"{name}.png")
        shown.append(_figure_html(picture.getvalue(), caption))
    page = (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{escape(protocol.title)}</title>"
        f"<style>{STYLE}</style></head><body>{to_html(text, before_first_section=''.join(shown))}</body></html>"
    )
    with atomic_file(out / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    return [*written, "report.html"]


def _figure_html(picture: bytes, caption: str) -> str:
    encoded = base64.b64encode(picture).decode()
    return (
        f"<figure><img alt='{escape(caption, quote=True)}' src='data:image/png;base64,{encoded}'>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def to_html(text: str, *, before_first_section: str) -> str:
    """Turn the Markdown of `markdown` into HTML; what looks like HTML in it is escaped."""
    head, mark, sections = text.partition("\n## ")
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    top, rest = (str(renderer.render(part)) for part in (head, mark + sections))
    return top + before_first_section + rest
