"""The grey picture behind the slices: an MRI where there is one, else what the surfaces enclose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage
from scipy import ndimage

from headwater.head.anatomy import Surface
from headwater.head.model import Head
from headwater.head.voxels import VoxelGrid
from headwater.localization import Localization
from headwater.report.nilearn_files import AVERAGE_MRI, nilearn_file
from headwater.report.scene import head_to_frame

STEP_MM = 2.0
GREY_STEP = 2  # the eye tells fewer than 128 grey levels apart, and they take less room
# MNI152 to MNI305 (mm), as the FreeSurfer wiki prints it ("CoordinateSystems", use case 8b).
MNI152_TO_MNI305 = np.array(
    [
        [1.0022, 0.0071, -0.0177, 0.0528],
        [-0.0146, 0.9990, 0.0027, -1.5519],
        [0.0129, 0.0094, 1.0027, -1.2012],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
SHADES = {"scalp": 45, "skull": 20, "brain": 120, "white matter": 170}
BRIGHTEST = 99.5  # percentile of an MRI that is drawn white
MARGIN_MM = 10.0


@dataclass(frozen=True, eq=False)
class GreyVolume:
    """Voxels along the axes of the figures' frame.

    Attributes
    ----------
    values : uint8 array of shape (n_x, n_y, n_z)
    first_mm : array of shape (3,)
        Middle of the first voxel.
    step_mm : float
    name : str
        What it is, for the caption.
    """

    values: np.ndarray
    first_mm: np.ndarray
    step_mm: float
    name: str


def anatomy(localization: Localization, frame: str, around_mm: np.ndarray) -> GreyVolume | None:
    """Return the best picture there is of the inside of the head; None where nothing is known of it.

    Parameters
    ----------
    localization : Localization
    frame : str
        That of the figures.
    around_mm : array of shape (n, 3)
        What has to be inside, in that frame.
    """
    head = localization.head
    average = nilearn_file(AVERAGE_MRI)
    grid = VoxelGrid.around(around_mm, STEP_MM, margin=round(MARGIN_MM / STEP_MM))
    if frame == "mni305" and average is not None:
        image = nib.load(average)
        return _resampled(image, MNI152_TO_MNI305 @ image.affine, grid, "the average MRI of 152 people (ICBM 152)")
    if frame == "mri" and head is not None and head.mri is not None and head.mri.is_file():
        own = nib.load(head.mri)
        return _resampled(own, own.header.get_vox2ras_tkr(), grid, f"the MRI of {head.name}")
    return None if head is None else _from_surfaces(head, head_to_frame(localization, frame), grid)


def _resampled(image: SpatialImage, affine: np.ndarray, grid: VoxelGrid, name: str) -> GreyVolume:
    """Read an image at the voxels of a grid; ``affine`` leads from its voxels to the frame, in mm."""
    values = np.asarray(image.dataobj, dtype=np.float32)
    to_voxels = np.linalg.inv(affine) @ grid.affine
    shown = ndimage.affine_transform(values, to_voxels[:3, :3], to_voxels[:3, 3], output_shape=grid.shape, order=1)
    brightest = np.percentile(shown[shown > 0], BRIGHTEST) if (shown > 0).any() else 1.0
    grey = np.clip(255 * shown / brightest, 0, 255).astype(np.uint8) // GREY_STEP * GREY_STEP
    return GreyVolume(grey, grid.origin, grid.step, name)


def _from_surfaces(head: Head, to_frame: Callable[[np.ndarray], np.ndarray], grid: VoxelGrid) -> GreyVolume:
    layers: list[tuple[str, Surface | None]] = [
        ("scalp", head.scalp),
        ("skull", head.outer_skull),
        ("brain", head.inner_skull),
    ]
    if head.cortex is not None:
        layers[2] = ("skull", head.inner_skull)
        layers += [("brain", one) for one in head.cortex.pial] + [("white matter", one) for one in head.cortex.white]
    values = np.zeros(grid.shape, np.uint8)
    for name, surface in layers:
        if surface is not None:
            moved = Surface(1e3 * to_frame(head.to_head(surface.rr)), surface.tris)
            values[grid.inside(moved)] = SHADES[name]
    return GreyVolume(values, grid.origin, grid.step, "what the surfaces of the head enclose")
