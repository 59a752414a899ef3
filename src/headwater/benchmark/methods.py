"""What a benchmark compares: solvers, and controls that know what no solver can know."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import mne
import numpy as np

from headwater._utils.cache import content_hash
from headwater.benchmark.exams import Exam, Listening, Scored, TrainingSet
from headwater.forward.leadfield import LeadField
from headwater.metrics.controls import perfect_estimate, random_estimate
from headwater.simulation.samples import Samples
from headwater.solvers.base import Solver
from headwater.solvers.evaluation import estimate_samples, evaluate_estimates
from headwater.solvers.linear.regularized import Regularized
from headwater.solvers.tuning import default_grid, tuned, with_parameters

CHANCE_DRAWS = 100


@dataclass(frozen=True, eq=False)
class Estimator:
    """A method that is ready for the samples of an exam.

    Attributes
    ----------
    estimate : callable
        ``estimate(samples, start)``, as for `headwater.solvers.evaluation.evaluate_estimates`.
    unit : str
        As of a solver.
    fit_s : float
        Seconds it took to get ready.
    """

    estimate: Callable[[Samples, int], np.ndarray]
    unit: str = "Am"
    fit_s: float = np.nan


class Method(ABC):
    """A row of the tables.

    Attributes
    ----------
    competes : bool
        Whether estimates are made from the data alone, so that scores are ranked and times are shown.
    """

    competes: ClassVar[bool]

    @property
    @abstractmethod
    def needs_tuning(self) -> bool:
        """Whether there are hyper-parameters to choose."""

    @abstractmethod
    def tuned(self, training: TrainingSet) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return the best hyper-parameters, and how each combination scored."""

    @abstractmethod
    def with_parameters(self, parameters: Mapping[str, Any]) -> Method:
        """Return the method with these hyper-parameters."""

    @abstractmethod
    def by_name(self) -> Method:
        """Return the method as `headwater.analyze` makes it from its name."""

    @abstractmethod
    def estimator(self, exam: Exam) -> Estimator:
        """Prepare for the samples of an exam."""

    @abstractmethod
    def listen(self, listening: Listening) -> tuple[list[np.ndarray], float, float]:
        """Localise a recording.

        Returns
        -------
        maps : list of array of shape (n_sources,)
        fit_s, seconds : float
            Spent on the preparation and on the estimate.
        """

    def take(self, exam: Exam) -> Scored:
        """Estimate the samples of an exam and score the estimates."""
        estimator = self.estimator(exam)
        found = evaluate_estimates(
            estimator.estimate, exam.samples, exam.metrics, exam.pair.model, unit=estimator.unit, truth=exam.truth
        )
        return Scored(found.values, found.reasons, estimator.fit_s, found.seconds / len(exam.samples))


@dataclass(frozen=True, eq=False)
class Fitted(Method):
    """A solver, fitted to the lead field of each case.

    Attributes
    ----------
    solver : Solver
    parameters : dict
        Hyper-parameters that differ from those of ``solver``.
    """

    solver: Solver
    parameters: Mapping[str, Any] = field(default_factory=dict)

    competes: ClassVar[bool] = True
    _last: ClassVar[tuple[Fitted, str, Solver, float] | None] = None

    @property
    def needs_tuning(self) -> bool:
        """Whether the solver has a hyper-parameter that is tuned."""
        return bool(default_grid(self.solver))

    def tuned(self, training: TrainingSet) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Search the default grid of the solver."""
        found = tuned(
            self.solver,
            training.leadfield,
            training.samples,
            training.metric,
            noise_cov=training.noise_cov,
            truth=training.truth,
        )
        return found.parameters, found.scores.to_dict(orient="records")

    def with_parameters(self, parameters: Mapping[str, Any]) -> Fitted:
        """Return the solver with these hyper-parameters."""
        return Fitted(self.solver, dict(parameters))

    def by_name(self) -> Fitted:
        """Let the data choose ``lambda2``, as for a solver that `headwater.analyze` is given by name."""
        return self.with_parameters({"lambda2": "auto"} if isinstance(self.solver, Regularized) else {})

    def estimator(self, exam: Exam) -> Estimator:
        """Fit the solver to the lead field that it assumes."""
        solver, fit_s = self.fitted(exam.pair.model, exam.noise_cov)
        estimate = partial(_estimate, solver, exam.noise_cov is None)
        return Estimator(estimate, solver.unit, fit_s)

    def listen(self, listening: Listening) -> tuple[list[np.ndarray], float, float]:
        """Estimate the sources of the recording."""
        solver, fit_s = self.fitted(listening.prepared.leadfield, listening.prepared.noise_cov)
        start = time.perf_counter()
        estimate = np.abs(solver.apply(listening.prepared.evoked).data)  # type: ignore[union-attr]
        seconds = time.perf_counter() - start
        when = np.unravel_index(estimate.argmax(), estimate.shape)[1]
        return [estimate.mean(axis=1) if listening.over_time else estimate[:, when]], fit_s, seconds

    def fitted(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None) -> tuple[Solver, float]:
        """Return the fitted solver and the seconds its fit took; the last one is kept, for cases often share it.

        It is recognised by the solver object itself: two networks may print alike and have other weights.
        """
        covariance = noise_cov["data"] if isinstance(noise_cov, mne.Covariance) else noise_cov
        key = content_hash(leadfield.fingerprint, covariance)
        last = Fitted._last
        if last is None or last[0].solver is not self.solver or (last[0].parameters, last[1]) != (self.parameters, key):
            solver = with_parameters(self.solver, self.parameters)
            start = time.perf_counter()
            solver.fit(leadfield, noise_cov)
            last = Fitted._last = self, key, solver, time.perf_counter() - start
        return last[2:]


def _estimate(solver: Solver, in_noise_units: bool, samples: Samples, start: int) -> np.ndarray:
    del start
    return estimate_samples(solver, samples, in_noise_units=in_noise_units)


class Control(Method):
    """A row that knows what a solver cannot know.

    Attributes
    ----------
    knowledge : str
        What it knows, as the end of a sentence that begins with its name.
    """

    competes: ClassVar[bool] = False
    knowledge: str

    @property
    def needs_tuning(self) -> bool:
        """A control has no hyper-parameters."""
        return False

    def tuned(self, training: TrainingSet) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Choose nothing."""
        del training
        return {}, []

    def with_parameters(self, parameters: Mapping[str, Any]) -> Method:
        """Return the control itself."""
        del parameters
        return self

    def by_name(self) -> Method:
        """Return the control itself."""
        return self


@dataclass(frozen=True)
class Chance(Control):
    """Amplitudes and directions drawn at random, with the power of the ground truth."""

    knowledge = "knows nothing"

    def estimator(self, exam: Exam) -> Estimator:
        """Draw estimates by the seed of the exam."""

        def estimate(samples: Samples, start: int) -> np.ndarray:
            return self.draw(exam.truth(samples), exam.seed + start)

        return Estimator(estimate)

    def listen(self, listening: Listening) -> tuple[list[np.ndarray], float, float]:
        """Draw many maps."""
        truth = listening.nearness[np.newaxis, :, np.newaxis]
        maps = [np.abs(self.draw(truth, listening.seed + draw))[0, :, 0] for draw in range(CHANCE_DRAWS)]
        return maps, np.nan, np.nan

    @staticmethod
    def draw(x_true: np.ndarray, seed: int) -> np.ndarray:
        """Draw one estimate."""
        drawn = random_estimate(x_true, seed=seed)
        rest = tuple(range(1, drawn.ndim))
        power, power_drawn = (np.mean(x**2, axis=rest, keepdims=True) for x in (x_true, drawn))
        estimate: np.ndarray = drawn * np.sqrt(power / power_drawn)
        return estimate


@dataclass(frozen=True)
class Perfect(Control):
    """The ground truth itself."""

    knowledge = "knows the ground truth"

    def estimator(self, exam: Exam) -> Estimator:
        """Return the ground truth."""
        return Estimator(lambda samples, _start: perfect_estimate(exam.truth(samples)))

    def listen(self, listening: Listening) -> tuple[list[np.ndarray], float, float]:
        """Return a map that fades with the distance from the ground truth."""
        return [listening.nearness], np.nan, np.nan


CONTROLS: dict[str, Control] = {"Random": Chance(), "Perfect": Perfect()}
