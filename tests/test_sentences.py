"""Errors of the library name parameters, which the command line shows as its options."""

import ast
from pathlib import Path

import pytest
import typer

import headwater
from headwater.cli.app import app
from headwater.cli.sentences import with_options

PACKAGE = Path(headwater.__file__).parent
LIBRARY = sorted(path for path in PACKAGE.rglob("*.py") if "cli" not in path.relative_to(PACKAGE).parts)


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("give a larger `tmax`.", "give a larger --tmax."),
        ("choose another `out` or set `overwrite=True`.", "choose another --out or set --overwrite."),
        ("try `noise_cov`, `bads=('EEG 1', 'O2')`", "try --noise-cov, --bads 'EEG 1,O2'"),
        ("`tmin=nan` s is not a time", "--tmin nan s is not a time"),
        ("check `recording`", "check RECORDING"),
        ("the network has no `depth`", "the network has no `depth`"),
    ],
)
def test_parameters_become_options(sentence: str, shown: str) -> None:
    command = typer.main.get_command(app).commands["localize"]
    assert with_options(sentence, command) == shown


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_library_names_no_options(path: Path) -> None:
    options = {
        name for command in typer.main.get_command(app).commands.values() for one in command.params for name in one.opts
    }
    options = {name for name in options if name.startswith("--")}
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings]
    words = {word.strip("`'\"(),.;:") for text in strings if isinstance(text, str) for word in text.split()}
    assert not words & options
