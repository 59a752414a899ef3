"""Small lead fields of sources on a regular grid in a layered sphere."""

import mne

from headwater.forward.leadfield import LeadField


def electrodes(montage: str) -> mne.Info:
    """Electrodes of a standard montage of MNE-Python."""
    names = mne.channels.make_standard_montage(montage).ch_names
    return mne.create_info(names, 100.0, "eeg").set_montage(montage)


def sphere_leadfield(info: mne.Info, spacing_mm: float) -> LeadField:
    """Sources in the sphere that fits the electrodes."""
    sphere = mne.make_sphere_model("auto", "auto", info, verbose="error")
    src = mne.setup_volume_source_space(sphere=sphere, pos=spacing_mm, verbose="error")
    return LeadField.from_forward(mne.make_forward_solution(info, trans=None, src=src, bem=sphere, verbose="error"))
