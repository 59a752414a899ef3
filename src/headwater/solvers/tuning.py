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
from headwater.metrics.measure import Metric
from headwater.solvers.base import Solver, unfitted
from headwater.solvers.evaluation import GroundTruth, currents, evaluate

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
    truth: GroundTruth = currents,
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
        None: white noise, in units of which each sample is estimated (see `headwater.solvers.evaluation.noise_level`).
    truth : callable | None
        Gives what the metric compares with, (batch, n_sources, n_orient[, n_times]).

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


def _mean_score(
    metric: Metric,
    solver: Solver,
    *,
    samples: Samples,
    truth: GroundTruth,
    in_noise_units: bool,
) -> float:
    scored = evaluate(
        solver, samples, {"score": metric}, truth=truth, in_noise_units=in_noise_units, chunk=len(samples)
    )
    if scored.reasons:
        raise InputError(f"The metric {scored.reasons['score']}; give another metric.")
    return float(np.nanmean(scored.values["score"]))
