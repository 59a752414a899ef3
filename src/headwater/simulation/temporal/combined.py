"""Time courses composed of others: correlated components, and components that take turns."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from headwater._utils.errors import InputError
from headwater.simulation.distributions import Distribution, Uniform, check_distribution, check_instance, check_number
from headwater.simulation.temporal.base import TimeCourse
from headwater.simulation.temporal.processes import Autoregressive


@dataclass(frozen=True)
class Correlated(TimeCourse):
    """Courses with a shared part: ``c_k = sqrt(rho) s + sqrt(1 - rho) p_k``, with ``s`` and all ``p_k`` drawn alike.

    For random processes of zero mean, ``rho`` is the expected correlation of any two components of a sample.

    Parameters
    ----------
    courses : TimeCourse
    correlation : Distribution
        In [0, 1]; one value per sample.
    """

    courses: TimeCourse = field(default_factory=Autoregressive)
    correlation: Distribution = Uniform(0.0, 1.0)

    def __post_init__(self) -> None:
        check_instance(self, "courses", TimeCourse, "Autoregressive()")
        check_distribution(self, "correlation", at_least=0.0, at_most=1.0)

    def draw(self, centers: torch.Tensor, n_times: int, sfreq: float, generator: torch.Generator) -> torch.Tensor:
        """Draw one additional component and mix it into the others."""
        own = self.courses.draw(centers, n_times, sfreq, generator)
        shared = self.courses.draw(centers[:, :1], n_times, sfreq, generator)
        rho = self.correlation.draw((len(centers), 1, 1), generator)
        return rho.sqrt() * shared + (1 - rho).sqrt() * own


@dataclass(frozen=True)
class TakingTurns(TimeCourse):
    """Activity that switches from one component to the next, each during an equal part of the time window.

    With centres placed `AlongPath`, the source travels; otherwise it jumps. The first component's course is used
    throughout, so the waveform continues while its position changes. Neighbouring parts fade linearly into each other
    over ``fade_s``, and the weights of all components sum to one at all times.

    Parameters
    ----------
    courses : TimeCourse
    fade_s : float
        At most as long as a part.
    """

    courses: TimeCourse = field(default_factory=Autoregressive)
    fade_s: float = 0.0

    def __post_init__(self) -> None:
        check_instance(self, "courses", TimeCourse, "Autoregressive()")
        check_number(self, "fade_s", at_least=0.0)

    def draw(self, centers: torch.Tensor, n_times: int, sfreq: float, generator: torch.Generator) -> torch.Tensor:
        """Weight the common course by the turn of each component."""
        course = self.courses.draw(centers[:, :1], n_times, sfreq, generator)
        count = (centers >= 0).sum(1)
        part = n_times / count  # samples
        fade = self.fade_s * sfreq
        if fade > n_times / centers.shape[1]:
            raise InputError(
                f"TakingTurns.fade_s is {self.fade_s:g} s, longer than a part of the window "
                f"({n_times / sfreq / centers.shape[1]:g} s); shorten it."
            )
        middle = torch.arange(n_times, device=centers.device) + 0.5
        begin = torch.arange(centers.shape[1] + 1, device=centers.device) * part[:, None]
        # A ramp from 0 to 1 around each border; the first component has always begun, the last never ends.
        begun = ((middle - begin[..., None]) / max(fade, 1e-6) + 0.5).clamp(0.0, 1.0)
        begun[:, 0] = 1.0
        begun[torch.arange(centers.shape[1] + 1, device=centers.device) >= count[:, None]] = 0.0
        return course * (begun[:, :-1] - begun[:, 1:])
