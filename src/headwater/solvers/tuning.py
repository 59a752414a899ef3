"""Choose hyper-parameters by their score on simulated samples."""

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

if TYPE_CHECKING:  # simulation imports PyTorch, which solvers do not need
    from headwater.simulation.samples import Samples

Grid = Mapping[str, Sequence[Any]]

# The hyper-parameters that control the regularisation, by name, and a wide range of values. lambda2 is 1 / SNR (power)
# of the whitened data: from 40 dB to -20 dB.
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
        A new, fitted solver.
    parameters : dict
        The chosen values; empty for a solver without parameters to choose.
    scores : pandas.DataFrame
        One row per tested combination: its parameters, ``score`` (mean over the samples; NaN if it failed) and
        ``note`` (the reason for the failure, or warnings).
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

    The classical solvers were tuned like this for 3D-PIUNet (Morik et al., section IV). `chosen` needs no ground truth.

    Parameters
    ----------
    solver : Solver
        Its other hyper-parameters are kept. It is not modified.
    leadfield : LeadField
        Lead field to fit the solver on.
    samples : Samples
        Training samples at the source positions of ``leadfield``.
    metric : Metric
        For example ``hw.metrics.METRICS["nemd_fast"]``.
    grid : dict of str to sequence | None
        Values to test for each hyper-parameter, in all combinations. None: the values in ``GRIDS`` for the first
        hyper-parameter listed there that the solver has.
    noise_cov : mne.Covariance | array of shape (n_channels, n_channels) | None
        None: white noise; each sample is scaled to units of its noise (``samples.noise_level``).
    truth : callable | None
        Returns the ground truth for the metric, (batch, n_sources, n_orient[, n_times]).

    Returns
    -------
    Tuned

    Examples
    --------
    >>> import headwater as hw
    >>> head = hw.template_head()
    >>> leadfield = hw.make_leadfield(head, hw.montage_info(head, "biosemi16"), spacing=30.0, method="sphere")
    >>> samples = hw.simulate(leadfield, hw.presets.PIUNET, n=4)
    >>> nemd = hw.metrics.METRICS["nemd_fast"]
    >>> found = hw.solvers.tuned(hw.solvers.ELORETA(), leadfield, samples, nemd, grid={"lambda2": [0.1, 1.0]})
    >>> found.parameters["lambda2"] in (0.1, 1.0)
    True
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
        raise InputError(
            f"No hyper-parameters of {type(solver).__name__} can be scored on these samples; use other samples."
        )
    best = int(np.nanargmax(score) if metric.higher_is_better else np.nanargmin(score))
    scores = pd.DataFrame(combinations, index=range(len(combinations))).assign(score=score, note=notes)
    return Tuned(candidates[best], combinations[best], scores)


def _tried(
    candidate: Solver,
    leadfield: LeadField,
    noise_cov: mne.Covariance | np.ndarray | None,
    assess: Callable[[Solver], Any],
) -> tuple[Any, str]:
    """Fit and assess one candidate: return the outcome (None if the candidate is invalid) and error or warnings."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            outcome = assess(candidate.fit(leadfield, noise_cov))
    except InputError as error:
        return None, str(error)
    return outcome, "; ".join(dict.fromkeys(str(warning.message) for warning in caught))


def default_grid(solver: Solver) -> dict[str, Sequence[Any]]:
    """Return the values to test for the first hyper-parameter in `GRIDS` that the solver has; empty if it has none."""
    names = solver.get_params(deep=False)
    return next(({name: values} for name, values in GRIDS.items() if name in names), {})


def with_parameters(solver: Solver, parameters: Mapping[str, Any]) -> Solver:
    """Return an unfitted copy of the solver with these hyper-parameters."""
    return unfitted(solver).set_params(**parameters)


def _combinations(solver: Solver, grid: Grid) -> Iterator[dict[str, Any]]:
    if empty := [name for name, values in grid.items() if not len(values)]:
        raise InputError(f"The grid has no values for {', '.join(empty)} of {type(solver).__name__}; provide values.")
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
        raise InputError(f"The metric {scored.reasons['score']}; use another metric.")
    return float(np.nanmean(scored.values["score"]))
