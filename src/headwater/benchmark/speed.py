"""What solvers cost: time to fit, for one sample and per sample of a batch, memory; and the error they achieve."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from headwater.benchmark.exams import Exam, Scored, TrainingSet
from headwater.benchmark.heads import Setup, leadfield_pair, model_leadfield
from headwater.benchmark.methods import Method
from headwater.benchmark.piunet import bells
from headwater.benchmark.protocol import Case, Protocol, Settings
from headwater.metrics.measure import Measure
from headwater.metrics.table import METRICS
from headwater.simulation.distributions import Constant
from headwater.simulation.simulator import simulate
from headwater.solvers.evaluation import evaluate_estimates

REPEATS = 5
MEMORY_BATCH = 32
COSTS = ("fit", "single", "batch", "memory")
PRESET = bells(20.0, Constant(1))  # one source of 10-80 mm at 20 dB, as in table I of 3D-PIUNet


@dataclass(frozen=True)
class Load:
    """How much work a size of the protocol is."""

    setups: Mapping[str, Setup]
    n: int
    n_training: int


@dataclass(frozen=True, eq=False)
class Speed(Protocol):
    """Time and memory of every solver on the same lead field and samples."""

    sizes: Mapping[str, Load]
    name: str = "speed"
    title: str = "What the solvers cost"
    statistic: str = "median"

    about: str = "One source of 10-80 mm at 20 dB, one time point. Times depend on the machine and on its load."

    @property
    def measures(self) -> Mapping[str, Measure]:
        """Costs, and the localisation error as a reminder of what they buy."""
        memory = f"Largest sum of NumPy arrays while {MEMORY_BATCH} samples are estimated."
        return {
            "fit": _cost("s", "Time to prepare the solver, once for a lead field."),
            "single": _cost("ms", "Time for one sample alone."),
            "batch": _cost("ms", "Time per sample of a batch."),
            "memory": _cost("MB", memory),
            "localization_error": METRICS["localization_error"],
        }

    def seeds(self, settings: Settings) -> tuple[int, ...]:
        """Return one head."""
        del settings
        return (1,)

    def cases(self, settings: Settings) -> tuple[Case, ...]:
        """Return one case for each space."""
        load = self.sizes[settings.size]
        return tuple(
            Case(name=name, title=f"{name}: {load.n} samples", tuned_on=name, setting=space)
            for name, space in load.setups.items()
        )

    def training(self, tuned_on: str, settings: Settings) -> TrainingSet:
        """Simulate a training set on the template."""
        load = self.sizes[settings.size]
        leadfield = model_leadfield(load.setups[tuned_on])
        samples = simulate(leadfield, PRESET, load.n_training, seed=10**6)
        return TrainingSet(leadfield, samples, METRICS["localization_error"])

    def score(self, method: Method, case: Case, seed: int, settings: Settings) -> Scored:
        """Measure each cost separately."""
        pair = leadfield_pair(case.setting, seed, inverse_crime=settings.inverse_crime)
        samples = simulate(pair.truth, PRESET, self.sizes[settings.size].n, seed)
        metrics = {"localization_error": METRICS["localization_error"]}
        exam = Exam(pair, samples, PRESET, metrics, seed=seed)
        estimator = method.estimator(exam)
        if not method.competes:
            found = evaluate_estimates(estimator.estimate, samples, metrics, pair.model, chunk=len(samples))
            return Scored(found.values, dict.fromkeys(COSTS, "a control is not computed from the data"))
        single = [_seconds(lambda k=k: estimator.estimate(samples[k : k + 1], k)) for k in range(REPEATS)]  # type: ignore[misc]
        found = evaluate_estimates(estimator.estimate, samples, metrics, pair.model, chunk=len(samples))
        memory = _peak_memory(lambda: estimator.estimate(samples[:MEMORY_BATCH], 0))
        costs = {
            "fit": np.array([estimator.fit_s]),
            "single": 1e3 * np.array(single),
            "batch": np.array([1e3 * found.seconds / len(samples)]),
            "memory": np.array([memory / 1e6]),
        }
        return Scored({**costs, **found.values}, {}, estimator.fit_s, found.seconds / len(samples))


def _cost(unit: str, meaning: str) -> Measure:
    return Measure(unit=unit, higher_is_better=False, meaning=meaning, logarithmic=True)


def _seconds(work: Callable[[], np.ndarray]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _peak_memory(work: Callable[[], np.ndarray]) -> int:
    """Largest size of all arrays at any time, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


SPEED = Speed(
    sizes={
        "quick": Load({"61 EEG, 10 mm": Setup("easycap-M10", "volume", 10.0, ico=3)}, n=100, n_training=12),
        "paper": Load(
            {"61 EEG, 7 mm": Setup("easycap-M10", "volume", 7.0), "128 EEG, 7 mm": Setup("biosemi128", "volume", 7.0)},
            n=1000,
            n_training=50,
        ),
    }
)
