"""Source spaces built from a head's arrays, without files of the subject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import mne
import numpy as np
from mne.io.constants import FIFF

from headwater._utils.errors import InputError
from headwater.forward.subdivision import coarser_tris, icosahedron_size, spread_vertices
from headwater.head.anatomy import Surface
from headwater.head.geometry import NearestPoint
from headwater.head.model import Head
from headwater.head.structures import CEREBELLUM
from headwater.head.tissues import brain_distance

Spacing: TypeAlias = float | str | tuple[str, float] | None
HEMISPHERE_IDS = (FIFF.FIFFV_MNE_SURF_LEFT_HEMI, FIFF.FIFFV_MNE_SURF_RIGHT_HEMI)
NO_PATCHES = ("nearest", "nearest_dist", "pinfo", "patch_inds", "dist", "dist_limit")
VOXELS = 1e-3 * np.array([[-1, 0, 0, 128], [0, 0, 1, -128], [0, -1, 0, 128], [0, 0, 0, 1e3]])
GRID_SPACING = 7.0  # mm
STRUCTURE_SPACING = 3.0  # mm
CORTEX_SPACING = "ico4"
BRAIN_MARGIN = 0.002  # metres from grey and white matter, the accuracy of the template's maps
CEREBRUM_MARGIN = 0.010  # metres from the pial surface, where cerebellum and brain stem are unknown


def make_sources(
    head: Head,
    space: str = "volume",
    *,
    spacing: Spacing = None,
    mindist: float = 5.0,
    within: str = "inner skull",
    structures: Sequence[str] | None = None,
) -> mne.SourceSpaces:
    """Place sources in a head.

    Parameters
    ----------
    head : Head
    space : str
        ``"volume"``: a regular grid, see ``within``. ``"cortex"``: vertices of the white surface.
        ``"mixed"``: the cortex, and a regular grid in the deep structures.
    spacing : float or str or (str, float) | None
        Of a grid: the distance of neighbours in mm (7 in a volume, 3 in structures). Of the cortex: ``"ico3"``,
        ``"ico4"`` (default; 2562 a hemisphere) or ``"ico5"`` for as many sources as such an icosahedron has vertices,
        or ``"all"``. For a mixed space a number is that of its grid, a name that of its cortex, and
        ``("ico3", 5.0)`` both.
    mindist : float
        Smallest distance of grid sources from the inner skull, in mm. Cortical sources need only be inside it.
    within : str
        Where the grid of a volume is. ``"inner skull"``: everywhere inside it. ``"brain"``: also within 2 mm of grey
        or white matter, cerebellum and brain stem included (the template; subjects with ``mri/aseg.mgz``), or within
        10 mm of the pial surface where that is all that is known of the brain.
    structures : sequence of str | None
        Deep structures of a mixed space, by FreeSurfer's names; None for all that the head has without the cerebellum:
        brainstem, thalamus, caudate, putamen, pallidum, hippocampus, amygdala, accumbens, ventral diencephalon.

    Returns
    -------
    src : mne.SourceSpaces
        In MRI coordinates.
    """
    if structures is not None and space != "mixed":
        raise InputError(f"`structures` belongs to space='mixed', not to {space!r}; leave it out.")
    if isinstance(spacing, (tuple, list)) and space != "mixed":
        raise InputError(f"Two spacings belong to space='mixed', not to {space!r}; give one.")
    if space == "volume":
        spaces = [volume_space(head, _millimetres(spacing, GRID_SPACING), mindist, within)]
    elif space == "cortex":
        spaces = cortex_spaces(head, CORTEX_SPACING if spacing is None else spacing)
    elif space == "mixed":
        of_cortex, of_grid = spacings(spacing)
        spaces = [*cortex_spaces(head, of_cortex), structure_space(head, of_grid, mindist, structures)]
    else:
        raise InputError(f"There is no source space {space!r}; choose 'volume', 'cortex' or 'mixed'.")
    src = mne.SourceSpaces(spaces, {"working_dir": "", "command_line": ""})
    if space != "volume" and any(found["nuse"] < found["np"] for found in spaces if found["type"] == "surf"):
        hemispheres = mne.SourceSpaces([found for found in src if found["type"] == "surf"], src.info)
        mne.add_source_space_distances(hemispheres, dist_limit=0, verbose="error")  # in place: patches, for normals
    return src


def spacings(spacing: Spacing) -> tuple[str, float]:
    """Spacing of the cortex and of the deep grid of a mixed space."""
    match spacing:
        case (str() as of_cortex, of_grid):
            return of_cortex, _millimetres(of_grid, STRUCTURE_SPACING)
        case str():
            return spacing, STRUCTURE_SPACING
        case None | int() | float():
            return CORTEX_SPACING, _millimetres(spacing, STRUCTURE_SPACING)
    raise InputError(f"A mixed space cannot have the spacing {spacing!r}; give for example ('ico4', 3.0).")


def _millimetres(spacing: Spacing, default: float) -> float:
    """Spacing of a grid."""
    if spacing is None:
        return default
    if not isinstance(spacing, (int, float)) or not 1 <= spacing <= 30:
        raise InputError(f"The spacing of a grid cannot be {spacing!r}; give a number of mm between 1 and 30.")
    return float(spacing)


def cortex_spaces(head: Head, spacing: Spacing) -> list[dict[str, Any]]:
    """Left and right hemisphere, with sources on vertices of the white surface inside the inner skull."""
    if head.cortex is None:
        raise InputError(f"The head {head.name!r} has no cortical surfaces; use `space='volume'`.")
    skull = NearestPoint(head.inner_skull.rr, head.inner_skull.tris)
    spaces = []
    for side, white in enumerate(head.cortex.white):
        tris, vertices = _chosen_vertices(white, spacing)
        kept = vertices[skull(white.rr[vertices])[1] < 0]
        if not len(kept):
            raise InputError(f"No cortical vertex of {head.name!r} is inside its inner skull; check its surfaces.")
        spaces.append(hemisphere_space(white, side, head.subject or head.name, vertices=kept, use_tris=tris))
    return spaces


def _chosen_vertices(white: Surface, spacing: Spacing) -> tuple[np.ndarray | None, np.ndarray]:
    """Triangles of the coarser mesh (None without one) and vertices of a hemisphere's sources."""
    everything = np.arange(len(white.rr))
    if spacing == "all":
        return None, everything
    if spacing not in ("ico3", "ico4", "ico5"):
        raise InputError(f"The cortex cannot have spacing {spacing!r}; choose 'ico3', 'ico4', 'ico5' or 'all'.")
    n = icosahedron_size(int(str(spacing)[-1]))
    if len(white.rr) < n:
        raise InputError(f"The cortex has only {len(white.rr)} vertices a hemisphere, fewer than {spacing}; use 'all'.")
    if len(white.rr) == n:
        return None, everything
    tris = coarser_tris(white.tris, n)
    return tris, everything[:n] if tris is not None else spread_vertices(white, n)


def hemisphere_space(
    surface: Surface,
    side: int,
    subject: str,
    *,
    vertices: np.ndarray | None = None,
    use_tris: np.ndarray | None = None,
) -> dict[str, Any]:
    """Describe one hemisphere as MNE does.

    Parameters
    ----------
    surface : Surface
        In MRI coordinates, in metres.
    side : int
        0 is left, 1 is right.
    subject : str
    vertices : int array of shape (n_sources,) | None
        Where the sources are, in increasing order; None for all vertices.
    use_tris : int array of shape (n_use_triangles, 3) | None
        Triangles of a coarser mesh between the sources, in vertex numbers of the surface.
    """
    n_vertices = len(surface.rr)
    vertices = np.arange(n_vertices) if vertices is None else vertices
    in_use = np.zeros(n_vertices, int)
    in_use[vertices] = 1
    space = {"rr": surface.rr.astype(float), "tris": surface.tris.astype(int), "coord_frame": FIFF.FIFFV_COORD_MRI}
    mne.surface.complete_surface_info(space, copy=False, do_neighbor_tri=False, verbose="error")
    space.update(
        type="surf",
        id=HEMISPHERE_IDS[side],
        subject_his_id=subject,
        np=n_vertices,
        ntri=len(surface.tris),
        inuse=in_use,
        vertno=vertices,
        nuse=len(vertices),
        use_tris=use_tris,
        nuse_tri=0 if use_tris is None else len(use_tris),
    )
    space.update(dict.fromkeys(NO_PATCHES))
    return space


def volume_space(head: Head, spacing: float, mindist: float, within: str = "inner skull") -> dict[str, Any]:
    """Fill the inner skull or the brain with a regular grid along the axes of the MRI; distances in mm."""
    if within not in ("inner skull", "brain"):
        raise InputError(f"Sources cannot be within {within!r}; choose 'inner skull' or 'brain'.")
    skull = NearestPoint(head.inner_skull.rr, head.inner_skull.tris)
    space = _grid_around(head, spacing)
    _keep(space, skull(space["rr"])[1] <= -1e-3 * mindist)
    if not space["nuse"]:
        raise InputError(
            f"No point of a {spacing:g} mm grid is {mindist:g} mm inside the inner skull; lower spacing or mindist."
        )
    distance = brain_distance(head, space["rr"][space["vertno"]]) if within == "brain" else None
    if distance is not None:
        _keep(space, distance <= (BRAIN_MARGIN if head.brain is not None else CEREBRUM_MARGIN))
    if not space["nuse"]:
        raise InputError(f"No point of a {spacing:g} mm grid is in the brain of {head.name!r}; lower the spacing.")
    return space


def structure_space(
    head: Head, spacing: float, mindist: float, structures: Sequence[str] | None = None
) -> dict[str, Any]:
    """Keep of a regular grid what lies in deep structures."""
    if head.structures is None:
        raise InputError(f"The head {head.name!r} has no deep structures; use space='cortex' or 'volume'.")
    known = head.structures.names
    wanted = [name for name in known if name not in CEREBELLUM.values()] if structures is None else list(structures)
    if unknown := [name for name in wanted if name not in known]:
        raise InputError(f"The head {head.name!r} has no {', '.join(unknown)}; it has {', '.join(known)}.")
    space = _grid_around(head, spacing)
    label = head.structures.at(head.to_reference(space["rr"]))
    _keep(space, np.isin(label, [k for k, name in enumerate(known, start=1) if name in wanted]))
    skull = NearestPoint(head.inner_skull.rr, head.inner_skull.tris)
    _keep(space, skull(space["rr"][space["vertno"]])[1] <= -1e-3 * mindist)
    if not space["nuse"]:
        raise InputError(f"No point of a {spacing:g} mm grid is in a deep structure; lower the spacing.")
    return space


def _grid_around(head: Head, spacing: float) -> dict[str, Any]:
    """Regular grid around the inner skull, its points at multiples of the spacing, as MNE describes one."""
    step = 1e-3 * spacing
    first, last = (
        np.rint(edge / step).astype(int) for edge in (head.inner_skull.rr.min(0), head.inner_skull.rr.max(0))
    )
    shape = tuple((last - first + 1).tolist())
    # x varies fastest.
    z, y, x = np.meshgrid(*(np.arange(first[axis], last[axis] + 1) for axis in (2, 1, 0)), indexing="ij")
    rr = step * np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
    grid_mri = np.diag([step, step, step, 1.0])
    grid_mri[:3, 3] = step * first
    space = {
        "type": "vol",
        "id": FIFF.FIFFV_MNE_SURF_UNKNOWN,
        "coord_frame": FIFF.FIFFV_COORD_MRI,
        "subject_his_id": head.subject or head.name,
        "rr": rr,
        "nn": np.tile([0.0, 0.0, 1.0], (len(rr), 1)),  # MNE-Python wants one
        "np": len(rr),
        "shape": shape,
        "src_mri_t": mne.transforms.Transform(FIFF.FIFFV_MNE_COORD_MRI_VOXEL, FIFF.FIFFV_COORD_MRI, grid_mri),
        "ntri": 0,
        "nuse_tri": 0,
        # What MNE wants to know of the MRI is that of any FreeSurfer volume: 256 voxels of 1 mm a side around the
        # origin of the surface coordinates.
        "vox_mri_t": mne.transforms.Transform(FIFF.FIFFV_MNE_COORD_MRI_VOXEL, FIFF.FIFFV_COORD_MRI, VOXELS),
        "mri_ras_t": mne.transforms.Transform(FIFF.FIFFV_COORD_MRI, FIFF.FIFFV_MNE_COORD_RAS, np.eye(4)),
        **dict.fromkeys(("mri_width", "mri_height", "mri_depth"), 256),
        **dict.fromkeys(("tris", "use_tris", *NO_PATCHES)),
    }
    space["inuse"], space["vertno"] = np.ones(len(rr), int), np.arange(len(rr))
    space["nuse"] = len(rr)
    return space


def refer_to_reference(src: mne.SourceSpaces, head: Head) -> None:
    """Let grids of a scaled head say where they are in the MRI of its reference head, in place.

    MNE-Python then draws estimates on that MRI. A head of another shape has no such grid, and keeps its own.
    """
    if head.warp is None or (affine := head.warp.as_affine()) is None:
        return
    for space in src:
        if space["type"] == "vol":
            own = space["src_mri_t"]
            to_reference = np.linalg.inv(affine) @ own["trans"]
            space["src_mri_t"] = mne.transforms.Transform(own["from"], own["to"], to_reference)


def _keep(space: dict[str, Any], kept: np.ndarray) -> None:
    """Keep some of the used vertices, in place."""
    space["vertno"] = space["vertno"][kept]
    space["inuse"] = np.isin(np.arange(space["np"]), space["vertno"]).astype(int)
    space["nuse"] = len(space["vertno"])
