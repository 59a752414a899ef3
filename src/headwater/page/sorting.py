"""Tables that can be sorted by each of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes
    ----------
    text : str
    value : float | None
        What it is sorted by; NaN: after all others. None: its text.
    kind : str
        Classes of the style, such as ``"best"``.
    says : str
        What is said when the pointer rests on it.
    """

    text: str
    value: float | None = None
    kind: str = ""
    says: str = ""


@dataclass(frozen=True)
class Row:
    """A row: its name, its cells, and classes of the style, such as ``"reference"``."""

    name: str
    cells: Sequence[Cell]
    kind: str = ""


def sortable_table(header: Sequence[Cell], rows: Iterable[Row], caption: str) -> Markup:
    """Table whose rows are ordered by a click on the name of a column; wide ones scroll sideways."""
    head = Markup().join(
        Markup('<th scope="col" class="{}" title="{}">{}</th>').format(cell.kind, cell.says, cell.text)
        for cell in header
    )
    return Markup(
        '<div class="scroll" tabindex="0" role="region" aria-label="{}"><table class="sortable"><thead><tr>{}</tr>'
        "</thead><tbody>{}</tbody></table></div>"
    ).format(caption, head, Markup().join(map(_row, rows)))


def _row(row: Row) -> Markup:
    cells = Markup().join(map(_cell, row.cells))
    return Markup('<tr class="{}"><th scope="row">{}</th>{}</tr>').format(row.kind, row.name, cells)


def _cell(cell: Cell) -> Markup:
    value = Markup()
    if cell.value is not None:
        value = Markup(' data-value="{}"').format("" if np.isnan(cell.value) else f"{cell.value:.9g}")
    says = Markup(' title="{}"').format(cell.says) if cell.says else Markup()
    return Markup('<td class="{}"{}{}>{}</td>').format(cell.kind, value, says, cell.text)
