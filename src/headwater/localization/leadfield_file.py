"""Read a forward solution from a file: MNE-Python's, or a lead field saved by this package."""

from __future__ import annotations

import warnings
from pathlib import Path

import mne

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.head.model import Head


def read_leadfield(path: Path | str, head: Head | None = None) -> LeadField:
    """Read ``*-fwd.fif`` (:func:`mne.write_forward_solution`) or ``*.npz`` (:meth:`LeadField.save`).

    ``head`` gives the sources of an MNE-Python forward solution their region names.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"The forward solution {path} does not exist; check `forward`.")
    if path.suffix == ".npz":
        return LeadField.load(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            forward = mne.read_forward_solution(path, verbose="ERROR")
    except Exception as error:  # MNE raises many things on a foreign or truncated file
        raise InputError(
            f"{path} cannot be read as a forward solution; give a -fwd.fif file of MNE-Python or a .npz lead field of "
            "headwater."
        ) from error
    return LeadField.from_forward(forward, head)
