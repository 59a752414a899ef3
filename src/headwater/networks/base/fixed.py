"""What parts of bound networks share: buffers that are not saved, and checks of sizes and data."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from headwater._utils.errors import InputError

# Sizes of networks and lead fields, for people.
WORDS = {
    "n_channels": "channels",
    "n_sources": "sources",
    "n_orient": "orientations per source",
    "n_images": "images of sensors",
    "n_outputs": "dipoles",
    "n_regions": "regions",
}


class Fixed(nn.Module):
    """A module with numbers that follow from a lead field: they move to a device with it and are not saved."""

    def _keep(self, name: str, values: np.ndarray | torch.Tensor) -> None:
        """Keep an array as a buffer in single precision."""
        self.register_buffer(name, torch.as_tensor(values, dtype=torch.float32), persistent=False)


def check_sizes(network: nn.Module, **sizes: int) -> None:
    """Refuse a lead field that a network was not made for.

    Parameters
    ----------
    network : Network
    **sizes
        Of the lead field, named as the network's attributes are and as in ``WORDS``.
    """
    wrong = [
        f"{size} {WORDS[name]} instead of {getattr(network, name)}"
        for name, size in sizes.items()
        if getattr(network, name) != size
    ]
    if wrong:
        kind = type(network).__name__
        raise InputError(
            f"The lead field does not fit this {kind}: without bad channels it has {', '.join(wrong)}; use the lead "
            f"field of its training, or train another network made with {kind}.for_leadfield."
        )


def check_data(y: torch.Tensor, n_channels: int) -> None:
    """Refuse data of other shapes than (batch, n_channels, n_times)."""
    if y.ndim != 3 or y.shape[1] != n_channels:
        raise InputError(
            f"The data have the shape {tuple(y.shape)}, but the network is bound to a lead field and takes "
            f"(batch, {n_channels}, n_times); pick the good channels of that lead field."
        )


def check_finite(y: torch.Tensor) -> None:
    """Refuse data with values that are no numbers."""
    if not torch.isfinite(y).all():
        raise InputError("The data have values that are NaN or infinite; mark those channels as bad.")


def amplitude(seen: torch.Tensor, y: torch.Tensor, over: int | tuple[int, ...]) -> torch.Tensor:
    """Compute the factor of currents that explains data best in the least-squares sense.

    The squared error of ``a L x`` is smallest at ``a = <L x, y> / <L x, L x>``.

    Parameters
    ----------
    seen : tensor
        ``L x``, what the sensors see of the currents.
    y : tensor of the same shape
    over : int | tuple of int
        Axes of the products; they are kept, with a length of 1.

    Returns
    -------
    factor : tensor
        0 where nothing is seen.
    """
    power = seen.square().sum(over, keepdim=True)
    return (seen * y).sum(over, keepdim=True) / torch.where(power > 0, power, torch.ones_like(power))
