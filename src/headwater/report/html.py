"""The report: one HTML file that shows what was found, from what, and how far to trust it."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from html import escape
from importlib.metadata import version
from pathlib import Path

import mne
import numpy as np

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file
from headwater._utils.progress import working
from headwater.localization import Localization
from headwater.localization.resolution import Resolution, resolution_near_peak
from headwater.localization.trust import Status
from headwater.report import cortical_map, glass_brain, words
from headwater.report.figures import plot_contributions, plot_residual, plot_time_courses, plot_topographies
from headwater.report.scene import FRAME_LABELS, make_scene

PACKAGES = ("headwater", "mne", "numpy", "scipy", "torch")

# MNE-Python's report without what a reader of one page does not need: logo, tags, file bar.
CSS = """
#top-bar img, #filter-by-tags-dropdown-menu, .badge { display: none !important; }
.accordion-body { font-size: 1rem; line-height: 1.55; }
.headwater { max-width: 52rem; margin: 0.5rem auto; }
.headwater.summary { font-size: 1.1rem; }
.headwater .status { font-size: 1.5rem; font-weight: 600; padding: 0.5rem 0.9rem; border-left: 0.5rem solid; }
.headwater .status.GOOD { border-color: #2f7d32; background: #edf6ee; }
.headwater .status.DOUBTFUL { border-color: #b26a00; background: #fdf4e5; }
.headwater .status.NOTHING { border-color: #5f6b76; background: #f0f2f4; }
.headwater table { border-collapse: collapse; width: 100%; }
.headwater th, .headwater td { padding: 0.35rem 0.7rem; border-bottom: 1px solid #dde1e6; vertical-align: top; }
.headwater th { text-align: left; font-weight: 600; }
.headwater td.number, .headwater th.number { text-align: right; font-variant-numeric: tabular-nums; }
.headwater pre { background: #f4f5f7; padding: 0.8rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.figure-caption { max-width: 52rem; margin: 0.3rem auto; text-align: left !important; color: #495057; }
@media print { #top-bar, #toc, footer { display: none !important; } .accordion-item { break-inside: avoid; } }
"""


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
        report = make_report(localization, command=command)
        with atomic_file(path, overwrite=overwrite) as temporary:
            report.save(temporary, open_browser=False, overwrite=True)


def make_report(localization: Localization, *, command: str | None = None) -> mne.Report:
    """Put the report together; an `mne.Report` to which more can be added."""
    found = len(localization.peaks) > 0
    source, time_index = _peak(localization) if found else (None, _strongest_field(localization))
    moment = f"{1e3 * localization.evoked.times[time_index]:.0f} ms"
    report = mne.Report(title=f"headwater: {localization.evoked.comment or 'localisation'}", img_max_width=1100)
    report.add_custom_css(CSS)
    _add_html(report, "Summary", _summary_html(localization), kind="summary")
    _add_sensors(report, localization, time_index, moment)
    if found:
        _add_brain(report, localization, time_index, moment)
    _add_time_courses(report, localization, time_index)
    _add_residual(report, localization)
    _add_html(report, "Peaks", _peaks_html(localization) if found else "<p>No peaks.</p>")
    if words.certainty(localization):
        _add_certainty(report, localization)
    resolution = None if source is None else _resolution(localization, source, time_index)
    _add_text(report, "How far to trust this", words.limits(localization, resolution))
    _add_html(report, "What was assumed", _table(["what", "as"], localization.assumptions.items()))
    _add_html(report, "How to reproduce this", _reproduction_html(command))
    return report


def _summary_html(localization: Localization) -> str:
    """Status and why, what was found, how well it fits, and what it was estimated from."""
    trust = localization.trust
    kind = Status.DOUBTFUL.name if trust is None else trust.verdict.status.name
    reasons = () if trust is None else trust.verdict.reasons
    listed = "".join(f"<li>{escape(reason[:1].upper() + reason[1:])}.</li>" for reason in reasons)
    paragraphs = [words.found(localization), words.fit(localization), words.other_solver(localization)]
    if kind == Status.NOTHING.name:
        paragraphs = paragraphs[:1]
    return (
        f'<p class="status {kind}">{escape(words.status(localization))}</p>'
        f"<p>{escape(words.status_meaning(localization))}</p>"
        + (f"<ul>{listed}</ul>" if listed else "")
        + "".join(f"<p>{escape(one)}</p>" for one in paragraphs if one)
        + f"<p>{escape(words.made(localization))}</p>"
    )


def _resolution(localization: Localization, source: int, time_index: int) -> Resolution | None:
    """Test sources near the peak; None where the noise was not measured, or there is no signal to speak of."""
    trust = localization.trust
    if trust is None or not trust.findings.noise_measured or trust.verdict.status is Status.NOTHING:
        return None
    return resolution_near_peak(localization, source, time_index, error=trust.findings.leadfield_error)


def _add_certainty(report: mne.Report, localization: Localization) -> None:
    """How sure the posterior is: a sentence, a table of regions, and the channels that carry the first peak."""
    regions = words.likely_regions(localization)
    table = _table(["region", "probability", "strength"], regions) + f"<p>{escape(words.ACTIVE)}</p>" if regions else ""
    _add_html(report, "How sure", f"<p>{escape(words.certainty(localization))}</p>{table}")
    figure = plot_contributions(localization)
    if figure is not None:
        caption = (
            "Share of the strongest peak's current that would be lost without each sensor; below zero where the sensor "
            "speaks against it. Shares do not add up to 100 %, because sensors replace each other."
        )
        report.add_figure(figure, "Sensors that carry the peak", caption=caption, tags=())


def _add_residual(report: mne.Report, localization: Localization) -> None:
    figure = plot_residual(localization)
    if figure is not None:
        caption = "Data minus what the estimate predicts. A regular pattern here is activity that is not explained."
        report.add_figure(figure, "What is not explained at the peak", caption=caption, tags=())


def _peak(localization: Localization) -> tuple[int, int]:
    """Source and time index of the first row of the peaks table."""
    time_s = float(localization.peaks["time_s"].iloc[0])
    return int(localization.peak_sources[0]), int(np.abs(localization.evoked.times - time_s).argmin())


def _strongest_field(localization: Localization) -> int:
    """Time index of the largest field power, each sensor type weighing the same."""
    evoked = localization.evoked
    kinds = np.array(evoked.get_channel_types())
    power = [(evoked.data[kinds == kind] ** 2).mean(axis=0) for kind in np.unique(kinds)]
    return int(sum(course / max(course.max(), np.finfo(float).tiny) for course in power).argmax())


def _add_sensors(report: mne.Report, localization: Localization, time_index: int, moment: str) -> None:
    title = f"Sensors at {moment}"
    figure = plot_topographies(localization, time_index)
    if figure is None:
        _add_text(report, title, ["The positions of the sensors are not known, so that no map can be drawn."])
        return
    report.add_figure(figure, title, caption="The head from above, nose up. Dots: sensors.", tags=())


def _add_brain(report: mne.Report, localization: Localization, time_index: int, moment: str) -> None:
    label = words.unit_label(localization)
    scene = make_scene(localization)
    glass = glass_brain.plot_glass_brain(localization, localization.magnitude[:, time_index], unit=label, scene=scene)
    report.add_figure(glass, f"Glass brain at {moment}", caption=glass_brain.caption(scene), tags=())
    title = f"Cortex at {moment}"
    cortex = cortical_map.plot_cortex(localization, time_index, unit=label)
    if cortex is None or localization.head is None:
        _add_text(
            report,
            title,
            ["There is no head model with a cortical surface, so that no map of the cortex can be drawn."],
        )
    else:
        report.add_figure(
            cortex, title, caption=cortical_map.caption(localization, localization.head, time_index), tags=()
        )


def _add_time_courses(report: mne.Report, localization: Localization, time_index: int) -> None:
    figure = plot_time_courses(localization, time_index, unit=words.unit_label(localization))
    if figure is None:
        _add_text(report, "Time courses", ["The recording has a single time point, so that there is no time course."])
        return
    caption = "Above: all sensors. Below: the strongest sources of the peaks table. Dashed: the time of the maps."
    report.add_figure(figure, "Time courses", caption=caption, tags=())


def _peaks_html(localization: Localization) -> str:
    frame = FRAME_LABELS[str(localization.peaks["frame"].iloc[0])]
    sure = localization.uncertainty
    header = ["", "region", "time (ms)", "x (mm)", "y (mm)", "z (mm)", words.unit_label(localization)]
    rows = [
        [number, row.region or "not known", 1e3 * row.time_s, row.x_mm, row.y_mm, row.z_mm, f"{row.amplitude:.3g}"]
        for number, row in enumerate(localization.peaks.itertuples(), start=1)
    ]
    if sure is not None:
        header.append("90 % within (mm)")
        rows = [[*row, one.radius_mm] for row, one in zip(rows, sure.peaks, strict=True)]
    axes = "x points to the right ear, y to the nose, z upwards."
    return _table(header, rows) + f"<p>Coordinates: {escape(frame)}; {axes}</p>"


def _reproduction_html(command: str | None) -> str:
    versions = [(name, version(name)) for name in PACKAGES] + [("Python", platform.python_version())]
    shown = "" if command is None else f"<pre>{escape(command)}</pre>"
    return shown + _table(["package", "version"], versions)


def _add_text(report: mne.Report, title: str, paragraphs: list[str], *, kind: str = "text") -> None:
    _add_html(report, title, "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs), kind=kind)


def _add_html(report: mne.Report, title: str, html: str, *, kind: str = "text") -> None:
    report.add_html(f'<div class="headwater {kind}">{html}</div>', title=title, tags=())


def _table(header: list[str], rows: Iterable[Iterable[object]]) -> str:
    """HTML table; numbers are rounded to whole ones and set to the right, text is escaped."""
    cells = [list(row) for row in rows]
    first = cells[0] if cells else header
    head = "".join(_cell(name, "th", numeric=_is_number(value)) for name, value in zip(header, first, strict=True))
    body = "".join(f"<tr>{''.join(_cell(v, 'td', numeric=_is_number(v)) for v in row)}</tr>" for row in cells)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float))


def _cell(value: object, tag: str, *, numeric: bool) -> str:
    text = f"{value:.0f}" if isinstance(value, (int, float)) else str(value)
    kind = ' class="number"' if numeric else ""
    return f"<{tag}{kind}>{escape(text)}</{tag}>"
