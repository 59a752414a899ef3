"""What a head is made of: surfaces, cortex, deep structures, conductivities and its place in space."""

from __future__ import annotations

from dataclasses import dataclass, field

import mne
import numpy as np
from mne.bem import _ico_downsample
from mne.transforms import apply_trans

from headwater._utils.errors import InputError
from headwater.head.warp import Warp


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

    def at_ico(self, grade: int) -> Surface:
        """Return the same surface as the coarser subdivided icosahedron of this grade (3: 642, 4: 2562 vertices).

        Only for a surface that is a subdivided icosahedron in MNE-Python's order, as BEM surfaces usually are.
        """
        n_tris = 20 * 4**grade
        if len(self.tris) == n_tris:
            return self
        if len(self.tris) < n_tris:
            raise InputError(f"A surface of {len(self.tris)} triangles cannot be made finer, to ico {grade}.")
        surface = {"rr": self.rr, "tris": self.tris, "ntri": len(self.tris), "np": len(self.rr), "id": 1}
        with mne.use_log_level("error"):
            coarse = _ico_downsample(surface, grade)
        return Surface(rr=coarse["rr"], tris=coarse["tris"])


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
    reference : str | None
        Name of the reference head: heads that share it correspond point by point through their warps. None: unknown.
    warp : Warp | None
        Carries points of the reference head's MRI frame to this head's; None for a head that is its own reference.
    conductor : mne.bem.ConductorModel | None
        A BEM solution that came with the subject and is used instead of computing one.
    electrode_jitter : float
        Standard deviation, in metres and along the scalp, with which electrodes are misplaced on this head.
    electrode_seed : int
        Seed of that misplacement.
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
    reference: str | None = None
    warp: Warp | None = None
    conductor: mne.bem.ConductorModel | None = None
    electrode_jitter: float = 0.0
    electrode_seed: int = 0

    def to_reference(self, pos_mri: np.ndarray) -> np.ndarray:
        """Carry points (..., 3) of this head's MRI frame to the MRI frame of its reference head, in metres."""
        return np.asarray(pos_mri, float) if self.warp is None else self.warp.inverse(pos_mri)

    def from_reference(self, pos_reference: np.ndarray) -> np.ndarray:
        """Carry points (..., 3) of the reference head's MRI frame to this head's, in metres."""
        return np.asarray(pos_reference, float) if self.warp is None else self.warp.forward(pos_reference)

    def to_mri(self, pos_head: np.ndarray) -> np.ndarray:
        """Carry points (..., 3) from head coordinates to this head's MRI frame, in metres."""
        return apply_trans(np.linalg.inv(self.mri_head_t["trans"]), pos_head)

    def to_head(self, pos_mri: np.ndarray) -> np.ndarray:
        """Carry points (..., 3) from this head's MRI frame to head coordinates, in metres."""
        return apply_trans(self.mri_head_t["trans"], pos_mri)

    def to_mni(self, pos_head: np.ndarray) -> np.ndarray:
        """Carry points (..., 3) from head coordinates to MNI305, in metres."""
        return apply_trans(self._known_mni(), self.to_reference(self.to_mri(pos_head)))

    def from_mni(self, pos_mni: np.ndarray) -> np.ndarray:
        """Carry points (..., 3) from MNI305 to head coordinates, in metres."""
        return self.to_head(self.from_reference(apply_trans(np.linalg.inv(self._known_mni()), pos_mni)))

    def _known_mni(self) -> np.ndarray:
        if self.mri_mni_t is None:
            raise InputError(
                f"The transform from the MRI of {self.name!r} to MNI305 is unknown; "
                "add mri/transforms/talairach.xfm to the subject's folder."
            )
        return self.mri_mni_t

    def varied(self, seed: int, *, geometry: float = 1.0, electrodes: float = 1.0, conductivity: float = 1.0) -> Head:
        """Make another head; see :func:`headwater.head.variation.varied`."""
        from headwater.head.variation import varied

        return varied(self, seed, geometry=geometry, electrodes=electrodes, conductivity=conductivity)
