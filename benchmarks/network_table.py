"""Table of the networks of one lead field compared with sLORETA, from cards and quick benchmark results.

    python benchmarks/network_table.py > benchmarks/results/networks.md

Each network is trained by ``headwater train NAME``; the resulting cards are in
``benchmarks/results/networks``, and the results of ``headwater benchmark`` in ``networks-PROTOCOL-quick`` next to it.
"""

from pathlib import Path

import pandas as pd

from headwater.metrics.table import METRICS
from headwater.weights.card import Card

RESULTS = Path(__file__).parent / "results"

# Network: protocol and its main metric. A network trained in parts has several cards; the last is that of the result.
SHOWN = {
    "fcn": ("piunet", "nemd_fast"),
    "convdip": ("piunet", "nemd_fast"),
    "multi-source-convnet": ("multi-source", "fraction_active"),
    "deepsif": ("spikes", "localization_error"),
    "gru-dual-path": ("spikes", "localization_error"),
    "cnn-transformer": ("spikes", "localization_error"),
    "direct-unet": ("direct-unet", "f1"),
    "4lcnn": ("subcortical", "auprc"),
}
PARTS = {"multi-source-convnet": ("multi-source-convnet", "multi-source-convnet-l1")}
OTHERS = ("sloreta", "eloreta", "Random")
HEADING = """# Networks of one lead field, trained for minutes on one thread of a CPU

Scores are means over those cases of the protocol at size quick whose electrodes the network supports (the protocol's
statistic within a case). The data come from a head other than the one that networks and solvers assume.
Solvers are tuned on samples of each case's noise; networks are as trained. Minutes were measured on a shared machine;
`networks-speed.md` gives the cost of a step.
"""


def main() -> None:
    """Print the page."""
    columns = ["network", "trained", "protocol: metric", "network", *OTHERS, "against sLORETA", "better in"]
    print(HEADING)
    for row in (columns, ["---"] * len(columns), *(line(name) for name in SHOWN)):
        print("| " + " | ".join(row) + " |")


def line(name: str) -> list[str]:
    """Row of one network."""
    protocol, metric = SHOWN[name]
    cards = [Card.read(RESULTS / "networks" / f"{part}.json") for part in PARTS.get(name, (name,))]
    minutes = 60 * sum(card.hours for card in cards)
    steps, samples = sum(card.steps for card in cards), sum(card.steps * card.batch_size for card in cards)
    scores = by_case(protocol, metric).dropna(subset=cards[-1].name)
    means = scores.mean()
    mine, theirs = scores[cards[-1].name], scores["sloreta"]
    higher = METRICS[metric].higher_is_better
    won = (mine > theirs) if higher else (mine < theirs)
    verdict = "better" if bool(mine.mean() > theirs.mean()) == higher else "worse"
    return [
        f"`{name}`",
        f"{minutes:.0f} min, {steps:,} steps, {samples:,} samples",
        f"{protocol}: {metric} {'↑' if higher else '↓'}",
        *(f"{means[column]:.3g}" for column in (cards[-1].name, *OTHERS)),
        f"{means[cards[-1].name] / means['sloreta'] - 1:+.0%}, {verdict}",
        f"{won.sum()} of {len(won)} cases",
    ]


def by_case(protocol: str, metric: str) -> pd.DataFrame:
    """Score of each case (rows) and solver (columns)."""
    rows = pd.read_csv(RESULTS / f"networks-{protocol}-quick" / "results.csv")
    return rows[rows["metric"] == metric].pivot_table(index="case", columns="solver", values="value", sort=False)


if __name__ == "__main__":
    main()
