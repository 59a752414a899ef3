"""Whether an answer can be trusted: how well it fits, who else says so, and what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from headwater.localization.findings import Findings
from headwater.localization.stability import RIGHT_MM
from headwater.localization.trust_probability import calibration
from headwater.localization.trust_signal import LEVEL


class Status(StrEnum):
    """One word on an answer."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    NOTHING = "nothing stands out of the noise"


@dataclass(frozen=True)
class Limits:
    """Where doubt begins; chosen on simulated recordings (docs/trust.md).

    Attributes
    ----------
    probability : float
        Least probability that the peak is right.
    distance_mm : float
        Largest disagreement between solvers.
    moved_mm : float
        Largest value of the finding of this name.
    unexplained : float
        Largest share of the power above the noise that the better of solver and eLORETA leaves unexplained.
    shortfall : float
        Goodness of fit by which an estimate may be worse than eLORETA's; of any amplitude, or as it is where its peak
        lies elsewhere.
    """

    probability: float = 0.92
    distance_mm: float = 15.0
    moved_mm: float = 15.0
    unexplained: float = 0.5
    shortfall: float = 0.2


LIMITS = Limits()


@dataclass(frozen=True)
class Verdict:
    """The status of an answer, and why.

    Attributes
    ----------
    status : Status
    reasons : tuple of str
        What speaks against the answer, in plain words; empty for a good one.
    probability : float
        That the peak lies within 15 mm of a source, in simulated recordings with such findings.
    """

    status: Status
    reasons: tuple[str, ...]
    probability: float

    @property
    def sentence(self) -> str:
        """Status and reasons in one line."""
        return f"{self.status.value.capitalize()}: {'; '.join(self.reasons)}." if self.reasons else "Good."


@dataclass(frozen=True, eq=False)
class Trust:
    """Verdict on a localisation and everything it rests on."""

    verdict: Verdict
    findings: Findings

    @property
    def eloreta_first(self) -> bool:
        """Whether the solver explains the data so much worse than eLORETA that eLORETA's answer comes first."""
        return falls_short(self.findings, LIMITS)

    def as_dict(self) -> dict[str, object]:
        """Numbers and words for `headwater.json`."""
        findings = self.findings
        fit = findings.fit or findings.eloreta.fit
        assert fit is not None  # noqa: S101
        return {
            "status": self.verdict.status.value,
            "reasons": list(self.verdict.reasons),
            "p_value": findings.evidence.p_value,
            "test": findings.evidence.test,
            "level": LEVEL,
            "snr_db": round(findings.snr_db, 2),
            "goodness_of_fit": {
                "peak": round(fit.peak, 4),
                "window": round(fit.window, 4),
                "times_s": [round(float(time), 6) for time in fit.times],
                "per_time_point": [round(float(one), 4) for one in fit.goodness],
            },
            "eloreta": {
                "distance_mm": round(findings.eloreta.distance_mm, 1),
                "goodness_of_fit": round(findings.eloreta.goodness, 4),
            },
            "one_dipole": {
                "distance_mm": round(findings.dipole.distance_mm, 1),
                "goodness_of_fit": round(findings.dipole.goodness, 4),
            },
            "probability_within_15_mm": round(self.verdict.probability, 3),
            "stable": round(findings.stable, 3),
            "one_dipole_near": round(findings.one_dipole_near, 3),
            "one_dipole_left": round(findings.one_dipole_left, 3),
            "steady_mm": round(findings.steady_mm, 1),
            "uncertainty_mm": round(findings.uncertainty_mm, 1),
        }


def judge(findings: Findings, limits: Limits = LIMITS) -> Verdict:
    """Turn findings into a status with reasons."""
    probability = calibration().probability(findings)
    if not findings.evidence.found:
        p_value = findings.evidence.p_value
        reason = f"the test {findings.evidence.test} gives p = {p_value:.2g}, and {LEVEL:g} is required"
        return Verdict(Status.NOTHING, (reason,), probability)
    reasons = (
        *_about_place(findings, probability, limits),
        *_about_fit(findings, limits),
        *_about_noise(findings),
    )
    return Verdict(Status.DOUBTFUL if reasons else Status.GOOD, reasons, probability)


def falls_short(findings: Findings, limits: Limits = LIMITS) -> bool:
    """Whether the estimate explains the data much worse than eLORETA's, which may be for its small amplitude alone."""
    if findings.fit is None:
        return False
    elsewhere = findings.eloreta.distance_mm > limits.distance_mm
    own = findings.fit.peak if elsewhere else findings.fit.shape
    return findings.eloreta.goodness - own > limits.shortfall


def _about_noise(findings: Findings) -> list[str]:
    reasons = []
    if not findings.noise_measured:
        reasons.append("the noise was assumed, not measured, for want of a baseline")
    if findings.n_noise is not None and findings.n_noise < findings.rank:
        reasons.append(
            f"the noise is known from about {findings.n_noise:.0f} independent samples, fewer than the "
            f"{findings.rank} independent channels"
        )
    return reasons


def _about_fit(findings: Findings, limits: Limits) -> list[str]:
    reasons = []
    if falls_short(findings, limits):
        assert findings.fit is not None  # noqa: S101
        reasons.append(
            f"the estimate explains {findings.fit.peak:.0%} of the data at the peak, eLORETA's "
            f"{findings.eloreta.goodness:.0%}"
        )
    fit = findings.fit or findings.eloreta.fit
    if fit is not None and fit.unexplained > limits.unexplained:
        reasons.append(
            f"{fit.unexplained:.0%} of the signal at the peak is not explained, although it exceeds the noise"
        )
    if findings.moved_mm > limits.moved_mm:
        reasons.append(
            f"channel {findings.channel} carries the result: without its value the peak moves by "
            f"{findings.moved_mm:.0f} mm"
        )
    return reasons


def _about_place(findings: Findings, probability: float, limits: Limits) -> list[str]:
    reasons = []
    if probability < limits.probability:
        reasons.append(
            f"in simulations with findings like these, the peak lay within {RIGHT_MM:.0f} mm of a source in "
            f"{probability:.0%} of the recordings, and {limits.probability:.0%} is required ({_what_moves(findings)})"
        )
    allowed = max(limits.distance_mm, findings.uncertainty_mm)
    others = [("eLORETA", findings.eloreta), ("a single dipole", findings.dipole)]
    apart = [f"{name} by {one.distance_mm:.0f} mm" for name, one in others if one.distance_mm > allowed]
    if apart:
        reasons.append(f"other solvers place the peak elsewhere ({', '.join(apart)})")
    if findings.at_window_edge:
        reasons.append("the estimate is strongest at the edge of the time window")
    if findings.at_brain_edge:
        reasons.append("the peak lies at the edge of the brain, far from the sensors")
    return reasons


def _what_moves(findings: Findings) -> str:
    """Say what the probability rests on, in plain words."""
    return (
        f"signal-to-noise ratio {findings.snr_db:.0f} dB; the peak stays there in {findings.stable:.0%} of draws with "
        f"new noise, and moves by {findings.steady_mm:.0f} mm within 20 ms; one dipole leaves "
        f"{findings.one_dipole_left:.0%} of the signal unexplained"
    )
