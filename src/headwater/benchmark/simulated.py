"""Protocols on simulated recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import ClassVar

import numpy as np

from headwater.benchmark.exams import Exam, Scored, TrainingSet
from headwater.benchmark.heads import NewYork, Setup, leadfield_pair, model_leadfield
from headwater.benchmark.methods import CONTROLS, Control, Method
from headwater.benchmark.protocol import Case, Protocol, Settings
from headwater.forward.leadfield import LeadField
from headwater.forward.pair import LeadFieldPair
from headwater.metrics.measure import Measure
from headwater.metrics.table import METRICS
from headwater.simulation.presets import Preset
from headwater.simulation.samples import Samples
from headwater.simulation.simulator import simulate
from headwater.solvers.base import Solver
from headwater.solvers.evaluation import GroundTruth, currents

TRAINING_SEED = 10**6  # far from the seeds of any test

REAL_HEAD = "real-head"  # name of the hardest case


def in_a_real_head(case: Case) -> Case:
    """Ask the same of data that another real head makes, by finite elements with all its tissues."""
    title = f"{case.title}; data from the New York head, finite elements"
    return replace(case, name=REAL_HEAD, title=title, axis="", at=np.nan, deviation=NewYork())


ABOUT = (
    "Data come from another head than the one that solvers assume (shape, places of electrodes, conductivities), with "
    "the same sources, one by one; hyper-parameters are tuned on samples of the assumed head, for the first metric."
)


@dataclass(frozen=True)
class Extent:
    """How much a size of a protocol costs."""

    setup: Setup
    n: int
    n_training: int
    seeds: tuple[int, ...]
    cases: tuple[Case, ...]


@dataclass(frozen=True, eq=False)
class Simulated(Protocol):
    """Simulate on a varied head, solve on the assumed one.

    Attributes
    ----------
    name, title, statistic
    sizes : dict of str to Extent
        The ``setting`` of each case is the preset of its samples.
    training_presets : dict of str to Preset
        By the name that cases give in ``tuned_on``.
    metrics : tuple of str
        Of `headwater.metrics.METRICS`; hyper-parameters are tuned for the first.
    brain_noise : bool
        Whether ongoing activity of the whole brain is the noise. Solvers then get its covariance, as from a baseline;
        otherwise the noise is white, and they get each sample in units of it.
    truth : callable
        Gives what the metrics compare with: `headwater.solvers.evaluation.currents` or ``activity``.
    variants : dict of str to Solver
        Additional solvers.
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
    truth: GroundTruth = currents
    variants: Mapping[str, Solver] = field(default_factory=dict)
    controls: Mapping[str, Control] = field(default_factory=lambda: CONTROLS)
    about: str = ABOUT

    limits_samples: ClassVar[bool] = True

    @property
    def measures(self) -> Mapping[str, Measure]:
        """The metrics."""
        return {name: METRICS[name] for name in self.metrics}

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

    def training(self, tuned_on: str, settings: Settings) -> TrainingSet:
        """Simulate a training set on the template."""
        extent, preset = self.sizes[settings.size], self.training_presets[tuned_on]
        leadfield = model_leadfield(extent.setup)
        return TrainingSet(
            leadfield,
            simulate(leadfield, preset, extent.n_training, TRAINING_SEED),
            METRICS[self.metrics[0]],
            noise_cov=self._noise_cov(leadfield, preset),
            truth=self.truth,
        )

    def skipped(self, case: Case, settings: Settings) -> str:
        """Say which head is missing."""
        return "" if case.deviation is None else case.deviation.missing(settings.data)

    def score(self, method: Method, case: Case, seed: int, settings: Settings) -> Scored:
        """Simulate, estimate, score."""
        return method.take(self.exam(case, seed, settings))

    def exam(self, case: Case, seed: int, settings: Settings) -> Exam:
        """Simulate the samples of a case on one head."""
        extent = self.extent(settings)
        setup = extent.setup
        if case.deviation is not None:
            setup = replace(setup, deviation=case.deviation.at(settings.data, settings.size))
        pair = leadfield_pair(setup, seed, inverse_crime=settings.inverse_crime)
        if case.n_lost:
            pair = LeadFieldPair(*(_without(one, case.n_lost, seed) for one in (pair.model, pair.truth)))
        return Exam(
            pair,
            _samples(pair.truth, case.setting, extent.n, seed),
            case.setting,
            {name: METRICS[name] for name in self.metrics},
            self.truth,
            self._noise_cov(pair.truth, case.setting),
            seed,
        )

    def _noise_cov(self, leadfield: LeadField, preset: Preset) -> np.ndarray | None:
        """Covariance that the resting brain has at the sensors, in V^2: what a long baseline shows."""
        if not self.brain_noise:
            return None
        assert preset.background is not None  # noqa: S101
        amplitude = 1e-9 * preset.background.amplitude_nam
        covariance: np.ndarray = amplitude**2 * leadfield.matrix @ leadfield.matrix.T
        return covariance


@lru_cache(maxsize=4)
def _without(leadfield: LeadField, n_lost: int, seed: int) -> LeadField:
    """Leave out electrodes at random, the same ones of every lead field with as many."""
    kept = np.sort(np.random.default_rng(seed).permutation(leadfield.n_channels)[n_lost:])
    return leadfield.pick([leadfield.ch_names[row] for row in kept])


@lru_cache(maxsize=2)
def _samples(leadfield: LeadField, preset: Preset, n: int, seed: int) -> Samples:
    return simulate(leadfield, preset, n, seed)
