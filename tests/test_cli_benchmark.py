"""``headwater benchmark``: what is refused, and that the function behind it gets what was asked for."""

from collections.abc import Callable
from pathlib import Path

import pytest

RunCli = Callable[..., str]


def test_protocols_are_listed(run_cli: RunCli) -> None:
    printed = run_cli("list", "protocols")
    for name in ("piunet", "multi-source", "real", "speed"):
        assert name in printed


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("nonsense",), "piunet"),
        (("piunet", "--solvers", "magic"), "magic"),
    ],
)
def test_impossible_comparisons(run_cli: RunCli, tmp_path: Path, arguments: tuple[str, ...], part: str) -> None:
    message = " ".join(run_cli("benchmark", *arguments, "--out", tmp_path / "out", code=2).split())
    assert message.startswith("Error: ")
    assert part in message
    assert not (tmp_path / "out").exists()
