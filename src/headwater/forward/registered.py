"""The cortical sources of one head in another one, whose cortex has other vertices or is unknown."""

from __future__ import annotations

from dataclasses import replace

import mne
import numpy as np
from scipy.spatial import cKDTree

from headwater.forward.carried import deep_enough, gain_at, same_places
from headwater.forward.fem.method import FEM
from headwater.forward.leadfield import LeadField
from headwater.head.anatomy import Cortex, icosahedron
from headwater.head.geometry import vertex_normals
from headwater.head.model import Head

STEP = 0.001  # metres along a normal that is carried to a head without cortex
FSAVERAGE_GRADE = 5  # of the icosahedron whose vertices are those of the template's cortex on the registered sphere


def registered_leadfield(
    leadfield: LeadField,
    origin: Head,
    head: Head,
    info: mne.Info,
    *,
    ico: int,
    method: str | FEM = "bem",
    least_depth: float = 0.0,
) -> LeadField:
    """Lead field of the same sources in a head with another cortex.

    A source on the cortex goes to the vertex that lies at the same place of FreeSurfer's registered sphere, where both
    heads have one; otherwise to the nearest vertex of the same hemisphere in MNI305. Its normal is the mean over all
    vertices that are nearer to it than to other sources. In a head without cortex it keeps its place in MNI305, and
    its normal is carried along. Deep sources are carried through MNI305.

    Parameters
    ----------
    leadfield, origin, head, info, ico, method, least_depth
        See `headwater.forward.carried.carried_leadfield`.

    Returns
    -------
    leadfield : LeadField
        Regions, neighbours and ``src`` are those of the given lead field.
    """
    cortical = leadfield.cortical
    pos, normals = np.empty_like(leadfield.pos), np.zeros_like(leadfield.pos)
    through_mni = np.full(len(pos), True) if head.cortex is None else ~cortical
    if through_mni.any():
        pos[through_mni] = head.to_mri(same_places(origin, head, leadfield.pos[through_mni]))
    if head.cortex is None:
        tips = same_places(origin, head, leadfield.pos[cortical] + STEP * leadfield.normals[cortical])
        normals[cortical] = tips - head.to_head(pos[cortical])
        how = "their places in MNI305"
    else:
        pos[cortical], along, how = _on_cortex(leadfield, origin, head, head.cortex)
        normals[cortical] = along @ head.mri_head_t["trans"][:3, :3].T
    normals[cortical] /= np.linalg.norm(normals[cortical], axis=1, keepdims=True)
    pos = deep_enough(head, pos, least_depth)
    gain = gain_at(head, info, pos, ico=ico, method=method)
    return replace(
        leadfield,
        gain=gain if leadfield.n_orient == 3 else np.einsum("csx,sx->cs", gain, normals)[..., np.newaxis],
        pos=head.to_head(pos),
        normals=normals,
        info=info,
        subject=head.name,
        mri_head_t=head.mri_head_t,
        assumptions={"head": head.name, "sources": f"those of {origin.name}, by {how}"},
    )


def _on_cortex(leadfield: LeadField, origin: Head, head: Head, cortex: Cortex) -> tuple[np.ndarray, np.ndarray, str]:
    """Places and normals (MRI frame) of the cortical sources on another cortex, and how they were found."""
    pos, normals, how = [], [], ""
    spaces = [space for space in leadfield.src if space["type"] == "surf"]
    for side, space in enumerate(spaces):
        here, there, how = _coordinates(origin, head, side)
        sources = cKDTree(here[space["vertno"]])
        vertices = cKDTree(there).query(here[space["vertno"]])[1]
        white = cortex.white[side]
        own = vertex_normals(white.rr, white.tris)
        mean = np.zeros((space["nuse"], 3))
        np.add.at(mean, sources.query(there)[1], own)
        mean[~mean.any(axis=1)] = own[vertices[~mean.any(axis=1)]]
        pos.append(white.rr[vertices])
        normals.append(mean)
    return np.concatenate(pos), np.concatenate(normals), how


def _coordinates(origin: Head, head: Head, side: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Coordinates of the vertices of a hemisphere that correspond between two heads, and what they are."""
    spheres = [_sphere(one, side) for one in (origin, head)]
    if spheres[0] is not None and spheres[1] is not None:
        return spheres[0], spheres[1], "FreeSurfer's registration of the cortex"
    whites = [one.cortex.white[side].rr for one in (origin, head) if one.cortex is not None]
    here, there = (one.to_mni(one.to_head(rr)) for one, rr in zip((origin, head), whites, strict=True))
    return here, there, "the nearest vertex in MNI305"


def _sphere(head: Head, side: int) -> np.ndarray | None:
    """Return the registered sphere: from the subject's folder, or that of fsaverage, an icosahedron."""
    assert head.cortex is not None  # noqa: S101
    if head.cortex.registered is not None:
        return head.cortex.registered[side]
    n_vertices = len(head.cortex.white[side].rr)
    sphere = icosahedron(FSAVERAGE_GRADE).rr if head.subject == "fsaverage" else np.zeros((0, 3))
    return sphere if len(sphere) == n_vertices else None
