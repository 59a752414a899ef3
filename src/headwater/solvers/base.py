"""The contract every inverse method fulfils."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import mne
import numpy as np

from headwater.forward.leadfield import LeadField


class Solver(ABC):
    """Estimate source currents from sensor data.

    Hyper-parameters are keyword arguments of the constructor and are stored untouched; what ``fit`` learns ends in
    ``_``. Final classes implement ``fit`` and ``estimate``; ``apply`` is written once, here.
    """

    @abstractmethod
    def fit(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> Self:
        """Prepare the solver for one lead field and one noise covariance."""

    @abstractmethod
    def estimate(self, data: np.ndarray) -> np.ndarray:
        """Turn data of shape (..., n_channels, n_times) into currents (..., n_sources, n_orient, n_times)."""
