"""What a training run has written down: loss and scores, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from headwater._utils.claim import read_settings
from headwater._utils.errors import InputError
from headwater.weights.card import CARD, WEIGHTS, Card

RECIPE = "recipe.yaml"
METRICS_FILE = "metrics.csv"


@dataclass(frozen=True, eq=False)
class Run:
    """A training run as its folder shows it.

    Attributes
    ----------
    folder : Path
    recipe : dict
        As it was begun.
    loss : pandas.Series
        By step.
    scores : pandas.DataFrame
        A column for each score, by step; empty without a validation.
    card : Card | None
        Of the weights; None: none were written yet.
    weights : Path | None
    """

    folder: Path
    recipe: dict[str, Any]
    loss: pd.Series
    scores: pd.DataFrame
    card: Card | None
    weights: Path | None

    @property
    def steps(self) -> int:
        """Steps that were logged or are on the card."""
        logged = max((int(index.max()) + 1 for index in (self.loss.index, self.scores.index) if len(index)), default=0)
        return max(logged, 0 if self.card is None else self.card.steps)

    @property
    def planned(self) -> int:
        """Steps of the recipe."""
        return int(self.recipe["schedule"]["steps"])


def has_logs(folder: Path) -> bool:
    """Whether a run has begun to write logs, be they empty."""
    return any(folder.glob("log*"))


def read_run(folder: Path) -> Run:
    """Read the folder of a run, finished or not."""
    if not (folder / RECIPE).is_file():
        raise InputError(f"{folder} holds no training run; give the folder of `headwater train`.")
    logged = _logged(folder)
    weights = next((path for path in sorted(folder.glob(f"*{WEIGHTS}")) if path.with_suffix(CARD).is_file()), None)
    return Run(
        folder,
        read_settings(folder / RECIPE),
        logged["loss"].dropna() if "loss" in logged else pd.Series(dtype=float),
        logged.drop(columns=["loss", "epoch"], errors="ignore").dropna(how="all").dropna(axis=1, how="all"),
        None if weights is None else Card.read(weights.with_suffix(CARD)),
        weights,
    )


def _logged(folder: Path) -> pd.DataFrame:
    """Join the logs of all parts of a run; what was repeated after an interruption counts once."""
    parts = sorted(folder.glob(f"log*/{METRICS_FILE}"), key=_number_of_part)
    joined = pd.DataFrame()
    for path in parts:
        try:
            part = pd.read_csv(path).set_index("step")
        except pd.errors.EmptyDataError:  # stopped before the first entry
            continue
        before = joined if joined.empty else joined[joined.index < part.index.min()]
        joined = part if before.empty else pd.concat([before, part])
    return joined.groupby(level=0).last() if len(joined) else joined


def _number_of_part(path: Path) -> int:
    return int(path.parent.name.partition("-")[2] or 1)


def smoothed(values: pd.Series, n_windows: int = 20) -> pd.Series:
    """Take the moving median over a twentieth of the run, because the loss jumps from batch to batch."""
    width = max(len(values) // n_windows, 5)
    return values.rolling(width, center=True, min_periods=1).median()


def thinned(values: pd.Series, most: int = 1200) -> pd.Series:
    """Keep every n-th value, so that a page stays small; the last one always."""
    chosen = np.unique(np.linspace(0, len(values) - 1, min(len(values), most)).astype(int))
    return values.iloc[chosen]
