"""What the figures show, in plain sentences. Nothing here is HTML: whoever shows it escapes it."""

from __future__ import annotations

import mne

from headwater.localization import Localization
from headwater.localization.peak_regions import LEVEL, SHARE
from headwater.localization.resolution import RADIUS, Resolution
from headwater.localization.stability import RIGHT_MM
from headwater.localization.trust import Status
from headwater.page.document import RESEARCH
from headwater.report.figures import SENSORS, sensor_types
from headwater.report.scene import FRAME_LABELS

MIDLINE_MM = 8.0
MOST_REGIONS, LEAST_PROBABILITY = 8, 0.05  # shown
NO_BREAK = "\N{NO-BREAK SPACE}"

TEMPLATE = (
    "The head is a template, not this person's. With template heads, simulations without noise found median errors of "
    "4 to 6 mm at best, about 20 mm at the base of the brain, and 12 mm where the assumed skull conductivity was wrong "
    "(Akalin Acar & Makeig 2013, doi 10.1007/s10548-012-0274-6). Region names are those of the template."
)
CONDUCTIVITIES = "Tissue conductivities are assumed, not measured; that of the skull matters most for EEG."
MERGING = (
    "Several sources that are active together can merge into one peak between them, and weak or deep sources can hide "
    "behind strong or superficial ones; a second peak may be a side lobe of the first."
)
ACTIVE = (
    "Probability that a region is active at the time of the strongest peak: that the net current within 1 cm of one of "
    f"its sources is at least {SHARE:.0%} of the strongest in the brain. Strength: its strongest net current relative "
    "to that, on average. Errors of the head model are not part of these probabilities."
)
MEG_BLIND = "MEG is hardly sensitive to radial and to deep sources."
CORTEX_ONLY = (
    "Sources were sought on the cortex only; deeper activity appears at the cortical position that fits it best."
)
LEARNED = (
    "The estimate is that of a network that learned from simulated activity; activity of another kind can mislead it. "
    "Compare it with that of a classical solver, for example eLORETA, before relying on it."
)
MORPHED = (
    "The network was trained for another head or other sensors. A minimum-norm estimate carries the data there, and "
    "its currents are carried back to the nearest sources; both steps blur the estimate."
)


def method_name(localization: Localization) -> str:
    """Name of the solver as papers write it."""
    return localization.solver.title


def unit_label(localization: Localization) -> str:
    """Name of the plotted quantity and its unit, for axes."""
    return f"{method_name(localization)} ({'no unit' if localization.unit == 'F' else localization.unit})"


def place(region: str, x_mm: float) -> str:
    """Side of the brain, and the region where it is known."""
    if abs(x_mm) <= MIDLINE_MM:
        side = "near the midline"
    else:
        side = f"in the {'left' if x_mm < 0 else 'right'} half of the brain"
    return f"{side}, in the region {region}" if region else side


def coordinates(x_mm: float, y_mm: float, z_mm: float) -> str:
    """Name a position in whole millimetres, in one piece that is not broken over lines."""
    return f"x = {x_mm:.0f}, y = {y_mm:.0f}, z = {z_mm:.0f} mm".replace(" ", NO_BREAK)


STATUS_MEANS = {
    Status.GOOD: "Nothing speaks against this result.",
    Status.DOUBTFUL: "The place below may be wrong. Why:",
    Status.NOTHING: "The recording cannot be told from noise, so no place is given. Why:",
}


def status(localization: Localization) -> str:
    """Name the status in one word or phrase."""
    if localization.trust is None:
        return "Not judged" if localization.not_judged else "Doubtful"
    return localization.trust.verdict.status.value.capitalize()


def status_meaning(localization: Localization) -> str:
    """Say what the status means."""
    if localization.trust is None:
        return localization.not_judged or "The estimate is zero everywhere."
    verdict = localization.trust.verdict
    meaning = STATUS_MEANS[verdict.status]
    if verdict.status is not Status.GOOD:
        return meaning
    return (
        f"{meaning} In simulations with findings like these, the peak lay within {RIGHT_MM:.0f} mm of a source in "
        f"{verdict.probability:.0%} of the recordings."
    )


def bad_channels(localization: Localization) -> str:
    """Name the channels that were left out, and why; empty where none was."""
    said = localization.assumptions.get("Bad channels", "")
    return said if "left out as bad" in said else ""


def fit(localization: Localization) -> str:
    """Say how much of the data is explained, and how far the signal exceeds the noise."""
    if localization.trust is None:
        return ""
    findings = localization.trust.findings
    own = findings.fit
    who = method_name(localization)
    if own is None:
        said = (
            f"{who} gives a statistic, which predicts no data; eLORETA's currents explain "
            f"{findings.eloreta.goodness:.0%} of the data at the peak"
        )
    else:
        said = (
            f"{who} explains {own.peak:.0%} of the whitened data at the peak and {own.window:.0%} of the whole window"
        )
    return f"{said}. The signal at the peak is {snr(findings.snr_db)} the noise."


def snr(snr_db: float) -> str:
    """Say the ratio of signal to noise as a factor and in dB; a ratio of powers, per independent channel."""
    if snr_db < 0:
        return f"weaker than ({snr_db:.0f} dB)"
    return f"{10 ** (snr_db / 20):.1f} times as strong ({snr_db:.0f} dB) as"


def other_solver(localization: Localization) -> str:
    """Say where eLORETA and a single dipole place the peak."""
    trust = localization.trust
    if trust is None or not len(localization.eloreta):
        return ""
    (row,) = localization.eloreta.itertuples()
    eloreta, dipole = trust.findings.eloreta, trust.findings.dipole
    where = f"{place(row.region, row.x_mm)}, at {coordinates(row.x_mm, row.y_mm, row.z_mm)}"
    scan = f"a single dipole explains {dipole.goodness:.0%} and fits best {dipole.distance_mm:.0f} mm from the peak."
    if method_name(localization) == "eLORETA":
        return f"At the same time {scan}"
    return (
        f"At the same time eLORETA is strongest {where}, {eloreta.distance_mm:.0f} mm from the peak, and explains "
        f"{eloreta.goodness:.0%} of the data; {scan}"
    )


def found(localization: Localization) -> str:
    """Say in one sentence what comes first on every screen: the place, or that there is none."""
    trust = localization.trust
    if trust is None and localization.not_judged:
        return summary(localization).split(" Estimated with ")[0]
    if trust is None or trust.verdict.status is Status.NOTHING:
        first_ms, last_ms = 1e3 * localization.evoked.times[[0, -1]]
        return f"No activity stands out of the noise between {first_ms:.0f} and {last_ms:.0f} ms."
    if not trust.eloreta_first:
        return summary(localization).split(" Estimated with ")[0]
    (row,) = localization.eloreta.itertuples()
    own = trust.findings.fit
    assert own is not None  # noqa: S101
    mine = localization.peaks.iloc[0]
    return (
        f"eLORETA's strongest activity, {1e3 * row.time_s:.0f} ms after time zero, lies {place(row.region, row.x_mm)}, "
        f"at {coordinates(row.x_mm, row.y_mm, row.z_mm)} ({FRAME_LABELS[row.frame]}). It comes first because it "
        f"explains {trust.findings.eloreta.goodness:.0%} of the data, {method_name(localization)} only {own.peak:.0%}; "
        f"{method_name(localization)} is strongest {place(mine.region, mine.x_mm)}, at "
        f"{coordinates(mine.x_mm, mine.y_mm, mine.z_mm)}."
    )


def summary(localization: Localization) -> str:
    """Say where, when and how strong the activity is, in one paragraph."""
    how = made(localization)
    if not len(localization.peaks):
        first_ms, last_ms = 1e3 * localization.evoked.times[[0, -1]]
        return f"No source activity was found between {first_ms:.0f} and {last_ms:.0f} ms. {how}"
    first, *others = localization.peaks.itertuples()
    found = (
        f"The strongest activity, {1e3 * first.time_s:.0f} ms after time zero, lies {place(first.region, first.x_mm)}, "
        f"at {coordinates(first.x_mm, first.y_mm, first.z_mm)} ({FRAME_LABELS[first.frame]}); "
        f"{_strength(localization, first.amplitude)}. {how}"
    )
    if not others:
        return f"{found} There is no second peak of comparable strength."
    second = others[0]
    count = (
        "One further peak was found: it" if len(others) == 1 else f"{len(others)} further peaks were found: the next"
    )
    return (
        f"{found} {count} lies {place(second.region, second.x_mm)}, at {1e3 * second.time_s:.0f} ms, and reaches "
        f"{second.amplitude / first.amplitude:.0%} of this strength."
    )


def _strength(localization: Localization, value: float) -> str:
    """Strength with its unit; ``"F"`` is a ratio and has none."""
    if localization.unit == "F":
        return f"its {method_name(localization)} value is {value:.3g}"
    return f"its strength is {value:.3g} {localization.unit}"


def made(localization: Localization) -> str:
    """Say what the estimate was made with and from."""
    evoked, head = localization.evoked, localization.head
    kinds = evoked.get_channel_types()
    sensors = _enumerate([f"{kinds.count(kind)} {SENSORS[kind].plural}" for kind in sensor_types(evoked)])
    model = "the given forward solution" if head is None else f"the head model “{head.name}”"
    return f"Estimated with {method_name(localization)} from {sensors} and {model}; the data are {_data(evoked)}."


def _enumerate(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]


def _data(evoked: mne.Evoked) -> str:
    condition = f" (“{evoked.comment}”)" if evoked.comment else ""
    return f"an average of {evoked.nave} trials{condition}" if evoked.nave > 1 else f"one segment{condition}"


def certainty(localization: Localization) -> str:
    """Say how near the strongest peak its source is; empty without a posterior, and where there is only noise."""
    sure, trust = localization.uncertainty, localization.trust
    if sure is None or trust is None or trust.verdict.status is Status.NOTHING:
        return ""
    first = sure.peaks[0]
    calibration = (
        f"The radius was calibrated on {sure.n_calibration} simulated recordings of other heads."
        if sure.n_calibration
        else "This follows from the model alone and was not tested on other heads."
    )
    volume = "" if first.volume_cm3 is None else f" (a volume of {first.volume_cm3:.0f} cm³)"
    return (
        f"According to the model of {method_name(localization)}, the source behind the strongest peak lies within "
        f"{first.radius_mm:.0f} mm of it{volume} with a probability of {LEVEL:.0%}. {calibration}"
    )


def likely_regions(localization: Localization) -> list[tuple[str, str, str]]:
    """Name the regions that are probably active, with probability and strength, the most active first."""
    sure = localization.uncertainty
    if sure is None:
        return []
    likely = [one for one in sure.regions.items() if one[1].probability >= LEAST_PROBABILITY]
    rows = [(name, f"{one.probability:.0%}", f"{one.strength:.0%}") for name, one in likely[:MOST_REGIONS]]
    rest = len(likely) - len(rows)
    return [*rows, (f"and {rest} others", "", "")] if rest else rows


def limits(localization: Localization, resolution: Resolution | None) -> list[str]:
    """Say what the pictures cannot show: the errors to expect and what the model leaves out."""
    head = localization.head
    measured = [] if resolution is None else [_measured(resolution)]
    model = [] if head is None else [TEMPLATE if head.name.startswith("template") else CONDUCTIVITIES]
    blind = [] if "eeg" in sensor_types(localization.evoked) else [MEG_BLIND]
    searched = [CORTEX_ONLY] if localization.leadfield.cortical.all() else []
    learned = [LEARNED] if localization.solver.learned else []
    morphed = [MORPHED] if localization.solver.morphed else []
    return [*measured, *model, MERGING, *blind, *searched, *learned, *morphed, RESEARCH]


def _measured(resolution: Resolution) -> str:
    return (
        f"Single test sources within {1e3 * RADIUS:.0f} mm of the peak, as strong against the noise as the recording "
        f"is at its peak, were localised in the same way: {_errors(resolution)}. The lead field was taken to be "
        f"wrong by {resolution.error:.0%} of the signal's power, which no solver here explains. Without noise, one "
        f"point of activity appears with a radius of about {resolution.spread_mm:.0f} mm: the extent of the coloured "
        "area is not that of the activity."
    )


def _errors(resolution: Resolution) -> str:
    if resolution.worst_mm < 0.5:
        return "nine in ten of them ended exactly at their true place"
    median, worst = _within(resolution.median_mm), _within(resolution.worst_mm)
    return f"half of them ended {median} their true place, nine in ten {worst} it"


def _within(error_mm: float) -> str:
    return f"within {error_mm:.0f} mm of" if error_mm >= 0.5 else "exactly at"
