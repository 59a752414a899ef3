"""How far off an answer would be: test sources near the peak, with the noise of the recording and an inexact head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.localization.result import Localization
from headwater.solvers.base import Solver
from headwater.solvers.inputs.whitening import Whitened, whiten
from headwater.solvers.linear.kernel import LinearSolver

RADIUS = 0.03  # m
N_SOURCES = 60
N_DRAWS, N_DRAWS_NETWORK = 10, 1  # a network takes a hundred times longer than a matrix


@dataclass(frozen=True)
class Resolution:
    """Errors over test sources near the peak.

    Attributes
    ----------
    median_mm, worst_mm : float
        Median and 90th percentile of the distance from a test source to the strongest source of its estimate.
    spread_mm : float
        Median spatial deviation of the noise-free estimate around a test source, ``sqrt(sum d^2 r^2 / sum r^2)``, with
        d the distance from it and r the magnitude (Molins et al. 2008; MNE-Python's ``sd_ext``).
    error : float
        Error of the lead field that was assumed, as a share of the signal's power.
    """

    median_mm: float
    worst_mm: float
    spread_mm: float
    error: float


def resolution_near_peak(
    localization: Localization, source: int, time_index: int, *, error: float = 0.0
) -> Resolution | None:
    """Localise single test sources within 3 cm of the peak with the solver that was used; see `resolution_near`."""
    solver = localization.solver
    evoked = localization.evoked.copy().pick(solver.leadfield_.ch_names)
    white = whiten(solver.leadfield_, localization.noise_cov)
    scale = float(np.sqrt(evoked.nave))
    signal = scale * white.whitener @ evoked.data[:, time_index]
    return resolution_near(solver, white, signal, scale, source, error=error)


def resolution_near(
    solver: Solver, white: Whitened, signal: np.ndarray, scale: float, source: int, *, error: float
) -> Resolution | None:
    """Localise single test sources within 3 cm of a source.

    Each test source has a random orientation (or the normal) and the strength that gives the signal-to-noise ratio of
    the recording. Noise is drawn from the noise covariance; the error of the lead field is white noise in proportion
    to the signal.

    Parameters
    ----------
    solver : Solver
        Fitted.
    white : Whitened
        By the noise covariance of single trials.
    signal : array of shape (rank,)
        The recording at the peak, whitened so that its noise has a variance of 1.
    scale : float
        What multiplies data whitened by ``white`` for that.
    source : int
    error : float
        Power of the error relative to that of the signal.

    Returns
    -------
    resolution : Resolution | None
        None for solvers that do not estimate each time point separately, and where the recording is not stronger than
        its noise.
    """
    if not solver.per_time_point:
        return None
    n_draws = N_DRAWS if isinstance(solver, LinearSolver) else N_DRAWS_NETWORK
    power = float(np.sum(signal**2)) - len(signal)
    if power <= 0:
        return None
    leadfield, rank = white.leadfield, len(signal)
    rng = np.random.default_rng(0)
    near = np.flatnonzero(np.linalg.norm(leadfield.pos - leadfield.pos[source], axis=1) <= RADIUS)
    chosen = rng.choice(near, size=min(N_SOURCES, len(near)), replace=False)
    orientation = rng.standard_normal((len(chosen), leadfield.n_orient))
    topography = np.einsum("cso,so->cs", white.gain[:, chosen], orientation)
    topography *= np.sqrt(power) / np.linalg.norm(topography, axis=0)
    sd = np.sqrt(1 + error * power / rank)
    noisy = np.tile(topography, n_draws) + sd * rng.standard_normal((rank, len(chosen) * n_draws))
    sensors = np.linalg.pinv(white.whitener) / scale

    distance_mm = 1e3 * np.linalg.norm(leadfield.pos[:, np.newaxis] - leadfield.pos[chosen], axis=2)
    strongest = np.linalg.norm(solver.estimate(sensors @ noisy), axis=1).argmax(axis=0)
    error_mm = distance_mm[strongest, np.tile(np.arange(len(chosen)), n_draws)]
    power_map = np.sum(solver.estimate(sensors @ topography) ** 2, axis=1)
    spread_mm = np.sqrt((distance_mm**2 * power_map).sum(axis=0) / power_map.sum(axis=0))
    return Resolution(
        median_mm=float(np.median(error_mm)),
        worst_mm=float(np.percentile(error_mm, 90)),
        spread_mm=float(np.median(spread_mm)),
        error=error,
    )
