"""Where the electrodes are, for recordings that do not say so."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TypeAlias

import mne
from mne.channels import DigMontage, get_builtin_montages

from headwater._utils.errors import InputError
from headwater.head.model import Head
from headwater.head.sensors import montage_info
from headwater.head.template import template_head
from headwater.localization.values import few

Montage: TypeAlias = str | Path | DigMontage


def with_montage(evoked: mne.Evoked, montage: Montage, head: Head | None) -> tuple[mne.Evoked, Head | None, str]:
    """Give the electrodes positions.

    Parameters
    ----------
    evoked : mne.Evoked
    montage : str | path | mne.channels.DigMontage
        The name of a montage of MNE-Python, whose electrodes are placed on the scalp of the head, or measured positions
        in a file that MNE-Python reads.
    head : Head | None

    Returns
    -------
    evoked : mne.Evoked
        A copy, with positions.
    head : Head | None
        The template, where a named montage came without a head.
    words : str
    """
    named = isinstance(montage, str) and montage in get_builtin_montages()
    if named:
        head = template_head() if head is None else head
        positions = montage_info(head, str(montage)).get_montage()
    else:
        positions = montage if isinstance(montage, DigMontage) else _read(Path(montage))
    known = {name.lower() for name in positions.ch_names}
    electrodes = mne.pick_info(evoked.info, mne.pick_types(evoked.info, eeg=True, exclude=[])).ch_names
    if missing := [name for name in electrodes if name.lower() not in known]:
        raise InputError(
            f"The `montage` has no positions for {few(missing)}; give another one, rename the channels, or leave them "
            "out with `bads`."
        )
    placed = evoked.copy().set_montage(positions, match_case=False, on_missing="ignore", verbose="ERROR")
    return placed, head, f"montage {montage}, on the scalp" if named else "measured positions, as given"


def _read(path: Path) -> DigMontage:
    if not path.exists():
        names = ", ".join(get_builtin_montages())
        raise InputError(f"The `montage` {path} is neither a file nor a montage of MNE-Python, which are {names}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if path.suffix == ".fif":
                return mne.channels.read_dig_fif(path, verbose="ERROR")
            return mne.channels.read_custom_montage(path)
    except Exception as error:  # readers of a dozen formats raise anything at all on a foreign file
        raise InputError(
            f"{path} cannot be read as electrode positions; give a file that mne.channels.read_custom_montage reads."
        ) from error
