"""A lead field as MNE-Python's forward solution, for its inverse operators."""

from __future__ import annotations

import mne
import numpy as np
from mne.io.constants import FIFF
from mne.transforms import Transform


def forward_of(
    gain: np.ndarray,
    normals: np.ndarray,
    src: mne.SourceSpaces,
    info: mne.Info,
    mri_head_t: Transform | None,
) -> mne.Forward:
    """Describe a lead field as ``mne.make_forward_solution`` would, in head coordinates.

    Parameters
    ----------
    gain : array of shape (n_channels, n_sources, n_orient)
    normals : array of shape (n_sources, 3)
        Orientations where ``n_orient`` is 1.
    src : mne.SourceSpaces
        In head coordinates.
    info : mne.Info
        Channels in the order of the rows.
    mri_head_t : mne.transforms.Transform | None
        None: the identity, for a lead field without an MRI.
    """
    n_channels, n_sources, n_orient = gain.shape
    fixed = n_orient == 1
    mri_head_t = Transform("mri", "head") if mri_head_t is None else mri_head_t
    sol = {
        "data": gain.reshape(n_channels, -1).copy(),
        "nrow": n_channels,
        "ncol": n_sources * n_orient,
        "row_names": list(info["ch_names"]),
        "col_names": [],
    }
    ori = FIFF.FIFFV_MNE_FIXED_ORI if fixed else FIFF.FIFFV_MNE_FREE_ORI
    return mne.Forward(
        sol=sol,
        sol_grad=None,
        source_ori=ori,
        nsource=n_sources,
        nchan=n_channels,
        coord_frame=FIFF.FIFFV_COORD_HEAD,
        src=src.copy(),
        info=_forward_info(info, mri_head_t),
        source_rr=np.concatenate([space["rr"][space["vertno"]] for space in src]),
        source_nn=normals.copy() if fixed else np.tile(np.eye(3), (n_sources, 1)),
        surf_ori=fixed,
        mri_head_t=mri_head_t,
        _orig_sol=sol["data"].copy(),
        _orig_source_ori=ori,
        _orig_sol_grad=None,
    )


def _forward_info(info: mne.Info, mri_head_t: Transform) -> mne.Info:
    """Channels as a forward solution describes them."""
    return mne.Info(
        chs=[dict(channel) for channel in info["chs"]],
        bads=list(info["bads"]),
        comps=list(info["comps"]),
        ch_names=list(info["ch_names"]),
        nchan=info["nchan"],
        dev_head_t=info["dev_head_t"],
        mri_head_t=mri_head_t,
        mri_file="",
        mri_id=None,
        meas_file="",
        meas_id=None,
        command_line="",
        working_dir="",
    )
