"""Electrodes on a head: standard montages by name, positions by label, and electrodes moved to another head."""

from __future__ import annotations

from zlib import crc32

import mne
import numpy as np
from mne.io.constants import FIFF

from headwater._utils.errors import InputError
from headwater.head.fit import digitised_points, fit_head, fit_to_points
from headwater.head.geometry import NearestPoint
from headwater.head.model import Head
from headwater.head.template import standard_electrodes, template_head

# Montages with few labels of the 10-05 system, and the montage in the same frame (sphere, or Colin27) that has them.
SAME_FRAME = {
    "easycap-M10": "easycap-M1",
    "easycap-M43": "easycap-M1",
    "biosemi128": "biosemi64",
    "biosemi160": "biosemi64",
    "biosemi256": "biosemi64",
    "mgh60": "colin27_1005",
    "mgh70": "colin27_1005",
}

# Older names of places in the 10-05 system.
ALIASES = {"t3": "T7", "t4": "T8", "t5": "P7", "t6": "P8"}

# A montage is aligned by the fiducials first, and then by the shape of the head (metres).
CAP_FIDUCIAL_SD = 0.001

SAME_PLACE = 0.001  # metres
LEAST_SHARED = 12  # labels for an affine and thin-plate map


def montage_info(
    head: Head, montage: str = "easycap-M10", *, sfreq: float = 1000.0, ch_names: list[str] | None = None
) -> mne.Info:
    """Place a standard montage on a head.

    Most montages lie on a sphere. They are mapped to the template by an affine and thin-plate map through the labels
    they share with the 10-05 system (F. L. Bookstein, IEEE Trans. Pattern Anal. 11 (1989) 567-585), from there to the
    head by its scalp and fiducials, and projected on the scalp, with the head's electrode jitter.

    Parameters
    ----------
    head : Head
    montage : str
        Name of a montage of MNE-Python.
    sfreq : float
        Sampling frequency of the info, in Hz.
    ch_names : list of str | None
        These channels only, in this order; None for all. Of several names of one place the newest is kept.

    Returns
    -------
    info : mne.Info
        EEG channels with positions and fiducials in head coordinates, in metres.

    Examples
    --------
    >>> import headwater as hw
    >>> hw.montage_info(hw.template_head(), "biosemi16", ch_names=["Cz", "Oz"])["ch_names"]
    ['Cz', 'Oz']
    """
    on_template = _montage_on_template(montage)
    if ch_names is None:
        names = _without_twins(on_template)
    else:
        by_key = {place_key(name): name for name in on_template}
        if missing := [name for name in ch_names if place_key(name) not in by_key]:
            raise InputError(f"The montage {montage!r} has no electrodes {', '.join(missing)}.")
        on_template = {name: on_template[by_key[place_key(name)]] for name in ch_names}
        names = list(ch_names)
    pos = _carried(template_head(), head, np.array([on_template[name] for name in names]))
    info = mne.create_info(names, sfreq, "eeg")
    return info.set_montage(_dig_montage(head, dict(zip(names, _placed(head, names, pos), strict=True))))


def move_electrodes(info: mne.Info, origin: Head, head: Head) -> mne.Info:
    """Carry the EEG electrodes of a recording from the head they lie on to another, with that head's jitter.

    Parameters
    ----------
    info : mne.Info
        With positions in the head coordinates of ``origin``.
    origin, head : Head

    Returns
    -------
    moved : mne.Info
        A copy; other channels are left alone.
    """
    picks = mne.pick_types(info, meg=False, eeg=True, exclude=[])
    names = [info.ch_names[pick] for pick in picks]
    if missing := positions_missing(info):
        raise InputError(f"The EEG channels {', '.join(missing)} have no positions; set a montage.")
    pos = origin.to_mri(np.array([info["chs"][pick]["loc"][:3] for pick in picks]))
    pos = _placed(head, names, _carried(origin, head, pos))
    return info.copy().set_montage(_dig_montage(head, dict(zip(names, pos, strict=True))), verbose="error")


def positions_missing(info: mne.Info) -> list[str]:
    """Names of the EEG channels that have no position (none, or all zero)."""
    missing = []
    for pick in mne.pick_types(info, meg=False, eeg=True, exclude=[]):
        pos = info["chs"][pick]["loc"][:3]
        if not np.isfinite(pos).all() or not pos.any():
            missing.append(info.ch_names[pick])
    return missing


def info_with_standard_positions(info: mne.Info, head: Head) -> mne.Info:
    """Place EEG channels without position on the head, by their 10-05 names.

    Parameters
    ----------
    info : mne.Info
    head : Head

    Returns
    -------
    placed : mne.Info
        A copy, with positions in head coordinates; ``info`` itself where nothing is missing.
    """
    missing = positions_missing(info)
    if not missing:
        return info
    standard = {name.lower(): pos for name, pos in standard_electrodes().items()}
    if foreign := [name for name in missing if place_key(name) not in standard]:
        raise InputError(
            f"The EEG channels {', '.join(foreign)} have no positions and no names of the 10-05 system; set a montage "
            "(raw.set_montage), rename them, or mark those that are not EEG as bad (`bads`)."
        )
    return with_electrodes(info, head, {name: standard[place_key(name)] for name in missing})


def with_electrodes(info: mne.Info, head: Head, on_template: dict[str, np.ndarray]) -> mne.Info:
    """Copy an info and put some of its EEG channels on a head, from their positions on the template (MRI frame)."""
    names = list(on_template)
    pos = _carried(template_head(), head, np.array(list(on_template.values())))
    placed = dict(zip(names, _placed(head, names, pos), strict=True))
    known = {
        ch["ch_name"]: ch["loc"][:3]
        for ch in info["chs"]
        if ch["kind"] == FIFF.FIFFV_EEG_CH and ch["ch_name"] not in placed
    }
    return info.copy().set_montage(_dig_montage(head, {**known, **placed}, info), verbose="error")


def _montage_on_template(montage: str) -> dict[str, np.ndarray]:
    """Electrodes of a montage on the template's scalp (MRI frame, in metres)."""
    positions = _positions(montage)
    shared, known = _shared_labels(_positions(_anchor(montage)))
    template = template_head()
    if len(shared) >= LEAST_SHARED and not montage.startswith(("GSN", "EGI")):
        from scipy.interpolate import RBFInterpolator  # takes a while to be imported

        carry = RBFInterpolator(shared, known, kernel="thin_plate_spline")
        pos = carry(np.array(list(positions.values())))
    else:  # no common labels: the fiducials and the shape of the montage decide
        info = mne.create_info(list(positions), 1.0, "eeg").set_montage(
            mne.channels.make_standard_montage(_resolved(montage))
        )
        fitted = fit_head(template, info)
        pos = fitted.to_reference(fitted.to_mri(np.array([ch["loc"][:3] for ch in info["chs"]])))
    assert template.scalp is not None
    nearest, _, _ = NearestPoint(template.scalp.rr, template.scalp.tris)(pos)
    return dict(zip(positions, nearest, strict=True))


def _shared_labels(positions: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Positions, in a montage and on the template, of the labels the montage shares with the 10-05 system."""
    standard = {name.lower(): pos for name, pos in standard_electrodes().items()}
    shared = [name for name in positions if name.lower() in standard and name.lower() not in ("a1", "a2")]
    return (
        np.array([positions[name] for name in shared]).reshape(-1, 3),
        np.array([standard[name.lower()] for name in shared]).reshape(-1, 3),
    )


def _anchor(montage: str) -> str:
    """Name of the montage whose labels relate this montage's frame to a head."""
    if montage.startswith(("standard_", "colin27_")):
        return "colin27_1005"
    return SAME_FRAME.get(montage, montage)


def _resolved(montage: str) -> str:
    """Name of the montage in the installed MNE-Python, which renamed ``standard_*`` to ``colin27_*``."""
    known = mne.channels.get_builtin_montages()
    for name in (montage, montage.replace("standard_", "colin27_"), montage.replace("colin27_", "standard_")):
        if name in known:
            return name
    raise InputError(f"MNE-Python has no montage {montage!r}; it has {', '.join(known)}.")


def _positions(montage: str) -> dict[str, np.ndarray]:
    """Positions of a montage as MNE-Python gives them, in metres, in the montage's own frame."""
    return mne.channels.make_standard_montage(_resolved(montage)).get_positions()["ch_pos"]


def place_key(name: str) -> str:
    """Place in the 10-05 system that a channel name means: ``"EEG T3-REF"`` -> ``"T7"``."""
    bare = name.strip().lower().removeprefix("eeg").strip(" .-_")
    for suffix in ("-ref", "-le", "-avg", "-av"):
        bare = bare.removesuffix(suffix)
    return ALIASES.get(bare, bare).lower()


def _without_twins(positions: dict[str, np.ndarray]) -> list[str]:
    """Names in order, without older names of a place and without a second electrode at the same place."""
    kept: list[str] = []
    # Newer names choose first; the order of the montage is restored at the end.
    for name in sorted(positions, key=lambda name: name.lower() in ALIASES):
        if all(np.linalg.norm(positions[name] - positions[other]) > SAME_PLACE for other in kept):
            kept.append(name)
    return [name for name in positions if name in set(kept)]


def _carried(origin: Head, head: Head, pos_mri: np.ndarray) -> np.ndarray:
    """Carry points near the scalp of one head to another's (MRI frames, in metres).

    Point by point where both heads have the same reference, otherwise by fitting one to the other's scalp.
    """
    if head.scalp is None or origin.scalp is None:
        bare = head.name if head.scalp is None else origin.name
        raise InputError(f"The head {bare!r} has no scalp surface, so electrodes cannot be placed on it.")
    if head.reference is not None and head.reference == origin.reference:
        return head.from_reference(origin.to_reference(pos_mri))
    upper = head.to_head(head.scalp.rr)
    upper = upper[upper[:, 2] > 0][::8]
    fiducials = {name: head.to_head(pos) for name, pos in head.fiducials.items()}
    fitted = fit_to_points(origin, upper, fiducials, fiducial_sd=CAP_FIDUCIAL_SD)
    return head.to_mri(fitted.to_head(fitted.from_reference(origin.to_reference(pos_mri))))


def _placed(head: Head, names: list[str], pos_mri: np.ndarray) -> np.ndarray:
    """Positions on the scalp in head coordinates, with the head's electrode jitter; equal names get equal jitter."""
    assert head.scalp is not None
    scalp = NearestPoint(head.scalp.rr, head.scalp.tris)
    nearest, _, normals = scalp(pos_mri)
    if head.electrode_jitter > 0:
        shift = np.array(
            [np.random.default_rng([head.electrode_seed, crc32(name.encode())]).standard_normal(3) for name in names]
        )
        shift -= (shift * normals).sum(axis=1, keepdims=True) * normals
        nearest, _, _ = scalp(nearest + head.electrode_jitter * shift)
    return head.to_head(nearest)


def _dig_montage(head: Head, pos_head: dict[str, np.ndarray], info: mne.Info | None = None) -> mne.channels.DigMontage:
    """Positions in head coordinates as MNE-Python wants them, with the recording's or else the head's fiducials."""
    fiducials = {name: head.to_head(pos) for name, pos in head.fiducials.items()}
    shape = None
    if info is not None and info["dig"]:
        fiducials = digitised_points(info)[1] or fiducials
        extra = [point["r"] for point in info["dig"] if point["kind"] == FIFF.FIFFV_POINT_EXTRA]
        shape = np.array(extra) if extra else None
    return mne.channels.make_dig_montage(ch_pos=pos_head, coord_frame="head", hsp=shape, **fiducials)
