"""``headwater report``."""

from __future__ import annotations

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

        rewrite_results(folder)
    elif (folder / LOCALISATION).is_file():
        raise InputError(f"{folder} holds a localisation, whose report.html was written with it; open that.")
    else:
        raise InputError(f"{folder} holds neither a training run nor a benchmark; give a folder of one.")
    console.print(f"Report: {folder / 'report.html'}", soft_wrap=True)
