"""Noise for known sensors: a carrier of unit scale, drawn and then scaled to the signal-to-noise ratio."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch

from headwater._utils.errors import InputError
from headwater.simulation.distributions import Distribution
from headwater.simulation.noise.base import BoundNoise, DrawnNoise
from headwater.simulation.noise.sensors import SensorArray


class Carrier(ABC):
    """Noise of unit scale."""

    @abstractmethod
    def draw(self, n_samples: int, n_times: int, generator: torch.Generator) -> torch.Tensor:
        """Return noise of shape (n_samples, n_channels, n_times)."""


@dataclass(frozen=True, eq=False)
class Gaussian(Carrier):
    """``factor @ white``; a vector represents a diagonal matrix."""

    factor: torch.Tensor

    def draw(self, n_samples: int, n_times: int, generator: torch.Generator) -> torch.Tensor:
        """Colour white noise."""
        shape = (n_samples, self.factor.shape[-1], n_times)
        white = torch.randn(shape, generator=generator, device=generator.device)
        return white * self.factor[:, None] if self.factor.ndim == 1 else self.factor @ white


@dataclass(frozen=True, eq=False)
class Segments(Carrier):
    """Segments of a recording (n_channels, n_recorded)."""

    recording: torch.Tensor

    def draw(self, n_samples: int, n_times: int, generator: torch.Generator) -> torch.Tensor:
        """Draw segments that start at random times."""
        n_starts = self.recording.shape[1] - n_times + 1
        if n_starts < 1:
            raise InputError(
                f"Recorded.recording has {self.recording.shape[1]} time points, fewer than the {n_times} of a sample; "
                "give a longer recording."
            )
        starts = torch.randint(n_starts, (n_samples,), generator=generator, device=generator.device)
        times = starts[:, None] + torch.arange(n_times, device=starts.device)
        return self.recording[:, times].transpose(0, 1)


class ScaledNoise(BoundNoise):
    """A carrier scaled to a drawn SNR."""

    def __init__(self, sensors: SensorArray, snr_db: Distribution, carrier: Carrier, covariance: np.ndarray):
        self.sensors, self.snr_db, self.carrier = sensors, snr_db, carrier
        rms = sensors.rms_of_covariance(covariance)
        silent = [kind for kind, value in zip(sensors.types, rms, strict=True) if not value > 0]
        if silent:
            raise InputError(
                f"The noise is zero on the {', '.join(silent)} channels and cannot be scaled to an SNR; "
                "give noise with some power."
            )
        self.rms = torch.as_tensor(rms, dtype=torch.float32, device=sensors.device)

    def draw(self, signal: torch.Tensor, generator: torch.Generator) -> DrawnNoise:
        """Draw one SNR per sample, the same for all sensor types."""
        snr_db = self.snr_db.draw((len(signal), 1), generator).expand(-1, len(self.sensors.types))
        carrier = self.carrier.draw(len(signal), signal.shape[2], generator)
        scale = self._scale(self.sensors.rms(signal) / self.rms) * 10 ** (-snr_db / 20)
        noise = carrier * scale[:, self.sensors.type_of, None]
        return DrawnNoise(self.sensors.recorded(noise), self._reached(snr_db, signal, scale), scale * self.rms)

    def _scale(self, ratio: torch.Tensor) -> torch.Tensor:
        """Return the factors (batch, n_types) that give 0 dB, given the rms of signal over carrier."""
        return ratio

    def _reached(self, snr_db: torch.Tensor, signal: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """Return the SNR of each sensor type."""
        return snr_db


class JointlyScaledNoise(ScaledNoise):
    """A carrier all sensor types of which are scaled by one factor."""

    def _scale(self, ratio: torch.Tensor) -> torch.Tensor:
        members = torch.bincount(self.sensors.type_of, minlength=len(self.sensors.types)).to(ratio)
        joint = (ratio.square() @ members / members.sum()).sqrt()
        return joint[:, None].expand_as(ratio)

    def _reached(self, snr_db: torch.Tensor, signal: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        return 20 * torch.log10(self.sensors.rms(signal) / (scale * self.rms))


class AbsoluteNoise(BoundNoise):
    """A carrier without scaling; the SNR follows from the signal."""

    def __init__(self, sensors: SensorArray, carrier: Carrier, covariance: np.ndarray):
        self.sensors, self.carrier = sensors, carrier
        rms = sensors.rms_of_covariance(covariance)
        self.rms = torch.as_tensor(rms, dtype=torch.float32, device=sensors.device)

    def draw(self, signal: torch.Tensor, generator: torch.Generator) -> DrawnNoise:
        """Draw the carrier and compute the SNR that results."""
        noise = self.carrier.draw(len(signal), signal.shape[2], generator)
        snr_db = 20 * torch.log10(self.sensors.rms(signal) / self.rms)
        return DrawnNoise(self.sensors.recorded(noise), snr_db, self.rms.expand_as(snr_db))


class CombinedNoise(BoundNoise):
    """A separate model for the channels of each sensor type."""

    def __init__(self, sensors: SensorArray, models: dict[str, BoundNoise]):
        self.sensors, self.models = sensors, models

    def draw(self, signal: torch.Tensor, generator: torch.Generator) -> DrawnNoise:
        """Draw from each model in turn."""
        noise, snr_db, rms = torch.zeros_like(signal), [], []
        for kind, model in self.models.items():
            channels = self.sensors.channels(kind)
            drawn = model.draw(signal[:, channels], generator)
            noise[:, channels] = drawn.data
            snr_db.append(drawn.snr_db)
            rms.append(drawn.rms)
        return DrawnNoise(noise, torch.cat(snr_db, dim=1), torch.cat(rms, dim=1))
