"""A lead field from the file of another program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import mne
import numpy as np
from mne.transforms import Transform, apply_trans

from headwater._utils.errors import InputError
from headwater.forward.fem.magnetic import coils_of
from headwater.forward.foreign.arrays import npz
from headwater.forward.foreign.hdf5 import simnibs
from headwater.forward.foreign.matlab import brainstorm, deepsif, fieldtrip, matlab_content
from headwater.forward.foreign.raw import RawLeadField
from headwater.forward.foreign.selftest import LEAST_SENSORS, DipoleFit, refit_eeg, refit_meg
from headwater.forward.leadfield import LeadField

MATLAB: tuple[Callable[[dict[str, Any], Path | None], RawLeadField | None], ...] = (fieldtrip, brainstorm, deepsif)
SUFFIXES = (".mat", ".set", ".hdf5", ".h5", ".npz")
UNCHECKED = "units and frames unchecked"


def leadfield_from_file(
    path: str | Path,
    info: mne.Info | None = None,
    *,
    channels: str | Path | None = None,
    ch_names: Sequence[str] | None = None,
    pos: np.ndarray | None = None,
    normals: np.ndarray | None = None,
    trans: np.ndarray | Transform | None = None,
    scale: float = 1.0,
    position_scale: float = 1.0,
    check: bool = True,
) -> LeadField:
    """Read the lead field of another program: FieldTrip, EEGLAB (DIPFIT), Brainstorm, SimNIBS, DUNEuro, DeepSIF, NumPy.

    Parameters
    ----------
    path : path-like
        ``.mat``, ``.set``, ``.hdf5`` or ``.npz``; ``docs/bring-your-own-head.md`` says what each holds.
    info : mne.Info | None
        The recording's channels, with positions. None: channels as the file names them, with the positions it has.
    channels : path-like | None
        Brainstorm's channel file.
    ch_names : sequence of str | None
        Names of the rows, where the file has none (or wrong ones).
    pos, normals : array of shape (n_sources, 3) | None
        Positions in metres and orientations, where the file has none.
    trans : array of shape (4, 4) | mne.transforms.Transform | None
        From the frame of the file to head coordinates, in metres. None: what the file says, else the identity.
    scale : float
        Factor from the gain of the file to SI units (V/(A m), T/(A m)).
    position_scale : float
        Factor from the positions of the file to metres, on top of the unit it names.
    check : bool
        Refit dipoles in a sphere, and refuse a lead field whose units or frames contradict the sensors. Needs 12 EEG or
        12 MEG channels with positions; where there are fewer, `LeadField.assumptions` says that nothing was checked.

    Returns
    -------
    leadfield : LeadField
        In head coordinates and SI units. ``leadfield.save("own.npz")`` keeps it for ``localize --forward own.npz``.

    Examples
    --------
    >>> import headwater as hw
    >>> leadfield = hw.leadfield_from_file("fieldtrip-leadfield.mat", evoked.info)  # doctest: +SKIP
    >>> hw.localize(evoked, forward=leadfield)  # doctest: +SKIP
    """
    raw = _read(Path(path), None if channels is None else Path(channels))
    raw = _completed(raw, pos, normals, ch_names)
    assert raw.pos is not None  # noqa: S101 - _completed
    to_head = _matrix(raw.to_head if trans is None else trans)
    rotation = to_head[:3, :3]
    places = apply_trans(to_head, position_scale * raw.pos)
    gain = scale * (raw.gain @ rotation.T if raw.gain.shape[2] == 3 else raw.gain)
    turned = None if raw.normals is None else raw.normals @ rotation.T
    gain, info = _with_channels(gain, raw, info, to_head)
    words = []
    for fit in _refitted(gain, places, turned, info) if check else []:
        if fault := fit.fault(scale, position_scale):
            raise InputError(f"The lead field {Path(path).name} does not belong to these sensors: {fault}.")
        words.append(fit.in_words())
    return LeadField.from_arrays(
        gain,
        places,
        info=info,
        normals=turned,
        assumptions={
            "lead field": f"{raw.program}, {Path(path).name}",
            "check of the lead field": "; ".join(words) or UNCHECKED,
        },
    )


def _read(path: Path, channels: Path | None) -> RawLeadField:
    if not path.is_file():
        raise InputError(f"The lead field {path} does not exist; check its name.")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return npz(path)
    if suffix in (".hdf5", ".h5"):
        return simnibs(path)
    if suffix not in SUFFIXES:
        raise InputError(
            f"{path.name} is none of {', '.join(SUFFIXES)}; read -fwd.fif files with LeadField.from_forward."
        )
    content = matlab_content(path)
    for reader in MATLAB:
        if (found := reader(content, channels)) is not None:
            return found
    raise InputError(f"{path.name} has no lead field of FieldTrip, Brainstorm or DeepSIF; give the file that holds it.")


def _completed(
    raw: RawLeadField, pos: np.ndarray | None, normals: np.ndarray | None, ch_names: Sequence[str] | None
) -> RawLeadField:
    """Fill in what a file does not have, or refuse."""
    raw = replace(
        raw,
        pos=raw.pos if pos is None else np.asarray(pos, float),
        normals=raw.normals if normals is None else np.asarray(normals, float),
        ch_names=raw.ch_names if ch_names is None else tuple(ch_names),
    )
    if raw.pos is None:
        raise InputError(f"The {raw.program} lead field has no positions; give `pos`, in metres.")
    if raw.gain.shape[1] != len(raw.pos):
        raise InputError(f"The lead field has {raw.gain.shape[1]} sources, and {len(raw.pos)} positions; check `pos`.")
    if raw.ch_names is not None and len(raw.ch_names) != len(raw.gain):
        raise InputError(f"The lead field has {len(raw.gain)} rows for {len(raw.ch_names)} channels; check `ch_names`.")
    if raw.gain.shape[2] == 1 and raw.normals is None:
        raise InputError(f"The {raw.program} lead field has one orientation a source; give `normals`.")
    return raw


def _matrix(trans: np.ndarray | Transform | None) -> np.ndarray:
    if trans is None:
        return np.eye(4)
    matrix = np.asarray(trans["trans"] if isinstance(trans, Transform) else trans, float)
    if matrix.shape != (4, 4) or not np.allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-3):
        raise InputError("`trans` is not a rotation and a shift of shape (4, 4); give one in metres.")
    return matrix


def _with_channels(
    gain: np.ndarray, raw: RawLeadField, info: mne.Info | None, to_head: np.ndarray
) -> tuple[np.ndarray, mne.Info]:
    """Rows in the order of the recording's channels; without a recording, channels as the file names them."""
    if info is None:
        if raw.ch_names is None:
            raise InputError(f"The {raw.program} lead field has no names of channels; give `info` or `ch_names`.")
        return gain, _info_of(raw, to_head)
    picks = mne.pick_types(info, meg=True, eeg=True, ref_meg=False, exclude=[])
    names = [info["ch_names"][pick] for pick in picks]
    if raw.ch_names is None:
        if len(names) != len(gain):
            raise InputError(
                f"The lead field has {len(gain)} rows without names, and the recording {len(names)} channels; give "
                "`ch_names`."
            )
        return gain, mne.pick_info(info, picks)
    row = {name.lower(): index for index, name in enumerate(raw.ch_names)}
    kept = [k for k, name in enumerate(names) if name.lower() in row]
    if not kept:
        raise InputError(
            "No channel of the recording is in the lead field, whose rows are called "
            f"{', '.join(raw.ch_names[:4])} ...; give `ch_names`."
        )
    return gain[[row[names[k].lower()] for k in kept]], mne.pick_info(info, picks[kept])


def _info_of(raw: RawLeadField, to_head: np.ndarray) -> mne.Info:
    assert raw.ch_names is not None  # noqa: S101 - _with_channels
    info = mne.create_info(list(raw.ch_names), 1.0, "eeg")
    if raw.electrodes:
        for channel in info["chs"]:
            if channel["ch_name"] in raw.electrodes:
                channel["loc"][:3] = apply_trans(to_head, raw.electrodes[channel["ch_name"]])
    return info


def _refitted(gain: np.ndarray, pos: np.ndarray, normals: np.ndarray | None, info: mne.Info) -> list[DipoleFit]:
    """Refit dipoles to the electrodes and to the MEG sensors that have positions; where there are enough."""
    eeg, meg = (
        np.array([pick for pick in picks if _placed(info["chs"][pick])], int)
        for picks in (
            mne.pick_types(info, meg=False, eeg=True, exclude=[]),
            mne.pick_types(info, meg=True, ref_meg=False, exclude=[]),
        )
    )
    normals = normals if gain.shape[2] == 1 else None
    fits = []
    if len(eeg) >= LEAST_SENSORS:
        electrodes = np.array([info["chs"][pick]["loc"][:3] for pick in eeg])
        fits.append(refit_eeg(gain[eeg], pos, normals, electrodes))
    if len(meg) >= LEAST_SENSORS and info["dev_head_t"] is not None:
        fits.append(refit_meg(gain[meg], pos, normals, coils_of(info, meg, np.eye(4))))
    return fits


def _placed(channel: dict[str, Any]) -> bool:
    loc = channel["loc"][:3]
    return bool(np.isfinite(loc).all() and loc.any())
