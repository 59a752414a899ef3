"""Random processes: autoregressive, and with a power-law spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from headwater._utils.errors import InputError
from headwater.simulation.distributions import Constant, Distribution, check_distribution
from headwater.simulation.temporal.autoregressive import (
    burg,
    covariance_factor,
    from_spectrum,
    is_stationary,
    resting_spectrum,
)
from headwater.simulation.temporal.base import TimeCourse

MOST_TIMES = 20_000  # of a window; its covariance has the square of this number of entries
HIGHEST_RATE = 20_000.0  # Hz; the order of the default process is a tenth of the rate


@dataclass(frozen=True)
class Autoregressive(TimeCourse):
    """A stationary autoregressive process of unit variance, ``p_t = sum_k a_k p_(t-k) + e_t``.

    Windows are exact draws from their first value on: the Cholesky factor of the process's autocovariance times white
    noise, without a run-in period or a loop over time points.

    Parameters
    ----------
    coefficients : tuple of float | None
        ``a_1 ... a_p`` at the preset's sampling rate. None: at any sampling rate, the process whose autocovariance over
        0.1 s, one cycle of alpha, is that of `resting_spectrum` (1/f and an alpha rhythm at 10 Hz). `fit` estimates
        them from data.
    """

    coefficients: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.coefficients is None:
            return
        object.__setattr__(self, "coefficients", tuple(float(a) for a in self.coefficients))
        if not self.coefficients or not np.isfinite(self.coefficients).all():
            raise InputError("Autoregressive.coefficients must be one or more finite numbers, or None for the default.")
        if not is_stationary(np.array(self.coefficients)):
            raise InputError("Autoregressive.coefficients describe a process that grows without bound; fit them again.")

    @classmethod
    def fit(cls, data: np.ndarray, *, order: int = 10) -> Autoregressive:
        """Fit one process to series of shape (n_series, n_times) at the preset's sampling rate, by Burg's method."""
        return cls(tuple(burg(data, order)))

    def at(self, sfreq: float) -> tuple[float, ...]:
        """Coefficients at a sampling rate."""
        return default_coefficients(sfreq) if self.coefficients is None else self.coefficients

    def factor(self, n_times: int, sfreq: float, device: torch.device) -> torch.Tensor:
        """Matrix (n_times, n_times) that turns white noise into a window of the process."""
        if n_times > MOST_TIMES:
            raise InputError(
                f"Autoregressive draws windows of at most {MOST_TIMES} time points, and the preset asks for {n_times}; "
                "give a smaller n_times, or use PowerLaw."
            )
        return torch.as_tensor(_factor(self.at(sfreq), n_times), device=device)

    def draw(self, centers: torch.Tensor, n_times: int, sfreq: float, generator: torch.Generator) -> torch.Tensor:
        """Colour white noise."""
        white = torch.randn((*centers.shape, n_times), generator=generator, device=generator.device)
        return white @ self.factor(n_times, sfreq, centers.device).T


@lru_cache(maxsize=64)
def default_coefficients(sfreq: float) -> tuple[float, ...]:
    """Coefficients of the process with a resting spectrum and a memory of 0.1 s."""
    if sfreq > HIGHEST_RATE:
        raise InputError(
            f"The default of Autoregressive.coefficients exists up to {HIGHEST_RATE:g} Hz, and the preset has "
            f"an sfreq of {sfreq:g} Hz; lower it, or give coefficients."
        )
    order = max(2, round(0.1 * sfreq))
    return tuple(from_spectrum(resting_spectrum, sfreq, order))


@lru_cache(maxsize=16)
def _factor(coefficients: tuple[float, ...], n_times: int) -> np.ndarray:
    return covariance_factor(np.array(coefficients), n_times).astype(np.float32)


@dataclass(frozen=True)
class PowerLaw(TimeCourse):
    """Noise of unit variance whose power falls as ``1 / f^exponent``: 0 white, 1 pink, 2 brown.

    Synthesised in the frequency domain over twice the window; only the first half is kept, so that the end of the
    window does not match its beginning. The frequency 0 is left out.

    Parameters
    ----------
    exponent : Distribution
        One value per component.
    """

    exponent: Distribution = Constant(1.0)

    def __post_init__(self) -> None:
        check_distribution(self, "exponent", at_least=0.0, at_most=20.0)

    def draw(self, centers: torch.Tensor, n_times: int, sfreq: float, generator: torch.Generator) -> torch.Tensor:  # noqa: ARG002
        """Shape the spectrum of white noise."""
        exponent = self.exponent.draw(tuple(centers.shape), generator)
        white = torch.randn((*centers.shape, 2 * n_times), generator=generator, device=generator.device)
        index = torch.arange(n_times + 1, device=centers.device)
        gain = index.clamp(min=1) ** (-0.5 * exponent[..., None]) * (index > 0)
        # Every frequency but 0 and the highest stands for two of the 2 n_times terms of the variance.
        power = gain.square().sum(-1) * 2 - gain[..., -1].square()
        gain = gain * torch.sqrt(2 * n_times / power)[..., None]
        shaped: torch.Tensor = torch.fft.irfft(torch.fft.rfft(white) * gain, n=2 * n_times)
        return shaped[..., :n_times]
