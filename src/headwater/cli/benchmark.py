"""``headwater benchmark``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from headwater.cli.app import INTERRUPTED, called_as, console, errors

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 3


class Size(StrEnum):
    """How long a benchmark may take."""

    quick = "quick"
    paper = "paper"


def benchmark(
    protocol: Annotated[str, typer.Argument(help="See `headwater list protocols`.")],
    size: Annotated[Size, typer.Option(help="quick: minutes; paper: as many samples as published.")] = Size.quick,
    solvers: Annotated[
        str,
        typer.Option(help="Names, .safetensors files, or morphed:FILE, separated by commas [default: all]."),
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Results folder [default: benchmark-PROTOCOL-SIZE].")] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of real recordings and heads: for the protocol `real`, and cases `real-head`."),
    ] = None,
    cases: Annotated[str, typer.Option(help="Names of cases, separated by commas [default: all].")] = "",
    samples: Annotated[int | None, typer.Option(help="Largest number of samples of each case and head.")] = None,
    inverse_crime: Annotated[
        bool, typer.Option("--inverse-crime", help="Simulate with the head that solvers assume, as a contrast.")
    ] = False,
    cluster: Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace other results, as soon as the new ones are whole.")
    ] = False,
) -> None:
    """Compare solvers on the same samples; the same command resumes an interrupted run."""
    from headwater.benchmark import run_benchmark

    out = out or Path(f"benchmark-{protocol}-{size.value}")
    with _resumable():
        results = run_benchmark(
            protocol,
            size.value,
            _names(solvers),
            out,
            data=data,
            cases=_names(cases),
            samples=samples,
            inverse_crime=inverse_crime,
            cluster=cluster,
            overwrite=overwrite,
            command=called_as(),
        )
    for table in _tables(results):
        console.print(table)
    console.print(f"Results in {out}: {out / 'table.md'}, {out / 'report.html'}", soft_wrap=True)


@contextmanager
def _resumable() -> Iterator[None]:
    """Say after Ctrl-C how to continue."""
    from headwater.benchmark.run import Interrupted

    try:
        yield
    except Interrupted as stopped:
        errors.print(
            f"Stopped; {stopped.n_done} of {stopped.n_cells} cells are done and kept. Continue with: {called_as()}"
        )
        raise typer.Exit(INTERRUPTED) from None


def _tables(results: pd.DataFrame) -> list[Table]:
    """One table per case: solvers as rows, metrics as columns, the mean over heads."""
    tables = []
    for case, rows in results.groupby("case", sort=False):
        metrics, solvers = list(dict.fromkeys(rows["metric"])), list(dict.fromkeys(rows["solver"]))
        means = rows.groupby(["solver", "metric"])["value"].mean()
        table = Table("solver", *metrics, title=str(case))
        for solver in solvers:
            table.add_row(solver, *(_shown(means[solver, metric]) for metric in metrics))
        tables.append(table)
    return tables


def _shown(value: float) -> str:
    return "–" if value != value else f"{value:.{DIGITS}g}"  # noqa: PLR0124


def _names(listed: str) -> list[str] | None:
    return [name.strip() for name in listed.split(",") if name.strip()] or None
