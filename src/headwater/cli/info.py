"""``headwater list`` and ``headwater info``."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from headwater.cli.app import console


class Listing(StrEnum):
    """What can be listed."""

    solvers = "solvers"
    presets = "presets"


def list_(what: Annotated[Listing, typer.Argument(help="What to list.")] = Listing.solvers) -> None:
    """List what can be named on the command line."""
    columns, rows = {Listing.solvers: _solvers, Listing.presets: _presets}[what]()
    table = Table(title=what.value)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _solvers() -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
    from headwater.solvers import SOLVERS

    return ("name", "method"), ((name, _first_line(solver)) for name, solver in SOLVERS.items())


def _presets() -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
    from headwater.simulation.presets import PRESETS

    return ("name", "sources", "in the", "time"), (
        (
            name,
            _first_line(type(preset.sources)),
            preset.sources.space,
            "one instant" if preset.n_times == 1 else f"{preset.n_times / preset.sfreq:g} s at {preset.sfreq:g} Hz",
        )
        for name, preset in PRESETS.items()
    )


def _first_line(described: type) -> str:
    return (described.__doc__ or "").strip().splitlines()[0].partition(": ``")[0].removesuffix(".")


def info() -> None:
    """Show versions, devices and the cache: what a bug report needs."""
    import os
    import platform
    from importlib.metadata import version

    import torch

    from headwater._utils.cache import cache_dir

    folder = cache_dir()
    size = sum(path.stat().st_size for path in folder.glob("*") if path.is_file()) if folder.is_dir() else 0
    rows = {
        "headwater": version("headwater"),
        "Python": platform.python_version(),
        **{name: version(name) for name in ("mne", "numpy", "scipy", "torch")},
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
        "GPU": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "cache": f"{folder} ({size / 1e6:.0f} MB)",
    }
    for name, value in rows.items():
        console.print(f"{name:10} {value}", highlight=False, soft_wrap=True)
