"""The same sources in another head, so that estimate and ground truth can be compared."""

from __future__ import annotations

import mne
import numpy as np

from headwater._utils.cache import cached_arrays, content_hash
from headwater._utils.errors import InputError
from headwater.forward.bem import VERSION, electrode_rows, make_bem
from headwater.forward.fem.method import FEM
from headwater.forward.from_arrays import PLACEHOLDER
from headwater.forward.from_mne import gain_of
from headwater.forward.layers import head_layers
from headwater.forward.leadfield import LeadField
from headwater.forward.make import mne_forward, sensor_content
from headwater.forward.placement import check_sensors
from headwater.forward.potential import eeg_gain
from headwater.head.geometry import NearestPoint
from headwater.head.model import Head

DEEPENINGS = 5


def carried_leadfield(
    leadfield: LeadField,
    origin: Head,
    head: Head,
    info: mne.Info,
    *,
    ico: int,
    method: str | FEM = "bem",
    least_depth: float = 0.0,
) -> LeadField:
    """Lead field of the same places in another head.

    Parameters
    ----------
    leadfield : LeadField
        Of free sources in ``origin``.
    origin, head : Head
    info : mne.Info
        EEG electrodes on ``head``, MEG sensors around it, or both.
    ico : int
        Fineness of the boundary elements.
    method : str | FEM
        ``"bem"``, ``"fem"``, or finite elements with other settings.
    least_depth : float
        In metres: places that would lie less deep below the inner skull of ``head`` are moved there. 0: places outside
        it are refused.

    Returns
    -------
    leadfield : LeadField
        Source i corresponds to source i of ``leadfield``, moved with the shape of the head. Computed once and cached.
    """
    pos = deep_enough(head, head.to_mri(same_places(origin, head, leadfield.pos)), least_depth)
    gain = gain_at(head, info, pos, ico=ico, method=method)
    return LeadField.from_arrays(gain, head.to_head(pos), info=info, subject=head.name)


def gain_at(head: Head, info: mne.Info, pos: np.ndarray, *, ico: int, method: str | FEM = "bem") -> np.ndarray:
    """Gain at places (MRI frame) along x, y, z of head coordinates, shape (n_channels, n_places, 3); cached."""
    check_sensors(info)
    _check_inside(head, pos)
    if isinstance(method, FEM) or method == "fem":
        return (method if isinstance(method, FEM) else FEM()).gain(head, info, pos)
    electric = np.array(info.get_channel_types()) == "eeg"
    gain = np.empty((len(electric), len(pos), 3))
    for part, gain_in in ((electric, _electric_gain), (~electric, _magnetic_gain)):
        if part.any():
            gain[part] = gain_in(head, mne.pick_info(info, np.flatnonzero(part)), pos, ico)
    return gain


def deep_enough(head: Head, pos: np.ndarray, least_depth: float) -> np.ndarray:
    """Move places (n, 3) of the MRI frame that are less deep below the inner skull there, along its normals."""
    if not least_depth:
        return pos
    skull = NearestPoint(head.inner_skull.rr, head.inner_skull.tris)
    for _ in range(DEEPENINGS):
        nearest, distance, normals = skull(pos)
        shallow = distance > -least_depth
        if not shallow.any():
            break
        # A little deeper than asked for: where the skull is curved, another part of it may be nearer afterwards.
        pos = np.where(shallow[:, np.newaxis], nearest - 1.05 * least_depth * normals, pos)
    return pos


def same_places(origin: Head, head: Head, pos: np.ndarray) -> np.ndarray:
    """Carry points (n, 3) between the head coordinates of two heads.

    Point by point where the heads share a reference, otherwise through MNI305.
    """
    if head.reference is not None and head.reference == origin.reference:
        return head.to_head(head.from_reference(origin.to_reference(origin.to_mri(pos))))
    return head.from_mni(origin.to_mni(pos))


def _check_inside(head: Head, pos: np.ndarray) -> None:
    """Refuse places (MRI frame) outside the inner skull of the other head."""
    outside = int((NearestPoint(head.inner_skull.rr, head.inner_skull.tris)(pos)[1] >= 0).sum())
    if outside:
        raise InputError(
            f"{outside} sources lie outside the inner skull of {head.name!r}; take sources farther from the skull "
            "(`mindist`)."
        )


def _electric_gain(head: Head, info: mne.Info, pos: np.ndarray, ico: int) -> np.ndarray:
    """Gain of electrodes along x, y, z of head coordinates, shape (n_channels, n_sources, 3)."""
    electrodes = head.to_mri(np.array([channel["loc"][:3] for channel in info["chs"]]))
    layers = head_layers(head, n_layers=3, ico=ico)
    rotation = head.mri_head_t["trans"][:3, :3]

    def compute() -> dict[str, np.ndarray]:
        return {"gain": eeg_gain(electrode_rows(layers, electrodes), layers, pos) @ rotation.T}

    key = content_hash(VERSION, layers.fingerprint, pos, electrodes, rotation)
    return cached_arrays("carried", key, compute, shapes={"gain": (len(electrodes), len(pos), 3)})["gain"]


def _magnetic_gain(head: Head, info: mne.Info, pos: np.ndarray, ico: int) -> np.ndarray:
    """Gain of MEG sensors along x, y, z of head coordinates, by MNE-Python, shape (n_channels, n_sources, 3)."""
    layers = head_layers(head, n_layers=1, ico=ico)

    def compute() -> dict[str, np.ndarray]:
        src = mne.setup_volume_source_space(pos={"rr": pos, "nn": np.tile(PLACEHOLDER, (len(pos), 1))}, verbose="error")
        conductor = make_bem(head, n_layers=1, ico=ico)
        gain = gain_of(mne_forward(head, info, src, conductor, eeg=False))[0]
        if gain.shape[1] != len(pos):
            raise InputError(f"{len(pos) - gain.shape[1]} sources lie outside the inner skull of {head.name!r}.")
        return {"gain": gain}

    key = content_hash(VERSION, layers.fingerprint, pos, *sensor_content(head, info))
    return cached_arrays("carried", key, compute, shapes={"gain": (None, len(pos), 3)})["gain"]
