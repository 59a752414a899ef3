"""Protocols on simulated recordings."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from headwater.benchmark.heads import Space, data_leadfield, solver_leadfield
from headwater.benchmark.oracle import Oracle
from headwater.benchmark.protocol import (
    CONTROLS,
    Case,
    Column,
    Control,
    Fit,
    Protocol,
    Scored,
    Settings,
    Training,
    metric_columns,
)
from headwater.forward.leadfield import LeadField
from headwater.metrics.table import METRICS
from headwater.simulation.presets import Preset
from headwater.simulation.samples import Samples
from headwater.simulation.simulator import simulate
from headwater.solvers.base import Solver
from headwater.solvers.tuning import comparable, estimate_samples

TRAINING_SEED = 10**6  # far from the seeds of any test
CHUNK = 64  # samples that are dense at a time
NEED_CURRENTS = ("nmse",)  # metrics that compare amplitudes in A m


@dataclass(frozen=True)
class Extent:
    """How much a size of a protocol costs."""

    space: Space
    n: int
    n_training: int
    seeds: tuple[int, ...]
    cases: tuple[Case, ...]


@dataclass(frozen=True, eq=False)
class Simulated(Protocol):
    """Simulate on a varied head, solve on the template.

    Attributes
    ----------
    name, title, statistic
    sizes : dict of str to Extent
        ``setting`` of each case is the preset of its samples.
    training_presets : dict of str to Preset
        By the name that cases give in ``tuned_on``.
    metrics : tuple of str
        Of `headwater.metrics.METRICS`; hyper-parameters are tuned for the first.
    brain_noise : bool
        Whether ongoing activity of the whole brain is the noise. Then solvers get its covariance, as from a baseline;
        otherwise the noise is white, and they get each sample in units of it.
    patches_as_truth : bool
        Compare with the coefficients of the patches instead of with the currents.
    variants : dict of str to Solver
        Further solvers.
    controls : dict of str to Control
        Rows that know what a solver cannot know.
    about : str
        How data and solvers differ.
    """

    name: str
    title: str
    sizes: Mapping[str, Extent]
    training_presets: Mapping[str, Preset]
    metrics: tuple[str, ...]
    statistic: str = "mean"
    brain_noise: bool = False
    patches_as_truth: bool = False
    variants: Mapping[str, Solver] = field(default_factory=dict)
    controls: Mapping[str, Control] = field(default_factory=lambda: CONTROLS)
    about: str = (
        "Data come from another head than the solvers' (shape, places of electrodes, conductivities), with the same "
        "sources, one by one; hyper-parameters are tuned on samples of the solvers' head, for the first metric."
    )

    @property
    def columns(self) -> Mapping[str, Column]:  # type: ignore[override]
        """The metrics."""
        return metric_columns(self.metrics)

    @property
    def solvers(self) -> dict[str, Solver]:
        """All solvers, and the variants."""
        return {**super().solvers, **self.variants}

    def seeds(self, settings: Settings) -> tuple[int, ...]:
        """Return one seed per head."""
        return self.sizes[settings.size].seeds

    def cases(self, settings: Settings) -> tuple[Case, ...]:
        """Return the cases of this size."""
        return self.sizes[settings.size].cases

    def extent(self, settings: Settings) -> Extent:
        """Return how much there is to do."""
        extent = self.sizes[settings.size]
        return extent if settings.samples is None else replace(extent, n=min(extent.n, settings.samples))

    def training(self, tuned_on: str, settings: Settings) -> Training:
        """Simulate a training set on the template."""
        extent, preset = self.sizes[settings.size], self.training_presets[tuned_on]
        leadfield = solver_leadfield(extent.space)
        return Training(
            leadfield,
            simulate(leadfield, preset, extent.n_training, TRAINING_SEED),
            METRICS[self.metrics[0]],
            noise_cov=self._noise_cov(leadfield, preset),
            truth=self._truth,
        )

    def score(self, fit: Fit | Control, case: Case, seed: int, settings: Settings) -> Scored:
        """Simulate, estimate, score."""
        extent = self.extent(settings)
        leadfield = solver_leadfield(extent.space)
        behind = leadfield if settings.inverse_crime else data_leadfield(extent.space, seed)
        if case.n_lost:
            leadfield, behind = (_without(one, case.n_lost, seed) for one in (leadfield, behind))
        samples = _samples(behind, case.setting, extent.n, seed)
        scored = Scored()
        solver = None
        if not isinstance(fit, Control):
            solver, scored.fit_s = fit(leadfield, self._noise_cov(behind, case.setting))
        metrics = dict.fromkeys(self.metrics)
        if solver is not None and solver.unit != "Am":
            for name in metrics.keys() & NEED_CURRENTS:
                scored.reasons[name] = "compares currents, and this solver gives statistics without a unit"
                del metrics[name]
        parts: list[dict[str, np.ndarray]] = []
        elapsed = 0.0
        for start_at in range(0, extent.n, CHUNK):
            chunk = samples[start_at : start_at + CHUNK]
            x_true = self._truth(chunk)
            start = time.perf_counter()
            if isinstance(fit, Oracle):
                x_est = fit.posterior_mean(chunk, behind if fit.knows_head else leadfield, case.setting)
            elif isinstance(fit, Control):
                x_est = fit.estimate(x_true, seed + start_at)
            else:
                assert solver is not None  # noqa: S101
                x_est = estimate_samples(solver, chunk, in_noise_units=not self.brain_noise)
            elapsed += time.perf_counter() - start
            if solver is not None:
                x_true, x_est = comparable(x_true, x_est, solver)
            known = {"centers": chunk.truth.centers.numpy(), "region_ids": leadfield.region_ids}
            parts.append({name: _scores(name, x_true, x_est, leadfield.pos, known) for name in metrics})
        scored.s_per_sample = elapsed / extent.n
        scored.values = {name: np.concatenate([part[name] for part in parts]) for name in metrics}
        return scored

    def _truth(self, samples: Samples) -> np.ndarray:
        if self.patches_as_truth:
            return samples.coefficients.double().numpy()[:, :, np.newaxis]
        return samples.x.double().numpy()

    def _noise_cov(self, leadfield: LeadField, preset: Preset) -> np.ndarray | None:
        """Covariance that the resting brain has at the sensors, in V^2: what a long baseline shows."""
        if not self.brain_noise:
            return None
        assert preset.background is not None  # noqa: S101
        amplitude = 1e-9 * preset.background.amplitude_nam
        return amplitude**2 * leadfield.matrix @ leadfield.matrix.T


@lru_cache(maxsize=4)
def _without(leadfield: LeadField, n_lost: int, seed: int) -> LeadField:
    """Leave out electrodes at random, the same ones of every lead field with as many."""
    kept = np.sort(np.random.default_rng(seed).permutation(leadfield.n_channels)[n_lost:])
    return leadfield.pick([leadfield.ch_names[row] for row in kept])


@lru_cache(maxsize=2)
def _samples(leadfield: LeadField, preset: Preset, n: int, seed: int) -> Samples:
    return simulate(leadfield, preset, n, seed)


def _scores(name: str, x_true: np.ndarray, x_est: np.ndarray, pos: np.ndarray, known: dict) -> np.ndarray:
    metric = METRICS[name]
    return metric.function(x_true, x_est, pos=pos, **{need: known[need] for need in metric.needs})
