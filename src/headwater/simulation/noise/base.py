"""What all noise models share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch

from headwater.simulation.noise.sensors import SensorArray


class Noise(ABC):
    """A model of sensor noise. ``bind`` prepares it for a set of sensors."""

    @abstractmethod
    def bind(self, sensors: SensorArray) -> BoundNoise:
        """Do what is needed once: look up channels, factorise covariances, load recordings."""


class DrawnNoise(NamedTuple):
    """Noise of a batch.

    Attributes
    ----------
    data : tensor of shape (batch, n_channels, n_times)
    snr_db : tensor of shape (batch, n_types)
    rms : tensor of shape (batch, n_types)
        Root of the expected noise power, as in the definition of the SNR; V, T or T/m.
    """

    data: torch.Tensor
    snr_db: torch.Tensor
    rms: torch.Tensor


class BoundNoise(ABC):
    """Noise for known sensors."""

    @abstractmethod
    def draw(self, signal: torch.Tensor, generator: torch.Generator) -> DrawnNoise:
        """Draw noise for signals of shape (batch, n_channels, n_times)."""
