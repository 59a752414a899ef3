"""``headwater benchmark``: what is refused, what an interrupted run says, and what is printed at the end."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headwater.benchmark import protocols, run
from headwater.benchmark.cell import score
from headwater.benchmark.heads import Setup
from headwater.benchmark.piunet import bells, cases
from headwater.benchmark.simulated import Extent, Simulated
from headwater.simulation.distributions import Integers
from headwater.solvers import MinimumNorm
from headwater.solvers.base import Solver

RunCli = Callable[..., str]


class Tiny(Simulated):
    """One solver."""

    @property
    def solvers(self) -> dict[str, Solver]:
        return {"mne": MinimumNorm()}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register a protocol of six cells."""
    extent = Extent(
        Setup("biosemi16", "volume", 30.0, ico=3), n=3, n_training=2, seeds=(1,), cases=cases((5, 20), (), ())
    )
    presets = {f"{at} dB": bells(at, Integers(1, 2)) for at in (5, 20)}
    metrics = ("localization_error", "nmse")
    protocol = Tiny(name="tiny", title="Tiny", sizes={"quick": extent}, training_presets=presets, metrics=metrics)
    monkeypatch.setitem(protocols.PROTOCOLS, "tiny", protocol)


def test_protocols_are_listed_with_their_titles(run_cli: RunCli) -> None:
    printed = " ".join(run_cli("list", "protocols").split())
    for name, protocol in protocols.PROTOCOLS.items():
        assert name in printed
        assert protocol.title.split()[0] in printed


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("nonsense",), "There is no protocol 'nonsense'; choose one of piunet"),
        (("piunet", "--solvers", "magic"), "The benchmark has no solver magic; choose from mne"),
        (("piunet", "--cases", "snr-7"), "There is no case snr-7; choose from snr-0"),
        (("real",), "needs recordings; give their folder as --data"),
        (("piunet", "--samples", "0"), "--samples is a positive number"),
    ],
)
def test_impossible_comparisons(run_cli: RunCli, tmp_path: Path, arguments: tuple[str, ...], part: str) -> None:
    message = " ".join(run_cli("benchmark", *arguments, "--out", tmp_path / "out", code=2).split())
    assert message.startswith("Error: ")
    assert part in message
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("tiny")
def test_ctrl_c_says_how_to_go_on_and_the_end_shows_the_table(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def until(task) -> None:
        if len(done) == 2:
            raise KeyboardInterrupt
        score(task)
        done.append(task)

    monkeypatch.setattr(run, "score", until)
    command = ("benchmark", "tiny", "--out", tmp_path / "out")
    said = " ".join(run_cli(*command, code=130).split())
    assert f"Stopped; 2 of {len(rows()) * 2} cells are done and kept. Continue with: headwater benchmark tiny" in said
    monkeypatch.setattr(run, "score", score)
    printed = run_cli(*command)
    for words in ("snr-5", "snr-20", "localization_error", "nmse", *rows()):
        assert words in printed
    perfect = next(line for line in printed.splitlines() if "Perfect" in line)
    assert [cell.strip() for cell in perfect.split("│")[1:-1]] == ["Perfect", "0", "0"]
    assert "table.md" in printed


def rows() -> tuple[str, ...]:
    return ("mne", "Random", "Perfect")
