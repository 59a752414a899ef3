"""Lead fields in MATLAB files: FieldTrip (also inside EEGLAB's DIPFIT), Brainstorm, DeepSIF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mne.transforms import get_ras_to_neuromag_trans

from headwater._utils.errors import InputError
from headwater.forward.foreign.raw import RawLeadField

METRES = {"m": 1.0, "dm": 0.1, "cm": 1e-2, "mm": 1e-3}


def matlab_content(path: Path) -> dict[str, Any]:
    """Variables of a ``.mat`` or ``.set`` file of any version, structures as dictionaries."""
    from pymatreader import read_mat

    try:
        return dict(read_mat(path))
    except Exception as error:  # what scipy and h5py raise on a truncated or foreign file
        raise InputError(f"{path.name} is damaged, or not a MATLAB file.") from error


def fieldtrip(content: dict[str, Any], _channels: Path | None) -> RawLeadField | None:
    """Take over the output of ``ft_prepare_leadfield``, at any depth (EEGLAB: ``EEG.dipfit.sourcemodel``)."""
    found = _with_keys(content, {"leadfield", "pos"})
    if found is None:
        return None
    pos = np.asarray(found["pos"], float).reshape(-1, 3)
    inside = np.asarray(found.get("inside", np.ones(len(pos)))).ravel()
    if inside.dtype != bool and not set(np.unique(inside)) <= {0, 1}:  # indices, as old versions write them
        inside = np.isin(np.arange(1, len(pos) + 1), inside)
    cells = found["leadfield"]
    if len(cells) != len(pos):
        raise InputError(f"The FieldTrip lead field has {len(cells)} cells for {len(pos)} positions; save it again.")
    kept = [k for k in np.flatnonzero(inside) if np.size(cells[k])]
    if not kept:
        raise InputError("The FieldTrip lead field has no sources inside the head; compute it with `inside` sources.")
    gain = np.stack([np.asarray(cells[k], float) for k in kept], axis=1)
    unit = str(found.get("unit", "m"))
    if unit not in METRES:
        raise InputError(f"The FieldTrip lead field has the unit {unit!r}; convert it with ft_convert_units to 'm'.")
    names = found.get("label", (found.get("cfg") or {}).get("channel") if isinstance(found.get("cfg"), dict) else None)
    return RawLeadField(
        program="FieldTrip",
        gain=gain[:, :, np.newaxis] if gain.ndim == 2 else gain,
        pos=METRES[unit] * pos[kept],
        ch_names=_names(names),
    )


def brainstorm(content: dict[str, Any], channels: Path | None) -> RawLeadField | None:
    """Take over a head model of Brainstorm (``headmodel_*.mat``) and the channels of its ``channel*.mat``."""
    if not {"Gain", "GridLoc"} <= set(content):
        return None
    pos = np.asarray(content["GridLoc"], float).reshape(-1, 3)
    gain = np.asarray(content["Gain"], float)
    if gain.shape[1] != 3 * len(pos):
        raise InputError(
            f"The Brainstorm head model has {gain.shape[1]} columns for {len(pos)} positions; save it again."
        )
    if channels is None:
        raise InputError("A Brainstorm head model has no names of channels; give its channel file (`channels`) too.")
    described = matlab_content(channels)
    table = described.get("Channel")
    if table is None:
        raise InputError(f"{channels.name} is no channel file of Brainstorm; give the channel*.mat of the study.")
    names, kinds = list(table["Name"]), list(table["Type"])
    if len(names) != len(gain):
        raise InputError(
            f"{channels.name} has {len(names)} channels, the head model {len(gain)}; take both from one study."
        )
    used = [k for k in range(len(names)) if np.isfinite(gain[k]).all() and gain[k].any()]
    places = {names[k]: np.asarray(table["Loc"][k], float).reshape(3, -1) for k in used if kinds[k] == "EEG"}
    scs = described.get("SCS") or {}
    points = [np.asarray(scs[name], float).ravel() for name in ("NAS", "LPA", "RPA") if np.size(scs.get(name, ())) == 3]
    return RawLeadField(
        program="Brainstorm",
        gain=gain[used].reshape(len(used), len(pos), 3),
        pos=pos,
        ch_names=tuple(names[k] for k in used),
        normals=None,
        to_head=get_ras_to_neuromag_trans(*points) if len(points) == 3 else None,
        electrodes={name: loc[:, 0] for name, loc in places.items() if loc.shape[1] == 1} or None,
    )


def deepsif(content: dict[str, Any], _channels: Path | None) -> RawLeadField | None:
    """Take over a matrix ``fwd`` of channels by regions, which has neither positions nor names."""
    if "fwd" not in content:
        return None
    gain = np.atleast_2d(np.asarray(content["fwd"], float))
    return RawLeadField(program="DeepSIF", gain=gain[:, :, np.newaxis])


def _with_keys(content: Any, keys: set[str]) -> dict[str, Any] | None:
    """Find the first structure with these fields."""
    if not isinstance(content, dict):
        return None
    if keys <= set(content):
        return content
    found = (_with_keys(value, keys) for value in content.values())
    return next((one for one in found if one is not None), None)


def _names(names: Any) -> tuple[str, ...] | None:
    if names is None or isinstance(names, str) or not np.size(names):
        return None
    return tuple(str(name) for name in names)
