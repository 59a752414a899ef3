"""Table of the accuracy and cost of each solver, from the committed results of the quick benchmarks.

    python benchmarks/solver_table.py

prints the table that ``docs_tables.py`` writes into ``docs/choose-a-solver.md``.
"""

from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).parent / "results"

# Heading: protocol, case, metric, digits after the point.
COLUMNS = {
    "NEMD": ("piunet", "snr-20", "nemd_fast", 2),
    "NEMD, narrow": ("piunet", "narrow", "nemd_fast", 2),
    "FractionActive": ("multi-source", "random", "fraction_active", 2),
    "visual EEG": ("real", "visual-eeg", "distance", 0),
    "visual MEG": ("real", "visual-meg", "distance", 0),
    "auditory MEG": ("real", "auditory-meg", "distance", 0),
    "SEP 20 ms": ("real", "sep-20", "distance", 0),
    "SEP 29.5 ms": ("real", "sep-29.5", "distance", 0),
    "resection": ("real", "seizure", "distance", 0),
}
COSTS = {"fit, s": "fit", "sample, ms": "batch"}
SPEED_CASE = "61 EEG, 10 mm"


def table() -> str:
    """Return the table in Markdown; a dash where there is no score, with the reason in the protocol's own table."""
    results = {name: read(name) for name in ("piunet", "multi-source", "real", "speed")}
    lines = [[*COLUMNS, *COSTS], ["---:"] * (len(COLUMNS) + len(COSTS))]
    solvers = [name for name in results["speed"].index.unique("solver") if name not in ("Random", "Perfect")]
    for solver in (*solvers, "Random", "Perfect"):
        cells = [
            shown(results[protocol], (case, solver, metric), f".{digits}f")
            for protocol, case, metric, digits in COLUMNS.values()
        ]
        cells += [shown(results["speed"], (SPEED_CASE, solver, metric), ".3g") for metric in COSTS.values()]
        lines.append([f"`{solver}`", *cells])
    lines[0].insert(0, "solver")
    lines[1].insert(0, "---")
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def read(protocol: str) -> pd.Series:
    """Mean of a protocol's scores over heads, by case, solver and metric."""
    rows = pd.read_csv(RESULTS / f"{protocol}-quick" / "results.csv")
    return rows.groupby(["case", "solver", "metric"], sort=False)["value"].mean()


def shown(values: pd.Series, key: tuple[str, str, str], form: str) -> str:
    """One cell."""
    value = values.get(key, float("nan"))
    return "–" if pd.isna(value) else f"{value:{form}}"


if __name__ == "__main__":
    print(table())
