"""The page of a subject and that of the group."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from headwater.localization import Localization
from headwater.page.document import RESEARCH, Card, Status, asset, template_of
from headwater.report import regions, words
from headwater.report.first_screen import cards, status_line
from headwater.report.interactive.estimates import shown_estimates
from headwater.report.interactive.timeline import timeline
from headwater.report.plot import plot_localization
from headwater.report.sections import shown_time

PEAK_COLUMNS = ("time", "x", "y", "z (mm)", "amplitude", "region")


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes
    ----------
    title : str
    status : Status | None
    cards : sequence of Card
    said, link, picture, alt : str
    head, rows : sequence
        Of a table.
    links : sequence of str
        Where the first cell of each row leads; empty: nowhere.
    note : str
    """

    title: str
    status: Status | None = None
    cards: Sequence[Card] = ()
    said: str = ""
    link: str = ""
    picture: str = ""
    alt: str = ""
    head: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()
    links: Sequence[str] = ()
    note: str = ""


def page(title: str, sections: Sequence[Section]) -> str:
    """Return an HTML page that needs nothing beside it, except what it links to."""
    css = Markup(asset("headwater.page", "style.css"))  # noqa: S704 - our own file
    made = template_of("headwater.pipeline", "page.html.jinja")
    return made.render(title=title, sections=sections, css=css, research=RESEARCH)


def subject_page(
    name: str, content: Mapping[str, Any], folders: Mapping[str, str], found: Mapping[str, Localization]
) -> str:
    """Return the page of one subject.

    Parameters
    ----------
    name : str
        Such as ``sub-01``.
    content : dict
        What was done, as in ``headwater.json``.
    folders : dict of str to str
        Where the results of each condition are.
    found : dict of str to Localization
    """
    sections = [_condition(condition, folders[condition], one) for condition, one in found.items()]
    sections.append(Section("What was done", rows=list(content["steps"].items())))
    if components := content["components"]:
        rows = [
            (one["number"], one["label"], f"{one['probability']:.2f}", "removed" if one["removed"] else "kept")
            for one in components
        ]
        sections.append(Section("Independent components", head=("number", "label", "probability", ""), rows=rows))
    return page(name, sections)


def png(figure: Figure) -> str:
    """Return a figure as PNG in base64."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def peak_row(peak: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the cells of one peak, see `PEAK_COLUMNS`."""
    place = tuple(f"{float(peak[f'{axis}_mm']):.0f}" for axis in "xyz")
    amplitude = f"{float(peak['amplitude']):.3g} {peak['unit']}"
    return (
        f"{1e3 * float(peak['time_s']):.0f} ms",
        *place,
        amplitude,
        regions.plain(str(peak["region"])) or "not known",
    )


def _condition(name: str, folder: str, found: Localization) -> Section:
    peak = shown_time(found)
    estimates = shown_estimates(found, timeline(found, peak).frames, peak)
    return Section(
        f"Condition {name}",
        status=status_line(found),
        cards=cards(found, estimates),
        link=f"localisation/{folder}/report.html",
        picture=png(plot_localization(found)),
        alt=f"Glass brain of condition {name}: {words.found(found)}",
        head=PEAK_COLUMNS,
        rows=[peak_row(peak) for peak in found.peaks.head(5).to_dict("records")],
        note=f"{len(found.evoked.ch_names)} channels, average of {found.evoked.nave} trials.",
    )
