"""Tissues of a head on a voxel grid: its segmentation, or what follows from its surfaces.

From surfaces: scalp and bone between scalp, outer and inner skull; spongy bone where bone is deep enough; inside the
inner skull CSF, except where there is brain. Brain is white matter inside the white surface; of the rest, subcortical
structures count as grey matter, the brainstem and the cerebellum are tissues of their own. Where no structure is the
cerebellum, it is the brain apart from the cerebrum. Neither eyes nor air follow from surfaces.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import ndimage

from headwater._utils.cache import content_hash
from headwater._utils.errors import InputError
from headwater.head.anatomy import LabelVolume, Surface
from headwater.head.conductivity import (
    BRAIN_TISSUES,
    BRAINSTEM,
    CEREBELLAR_GREY,
    CEREBELLAR_WHITE,
    COMPACT,
    CSF,
    GREY,
    SCALP,
    SPONGY,
    WHITE,
)
from headwater.head.geometry import NearestPoint
from headwater.head.model import Head
from headwater.head.voxels import VoxelGrid

VERSION = 2
STEP = 0.001  # metres
TABLE = 0.002  # metres: thickness of the compact bone on either side of the spongy bone
BEYOND_CORTEX = (
    0.003  # metres from the pial surface within which brain is cortex (of surfaces that miss it by a little)
)
RIM = 0.004  # metres: half the width up to which brain outside the pial surface is cortex, and no cerebellum
CEREBELLAR_CORTEX = 0.008  # metres: depth of the folded cortex of the cerebellum
NAMES = (WHITE, GREY, CEREBELLAR_WHITE, CEREBELLAR_GREY, BRAINSTEM, CSF, COMPACT, SPONGY, SCALP)
STRUCTURE_TISSUES = {
    "Brain-Stem": BRAINSTEM,
    "Cerebellum-Cortex": CEREBELLAR_GREY,
    "Cerebellum-White-Matter": CEREBELLAR_WHITE,
}
LATTICE = 6  # voxels between points at which the way to the reference head is computed exactly


def tissue_volume(head: Head) -> tuple[LabelVolume, bool]:
    """Return the tissues of a head.

    Returns
    -------
    volume : LabelVolume
    carried : bool
        True: it is in the reference MRI frame, as the segmentation of a head is. False: it is in the head's own.
    """
    if head.tissues is not None:
        return head.tissues, True
    return _from_surfaces(head), False


def tissue_volume_names(head: Head) -> tuple[str, ...]:
    """Names of the tissues that `tissue_volume` tells apart."""
    return NAMES if head.tissues is None else head.tissues.names


def tissue_fingerprint(head: Head) -> str:
    """Hash of all that the tissues of a head, in its own MRI frame, follow from."""
    shape = [] if head.warp is None else [np.asarray(head.from_reference(0.1 * np.eye(3)))]
    if head.tissues is not None:
        return content_hash(VERSION, head.tissues.labels, head.tissues.affine, *head.tissues.names, *shape)
    parts = [head.inner_skull, head.outer_skull, head.scalp]
    parts += [] if head.cortex is None else [*head.cortex.white, *head.cortex.pial]
    arrays = [array for part in parts if part is not None for array in (part.rr, np.asarray(part.tris, np.int64))]
    volumes = [volume for volume in (head.brain, head.structures) if volume is not None]
    labels = [array for volume in volumes for array in (np.asarray(volume.labels, np.int16), volume.affine)]
    return content_hash(VERSION, *arrays, *labels, *shape)


def _from_surfaces(head: Head) -> LabelVolume:
    """Label voxels of 1 mm by the surfaces of a head."""
    if head.scalp is None or head.outer_skull is None:
        raise InputError(
            f"The head {head.name!r} has no skull and scalp surfaces, which finite elements need; make them (for "
            "example with mne.bem.make_watershed_bem), or make the head of a segmentation (`head_from_labels`)."
        )
    _check(head.inner_skull, head.outer_skull, head.scalp)
    grid = VoxelGrid.around(head.scalp.rr, STEP)
    labels = np.zeros(grid.shape, np.uint8)
    within_bone = grid.inside(head.outer_skull)
    within_skull = grid.inside(head.inner_skull)
    labels[grid.inside(head.scalp)] = _label(SCALP)
    labels[within_bone] = _label(COMPACT)
    bone = within_bone & ~within_skull
    labels[bone & (ndimage.distance_transform_edt(bone) > TABLE / STEP)] = _label(SPONGY)
    labels[within_skull] = _label(CSF)
    _fill_brain(labels, head, grid, within_skull)
    return LabelVolume(labels, grid.affine, NAMES)


def _check(inner: Surface, outer: Surface, scalp: Surface) -> None:
    """Refuse open surfaces, and surfaces that cross."""
    named = {"inner skull surface": inner, "outer skull surface": outer, "scalp surface": scalp}
    for name, surface in named.items():
        surface.check_closed(name)
    for (name, within), (other, around) in pairwise(named.items()):
        if (NearestPoint(around.rr, around.tris)(within.rr)[1] >= 0).any():
            raise InputError(f"The {name} is not completely inside the {other}; smooth or shrink one of them.")


def _label(name: str) -> int:
    return NAMES.index(name) + 1


def _fill_brain(labels: np.ndarray, head: Head, grid: VoxelGrid, within_skull: np.ndarray) -> None:
    """Put the tissues of the brain inside the skull, in place, and CSF between them and bone."""
    pial, white = (_either(grid, pair) for pair in _sheets(head))
    voxels = np.argwhere(within_skull)
    reference = _to_reference(head, grid, voxels)
    brain = np.zeros_like(within_skull)
    brain[within_skull] = pial[within_skull] if head.brain is None else head.brain.at(reference) > 0
    labels[brain] = _label(GREY)
    known = np.zeros_like(labels)
    if head.structures is not None:
        tissue_of = np.array([0, *(_tissue_of(name) for name in head.structures.names)], np.uint8)
        known[within_skull] = tissue_of[head.structures.at(reference)]
    known[~brain] = 0
    labels[brain & white] = _label(WHITE)
    labels[known > 0] = known[known > 0]
    if not np.isin(known, [_label(CEREBELLAR_GREY), _label(CEREBELLAR_WHITE)]).any():
        _fill_cerebellum(labels, brain & (known == 0), pial)
    bone = np.isin(labels, [_label(COMPACT), _label(SPONGY)])
    beside_bone = ndimage.binary_dilation(bone, ndimage.generate_binary_structure(3, 3))
    labels[beside_bone & np.isin(labels, [_label(name) for name in BRAIN_TISSUES])] = _label(CSF)


def _tissue_of(structure: str) -> int:
    """Label of the tissue of a structure, by its name in FreeSurfer's colour table."""
    for name, tissue in STRUCTURE_TISSUES.items():
        if structure.endswith(name):
            return _label(tissue)
    return _label(GREY)


def _fill_cerebellum(labels: np.ndarray, brain: np.ndarray, pial: np.ndarray) -> None:
    """Put the cerebellum where there is brain apart from the cerebrum and from known structures, in place."""
    from_cerebrum = ndimage.distance_transform_edt(~pial)
    apart = brain & (from_cerebrum > BEYOND_CORTEX / STEP)
    core = ndimage.distance_transform_edt(apart) > RIM / STEP  # without the thin rim around the cerebrum
    parts, n_parts = ndimage.label(core)
    if not n_parts:
        return
    largest = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    from_core = ndimage.distance_transform_edt(~largest)
    cerebellum = brain & ~pial & (from_core < np.minimum(from_cerebrum + RIM / STEP, 2 * RIM / STEP))
    labels[cerebellum] = _label(CEREBELLAR_GREY)
    deep = ndimage.distance_transform_edt(cerebellum | (labels == _label(BRAINSTEM))) > CEREBELLAR_CORTEX / STEP
    labels[cerebellum & deep] = _label(CEREBELLAR_WHITE)


def _sheets(head: Head) -> tuple[tuple[Surface, Surface], tuple[Surface, Surface]]:
    """Pial and white surfaces."""
    if head.cortex is None or head.cortex.pial[0] is head.cortex.white[0]:
        raise InputError(
            f"The head {head.name!r} has no white and pial surfaces to tell grey from white matter; reconstruct them "
            "with FreeSurfer's recon-all, make the head of a segmentation (`head_from_labels`), or use `method='bem'`."
        )
    return head.cortex.pial, head.cortex.white


def _either(grid: VoxelGrid, pair: tuple[Surface, Surface]) -> np.ndarray:
    return grid.inside(pair[0]) | grid.inside(pair[1])


def _to_reference(head: Head, grid: VoxelGrid, voxels: np.ndarray) -> np.ndarray:
    """Positions of voxels (n, 3) in the reference MRI frame: exact on a lattice, interpolated between its points."""
    pos = grid.origin + grid.step * voxels
    if head.warp is None:
        return pos
    shape = [length // LATTICE + 2 for length in grid.shape]
    knots = grid.origin + grid.step * LATTICE * np.moveaxis(np.indices(shape), 0, -1).reshape(-1, 3)
    moved = (head.to_reference(knots) - knots).reshape(*shape, 3)
    where = voxels.T / LATTICE
    shift = [ndimage.map_coordinates(moved[..., axis], where, order=1, mode="nearest") for axis in range(3)]
    return pos + np.column_stack(shift)
