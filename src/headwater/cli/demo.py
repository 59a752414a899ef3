"""``headwater demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from headwater.cli.app import called_as, console


def demo(
    out: Annotated[Path, typer.Option(help="Results folder.")] = Path("headwater-demo"),
    seed: Annotated[int, typer.Option(help="Another seed makes another head and other noise.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier demo.")] = False,
) -> None:
    """Simulate a visual and a somatosensory response on another head, localise both, and measure the errors."""
    from headwater.demo import run_demo

    errors_mm = run_demo(out, seed=seed, overwrite=overwrite, command=called_as())
    table = Table(title="Localisation error in mm (data: another head, other conductivities)")
    table.add_column("solver")
    for response in errors_mm.columns:
        table.add_column(response, justify="right")
    for solver, row in errors_mm.iterrows():
        table.add_row(str(solver), *(f"{error:.1f}" for error in row))
    console.print(table)
    for response in errors_mm.columns:
        console.print(f"Report: {out / response / 'report.html'}", soft_wrap=True)
    console.print(
        f"Try it on the simulated recording: headwater localize {out / 'demo-ave.fif'} --condition visual",
        soft_wrap=True,
    )
