"""One picture of all real recordings: how far from the known place each solver puts its strongest source.

    python benchmarks/recordings_figure.py [--out docs/recordings.png]

It is drawn from the committed results of the protocol ``real``.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from committed import RESULTS, Committed
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from headwater.solvers import SOLVERS

BOUNDS_MM = (15.0, 30.0)
COLORS = ("#1f7a8c", "#f2c14e", "#c8553d")
WORDS = ("up to 15 mm: the right place", "15 to 30 mm: next to it", "more than 30 mm: the wrong place")
ON_DARK = ("white", "black", "white")
CHANCE = "Random"
NAMES = {
    "piunet": "3D-PIUNet",
    "relevance": "RelevanceNet",
    "direct-unet-morphed": "direct U-Net, morphed",
    "moore-penrose": "Moore-Penrose",
    "stkf": "STKF",
    "rstkf": "RSTKF",
    "wmne": "weighted min. norm",
    CHANCE: "chance",
}
SHORT = {
    "visual-eeg": "visual, 60 EEG",
    "visual-meg": "visual, 305 MEG",
    "auditory-meg": "auditory, 305 MEG",
    "sep-20": "hand 20 ms, 256 EEG",
    "sep-29.5": "hand 29.5 ms, 256 EEG",
    "sep-A1974": "arm, 71 EEG",
    "sep-A1999": "arm, 73 EEG",
    "seizure": "seizure, 72 EEG",
}


@dataclass(frozen=True)
class Panel:
    """Recordings that were localised in one way.

    Attributes
    ----------
    title : str
    tables : dict of str to tuple of str
        Folders of results, each with the solvers to take from it; empty: all.
    ending : str
        Of the names of its cases, after that of the recording.
    """

    title: str
    tables: dict[str, tuple[str, ...]]
    ending: tuple[str, ...]

    def distances(self) -> dict[str, dict[str, float]]:
        """Distance in mm by solver and recording."""
        found: dict[str, dict[str, float]] = {}
        for name, wanted in self.tables.items():
            rows = Committed(name).rows
            for row in rows[rows["metric"] == "distance"].itertuples():
                recording = self.recording(row.case)
                if recording and row.solver != "Perfect" and (not wanted or row.solver in wanted):
                    found.setdefault(row.solver, {})[recording] = float(row.value)
        return found

    def recording(self, case: str) -> str:
        """Name of the recording of a case; empty if the case is not of this panel."""
        return next((name for ending in self.ending for name in SHORT if case == name + ending), "")


PANELS = (
    Panel("all defaults", {"real-defaults": (), "real-relevance": ("relevance",)}, ("-volume-defaults", "-defaults")),
    Panel("tuned by hand,\n7 mm grid", {"real-paper": ()}, ("-volume", "")),
    Panel("tuned by hand,\ncortex or 12 mm grid", {"real-quick": ()}, ("",)),
)


def main() -> None:
    """Draw and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULTS.parents[1] / "docs" / "recordings.png")
    figure().savefig(parser.parse_args().out, dpi=120)


def figure() -> Figure:
    """Draw a coloured table for each panel, the best solvers on top."""
    shown = [panel.distances() for panel in PANELS]
    solvers = ranked(shown)
    columns = [[name for name in SHORT if any(name in of for of in found.values())] for found in shown]
    drawn = Figure(figsize=(13.0, 0.31 * len(solvers) + 3.0), layout="constrained")
    axes = drawn.subplots(1, len(PANELS), sharey=True, width_ratios=[len(names) for names in columns])
    for axis, panel, found, names in zip(axes, PANELS, shown, columns, strict=True):
        _table(axis, found, solvers, names)
        axis.set_title(panel.title, fontsize="medium", fontweight="bold")
    axes[0].set_yticks(range(len(solvers)), [label(name) for name in solvers])
    drawn.suptitle("Distance in mm from the strongest source to the known place", fontsize="large")
    patches = [Patch(color=color, label=words) for color, words in zip(COLORS, WORDS, strict=True)]
    drawn.legend(handles=patches, loc="outside lower center", ncols=3, frameon=False)
    return drawn


def label(name: str) -> str:
    """Name of a solver for readers."""
    return NAMES.get(name) or (SOLVERS[name].title if name in SOLVERS else name)


def ranked(shown: list[dict[str, dict[str, float]]]) -> list[str]:
    """Solvers by the share of their recordings within the second bound, chance last; ties by the mean distance."""
    names = dict.fromkeys(name for found in shown for name in found)
    values = {name: [one for found in shown for one in found.get(name, {}).values()] for name in names}
    order = sorted(values, key=lambda name: (-np.mean(np.array(values[name]) <= BOUNDS_MM[1]), np.mean(values[name])))
    return [name for name in order if name != CHANCE] + [CHANCE]


def _table(axis: Axes, found: dict[str, dict[str, float]], solvers: list[str], names: list[str]) -> None:
    values = np.array([[found.get(solver, {}).get(name, np.nan) for name in names] for solver in solvers])
    norm = BoundaryNorm([0.0, *BOUNDS_MM, 1e4], len(COLORS))
    axis.imshow(np.ma.masked_invalid(values), cmap=ListedColormap(COLORS), norm=norm, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            ink = ON_DARK[int(np.searchsorted(BOUNDS_MM, value))]
            axis.text(column, row, f"{value:.0f}", ha="center", va="center", color=ink, fontsize="small")
    axis.set_xticks(range(len(names)), [SHORT[name] for name in names], rotation=40, ha="right", fontsize="small")
    axis.set_xticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(len(solvers) + 1) - 0.5, minor=True)
    axis.grid(which="minor", color="white", linewidth=1.5)
    axis.tick_params(which="both", length=0)
    axis.spines[:].set_visible(False)


if __name__ == "__main__":
    main()
