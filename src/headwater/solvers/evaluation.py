"""Score estimates of simulated samples, for benchmarks, validation, tuning and speed measurements."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headwater.forward.leadfield import LeadField
from headwater.metrics._inputs import amplitude
from headwater.metrics.measure import Metric
from headwater.solvers.base import Solver, fitted_leadfield

if TYPE_CHECKING:  # simulation imports PyTorch, which solvers do not need
    from headwater.simulation.samples import Samples

CHUNK = 64  # samples held as dense arrays at a time
NOT_CURRENTS = "compares currents, and this solver gives statistics without a unit"

GroundTruth = Callable[["Samples"], np.ndarray]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores of estimates.

    Attributes
    ----------
    values : dict of str to array of shape (n_samples,)
        Scores for each metric.
    reasons : dict of str to str
        For each metric that does not apply, the reason.
    seconds : float
        Computing time of the estimates.
    """

    values: dict[str, np.ndarray]
    reasons: dict[str, str]
    seconds: float


def currents(samples: Samples) -> np.ndarray:
    """Return the currents of samples as ground truth, (batch, n_sources, n_orient, n_times), in A m."""
    return samples.x.double().cpu().numpy()


def activity(samples: Samples) -> np.ndarray:
    """Return the relative activity of each source as ground truth, (batch, n_sources, 1), from 0 to 1."""
    return samples.coefficients.double().cpu().numpy()[:, :, np.newaxis]


def evaluate(
    solver: Solver,
    samples: Samples,
    metrics: Mapping[str, Metric],
    *,
    truth: GroundTruth = currents,
    in_noise_units: bool = True,
    chunk: int = CHUNK,
) -> Evaluation:
    """Score a fitted solver.

    Parameters
    ----------
    solver : Solver
    samples : Samples
        Samples at the source positions of ``solver.leadfield_``.
    metrics : dict of str to Metric
        Metrics from `headwater.metrics.METRICS`.
    truth : callable
        Returns the ground truth for the metrics: `currents` or `activity`.
    in_noise_units : bool
        Whether the solver was fitted without a noise covariance, see `estimate_samples`.
    chunk : int
        Number of samples held as dense arrays at a time.
    """
    return evaluate_estimates(
        lambda some, _start: estimate_samples(solver, some, in_noise_units=in_noise_units),
        samples,
        metrics,
        fitted_leadfield(solver),
        unit=solver.unit,
        truth=truth,
        chunk=chunk,
    )


def evaluate_estimates(
    estimate: Callable[[Samples, int], np.ndarray],
    samples: Samples,
    metrics: Mapping[str, Metric],
    leadfield: LeadField,
    *,
    unit: str = "Am",
    truth: GroundTruth = currents,
    chunk: int = CHUNK,
) -> Evaluation:
    """Score estimates from any function.

    Parameters
    ----------
    estimate : callable
        ``estimate(samples, start)`` returns an array of shape (batch, n_sources, n_orient[, n_times]). ``start`` is
        the index of the first of these samples.
    samples, metrics, truth, chunk
        As for `evaluate`.
    leadfield : LeadField
        Lead field with the source positions.
    unit : str
        Unit of the estimates, see `Solver`.
    """
    reasons = {name: NOT_CURRENTS for name, metric in metrics.items() if metric.of_currents and unit != "Am"}
    metrics = {name: metric for name, metric in metrics.items() if name not in reasons}
    parts: list[dict[str, np.ndarray]] = []
    seconds = 0.0
    for start in range(0, len(samples), chunk):
        some = samples[start : start + chunk]
        began = time.perf_counter()
        x_est = estimate(some, start)
        seconds += time.perf_counter() - began
        x_true, x_est = comparable(truth(some), x_est, leadfield)
        known = {"centers": some.truth.centers.cpu().numpy(), "region_ids": leadfield.region_ids}
        parts.append({name: score(metric, x_true, x_est, leadfield.pos, known) for name, metric in metrics.items()})
    values = {name: np.concatenate([part[name] for part in parts]) for name in metrics}
    return Evaluation(values, reasons, seconds)


def score(
    metric: Metric, x_true: np.ndarray, x_est: np.ndarray, pos: np.ndarray, known: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Call a metric with the additional arguments that it needs."""
    return metric.function(x_true, x_est, pos=pos, **{name: known[name] for name in metric.needs if name in known})


def estimate_samples(solver: Solver, samples: Samples, *, in_noise_units: bool) -> np.ndarray:
    """Return the estimate of a fitted solver, (batch, n_sources, n_orient, n_times).

    Parameters
    ----------
    solver : Solver
    samples : Samples
    in_noise_units : bool
        Divide each sample by its ``noise_level`` before the estimation and multiply the estimate by it: the noise
        covariance of every sample is then the identity on which the solver was fitted. No effect on a linear solver.
    """
    y = samples.y.double().cpu().numpy()
    if not in_noise_units:
        return solver.estimate(y)
    level = samples.noise_level.cpu().numpy()[:, None, None]
    estimate = solver.estimate(y / level)
    return estimate * level[..., None] if solver.unit == "Am" else estimate


def comparable(x_true: np.ndarray, x_est: np.ndarray, leadfield: LeadField) -> tuple[np.ndarray, np.ndarray]:
    """Bring ground truth and estimate to the same shape.

    A ground truth without a time axis is compared with amplitudes averaged over time. If the numbers of orientations
    differ, currents along the normals are converted to vectors.
    """
    if x_true.ndim == x_est.ndim == 4 and x_true.shape[2] != x_est.shape[2]:
        normals = leadfield.normals[:, :, np.newaxis]
        x_true, x_est = (x * normals if x.shape[2] == 1 else x for x in (x_true, x_est))
    elif x_true.ndim == 3 and x_est.ndim == 4:
        x_est = amplitude(x_est)[:, :, np.newaxis]
    return x_true, x_est
