"""Write the tables of the documentation that show committed results, and those alone, into its pages.

    python benchmarks/docs_tables.py

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from committed import RESULTS, Committed
from solver_table import table as solver_table

DOCS = RESULTS.parents[1] / "docs"
BLOCK = re.compile(r"(<!-- table (?P<name>[a-z-]+) -->\n\n).*?(\n\n<!-- end -->)", re.DOTALL)
NEMD, DISTANCE = "nemd_fast", "distance"
ABSENT = "–"

BUNDLED = {
    "10-80 mm, 0 dB": "snr-0",
    "10-80 mm, 10 dB": "snr-10",
    "10-80 mm, 20 dB": "snr-20",
    "10-80 mm, 30 dB": "snr-30",
    "5-40 mm, 10 dB": "narrow-10-db",
    "5-40 mm, 20 dB": "narrow",
    "2 sources of 10-80 mm, 20 dB": "sources-2",
    "3 sources of 10-80 mm, 20 dB": "sources-3",
}
MINUTES = {
    "eLORETA": "eloreta",
    "the paper's 3D-PIUNet, C = 8 (`piunet-paper-c8`), 60 steps": "piunet-paper-c8",
    "2 x 2 x 2 patches in a box around the brain (`piunet-patched`), 800 steps": "piunet-patched",
    "the same, with matched bells (`piunet-bells`), 700 steps": "piunet-bells",
    "FCN, trained on a 12 mm grid, morphed to this one, 20,000 steps": "fcn-morphed",
    "ConvDip, likewise": "convdip-morphed",
}
RECORDED = {
    "visual EEG": "visual-eeg-volume",
    "visual MEG": "visual-meg-volume",
    "right ear, MEG": "auditory-meg-volume",
    "median nerve, 20 ms": "sep-20",
    "29.5 ms": "sep-29.5",
    "right arm": "sep-A1974",
    "right arm, another person": "sep-A1999",
    "seizure": "seizure-volume",
}
BY_HAND = {
    "right visual field, 60 EEG": "visual-eeg-volume",
    "right visual field, 305 MEG": "visual-meg-volume",
    "right ear, 305 MEG": "auditory-meg-volume",
    "median nerve at 20 ms, 256 EEG": "sep-20",
    "right arm at 22-26 ms, 71 EEG": "sep-A1974",
    "right arm at 22-26 ms, 73 EEG": "sep-A1999",
    "seizure, 72 EEG": "seizure-volume",
}
BY_HAND_SOLVERS = {"eLORETA": "eloreta", "sLORETA": "sloreta", "dSPM": "dspm", "LCMV": "lcmv", "3D-PIUNet": "piunet"}
FRACTION = {
    "sLORETA, depth-weighted": ("sloreta", ".48"),
    "eLORETA": ("eloreta", ".50"),
    "MNE, depth-weighted": ("mne", ".41"),
    "sLORETA": ("sloreta-no-depth", ".45"),
    "MNE": ("mne-no-depth", ".35"),
    "LORETA": ("loreta", ".25"),
    "dSPM, depth-weighted": ("dspm", ".00"),
    "dSPM": ("dspm-no-depth", ".02"),
    "LAURA": ("laura", ".00"),
}
REAL_HEAD = {
    "MNE": "mne",
    "sLORETA": "sloreta",
    "eLORETA": "eloreta",
    "LORETA": "loreta",
    "dipole scan": "dipole-scan",
    "network `piunet`": "piunet",
    "network `relevance`": "relevance",
    "Bayes": "Bayes",
    "Oracle": "Oracle",
}


def main() -> None:
    """Write all tables."""
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if (new := filled(text)) != text:
            path.write_text(new, encoding="utf-8")
            print(f"{path.name} written")


def filled(text: str) -> str:
    """Return a page with its tables from the committed results."""
    return BLOCK.sub(lambda found: found[1] + TABLES[found["name"]]() + found[3], text)


def bundled() -> str:
    """3D-PIUNet compared with eLORETA and what can be known."""
    solvers = {"eLORETA": "eloreta", "network": "piunet", "Bayes": "Bayes", "Oracle": "Oracle"}
    header = ["one source", *(f"{name}, {head} head" for head in ("known", "another") for name in solvers)]
    rows = [
        [words, *(_short(table, solver, NEMD, case) for table in KNOWN_AND_OTHER for solver in solvers.values())]
        for words, case in BUNDLED.items()
    ]
    return _table(header, rows)


def equal_minutes() -> str:
    """Ten minutes of training each."""
    cases = {"20 dB": "snr-20", "10 dB": "snr-10", "5-40 mm, 20 dB": "narrow"}
    rows = [
        [words, *(_short("equal-minutes", solver, NEMD, case) for case in cases.values())]
        for words, solver in MINUTES.items()
    ]
    return _table(["trained", *cases], rows)


def recorded() -> str:
    """Tabulate recordings on a grid of 7 mm."""
    solvers = {"3D-PIUNet": "piunet", "eLORETA, tuned": "eloreta", "direct U-Net, morphed": "direct-unet-morphed"}
    rows = [
        [words, *(_millimetres("real-paper", solver, case) for case in RECORDED.values())]
        for words, solver in solvers.items()
    ]
    return _table(["mm", *RECORDED], rows)


def by_hand() -> str:
    """All defaults next to tuned by hand."""
    rows = []
    for words, case in BY_HAND.items():
        pairs = [
            [_millimetres("real-defaults", solver, name) for name in (f"{case}-defaults", case)]
            for solver in BY_HAND_SOLVERS.values()
        ]
        rows.append([words, *(" / ".join(pair) for pair in pairs)])
    return _table(["recording", *BY_HAND_SOLVERS], rows)


def fraction_active() -> str:
    """Table IX of the ConvNet's paper, classical solvers."""
    rows = [
        [words, str(Committed("multi-source-quick").score(solver, "fraction_active", ["random"])), published]
        for words, (solver, published) in FRACTION.items()
    ]
    return _table(["solver", "ours, median [95 %]", "paper"], rows)


def convnet() -> str:
    """Cases of the protocol multi-source: the bundled ConvNet and the classical solvers closest to it."""
    cases = {"random set": "random", **{name: name for name in "ABCDEFG"}}
    solvers = {"ConvNet": "multi-source-convnet", "eLORETA": "eloreta", "sLORETA": "sloreta", "chance": "Random"}
    metrics = {"FractionActive": "fraction_active", "rank of the weakest": "distance_rank_least"}
    rows = [
        [f"{words}: {name}", *(_short("networks-multi-source-quick", solver, metric, case) for case in cases.values())]
        for words, metric in metrics.items()
        for name, solver in solvers.items()
    ]
    return _table(["median", *cases], rows)


def real_head() -> str:
    """Tabulate one source at 20 dB, of a varied head and of a real one."""
    heads = {"varied head": "snr-20", "real head": "real-head"}
    metrics = {"error of the peak, mm": ("localization_error", "{:.0f}"), "nEMD": (NEMD, "{:.2f}")}
    header = ["solver", *(f"{words}, {head}" for words in metrics for head in heads)]
    found = Committed("real-head-piunet-quick")
    rows = [
        [
            words,
            *(
                shown.format(found.score(solver, name, [case]).value)
                for name, shown in metrics.values()
                for case in heads.values()
            ),
        ]
        for words, solver in REAL_HEAD.items()
    ]
    return _table(header, rows)


KNOWN_AND_OTHER = ("known-head-paper", "piunet-paper")
TABLES: dict[str, Callable[[], str]] = {
    "bundled-network": bundled,
    "convnet": convnet,
    "equal-minutes": equal_minutes,
    "recordings": recorded,
    "defaults-by-hand": by_hand,
    "fraction-active": fraction_active,
    "real-head": real_head,
    "solvers": solver_table,
}


def _short(table: str, solver: str, metric: str, case: str) -> str:
    if case not in Committed(table).cases_of(solver, metric):
        return ABSENT
    return f"{Committed(table).score(solver, metric, [case]).value:.2f}".removeprefix("0")


def _millimetres(table: str, solver: str, case: str) -> str:
    if case not in Committed(table).cases_of(solver, DISTANCE):
        return ABSENT
    return f"{Committed(table).score(solver, DISTANCE, [case]).value:.0f}"


def _table(header: list[str], rows: list[list[str]]) -> str:
    aligned = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, aligned, *rows))


if __name__ == "__main__":
    main()
