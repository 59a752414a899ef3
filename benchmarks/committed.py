"""Scores and differences of the committed results, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from headwater.benchmark import PROTOCOLS
from headwater.metrics.measure import Measure

RESULTS = Path(__file__).parent / "results"
DECIMALS = 4  # what is smaller is rounding
SAME = 1e-3  # relative difference up to which two tables have the same samples


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

    @property
    def rows(self) -> pd.DataFrame:
        """Scored rows of ``results.csv``."""
        return _scored(self.name)

    @property
    def pairs(self) -> pd.DataFrame | None:
        """Differences sample by sample, where the run kept them."""
        return _compared(self.name)

    def measure(self, metric: str) -> Measure:
        """Return what a metric measures, in which unit and direction."""
        return PROTOCOLS[self.rows["protocol"].iloc[0]].measures[metric]

    def cases_of(self, solver: str, metric: str) -> list[str]:
        """Cases in which a solver has a score."""
        mine = _grouped(self.name).get((solver, metric))
        return [] if mine is None else list(dict.fromkeys(mine["case"]))

    def classical(self) -> list[str]:
        """Solvers that were not trained, the controls aside."""
        from headwater.solvers import SOLVERS

        names = [*SOLVERS, "mne-no-depth", "dspm-no-depth", "sloreta-no-depth"]
        found = dict.fromkeys(self.rows["solver"])
        return [name for name in found if name in names]

    def score(self, solver: str, metric: str, cases: Iterable[str]) -> Estimate:
        """Mean over cases and heads, each with the statistic of its protocol."""
        return _score(self.name, solver, metric, tuple(cases))

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


def advantages(
    table: Committed, beside: Committed, solver: str, metric: str, cases: list[str]
) -> tuple[dict[str, Estimate], bool]:
    """Advantage over each classical solver, and whether all were compared in pairs.

    Parameters
    ----------
    table : Committed
        Has the solver.
    beside : Committed
        A run of the same protocol. Its classical solvers count where it has the same samples.
    """
    found, paired = {}, True
    for one in (table, beside) if _same_samples(table, beside, metric) else (table,):
        for other in one.classical():
            if other not in (*found, solver) and set(cases) <= set(one.cases_of(other, metric)):
                found[other], pairs = table.advantage(solver, other, metric, cases, table_of_other=one)
                paired &= pairs
    return found, paired


def _same_samples(table: Committed, other: Committed, metric: str) -> bool:
    """Whether two tables were made from the same samples: their rows of eLORETA agree."""
    if not (RESULTS / other.name / "results.csv").exists() or table == other:
        return False
    cases = table.cases_of("eloreta", metric)
    if cases != other.cases_of("eloreta", metric) or not cases:
        return False
    pairs = [[one.score("eloreta", metric, [case]).value for case in cases] for one in (table, other)]
    return bool(np.allclose(*pairs, rtol=SAME, atol=SAME))


@cache
def _scored(name: str) -> pd.DataFrame:
    rows = pd.read_csv(RESULTS / name / "results.csv")
    return rows[rows["status"] == "ok"]


@cache
def _grouped(name: str) -> dict[tuple[str, str], pd.DataFrame]:
    """Rows by solver and metric."""
    return {(str(key[0]), str(key[1])): rows for key, rows in _scored(name).groupby(["solver", "metric"], sort=False)}


@cache
def _score(name: str, solver: str, metric: str, cases: tuple[str, ...]) -> Estimate:
    of = _grouped(name).get((solver, metric))
    of = None if of is None else of[of["case"].isin(cases)]
    if of is None or of.empty:
        raise KeyError(f"{name} has no {metric} of {solver} in {', '.join(cases)}")
    share = of["n"] / of.groupby("case")["n"].transform("sum") / of["case"].nunique()
    value = float((share * of["value"]).sum())
    below, above = (np.hypot.reduce(share * (of["value"] - of[side]).abs()) for side in ("low", "high"))
    return Estimate(value, value - below, value + above)


@cache
def _compared(name: str) -> pd.DataFrame | None:
    path = RESULTS / name / "comparison.csv"
    return pd.read_csv(path) if path.exists() else None


def short(value: float) -> str:
    """Return a number with three significant digits."""
    rounded = f"{round(value, DECIMALS) + 0.0:.3g}"
    return rounded if "e" not in rounded else f"{value:.0f}"
