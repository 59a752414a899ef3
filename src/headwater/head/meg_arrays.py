"""MEG arrays for simulation: numbers and coils of known systems, at synthetic positions around any head."""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np
from mne.io.constants import FIFF

from headwater._utils.errors import InputError
from headwater.head.helmet import GAP, helmet_info
from headwater.head.model import Head
from headwater.head.sensors import montage_info

SYNTHETIC = "synthetic positions"  # begins the description of every such info
JOIN = "+"


@dataclass(frozen=True)
class Coil:
    """One kind of coil at every site.

    Attributes
    ----------
    suffix : str
        Last character of the channel's name.
    kind : str
        ``"mag"`` or ``"grad"``.
    coil_type : int
        MNE-Python's coil definition.
    turned : bool
        The coil's x axis is the y axis of the site, as in the second of two orthogonal planar gradiometers.
    """

    suffix: str
    kind: str
    coil_type: int
    turned: bool = False


@dataclass(frozen=True)
class MegArray:
    """Sites spread evenly around a head, each with the same coils.

    Attributes
    ----------
    title : str
    sites : int
    coils : tuple of Coil
    gap : float
        From the scalp to the coils (of axial gradiometers: the inner ones), in metres.
    """

    title: str
    sites: int
    coils: tuple[Coil, ...]
    gap: float = GAP


MEG_ARRAYS = {
    "neuromag306": MegArray(
        "Neuromag, 102 magnetometers and 204 planar gradiometers",
        102,
        (
            Coil("1", "mag", FIFF.FIFFV_COIL_VV_MAG_T3),
            Coil("2", "grad", FIFF.FIFFV_COIL_VV_PLANAR_T1),
            Coil("3", "grad", FIFF.FIFFV_COIL_VV_PLANAR_T1, turned=True),
        ),
    ),
    "ctf275": MegArray("CTF, 275 axial gradiometers", 275, (Coil("", "mag", FIFF.FIFFV_COIL_CTF_GRAD),)),
    "kit160": MegArray("KIT, 160 axial gradiometers", 160, (Coil("", "mag", FIFF.FIFFV_COIL_KIT_GRAD),)),
    "magnes148": MegArray("4D Magnes, 148 magnetometers", 148, (Coil("", "mag", FIFF.FIFFV_COIL_MAGNES_MAG),)),
    "opm128": MegArray(
        "128 optically pumped magnetometers on the scalp",
        128,
        (Coil("", "mag", FIFF.FIFFV_COIL_QUSPIN_ZFOPM_MAG),),
        0.0065,
    ),
}


def meg_array_info(head: Head, array: str, *, sfreq: float = 1000.0) -> mne.Info:
    """Put the coils of a MEG system around a head.

    Parameters
    ----------
    head : Head
        With a scalp.
    array : str
        ``"neuromag306"``, ``"ctf275"``, ``"kit160"``, ``"magnes148"`` or ``"opm128"``.
    sfreq : float
        Sampling frequency of the info, in Hz.

    Returns
    -------
    info : mne.Info
        Numbers and coils are those of the system, positions are not: sites are spread evenly above the ears, at one
        distance from the scalp. ``info["description"]`` says so. As in MNE-Python, axial gradiometers count as
        magnetometers. The device frame is that of the head.
    """
    if array not in MEG_ARRAYS:
        raise InputError(f"There is no MEG array {array!r}; choose {', '.join(MEG_ARRAYS)}.")
    system = MEG_ARRAYS[array]
    sites = helmet_info(head, system.sites, sfreq=sfreq, gap=system.gap)
    names = [f"MEG{site + 1:03d}{coil.suffix}" for site in range(system.sites) for coil in system.coils]
    info = mne.create_info(names, sfreq, [coil.kind for coil in system.coils] * system.sites)
    for index, channel in enumerate(info["chs"]):
        site, coil = sites["chs"][index // len(system.coils)], system.coils[index % len(system.coils)]
        channel["loc"] = site["loc"].copy()
        if coil.turned:
            x, y = site["loc"][3:6], site["loc"][6:9]
            channel["loc"][3:9] = np.concatenate([y, -x])
        channel["coil_type"] = coil.coil_type
    with info._unlock():  # noqa: SLF001 - MNE-Python has no public way to set the transform of a new info
        info["dev_head_t"] = sites["dev_head_t"]
    info["description"] = f"{SYNTHETIC}: {system.title}"
    return info


def sensors_info(head: Head, sensors: str, *, sfreq: float = 1000.0) -> mne.Info:
    """Place an EEG montage, a MEG array, or both (``"neuromag306+biosemi64"``) on a head.

    Parameters
    ----------
    head : Head
    sensors : str
        Names of `MEG_ARRAYS` or of MNE-Python's montages, joined by ``+``.
    sfreq : float
        Sampling rate, in Hz.

    Returns
    -------
    info : mne.Info

    Examples
    --------
    >>> import headwater as hw
    >>> len(hw.sensors_info(hw.template_head(), "ctf275+biosemi16")["ch_names"]) > 275
    True
    """
    parts = [
        meg_array_info(head, name, sfreq=sfreq) if name in MEG_ARRAYS else montage_info(head, name, sfreq=sfreq)
        for name in (part.strip() for part in sensors.split(JOIN))
    ]
    joint = mne.EvokedArray(np.zeros((len(parts[0]["ch_names"]), 1)), parts[0], verbose="error")
    others = [mne.EvokedArray(np.zeros((len(part["ch_names"]), 1)), part, verbose="error") for part in parts[1:]]
    return joint.add_channels(others, force_update_info=True).info if others else parts[0]
