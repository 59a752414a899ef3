"""A head from triangle meshes: HBF, Brainstorm and FieldTrip (MATLAB), SPM (GIFTI), FreeSurfer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mne
import nibabel as nib
import numpy as np
from mne.transforms import Transform, apply_trans, get_ras_to_neuromag_trans
from scipy.sparse.csgraph import connected_components

from headwater._utils.errors import InputError
from headwater.head.anatomy import Cortex, Surface
from headwater.head.frames import FIDUCIALS, check_near_scalp, three_fiducials
from headwater.head.geometry import NearestPoint, enclosed_volume, neighbour_mean
from headwater.head.model import Head
from headwater.head.registration import fiducials_of_template, mni_of_inner_skull
from headwater.head.structures import read_segmentation
from headwater.head.subject_bem import readable

# Names of vertices and triangles in MATLAB structures: HBF, Brainstorm, FieldTrip (new and old).
MESH_FIELDS = (("p", "e"), ("Vertices", "Faces"), ("pos", "tri"), ("pnt", "tri"))
UNITS = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}
CORTEX_FIELD = "cortex"  # of HBF's files
NAMES = ("inner skull", "outer skull", "scalp")


def head_from_meshes(
    meshes: str | Path | Sequence[str | Path | Surface],
    *,
    fiducials: Mapping[str, np.ndarray] | None = None,
    mri_mni_t: np.ndarray | None = None,
    aseg: str | Path | None = None,
    cortex: str | Path | Sequence[str | Path | Surface] | None = None,
    name: str | None = None,
) -> Head:
    """Make a head of inner skull, outer skull and scalp, and the cortex where there is a mesh of it.

    Parameters
    ----------
    meshes : path-like | sequence of path-like or Surface
        One file with three meshes (HBF's ``bmeshes``), or three meshes in any order: ``.gii`` and FreeSurfer surfaces
        (mm), ``.mat`` of Brainstorm (m) or FieldTrip (the unit it names, else m), or surfaces in metres. All in one
        frame, the MRI frame of the head.
    fiducials : mapping of str to array of shape (3,) | None
        ``"nasion"``, ``"lpa"``, ``"rpa"`` in that frame, in metres. None: those of the template, carried over.
    mri_mni_t : array of shape (4, 4) | None
        From that frame to MNI305, in metres. None: by the shape of the inner skull; x must then point to the right, y
        to the front and z up.
    aseg : path-like | None
        FreeSurfer's ``aseg`` in that frame (as world coordinates), for deep structures.
    cortex : path-like | sequence of path-like or Surface | None
        The surface on which cortical sources lie: a file with both hemispheres (that of HBF may hold it beside the
        other meshes), or one mesh of each. None: sources lie in the volume.
    name : str | None

    Returns
    -------
    head : Head
        Cortical regions are unknown.

    Examples
    --------
    >>> import headwater as hw
    >>> template = hw.template_head()
    >>> surfaces = [template.inner_skull, template.outer_skull, template.scalp]
    >>> hw.head_from_meshes(surfaces, name="mine").name
    'mine'
    """
    surfaces = _three(meshes)
    inner, outer, scalp = surfaces
    for within, outside, words in ((inner, outer, NAMES[:2]), (outer, scalp, NAMES[1:])):
        if crossing := int((NearestPoint(outside.rr, outside.tris)(within.rr)[1] >= 0).sum()):
            raise InputError(f"{crossing} vertices of the {words[0]} lie outside the {words[1]}; repair the meshes.")
    mri_mni_t = mni_of_inner_skull(inner) if mri_mni_t is None else np.asarray(mri_mni_t, float)
    points = three_fiducials(fiducials_of_template(mri_mni_t) if fiducials is None else fiducials)
    check_near_scalp(points, scalp)
    on_scalp = NearestPoint(scalp.rr, scalp.tris)(np.array([points[point] for point in FIDUCIALS]))[0]
    called = name or (Path(meshes).stem if isinstance(meshes, str | Path) else "meshes")
    return Head(
        name=called,
        reference=None if aseg is None else f"{called}, {Path(aseg).resolve()}",
        inner_skull=inner,
        outer_skull=outer,
        scalp=scalp,
        cortex=None if cortex is None else cortex_of_meshes(cortex, mri_mni_t),
        structures=None if aseg is None else read_segmentation(Path(aseg), surface_ras=False)[0],
        fiducials=dict(zip(FIDUCIALS, on_scalp, strict=True)),
        mri_head_t=Transform("mri", "head", get_ras_to_neuromag_trans(*on_scalp)),
        mri_mni_t=mri_mni_t,
    )


def read_meshes(path: str | Path, field: str | None = None) -> list[Surface]:
    """Read all triangle meshes of a file, in metres, their triangles counter-clockwise seen from outside.

    Of a MATLAB file that has it, ``field`` alone.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist.")
    if path.suffix == ".mat":
        from pymatreader import read_mat

        with readable(path, "MATLAB file"):
            content = read_mat(path)
        content = content[field] if field in content else content
        found = [_outwards(Surface(scale * rr, tris - 1)) for rr, tris, scale in _described(content)]
    elif path.suffix == ".gii":
        with readable(path, "GIFTI surface"):
            image = nib.load(path)
            found = [_outwards(Surface(1e-3 * image.agg_data("pointset"), image.agg_data("triangle")))]
    else:
        with readable(path, "FreeSurfer surface"):
            rr, tris = mne.read_surface(path, verbose="error")
        found = [_outwards(Surface(1e-3 * rr, tris))]
    if not found:
        raise InputError(f"{path.name} has no triangle meshes of HBF, Brainstorm or FieldTrip; give another file.")
    return found


def cortex_of_meshes(cortex: str | Path | Sequence[str | Path | Surface], mri_mni_t: np.ndarray) -> Cortex:
    """Left and right hemisphere, told apart by MNI coordinates; white, pial and inflated surface are the same mesh."""
    given = [cortex] if isinstance(cortex, str | Path) else cortex
    found = [mesh for one in given for mesh in ([one] if isinstance(one, Surface) else read_meshes(one, CORTEX_FIELD))]
    parts = [part for surface in found for part in _parts(surface)]
    if len(parts) != 2:
        raise InputError(f"The cortex has {len(parts)} separate parts; give one closed mesh of each hemisphere.")
    for part in parts:
        part.check("cortex")
    left, right = sorted(parts, key=lambda part: apply_trans(mri_mni_t, part.rr)[:, 0].mean())
    nowhere = (np.full(len(left.rr), -1), np.full(len(right.rr), -1))
    return Cortex((left, right), (left, right), (left, right), region_ids=nowhere, region_names=())


def _parts(surface: Surface) -> list[Surface]:
    """Cut a mesh into its connected parts."""
    n_vertices = len(surface.rr)
    n_parts, part_of = connected_components(neighbour_mean(surface.tris, n_vertices), directed=False)
    parts = []
    for part in range(n_parts):
        chosen = part_of == part
        number = np.cumsum(chosen) - 1
        parts.append(Surface(surface.rr[chosen], number[surface.tris[chosen[surface.tris[:, 0]]]]))
    return parts


def _three(meshes: str | Path | Sequence[str | Path | Surface]) -> list[Surface]:
    """Inner skull, outer skull and scalp, told apart by their volumes."""
    given = [meshes] if isinstance(meshes, str | Path) else meshes
    found = [surface for mesh in given for surface in ([mesh] if isinstance(mesh, Surface) else read_meshes(mesh))]
    if len(found) != 3:
        raise InputError(f"A head takes three meshes (inner skull, outer skull, scalp), not {len(found)}.")
    for number, surface in enumerate(found, start=1):
        surface.check(f"mesh {number}")
    return sorted(found, key=lambda surface: enclosed_volume(surface.rr, surface.tris))


def _described(content: Any) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Vertices, triangles (from 1) and scale of the outermost meshes in MATLAB structures; HBF: ``bmeshes`` alone."""
    if isinstance(content, list | tuple):
        for part in content:
            yield from _described(part)
    if not isinstance(content, dict):
        return
    if "bmeshes" in content:
        yield from _described(content["bmeshes"])
        return
    for vertices, triangles in MESH_FIELDS:
        if {vertices, triangles} <= set(content):
            scale = UNITS.get(str(content.get("unit", "m")), 1.0)
            yield from _arrays(content[vertices], content[triangles], scale)
            return
    for key, part in content.items():
        if not key.startswith("__"):
            yield from _described(part)


def _arrays(vertices: Any, triangles: Any, scale: float) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """One mesh, or several whose fields the reader has collected in lists."""
    many = isinstance(vertices, list) and np.ndim(vertices[0]) == 2
    for rr, tris in zip(vertices, triangles, strict=True) if many else [(vertices, triangles)]:
        yield np.asarray(rr, float), np.asarray(tris).astype(np.int64), scale


def _outwards(surface: Surface) -> Surface:
    """Turn a mesh whose triangles face inwards."""
    a, b, c = (surface.rr[surface.tris[:, k]] for k in range(3))
    inwards = np.einsum("tx,tx->", a, np.cross(b, c)) < 0
    return Surface(np.asarray(surface.rr, float), surface.tris[:, [0, 2, 1]] if inwards else surface.tris)
