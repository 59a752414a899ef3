"""Which anatomical region a point lies in."""

from __future__ import annotations

import numpy as np
from mne.transforms import apply_trans
from scipy.spatial import cKDTree

from headwater.head.anatomy import Cortex, LabelVolume
from headwater.head.model import Head

# A point farther than this from the middle of the cortical sheet belongs to no cortical region.
CORTEX_REACH = 0.010


def label_positions(head: Head, pos_mri: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Name the region of each point.

    The subcortical structure whose voxel holds the point; otherwise the region of the nearest cortical vertex (half-way
    between white and pial), if that is within 10 mm; otherwise none.

    Parameters
    ----------
    head : Head
    pos_mri : array of shape (n_points, 3)
        In the head's MRI frame, in metres.

    Returns
    -------
    region_ids : int array of shape (n_points,)
        Index into ``region_names``, -1 for none.
    region_names : tuple of str
        Cortical regions, then structures.
    """
    pos_mri = np.asarray(pos_mri, float)
    region_ids = np.full(len(pos_mri), -1)
    cortical: tuple[str, ...] = ()
    if head.cortex is not None:
        cortical = head.cortex.region_names
        region_ids = _nearest_region(head.cortex, pos_mri)
    if head.structures is None:
        return region_ids, cortical
    structure = _voxel_label(head.structures, head.to_reference(pos_mri))
    region_ids = np.where(structure > 0, len(cortical) + structure - 1, region_ids)
    return region_ids, cortical + head.structures.names


def _nearest_region(cortex: Cortex, pos_mri: np.ndarray) -> np.ndarray:
    """Region of the nearest vertex of the middle of the cortical sheet, -1 beyond its reach."""
    middle = np.vstack([(white.rr + pial.rr) / 2 for white, pial in zip(cortex.white, cortex.pial, strict=True)])
    distance, vertex = cKDTree(middle).query(pos_mri)
    return np.where(distance <= CORTEX_REACH, np.concatenate(cortex.region_ids)[vertex], -1)


def _voxel_label(volume: LabelVolume, pos_reference: np.ndarray) -> np.ndarray:
    """Label of the voxel that holds each point, 0 outside the volume."""
    voxel = np.rint(apply_trans(np.linalg.inv(volume.affine), pos_reference)).astype(int)
    held = ((voxel >= 0) & (voxel < volume.labels.shape)).all(axis=1)
    labels = np.zeros(len(voxel), int)
    labels[held] = volume.labels[tuple(voxel[held].T)]
    return labels
