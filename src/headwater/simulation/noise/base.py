"""What all noise models share."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from headwater.simulation.noise.sensors import SensorArray


class Noise(ABC):
    """A model of sensor noise. ``bind`` prepares it for a set of sensors."""

    @abstractmethod
    def bind(self, sensors: SensorArray) -> BoundNoise:
        """Look channels up, factorise covariances, load recordings: whatever is done once."""


class BoundNoise(ABC):
    """Noise for known sensors."""

    @abstractmethod
    def draw(self, signal: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw noise for signals of shape (batch, n_channels, n_times).

        Returns
        -------
        noise : tensor of shape (batch, n_channels, n_times)
        snr_db : tensor of shape (batch, n_types)
        """
