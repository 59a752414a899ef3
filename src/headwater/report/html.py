"""The report: one HTML file that shows what was found, from what, and how far to trust it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path

import mne
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file
from headwater._utils.progress import working
from headwater.localization import Localization
from headwater.localization.trust import Status
from headwater.report import words
from headwater.report.first_screen import cards
from headwater.report.interactive.data import page_data
from headwater.report.interactive.estimates import shown_estimates
from headwater.report.interactive.timeline import timeline
from headwater.report.nilearn_files import NIIVUE, nilearn_file
from headwater.report.sections import sections, shown_time

# In this order: later ones use what earlier ones define.
SCRIPTS = ("data.js", "colors.js", "curves.js", "maps.js", "slices.js", "brain.js", "main.js")


def write_report(
    localization: Localization, path: Path | str, *, command: str | None = None, overwrite: bool = False
) -> None:
    """Write the report of a localisation.

    Parameters
    ----------
    localization : Localization
    path : path-like
        The ``.html`` file to make; it needs nothing beside it, nor the internet.
    command : str | None
        The command that reproduces the result.
    overwrite : bool
        Replace an existing file.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise InputError(f"{path} already exists; choose another path, or set `overwrite=True` to replace it.")
    with mne.utils.use_log_level("error"), working("Writing the report"):
        page = make_page(localization, command=command)
        with atomic_file(path, overwrite=overwrite) as temporary:
            temporary.write_text(page, encoding="utf-8")


def make_page(localization: Localization, *, command: str | None = None) -> str:
    """Return the report as one HTML document."""
    peak = shown_time(localization)
    line = timeline(localization, peak)
    estimates = shown_estimates(localization, line.frames, peak)
    data = page_data(localization, line, estimates)
    trust = localization.trust
    script = _script()
    return _template().render(
        title=localization.evoked.comment or "localisation",
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        kind=Status.DOUBTFUL.name if trust is None else trust.verdict.status.name,
        status=words.status(localization),
        meaning=words.status_meaning(localization),
        reasons=[one[:1].upper() + one[1:] for one in (() if trust is None else trust.verdict.reasons)],
        cards=cards(localization, estimates),
        sections=sections(localization, estimates, peak, command),
        research=words.RESEARCH,
        css=Markup(_page_file("report.css")),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        content=_embedded(data.content),
        arrays=data.arrays,
        niivue=_niivue(),
    )


def _embedded(content: object) -> Markup:
    """JSON that no content can end: ``<`` is written as an escape."""
    text = json.dumps(content, allow_nan=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
    return Markup(text)  # noqa: S704 - nothing in it can open or close a tag


@cache
def _niivue() -> str:
    """NiiVue as compressed text, from the installed nilearn; empty without it."""
    path = nilearn_file(NIIVUE)
    return "" if path is None else base64.b64encode(gzip.compress(path.read_bytes(), 9, mtime=0)).decode("ascii")


@cache
def _template() -> Template:
    loader = PackageLoader("headwater.report", "page")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return made.get_template("report.html.jinja")


@cache
def _script() -> str:
    return '"use strict";\n(() => {\n' + "\n".join(_page_file(name) for name in SCRIPTS) + "})();\n"


def _page_file(name: str) -> str:
    return (files("headwater.report") / "page" / name).read_text(encoding="utf-8")
