"""What a head is made of: surfaces, cortex, deep structures, conductivities and its place in space."""

from __future__ import annotations

from dataclasses import dataclass, field

import mne
import numpy as np


@dataclass(frozen=True, eq=False)
class Surface:
    """A triangle mesh in the head's MRI frame (surface RAS).

    Attributes
    ----------
    rr : array of shape (n_vertices, 3)
        Vertices in metres.
    tris : array of shape (n_triangles, 3)
        Vertex indices of the triangles, counter-clockwise seen from outside.
    """

    rr: np.ndarray
    tris: np.ndarray


@dataclass(frozen=True, eq=False)
class Cortex:
    """The cortical sheet, left hemisphere first.

    Attributes
    ----------
    white, pial, inflated : tuple of two Surface
        Left and right hemisphere; the three share vertices and triangles, one to one. Sources sit on ``white``,
        pictures are drawn on ``inflated``.
    region_ids : tuple of two int arrays of shape (n_vertices,)
        Index into ``region_names`` for each vertex, -1 where unknown.
    region_names : tuple of str
        Names as FreeSurfer writes them in labels, hemisphere at the end: ``"pericalcarine-lh"``.
    """

    white: tuple[Surface, Surface]
    pial: tuple[Surface, Surface]
    inflated: tuple[Surface, Surface]
    region_ids: tuple[np.ndarray, np.ndarray]
    region_names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class LabelVolume:
    """Anatomical structures on a voxel grid.

    Attributes
    ----------
    labels : int array of shape (n_i, n_j, n_k)
        0 is background; k > 0 is the structure ``names[k - 1]``.
    affine : array of shape (4, 4)
        From voxel indices to the head's *reference* MRI frame (``Head.to_reference``), in metres.
    names : tuple of str
        As FreeSurfer's colour table writes them: ``"Left-Thalamus"``, ``"Brain-Stem"``.
    """

    labels: np.ndarray
    affine: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True)
class Conductivities:
    """Isotropic conductivities of the three layers, in S/m."""

    brain: float = 0.3
    skull: float = 0.006
    scalp: float = 0.3


@dataclass(frozen=True, eq=False)
class Head:
    """A head model: geometry, tissue properties and frames. All positions are in the MRI frame, in metres.

    Attributes
    ----------
    name : str
        For people: ``"template"``, a subject's name.
    inner_skull : Surface
    outer_skull, scalp : Surface | None
        None where a subject has a single-layer model (MEG only).
    cortex : Cortex | None
    structures : LabelVolume | None
        Subcortical structures.
    conductivities : Conductivities
    fiducials : dict of str to array of shape (3,)
        ``"nasion"``, ``"lpa"``, ``"rpa"``.
    mri_head_t : mne.transforms.Transform
        From MRI (surface RAS) to head coordinates (Neuromag convention), in metres.
    mri_mni_t : array of shape (4, 4) | None
        From the *reference* MRI frame to MNI305, in metres; None where unknown.
    warp : object | None
        Maps this head's MRI points back to the reference head it was made from; None for a head that is its own
        reference.
    conductor : mne.bem.ConductorModel | None
        A BEM solution that came with the subject and is used instead of computing one.
    """

    name: str
    inner_skull: Surface
    outer_skull: Surface | None
    scalp: Surface | None
    cortex: Cortex | None
    structures: LabelVolume | None
    fiducials: dict[str, np.ndarray]
    mri_head_t: mne.transforms.Transform
    mri_mni_t: np.ndarray | None
    conductivities: Conductivities = field(default_factory=Conductivities)
    warp: object | None = None
    conductor: mne.bem.ConductorModel | None = None
