"""Deep structures that the atlas of the template does not have: ventral diencephalon and cerebellum."""

import numpy as np
from mne.transforms import apply_trans
from nilearn.datasets import load_mni152_gm_template, load_mni152_wm_template
from scipy import ndimage
from template_report import MNI152_TO_MNI305

from headwater.head.anatomy import LabelVolume
from headwater.head.conductivity import CEREBELLAR_GREY, CEREBELLAR_WHITE
from headwater.head.model import Head
from headwater.head.tissue_volume import tissue_volume

# The ventral diencephalon: brain without another label, in a box (mm, MNI305) and near thalamus and brainstem. The
# limits were chosen by comparison with FreeSurfer's segmentation of the MNI152 (Dice coefficient .71).
BOX = np.array([[-20.0, -30.0, -19.0], [20.0, 0.0, -5.0]])
NEAR_THALAMUS, NEAR_BRAINSTEM = 14.0, 22.0  # mm
OFF_HIPPOCAMPUS = 2.0  # mm, and from the amygdala
MARGIN = 3  # voxels around the structures
SIDES = ("Left-", "Right-")


def with_derived_structures(head: Head) -> LabelVolume:
    """Structures of a head with ventral diencephalon, and cortex and white matter of the cerebellum, on both sides.

    Parameters
    ----------
    head : Head
        The template, with the structures of the atlas.

    Returns
    -------
    volume : LabelVolume
        On the grid of the atlas, extended and cropped.
    """
    atlas = head.structures
    assert atlas is not None  # noqa: S101
    tissues, _ = tissue_volume(head)
    labels = [tissues.names.index(name) + 1 for name in (CEREBELLAR_GREY, CEREBELLAR_WHITE)]
    cerebellum = np.isin(tissues.labels, labels)
    volume = _extended(atlas, apply_trans(tissues.affine, np.argwhere(cerebellum)))
    voxels = np.moveaxis(np.indices(volume.labels.shape), 0, -1).reshape(-1, 3)
    pos = apply_trans(volume.affine, voxels)
    free = volume.labels == 0
    masks = {"VentralDC": free & _ventral_diencephalon(volume, head, pos)}
    cerebellum = free & np.isin(_at(tissues, pos), labels).reshape(free.shape)
    white = _more_white_than_grey(pos).reshape(free.shape)
    masks |= {"Cerebellum-Cortex": cerebellum & ~white, "Cerebellum-White-Matter": cerebellum & white}
    labels, names = volume.labels.copy(), list(volume.names)
    left = (pos[:, 0] < 0).reshape(labels.shape)
    for label, mask in masks.items():
        for side, half in zip(SIDES, (left, ~left), strict=True):
            names.append(side + label)
            labels[mask & half] = len(names)
            print(f"{names[-1]}: {1e6 * abs(np.linalg.det(volume.affine[:3, :3])) * (mask & half).sum():.1f} ml")
    return LabelVolume(labels, volume.affine, tuple(names))


def _ventral_diencephalon(volume: LabelVolume, head: Head, pos: np.ndarray) -> np.ndarray:
    def distance(*names: str) -> np.ndarray:
        chosen = np.isin(volume.labels, [k + 1 for k, name in enumerate(volume.names) if name.endswith(names)])
        return ndimage.distance_transform_edt(~chosen, sampling=1e3 * np.linalg.norm(volume.affine[:3, :3], axis=0))

    assert head.brain is not None  # noqa: S101
    shape = volume.labels.shape
    within = ((1e3 * pos > BOX[0]) & (1e3 * pos < BOX[1])).all(axis=1).reshape(shape)
    brain = (_at(head.brain, pos) > 0).reshape(shape)
    near = (distance("Thalamus") < NEAR_THALAMUS) & (distance("Brain-Stem") < NEAR_BRAINSTEM)
    return within & brain & near & (distance("Hippocampus", "Amygdala") > OFF_HIPPOCAMPUS)


def _more_white_than_grey(pos: np.ndarray) -> np.ndarray:
    """Whether there is more white than grey matter at points (n, 3), by the maps of the ICBM 152."""
    maps = [load_mni152_gm_template(resolution=1), load_mni152_wm_template(resolution=1)]
    affine = MNI152_TO_MNI305 @ maps[0].affine
    affine[:3] /= 1000
    voxels = apply_trans(np.linalg.inv(affine), pos).T
    grey, white = (ndimage.map_coordinates(tissue.get_fdata(), voxels, order=1) for tissue in maps)
    return white > grey


def _extended(volume: LabelVolume, points: np.ndarray) -> LabelVolume:
    """Return the volume on a larger grid that holds points (n, 3) too."""
    needed = np.vstack([apply_trans(np.linalg.inv(volume.affine), points), np.argwhere(volume.labels)])
    low = np.floor(needed.min(axis=0)).astype(int) - MARGIN
    high = np.ceil(needed.max(axis=0)).astype(int) + MARGIN + 1
    labels = np.zeros(high - low, np.uint8)
    inside = tuple(slice(-a, -a + n) for a, n in zip(low, volume.labels.shape, strict=True))
    if (low > 0).any():
        raise RuntimeError("the atlas is larger than the grid of its structures")
    labels[inside] = volume.labels
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ low
    return LabelVolume(labels, affine, volume.names)


def _at(volume: LabelVolume, pos: np.ndarray) -> np.ndarray:
    """Labels at points (n, 3), 0 outside the volume."""
    voxel = np.rint(apply_trans(np.linalg.inv(volume.affine), pos)).astype(int)
    held = ((voxel >= 0) & (voxel < volume.labels.shape)).all(axis=1)
    labels = np.zeros(len(voxel), int)
    labels[held] = volume.labels[tuple(voxel[held].T)]
    return labels
