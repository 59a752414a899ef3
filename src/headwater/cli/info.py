"""``headwater list`` and ``headwater info``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from headwater.cli.app import console


class Listing(StrEnum):
    """What can be listed."""

    solvers = "solvers"
    presets = "presets"
    parts = "parts"
    protocols = "protocols"
    networks = "networks"
    weights = "weights"
    recipes = "recipes"


def list_(what: Annotated[Listing, typer.Argument(help="What to list.")] = Listing.solvers) -> None:
    """List what can be named on the command line."""
    columns, rows = {
        Listing.solvers: _solvers,
        Listing.presets: _presets,
        Listing.parts: _parts,
        Listing.protocols: _protocols,
        Listing.networks: _networks,
        Listing.weights: _weights,
        Listing.recipes: _recipes,
    }[what]()
    parts = what is Listing.parts
    table = Table(title="parts of presets" if parts else what.value, show_lines=parts)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    if what is Listing.recipes:
        from headwater.training.bundled import FOLDER

        console.print(f"Their files, to copy and change: {FOLDER}", soft_wrap=True)


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


def _protocols() -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
    from headwater.benchmark import PROTOCOLS

    return ("name", "what it compares"), ((name, protocol.title) for name, protocol in PROTOCOLS.items())


def _networks() -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
    from headwater.networks import NETWORKS

    return ("name", "network", "takes"), (
        (name, _first_line(network), "any lead field" if network.any_leadfield else "that of its training")
        for name, network in NETWORKS.items()
    )


def _weights() -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
    from headwater.weights import cards

    return ("name", "network", "parameters", "trained", "takes"), (
        (
            name,
            card.network,
            f"{card.parameters:,}",
            f"{card.steps:,} steps of {card.batch_size}, {card.hours:.1f} h on {card.device}",
            "any lead field" if card.leadfield is None else card.leadfield.described,
        )
        for name, card in cards().items()
    )


def _recipes() -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
    from headwater.training.bundled import bundled_recipes
    from headwater.training.recipe import Recipe

    recipes = {name: Recipe.read(path) for name, path in bundled_recipes().items()}
    return ("name", "network", "samples", "steps of samples"), (
        (name, recipe.network, Path(recipe.preset).stem, f"{recipe.schedule.steps:,} of {recipe.batch_size}")
        for name, recipe in recipes.items()
    )


def _parts() -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
    from headwater.simulation.preset_files import CLASSES

    return ("part", "what it is", "fields"), (
        (kind.__name__, _first_line(kind), "\n".join(map(_in_words, fields(kind)))) for kind in CLASSES
    )


def _in_words(one: Field[object]) -> str:
    """Return a field's name and default, as Python and nearly as YAML would have them."""
    if one.default is not MISSING:
        return f"{one.name}: {one.default!r}"
    return one.name if one.default_factory is MISSING else f"{one.name}: {one.default_factory()!r}"


def _gpu() -> str:
    """Return the name of the GPU that networks would use."""
    if find_spec("torch") is None:
        return "none"
    import torch

    return str(torch.cuda.get_device_name()) if torch.cuda.is_available() else "none"


def _first_line(described: type) -> str:
    return (described.__doc__ or "").strip().splitlines()[0].partition(": ``")[0].removesuffix(".")


def info() -> None:
    """Show versions, devices and the cache: what a bug report needs."""
    import os
    import platform
    from importlib.metadata import version

    from headwater._utils.cache import cache_dir

    folder = cache_dir()
    size = sum(path.stat().st_size for path in folder.glob("*") if path.is_file()) if folder.is_dir() else 0
    rows = {
        "headwater": version("headwater"),
        "Python": platform.python_version(),
        **{name: version(name) for name in ("mne", "numpy", "scipy")},
        "torch": version("torch") if find_spec("torch") else "not installed",
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
        "GPU": _gpu(),
        "cache": f"{folder} ({size / 1e6:.0f} MB)",
    }
    for name, value in rows.items():
        console.print(f"{name:10} {value}", highlight=False, soft_wrap=True)
