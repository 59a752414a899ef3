"""The weights that are bundled with the package, by name."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from headwater._utils.errors import InputError
from headwater._utils.extras import extras
from headwater.weights.card import CARD, WEIGHTS, Card

if TYPE_CHECKING:  # PyTorch takes a while, and need not be there
    import torch

    from headwater.networks.as_solver import NetworkSolver

DEFAULT = "piunet"


def shipped() -> dict[str, Path]:
    """Weights files bundled with the package, by name."""
    folder = Path(str(files("headwater.weights"))) / "shipped"
    return {path.stem: path for path in sorted(folder.glob(f"*{WEIGHTS}"))}


def cards() -> dict[str, Card]:
    """Cards of the weights bundled with the package, by name."""
    return {name: Card.read(path.with_suffix(CARD)) for name, path in shipped().items()}


def find_card(name: str | Path) -> Card:
    """Card of bundled weights, or of a file."""
    return Card.read(_path(name).with_suffix(CARD))


def load_network(name: str | Path = DEFAULT, *, device: str | torch.device = "cpu") -> NetworkSolver:
    """Load a trained network as a solver. Nothing is downloaded or unpickled.

    Parameters
    ----------
    name : str | path-like
        Name of bundled weights (``headwater list weights``), or a ``.safetensors`` file.
    device : str | torch.device

    Returns
    -------
    solver : NetworkSolver
        For ``hw.localize(evoked, solver=...)``.

    Examples
    --------
    >>> import headwater as hw
    >>> network = hw.load_network("piunet")
    >>> network.network.n_parameters
    813096
    """
    path = _path(name)
    with extras():
        from headwater.networks.as_solver import NetworkSolver
        from headwater.weights.files import read_network
    network, card = read_network(path)
    return NetworkSolver(
        network=network,
        device=device,
        mixed=str(card.recipe.get("precision")).startswith("bf16"),
        name=f"{card.name} {card.sha256[:8]}",
        matching=None if card.leadfield is None else card.leadfield.matching,
        calibration=card.calibration,
    )


def _path(name: str | Path) -> Path:
    known = shipped()
    if str(name) not in known and Path(name).suffix != WEIGHTS:
        choice = f"choose {', '.join(known)}, or " if known else ""
        raise InputError(f"There are no weights {str(name)!r}; {choice}give the path of a {WEIGHTS} file.")
    return known.get(str(name), Path(name))
