"""Hyper-parameters chosen by score on simulated samples."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import mne
import numpy as np
import pandas as pd

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.metrics._inputs import amplitude
from headwater.metrics.table import Metric
from headwater.solvers.base import Solver, unfitted

if TYPE_CHECKING:  # simulation loads PyTorch, which solvers do without
    from headwater.simulation.samples import Samples

Grid = Mapping[str, Sequence[Any]]

# The hyper-parameters that decide how far data are trusted, by the names that solvers give them, and values around
# every sensible one. lambda2 is 1 / SNR (power) of the whitened data: from 40 dB to -20 dB.
GRIDS: dict[str, tuple[float, ...]] = {
    "lambda2": (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0),
    "alpha": (1e-3, 1e-2, 0.05, 0.1, 0.2, 0.5),
    "reg": (1e-3, 1e-2, 0.05, 0.2, 1.0, 5.0, 20.0),
    "rcond": (1e-3, 1e-2, 0.05, 0.1, 0.3),
}


@dataclass(frozen=True, eq=False)
class Tuned:
    """A solver with chosen hyper-parameters.

    Attributes
    ----------
    solver : Solver
        A new one, fitted.
    parameters : dict
        What was chosen; empty for a solver that has nothing to choose.
    scores : pandas.DataFrame
        One row per combination that was tried: its parameters, ``score`` (mean over the samples; NaN where it failed)
        and ``note``: why it failed, or what it warned of.
    """

    solver: Solver
    parameters: dict[str, Any]
    scores: pd.DataFrame


def tuned(
    solver: Solver,
    leadfield: LeadField,
    samples: Samples,
    metric: Metric,
    *,
    grid: Grid | None = None,
    noise_cov: mne.Covariance | np.ndarray | None = None,
    truth: Callable[[Samples], np.ndarray] | None = None,
) -> Tuned:
    """Choose hyper-parameters of a solver by grid search on simulated training samples.

    As for the classical methods of 3D-PIUNet (Morik et al., section IV). `chosen` needs no ground truth.

    Parameters
    ----------
    solver : Solver
        Its other hyper-parameters are kept; it is not changed.
    leadfield : LeadField
        Of the solver.
    samples : Samples
        Training samples on the positions of ``leadfield``.
    metric : Metric
        For example ``hw.metrics.METRICS["nemd_fast"]``.
    grid : dict of str to sequence | None
        Values to try for each hyper-parameter, in all combinations. None: those of ``GRIDS`` for the first
        hyper-parameter of that name which the solver has.
    noise_cov : mne.Covariance | array of shape (n_channels, n_channels) | None
        None: white noise, in units of which each sample is handed over (see `noise_level`).
    truth : callable | None
        Gives what the metric compares with, (batch, n_sources, n_orient[, n_times]). None: ``samples.x``.

    Returns
    -------
    Tuned
    """
    combinations = list(_combinations(solver, default_grid(solver) if grid is None else grid))
    candidates = [with_parameters(solver, parameters) for parameters in combinations]
    assess = partial(_mean_score, metric, samples=samples, truth=truth, in_noise_units=noise_cov is None)
    outcomes, notes = zip(*(_tried(one, leadfield, noise_cov, assess) for one in candidates), strict=True)
    worked = [index for index, outcome in enumerate(outcomes) if outcome is not None]
    if not worked:
        raise InputError(f"No hyper-parameters of {type(solver).__name__} work here: {notes[-1]}")
    score = np.full(len(combinations), np.nan)
    score[worked] = [outcomes[index] for index in worked]
    if np.isnan(score).all():
        raise InputError(f"No hyper-parameters of {type(solver).__name__} can be scored on these samples; give others.")
    best = int(np.nanargmax(score) if metric.higher_is_better else np.nanargmin(score))
    scores = pd.DataFrame(combinations, index=range(len(combinations))).assign(score=score, note=notes)
    return Tuned(candidates[best], combinations[best], scores)


def _tried(
    candidate: Solver,
    leadfield: LeadField,
    noise_cov: mne.Covariance | np.ndarray | None,
    assess: Callable[[Solver], Any],
) -> tuple[Any, str]:
    """Fit and assess one candidate: the outcome, None where it cannot be used, and what it said."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            outcome = assess(candidate.fit(leadfield, noise_cov))
    except InputError as error:
        return None, str(error)
    return outcome, "; ".join(dict.fromkeys(str(warning.message) for warning in caught))


def default_grid(solver: Solver) -> dict[str, Sequence[Any]]:
    """Values to try for the first hyper-parameter of `GRIDS` that the solver has; empty if it has none."""
    names = solver.get_params(deep=False)
    return next(({name: values} for name, values in GRIDS.items() if name in names), {})


def with_parameters(solver: Solver, parameters: Mapping[str, Any]) -> Solver:
    """Return a new solver, not fitted, that differs in these hyper-parameters."""
    return unfitted(solver).set_params(**parameters)


def _combinations(solver: Solver, grid: Grid) -> Iterator[dict[str, Any]]:
    if empty := [name for name, values in grid.items() if not len(values)]:
        raise InputError(f"The grid has no values for {', '.join(empty)} of {type(solver).__name__}; give some.")
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def noise_level(samples: Samples) -> np.ndarray:
    """Root of the power of each sample's white noise, from its SNR and its data; V (T, T/m), shape (batch,).

    ``|y|^2 = P_noise (1 + SNR)`` in the mean. 1 for noise-free samples and for several types of sensors, whose noise a
    single number does not describe.
    """
    snr_db = samples.truth.snr_db.double().cpu().numpy()
    if snr_db.shape[1] != 1 or not np.isfinite(snr_db).all():
        return np.ones(len(samples))
    power = samples.y.double().square().mean((1, 2)).cpu().numpy()
    return np.sqrt(power / (1 + 10 ** (snr_db[:, 0] / 10)))


def estimate_samples(solver: Solver, samples: Samples, *, in_noise_units: bool) -> np.ndarray:
    """Estimate of a fitted solver, (batch, n_sources, n_orient, n_times).

    Parameters
    ----------
    solver : Solver
    samples : Samples
    in_noise_units : bool
        Divide each sample by its `noise_level` before and multiply after, so that for every sample the identity is the
        noise covariance the solver was fitted with. Without consequence for a linear solver.
    """
    y = samples.y.double().cpu().numpy()
    if not in_noise_units:
        return solver.estimate(y)
    level = noise_level(samples)[:, None, None]
    estimate = solver.estimate(y / level)
    return estimate * level[..., None] if solver.unit == "Am" else estimate


def comparable(x_true: np.ndarray, x_est: np.ndarray, solver: Solver) -> tuple[np.ndarray, np.ndarray]:
    """Bring truth and estimate to one shape.

    A truth without times is compared with amplitudes averaged over time; of a truth and an estimate with different
    numbers of orientations, the one along the normals becomes a vector.
    """
    if x_true.ndim == 3:
        return x_true, amplitude(x_est)[:, :, np.newaxis]
    if x_true.shape[2] == x_est.shape[2]:
        return x_true, x_est
    normals = solver.leadfield_.normals[:, :, np.newaxis]
    return (x * normals if x.shape[2] == 1 else x for x in (x_true, x_est))  # type: ignore[return-value]


def _mean_score(
    metric: Metric,
    solver: Solver,
    *,
    samples: Samples,
    truth: Callable[[Samples], np.ndarray] | None,
    in_noise_units: bool,
) -> float:
    x_true = samples.x.double().cpu().numpy() if truth is None else truth(samples)
    x_true, x_est = comparable(x_true, estimate_samples(solver, samples, in_noise_units=in_noise_units), solver)
    known = {"centers": samples.truth.centers.cpu().numpy(), "region_ids": solver.leadfield_.region_ids}
    needed = {name: known[name] for name in metric.needs if name in known}
    return float(np.nanmean(metric.function(x_true, x_est, pos=solver.leadfield_.pos, **needed)))
