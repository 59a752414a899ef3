"""Electrode positions that were not measured but lie on a sphere, as EEGLAB's and other default positions do."""

from __future__ import annotations

import mne
import numpy as np
from mne.io.constants import FIFF
from scipy.interpolate import RBFInterpolator

from headwater.head.model import Head
from headwater.head.sensors import place_key, positions_missing, with_electrodes
from headwater.head.template import standard_electrodes

LEAST_ELECTRODES = 12
LEAST_NAMED = 0.5  # share of the electrodes with a name of the 10-05 system
ROUND = 0.005  # largest RMS distance from the sphere, over its radius; measured positions have .05
SAME_DIRECTION = np.radians(20)  # largest median angle between an electrode's position and the place of its name


def has_default_sphere(info: mne.Info) -> bool:
    """Whether the EEG positions are those of a spherical default montage, to be replaced by the places of their names.

    They are if they lie on a sphere, which measured positions never do, if most names belong to the 10-05 system and
    are where the sphere has them, and if nothing else was digitised: no MEG, no points of the head shape.
    """
    if len(mne.pick_types(info, meg=True, exclude=[])):
        return False
    if any(point["kind"] == FIFF.FIFFV_POINT_EXTRA for point in info["dig"] or []):
        return False
    pos = _electrodes(info)
    if len(pos) < LEAST_ELECTRODES or _sphere(np.array(list(pos.values())))[1] > ROUND:
        return False
    given, expected = _named(pos)
    if len(given) < max(LEAST_ELECTRODES, LEAST_NAMED * len(pos)):
        return False
    given, expected = given - _sphere(given)[0], expected - _sphere(expected)[0]
    cosine = (given * expected).sum(axis=1) / (np.linalg.norm(given, axis=1) * np.linalg.norm(expected, axis=1))
    return bool(np.median(np.arccos(np.clip(cosine, -1, 1))) < SAME_DIRECTION)


def with_named_positions(info: mne.Info, head: Head) -> mne.Info:
    """Copy an info, its electrodes on a head by their names instead of their positions on a sphere.

    Electrodes without a name of the 10-05 system follow the others, by a thin-plate map from the sphere.
    """
    pos = _electrodes(info)
    given, expected = _named(pos)
    _, distinct = np.unique(
        given.round(6), axis=0, return_index=True
    )  # of electrodes given one place, the first counts
    carry = RBFInterpolator(given[distinct], expected[distinct], kernel="thin_plate_spline")
    standard = _standard()
    on_template = {
        name: standard[key] if (key := place_key(name)) in standard else carry(place[np.newaxis])[0]
        for name, place in pos.items()
    }
    bare = info.copy()
    with bare._unlock():  # noqa: SLF001 - MNE-Python has no public way to remove the sphere's points and fiducials
        bare["dig"] = None
    return with_electrodes(bare, head, on_template)


def _electrodes(info: mne.Info) -> dict[str, np.ndarray]:
    """Names and positions of the EEG channels that have one."""
    picks, missing = mne.pick_types(info, meg=False, eeg=True, exclude=[]), positions_missing(info)
    pos = {info["ch_names"][pick]: info["chs"][pick]["loc"][:3] for pick in picks}
    return {name: place for name, place in pos.items() if name not in missing}


def _standard() -> dict[str, np.ndarray]:
    """Places of the 10-05 system on the template's scalp."""
    return {name.lower(): place for name, place in standard_electrodes().items()}


def _named(pos: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Positions as given, and on the template, of the electrodes with names of the 10-05 system, both (n, 3)."""
    standard = _standard()
    known = [name for name in pos if place_key(name) in standard]
    return (
        np.array([pos[name] for name in known]).reshape(-1, 3),
        np.array([standard[place_key(name)] for name in known]).reshape(-1, 3),
    )


def _sphere(pos: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre (3,) of the sphere nearest to positions (n, 3), and the RMS distance from it over its radius."""
    # |x - c|^2 = R^2 is linear in c and R^2 - |c|^2.
    design = np.column_stack([2 * pos, np.ones(len(pos))])
    solution = np.linalg.lstsq(design, (pos**2).sum(axis=1), rcond=None)[0]
    distance = np.linalg.norm(pos - solution[:3], axis=1)
    return solution[:3], float(distance.std() / distance.mean())
