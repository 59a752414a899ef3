"""The report: one HTML file that shows what was found, from what, and how far to trust it."""

from __future__ import annotations

import base64
import gzip
from functools import cache
from pathlib import Path

import mne

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file
from headwater._utils.progress import working
from headwater.localization import Localization
from headwater.page.document import asset, data_block, document, template_of
from headwater.report.first_screen import cards, status_line
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

    Examples
    --------
    >>> import headwater as hw
    >>> hw.write_report(hw.analyze("my-ave.fif"), "report.html")  # doctest: +SKIP
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
    return document(
        localization.evoked.comment or "localisation",
        status_line(localization),
        cards(localization, estimates),
        sections(localization, estimates, peak, command),
        scripts=[asset("headwater.report", "page", name) for name in SCRIPTS],
        style=asset("headwater.report", "page", "report.css"),
        template=template_of("headwater.report", "page/report.html.jinja"),
        content=data_block("headwater-content", data.content),
        arrays=data.arrays,
        niivue=_niivue(),
    )


@cache
def _niivue() -> str:
    """NiiVue as compressed text, from the installed nilearn; empty without it."""
    path = nilearn_file(NIIVUE)
    return "" if path is None else base64.b64encode(gzip.compress(path.read_bytes(), 9, mtime=0)).decode("ascii")
