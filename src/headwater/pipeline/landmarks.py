"""Fiducials of a BIDS data set, which MNE-BIDS does not pass on with the electrodes."""

from __future__ import annotations

import json
from pathlib import Path

import mne
import numpy as np

from headwater._utils.errors import InputError

# The system whose axes are those of MNE-Python's head coordinates. In others, MNE-Python transforms by itself.
CAPTRAK = "CapTrak"
UNITS = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}


def with_landmarks(raw: mne.io.BaseRaw, folder: Path, stem: str) -> mne.io.BaseRaw:
    """Give a recording the fiducials of its ``coordsystem.json``.

    Without them, MNE-Python places fiducials on a sphere around the electrodes, and a head that is scaled to those is
    too large.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        Changed in place.
    folder : Path
        Where the recording is.
    stem : str
        ``sub-01`` or ``sub-01_ses-02``, with which the names of its files begin.
    """
    montage = raw.get_montage()
    paths = sorted(folder.glob(f"{stem}*space-{CAPTRAK}*_coordsystem.json"))
    if montage is None or not paths:
        return raw
    try:
        content = json.loads(paths[0].read_text(encoding="utf-8"))
        marks = content.get("AnatomicalLandmarkCoordinates", {})
        scale = UNITS[content.get("AnatomicalLandmarkCoordinateUnits", "m")]
        given = {name: scale * np.array(marks[name], float) for name in ("NAS", "LPA", "RPA") if name in marks}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise InputError(f"The landmarks in {paths[0]} cannot be read ({error}); correct the file.") from error
    if len(given) < 3:
        return raw
    electrodes = montage.get_positions()["ch_pos"]
    placed = mne.channels.make_dig_montage(electrodes, given["NAS"], given["LPA"], given["RPA"], coord_frame="unknown")
    return raw.set_montage(placed, on_missing="ignore", verbose="ERROR")
