"""Where the template has grey or white matter: cerebrum, cerebellum and brain stem."""

import numpy as np
from mne.transforms import apply_trans
from nilearn.datasets import load_mni152_gm_template, load_mni152_wm_template
from template_report import MNI152_TO_MNI305

from headwater.head.geometry import NearestPoint

BLOCK = 2  # voxels of the maps per side, in mm
LEAST = 0.5  # share of grey and white matter in a voxel that is brain


def brain_volume(sheet: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Voxels of 2 mm with at least half grey and white matter, or inside the pial surface, as packed bits.

    Parameters
    ----------
    sheet : dict of str to array
        The pial surfaces, in metres (surface RAS = MNI305).

    Returns
    -------
    arrays : dict of str to array
        ``brain`` (bits, C order), ``brain_shape`` and ``brain_affine`` from voxels to surface RAS in metres.
    """
    grey, white = load_mni152_gm_template(resolution=1), load_mni152_wm_template(resolution=1)
    if not np.array_equal(grey.affine, white.affine):
        raise RuntimeError("the maps of grey and white matter are on different grids")
    tissue = _block_means(grey.get_fdata() + white.get_fdata())
    affine = MNI152_TO_MNI305 @ grey.affine @ _block_affine()
    affine[:3] /= 1000
    brain = tissue >= LEAST
    by_map = int(brain.sum())
    brain |= _inside_pial(brain, affine, sheet)
    voxels = np.argwhere(brain)
    low, high = voxels.min(axis=0), voxels.max(axis=0) + 1
    affine[:3, 3] += affine[:3, :3] @ low
    cropped = brain[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    litres = 1000 * np.linalg.det(affine[:3, :3])  # of a voxel
    print(
        f"brain: {by_map * litres:.2f} litres of grey and white matter, {brain.sum() * litres:.2f} with what lies "
        "inside the pial surface"
    )
    return {
        "brain": np.packbits(cropped),
        "brain_shape": np.array(cropped.shape, np.uint16),
        "brain_affine": affine,
    }


def _block_means(values: np.ndarray) -> np.ndarray:
    """Means over blocks of voxels; the remainder at the end of an axis is background."""
    shape = [length // BLOCK for length in values.shape]
    cut = values[tuple(slice(BLOCK * length) for length in shape)]
    return cut.reshape(shape[0], BLOCK, shape[1], BLOCK, shape[2], BLOCK).mean(axis=(1, 3, 5))


def _block_affine() -> np.ndarray:
    """Affine from blocks to their voxels."""
    affine = np.diag([BLOCK, BLOCK, BLOCK, 1.0])
    affine[:3, 3] = (BLOCK - 1) / 2
    return affine


def _inside_pial(brain: np.ndarray, affine: np.ndarray, sheet: dict[str, np.ndarray]) -> np.ndarray:
    """Voxels inside the pial surface of a hemisphere, bool of the shape of ``brain``."""
    found = np.zeros_like(brain)
    places = apply_trans(affine, np.argwhere(~brain))
    for hemi in ("lh", "rh"):
        rr, tris = sheet[f"pial_{hemi}"], sheet[f"tris_{hemi}"]
        boxed = ((places > rr.min(axis=0)) & (places < rr.max(axis=0))).all(axis=1)
        within = np.zeros(len(places), bool)
        within[boxed] = NearestPoint(rr, tris)(places[boxed])[1] < 0
        found[~brain] |= within
    return found
