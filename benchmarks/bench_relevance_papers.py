"""RelevanceNet in the protocols of four papers, next to eLORETA: the measures that were set as goals.

    python benchmarks/bench_relevance_papers.py --runs FOLDER [--weights FILE] [--only PROTOCOL ...] [--out FILE]

Each line is a case of `headwater benchmark PROTOCOL` at size "quick", on another head than the solvers assume, with
eLORETA's regularisation tuned for the protocol's first metric; deep structures are those of paper E at its validation
SNRs. The goals were set before RelevanceNet was trained; nothing in its training is made for these sources. Runs are
kept in the folder, and resumed.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from record import recorded

import headwater as hw
from headwater.benchmark import PROTOCOLS, run_benchmark
from headwater.benchmark.protocol import Protocol
from headwater.benchmark.subcortical import SUBCORTICAL
from headwater.solvers import ELORETA

# The quick size, with the SNRs of the full one.
QUICK = replace(SUBCORTICAL.sizes["quick"], cases=SUBCORTICAL.sizes["paper"].cases)
DEEP = replace(SUBCORTICAL, sizes={"quick": QUICK})


@dataclass(frozen=True)
class Goal:
    """A measure of one case."""

    protocol: str
    case: str
    metric: str
    words: str
    goal: float
    higher_is_better: bool = False

    def reached(self, value: float) -> bool:
        """Whether a value is as good."""
        return value >= self.goal if self.higher_is_better else value <= self.goal


GOALS = (
    Goal("multi-source", "D", "fraction_active", "two close patches: share of active sources found", 0.6, True),
    Goal("spikes", "patches-1", "localization_error", "spike of one patch: error in mm", 8.0),
    Goal("spikes", "patches-2", "localization_error", "spikes of two patches: error in mm", 18.0),
    Goal("subcortical", "subcortical-snr-30", "localization_error", "deep structure, 30 dB: error in mm", 3.0),
    Goal("subcortical", "subcortical-snr-15", "localization_error", "deep structure, 15 dB: error in mm", 7.0),
    Goal("direct-unet", "snr-10", "f1", "active or not, 10 dB: F1", 0.5, True),
    Goal("direct-unet", "snr-40", "f1", "active or not, 40 dB: F1", 0.5, True),
)


def main(runs: Path, weights: Path | None, only: list[str]) -> None:
    """Print one line for each goal."""
    solver = hw.load_network("relevance" if weights is None else weights)
    solvers = {"RelevanceNet": solver, "eLORETA": ELORETA()}
    chosen = [goal for goal in GOALS if not only or goal.protocol in only]
    print(f"{solver.name}; 95 % intervals of a bootstrap over samples\n")
    print(f"{'':56}{'goal':>6}" + "".join(f"{name:>24}" for name in solvers) + f"{'samples':>9}{'reached':>9}")
    for protocol in dict.fromkeys(goal.protocol for goal in chosen):
        goals = [goal for goal in chosen if goal.protocol == protocol]
        made: Protocol = DEEP if protocol == DEEP.name else PROTOCOLS[protocol]
        table = run_benchmark(
            made, "quick", solvers, runs / f"{solver.name.replace(' ', '-')}-{protocol}", cases=[g.case for g in goals]
        )
        for goal in goals:
            rows = [_row(table, goal, name) for name in solvers]
            cells = "".join(f"{f'{row.value:.3g} [{row.low:.3g}, {row.high:.3g}]':>24}" for row in rows)
            reached = "yes" if goal.reached(float(rows[0].value)) else "no"
            print(f"{goal.words:56}{goal.goal:6g}{cells}{rows[0].n:9.0f}{reached:>9}", flush=True)


def _row(table: pd.DataFrame, goal: Goal, solver: str) -> pd.Series:
    found = table[(table["case"] == goal.case) & (table["metric"] == goal.metric) & (table["solver"] == solver)]
    assert len(found) == 1, (goal, solver)  # noqa: S101
    return found.iloc[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with recorded(arguments.out, "RelevanceNet in the protocols of four papers"):
        main(arguments.runs, arguments.weights, arguments.only)
