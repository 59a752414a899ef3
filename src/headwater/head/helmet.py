"""A helmet of magnetometers, for simulating MEG without a recording."""

from __future__ import annotations

import mne
import numpy as np
from mne.io.constants import FIFF
from mne.transforms import Transform

from headwater._utils.errors import InputError
from headwater.head.model import Head

GAP = 0.02  # from scalp to coils, metres: cryostat wall and hair
LOWEST = 0.0  # height down to which the helmet of a round head would reach, head coordinates, metres; the ears are at 0


def helmet_info(head: Head, n_channels: int = 102, *, sfreq: float = 1000.0, gap: float = GAP) -> mne.Info:
    """Put evenly spread magnetometers around a head, looking away from its middle.

    Parameters
    ----------
    head : Head
        With a scalp.
    n_channels : int
    sfreq : float
        Sampling frequency of the info, in Hz.
    gap : float
        From scalp to coils, in metres.

    Returns
    -------
    info : mne.Info
        Coils of the size of those of Neuromag systems; the device frame is that of the head.
    """
    if head.scalp is None:
        raise InputError(f"The head {head.name!r} has no scalp to put a helmet around; use one with a scalp surface.")
    scalp = head.to_head(head.scalp.rr)
    centre = scalp[scalp[:, 2] > LOWEST].mean(axis=0)
    directions = _upper_directions(n_channels, centre, scalp)
    offsets = scalp - centre
    along = offsets / np.linalg.norm(offsets, axis=1, keepdims=True)
    radius = np.array([np.linalg.norm(offsets[np.argsort(along @ one)[-8:]], axis=1).max() for one in directions])
    info = mne.create_info([f"MEG{index:03d}" for index in range(n_channels)], sfreq, "mag")
    for channel, direction, distance in zip(info["chs"], directions, radius, strict=True):
        channel["coil_type"] = FIFF.FIFFV_COIL_VV_MAG_T3
        channel["loc"][:3] = centre + (distance + gap) * direction
        channel["loc"][3:] = _frame(direction).T.ravel()
    with info._unlock():  # noqa: SLF001 - MNE-Python has no public way to set the transform of a new info
        info["dev_head_t"] = Transform("meg", "head", np.eye(4))
    return info


def _upper_directions(n: int, centre: np.ndarray, scalp: np.ndarray) -> np.ndarray:
    """Directions of a spherical Fibonacci lattice that lie above the ears, shape (n, 3)."""
    lowest = (LOWEST - centre[2]) / np.linalg.norm(scalp - centre, axis=1).mean()
    height = 1 - (np.arange(n) + 0.5) / n * (1 - lowest)
    angle = np.pi * (3 - np.sqrt(5)) * np.arange(n)
    across = np.sqrt(1 - height**2)
    return np.stack([across * np.cos(angle), across * np.sin(angle), height], axis=1)


def _frame(normal: np.ndarray) -> np.ndarray:
    """Right-handed axes, as columns, the last of which is the normal."""
    other = np.eye(3)[np.argmin(np.abs(normal))]
    first = np.cross(other, normal)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(normal, first), normal], axis=1)
