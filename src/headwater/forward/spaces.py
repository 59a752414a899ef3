"""Source spaces built from a head's arrays, without files of the subject."""

from __future__ import annotations

import mne
import numpy as np
from mne.io.constants import FIFF

from headwater.head.model import Surface

HEMISPHERE_IDS = (FIFF.FIFFV_MNE_SURF_LEFT_HEMI, FIFF.FIFFV_MNE_SURF_RIGHT_HEMI)


def hemisphere_space(surface: Surface, hemisphere: int, subject: str, *, use_tris: np.ndarray | None = None) -> dict:
    """Describe one hemisphere as MNE does, with sources on all its vertices or on those of a coarser mesh.

    Parameters
    ----------
    surface : Surface
        In MRI coordinates, in metres.
    hemisphere : int
        0 is left, 1 is right.
    subject : str
    use_tris : int array of shape (n_use_triangles, 3) | None
        Triangles of the coarser mesh, in vertex numbers of the surface.
    """
    n_vertices = len(surface.rr)
    vertices = np.arange(n_vertices) if use_tris is None else np.unique(use_tris)
    in_use = np.zeros(n_vertices, int)
    in_use[vertices] = 1
    space = {"rr": surface.rr.astype(float), "tris": surface.tris.astype(int), "coord_frame": FIFF.FIFFV_COORD_MRI}
    mne.surface.complete_surface_info(space, copy=False, do_neighbor_tri=False, verbose="error")
    space.update(
        type="surf",
        id=HEMISPHERE_IDS[hemisphere],
        subject_his_id=subject,
        np=n_vertices,
        ntri=len(surface.tris),
        inuse=in_use,
        vertno=vertices,
        nuse=len(vertices),
        use_tris=use_tris,
        nuse_tri=0 if use_tris is None else len(use_tris),
    )
    space.update(dict.fromkeys(("nearest", "nearest_dist", "pinfo", "patch_inds", "dist", "dist_limit")))
    return space


def volume_space(inner_skull: Surface, subject: str, *, spacing: float, mindist: float) -> dict:
    """Fill the inner skull with a regular grid along the axes of the MRI.

    Parameters
    ----------
    inner_skull : Surface
    subject : str
    spacing, mindist : float
        Distance of neighbours, and smallest distance from the inner skull, in metres.
    """
    boundary = {"rr": 1e3 * inner_skull.rr, "tris": inner_skull.tris}  # MNE wants millimetres here
    (space,) = mne.setup_volume_source_space(
        pos=1e3 * spacing, surface=boundary, mindist=1e3 * mindist, exclude=0.0, verbose="error"
    )
    return as_volume(space, subject)


def as_volume(space: dict, subject: str) -> dict:
    """Call a regular grid a volume source space, which MNE does only where a file of the MRI is given.

    What MNE wants to know of the MRI is that of any FreeSurfer volume: 256 voxels of 1 mm a side around the origin of
    the surface coordinates.
    """
    voxels = np.array([[-1, 0, 0, 128], [0, 0, 1, -128], [0, -1, 0, 128], [0, 0, 0, 1e3]]) * 1e-3
    space.update(
        type="vol",
        subject_his_id=subject,
        vox_mri_t=mne.transforms.Transform(FIFF.FIFFV_MNE_COORD_MRI_VOXEL, FIFF.FIFFV_COORD_MRI, voxels),
        mri_ras_t=mne.transforms.Transform(FIFF.FIFFV_COORD_MRI, FIFF.FIFFV_MNE_COORD_RAS, np.eye(4)),
        mri_width=256,
        mri_height=256,
        mri_depth=256,
    )
    return space
