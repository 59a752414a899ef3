"""The sections of the report: static pictures and tables, which need neither a script nor a screen."""

from __future__ import annotations

import platform
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np
from markupsafe import Markup

from headwater.localization import Localization
from headwater.localization.resolution import Resolution, resolution_near_peak
from headwater.localization.trust import Status
from headwater.page.document import Section
from headwater.page.parts import paragraphs, picture, preformatted, table
from headwater.report import cortical_map, glass_brain, regions, words
from headwater.report.figures import plot_contributions, plot_residual, plot_time_courses, plot_topographies
from headwater.report.first_screen import is_noise
from headwater.report.interactive.estimates import TOTAL_WITHIN, ShownEstimate
from headwater.report.scene import FRAME_LABELS, make_scene

MAY_BE_NOISE = "Nothing stands out of the noise: these are the largest values of the estimate, and they may be noise."
PACKAGES = ("headwater", "mne", "numpy", "scipy", "torch")  # PyTorch where it is installed


def sections(
    localization: Localization, estimates: list[ShownEstimate], time_index: int, command: str | None
) -> list[Section]:
    """Make every section that the localisation has something to say in.

    Parameters
    ----------
    localization : Localization
    estimates : list of ShownEstimate
        That of the solver first.
    time_index : int
        The time of the maps.
    command : str | None
        What reproduces the result.
    """
    moment = f"{1e3 * localization.evoked.times[time_index]:.0f} ms"
    made = [
        Section("peaks", "Peaks", _peaks(localization, estimates)),
        _sensors(localization, time_index, moment),
        *(_brain(localization, time_index, moment) if len(localization.peaks) else []),
        _time_courses(localization, time_index),
        _residual(localization),
        _certainty(localization),
        Section(
            "trust",
            "How far to trust this",
            paragraphs(words.limits(localization, _resolution(localization, time_index))),
        ),
        Section(
            "assumed", "What was assumed", table(["what", "as"], localization.assumptions.items(), "What was assumed")
        ),
        Section("reproduce", "How to reproduce this", _reproduction(command)),
    ]
    return [one for one in made if one is not None]


def _resolution(localization: Localization, time_index: int) -> Resolution | None:
    """Test sources near the peak; None where the noise was not measured, or there is no signal to speak of."""
    trust = localization.trust
    if trust is None or not trust.findings.noise_measured or trust.verdict.status is Status.NOTHING:
        return None
    source = int(localization.peak_sources[0])
    return resolution_near_peak(localization, source, time_index, error=trust.findings.leadfield_error)


def _certainty(localization: Localization) -> Section | None:
    """How sure the posterior is: a sentence, a table of regions, and the channels that carry the first peak."""
    if not (said := words.certainty(localization)):
        return None
    content = paragraphs([said])
    if rows := [(regions.plain(name), *more) for name, *more in words.likely_regions(localization)]:
        content += table(["region", "probability", "strength"], rows, "Regions that are probably active")
        content += paragraphs([words.ACTIVE])
    figure = plot_contributions(localization)
    if figure is not None:
        caption = (
            "Sensors that carry the peak: share of its current that would be lost without each; below zero where the "
            "sensor speaks against it. Shares do not add up to 100 %, because sensors replace each other."
        )
        content += picture(
            figure, "Head from above, coloured by how much each sensor contributes to the peak.", caption
        )
    return Section("sure", "How sure", content)


def _residual(localization: Localization) -> Section | None:
    figure = plot_residual(localization)
    if figure is None:
        return None
    caption = "Data minus what the estimate predicts. A regular pattern here is activity that is not explained."
    alt = "Head from above, coloured by what the estimate leaves unexplained at the peak."
    return Section("residual", "What is not explained at the peak", picture(figure, alt, caption))


def _sensors(localization: Localization, time_index: int, moment: str) -> Section:
    title = f"Sensors at {moment}"
    figure = plot_topographies(localization, time_index)
    if figure is None:
        said = paragraphs(["The positions of the sensors are not known, so that no map can be drawn."])
        return Section("sensors", title, said)
    alt = f"Head from above, coloured by what the sensors measured at {moment}."
    return Section("sensors", title, picture(figure, alt, "The head from above, nose up. Dots: sensors."))


def _brain(localization: Localization, time_index: int, moment: str) -> list[Section]:
    label = words.unit_label(localization)
    scene = make_scene(localization)
    doubt = paragraphs([MAY_BE_NOISE] if is_noise(localization) else [])
    where = "" if is_noise(localization) else f" {words.found(localization)}"
    glass = glass_brain.plot_glass_brain(localization, localization.magnitude[:, time_index], unit=label, scene=scene)
    alt = f"Brain seen through from the left, from behind and from above at {moment}, activity in colour.{where}"
    seen = Section("glass", f"Glass brain at {moment}", doubt + picture(glass, alt, glass_brain.caption(scene)))
    title = f"Cortex at {moment}"
    cortex = cortical_map.plot_cortex(localization, time_index, unit=label)
    if cortex is None or localization.head is None:
        said = ["There is no head model with a cortical surface, so that no map of the cortex can be drawn."]
        return [seen, Section("cortex", title, paragraphs(said))]
    caption = cortical_map.caption(localization, localization.head, time_index)
    alt = f"Both inflated hemispheres from outside and from inside at {moment}, activity in colour.{where}"
    return [seen, Section("cortex", title, doubt + picture(cortex, alt, caption))]


def _time_courses(localization: Localization, time_index: int) -> Section:
    figure = plot_time_courses(localization, time_index, unit=words.unit_label(localization))
    if figure is None:
        said = ["The recording has a single time point, so that there is no time course."]
        return Section("times", "Time courses", paragraphs(said))
    caption = "Above: all sensors. Below: the strongest sources of the peaks table. Dashed: the time of the maps."
    first_ms, last_ms = 1e3 * localization.evoked.times[[0, -1]]
    alt = f"Curves of all sensors and of the strongest sources from {first_ms:.0f} to {last_ms:.0f} ms."
    return Section("times", "Time courses", picture(figure, alt, caption))


def _peaks(localization: Localization, estimates: list[ShownEstimate]) -> Markup:
    if not len(localization.peaks):
        return paragraphs(["No peaks."])
    frame = FRAME_LABELS[str(localization.peaks["frame"].iloc[0])]
    header = ["", "region", "time (ms)", "x (mm)", "y (mm)", "z (mm)", words.unit_label(localization)]
    rows: list[list[object]] = [
        [
            number,
            regions.plain(row.region) or "not known",
            1e3 * row.time_s,
            row.x_mm,
            row.y_mm,
            row.z_mm,
            f"{row.amplitude:.3g}",
        ]
        for number, row in enumerate(localization.peaks.itertuples(), start=1)
    ]
    said = [f"Coordinates: {frame}; x points to the right ear, y to the nose, z upwards."]
    if estimates[0].total is not None:
        header.append("total (nAm)")
        rows = [[*row, f"{total:.3g}"] for row, total in zip(rows, estimates[0].total, strict=True)]
        said.append(
            "The strength of a single source depends on how densely sources lie. The total does not: it is the length "
            f"of the vector sum of all currents within {1e2 * TOTAL_WITHIN:.0f} cm of the peak, to be compared with "
            "the moment of a dipole."
        )
    if localization.uncertainty is not None:
        header.append("90 % within (mm)")
        rows = [[*row, one.radius_mm] for row, one in zip(rows, localization.uncertainty.peaks, strict=True)]
    return (
        paragraphs([MAY_BE_NOISE] if is_noise(localization) else [])
        + table(header, rows, "Peaks of the estimate")
        + paragraphs(said)
    )


def _reproduction(command: str | None) -> Markup:
    versions = [(name, version(name)) for name in PACKAGES if find_spec(name)] + [("Python", platform.python_version())]
    shown = Markup() if command is None else preformatted(command)
    return shown + table(["package", "version"], versions, "Versions of packages")


def shown_time(localization: Localization) -> int:
    """Time index of the maps: the strongest peak's, or that of the largest field power where there is no peak."""
    if len(localization.peaks):
        return int(np.abs(localization.evoked.times - float(localization.peaks["time_s"].iloc[0])).argmin())
    evoked = localization.evoked
    kinds = np.array(evoked.get_channel_types())
    power = [(evoked.data[kinds == kind] ** 2).mean(axis=0) for kind in np.unique(kinds)]
    return int(sum(course / max(course.max(), np.finfo(float).tiny) for course in power).argmax())
