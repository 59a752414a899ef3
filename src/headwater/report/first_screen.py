"""The first screen: the status, and short answers to the five questions a clinician asks."""

from __future__ import annotations

from headwater.localization import Localization
from headwater.localization.peak_regions import LEVEL
from headwater.localization.stability import RIGHT_MM
from headwater.localization.trust import Status
from headwater.page.document import Card
from headwater.page.document import Status as StatusLine
from headwater.report import regions, words
from headwater.report.interactive.estimates import TOTAL_WITHIN, ShownEstimate
from headwater.report.scene import FRAME_LABELS

NOTHING = "No place is given"


def status_line(localization: Localization) -> StatusLine:
    """Say how far the result can be trusted, and why."""
    trust = localization.trust
    return StatusLine(
        Status.DOUBTFUL.name if trust is None else trust.verdict.status.name,
        words.status(localization),
        words.status_meaning(localization),
        [_capital(one) for one in (() if trust is None else trust.verdict.reasons)],
    )


def cards(localization: Localization, estimates: list[ShownEstimate]) -> list[Card]:
    """Answer where, when, how sure, how well it fits, and what was assumed."""
    return [
        _where(localization, estimates),
        _when(localization),
        _how_sure(localization),
        _how_well(localization),
        _assumed(localization),
    ]


def is_noise(localization: Localization) -> bool:
    """Whether no place is to be shown: there is no peak, or nothing stands out of the noise."""
    trust = localization.trust
    return not len(localization.peaks) or (trust is not None and trust.verdict.status is Status.NOTHING)


def _where(localization: Localization, estimates: list[ShownEstimate]) -> Card:
    if is_noise(localization):
        return Card("Where?", NOTHING, (words.found(localization),))
    trust = localization.trust
    first_is_eloreta = trust is not None and trust.eloreta_first
    row = (localization.eloreta if first_is_eloreta else localization.peaks).iloc[0]
    side = words.place("", row.x_mm)
    answer = regions.plain(row.region) if row.region else side
    at = f"{words.coordinates(row.x_mm, row.y_mm, row.z_mm)} ({FRAME_LABELS[row.frame]})"
    if first_is_eloreta:
        return Card("Where?", _capital(answer), (at, *_instead(localization)))
    return Card("Where?", _capital(answer), (at, *_strength(localization, estimates), *_further(localization)))


def _instead(localization: Localization) -> tuple[str, ...]:
    """Say why eLORETA's answer comes first, and where the solver's lies."""
    trust, title = localization.trust, localization.solver.title
    assert trust is not None  # noqa: S101
    assert trust.findings.fit is not None  # noqa: S101
    amplitude = localization.eloreta["amplitude"].iloc[0]
    return (
        f"eLORETA's peak, {amplitude:.3g} nAm at the strongest source. It comes first because it explains "
        f"{trust.findings.eloreta.goodness:.0%} of the data, {title} only {trust.findings.fit.peak:.0%}",
        f"The peak of {title} lies {trust.findings.eloreta.distance_mm:.0f} mm from it",
    )


def _strength(localization: Localization, estimates: list[ShownEstimate]) -> tuple[str, ...]:
    """Say how strong the strongest peak is: at one point, and all around it."""
    own = estimates[0]
    first = localization.peaks.iloc[0]
    if own.total is None:
        return (f"{own.title}: {first.amplitude:.3g} ({'no unit' if own.unit == 'F' else own.unit})",)
    return (
        f"{first.amplitude:.3g} {own.unit} at the strongest source; {own.total[0]:.3g} nAm in total within "
        f"{1e2 * TOTAL_WITHIN:.0f} cm",
    )


def _further(localization: Localization) -> tuple[str, ...]:
    others = len(localization.peaks) - 1
    if not others:
        return ("No second peak of comparable strength",)
    second = localization.peaks.iloc[1]
    place = regions.plain(second.region) if second.region else words.place("", second.x_mm)
    share = second.amplitude / localization.peaks.iloc[0].amplitude
    return (f"{others} more {'peak' if others == 1 else 'peaks'}; the next: {place}, {share:.0%} as strong",)


def _when(localization: Localization) -> Card:
    first_ms, last_ms = 1e3 * localization.evoked.times[[0, -1]]
    window = f"Searched from {round(first_ms)} to {round(last_ms)} ms"
    made = words.made(localization)
    if is_noise(localization):
        return Card("When?", "No time is given", (window, made))
    at = 1e3 * float(localization.peaks["time_s"].iloc[0])
    return Card(
        "When?", f"{at:.0f} ms after time zero" if at >= 0 else f"{-at:.0f} ms before time zero", (window, made)
    )


def _how_sure(localization: Localization) -> Card:
    trust = localization.trust
    if trust is None or is_noise(localization):
        why = (words.status_meaning(localization),) if trust is None else trust.verdict.reasons
        return Card("How sure?", "Not judged" if trust is None else NOTHING, tuple(_capital(one) for one in why))
    findings, verdict = trust.findings, trust.verdict
    sure = localization.uncertainty
    others = (
        f"Other methods at this time: eLORETA {findings.eloreta.distance_mm:.0f} mm away, a single dipole "
        f"{findings.dipole.distance_mm:.0f} mm"
    )
    right = (
        f"In simulations with findings like these, {verdict.probability:.0%} of the peaks lay within "
        f"{RIGHT_MM:.0f} mm of a source"
    )
    if sure is None:
        return Card(
            "How sure?", f"Within {RIGHT_MM:.0f} mm with {verdict.probability:.0%} probability", (right, others)
        )
    radius = f"within {sure.peaks[0].radius_mm:.0f} mm, with {LEVEL:.0%} probability"
    return Card("How sure?", _capital(radius), (right, others))


def _how_well(localization: Localization) -> Card:
    trust = localization.trust
    if trust is None:
        return Card("How well does it fit?", "Not judged", ())
    findings = trust.findings
    said = words.fit(localization)
    fit = findings.fit or findings.eloreta.fit
    answer = "not known" if fit is None else f"{fit.peak:.0%} of the data explained"
    if trust.eloreta_first:
        answer += f", {findings.eloreta.goodness:.0%} by eLORETA"
    if is_noise(localization):
        return Card("How well does it fit?", "There is nothing to explain", ())
    dipole = f"A single dipole explains {findings.dipole.goodness:.0%}"
    return Card("How well does it fit?", _capital(answer), (said, dipole))


def _assumed(localization: Localization) -> Card:
    head, said = localization.head, localization.assumptions
    if head is None:
        answer = "the given forward solution"
    else:
        answer = "a template head, not this person's" if head.reference == "template" else f"the head {head.name}"
    kinds = ("Baseline", "Noise covariance", "Bad channels")
    details = tuple(f"{kind}: {_short(said[kind])}" for kind in kinds if said.get(kind))
    learned = (f"{localization.solver.title}: a network that learned from simulations",) * localization.solver.learned
    return Card("What was assumed?", _capital(answer), (*learned, *details))


def _short(text: str, most: int = 70) -> str:
    return text if len(text) <= most else text[: text.rfind(" ", 0, most)] + " …"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
