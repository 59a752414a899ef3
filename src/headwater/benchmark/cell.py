"""One cell of the table: one method in one case with one seed. It depends on its name and the settings alone."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file
from headwater.benchmark.exams import Scored, TrainingSet
from headwater.benchmark.methods import Method
from headwater.benchmark.protocol import Case, Protocol, Settings

DIGITS = 6  # significant ones; the last bits of a product depend on the number of threads
STATUSES = ("ok", "incompatible", "failed", "skipped")


@dataclass(frozen=True, eq=False)
class Task:
    """What one piece of work needs to know; the same in this process and on a cluster.

    Attributes
    ----------
    out : Path
    protocol : Protocol
    settings : Settings
    method_name : str
    method : Method
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
        """Why the cell has no scores, if that is known beforehand."""
        return self.skip or self.protocol.skipped(self.case, self.settings)

    @property
    def is_tuned(self) -> bool:
        """Whether hyper-parameters are chosen for the cell."""
        return self.case.tuned_on is not None and self.method.needs_tuning and not self.skipped

    @property
    def tuning_path(self) -> Path:
        """Where the hyper-parameters of this cell are kept."""
        return self.out / "tuning" / f"{_slug(str(self.case.tuned_on))}--{self.method_name}.json"

    @property
    def cell_path(self) -> Path:
        """Where the scores of this cell are kept."""
        return self.out / "cells" / f"{self.case.name}--{self.method_name}--{self.seed}.json"


def tune(task: Task) -> None:
    """Choose the hyper-parameters of a method for a training set."""
    assert task.case.tuned_on is not None  # noqa: S101
    try:
        parameters, scores = task.method.tuned(_training(task.protocol, task.case.tuned_on, task.settings))
        outcome: dict[str, Any] = {"parameters": _plain(parameters), "scores": [_plain(one) for one in scores]}
    except Exception as error:  # whatever a solver raises becomes a row of the table
        outcome = {"status": _status(error), "error": _words(error)}
    _write(task.tuning_path, outcome)


def score(task: Task) -> None:
    """Score a cell and keep its rows."""
    if task.skipped:
        _write(task.cell_path, _without_scores(task, "skipped", task.skipped))
        return
    tuning = read_tuning(task.tuning_path) if task.is_tuned else {"parameters": {}}
    if "error" in tuning:
        _write(task.cell_path, _without_scores(task, tuning["status"], tuning["error"]))
        return
    parameters = tuning["parameters"]
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            method = task.method.with_parameters(parameters)
            scored = task.protocol.score(method, task.case, task.seed, task.settings)
        note = "; ".join(dict.fromkeys(str(one.message) for one in caught))
        cell = {"status": "ok", **_rounded(scored), "note": note}
    except Exception as error:  # never a missing row
        cell = _without_scores(task, _status(error), _words(error))
    _write(task.cell_path, {**cell, "parameters": parameters})


def read_cell(path: Path) -> dict[str, Any]:
    """Read the scores of a cell; refuse a damaged file."""
    cell = _read(path)
    scored = all(isinstance(cell.get(name, {}), dict) for name in ("values", "reasons", "parameters"))
    if cell.get("status") not in STATUSES or not scored or not (cell.get("values") or cell.get("reasons")):
        raise _damaged(path)
    return cell


def read_tuning(path: Path) -> dict[str, Any]:
    """Read the hyper-parameters of a method; refuse a damaged file."""
    tuning = _read(path)
    if not isinstance(tuning.get("parameters"), dict) and not ("error" in tuning and tuning.get("status") in STATUSES):
        raise _damaged(path)
    return tuning


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON or of the encoding
        raise _damaged(path) from error
    if not isinstance(content, dict):
        raise _damaged(path)
    return content


def _damaged(path: Path) -> InputError:
    return InputError(f"{path} is damaged; delete it and start the benchmark again, which computes it anew.")


def _without_scores(task: Task, status: str, reason: str) -> dict[str, Any]:
    return {"status": status, "reasons": dict.fromkeys(task.protocol.measures, reason)}


def _status(error: Exception) -> str:
    """Tell what a method refuses in plain words from what breaks it."""
    return "incompatible" if isinstance(error, InputError) else "failed"


@lru_cache(maxsize=1)
def _training(protocol: Protocol, tuned_on: str, settings: Settings) -> TrainingSet:
    """Training set; the last one is kept because all solvers share it."""
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


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return numbers that JSON can hold; None for NaN."""
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in plain.items()}


def _words(error: Exception) -> str:
    """Say an error in one line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, InputError) else f"{type(error).__name__}: {text}"


def _slug(name: str) -> str:
    return name.replace(" ", "-")


def _write(path: Path, content: dict[str, Any]) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(content), encoding="utf-8")
