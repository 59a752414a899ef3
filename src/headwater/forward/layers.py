"""The nested, homogeneous compartments of a boundary-element model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mne
import numpy as np
from mne.io.constants import FIFF

from headwater._utils.cache import content_hash
from headwater._utils.errors import InputError
from headwater.forward.subdivision import coarser_tris, icosahedron_size
from headwater.head.anatomy import Surface
from headwater.head.model import Head

SURFACE_NAMES = ("scalp", "outer skull", "inner skull")
MNE_IDS = (FIFF.FIFFV_BEM_SURF_ID_HEAD, FIFF.FIFFV_BEM_SURF_ID_SKULL, FIFF.FIFFV_BEM_SURF_ID_BRAIN)


@dataclass(frozen=True, eq=False)
class Layers:
    """Surfaces of a boundary-element model, outermost first: scalp, outer skull, inner skull, or the last alone.

    Attributes
    ----------
    surfaces : tuple of Surface
        In MRI coordinates, in metres.
    sigma : array of shape (n_surfaces,)
        Conductivity just inside each surface, in S/m.
    """

    surfaces: tuple[Surface, ...]
    sigma: np.ndarray

    @property
    def outside(self) -> np.ndarray:
        """Conductivity just outside each surface."""
        return np.r_[0.0, self.sigma[:-1]]

    @property
    def names(self) -> tuple[str, ...]:
        """What the surfaces are called."""
        return SURFACE_NAMES[-len(self.surfaces) :]

    @property
    def slices(self) -> list[slice]:
        """Where the vertices of each surface stand among all vertices."""
        ends = np.cumsum([len(surface.rr) for surface in self.surfaces]).tolist()
        return [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]

    @property
    def vertices(self) -> np.ndarray:
        """All vertices, outermost surface first, shape (n_vertices, 3)."""
        return np.concatenate([surface.rr for surface in self.surfaces])

    @property
    def source_mult(self) -> np.ndarray:
        """Factor of the infinite-medium potential on each surface: 2 / (sigma inside + sigma outside)."""
        return 2.0 / (self.sigma + self.outside)

    @property
    def fingerprint(self) -> str:
        """Hash of geometry and conductivities."""
        meshes = [array for surface in self.surfaces for array in (surface.rr, np.asarray(surface.tris, np.int64))]
        return content_hash(*meshes, self.sigma)

    def mne_surfaces(self) -> list[dict[str, Any]]:
        """Surfaces as ``mne.make_bem_model`` describes them."""
        surfaces = []
        for surface, sigma, id_ in zip(self.surfaces, self.sigma, MNE_IDS[-len(self.surfaces) :], strict=True):
            described = {
                "id": id_,
                "sigma": float(sigma),
                "coord_frame": FIFF.FIFFV_COORD_MRI,
                "rr": np.array(surface.rr, float),
                "tris": np.array(surface.tris, int),
                "np": len(surface.rr),
                "ntri": len(surface.tris),
            }
            mne.surface.complete_surface_info(described, copy=False, verbose="error")
            surfaces.append(described)
        return surfaces


def head_layers(head: Head, *, n_layers: int = 3, ico: int = 4) -> Layers:
    """Surfaces and conductivities of a head, made as coarse as an icosahedron of grade ``ico`` where they can be.

    Parameters
    ----------
    head : Head
    n_layers : int
        3, or 1 for the inner skull alone, which is enough for MEG.
    ico : int
        2, 3, 4 or 5: 162, 642, 2562 or 10242 vertices a surface.
    """
    if n_layers == 1:
        return Layers((coarser(head.inner_skull, ico),), np.array([head.conductivities.brain]))
    if head.outer_skull is None or head.scalp is None:
        raise InputError(
            f"The head {head.name!r} has no skull and scalp surfaces, which EEG needs; "
            "make them (for example with mne.bem.make_watershed_bem) or use the template head."
        )
    surfaces = tuple(coarser(surface, ico) for surface in (head.scalp, head.outer_skull, head.inner_skull))
    values = head.conductivities
    return Layers(surfaces, np.array([values.scalp, values.skull, values.brain]))


def coarser(surface: Surface, ico: int) -> Surface:
    """Thin a subdivided icosahedron out to a lower grade; other surfaces are kept, unless they are huge."""
    n_vertices = icosahedron_size(ico)
    if len(surface.rr) <= n_vertices:
        return surface
    tris = coarser_tris(surface.tris, n_vertices)
    if tris is not None:
        return Surface(rr=surface.rr[:n_vertices], tris=tris)
    if len(surface.rr) <= 2 * n_vertices:
        return surface
    raise InputError(
        f"A surface of the head has {len(surface.rr)} vertices, too many for a boundary-element model, and is not a "
        f"subdivided icosahedron that could be reduced; decimate it to about {n_vertices} vertices first."
    )


def check_closed(layers: Layers) -> None:
    """Refuse surfaces with holes, or turned inside out."""
    for name, surface in zip(layers.names, layers.surfaces, strict=True):
        surface.check(f"{name} surface")
        if flat := int((_areas(surface) == 0).sum()):
            raise InputError(f"The {name} surface has {flat} triangles without area; repair it, then try again.")
        surface.check_closed(f"{name} surface")
        a, b, c = (surface.rr[surface.tris[:, k]] for k in range(3))
        if np.einsum("tx,tx->", a, np.cross(b, c)) < 0:
            raise InputError(f"The triangles of the {name} surface face inwards; swap two columns of its triangles.")


def _areas(surface: Surface) -> np.ndarray:
    """Doubled areas of the triangles, shape (n_triangles,)."""
    a, b, c = (surface.rr[surface.tris[:, k]] for k in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1)
