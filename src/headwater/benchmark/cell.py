"""One cell of the table: one solver in one case with one seed. It depends on nothing but its name and the settings."""

from __future__ import annotations

import json
import time
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import mne
import numpy as np

from headwater._utils.cache import content_hash
from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file
from headwater.benchmark.protocol import Case, Control, Method, Protocol, Scored, Settings, Training
from headwater.forward.leadfield import LeadField
from headwater.solvers.base import Solver
from headwater.solvers.tuning import default_grid, tuned, with_parameters

DIGITS = 6  # significant ones; the last bits of a product depend on the number of threads


@dataclass(frozen=True, eq=False)
class Task:
    """What one piece of work needs to know; the same in this process and on a cluster.

    Attributes
    ----------
    out : Path
    protocol : Protocol
    settings : Settings
    method_name : str
    method : Solver | Control
    case : Case
    seed : int
    skip : str
        Why this run leaves the cell out; empty where it does not.
    """

    out: Path
    protocol: Protocol
    settings: Settings
    method_name: str
    method: Method
    case: Case
    seed: int
    skip: str = ""

    @property
    def skipped(self) -> str:
        """Why the cell has no scores, known beforehand."""
        return self.skip or self.protocol.skipped(self.case, self.settings)

    @property
    def tuning_path(self) -> Path:
        """Where the hyper-parameters of this cell are kept."""
        return self.out / "tuning" / f"{_slug(self.case.tuned_on)}--{self.method_name}.json"

    @property
    def cell_path(self) -> Path:
        """Where the scores of this cell are kept."""
        return self.out / "cells" / f"{self.case.name}--{self.method_name}--{self.seed}.json"


def tune(task: Task) -> None:
    """Choose the hyper-parameters of a solver for a training set, unless that is done already."""
    if task.tuning_path.exists() or isinstance(task.method, Control):
        return
    if not default_grid(task.method):
        _write(task.tuning_path, {"parameters": {}})
        return
    try:
        training = _training(task.protocol, task.case.tuned_on, task.settings)
        found = tuned(
            task.method,
            training.leadfield,
            training.samples,
            training.metric,
            noise_cov=training.noise_cov,
            truth=training.truth,
        )
        outcome: dict[str, Any] = {
            "parameters": {name: _plain(value) for name, value in found.parameters.items()},
            "scores": json.loads(found.scores.to_json(orient="records")),
        }
    except Exception as error:  # whatever a solver raises becomes a row of the table
        outcome = {"status": _status(error), "error": _words(error)}
    _write(task.tuning_path, outcome)


def score(task: Task) -> None:
    """Score a cell and keep its rows, unless that is done already."""
    if task.cell_path.exists():
        return
    if task.skipped:
        _write(task.cell_path, _without_scores(task, "skipped", task.skipped))
        return
    tuning = {} if isinstance(task.method, Control) else json.loads(task.tuning_path.read_text())
    if "error" in tuning:
        _write(task.cell_path, _without_scores(task, tuning["status"], tuning["error"]))
        return
    parameters = tuning.get("parameters", {})
    method = task.method if isinstance(task.method, Control) else Fitter(task.method, parameters)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            scored = task.protocol.score(method, task.case, task.seed, task.settings)
        note = "; ".join(dict.fromkeys(str(one.message) for one in caught))
        cell = {"status": "ok", **_rounded(scored), "note": note}
    except Exception as error:  # never a missing row
        cell = _without_scores(task, _status(error), _words(error))
    _write(task.cell_path, {**cell, "parameters": parameters})


def _without_scores(task: Task, status: str, reason: str) -> dict[str, Any]:
    return {"status": status, "reasons": dict.fromkeys(task.protocol.columns, reason)}


def _status(error: Exception) -> str:
    """Tell what a method refuses in plain words from what breaks it."""
    return "incompatible" if isinstance(error, InputError) else "failed"


class Fitter:
    """Fit a solver with its tuned hyper-parameters; the last one is kept, for cases often share it."""

    _last: tuple[str, Solver, float] | None = None

    def __init__(self, solver: Solver, parameters: dict[str, Any]) -> None:
        self.solver = solver
        self.parameters = parameters

    def __call__(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None) -> tuple[Solver, float]:
        """Return the fitted solver and the seconds its fit took."""
        covariance = noise_cov["data"] if isinstance(noise_cov, mne.Covariance) else noise_cov
        key = content_hash(leadfield.fingerprint, covariance, repr(self.solver), repr(self.parameters))
        last = Fitter._last
        if last is None or last[0] != key:
            solver = with_parameters(self.solver, self.parameters)
            start = time.perf_counter()
            solver.fit(leadfield, noise_cov)
            last = Fitter._last = key, solver, time.perf_counter() - start
        return last[1:]


@lru_cache(maxsize=1)
def _training(protocol: Protocol, tuned_on: str, settings: Settings) -> Training:
    """Training set; the last one is kept, for all solvers share it."""
    return protocol.training(tuned_on, settings)


def _rounded(scored: Scored) -> dict[str, Any]:
    return {
        "values": {name: [_round(value) for value in values] for name, values in scored.values.items()},
        "reasons": scored.reasons,
        "fit_s": _round(scored.fit_s),
        "s_per_sample": _round(scored.s_per_sample),
    }


def _round(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.{DIGITS}g}")


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _words(error: Exception) -> str:
    """Say an error in one line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, InputError) else f"{type(error).__name__}: {text}"


def _slug(name: str) -> str:
    return name.replace(" ", "-")


def _write(path: Path, content: dict[str, Any]) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(content))
