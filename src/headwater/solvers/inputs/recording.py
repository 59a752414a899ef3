"""Data of a recording for a fitted solver, and checks of the recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import mne
import numpy as np
from mne.io.constants import FIFF
from mne.proj import make_eeg_average_ref_proj, make_projector

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField

# If a larger fraction of a projection vector remains after the solver's projections, it is a different projection.
SAME_PROJECTION = 1e-3
# Largest mean over electrodes, relative to the root mean square, of data with an average reference.
ZERO_MEAN = 1e-3


def segments(inst: mne.Evoked | mne.BaseEpochs | mne.io.BaseRaw, ch_names: Sequence[str]) -> Iterator[np.ndarray]:
    """Yield the data of these channels, in this order: one array (n_channels, n_times), or one per epoch."""
    if isinstance(inst, mne.BaseEpochs):
        picks = [inst.ch_names.index(name) for name in ch_names]
        yield from inst.get_data(picks=picks, copy=False)
    else:
        yield inst.get_data(picks=[inst.ch_names.index(name) for name in ch_names])


def check_recording(inst: object, leadfield: LeadField) -> None:
    """Raise an error if a recording does not match the lead field and the projections of a solver."""
    if not isinstance(inst, mne.Evoked | mne.BaseEpochs | mne.io.BaseRaw):
        raise InputError(f"A {type(inst).__name__} cannot be localised; use an MNE Evoked, Epochs or Raw object.")
    _check_channels(inst.info, leadfield.ch_names)
    _check_projections(inst.info, leadfield)
    if "eeg" in leadfield.ch_types and not _average_reference(inst, leadfield):
        raise InputError(
            "The EEG has no average reference; add one with set_eeg_reference('average', projection=True)."
        )


def eeg_average_projection(projs: Sequence[mne.Projection]) -> bool:
    """Return whether one of the projections is an average reference of the EEG."""
    return any(proj["kind"] == FIFF.FIFFV_PROJ_ITEM_EEG_AVREF for proj in projs)


def make_average_projection(info: mne.Info) -> mne.Projection:
    """Return an average reference projection for the EEG, not yet applied; it replaces any other reference."""
    info = info.copy()
    with info._unlock():  # noqa: SLF001 (MNE-Python has no public way)
        info["custom_ref_applied"] = FIFF.FIFFV_MNE_CUSTOM_REF_OFF  # MNE-Python accepts no other value
    return make_eeg_average_ref_proj(info, activate=False, verbose="error")


def _check_channels(info: mne.Info, ch_names: Sequence[str]) -> None:
    missing = [name for name in ch_names if name not in info["ch_names"]]
    if missing:
        raise InputError(
            f"The recording lacks {len(missing)} of the {len(ch_names)} channels on which the solver was fitted "
            f"({_some(missing)}); fit it on leadfield.pick(the channels of the recording)."
        )
    bad = [name for name in ch_names if name in info["bads"]]
    if bad:
        raise InputError(
            f"The solver was fitted on channels that are bad in the recording ({_some(bad)}); fit it on "
            "leadfield.pick(the good channels), or interpolate them."
        )


def _check_projections(info: mne.Info, leadfield: LeadField) -> None:
    """Raise an error for projections with which the solver was not fitted; it applies its own projections."""
    ch_names = leadfield.ch_names
    projector = make_projector(leadfield.info["projs"], ch_names)[0]
    for proj in info["projs"]:
        vectors = _rows_of(proj, ch_names)
        if np.linalg.norm(projector @ vectors) > SAME_PROJECTION * np.linalg.norm(vectors):
            raise InputError(
                f"The solver was not fitted with the projection {proj['desc']!r} of the recording; fit it with a "
                "noise covariance of this recording, which contains its projections, or remove it with del_proj()."
            )


def _rows_of(proj: mne.Projection, ch_names: Sequence[str]) -> np.ndarray:
    """Return the vectors of a projection on these channels, shape (n_channels, n_vectors)."""
    column = {name: index for index, name in enumerate(proj["data"]["col_names"])}
    vectors = np.zeros((len(ch_names), proj["data"]["nrow"]))
    for row, name in enumerate(ch_names):
        if name in column:
            vectors[row] = proj["data"]["data"][:, column[name]]
    return vectors


def _average_reference(inst: mne.Evoked | mne.BaseEpochs | mne.io.BaseRaw, leadfield: LeadField) -> bool:
    """Return whether the EEG has an average reference: as a projection, or already applied to the data."""
    if eeg_average_projection(inst.info["projs"]):
        return True
    names = [name for name, kind in zip(leadfield.ch_names, leadfield.ch_types, strict=True) if kind == "eeg"]
    return all(
        np.abs(data.mean(axis=0)).max(initial=0) <= ZERO_MEAN * np.sqrt(np.mean(data**2))
        for data in segments(inst, names)
    )


def _some(names: Sequence[str]) -> str:
    """Join the first few names."""
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
