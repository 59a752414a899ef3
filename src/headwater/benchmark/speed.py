"""What solvers cost: time to fit, for one sample and for one of many, memory; and the error beside it."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from headwater.benchmark.heads import Space, data_leadfield, solver_leadfield
from headwater.benchmark.piunet import bells
from headwater.benchmark.protocol import (
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
from headwater.metrics.table import METRICS
from headwater.simulation.distributions import Constant
from headwater.simulation.samples import Samples
from headwater.simulation.simulator import simulate
from headwater.solvers.tuning import comparable, estimate_samples

REPEATS = 5
MEMORY_BATCH = 32
PRESET = bells(20.0, Constant(1))  # one source of 10-80 mm at 20 dB, as in table I of 3D-PIUNet


@dataclass(frozen=True)
class Load:
    """How much work a size of the protocol is."""

    spaces: Mapping[str, Space]
    n: int
    n_training: int


@dataclass(frozen=True, eq=False)
class Speed(Protocol):
    """Time and memory of every solver on the same lead field and samples."""

    sizes: Mapping[str, Load]
    name: str = "speed"
    title: str = "What the solvers cost"
    statistic: str = "median"

    about = "One source of 10-80 mm at 20 dB, one instant. Times depend on the machine and on what else it does."

    @property
    def columns(self) -> Mapping[str, Column]:  # type: ignore[override]
        """Costs, and the localisation error as a reminder of what they buy."""
        memory = f"Largest sum of NumPy arrays while {MEMORY_BATCH} samples are estimated."
        return {
            "fit": Column("s", False, "Time to prepare the solver, once for a lead field.", logarithmic=True),
            "single": Column("ms", False, "Time for one sample by itself.", logarithmic=True),
            "batch": Column("ms", False, "Time for a sample among many.", logarithmic=True),
            "memory": Column("MB", False, memory, logarithmic=True),
            **metric_columns(["localization_error"]),
        }

    def seeds(self, settings: Settings) -> tuple[int, ...]:
        """Return one head."""
        return (1,)

    def cases(self, settings: Settings) -> tuple[Case, ...]:
        """Return one case for each space."""
        load = self.sizes[settings.size]
        return tuple(
            Case(name=name, title=f"{name}: {load.n} samples", tuned_on=name, setting=space)
            for name, space in load.spaces.items()
        )

    def training(self, tuned_on: str, settings: Settings) -> Training:
        """Simulate a training set on the template."""
        load = self.sizes[settings.size]
        leadfield = solver_leadfield(load.spaces[tuned_on])
        samples = simulate(leadfield, PRESET, load.n_training, seed=10**6)
        return Training(leadfield, samples, METRICS["localization_error"])

    def score(self, fit: Fit | Control, case: Case, seed: int, settings: Settings) -> Scored:
        """Measure each cost by itself."""
        n = self.sizes[settings.size].n
        leadfield = solver_leadfield(case.setting)
        behind = leadfield if settings.inverse_crime else data_leadfield(case.setting, seed)
        samples = simulate(behind, PRESET, n, seed)
        x_true = samples.x.double().numpy()
        error = partial(METRICS["localization_error"].function, pos=leadfield.pos)
        if isinstance(fit, Control):
            reasons = dict.fromkeys(("fit", "single", "batch", "memory"), "a control is not computed from the data")
            return Scored({"localization_error": error(x_true, fit.estimate(x_true, seed))}, reasons)
        scored = Scored()
        solver, scored.fit_s = fit(leadfield, None)
        estimate = partial(estimate_samples, solver, in_noise_units=True)
        single = [_seconds(estimate, samples[k : k + 1])[0] for k in range(min(REPEATS, n))]
        elapsed, x_est = _seconds(estimate, samples)
        scored.s_per_sample = elapsed / n
        scored.values = {
            "fit": np.array([scored.fit_s]),
            "single": 1e3 * np.array(single),
            "batch": np.array([1e3 * elapsed / n]),
            "memory": np.array([_peak_memory(estimate, samples[:MEMORY_BATCH]) / 1e6]),
            "localization_error": error(*comparable(x_true, x_est, solver)),
        }
        return scored


def _seconds(work: Callable[[Samples], np.ndarray], samples: Samples) -> tuple[float, np.ndarray]:
    start = time.perf_counter()
    found = work(samples)
    return time.perf_counter() - start, found


def _peak_memory(work: Callable[[Samples], np.ndarray], samples: Samples) -> int:
    """Largest size of all arrays made at a time, in bytes."""
    tracemalloc.start()
    try:
        work(samples)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


SPEED = Speed(
    sizes={
        "quick": Load({"61 EEG, 10 mm": Space("easycap-M10", "volume", 10.0, ico=3)}, n=100, n_training=12),
        "paper": Load(
            {"61 EEG, 7 mm": Space("easycap-M10", "volume", 7.0), "128 EEG, 7 mm": Space("biosemi128", "volume", 7.0)},
            n=1000,
            n_training=50,
        ),
    }
)
