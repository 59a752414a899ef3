"""The same sources in another head: what truth and estimate are compared on."""

from __future__ import annotations

import mne
import numpy as np

from headwater._utils.cache import cached_arrays, content_hash
from headwater.forward.bem import VERSION, electrode_rows
from headwater.forward.layers import head_layers
from headwater.forward.leadfield import LeadField
from headwater.forward.potential import eeg_gain
from headwater.head.model import Head


def carried_leadfield(leadfield: LeadField, origin: Head, head: Head, info: mne.Info, *, ico: int) -> LeadField:
    """Lead field of the same places in another head that shares the reference of the first.

    Parameters
    ----------
    leadfield : LeadField
        Of free sources in ``origin``.
    origin, head : Head
    info : mne.Info
        EEG electrodes on ``head``.
    ico : int
        Fineness of the boundary elements.

    Returns
    -------
    leadfield : LeadField
        Source i is source i of ``leadfield``, carried along with the shape of the head. Computed once, kept on disk.
    """
    pos = head.from_reference(origin.to_reference(origin.to_mri(leadfield.pos)))
    electrodes = head.to_mri(np.array([channel["loc"][:3] for channel in info["chs"]]))
    layers = head_layers(head, n_layers=3, ico=ico)
    rotation = head.mri_head_t["trans"][:3, :3]

    def compute() -> dict[str, np.ndarray]:
        return {"gain": eeg_gain(electrode_rows(layers, electrodes), layers, pos) @ rotation.T}

    key = content_hash(VERSION, layers.fingerprint, pos, electrodes, rotation)
    gain = cached_arrays("carried", key, compute)["gain"]
    return LeadField.from_arrays(gain, head.to_head(pos), info=info, subject=head.name)
