"""Common parts of bound networks: buffers that are not saved, and checks of sizes and data."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from headwater._utils.errors import InputError

# Sizes of networks and lead fields, in words for error messages.
WORDS = {
    "n_channels": "channels",
    "n_sources": "sources",
    "n_orient": "orientations per source",
    "n_images": "images of sensors",
    "n_outputs": "dipoles",
    "n_regions": "regions",
}


class Fixed(nn.Module):
    """A module with buffers computed from a lead field; they move to a device with the module and are not saved."""

    def _keep(self, name: str, values: np.ndarray | torch.Tensor) -> None:
        """Store an array as a buffer in single precision."""
        self.register_buffer(name, torch.as_tensor(values, dtype=torch.float32), persistent=False)


def check_sizes(network: nn.Module, **sizes: int) -> None:
    """Raise an error if a lead field does not have the sizes of a network.

    Parameters
    ----------
    network : Network
    **sizes
        Sizes of the lead field, named as the attributes of the network and as in ``WORDS``.
    """
    wrong = [
        f"{size} {WORDS[name]} instead of {getattr(network, name)}"
        for name, size in sizes.items()
        if getattr(network, name) != size
    ]
    if wrong:
        kind = type(network).__name__
        raise InputError(
            f"The lead field does not match this {kind}: without bad channels it has {', '.join(wrong)}; use the lead "
            f"field of its training, or train a new network created by {kind}.for_leadfield."
        )


def check_data(y: torch.Tensor, n_channels: int) -> None:
    """Raise an error if the shape of the data is not (batch, n_channels, n_times)."""
    if y.ndim != 3 or y.shape[1] != n_channels:
        raise InputError(
            f"The data have shape {tuple(y.shape)}, but the network is bound to a lead field and takes "
            f"(batch, {n_channels}, n_times); pick the good channels of this lead field."
        )


def check_finite(y: torch.Tensor) -> None:
    """Raise an error if the data contain NaN or infinite values."""
    if not torch.isfinite(y).all():
        raise InputError("The data contain NaN or infinite values; mark the affected channels as bad.")


def amplitude(seen: torch.Tensor, y: torch.Tensor, over: int | tuple[int, ...]) -> torch.Tensor:
    """Compute the factor with which currents explain the data best in the least-squares sense.

    The squared error of ``a L x`` is smallest at ``a = <L x, y> / <L x, L x>``.

    Parameters
    ----------
    seen : tensor
        ``L x``, the signals of the currents at the sensors.
    y : tensor of the same shape
    over : int | tuple of int
        Axes of the scalar products; they are kept with length 1.

    Returns
    -------
    factor : tensor
        0 where ``seen`` is zero.
    """
    power = seen.square().sum(over, keepdim=True)
    return (seen * y).sum(over, keepdim=True) / torch.where(power > 0, power, torch.ones_like(power))
