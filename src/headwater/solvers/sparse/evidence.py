"""Update rules of sparse Bayesian learning for the source variances and the noise level.

All rules have the same fixed points, the stationary points of the evidence; they differ in convergence (Wipf &
Nagarajan 2009, NeuroImage 44:947, section 3.3). ``g`` is the variance of a source,
``p = |x|^2 / (n_orient n_times)`` the power of its posterior mean, and ``q = tr(G_s' S^-1 G_s) / n_orient`` the
precision of its topographies under the model covariance ``S``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from headwater._utils.errors import InputError


class Update(Protocol):
    """Update rule of the source variances."""

    def __call__(self, variance: np.ndarray, power: np.ndarray, precision: np.ndarray) -> np.ndarray:
        """Return the new ``g`` from ``g``, ``p`` and ``q``, each of shape (n_sources,)."""


@dataclass(frozen=True)
class ExpectationMaximization:
    """``g <- p + g - g^2 q``, the posterior second moment: never decreases the evidence; slow."""

    def __call__(self, variance: np.ndarray, power: np.ndarray, precision: np.ndarray) -> np.ndarray:
        """Return the new variances."""
        return power + variance * np.maximum(1.0 - variance * precision, 0.0)


@dataclass(frozen=True)
class MacKay:
    """``g <- p / (g q)``: fast; the evidence may decrease."""

    def __call__(self, variance: np.ndarray, power: np.ndarray, precision: np.ndarray) -> np.ndarray:
        """Return the new variances."""
        return power / (variance * precision)


@dataclass(frozen=True)
class ConvexBounding:
    """``g <- sqrt(p / q)``, the minimum of a convex upper bound of the cost: never decreases the evidence; fast."""

    def __call__(self, variance: np.ndarray, power: np.ndarray, precision: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Return the new variances."""
        return np.sqrt(power / precision)


class NoiseLevel(Protocol):
    """Noise variance of whitened data that are scaled to a mean power of 1 per channel and time point."""

    def start(self, power: float) -> float:
        """Return the initial variance, given the mean power of the whitened data before scaling."""

    def update(self, variance: float, ratio: float) -> float:
        """Return the next variance from the current one and ``tr(S^-1 Z Z' S^-1) / (n_times tr S^-1)``."""


@dataclass(frozen=True)
class KnownNoise:
    """Noise with the given noise covariance times ``variance``: 1 for single trials, ``1 / nave`` for evoked responses.

    The estimate then does not scale with the data: for stronger data the signal-to-noise ratio is larger, and more
    sources are found.
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
    """Noise proportional to the noise covariance, with ``1 / (1 + snr^2)`` of the power of the data."""

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
    """Noise proportional to the noise covariance; its level is learned from the data by convex bounding.

    Cai, Hashemi, Diwakar, Haufe, Sekihara & Nagarajan 2021 (NeuroImage 225:117411), for one level on whitened channels.

    Parameters
    ----------
    snr : float
        Initial signal-to-noise ratio.
    floor : float
        Lower limit of the noise variance, as a fraction of the power of the data.
    """

    snr: float = 3.0
    floor: float = 1e-6

    def start(self, power: float) -> float:
        """Return the variance relative to the data."""
        return RelativeNoise(self.snr).start(power)

    def update(self, variance: float, ratio: float) -> float:
        """Apply ``v <- sqrt(residual power / tr S^-1)``; the residual is ``v S^-1 Z``."""
        return max(variance * np.sqrt(ratio), self.floor)


CONVEX_BOUNDING, MACKAY = ConvexBounding(), MacKay()
LEARNED_NOISE, RELATIVE_NOISE = LearnedNoise(), RelativeNoise()
