"""From what a user names to the methods of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from headwater._utils.errors import InputError
from headwater.benchmark.methods import Fitted, Method
from headwater.benchmark.protocol import Protocol
from headwater.solvers.base import Solver

WEIGHTS = ".safetensors"
MORPHED = "morphed:"


def chosen(protocol: Protocol, solvers: Iterable[str] | Mapping[str, Solver] | None) -> dict[str, Method]:
    """Return the methods of a run: the solvers asked for, and always the controls.

    Parameters
    ----------
    protocol : Protocol
    solvers : iterable of str | dict of str to Solver | None
        Solvers by the names of their rows; or names of solvers of the protocol and of bundled networks, files of
        trained networks (``PATH.safetensors``, named by their stem), and either after ``morphed:``, for a network of
        one lead field that is carried to that of the case. None: all solvers of the protocol.
    """
    if solvers is None:
        solvers = protocol.solvers
    elif not isinstance(solvers, Mapping):
        solvers = _named(protocol, [name for name in solvers if name not in protocol.controls])
    return {**{name: Fitted(solver) for name, solver in solvers.items()}, **protocol.controls}


def _named(protocol: Protocol, names: list[str]) -> dict[str, Solver]:
    from headwater.weights.catalogue import shipped

    known, bundled = protocol.solvers, shipped()
    networks = [name for name in names if name in bundled or name.endswith(WEIGHTS) or name.startswith(MORPHED)]
    if unknown := [name for name in names if name not in known and name not in networks]:
        choices = dict.fromkeys([*known, *bundled])
        raise InputError(
            f"The benchmark has no solver {', '.join(unknown)}; choose from {', '.join(choices)}, or give the "
            f"{WEIGHTS} file of a network."
        )
    found: dict[str, Solver] = {}
    for name in dict.fromkeys(names):
        label = name if name in known else _label(name)
        if label in found:
            raise InputError(f"Two of the solvers are called {label}; rename the file of one of them.")
        found[label] = known[name] if name in known else _network(name)
    return found


def _network(name: str) -> Solver:
    if name.startswith(MORPHED):
        from headwater.training.morph import morphed_network

        return morphed_network(name.removeprefix(MORPHED))
    from headwater.weights import load_network

    return load_network(name)


def _label(name: str) -> str:
    """Name of a network in tables and figures."""
    stem = Path(name.removeprefix(MORPHED)).stem
    return f"{stem}-morphed" if name.startswith(MORPHED) else stem
