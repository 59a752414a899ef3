"""Currents from a map of activity: positions from the network; time course, orientation and amplitude from the data."""

from __future__ import annotations

import math

import torch
from torch import nn

# Power of the noise relative to that of the signal, for an amplitude ratio of 3, as in MNE-Python.
LAMBDA2 = 1 / 9

# Activity of each source that an untrained network predicts.
QUIET = 0.02


def start_quiet(last: nn.Linear) -> None:
    """Initialise the last layer so that an untrained network predicts little activity, because few sources are active.

    Otherwise the first training steps only reduce all outputs, independently of the data (T.-Y. Lin et al., "Focal loss
    for dense object detection", ICCV 2017, section 3.3).
    """
    nn.init.constant_(last.bias, math.log(QUIET / (1 - QUIET)))


def currents_from_map(
    activity: torch.Tensor, y: torch.Tensor, whitener: torch.Tensor, gain: torch.Tensor
) -> torch.Tensor:
    r"""Compute the currents that explain the data, for a map of relative activity.

    With ``C`` the diagonal matrix of the map, the minimum-norm estimate with prior covariance ``C^2`` is
    ``C^2 L' (L C^2 L' + lambda^2 I)^-1 y``. At each source, its time course and orientation are scaled to a root mean
    square of 1 and multiplied by the map. The currents of a sample are then multiplied by the factor
    ``<L x, y> / <L x, L x>``. The relative amplitudes are therefore those of the map, whereas those of the minimum-norm
    estimate are biased towards superficial sources. The currents scale with the data.

    Parameters
    ----------
    activity : tensor of shape (batch, n_sources)
        Relative activity, at least 0.
    y : tensor of shape (batch, n_channels, n_times)
    whitener : tensor of shape (n_white, n_channels)
    gain : tensor of shape (n_white, n_sources, n_orient)
        Whitened gain, in 1/(A m).

    Returns
    -------
    currents : tensor of shape (batch, n_sources, n_orient, n_times)
        In A m.
    """
    with torch.autocast(y.device.type, enabled=False):  # A m exceed the range of half precision
        return _restored(activity.float(), whitener @ y, gain)


def _restored(activity: torch.Tensor, y: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
    """Compute the currents from whitened data."""
    tiny = torch.finfo(gain.dtype).tiny
    n_orient = gain.shape[2]
    flat = gain.flatten(1)
    relative = activity / activity.amax(1, keepdim=True).clamp(min=tiny)
    currents = torch.stack([_courses(one, data, flat, n_orient) for one, data in zip(relative, y, strict=True)])
    rms = currents.square().sum(2, keepdim=True).mean(3, keepdim=True).sqrt()
    currents = relative[:, :, None, None] * currents / rms.clamp(min=tiny)
    fitted = flat @ currents.flatten(1, 2)
    # Norms first, so that squares of numbers such as 1e-9 A m times the gain do not underflow in single precision.
    length = fitted.flatten(1).norm(dim=1).clamp(min=tiny)[:, None, None]
    factor = (fitted / length * y).sum((1, 2), keepdim=True) / length
    return factor[..., None] * currents


def _courses(relative: torch.Tensor, y: torch.Tensor, gain: torch.Tensor, n_orient: int) -> torch.Tensor:
    """Return ``L' (L C^2 L' + lambda^2 I)^-1 y`` of one sample up to a factor, shape (n_sources, n_orient, n_times)."""
    weighted = gain * relative.repeat_interleave(n_orient)
    signal = weighted @ weighted.T
    signal = signal / signal.diagonal().mean().clamp(min=torch.finfo(gain.dtype).tiny)
    noise = LAMBDA2 * torch.eye(len(signal), dtype=gain.dtype, device=gain.device)
    size = y.norm().clamp(min=torch.finfo(gain.dtype).tiny)
    courses = (gain / gain.norm()).T @ torch.linalg.solve(signal + noise, y / size)
    return courses.unflatten(0, (-1, n_orient))
