"""Claims of papers, and what the committed results say of each."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass

from committed import RESULTS, Committed, Estimate, advantages, short

CONFIRMED, REFUTED, UNDECIDED, UNTESTABLE = "**confirmed**", "**refuted**", "*undecided*", "*cannot be tested here*"


@dataclass(frozen=True)
class Judged:
    """A verdict with the numbers it rests on."""

    verdict: str
    numbers: str


@dataclass(frozen=True, kw_only=True)
class Claim(ABC):
    """What a paper says.

    Attributes
    ----------
    words : str
        The claim, with its published numbers.
    why : str
        One sentence: why numbers differ, or why the claim cannot be tested.
    """

    words: str
    why: str

    @abstractmethod
    def judged(self) -> Judged:
        """Compare the claim with the committed results."""


@dataclass(frozen=True, kw_only=True)
class Better(Claim):
    """A solver scores better than others, in each of some cases.

    Attributes
    ----------
    table, solver, metric : str
    others : tuple of str
        Empty: all classical solvers of the table, and of the protocol's own quick run with the same samples.
    cases : dict of str to str
        Names of cases, and the words for them.
    worse : bool
        Whether the claim is that it scores worse.
    """

    table: str
    solver: str
    metric: str
    others: tuple[str, ...] = ()
    cases: dict[str, str]
    worse: bool = False

    def judged(self) -> Judged:
        """Confirm if the interval of every advantage lies above zero, refute if one lies below."""
        table, verdicts, parts = Committed(self.table), [], []
        for case, words in self.cases.items():
            found, paired = self._advantages(table, case)
            verdicts += [_sign(one) * (-1 if self.worse else 1) for one in found.values()]
            rival = (max if self.worse else min)(found, key=lambda name: found[name].value)
            mine = short(table.score(self.solver, self.metric, [case]).value)
            count = f" (closest of {len(found)})" if len(found) > 1 else ""
            star = "" if paired else "*"
            parts.append(f"{words}: {mine}, advantage over {rival}{count} {found[rival]}{star}")
        return Judged(_verdict(verdicts), "; ".join(parts))

    def _advantages(self, table: Committed, case: str) -> tuple[dict[str, Estimate], bool]:
        beside = Committed(f"{table.rows['protocol'].iloc[0]}-quick")
        if not self.others:
            return advantages(table, beside, self.solver, self.metric, [case])
        found = {}
        for other in self.others:
            elsewhere = None if case in table.cases_of(other, self.metric) else beside
            found[other] = table.advantage(self.solver, other, self.metric, [case], table_of_other=elsewhere)
        return {other: one for other, (one, _) in found.items()}, all(paired for _, paired in found.values())


@dataclass(frozen=True, kw_only=True)
class AtMost(Claim):
    """A score lies below a bound, in each of some cases."""

    table: str
    solver: str
    metric: str
    bound: float
    cases: dict[str, str]

    def judged(self) -> Judged:
        """Confirm if every interval lies below the bound, refute if one lies above it."""
        table = Committed(self.table)
        scores = {words: table.score(self.solver, self.metric, [case]) for case, words in self.cases.items()}
        verdicts = [1 if one.high <= self.bound else -1 if one.low > self.bound else 0 for one in scores.values()]
        unit = table.measure(self.metric).unit
        return Judged(_verdict(verdicts), "; ".join(f"{words}: {one} {unit}".strip() for words, one in scores.items()))


@dataclass(frozen=True, kw_only=True)
class Printed(Claim):
    """A number in the output of a benchmark lies below a bound.

    Attributes
    ----------
    page : str
        Of ``benchmarks/results``.
    pattern : str
        Regular expression with the number as its group.
    bound : float
    unit : str
    """

    page: str
    pattern: str
    bound: float
    unit: str

    def judged(self) -> Judged:
        """Confirm if the number is below the bound."""
        found = re.search(self.pattern, (RESULTS / self.page).read_text(encoding="utf-8"))
        if found is None:
            raise ValueError(f"{self.page} has nothing like {self.pattern!r}.")
        verdict = CONFIRMED if float(found[1]) <= self.bound else REFUTED
        return Judged(verdict, f"{found[1]} {self.unit} (`{self.page}`)")


@dataclass(frozen=True, kw_only=True)
class Untestable(Claim):
    """A claim for which something is missing here, which ``why`` names."""

    def judged(self) -> Judged:
        """Say so."""
        return Judged(UNTESTABLE, "–")


@dataclass(frozen=True)
class Row:
    """A published number beside ours.

    Attributes
    ----------
    label, published : str
    found : tuple of (table, solver, metric, case)
        One for each column of the comparison; None where there is no such number.
    """

    label: str
    published: str
    found: tuple[tuple[str, str, str, str] | None, ...]

    def cells(self) -> list[str]:
        """Cells of the row."""
        return [self.label, self.published, *(_found(one) for one in self.found)]


@dataclass(frozen=True)
class Paper:
    """A paper with its claims, and its main table beside ours."""

    title: str
    tables: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    claims: tuple[Claim, ...]


def _found(one: tuple[str, str, str, str] | None) -> str:
    if one is None:
        return "–"
    table, solver, metric, case = one
    return str(Committed(table).score(solver, metric, [case]))


def _sign(found: Estimate) -> int:
    return 1 if found.low > 0 else -1 if found.high < 0 else 0


def _verdict(signs: list[int]) -> str:
    if all(sign > 0 for sign in signs):
        return CONFIRMED
    return REFUTED if min(signs) < 0 else UNDECIDED
