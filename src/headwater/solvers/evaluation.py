"""Score estimates of simulated samples: one scorer for benchmark, validation, tuning and speed."""

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

if TYPE_CHECKING:  # simulation loads PyTorch, which solvers do without
    from headwater.simulation.samples import Samples

CHUNK = 64  # samples that are dense at a time
NOT_CURRENTS = "compares currents, and this solver gives statistics without a unit"

GroundTruth = Callable[["Samples"], np.ndarray]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores of estimates.

    Attributes
    ----------
    values : dict of str to array of shape (n_samples,)
        By the name of the metric.
    reasons : dict of str to str
        Why a metric does not apply.
    seconds : float
        Spent on the estimates.
    """

    values: dict[str, np.ndarray]
    reasons: dict[str, str]
    seconds: float


def currents(samples: Samples) -> np.ndarray:
    """Return the currents of samples as their ground truth, (batch, n_sources, n_orient, n_times), in A m."""
    return samples.x.double().cpu().numpy()


def activity(samples: Samples) -> np.ndarray:
    """Return how active each source is as the ground truth, (batch, n_sources, 1), from 0 to 1."""
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
        On the positions of ``solver.leadfield_``.
    metrics : dict of str to Metric
        Some of `headwater.metrics.METRICS`.
    truth : callable
        Gives what the metrics compare with: `currents` or `activity`.
    in_noise_units : bool
        Whether the solver was fitted without a noise covariance, see `estimate_samples`.
    chunk : int
        Samples that are dense at a time.
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
    """Score any estimates.

    Parameters
    ----------
    estimate : callable
        ``estimate(samples, start)`` returns an array of shape (batch, n_sources, n_orient[, n_times]) for the samples
        from number ``start`` on.
    samples, metrics, truth, chunk
        As for `evaluate`.
    leadfield : LeadField
        Where the sources are.
    unit : str
        Of the estimates, as of a solver.
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
    """Call a metric with what it needs of all that is known."""
    return metric.function(x_true, x_est, pos=pos, **{name: known[name] for name in metric.needs if name in known})


def noise_level(samples: Samples) -> np.ndarray:
    """Root of the power of each sample's white noise, from its SNR and its data; V (T, T/m), shape (batch,).

    ``|y|^2 = P_noise (1 + SNR)`` in the mean. 1 for noise-free samples and for several sensor types, whose noise a
    single number does not describe. The level that was drawn, ``samples.truth.noise_rms``, differs by the chance of the
    realised noise; committed tables rest on this one.
    """
    snr_db = samples.truth.snr_db.double().cpu().numpy()
    if snr_db.shape[1] != 1 or not np.isfinite(snr_db).all():
        return np.ones(len(samples))
    power = samples.y.double().square().mean((1, 2)).cpu().numpy()
    return np.sqrt(power / (1 + 10 ** (snr_db[:, 0] / 10)))


def estimate_samples(solver: Solver, samples: Samples, *, in_noise_units: bool) -> np.ndarray:
    """Return the estimate of a fitted solver, (batch, n_sources, n_orient, n_times).

    Parameters
    ----------
    solver : Solver
    samples : Samples
    in_noise_units : bool
        Divide each sample by its `noise_level` before and multiply after, so that for every sample the identity is the
        noise covariance the solver was fitted with. Without effect on a linear solver.
    """
    y = samples.y.double().cpu().numpy()
    if not in_noise_units:
        return solver.estimate(y)
    level = noise_level(samples)[:, None, None]
    estimate = solver.estimate(y / level)
    return estimate * level[..., None] if solver.unit == "Am" else estimate


def comparable(x_true: np.ndarray, x_est: np.ndarray, leadfield: LeadField) -> tuple[np.ndarray, np.ndarray]:
    """Bring ground truth and estimate to one shape.

    A ground truth without times is compared with amplitudes averaged over time; where the numbers of orientations
    differ, the currents along the normals become vectors.
    """
    if x_true.ndim == x_est.ndim == 4 and x_true.shape[2] != x_est.shape[2]:
        normals = leadfield.normals[:, :, np.newaxis]
        x_true, x_est = (x * normals if x.shape[2] == 1 else x for x in (x_true, x_est))
    elif x_true.ndim == 3 and x_est.ndim == 4:
        x_est = amplitude(x_est)[:, :, np.newaxis]
    return x_true, x_est
