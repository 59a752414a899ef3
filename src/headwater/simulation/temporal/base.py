"""What all time courses share."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch


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
