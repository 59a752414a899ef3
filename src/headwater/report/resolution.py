"""How far off this very analysis would be: test sources near the peak, with the noise of the recording."""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np

from headwater.localization import Localization
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
    """

    median_mm: float
    worst_mm: float
    spread_mm: float


def resolution_near_peak(localization: Localization, source: int, time_index: int) -> Resolution | None:
    """Localise single test sources within 3 cm of the peak with the solver that was used.

    Each test source has a random orientation (or the normal) and gets the strength that gives the signal-to-noise
    ratio of the recording at the peak; noise is drawn from the noise covariance. The head model is exact, so that the
    result is a lower bound. None for solvers that are neither one matrix nor a network of single instants (they would
    take too long), or where the recording at the peak is not stronger than its noise.
    """
    solver = localization.solver
    if isinstance(solver, LinearSolver):
        n_draws = N_DRAWS
    elif solver.per_time_point:
        n_draws = N_DRAWS_NETWORK
    else:
        return None
    leadfield = solver.leadfield_
    evoked = localization.evoked.copy().pick(leadfield.ch_names)
    whitener = mne.cov.compute_whitener(localization.noise_cov, evoked.info, verbose="error")[0]
    rank = np.linalg.matrix_rank(whitener)
    power = evoked.nave * np.sum((whitener @ evoked.data[:, time_index]) ** 2) - rank
    if power <= 0:
        return None

    rng = np.random.default_rng(0)
    away = np.linalg.norm(leadfield.pos - leadfield.pos[source], axis=1)
    near = np.flatnonzero(away <= RADIUS)
    chosen = rng.choice(near, size=min(N_SOURCES, len(near)), replace=False)
    orientation = rng.standard_normal((len(chosen), leadfield.n_orient))
    topography = np.einsum("cso,so->cs", leadfield.gain[:, chosen], orientation)
    topography *= np.sqrt(power / evoked.nave) / np.linalg.norm(whitener @ topography, axis=0)
    noise = np.linalg.pinv(whitener) @ rng.standard_normal((evoked.data.shape[0], len(chosen) * n_draws))
    noisy = np.tile(topography, n_draws) + noise / np.sqrt(evoked.nave)

    distance_mm = 1e3 * np.linalg.norm(leadfield.pos[:, np.newaxis] - leadfield.pos[chosen], axis=2)
    strongest = np.linalg.norm(solver.estimate(noisy), axis=1).argmax(axis=0)
    error_mm = distance_mm[strongest, np.tile(np.arange(len(chosen)), n_draws)]
    power_map = np.sum(solver.estimate(topography) ** 2, axis=1)
    spread_mm = np.sqrt((distance_mm**2 * power_map).sum(axis=0) / power_map.sum(axis=0))
    return Resolution(float(np.median(error_mm)), float(np.percentile(error_mm, 90)), float(np.median(spread_mm)))
