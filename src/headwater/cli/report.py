"""``headwater report``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from headwater._utils.errors import InputError
from headwater.cli.app import console

BENCHMARK, TRAINING, LOCALISATION = "benchmark.json", "recipe.yaml", "headwater.json"


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of `headwater train` or `headwater benchmark`.")],
) -> None:
    """Write the page of a training run, finished or not, or once more that of a benchmark."""
    if (folder / TRAINING).is_file():
        from headwater.training.page import write_training_page

        write_training_page(folder)
    elif (folder / BENCHMARK).is_file():
        from headwater.benchmark import rewrite_results
        from headwater.benchmark.results_folder import read_marker

        rewrite_results(folder, asked_for(read_marker(folder)["command"]))
    elif (folder / LOCALISATION).is_file():
        raise InputError(f"{folder} holds a localisation, whose report.html was written with it; open that.")
    else:
        raise InputError(f"{folder} holds neither a training run nor a benchmark; give a folder of one.")
    console.print(f"Report: {folder / 'report.html'}", soft_wrap=True)


def asked_for(command: str | None) -> list[str] | None:
    """Return the solvers that a command names, with the files of networks as it found them; None if it names none."""
    words = shlex.split((command or "").replace("--solvers=", "--solvers "))
    return words[words.index("--solvers") + 1].split(",") if "--solvers" in words[:-1] else None
