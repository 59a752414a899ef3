"""Weights on disk: a safetensors file, and beside it the card, which has its checksum."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file
from headwater.networks import NETWORKS
from headwater.networks.base import Network
from headwater.weights.card import Card

WEIGHTS, CARD = ".safetensors", ".json"


def save_network(network: Network, path: Path | str, card: Card) -> Card:
    """Write weights and card; both are whole or absent.

    Parameters
    ----------
    network : Network
    path : path-like
        Of the weights, ending in ``.safetensors``.
    card : Card
        Without checksum.

    Returns
    -------
    card : Card
        With checksum.
    """
    path = _weights_path(path)
    content = save({name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()})
    card = card.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)
    with atomic_file(path.with_suffix(CARD)) as temporary:
        temporary.write_text(card.model_dump_json(indent=1) + "\n")
    return card


def read_network(path: Path | str) -> tuple[Network, Card]:
    """Read weights and card. Nothing is unpickled, and nothing fetched.

    Returns
    -------
    network : Network
        In evaluation mode.
    card : Card
    """
    path = _weights_path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read the weights {path} ({error.strerror}).") from error
    card = Card.read(path.with_suffix(CARD))
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise InputError(
            f"The weights {path.name} are not those that their card describes (the checksum differs): the file is "
            "truncated or was changed; fetch it anew."
        )
    if card.network not in NETWORKS:
        raise InputError(
            f"The weights {path.name} are of a network {card.network!r} that this version does not know; update "
            "headwater."
        )
    try:
        network = NETWORKS[card.network](**{name: _tuples(value) for name, value in card.config.items()})
        _fill(network, load(content))
    except (SafetensorError, RuntimeError, TypeError) as error:
        raise InputError(
            f"The weights {path.name} do not fit the network {card.network!r} of this version; train it anew, or use "
            "the version of headwater that its card names."
        ) from error
    return network.eval(), card


def _fill(network: Network, weights: dict[str, torch.Tensor]) -> None:
    """Put weights in; numbers of another type are refused, which PyTorch would convert without a word."""
    for name, value in network.state_dict().items():
        if name in weights and weights[name].dtype != value.dtype:
            raise TypeError(f"{name} is {weights[name].dtype} and should be {value.dtype}")
    network.load_state_dict(weights)


def _weights_path(path: Path | str) -> Path:
    path = Path(path)
    if path.suffix != WEIGHTS:
        raise InputError(f"Weights are a {WEIGHTS} file with a card ({CARD}) beside it, and {path.name} is not one.")
    return path


def _tuples(value: object) -> object:
    """JSON knows lists only."""
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value
