"""A head from a volume of tissue labels: SimNIBS (charm), ROAST, FieldTrip, or any NIfTI image with a label table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np
from mne.transforms import Transform, apply_trans, get_ras_to_neuromag_trans
from nibabel.filebasedimages import ImageFileError
from scipy import ndimage

from headwater._utils.errors import InputError
from headwater.head.anatomy import LabelVolume, Surface, icosahedron
from headwater.head.conductivity import AIR, BONE_TISSUES, BRAIN_TISSUES, COMPACT, CSF, SOFT_TISSUES, SPONGY
from headwater.head.frames import check_near_scalp, three_fiducials
from headwater.head.geometry import NearestPoint, neighbour_mean
from headwater.head.label_tables import LABEL_TABLES, read_label_table
from headwater.head.model import Head
from headwater.head.structures import read_segmentation

ICO = 4  # grade of the icosahedra that surfaces are
TABLE = 2.0  # mm: thickness of the compact bone on either side of the spongy bone
PLATE = 3.0  # mm: bone that closes holes of the skull
OPENING = 6.0  # mm: canals narrower than twice this are no part of the inside of the skull
LEAST_GAP = 0.0035  # metres from the vertices of a surface to the one inside it
PUSHES = 20  # of a surface away from the one inside it
RAY_STEP = 0.0005  # metres
LONGEST_RAY = 0.25  # metres
SMOOTHINGS = 3


def head_from_labels(
    image: str | Path,
    labels: str | Path | Mapping[int, str],
    fiducials: Mapping[str, np.ndarray],
    *,
    name: str | None = None,
    mri_mni_t: np.ndarray | None = None,
    aseg: str | Path | None = None,
    split_bone: bool = True,
    close_skull: bool = False,
) -> Head:
    """Make a head of a segmentation.

    Parameters
    ----------
    image : path-like
        NIfTI image of integers. Its world coordinates, in metres, become the MRI frame of the head.
    labels : str | path-like | mapping of int to str
        ``"simnibs"``, ``"roast"``, ``"fieldtrip"`` (grey, white, CSF, skull, scalp), a text file with a number and a
        name a line, or the tissue of each number.
    fiducials : mapping of str to array of shape (3,)
        ``"nasion"``, ``"lpa"``, ``"rpa"`` in world coordinates, in metres; they define head coordinates.
    name : str | None
        None: that of the file.
    mri_mni_t : array of shape (4, 4) | None
        From world coordinates to MNI305, in metres, where known.
    aseg : path-like | None
        FreeSurfer's ``aseg`` or ``aparc+aseg`` in the same world coordinates, for deep structures.
    split_bone : bool
        Where bone is one tissue, take what is deeper than 2 mm as spongy.
    close_skull : bool
        Put 3 mm of compact bone where soft tissue touches the inside of the skull, as below the brain in automatic
        segmentations, which miss thin bone. Canals (of the spinal cord, for example) stay open.

    Returns
    -------
    head : Head
        With scalp and skull surfaces (as seen from the middle of the brain), so that boundary elements work too; volume
        sources only, for a segmentation has no cortical surfaces.

    Examples
    --------
    >>> import headwater as hw
    >>> fiducials = {"nasion": [0.0, 0.1, 0.0], "lpa": [-0.08, 0.0, 0.0], "rpa": [0.08, 0.0, 0.0]}
    >>> head = hw.head_from_labels("tissues.nii.gz", "roast", fiducials)  # doctest: +SKIP
    """
    path = Path(image)
    points = three_fiducials(fiducials)
    table = _table(labels)
    values, affine = _read(path)
    tissues = _tissues(values, affine, table, path.name, split_bone=split_bone)
    tissues = _closed(tissues) if close_skull else tissues
    inner, outer, scalp = _surfaces(tissues)
    check_near_scalp(points, scalp)
    brain = np.isin(tissues.labels, _numbers(tissues, BRAIN_TISSUES)).astype(np.uint8)
    called = name or path.name.split(".")[0]
    return Head(
        name=called,
        reference=f"{called} in {path.resolve().parent}",
        inner_skull=inner,
        outer_skull=outer,
        scalp=scalp,
        cortex=None,
        structures=None if aseg is None else read_segmentation(Path(aseg), surface_ras=False)[0],
        brain=LabelVolume(brain, affine, ("Brain",)),
        tissues=tissues,
        fiducials=points,
        mri_head_t=Transform("mri", "head", get_ras_to_neuromag_trans(*points.values())),
        mri_mni_t=mri_mni_t,
    )


def _table(labels: str | Path | Mapping[int, str]) -> Mapping[int, str]:
    if isinstance(labels, Mapping):
        return labels
    if str(labels) in LABEL_TABLES:
        return LABEL_TABLES[str(labels)]
    if not isinstance(labels, str | Path) or not Path(labels).is_file():
        raise InputError(f"There is no label table {str(labels)!r}; give a file, or {', '.join(LABEL_TABLES)}.")
    return read_label_table(labels)


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Integers of the image, and the affine from voxels to metres."""
    if not path.is_file():
        raise InputError(f"{path} does not exist.")
    try:
        loaded = nib.load(path)
        values = np.squeeze(np.asarray(loaded.dataobj))
    except (ImageFileError, OSError, EOFError) as error:
        raise InputError(f"{path.name} cannot be read as a NIfTI image; convert it again.") from error
    if values.ndim != 3:
        raise InputError(f"{path.name} has {values.ndim} dimensions, and a segmentation has 3.")
    if not np.array_equal(values, np.rint(values)):
        raise InputError(f"{path.name} has values that are no labels; give a segmentation.")
    affine = np.array(loaded.affine, float)
    affine[:3] /= 1000
    return values.astype(int), affine


def _tissues(
    values: np.ndarray, affine: np.ndarray, table: Mapping[int, str], name: str, *, split_bone: bool
) -> LabelVolume:
    """Volume whose names are tissues, each once."""
    found = [int(value) for value in np.unique(values) if value != 0]
    if unknown := [str(value) for value in found if value not in table]:
        raise InputError(f"{name} has labels that the label table does not name: {', '.join(unknown)}.")
    names = list(dict.fromkeys(table[value] for value in found))
    labels = np.zeros(values.shape, np.uint8)
    for value in found:
        labels[values == value] = names.index(table[value]) + 1
    if split_bone and COMPACT in names and SPONGY not in names:
        voxel = 1e3 * np.linalg.norm(affine[:3, :3], axis=0)
        bone = labels == names.index(COMPACT) + 1
        names.append(SPONGY)
        labels[bone & (ndimage.distance_transform_edt(bone, sampling=voxel) > TABLE)] = len(names)
    return LabelVolume(labels, affine, tuple(names))


def _closed(tissues: LabelVolume) -> LabelVolume:
    """Turn soft tissue around the inside of the skull into compact bone."""
    inside = np.isin(tissues.labels, _numbers(tissues, (*BRAIN_TISSUES, CSF)))
    voxel = 1e3 * np.linalg.norm(tissues.affine[:3, :3], axis=0)
    near = ndimage.distance_transform_edt(~_opened(inside, voxel), sampling=voxel) <= PLATE
    soft = np.isin(tissues.labels, _numbers(tissues, SOFT_TISSUES))
    names = tissues.names if COMPACT in tissues.names else (*tissues.names, COMPACT)
    labels = np.where(near & soft, names.index(COMPACT) + 1, tissues.labels).astype(np.uint8)
    return LabelVolume(labels, tissues.affine, names)


def _numbers(tissues: LabelVolume, wanted: tuple[str, ...]) -> list[int]:
    return [k + 1 for k, name in enumerate(tissues.names) if name in wanted]


def _surfaces(tissues: LabelVolume) -> tuple[Surface, Surface, Surface]:
    """Inner skull, outer skull and scalp as subdivided icosahedra around the middle of the brain."""
    for wanted, called in ((BRAIN_TISSUES, "brain"), (BONE_TISSUES, "bone")):
        if not np.isin(tissues.labels, _numbers(tissues, wanted)).any():
            raise InputError(f"The segmentation has no {called}; check its label table.")
    voxel = 1e3 * np.linalg.norm(tissues.affine[:3, :3], axis=0)
    inside = _opened(np.isin(tissues.labels, _numbers(tissues, (*BRAIN_TISSUES, CSF))), voxel)
    bone = np.isin(tissues.labels, _numbers(tissues, BONE_TISSUES))
    within_bone = _opened(inside | bone, voxel)
    air = np.isin(tissues.labels, _numbers(tissues, (AIR,)))
    head = ndimage.binary_fill_holes((tissues.labels > 0) & ~air)
    centre = apply_trans(tissues.affine, np.array(ndimage.center_of_mass(inside)))
    sphere = icosahedron(ICO)
    found: list[Surface] = []
    for mask in (inside, within_bone, head):
        radius = _smooth(_radii(mask, tissues.affine, centre, sphere.rr), sphere.tris)
        if found:
            radius = _apart(radius, found[-1], centre, sphere.rr)
        found.append(Surface(centre + radius[:, np.newaxis] * sphere.rr, sphere.tris))
    inner, outer, scalp = found
    return inner, outer, scalp


def _opened(mask: np.ndarray, voxel: np.ndarray) -> np.ndarray:
    """Fill holes, and remove canals and specks: the largest part that a ball of some millimetres can reach."""
    mask = ndimage.binary_fill_holes(mask)
    core = ndimage.distance_transform_edt(mask, sampling=voxel) > OPENING
    parts, n_parts = ndimage.label(core)
    if not n_parts:
        raise InputError("The inside of the segmented skull is too thin for a head; check its voxel size.")
    largest = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    return mask & (ndimage.distance_transform_edt(~largest, sampling=voxel) <= OPENING)


def _radii(mask: np.ndarray, affine: np.ndarray, centre: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Distance from the centre to the last voxel of the mask along each direction."""
    steps = np.arange(0, LONGEST_RAY, RAY_STEP)
    points = centre + steps[:, np.newaxis, np.newaxis] * directions
    voxels = apply_trans(np.linalg.inv(affine), points.reshape(-1, 3)).T
    held = ndimage.map_coordinates(mask.astype(np.float32), voxels, order=1).reshape(len(steps), -1) >= 0.5
    return steps[len(steps) - 1 - held[::-1].argmax(axis=0)]


def _apart(radius: np.ndarray, inner: Surface, centre: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Push a surface outwards where it is too near to the one inside it."""
    distance_from = NearestPoint(inner.rr, inner.tris)
    for _ in range(PUSHES):
        short = LEAST_GAP - distance_from(centre + radius[:, np.newaxis] * directions)[1]
        if (short <= 0).all():
            break
        radius = radius + np.maximum(short, 0)
    return radius


def _smooth(radius: np.ndarray, tris: np.ndarray) -> np.ndarray:
    mean = neighbour_mean(tris, len(radius))
    for _ in range(SMOOTHINGS):
        radius = mean @ radius
    return radius
