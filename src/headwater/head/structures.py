"""Deep structures: FreeSurfer's names and numbers, and segmentations read from files."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import SpatialImage

from headwater._utils.errors import InputError
from headwater.head.anatomy import LabelVolume

# Numbers and names of FreeSurfer's colour table.
NUCLEI = {
    10: "Left-Thalamus",
    11: "Left-Caudate",
    12: "Left-Putamen",
    13: "Left-Pallidum",
    26: "Left-Accumbens-area",
    17: "Left-Hippocampus",
    18: "Left-Amygdala",
    49: "Right-Thalamus",
    50: "Right-Caudate",
    51: "Right-Putamen",
    52: "Right-Pallidum",
    58: "Right-Accumbens-area",
    53: "Right-Hippocampus",
    54: "Right-Amygdala",
    16: "Brain-Stem",
}
VENTRAL_DIENCEPHALON = {28: "Left-VentralDC", 60: "Right-VentralDC"}
CEREBELLUM = {
    8: "Left-Cerebellum-Cortex",
    47: "Right-Cerebellum-Cortex",
    7: "Left-Cerebellum-White-Matter",
    46: "Right-Cerebellum-White-Matter",
}
STRUCTURES = NUCLEI | VENTRAL_DIENCEPHALON | CEREBELLUM

# Segments of FreeSurfer's that are neither grey nor white matter: background, ventricles, choroid plexus, vessels,
# cerebrospinal fluid, optic chiasm.
NOT_BRAIN = (0, 4, 5, 14, 15, 24, 30, 31, 43, 44, 62, 63, 72, 85)


def read_segmentation(path: Path, *, surface_ras: bool) -> tuple[LabelVolume, LabelVolume]:
    """Read FreeSurfer's ``aseg`` or ``aparc+aseg``.

    Parameters
    ----------
    path : Path
        ``.mgz``, ``.nii`` or ``.nii.gz``.
    surface_ras : bool
        Positions are FreeSurfer's surface RAS (the MRI frame of a subject); False: world coordinates of the image.

    Returns
    -------
    structures, brain : LabelVolume
        Deep structures and cerebellum; grey and white matter.
    """
    try:
        image = nib.load(path)
        values = np.asarray(image.dataobj)
    except (ImageFileError, OSError, EOFError, ValueError) as error:
        raise InputError(f"{path} is missing, damaged, or not a FreeSurfer volume.") from error
    if values.ndim != 3:
        raise InputError(f"{path} has {values.ndim} dimensions, and a segmentation has 3; run FreeSurfer again.")
    values = values.astype(int)
    labels = np.zeros(values.shape, np.uint8)
    for number, value in enumerate(STRUCTURES, start=1):
        labels[values == value] = number
    if not labels.any():
        raise InputError(f"{path} has no deep structures with FreeSurfer's numbers; give aseg.mgz or aparc+aseg.mgz.")
    affine = np.array(_surface_ras(image) if surface_ras else image.affine, float)
    affine[:3] /= 1000
    brain = (~np.isin(values, NOT_BRAIN)).astype(np.uint8)
    return LabelVolume(labels, affine, tuple(STRUCTURES.values())), LabelVolume(brain, affine, ("Brain",))


def _surface_ras(image: SpatialImage) -> np.ndarray:
    """Affine to FreeSurfer's surface RAS, whose origin is the middle of the volume."""
    return nib.MGHImage(np.zeros(image.shape, np.uint8), image.affine).header.get_vox2ras_tkr()
