"""Which anatomical region a point lies in or near, and how far it is from the brain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mne.transforms import apply_trans
from scipy.ndimage import binary_erosion
from scipy.spatial import cKDTree

from headwater.head.anatomy import Cortex, LabelVolume
from headwater.head.geometry import NearestPoint
from headwater.head.model import Head

# A point farther than this from the middle of the cortical sheet belongs to no cortical region.
CORTEX_REACH = 0.010


@dataclass(frozen=True, eq=False)
class NearestRegions:
    """The region nearest to each of some points.

    Attributes
    ----------
    ids : int array of shape (n_points,)
        Index into ``names``.
    distance : array of shape (n_points,)
        From the middle of the cortical sheet or the nearest voxel of a structure, in metres; 0 inside a structure.
    names : tuple of str
    """

    ids: np.ndarray
    distance: np.ndarray
    names: tuple[str, ...]


def label_positions(head: Head, pos_mri: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Name the region of each point.

    The deep structure whose voxel holds the point; otherwise the region of the nearest cortical vertex (half-way
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
        distance, vertex = cKDTree(_middle(head.cortex)).query(pos_mri)
        region_ids = np.where(distance <= CORTEX_REACH, np.concatenate(head.cortex.region_ids)[vertex], -1)
    if head.structures is None:
        return region_ids, cortical
    structure = head.structures.at(head.to_reference(pos_mri))
    region_ids = np.where(structure > 0, len(cortical) + structure - 1, region_ids)
    return region_ids, cortical + head.structures.names


def nearest_regions(head: Head, pos_mri: np.ndarray) -> NearestRegions | None:
    """Find the region nearest to each point (n_points, 3) of the head's MRI frame; None for a head without regions."""
    pos_mri = np.asarray(pos_mri, float)
    names: tuple[str, ...] = ()
    ids, distance = np.full(len(pos_mri), -1), np.full(len(pos_mri), np.inf)
    if head.cortex is not None:
        names = head.cortex.region_names
        of_vertex = np.concatenate(head.cortex.region_ids)
        known = np.flatnonzero(of_vertex >= 0)
        if len(known):
            distance, vertex = cKDTree(_middle(head.cortex)[known]).query(pos_mri)
            ids = of_vertex[known[vertex]]
    if head.structures is not None and head.structures.labels.any():
        places, labels = _border(head.structures)
        apart, voxel = cKDTree(head.from_reference(places)).query(pos_mri)
        own = head.structures.at(head.to_reference(pos_mri))
        apart[own > 0] = 0.0
        structure = np.where(own > 0, own, labels[voxel])
        ids = np.where(apart < distance, len(names) + structure - 1, ids)
        distance = np.minimum(apart, distance)
        names += head.structures.names
    return NearestRegions(ids, distance, names) if np.isfinite(distance).all() else None


def brain_distance(head: Head, pos_mri: np.ndarray) -> np.ndarray | None:
    """Distance of points (n_points, 3) of the MRI frame from grey and white matter, in metres; 0 inside.

    By the head's brain voxels, or else by its pial surface, which encloses the cerebrum only; None without either.
    """
    pos_mri = np.asarray(pos_mri, float)
    if head.brain is not None:
        reference = head.to_reference(pos_mri)
        distance, _ = cKDTree(head.from_reference(_border(head.brain)[0])).query(pos_mri)
        return np.where(head.brain.at(reference) > 0, 0.0, distance)
    if head.cortex is None:
        return None
    outside = [NearestPoint(pial.rr, pial.tris)(pos_mri)[1] for pial in head.cortex.pial]
    return np.maximum(np.min(outside, axis=0), 0.0)


def _border(volume: LabelVolume) -> tuple[np.ndarray, np.ndarray]:
    """Middles (n, 3), in the reference MRI frame, and labels of the voxels with a neighbour that has no label."""
    filled = volume.labels > 0
    voxels = np.argwhere(filled & ~binary_erosion(filled))
    return apply_trans(volume.affine, voxels), volume.labels[tuple(voxels.T)].astype(int)


def _middle(cortex: Cortex) -> np.ndarray:
    """Vertices of the middle of the cortical sheet, left hemisphere first."""
    return np.vstack([(white.rr + pial.rr) / 2 for white, pial in zip(cortex.white, cortex.pial, strict=True)])
