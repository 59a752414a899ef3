"""Whether an answer can be trusted: how well it fits, who else says so, and what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from headwater.localization.trust_signal import LEVEL, Evidence


class Status(StrEnum):
    """One word on an answer."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    NOTHING = "nothing stands out of the noise"


@dataclass(frozen=True, eq=False)
class Fit:
    """How well an estimate explains the whitened data.

    Attributes
    ----------
    times : array of shape (n_times,)
        In s.
    goodness : array of shape (n_times,)
        Share of the whitened power that is explained at these times.
    window : float
        The same over all of them.
    peak : float
        The same at the time of the peak.
    shape : float
        The same if the estimate were scaled to the data, whatever its amplitude.
    unexplained : float
        Share of the power above the noise, at the time of the peak, that is not explained whatever the amplitude of
        the estimate, which weak data rightly make small.
    residual : array of shape (n_channels,)
        Data minus what the estimate predicts, at the time of the peak, in V, T and T/m.
    """

    times: np.ndarray
    goodness: np.ndarray
    window: float
    peak: float
    shape: float
    unexplained: float
    residual: np.ndarray


@dataclass(frozen=True, eq=False)
class Opinion:
    """What another solver says at the time of the peak.

    Attributes
    ----------
    solver : str
    source : int
        Its strongest source.
    amplitude : float
        Strength there, in A m.
    distance_mm : float
        From the peak to it.
    fit : Fit | None
        None for a dipole scan, whose goodness of fit is `goodness`.
    goodness : float
    """

    solver: str
    source: int
    amplitude: float
    distance_mm: float
    fit: Fit | None
    goodness: float


@dataclass(frozen=True, eq=False)
class Findings:
    """What the verdict rests on.

    Attributes
    ----------
    evidence : Evidence
    snr_db : float
        Power of the whitened data above the noise, relative to the noise, at the time of the peak; per independent
        channel, after averaging.
    fit : Fit | None
        Of the solver; None for maps without unit, which predict no data.
    eloreta, dipole : Opinion
        Of two other methods with little in common: many weak sources, and one source.
    uncertainty_mm : float
        Nine in ten test sources near the peak, with this noise and error of the lead field, are found this near.
    moved_mm : float
        How far the peak moves when the most deviant channel is replaced by what the others say of it.
    channel : str
        That channel.
    at_window_edge, at_brain_edge : bool
    n_noise : float | None
        Effective number of noise samples; None where the noise is assumed or exactly known.
    rank : int
        Number of independent channels.
    noise_measured : bool
    """

    evidence: Evidence
    snr_db: float
    fit: Fit | None
    eloreta: Opinion
    dipole: Opinion
    uncertainty_mm: float
    moved_mm: float
    channel: str
    at_window_edge: bool
    at_brain_edge: bool
    n_noise: float | None
    rank: int
    noise_measured: bool

    @property
    def leadfield_error(self) -> float:
        """Share of the signal that no solver explains although it exceeds the noise."""
        return min(one.unexplained for one in (self.fit, self.eloreta.fit) if one is not None)


@dataclass(frozen=True)
class Limits:
    """Where doubt begins; chosen on simulated recordings (docs/trust.md).

    Attributes
    ----------
    distance_mm : float
        Largest disagreement between solvers.
    uncertainty_mm, moved_mm : float
        Largest values of the findings of these names.
    unexplained : float
        Largest share of the power above the noise that the better of solver and eLORETA leaves unexplained.
    snr_db : float
        Least signal-to-noise ratio.
    shortfall : float
        Goodness of fit by which an estimate of any amplitude may be worse than eLORETA.
    """

    distance_mm: float = 15.0
    uncertainty_mm: float = 12.0
    moved_mm: float = 15.0
    unexplained: float = 0.5
    snr_db: float = 0.0
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
    """

    status: Status
    reasons: tuple[str, ...]

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
            "uncertainty_mm": round(findings.uncertainty_mm, 1),
        }


def judge(findings: Findings, limits: Limits = LIMITS) -> Verdict:
    """Turn findings into a status with reasons."""
    if not findings.evidence.found:
        p_value = findings.evidence.p_value
        reason = f"the test {findings.evidence.test} gives p = {p_value:.2g}, and {LEVEL:g} is required"
        return Verdict(Status.NOTHING, (reason,))
    reasons = (*_about_noise(findings, limits), *_about_fit(findings, limits), *_about_place(findings, limits))
    return Verdict(Status.DOUBTFUL if reasons else Status.GOOD, reasons)


def falls_short(findings: Findings, limits: Limits = LIMITS) -> bool:
    """Whether the estimate explains the data much worse than eLORETA's."""
    return findings.fit is not None and findings.eloreta.goodness - findings.fit.shape > limits.shortfall


def _about_noise(findings: Findings, limits: Limits) -> list[str]:
    reasons = []
    if not findings.noise_measured:
        reasons.append("the noise was assumed, not measured, for want of a baseline")
    if findings.n_noise is not None and findings.n_noise < findings.rank:
        reasons.append(
            f"the noise is known from about {findings.n_noise:.0f} independent samples, fewer than the "
            f"{findings.rank} independent channels"
        )
    if findings.snr_db < limits.snr_db:
        reasons.append(f"the signal is weak ({findings.snr_db:.0f} dB relative to the noise)")
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


def _about_place(findings: Findings, limits: Limits) -> list[str]:
    reasons = []
    allowed = max(limits.distance_mm, findings.uncertainty_mm)
    others = [("eLORETA", findings.eloreta), ("a single dipole", findings.dipole)]
    apart = [f"{name} by {one.distance_mm:.0f} mm" for name, one in others if one.distance_mm > allowed]
    if apart:
        reasons.append(f"other solvers place the peak elsewhere ({', '.join(apart)})")
    if findings.uncertainty_mm > limits.uncertainty_mm:
        reasons.append(
            f"one in ten test sources near the peak is misplaced by more than {findings.uncertainty_mm:.0f} mm"
        )
    if findings.at_window_edge:
        reasons.append("the estimate is strongest at the edge of the time window")
    if findings.at_brain_edge:
        reasons.append("the peak lies at the edge of the brain, far from the sensors")
    return reasons
