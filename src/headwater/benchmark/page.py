"""The files that people read: ``table.md``, figures, and one HTML page that needs nothing beside it."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from headwater._utils.files import atomic_file
from headwater.benchmark.protocol import Case, Protocol
from headwater.benchmark.tables import Scores, markdown

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: #212529; }
table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; font-size: 0.85rem; }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid #dde1e6; text-align: left; white-space: nowrap; }
td { font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
figure { margin: 1.5rem 0; } img { max-width: 100%; } figcaption { color: #495057; max-width: 52rem; }
"""


def write_page(
    out: Path,
    protocol: Protocol,
    cases: tuple[Case, ...],
    methods: list[str],
    results: pd.DataFrame,
    scores: Scores,
    about: Mapping[str, Any],
) -> None:
    """Write table, figures and, last, ``report.html``."""
    from headwater.benchmark.figures import figures

    text = markdown(protocol, cases, methods, results, scores, about)
    with atomic_file(out / "table.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    shown = []
    for name, (figure, caption) in figures(protocol, cases, methods, scores).items():
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=130)
        with atomic_file(out / f"{name}.png") as temporary:
            temporary.write_bytes(picture.getvalue())
        shown.append(_figure_html(picture.getvalue(), caption))
    page = (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{escape(protocol.title)}</title>"
        f"<style>{STYLE}</style></head><body>{to_html(text, before_first_section=''.join(shown))}</body></html>"
    )
    with atomic_file(out / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")


def _figure_html(picture: bytes, caption: str) -> str:
    encoded = base64.b64encode(picture).decode()
    return (
        f"<figure><img alt='{escape(caption, quote=True)}' src='data:image/png;base64,{encoded}'>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def to_html(text: str, *, before_first_section: str) -> str:
    """Turn the Markdown that `markdown` writes (headings, paragraphs, lists, tables) into HTML."""
    blocks = []
    for block in text.strip().split("\n\n"):
        lines = block.split("\n")
        if block.startswith("#"):
            level = len(block) - len(block.lstrip("#"))
            if level > 1:
                blocks.append(before_first_section)
                before_first_section = ""
            blocks.append(f"<h{level}>{_inline(block[level:].strip())}</h{level}>")
        elif block.startswith("- "):
            blocks.append(f"<ul>{''.join(f'<li>{_inline(line[2:])}</li>' for line in lines)}</ul>")
        elif block.startswith("|"):
            blocks.append(_table_html(lines))
        else:
            blocks.append(f"<p>{_inline(block)}</p>")
    return "\n".join(blocks)


def _table_html(lines: list[str]) -> str:
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    head = "".join(f"<th>{_inline(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{_inline(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _inline(text: str) -> str:
    """Escape, and make what stands between double asterisks bold."""
    parts = escape(text).split("**")
    return "".join(f"<b>{part}</b>" if index % 2 else part for index, part in enumerate(parts))
