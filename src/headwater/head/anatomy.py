"""The parts of a head: surfaces, cortex, deep structures, conductivities."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from pathlib import Path

import mne
import numpy as np
from mne.bem import _ico_downsample
from mne.transforms import apply_trans

from headwater._utils.errors import InputError

LEAST_EXTENT, LARGEST_EXTENT = 0.01, 1.0  # metres, of a surface of the head


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

    def check(self, name: str) -> None:
        """Refuse a mesh that is none, named in the error: values that are not finite, unknown vertices, wrong units."""
        rr, tris = np.asarray(self.rr), np.asarray(self.tris)
        if rr.ndim != 2 or rr.shape[1] != 3 or tris.ndim != 2 or tris.shape[1] != 3 or len(tris) < 4:
            raise InputError(f"The {name} is not a triangle mesh: vertices {rr.shape}, triangles {tris.shape}.")
        if not np.isfinite(rr).all():
            raise InputError(f"The {name} has vertices that are not finite; reconstruct it again.")
        if tris.min() < 0 or tris.max() >= len(rr):
            raise InputError(f"The {name} has triangles of vertices that it does not have; reconstruct it again.")
        if not LEAST_EXTENT < (extent := float(np.ptp(rr, axis=0).max())) < LARGEST_EXTENT:
            raise InputError(f"The {name} is {extent:.3g} m long, which is not the size of a head; check its unit.")

    def check_closed(self, name: str) -> None:
        """Refuse a mesh with an edge that does not belong to exactly two triangles, named in the error."""
        edges = np.sort(np.concatenate([self.tris[:, pair] for pair in ([0, 1], [1, 2], [2, 0])]), axis=1)
        if (np.unique(edges, axis=0, return_counts=True)[1] != 2).any():
            raise InputError(f"The {name} has holes or double triangles; repair it, then try again.")

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
    registered : tuple of two arrays of shape (n_vertices, 3) | None
        Unit vectors: where each vertex lies on FreeSurfer's registered sphere (``sphere.reg``); None where unknown.
    """

    white: tuple[Surface, Surface]
    pial: tuple[Surface, Surface]
    inflated: tuple[Surface, Surface]
    region_ids: tuple[np.ndarray, np.ndarray]
    region_names: tuple[str, ...]
    registered: tuple[np.ndarray, np.ndarray] | None = None


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

    def at(self, pos_reference: np.ndarray) -> np.ndarray:
        """Label of the voxel that holds each point (n_points, 3) of the reference MRI frame, 0 outside the volume."""
        voxel = np.rint(apply_trans(np.linalg.inv(self.affine), pos_reference)).astype(int)
        held = ((voxel >= 0) & (voxel < self.labels.shape)).all(axis=1)
        labels = np.zeros(len(voxel), int)
        labels[held] = self.labels[tuple(voxel[held].T)]
        return labels


def icosahedron(grade: int) -> Surface:
    """Return the subdivided icosahedron of a grade (5: 10242 vertices) on the unit sphere, from MNE-Python."""
    path = Path(mne.__file__).parent / "data" / "icos.fif.gz"
    sphere = mne.read_bem_surfaces(path, s_id=9000 + grade, verbose="error")
    return Surface(rr=sphere["rr"].astype(float), tris=sphere["tris"])


@dataclass(frozen=True)
class Conductivities:
    """Isotropic conductivities of the three layers, in S/m."""

    brain: float = 0.3
    skull: float = 0.006
    scalp: float = 0.3

    def __post_init__(self) -> None:
        for layer, value in vars(self).items():
            check_conductivity(f"the {layer}", value)


def check_conductivity(of: str, value: float) -> None:
    """Refuse what is no conductivity."""
    if not isinstance(value, Real):
        raise InputError(f"The conductivity of {of} is {value!r}; give a positive number of S/m.")
    if not 0 < value < np.inf:
        raise InputError(f"The conductivity of {of} is {value:g} S/m; give a positive number.")
