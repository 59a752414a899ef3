"""Table of the networks of one lead field compared with classical solvers, from cards and quick benchmark results.

    python benchmarks/network_table.py > benchmarks/results/networks.md

Each network is trained by ``headwater train configs/NAME.yaml``; the resulting cards are in
``benchmarks/results/networks``, and the results of ``headwater benchmark`` in ``networks-PROTOCOL-quick`` next to it.
"""

from __future__ import annotations

from collections.abc import Iterator

from committed import RESULTS, Committed, Estimate, advantages, short

from headwater.benchmark import PROTOCOLS
from headwater.weights.card import Card

NETWORKS = {
    "fcn": "piunet",
    "convdip": "piunet",
    "multi-source-convnet": "multi-source",
    "deepsif": "spikes",
    "gru-dual-path": "spikes",
    "cnn-transformer": "spikes",
    "direct-unet": "direct-unet",
    "4lcnn": "subcortical",
}
PARTS = {"multi-source-convnet": ("multi-source-convnet", "multi-source-convnet-l1")}  # trained one after the other
HEADING = """# Networks of one lead field, trained for minutes on one thread of a CPU

Scores are means over those cases of the protocol at size quick whose electrodes the network supports (the protocol's
statistic within a case). The data come from a head other than the one that networks and solvers assume. Solvers are
tuned on samples of each case's noise; networks are as trained. Minutes were measured on a shared machine;
`networks-speed.md` gives the cost of a step.

*Compared with classical solvers* counts every classical solver with a row for the same samples, in the folder of the
network and in that of the protocol's own quick run. A network is better, or worse, than a solver where the 95 %
interval of the difference excludes zero: of a paired bootstrap over samples where both were in one run with a
`comparison.csv`, and otherwise (* where that holds for some) from the intervals of both rows as if they were
independent, which is wider. The last column has the solver over which the advantage is least. *Ratio to oracle* is the
score over that of the control Oracle, which knows the distribution of the sources and the head; it exists for one
source in a volume.
"""


def main() -> None:
    """Print the page."""
    print(HEADING)
    print("| network | trained |")
    print("| --- | --- |")
    for name in NETWORKS:
        print(f"| `{name}` | {training(name)} |")
    columns = ["network", "protocol: metric", "score", "eLORETA", "sLORETA", "chance", "ratio to oracle"]
    columns += ["compared with classical solvers", "least advantage (95 %)"]
    print("\n| " + " | ".join(columns) + " |")
    print("| " + " | ".join(["---"] * len(columns)) + " |")
    for name, protocol in NETWORKS.items():
        for row in lines(name, protocol):
            print("| " + " | ".join(row) + " |")


def training(name: str) -> str:
    """Say how long a network was trained, and on how many samples."""
    cards = [Card.read(RESULTS / "networks" / f"{part}.json") for part in PARTS.get(name, (name,))]
    minutes = 60 * sum(card.hours for card in cards)
    steps, samples = sum(card.steps for card in cards), sum(card.steps * card.batch_size for card in cards)
    return f"{minutes:.0f} min, {steps:,} steps, {samples:,} samples"


def lines(name: str, protocol: str) -> Iterator[list[str]]:
    """Rows of one network: each metric of its protocol."""
    table = Committed(f"networks-{protocol}-quick")
    for metric in PROTOCOLS[protocol].measures:
        cases = table.cases_of(name, metric)
        if not cases:
            continue
        differences, paired = advantages(table, Committed(f"{protocol}-quick"), name, metric, cases)
        others = [_score(table, solver, metric, cases) for solver in ("eloreta", "sloreta", "Random")]
        measure = table.measure(metric)
        unit, arrow = measure.unit, "↑" if measure.higher_is_better else "↓"
        least = min(differences, key=lambda solver: differences[solver].value)
        mine = table.score(name, metric, cases)
        yield [
            f"`{name}`",
            f"{protocol}: {metric}{f' ({unit})' if unit else ''} {arrow}",
            str(mine),
            *others,
            ratio_to_oracle(table, name, metric),
            verdict(differences) + ("" if paired else " *"),
            f"{differences[least]}, over {least}",
        ]


def verdict(differences: dict[str, Estimate]) -> str:
    """Say how many classical solvers a network is better than, and name those that it is not."""
    worse = [solver for solver, found in differences.items() if found.high < 0]
    undecided = [solver for solver, found in differences.items() if found.low <= 0 <= found.high]
    n_better = len(differences) - len(worse) - len(undecided)
    if n_better == len(differences):
        return f"**better than all {n_better}**"
    parts = [f"better than {n_better or 'none'} of {len(differences)}"]
    parts += [f"**worse than {', '.join(worse)}**"] if worse else []
    parts += [f"no difference shown from {', '.join(undecided)}"] if undecided else []
    return "; ".join(parts)


def ratio_to_oracle(table: Committed, name: str, metric: str) -> str:
    """Return the ratio of the scores in the cases that have the control Oracle."""
    cases = [case for case in table.cases_of("Oracle", metric) if case in table.cases_of(name, metric)]
    if not cases:
        return "–"
    mine, best = (table.score(solver, metric, cases).value for solver in (name, "Oracle"))
    return short(mine / best)


def _score(table: Committed, solver: str, metric: str, cases: list[str]) -> str:
    available = set(cases) <= set(table.cases_of(solver, metric))
    return short(table.score(solver, metric, cases).value) if available else "–"


if __name__ == "__main__":
    main()
