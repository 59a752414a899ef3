"""Time courses of source patches.

A time course is a frozen dataclass with one method, ``draw(centers, n_times, sfreq, generator)``, which returns a
course for every component of a batch. Random processes have unit variance, transients and clips a peak of one; a static
course is one. The amplitude of the pattern multiplies it.
"""

from headwater.simulation.temporal.base import TimeCourse
from headwater.simulation.temporal.clips import Clips
from headwater.simulation.temporal.combined import Correlated, TakingTurns
from headwater.simulation.temporal.processes import Autoregressive, PowerLaw
from headwater.simulation.temporal.waveforms import Oscillation, Static, Transient

__all__ = [
    "Autoregressive",
    "Clips",
    "Correlated",
    "Oscillation",
    "PowerLaw",
    "Static",
    "TakingTurns",
    "TimeCourse",
    "Transient",
]
