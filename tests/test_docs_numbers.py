"""Numbers on pages of the documentation are those of committed results."""

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

REPOSITORY = Path(__file__).parents[1]
DOCS, RESULTS = REPOSITORY / "docs", REPOSITORY / "benchmarks" / "results"
MEASURED = {"networks.md": "## Results", "choose-a-solver.md": "## What the benchmark measured"}


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    """Scripts of ``benchmarks`` can be imported, as when they are run."""
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))
    yield
    for name in (
        "committed",
        "docs_tables",
        "papers_page",
        "solver_table",
        "papers",
        "papers.claims",
        "papers.judging",
    ):
        sys.modules.pop(name, None)


def test_the_page_of_the_papers_is_what_its_command_writes():
    from papers_page import page

    assert (DOCS / "papers.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("name", ["networks.md", "benchmark.md", "choose-a-solver.md"])
def test_tables_of_results_are_what_their_command_writes(name):
    from docs_tables import filled

    text = (DOCS / name).read_text(encoding="utf-8")
    assert "<!-- table " in text
    assert filled(text) == text


@pytest.mark.parametrize("name", MEASURED)
def test_sections_of_results_show_no_table_typed_by_hand(name):
    """Outside marked blocks there is no table with figures, and every decimal fraction is that of a committed score."""
    section = (DOCS / name).read_text(encoding="utf-8").partition(MEASURED[name])[2].partition("\n## ")[0]
    prose = re.sub(r"<!-- table .*?<!-- end -->", "", section, flags=re.DOTALL)
    assert not [line for line in prose.splitlines() if line.startswith("|") and re.search(r"\d", line)]
    tables = {found for found in re.findall(r"`(?:benchmarks/results/)?([\w-]+)`", section)}
    values = [scores(path) for path in (RESULTS / table / "results.csv" for table in tables) if path.exists()]
    assert values
    known = np.abs(np.concatenate(values))
    for token in re.findall(r"(?<![\w.])\.\d+\b", prose):
        digits = len(token) - 1
        assert (np.abs(known - float(token)) <= 0.501 * 10.0**-digits).any(), f"{token} in {name} is in no table"


def scores(path: Path) -> np.ndarray:
    """Every score of a table, and the bounds of its interval."""
    return pd.read_csv(path)[["value", "low", "high"]].to_numpy(float).ravel()


ASKED = dict(words="", why="", table="piunet-quick", solver="eloreta", metric="nemd_fast", cases={"snr-20": "20 dB"})


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(0.5, 0.9, "CONFIRMED"), (1.1, 1.5, "REFUTED"), (0.9, 1.1, "UNDECIDED")]
)
def test_a_bound_is_judged_by_the_interval(monkeypatch, low, high, verdict):
    from committed import Committed, Estimate
    from papers import judging

    monkeypatch.setattr(Committed, "score", lambda *_args, **_more: Estimate((low + high) / 2, low, high))
    assert judging.AtMost(**ASKED, bound=1.0).judged().verdict == getattr(judging, verdict)


@pytest.mark.parametrize(
    ("mne", "dspm", "verdict", "reverse"),
    [
        ((0.1, 2.0), (0.2, 2.0), "CONFIRMED", "REFUTED"),
        ((-0.1, 2.0), (0.2, 2.0), "UNDECIDED", "REFUTED"),
        ((-0.1, 2.0), (-2.0, -0.1), "REFUTED", "UNDECIDED"),
        ((-3.0, -2.0), (-2.0, -0.1), "REFUTED", "CONFIRMED"),
    ],
)
def test_a_comparison_is_judged_by_all_intervals(monkeypatch, mne, dspm, verdict, reverse):
    from committed import Committed, Estimate
    from papers import judging

    bounds = {"mne": mne, "dspm": dspm}

    def advantage(_self, _mine, other, *_args, **_more):
        return Estimate(sum(bounds[other]) / 2, *bounds[other]), True

    monkeypatch.setattr(Committed, "advantage", advantage)
    for worse, expected in ((False, verdict), (True, reverse)):
        claim = judging.Better(**ASKED, others=("mne", "dspm"), worse=worse)
        assert claim.judged().verdict == getattr(judging, expected)
