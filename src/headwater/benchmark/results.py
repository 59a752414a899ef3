"""From the files of the cells to one table: a row for each case, solver, seed and metric, and its summary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from headwater.benchmark.cell import Task, read_cell
from headwater.metrics.bootstrap import Interval, bootstrap_interval

STATISTICS: dict[str, Callable[..., np.ndarray]] = {"mean": np.mean, "median": np.median}

COLUMNS = (
    *("protocol", "size", "case", "solver", "seed", "metric", "value", "low", "high", "n", "unit", "status", "reason"),
    *("parameters", "note", "fit_s", "s_per_sample"),
)


def collect(tasks: Iterable[Task]) -> tuple[pd.DataFrame, dict[tuple[str, str, str], np.ndarray]]:
    """Read all cells.

    Returns
    -------
    results : pandas.DataFrame
        One row for each case, solver, seed and metric.
    scores : dict of (case, solver, metric) to array of shape (n_samples,)
        Of all seeds together.
    """
    rows: list[dict[str, Any]] = []
    scores: dict[tuple[str, str, str], list[float]] = {}
    for task in tasks:
        cell = read_cell(task.cell_path)
        for metric, measure in task.protocol.measures.items():
            found = _values(cell, metric)
            rows.append(
                {**_identity(task, metric, measure.unit), **_costs(cell), **_outcome(task, cell, metric, found)}
            )
            if found is not None:
                scores.setdefault((task.case.name, task.method_name, metric), []).extend(found)
    return pd.DataFrame(rows, columns=COLUMNS), {key: np.array(values) for key, values in scores.items()}


def _values(cell: Mapping[str, Any], metric: str) -> np.ndarray | None:
    values = cell.get("values", {}).get(metric)
    return None if values is None else np.array([np.nan if value is None else value for value in values])


def _identity(task: Task, metric: str, unit: str) -> dict[str, Any]:
    return {
        "protocol": task.protocol.name,
        "size": task.settings.size,
        "case": task.case.name,
        "solver": task.method_name,
        "seed": task.seed,
        "metric": metric,
        "unit": unit,
    }


def _costs(cell: Mapping[str, Any]) -> dict[str, Any]:
    parameters = " ".join(f"{name}={value:g}" for name, value in cell.get("parameters", {}).items())
    return {"parameters": parameters, **{name: cell.get(name) for name in ("fit_s", "s_per_sample", "note")}}


def _outcome(task: Task, cell: Mapping[str, Any], metric: str, found: np.ndarray | None) -> dict[str, Any]:
    """Score of one metric, or why there is none."""
    if found is None:
        status = "incompatible" if cell["status"] == "ok" else cell["status"]
        return {"status": status, "reason": cell["reasons"][metric], "n": 0}
    interval = summary(found, task.protocol.statistic)
    return {
        "value": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "n": interval.n,
        "status": "ok" if interval.n else "incompatible",
        "reason": "" if interval.n else "does not apply to any sample of this case",
    }


def summary(values: np.ndarray, statistic: str) -> Interval:
    """Mean or median over samples with its bootstrap interval."""
    return bootstrap_interval(values, statistic=STATISTICS[statistic])
