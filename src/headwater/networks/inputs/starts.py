"""Linear estimates that 3D-PIUNet can use as inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import mne
import numpy as np

from headwater.forward.leadfield import LeadField
from headwater.solvers import DSPM, ELORETA, LCMV, SLORETA, MinimumNorm, MoorePenrose, WeightedMinimumNorm
from headwater.solvers.base import Solver
from headwater.solvers.inputs.whitening import Whitened, whiten


class ExpectedBeamformer(Solver):
    r"""`LCMV` with the data covariance expected under the model, ``G G' / lambda2 + I`` after whitening.

    Beamformers usually use the covariance of the data. Here this would be the covariance of one time point, and the
    estimate would not be linear in the data. ``G`` is scaled so that the mean eigenvalue of ``G G'`` is 1.
    """

    unit: ClassVar[str] = "F"

    def __init__(self, *, lambda2: float) -> None:
        self.lambda2 = lambda2

    def fit(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> ExpectedBeamformer:
        """Compute the filters."""
        white = whiten(leadfield, noise_cov)
        gain = white.gain.reshape(len(white.gain), -1)
        signal = gain @ gain.T
        expected = signal * len(signal) / np.trace(signal) / self.lambda2 + np.eye(len(signal))
        back = np.linalg.pinv(white.whitener)
        covariance = mne.Covariance(back @ expected @ back.T, white.leadfield.ch_names, [], [], nfree=1)
        self.filter_ = LCMV(data_cov=covariance, reg=0.0).fit(leadfield, noise_cov)
        self.leadfield_ = self.filter_.leadfield_
        return self

    def estimate(self, data: np.ndarray) -> np.ndarray:
        """Apply the filters to data of shape (..., n_channels, n_times)."""
        return self.filter_.estimate(data)


STARTS: dict[str, Callable[[float], Solver]] = {
    "eloreta": lambda lambda2: ELORETA(lambda2=lambda2),
    "mne": lambda lambda2: MinimumNorm(lambda2=lambda2),
    "wmne": lambda lambda2: WeightedMinimumNorm(lambda2=lambda2),
    "dspm": lambda lambda2: DSPM(lambda2=lambda2),
    "sloreta": lambda lambda2: SLORETA(lambda2=lambda2),
    "beamformer": lambda lambda2: ExpectedBeamformer(lambda2=lambda2),
    "moore-penrose": lambda _: MoorePenrose(),  # not regularised
}


def start_kernels(
    start: str, lambda2: tuple[float, ...], leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None
) -> np.ndarray:
    """Return the linear maps from data to the estimates, shape (len(lambda2), 3, n_sources, n_channels)."""
    kernels = []
    for one in lambda2:
        solver = STARTS[start](one).fit(leadfield, noise_cov)
        kernels.append(solver.estimate(np.eye(solver.leadfield_.n_channels)).swapaxes(0, 1))
    return np.stack(kernels)


def current_kernels(
    start: str, lambda2: tuple[float, ...], leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None
) -> np.ndarray:
    """Return the linear maps from data to currents in A m, shape as `start_kernels`.

    Statistics without a unit (dSPM, sLORETA, the beamformer) are scaled to currents: by the factor with which they
    explain, by least squares, the data of independent currents of equal variance in all sources.
    """
    kernels = start_kernels(start, lambda2, leadfield, noise_cov)
    if STARTS[start](lambda2[0]).unit == "Am":
        return kernels
    white = whiten(leadfield, noise_cov)
    return np.stack([_factor(kernel, white) * kernel for kernel in kernels])


def _factor(kernel: np.ndarray, white: Whitened) -> float:
    gain = white.gain.reshape(len(white.gain), -1)
    resolved = np.tensordot(white.gain, kernel, axes=((1, 2), (1, 0))) @ np.linalg.pinv(white.whitener)
    explained = resolved @ gain
    return float(np.sum(explained * gain) / np.sum(explained**2))
