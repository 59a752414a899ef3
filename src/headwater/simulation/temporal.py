"""Time courses of source patches.

A time course is a frozen dataclass with one method, ``draw(centers, n_times, sfreq, generator)``, which returns a
course for every component of a batch. Random processes have unit variance, transients and clips a peak of one; a static
course is one. The pattern's amplitude multiplies it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch

from headwater._utils.errors import InputError
from headwater.simulation import autoregressive
from headwater.simulation.distributions import (
    Constant,
    Distribution,
    Uniform,
    check_distribution,
    check_instance,
    check_number,
)


class TimeCourse(ABC):
    """How the time courses of one sample's components are drawn."""

    @abstractmethod
    def draw(self, centers: torch.Tensor, n_times: int, sfreq: float, generator: torch.Generator) -> torch.Tensor:
        """Draw a time course for each component.

        Parameters
        ----------
        centers : long tensor of shape (batch, n_components)
            Source at the centre of each component, -1 where absent.
        n_times : int
        sfreq : float
            Hz.
        generator : torch.Generator

        Returns
        -------
        courses : float tensor of shape (batch, n_components, n_times)
        """


@dataclass(frozen=True)
class Static(TimeCourse):
    """The same at all times: for patterns of a single instant."""

    def draw(self, centers: torch.Tensor, n_times: int, sfreq: float, generator: torch.Generator) -> torch.Tensor:
        """Return ones."""
        return torch.ones((*centers.shape, n_times), device=centers.device)


@dataclass(frozen=True)
class Autoregressive(TimeCourse):
    """A stationary autoregressive process of unit variance, ``p_t = sum_k a_k p_(t-k) + e_t``.

    Windows are drawn exactly, from their first value on, as the Cholesky factor of the process's autocovariance times
    white noise; so there is no run-in, and no loop over times.

    Parameters
    ----------
    coefficients : tuple of float | None
        ``a_1 ... a_p`` at the preset's sampling rate. None takes, at any sampling rate, the process whose
        autocovariance over 0.1 s, one cycle of alpha, is that of `autoregressive.resting_spectrum` (1/f and an alpha
        rhythm at 10 Hz). `fit` finds them from data.
    """

    coefficients: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.coefficients is None:
            return
        object.__setattr__(self, "coefficients", tuple(float(a) for a in self.coefficients))
        if not self.coefficients or not np.isfinite(self.coefficients).all():
            raise InputError("Autoregressive.coefficients must be one or more finite numbers, or None for the default.")
        if not autoregressive.is_stationary(np.array(self.coefficients)):
            raise InputError("Autoregressive.coefficients describe a process that grows without bound; fit them anew.")

    @classmethod
    def fit(cls, data: np.ndarray, *, order: int = 10) -> Autoregressive:
        """Fit one process to series of shape (n_series, n_times) at the preset's sampling rate, by Burg's method."""
        return cls(tuple(autoregressive.burg(data, order)))

    def at(self, sfreq: float) -> tuple[float, ...]:
        """Coefficients at a sampling rate."""
        return default_coefficients(sfreq) if self.coefficients is None else self.coefficients

    def factor(self, n_times: int, sfreq: float, device: torch.device) -> torch.Tensor:
        """Matrix (n_times, n_times) that turns white noise into a window of the process."""
        return torch.as_tensor(_factor(self.at(sfreq), n_times), device=device)

    def draw(self, centers: torch.Tensor, n_times: int, sfreq: float, generator: torch.Generator) -> torch.Tensor:
        """Colour white noise."""
        white = torch.randn((*centers.shape, n_times), generator=generator, device=generator.device)
        return white @ self.factor(n_times, sfreq, centers.device).T


@lru_cache(maxsize=64)
def default_coefficients(sfreq: float) -> tuple[float, ...]:
    """Coefficients of the process with a resting spectrum that remembers 0.1 s."""
    order = max(2, round(0.1 * sfreq))
    return tuple(autoregressive.from_spectrum(autoregressive.resting_spectrum, sfreq, order))


@lru_cache(maxsize=16)
def _factor(coefficients: tuple[float, ...], n_times: int) -> np.ndarray:
    return autoregressive.covariance_factor(np.array(coefficients), n_times).astype(np.float32)


@dataclass(frozen=True)
class PowerLaw(TimeCourse):
    """Noise of unit variance whose power falls as ``1 / f^exponent``: 0 white, 1 pink, 2 brown.

    Synthesised in the frequency domain on twice the window, of which the first half is kept, so that its end does not
    meet its beginning. The frequency 0 is left out.

    Parameters
    ----------
    exponent : Distribution
        One value per component.
    """

    exponent: Distribution = Constant(1.0)

    def __post_init__(self) -> None:
        check_distribution(self, "exponent", at_least=0.0)

    def draw(self, centers: torch.Tensor, n_times: int, sfreq: float, generator: torch.Generator) -> torch.Tensor:
        """Shape the spectrum of white noise."""
        exponent = self.exponent.draw(tuple(centers.shape), generator)
        white = torch.randn((*centers.shape, 2 * n_times), generator=generator, device=generator.device)
        index = torch.arange(n_times + 1, device=centers.device)
        gain = index.clamp(min=1) ** (-0.5 * exponent[..., None]) * (index > 0)
        # Every frequency but 0 and the highest stands for two of the 2 n_times terms of the variance.
        power = gain.square().sum(-1) * 2 - gain[..., -1].square()
        gain = gain * torch.sqrt(2 * n_times / power)[..., None]
        return torch.fft.irfft(torch.fft.rfft(white) * gain, n=2 * n_times)[..., :n_times]


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
        0 for a single bell.
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
                f"Oscillation.freq_hz reaches {self.freq_hz.high:g} Hz, but {sfreq:g} Hz sampling shows only "
                "frequencies below half of that."
            )
        shape = (*centers.shape, 1)
        freq, phase = self.freq_hz.draw(shape, generator), self.phase_rad.draw(shape, generator)
        times = torch.arange(n_times, device=centers.device) / sfreq
        return 2**0.5 * torch.sin(2 * torch.pi * freq * times + phase)


@dataclass(frozen=True)
class Correlated(TimeCourse):
    """Courses that share a part: ``c_k = sqrt(rho) s + sqrt(1 - rho) p_k``, with ``s`` and all ``p_k`` drawn alike.

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
        """Draw one component more than asked for and mix it into the others."""
        own = self.courses.draw(centers, n_times, sfreq, generator)
        shared = self.courses.draw(centers[:, :1], n_times, sfreq, generator)
        rho = self.correlation.draw((len(centers), 1, 1), generator)
        return rho.sqrt() * shared + (1 - rho).sqrt() * own


@dataclass(frozen=True)
class TakingTurns(TimeCourse):
    """Activity that switches from one component to the next: each has its own equal part of the segment.

    With centres placed `AlongPath`, the source travels; with any others it jumps. The first component's course is used
    throughout, so the waveform goes on while its place changes. Neighbouring parts fade linearly into each other over
    ``fade_s``, and the weights of all components sum to one at all times.

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
        """Weight the common course by whose turn it is."""
        course = self.courses.draw(centers[:, :1], n_times, sfreq, generator)
        count = (centers >= 0).sum(1)
        part = n_times / count  # samples
        fade = self.fade_s * sfreq
        if fade > n_times / centers.shape[1]:
            raise InputError(
                f"TakingTurns.fade_s is {self.fade_s:g} s, longer than a part of the segment "
                f"({n_times / sfreq / centers.shape[1]:g} s); shorten it."
            )
        middle = torch.arange(n_times, device=centers.device) + 0.5
        begin = torch.arange(centers.shape[1] + 1, device=centers.device) * part[:, None]
        # A ramp from 0 to 1 around each border; the first component has always begun, the last never ends.
        begun = ((middle - begin[..., None]) / max(fade, 1e-6) + 0.5).clamp(0.0, 1.0)
        begun[:, 0] = 1.0
        begun[torch.arange(centers.shape[1] + 1, device=centers.device) >= count[:, None]] = 0.0
        return course * (begun[:, :-1] - begun[:, 1:])
