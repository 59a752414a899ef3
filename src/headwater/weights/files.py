"""Weights on disk: a safetensors file and, next to it, the card with its checksum."""

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
from headwater.networks.base.sizes import Budget
from headwater.solvers.posterior.calibration import Calibration
from headwater.weights.card import CARD, WEIGHTS, Card

ROOM = 4  # numbers that a constructor may allocate for each one it keeps


def save_network(network: Network, path: Path | str, card: Card, *, half: bool = False) -> Card:
    """Write weights and card, each completely or not at all.

    Parameters
    ----------
    network : Network
        Weights that are not finite are refused.
    path : path-like
        Weights file, ending in ``.safetensors``.
    card : Card
        Without checksums.
    half : bool
        Store numbers of 32 bits with 16: half the size, rounded to three digits.

    Returns
    -------
    card : Card
        With checksums.
    """
    path = _weights_path(path)
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    if half:
        weights = {name: value.half() if value.dtype == torch.float32 else value for name, value in weights.items()}
    if not _finite(weights):
        raise InputError(f"The weights for {path.name} are not finite and were not written; lower the learning rate.")
    content = save(weights)
    card = card.sealed(hashlib.sha256(content).hexdigest())
    # Both are complete before either is renamed, so that a crash hardly ever leaves two files that disagree.
    with atomic_file(path.with_suffix(CARD)) as temporary_card, atomic_file(path) as temporary:
        temporary_card.write_text(card.model_dump_json(indent=1) + "\n")
        temporary.write_bytes(content)
    return card


def with_calibration(path: Path | str, calibration: Calibration) -> Card:
    """Write the calibration of the posterior to the card of weights, which stay as they are.

    Parameters
    ----------
    path : path-like
        Weights file, next to its card.
    calibration : Calibration

    Returns
    -------
    card : Card
        With checksums.
    """
    path = _weights_path(path)
    card = Card.read(path.with_suffix(CARD))
    card = card.model_copy(update={"calibration": calibration}).sealed(card.sha256)
    with atomic_file(path.with_suffix(CARD), overwrite=True) as temporary:
        temporary.write_text(card.model_dump_json(indent=1) + "\n")
    return card


def read_network(path: Path | str) -> tuple[Network, Card]:
    """Read weights and card. Nothing is unpickled, and nothing is downloaded.

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
        raise InputError(f"Cannot read the weights {path} ({error.strerror}); check the path.") from error
    card = Card.read(path.with_suffix(CARD))
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise InputError(
            f"The weights {path.name} do not match their card (the checksum differs): the file is "
            "truncated or was changed; download it again."
        )
    if card.network not in NETWORKS:
        raise InputError(
            f"The weights {path.name} belong to a network {card.network!r}, which this version of headwater does not "
            "have; update headwater."
        )
    try:
        return _made(card, load(content)), card
    except InputError as error:
        raise InputError(
            f"The card of the weights {path.name} describes a network that cannot be made: {str(error).rstrip('.')}; "
            "download weights and card again."
        ) from error
    except (SafetensorError, RuntimeError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"The weights {path.name} do not fit the network {card.network!r} of this version; train the network "
            "again, or use the version of headwater that its card names."
        ) from error


def _made(card: Card, weights: dict[str, torch.Tensor]) -> Network:
    """Make the network of a card with these weights, in little more memory than they need."""
    config = {name: _tuples(value) for name, value in card.config.items()}
    most = ROOM * sum(value.numel() for value in weights.values())
    with Budget(most, "it is much larger than the weights."):
        network = NETWORKS[card.network](**config)
    _check_fit(network, weights)
    network.load_state_dict(weights)
    return network.eval()


def _check_fit(network: Network, weights: dict[str, torch.Tensor]) -> None:
    """Refuse weights with other names, shapes or types, which PyTorch would convert silently, and with NaN.

    Numbers of 32 bits may be stored with 16.
    """
    expected = {name: (value.shape, value.dtype) for name, value in network.state_dict().items()}
    stored = {torch.float16: torch.float32}
    found = {name: (value.shape, stored.get(value.dtype, value.dtype)) for name, value in weights.items()}
    if found != expected:
        different = [name for name in {**expected, **found} if found.get(name) != expected.get(name)]
        raise TypeError(f"{different[0]} differs")
    if not _finite(weights):
        raise ValueError("weights are not finite")


def _finite(weights: dict[str, torch.Tensor]) -> bool:
    return all(bool(value.isfinite().all()) for value in weights.values())


def _weights_path(path: Path | str) -> Path:
    path = Path(path)
    if path.suffix != WEIGHTS:
        raise InputError(
            f"Weights are a {WEIGHTS} file with a card ({CARD}) next to it, unlike {path.name}; give such a file."
        )
    return path


def _tuples(value: object) -> object:
    """Turn the lists of JSON into tuples."""
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value
