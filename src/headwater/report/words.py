"""What the figures show, in plain sentences. Nothing here is HTML: whoever shows it escapes it."""

from __future__ import annotations

import mne

from headwater.localization import Localization
from headwater.report.figures import SENSORS, sensor_types
from headwater.report.resolution import RADIUS, Resolution
from headwater.report.scene import FRAME_LABELS

MIDLINE_MM = 8.0
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
MEG_BLIND = "MEG hardly sees sources that point towards the skull, nor deep ones."
CORTEX_ONLY = "Only the cortex was searched: activity below it appears on the cortex that fits it best."
LEARNED = (
    "The estimate is that of a network, which has learnt from simulated activity what sources look like; activity of "
    "another kind can mislead it. Compare with a classical solver (for instance eLORETA) before relying on it."
)
MORPHED = (
    "The network was made for another head or other sensors: the data were carried there by way of a minimum-norm "
    "estimate, and its currents back to the nearest sources, which blurs both."
)
RESEARCH = "This is research software, not a medical device: do not base a treatment on it alone."


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


def summary(localization: Localization) -> str:
    """Say where, when and how strong the activity is, in one paragraph."""
    made = _made(localization)
    if not len(localization.peaks):
        first_ms, last_ms = 1e3 * localization.evoked.times[[0, -1]]
        return f"No source activity was found between {first_ms:.0f} and {last_ms:.0f} ms. {made}"
    first, *others = localization.peaks.itertuples()
    found = (
        f"The strongest activity, {1e3 * first.time_s:.0f} ms after time zero, lies {place(first.region, first.x_mm)}, "
        f"at {coordinates(first.x_mm, first.y_mm, first.z_mm)} ({FRAME_LABELS[first.frame]}); "
        f"{_strength(localization, first.amplitude)}. {made}"
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


def _made(localization: Localization) -> str:
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
        f"is at its peak, were localised in the same way: {_errors(resolution)}. Without noise, one point of activity "
        f"shows as a blob with a radius of about {resolution.spread_mm:.0f} mm: the extent of the coloured area is not "
        "that of the activity. This test takes the head model to be exact: expect larger errors in a real head."
    )


def _errors(resolution: Resolution) -> str:
    if resolution.worst_mm < 0.5:
        return "nine in ten of them ended exactly at their true place"
    median, worst = _within(resolution.median_mm), _within(resolution.worst_mm)
    return f"half of them ended {median} their true place, nine in ten {worst} it"


def _within(error_mm: float) -> str:
    return f"within {error_mm:.0f} mm of" if error_mm >= 0.5 else "exactly at"
