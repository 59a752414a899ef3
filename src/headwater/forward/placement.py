"""Whether sensors and sources are where a head allows them to be."""

from __future__ import annotations

import mne
import numpy as np
from mne.transforms import apply_trans
from scipy.spatial import cKDTree

from headwater._utils.errors import InputError
from headwater.head.frames import check_transform
from headwater.head.geometry import NearestPoint
from headwater.head.model import Head
from headwater.head.sensors import positions_missing

SAME_PLACE = 1e-4  # metres: electrodes nearer than this are the same place, given twice
OFF_SCALP = 0.04  # metres: farthest place of an electrode from the scalp, in or out
# Metres: deepest place of an electrode below the inner skull; digitised ones on another head do get there.
IN_SKULL = 0.005
MEG_REACH = 0.15  # metres: farthest place of half of the MEG sensors from the scalp
SOURCE_REACH = 0.25  # metres: farthest place of half of the sources from the nearest sensor


def sensor_picks(info: mne.Info, *, meg: bool = True, eeg: bool = True) -> np.ndarray:
    """EEG and MEG channels, bad ones too, in the order of the recording."""
    return mne.pick_types(info, meg=meg, eeg=eeg, ref_meg=False, exclude=[])


def check_sensors(info: mne.Info) -> None:
    """Refuse sensors of unknown position, doubled electrodes and an unusable device-to-head transform."""
    if not len(sensor_picks(info)):
        raise InputError("The recording has no EEG or MEG channels; set the channel types.")
    if missing := positions_missing(info):
        raise InputError(
            f"The EEG channels {', '.join(missing)} have no position; set a montage (for example 'standard_1005') or "
            "mark them as not EEG."
        )
    _refuse_doubled_electrodes(info)
    meg = sensor_picks(info, eeg=False)
    if not len(meg):
        return
    if info["dev_head_t"] is None:
        raise InputError("The recording does not say where the head was in the MEG device; set info['dev_head_t'].")
    check_transform(info["dev_head_t"], "device-to-head", "set info['dev_head_t'] from the recording")
    if lost := [info["ch_names"][pick] for pick in meg if not np.isfinite(info["chs"][pick]["loc"][:12]).all()]:
        raise InputError(f"The MEG channels {', '.join(lost)} have no finite position; mark them as bad.")


def _refuse_doubled_electrodes(info: mne.Info) -> None:
    """Refuse two good electrodes at one place."""
    picks = mne.pick_types(info, meg=False, eeg=True, exclude="bads")
    if len(picks) < 2:
        return
    places = np.array([info["chs"][pick]["loc"][:3] for pick in picks])
    pairs = cKDTree(places).query_pairs(SAME_PLACE)
    if pairs:
        first, second = (info["ch_names"][picks[index]] for index in min(pairs))
        raise InputError(
            f"The electrodes {first} and {second} are at the same place; mark one of them as bad, or correct the "
            "montage."
        )


def check_placement(head: Head, info: mne.Info) -> None:
    """Refuse electrodes far from the scalp and MEG sensors far from the head, as wrong units and frames put them."""
    surface = head.inner_skull if head.scalp is None else head.scalp
    distance_from = NearestPoint(surface.rr, surface.tris)
    eeg, meg = sensor_picks(info, meg=False), sensor_picks(info, eeg=False)
    if len(eeg) and head.scalp is not None:
        places = head.to_mri(np.array([info["chs"][pick]["loc"][:3] for pick in eeg]))
        off = distance_from(places)[1]
        far = np.flatnonzero(np.abs(off) > OFF_SCALP)
        if len(far):
            worst = far[np.abs(off[far]).argmax()]
            raise InputError(
                f"{len(far)} of {len(eeg)} electrodes are more than {1e3 * OFF_SCALP:.0f} mm off the scalp of "
                f"{head.name!r} ({info['ch_names'][eeg[worst]]}: {_length(abs(off[worst]))} "
                f"{'outside' if off[worst] > 0 else 'inside'}); check the units (metres) and the frame of the montage."
            )
        below = NearestPoint(head.inner_skull.rr, head.inner_skull.tris)(places)[1] < -IN_SKULL
        if below.any():
            raise InputError(
                f"The electrodes {', '.join(info['ch_names'][pick] for pick in eeg[below])} lie inside the skull of "
                f"{head.name!r}; check the units (metres) and the frame of the montage."
            )
    if len(meg):
        off = distance_from(head.to_mri(meg_positions(info, meg)))[1]
        if np.median(off) > MEG_REACH:
            raise InputError(
                f"Half of the MEG sensors are more than {_length(float(np.median(off)))} away from the head; check "
                "info['dev_head_t'] and the coregistration."
            )


def check_near_sensors(pos: np.ndarray, info: mne.Info) -> None:
    """Refuse sources (n_sources, 3) far from the sensors, as positions in millimetres or another frame are."""
    eeg, meg = sensor_picks(info, meg=False), sensor_picks(info, eeg=False)
    places = [np.array([info["chs"][pick]["loc"][:3] for pick in eeg]).reshape(-1, 3)]
    if len(meg) and info["dev_head_t"] is not None:
        places.append(meg_positions(info, meg))
    sensors = np.concatenate(places)
    sensors = sensors[np.isfinite(sensors).all(axis=1) & sensors.any(axis=1)]
    if not len(sensors) or not len(pos) or not np.isfinite(pos).all():
        return
    apart = float(np.median(cKDTree(sensors).query(pos)[0]))
    if apart > SOURCE_REACH:
        raise InputError(
            f"Half of the sources are more than {_length(apart)} away from the nearest sensor; give positions in "
            "metres and in head coordinates."
        )


def meg_positions(info: mne.Info, picks: np.ndarray) -> np.ndarray:
    """Positions of MEG sensors in head coordinates, shape (n_channels, 3)."""
    return apply_trans(info["dev_head_t"]["trans"], np.array([info["chs"][pick]["loc"][:3] for pick in picks]))


def _length(metres: float) -> str:
    """Length in the unit that people would use."""
    return f"{1e3 * metres:.0f} mm" if metres < 1 else f"{metres:.3g} m"
