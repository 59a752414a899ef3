"""One HTML document that needs no other file: it asks for nothing, and runs no script but ours."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

RESEARCH = "This is research software, not a medical device: do not base a treatment on it alone."


@dataclass(frozen=True)
class Section:
    """A heading, the name by which it is linked, and what stands below it."""

    key: str
    title: str
    content: Markup


@dataclass(frozen=True)
class Card:
    """One question, a short answer, and what belongs to it in whole sentences."""

    question: str
    answer: str
    details: tuple[str, ...]


@dataclass(frozen=True)
class Status:
    """The first line of a page.

    Attributes
    ----------
    kind : str
        ``"GOOD"``, ``"DOUBTFUL"`` or ``"NOTHING"``: its colour.
    words, meaning : str
    reasons : sequence of str
    """

    kind: str
    words: str
    meaning: str
    reasons: Sequence[str] = ()


def document(
    title: str,
    status: Status,
    cards: Sequence[Card],
    sections: Sequence[Section],
    *,
    scripts: Iterable[str],
    style: str = "",
    template: Template | None = None,
    **content: object,
) -> str:
    """Return a page: its status, its cards, its sections.

    Parameters
    ----------
    title : str
    status : Status
    cards : sequence of Card
    sections : sequence of Section
    scripts : iterable of str
        JavaScript in the order in which it is needed; the only scripts that the page allows.
    style : str
        CSS in addition to that of every page.
    template : jinja2.Template | None
        One that extends ``document.html.jinja``, see `template_of`; None: that itself.
    **content
        What the template asks for in addition.
    """
    script = '"use strict";\n(() => {\n' + "\n".join(scripts) + "})();\n"
    return (template or template_of("headwater.page", "document.html.jinja")).render(
        title=title,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        status=status,
        cards=cards,
        sections=sections,
        research=RESEARCH,
        css=Markup(asset("headwater.page", "style.css") + style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        **content,
    )


def data_block(key: str, content: Any) -> Markup:
    """Numbers for the scripts of a page, as JSON that no content can end: ``<`` is written as an escape."""
    text = json.dumps(content, allow_nan=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
    return Markup('<script type="application/json" id="{}">{}</script>').format(key, Markup(text))  # noqa: S704


@cache
def template_of(package: str, name: str) -> Template:
    """Return a template of a package; it may extend those of this one."""
    loader = ChoiceLoader([PackageLoader(package, "."), PackageLoader("headwater.page", ".")])
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return made.get_template(name)


@cache
def asset(package: str, *path: str) -> str:
    """Return the text of a file that is installed with a package."""
    return files(package).joinpath(*path).read_text(encoding="utf-8")
