"""Apply networks of one lead field to other heads and montages."""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import ValidationError

from headwater._utils.errors import InputError
from headwater.networks.as_solver import Morphed
from headwater.training.recipe import Heads
from headwater.weights.catalogue import find_card, load_network


def morphed_network(name: str | Path, *, device: str | torch.device = "cpu") -> Morphed:
    """Load a network of one lead field for any head and montage.

    The lead field of its training is computed again from the recipe in its card.

    Parameters
    ----------
    name : str | path-like
        As for `headwater.load_network`.
    device : str | torch.device

    Returns
    -------
    solver : Morphed
        For ``hw.localize(evoked, solver=...)``.

    Examples
    --------
    >>> import headwater as hw
    >>> stc = hw.localize("my-ave.fif", solver=hw.morphed_network("direct-unet"))  # doctest: +SKIP
    """
    solver, card = load_network(name, device=device), find_card(name)
    if card.leadfield is None:
        raise InputError(f"{card.name} accepts any head and montage; load it with `headwater.load_network`.")
    try:
        heads = Heads.model_validate(card.recipe["heads"][0])
    except (LookupError, TypeError, ValidationError) as error:
        raise InputError(
            f"The card of {card.name} does not say which head it was trained on; give headwater.networks.Morphed the "
            "lead field of its training."
        ) from error
    return Morphed(solver=solver, home=heads.model())
