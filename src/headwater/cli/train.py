"""``headwater train``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.app import INTERRUPTED, console, errors


def train(
    recipe: Annotated[Path, typer.Argument(help="YAML file, or a name of `headwater list recipes`.")],
    out: Annotated[Path | None, typer.Option(help="Folder of the run [default: RECIPE-training].")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    devices: Annotated[int, typer.Option(help="GPUs (or processes) that share the work.")] = 1,
    start: Annotated[Path | None, typer.Option(help="Weights to begin with instead of random ones.")] = None,
) -> None:
    """Train a network on simulated recordings according to a recipe."""
    from headwater.training.fit import is_first_process
    from headwater.training.logs import RECIPE
    from headwater.training.run import train_recipe

    out = out or Path(f"{recipe.stem}-training")
    try:
        solver = train_recipe(recipe, out, resume=resume, devices=devices, start=start)
    except KeyboardInterrupt:
        begun = ["--resume"] if (out / RECIPE).exists() else []
        again = shlex.join(["headwater", *(one for one in sys.argv[1:] if one != "--resume"), *begun])
        errors.print(f"Stopped; the checkpoint in {out} is kept. Continue with: {again}")
        raise typer.Exit(INTERRUPTED) from None
    if is_first_process():
        console.print(f"{solver!r} in {out}; use it with `headwater localize --solver`.", soft_wrap=True)
        console.print(f"Learning curves: {out / 'report.html'}", soft_wrap=True)
