"""Analytic time courses: constant, transient, oscillation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from headwater._utils.errors import InputError
from headwater.simulation.distributions import Constant, Distribution, Uniform, check_distribution
from headwater.simulation.temporal.base import TimeCourse


@dataclass(frozen=True)
class Static(TimeCourse):
    """Constant over time, for patterns of a single time point."""

    def draw(self, centers: torch.Tensor, n_times: int, sfreq: float, generator: torch.Generator) -> torch.Tensor:  # noqa: ARG002
        """Return ones."""
        return torch.ones((*centers.shape, n_times), device=centers.device)


@dataclass(frozen=True)
class Transient(TimeCourse):
    """An evoked-like deflection, ``exp(-(t - t0)^2 / 2 w^2) cos(2 pi f (t - t0) + phi)``.

    Parameters
    ----------
    latency_s : Distribution
        ``t0``, from the first sample.
    width_s : Distribution
        ``w``, standard deviation of the envelope.
    freq_hz : Distribution
        0: a single bell-shaped deflection.
    phase_rad : Distribution
    """

    latency_s: Distribution = Uniform(0.05, 0.15)
    width_s: Distribution = Uniform(0.01, 0.03)
    freq_hz: Distribution = Uniform(4.0, 12.0)
    phase_rad: Distribution = Constant(0.0)

    def __post_init__(self) -> None:
        check_distribution(self, "latency_s")
        check_distribution(self, "width_s", above=0.0)
        check_distribution(self, "freq_hz", at_least=0.0)
        check_distribution(self, "phase_rad")

    def draw(self, centers: torch.Tensor, n_times: int, sfreq: float, generator: torch.Generator) -> torch.Tensor:
        """Evaluate the formula."""
        shape = (*centers.shape, 1)
        latency, width, freq, phase = (
            one.draw(shape, generator) for one in (self.latency_s, self.width_s, self.freq_hz, self.phase_rad)
        )
        since = torch.arange(n_times, device=centers.device) / sfreq - latency
        return torch.exp(-0.5 * (since / width) ** 2) * torch.cos(2 * torch.pi * freq * since + phase)


@dataclass(frozen=True)
class Oscillation(TimeCourse):
    """A sine of unit variance, ``sqrt(2) sin(2 pi f t + phi)``.

    Parameters
    ----------
    freq_hz : Distribution
    phase_rad : Distribution
    """

    freq_hz: Distribution = Uniform(8.0, 12.0)
    phase_rad: Distribution = Uniform(0.0, 2 * np.pi)

    def __post_init__(self) -> None:
        check_distribution(self, "freq_hz", above=0.0)
        check_distribution(self, "phase_rad")

    def draw(self, centers: torch.Tensor, n_times: int, sfreq: float, generator: torch.Generator) -> torch.Tensor:
        """Evaluate the formula."""
        if self.freq_hz.high >= sfreq / 2:
            raise InputError(
                f"Oscillation.freq_hz reaches {self.freq_hz.high:g} Hz, but a sampling rate of {sfreq:g} Hz "
                "resolves only frequencies below half of it."
            )
        shape = (*centers.shape, 1)
        freq, phase = self.freq_hz.draw(shape, generator), self.phase_rad.draw(shape, generator)
        times = torch.arange(n_times, device=centers.device) / sfreq
        return 2**0.5 * torch.sin(2 * torch.pi * freq * times + phase)
