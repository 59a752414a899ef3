"""Bring the sensors of a recording and a head into one frame."""

from __future__ import annotations

import mne

from headwater._utils.progress import working
from headwater.forward.fem.method import FEM
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.forward.spaces import Spacing
from headwater.head.fit import fit_head, is_digitised
from headwater.head.model import Head
from headwater.head.sensors import info_with_standard_positions, positions_missing
from headwater.head.spherical import has_default_sphere, with_named_positions
from headwater.head.template import template_head
from headwater.localization.checks import check_channels_known


def place(evoked: mne.Evoked, head: Head | None) -> tuple[Head, mne.Evoked, str]:
    """Return the head in the frame of the sensors, the data with all positions, and how that was done, in words."""
    info = evoked.info
    if has_default_sphere(info):
        return _place_by_name(evoked, head)
    missing = positions_missing(info)
    words = "" if head is None else head.name
    if head is None and missing and not is_digitised(info):
        head, words = template_head(), "template (fsaverage)"
    elif head is None:
        head = fit_head(template_head(), info)
        words = "template (fsaverage), scaled to the digitised positions"
    if not missing:
        return head, evoked, words
    n_electrodes = info.get_channel_types().count("eeg")
    which = "electrodes" if len(missing) == n_electrodes else ", ".join(missing)
    placed = evoked.copy()
    placed.info = info_with_standard_positions(info, head)
    return head, placed, f"{words}; {which} placed by name (10-05 system)"


def _place_by_name(evoked: mne.Evoked, head: Head | None) -> tuple[Head, mne.Evoked, str]:
    """Place electrodes whose positions were not measured."""
    words = "template (fsaverage)" if head is None else head.name
    head = template_head() if head is None else head
    placed = evoked.copy()
    placed.info = info_with_standard_positions(with_named_positions(evoked.info, head), head)
    reason = "because the given positions lie on a sphere and were not measured"
    return head, placed, f"{words}; electrodes placed by name (10-05 system), {reason}"


def computed_leadfield(
    head: Head,
    evoked: mne.Evoked,
    measured: mne.Info,
    space: str,
    spacing: Spacing,
    method: str | FEM,
) -> LeadField:
    """Compute the lead field of the good channels; ``measured`` describes all channels of the recording."""
    info = _with_references(evoked, measured)
    with working("Computing the lead field"):
        return make_leadfield(head, info, space, spacing=spacing, method=method, within="brain")


def given_leadfield(forward: LeadField | mne.Forward, head: Head | None, ch_names: list[str]) -> LeadField:
    """Return the rows of a given forward solution that belong to these channels."""
    leadfield = forward if isinstance(forward, LeadField) else LeadField.from_forward(forward, head)
    check_channels_known(ch_names, leadfield.ch_names)
    return leadfield.pick(ch_names)


def _with_references(evoked: mne.Evoked, measured: mne.Info) -> mne.Info:
    """Info with the reference sensors of compensated MEG (CTF, 4D): a share of their field is subtracted."""
    if not evoked.compensation_grade:
        return evoked.info
    references = [measured.ch_names[pick] for pick in mne.pick_types(measured, meg=False, ref_meg=True, exclude=[])]
    picks = [measured.ch_names.index(name) for name in [*evoked.ch_names, *references]]
    info = mne.pick_info(measured, picks)
    for channel, placed in zip(info["chs"], evoked.info["chs"], strict=False):
        channel["loc"] = placed["loc"].copy()
    return info
