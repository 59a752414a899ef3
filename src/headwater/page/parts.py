"""Pieces of HTML: paragraphs, tables, pictures. Text is escaped here and nowhere else."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable

import numpy as np
from markupsafe import Markup
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

N_COLORS = 256
DPI = 110


def paragraphs(texts: Iterable[str]) -> Markup:
    """One paragraph for each text."""
    return Markup().join(Markup("<p>{}</p>").format(text) for text in texts)


def preformatted(text: str) -> Markup:
    """Text with its own line breaks, such as a command."""
    return Markup("<pre>{}</pre>").format(text)


def table(header: list[str], rows: Iterable[Iterable[object]], caption: str) -> Markup:
    """Table that scrolls sideways where it is wider than the screen; numbers are rounded and set to the right."""
    cells = [list(row) for row in rows]
    first = cells[0] if cells else header
    head = Markup().join(
        _cell(name, "th", numeric=_is_number(value)) for name, value in zip(header, first, strict=True)
    )
    body = Markup().join(
        Markup("<tr>{}</tr>").format(Markup().join(_cell(value, "td", numeric=_is_number(value)) for value in row))
        for row in cells
    )
    return Markup(
        '<div class="scroll" tabindex="0" role="region" aria-label="{}"><table><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(caption, head, body)


def picture(figure: Figure, alt: str, caption: str) -> Markup:
    """Embed a figure as a PNG of 256 colours, with a text for those who cannot see it."""
    small = io.BytesIO()
    image = Image.fromarray(drawn(figure)).convert("RGB")
    image.quantize(N_COLORS).save(small, format="PNG", optimize=True)
    width, height = image.size
    return Markup(
        '<figure><img src="data:image/png;base64,{}" alt="{}" width="{}" height="{}">'
        "<figcaption>{}</figcaption></figure>"
    ).format(base64.b64encode(small.getvalue()).decode("ascii"), alt, width, height, caption)


def drawn(figure: Figure) -> np.ndarray:
    """Return the pixels of a figure, shape (n_rows, n_columns, 4); quicker than `savefig`, which draws twice."""
    figure.set_dpi(DPI)
    figure.set_facecolor("white")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float))


def _cell(value: object, tag: str, *, numeric: bool) -> Markup:
    text = f"{value:.0f}" if isinstance(value, (int, float)) else str(value)
    kind = Markup(' class="number"') if numeric else Markup()
    scope = Markup(' scope="col"') if tag == "th" else Markup()
    return Markup("<{0}{1}{2}>{3}</{0}>").format(Markup(tag), kind, scope, text)
