"""Scores and differences of the committed results, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from headwater.benchmark import PROTOCOLS
from headwater.metrics.measure import Measure

RESULTS = Path(__file__).parent / "results"
DECIMALS = 4  # what is smaller is rounding


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{short(self.value)} [{short(self.low)}, {short(self.high)}]"


@dataclass(frozen=True)
class Committed:
    """The results of one folder of ``benchmarks/results``."""

    name: str

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Scored rows of ``results.csv``."""
        rows = pd.read_csv(RESULTS / self.name / "results.csv")
        return rows[rows["status"] == "ok"]

    @cached_property
    def pairs(self) -> pd.DataFrame | None:
        """Differences sample by sample, where the run kept them."""
        path = RESULTS / self.name / "comparison.csv"
        return pd.read_csv(path) if path.exists() else None

    def measure(self, metric: str) -> Measure:
        """Return what a metric measures, in which unit and direction."""
        return PROTOCOLS[self.rows["protocol"].iloc[0]].measures[metric]

    def cases_of(self, solver: str, metric: str) -> list[str]:
        """Cases in which a solver has a score."""
        mine = self.rows[(self.rows["solver"] == solver) & (self.rows["metric"] == metric)]
        return list(dict.fromkeys(mine["case"]))

    def classical(self) -> list[str]:
        """Solvers that were not trained, the controls aside."""
        from headwater.solvers import SOLVERS

        names = [*SOLVERS, "mne-no-depth", "dspm-no-depth", "sloreta-no-depth"]
        found = dict.fromkeys(self.rows["solver"])
        return [name for name in found if name in names]

    def score(self, solver: str, metric: str, cases: Iterable[str]) -> Estimate:
        """Mean over cases and heads, each with the statistic of its protocol."""
        rows = self.rows
        of = rows[(rows["solver"] == solver) & (rows["metric"] == metric) & rows["case"].isin(list(cases))]
        if of.empty:
            raise KeyError(f"{self.name} has no {metric} of {solver} in {', '.join(cases)}")
        share = of["n"] / of.groupby("case")["n"].transform("sum") / of["case"].nunique()
        value = float((share * of["value"]).sum())
        below, above = (np.hypot.reduce(share * (of["value"] - of[side]).abs()) for side in ("low", "high"))
        return Estimate(value, value - below, value + above)

    def advantage(
        self, solver: str, other: str, metric: str, cases: Iterable[str], *, table_of_other: Committed | None = None
    ) -> tuple[Estimate, bool]:
        """By how much a solver scores better than another, and whether samples were compared in pairs.

        Without pairs, the interval follows from those of the two rows as if they were independent; it is then wider
        than that of pairs, because hard samples are hard for both.
        """
        cases = list(cases)
        if (paired := self._paired(solver, other, metric, cases)) is not None:
            return paired, True
        mine = self.score(solver, metric, cases)
        theirs = (table_of_other or self).score(other, metric, cases)
        sign = 1.0 if self.measure(metric).higher_is_better else -1.0
        value = sign * (mine.value - theirs.value)
        half = np.hypot((mine.high - mine.low) / 2, (theirs.high - theirs.low) / 2)
        return Estimate(value, value - half, value + half), False

    def _paired(self, solver: str, other: str, metric: str, cases: list[str]) -> Estimate | None:
        if self.pairs is None:
            return None
        of = self.pairs[(self.pairs["network"] == solver) & (self.pairs["solver"] == other)]
        of = of[(of["metric"] == metric) & of["case"].isin(cases)]
        if len(of) != len(cases):
            return None
        share = of["n"] / of["n"].sum()
        value = float((share * of["advantage"]).sum())
        below, above = (np.hypot.reduce(share * (of["advantage"] - of[side]).abs()) for side in ("low", "high"))
        return Estimate(value, value - below, value + above)


def short(value: float) -> str:
    """Return a number with three significant digits."""
    rounded = f"{round(value, DECIMALS) + 0.0:.3g}"
    return rounded if "e" not in rounded else f"{value:.0f}"
