"""What a verdict on an answer rests on: fits, opinions of other solvers, and all findings together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.localization.trust_signal import Evidence

# Scales of `Findings.clear`: distances, beyond which more is as bad, and what one dipole may leave unexplained.
APART_MM, MOVED_MM, MOST_MM, MOST_LEFT = 10.0, 20.0, 30.0, 0.3


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
    stable : float
        Share of responses like this one, with new noise, whose peak stays within 15 mm.
    one_dipole_near : float
        Probability that the source lies within 15 mm of the peak, if there is only one.
    steady_mm : float
        Median distance from the peak to where eLORETA is strongest within 20 ms around it.
    one_dipole_left : float
        Share of the power above the noise that the best dipole does not explain.
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
    stable: float
    one_dipole_near: float
    steady_mm: float
    one_dipole_left: float
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

    @property
    def clear(self) -> float:
        """How clearly a single place stands out, from 0 to 1: the product of what each finding says of it.

        One method or one finding against the peak is enough to make it small.
        """
        farthest_mm = max(self.eloreta.distance_mm, self.dipole.distance_mm)
        alone = max(0.0, 1 - self.one_dipole_left / MOST_LEFT)
        agreed = np.exp(-min(farthest_mm, MOST_MM) / APART_MM - min(self.steady_mm, MOST_MM) / MOVED_MM)
        return float(self.stable * self.one_dipole_near * alone * agreed)
