"""What a lead field takes from an MNE forward solution: gain along x, y, z of head coordinates, normals, channels."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import mne
import numpy as np
from mne.io.constants import FIFF

from headwater._utils.errors import InputError
from headwater.forward.from_arrays import PLACEHOLDER
from headwater.forward.grid import is_grid, lattice_grid, source_slices, volume_grid
from headwater.forward.neighbours import source_adjacency
from headwater.head.frames import check_transform
from headwater.head.model import Head
from headwater.head.tissues import NearestRegions, label_positions, nearest_regions

WHOLE_VOLUME = "the whole brain"  # MNE's name of a volume source space that is not a structure


def head_frame_sources(fwd: mne.Forward) -> mne.SourceSpaces:
    """Source spaces of a forward solution in head coordinates."""
    src = fwd["src"]
    if all(space["coord_frame"] == FIFF.FIFFV_COORD_HEAD for space in src):
        return src
    src = src.copy()
    for space in src:
        if space["coord_frame"] != FIFF.FIFFV_COORD_HEAD:
            mne.surface.transform_surface_to(space, "head", fwd["mri_head_t"])
    return src


def source_fields(
    src: mne.SourceSpaces, mri_head_t: mne.transforms.Transform | None, head: Head | None
) -> dict[str, Any]:
    """Fields of a `LeadField` that follow from its source spaces, which are in head coordinates."""
    if mri_head_t is not None:
        check_transform(mri_head_t, "MRI-to-head", "coregister MRI and sensors again")
    pos = source_positions(src)
    grid = volume_grid(src) or lattice_grid(pos)
    region_ids, region_names = source_regions(src, mri_head_t, head)
    return {
        "src": src,
        "pos": pos,
        "normals": source_normals(src),
        "grid": grid,
        "adjacency": source_adjacency(src, grid),
        "region_ids": region_ids,
        "region_names": region_names,
        "pos_mni": mni_positions(pos, mri_head_t, head),
        "nearest": _nearest(pos, mri_head_t, head),
        "subject": src[0].get("subject_his_id") or (head.name if head is not None else "unknown"),
    }


def source_positions(src: mne.SourceSpaces) -> np.ndarray:
    """Positions of the used vertices, shape (n_sources, 3), in the frame of the source spaces."""
    return np.concatenate([space["rr"][space["vertno"]] for space in src]).astype(float)


def source_normals(src: mne.SourceSpaces) -> np.ndarray:
    """Return unit normals (n_sources, 3): the mean over a source's cortical patch where known; zero without one."""
    normals = np.concatenate([_space_normals(space) for space in src])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return normals / np.where(length > 0, length, 1.0)


def _space_normals(space: dict[str, Any]) -> np.ndarray:
    normals = space["nn"][space["vertno"]].astype(float)
    if space["type"] != "surf":
        # Sources in a volume have none. MNE-Python requires normals of discrete sources; equal ones are placeholders.
        alike = np.allclose(normals, PLACEHOLDER if len(normals) == 1 else normals[:1], rtol=0, atol=1e-6)
        return np.zeros_like(normals) if alike or space["type"] == "vol" or is_grid(space) else normals
    if space.get("patch_inds") is None:
        return normals
    patches = [space["pinfo"][patch] for patch in space["patch_inds"]]
    starts = np.cumsum([0, *map(len, patches[:-1])])
    return np.add.reduceat(space["nn"][np.concatenate(patches)].astype(float), starts)


def gain_of(fwd: mne.Forward) -> tuple[np.ndarray, np.ndarray | None]:
    """Gain of a forward solution as (n_channels, n_sources, n_orient), and the normals of a fixed one.

    Free orientations are returned along the x, y, z axes of head coordinates: a gain whose columns belong to the unit
    vectors ``e_k`` of each source (surface-oriented forward, MRI frame) is turned back by ``G = sum_k g_k e_k^T``.
    A Cartesian forward in double precision is not copied.
    """
    data = np.asarray(fwd["sol"]["data"], dtype=float)
    axes = np.asarray(fwd["source_nn"], dtype=float)
    if fwd["coord_frame"] == FIFF.FIFFV_COORD_MRI:
        axes = axes @ fwd["mri_head_t"]["trans"][:3, :3].T
    n_channels, n_sources = data.shape[0], fwd["nsource"]
    if fwd["source_ori"] == FIFF.FIFFV_MNE_FIXED_ORI:
        return data[:, :, np.newaxis], axes
    gain = data.reshape(n_channels, n_sources, 3)
    axes = axes.reshape(n_sources, 3, 3)
    if np.array_equal(axes, np.broadcast_to(np.eye(3), axes.shape)):
        return gain, None
    return np.einsum("csk,skx->csx", gain, axes), None


def forward_info(fwd: mne.Forward) -> mne.Info:
    """Channels of a forward solution, in the order of its rows, as a complete ``mne.Info``."""
    stored = fwd["info"]
    channels = {channel["ch_name"]: channel for channel in stored["chs"]}
    names = fwd["sol"]["row_names"]
    missing = [name for name in names if name not in channels]
    if missing:
        raise InputError(
            f"The forward solution has rows for {', '.join(missing)} but no description of these channels; "
            "compute it again with MNE-Python."
        )
    return bare_info([channels[name] for name in names], stored["dev_head_t"], stored["bads"])


def bare_info(channels: list[dict[str, Any]], dev_head_t: mne.transforms.Transform | None, bads: list[str]) -> mne.Info:
    """Channels and nothing else of a recording, as an ``mne.Info`` that MNE can write.

    The info of a forward solution is incomplete, and that of a recording describes the person; neither belongs in a
    lead field.
    """
    names = [channel["ch_name"] for channel in channels]
    info = mne.create_info(names, sfreq=1.0, ch_types="misc")  # a lead field has no sampling frequency
    for channel, described in zip(info["chs"], channels, strict=True):
        channel.update(deepcopy(described))
    if dev_head_t is not None:
        info["dev_head_t"] = deepcopy(dev_head_t)
    info["bads"] = [name for name in bads if name in names]
    return info


def mni_positions(pos: np.ndarray, mri_head_t: mne.transforms.Transform | None, head: Head | None) -> np.ndarray | None:
    """Carry positions (n_sources, 3) from head coordinates to MNI305; None where the way is unknown."""
    if head is None or head.mri_mni_t is None or mri_head_t is None:
        return None
    pos_mri = mne.transforms.apply_trans(mne.transforms.invert_transform(mri_head_t), pos)
    return head.to_mni(head.to_head(pos_mri))


def _nearest(pos: np.ndarray, mri_head_t: mne.transforms.Transform | None, head: Head | None) -> NearestRegions | None:
    """Find the region nearest to each position (n_sources, 3) in head coordinates; None where no regions are known."""
    if head is None or mri_head_t is None:
        return None
    return nearest_regions(head, mne.transforms.apply_trans(mne.transforms.invert_transform(mri_head_t), pos))


def source_regions(
    src: mne.SourceSpaces, mri_head_t: mne.transforms.Transform | None, head: Head | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Anatomical region of every source, from the head's labels or else from the names of volume source spaces.

    Returns
    -------
    region_ids : int array of shape (n_sources,)
        Index into ``region_names``, -1 where unknown.
    region_names : tuple of str
    """
    names: dict[str, int] = {}
    labels = [_space_labels(space, mri_head_t, head) for space in src]
    ids = np.full(sum(space["nuse"] for space in src), -1)
    for (space_ids, space_names), where in zip(labels, source_slices(src), strict=True):
        index = np.array([names.setdefault(name, len(names)) for name in space_names] + [-1])
        ids[where] = index[space_ids]  # -1 stays -1: it picks the last entry
    return ids, tuple(names)


def _space_labels(
    space: dict[str, Any], mri_head_t: mne.transforms.Transform | None, head: Head | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Label of each source of one source space: index into names, -1 where unknown."""
    unknown = np.full(space["nuse"], -1)
    name = space.get("seg_name", WHOLE_VOLUME)
    if space["type"] == "vol" and name != WHOLE_VOLUME and "+" not in name:
        return np.zeros_like(unknown), (name,)
    if head is None:
        return unknown, ()
    if space["type"] == "surf":
        hemisphere = 0 if space["id"] == FIFF.FIFFV_MNE_SURF_LEFT_HEMI else 1
        if head.cortex is None or len(head.cortex.region_ids[hemisphere]) != space["np"]:
            return unknown, ()
        return head.cortex.region_ids[hemisphere][space["vertno"]], head.cortex.region_names
    if mri_head_t is None:
        return unknown, ()
    head_mri_t = mne.transforms.invert_transform(mri_head_t)
    pos_mri = mne.transforms.apply_trans(head_mri_t, space["rr"][space["vertno"]])
    return label_positions(head, pos_mri)
