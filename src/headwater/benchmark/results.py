"""From the files of the cells to one table: a row for each case, solver, seed and metric, and its summary."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from headwater.benchmark.cell import Task
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
    rows: list[dict] = []
    scores: dict[tuple[str, str, str], list[float]] = {}
    for task in tasks:
        cell = json.loads(task.cell_path.read_text())
        for metric, column in task.protocol.columns.items():
            row = dict.fromkeys(COLUMNS)
            row |= {"protocol": task.protocol.name, "size": task.settings.size, "case": task.case.name}
            row |= {"solver": task.method_name, "seed": task.seed, "metric": metric, "unit": column.unit}
            row |= {name: cell.get(name) for name in ("fit_s", "s_per_sample", "note")}
            row["parameters"] = " ".join(f"{k}={v:g}" for k, v in cell.get("parameters", {}).items())
            values = cell.get("values", {}).get(metric)
            if values is None:
                row |= {"reason": cell["reasons"][metric], "n": 0}
                row["status"] = "incompatible" if cell["status"] == "ok" else cell["status"]
            else:
                found = np.array([np.nan if value is None else value for value in values])
                interval = summary(found, task.protocol.statistic)
                row |= {"value": interval.estimate, "low": interval.low, "high": interval.high, "n": interval.n}
                row["status"] = "ok" if interval.n else "incompatible"
                row["reason"] = "" if interval.n else "does not apply to any sample of this case"
                scores.setdefault((task.case.name, task.method_name, metric), []).extend(found)
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS), {key: np.array(values) for key, values in scores.items()}


def summary(values: np.ndarray, statistic: str) -> Interval:
    """Mean or median over samples with its bootstrap interval."""
    return bootstrap_interval(values, statistic=STATISTICS[statistic])
