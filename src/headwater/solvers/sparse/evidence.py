"""Choices of sparse Bayesian learning: how source variances and the noise level are updated.

All updates have the same fixed points, where the evidence of the data is stationary; they differ in how they get there
(Wipf & Nagarajan 2009, NeuroImage 44:947, section 3.3). With ``g`` the variance of a source,
``p = |x|^2 / (n_orient n_times)`` the power of its posterior mean and ``q = tr(G_s' S^-1 G_s) / n_orient`` what the
model covariance ``S`` says of its topographies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from headwater._utils.errors import InputError


class Update(Protocol):
    """Next variances of the sources."""

    def __call__(self, variance: np.ndarray, power: np.ndarray, precision: np.ndarray) -> np.ndarray:
        """Return the new ``g`` from ``g``, ``p`` and ``q``, each of shape (n_sources,)."""


@dataclass(frozen=True)
class ExpectationMaximization:
    """``g <- p + g - g^2 q``, the posterior second moment: never lowers the evidence; slow."""

    def __call__(self, variance: np.ndarray, power: np.ndarray, precision: np.ndarray) -> np.ndarray:
        """Return the new variances."""
        return power + variance * np.maximum(1.0 - variance * precision, 0.0)


@dataclass(frozen=True)
class MacKay:
    """``g <- p / (g q)``: fast; without a guarantee that the evidence rises."""

    def __call__(self, variance: np.ndarray, power: np.ndarray, precision: np.ndarray) -> np.ndarray:
        """Return the new variances."""
        return power / (variance * precision)


@dataclass(frozen=True)
class ConvexBounding:
    """``g <- sqrt(p / q)``, minimum of a convex upper bound: never lowers the evidence; fast."""

    def __call__(self, variance: np.ndarray, power: np.ndarray, precision: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Return the new variances."""
        return np.sqrt(power / precision)


class NoiseLevel(Protocol):
    """Variance of the noise in whitened data that are scaled to a mean power of 1 per channel and time point."""

    def start(self, power: float) -> float:
        """Return the first variance, given the mean power of the whitened data before scaling."""

    def update(self, variance: float, ratio: float) -> float:
        """Return the next variance from this one and ``tr(S^-1 Z Z' S^-1) / (n_times tr S^-1)``."""


@dataclass(frozen=True)
class KnownNoise:
    """Noise exactly as the noise covariance says, times ``variance``: 1 for single trials, ``1 / nave`` for averages.

    Data twice as strong then mean more than sources twice as strong: more of the data is signal, and more sources are
    found.
    """

    variance: float = 1.0

    def start(self, power: float) -> float:
        """Return the variance relative to the data."""
        if self.variance <= 0:
            raise InputError(f"The noise variance is {self.variance:g}; it must be positive.")
        return self.variance / power

    def update(self, variance: float, ratio: float) -> float:  # noqa: ARG002
        """Keep it."""
        return variance


@dataclass(frozen=True)
class RelativeNoise:
    """Noise of the form that the noise covariance says, ``1 / (1 + snr^2)`` of the power of the data."""

    snr: float = 3.0

    def start(self, power: float) -> float:  # noqa: ARG002
        """Return the variance relative to the data."""
        if self.snr <= 0:
            raise InputError(f"snr is {self.snr:g}; it must be positive.")
        return 1.0 / (1.0 + self.snr**2)

    def update(self, variance: float, ratio: float) -> float:  # noqa: ARG002
        """Keep it."""
        return variance


@dataclass(frozen=True)
class LearnedNoise:
    """Noise of the form that the noise covariance says, its level learned from the data by convex bounding.

    Cai, Hashemi, Diwakar, Haufe, Sekihara & Nagarajan 2021 (NeuroImage 225:117411), for one level on whitened channels.

    Parameters
    ----------
    snr : float
        To start from.
    floor : float
        Smallest fraction of the data's power, where sources explain everything.
    """

    snr: float = 3.0
    floor: float = 1e-6

    def start(self, power: float) -> float:
        """Return the variance relative to the data."""
        return RelativeNoise(self.snr).start(power)

    def update(self, variance: float, ratio: float) -> float:
        """``v <- sqrt(residual power / tr S^-1)``; the residual is ``v S^-1 Z``."""
        return max(variance * np.sqrt(ratio), self.floor)


CONVEX_BOUNDING, MACKAY = ConvexBounding(), MacKay()
LEARNED_NOISE, RELATIVE_NOISE = LearnedNoise(), RelativeNoise()
