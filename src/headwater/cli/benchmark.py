"""``headwater benchmark``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.app import called_as, console


class Size(StrEnum):
    """How long a benchmark may take."""

    quick = "quick"
    paper = "paper"


def benchmark(
    protocol: Annotated[str, typer.Argument(help="See `headwater list protocols`.")],
    size: Annotated[Size, typer.Option(help="quick: minutes on two cores; paper: as many samples as published.")] = (
        Size.quick
    ),
    solvers: Annotated[
        str,
        typer.Option(
            help="Names of solvers, .safetensors files, or morphed:FILE for a network of another lead field, separated "
            "by commas [default: all]."
        ),
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Results folder [default: benchmark-PROTOCOL-SIZE].")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the recordings, for the protocol `real`.")] = None,
    cases: Annotated[str, typer.Option(help="Names of cases, separated by commas [default: all].")] = "",
    samples: Annotated[
        int | None, typer.Option(help="Samples of each case and head at most [default: those of the size].")
    ] = None,
    inverse_crime: Annotated[
        bool, typer.Option("--inverse-crime", help="Simulate with the solvers' own head, as a contrast.")
    ] = False,
    cluster: Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Start again where there are results.")] = False,
) -> None:
    """Compare solvers on the same samples; go on where an interrupted run stopped."""
    from headwater.benchmark import run_benchmark

    out = out or Path(f"benchmark-{protocol}-{size.value}")
    run_benchmark(
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
    console.print(f"Results in {out}: {out / 'table.md'}, {out / 'report.html'}", soft_wrap=True)


def _names(listed: str) -> list[str] | None:
    return [name.strip() for name in listed.split(",") if name.strip()] or None
