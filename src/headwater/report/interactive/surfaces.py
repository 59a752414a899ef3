"""Meshes that can be turned around: cortex, scalp and sensors, in the frame of the figures and in mm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse

from headwater.head.model import Head
from headwater.localization import Localization
from headwater.report.cortical_map import carried, cortex_matrices, sulcal_shade
from headwater.report.figures import picks, sensor_types
from headwater.report.interactive.pack import Pack, Reference
from headwater.report.interactive.topography import sensor_positions
from headwater.report.scene import Scene, head_to_frame

MOST_VERTICES = 30_000  # of both hemispheres; finer meshes are thinned
FIRST_CELL_MM = 3.0
PLAIN = 0.78  # grey level of a surface without sulci
APART_MM = 2.0  # between inflated hemispheres


def meshes(localization: Localization, scene: Scene, pack: Pack) -> Reference:
    """Describe every mesh there is; None for those there are not."""
    to_frame = head_to_frame(localization, scene.frame)
    return {
        "cortex": _cortex(localization, scene, pack),
        "scalp": _scalp(scene, pack),
        "sensors": _sensors(localization, to_frame, pack),
    }


def _scalp(scene: Scene, pack: Pack) -> Reference | None:
    if scene.scalp is None:
        return None
    return {"rr": pack.scaled(scene.scalp.rr_mm), "tris": _triangles(scene.scalp.tris, pack)}


def _sensors(localization: Localization, to_frame: Callable[[np.ndarray], np.ndarray], pack: Pack) -> list[Reference]:
    """Places of the sensors, type by type, as far as they are known."""
    info = localization.evoked.info
    groups: list[Reference] = []
    for kind in sensor_types(localization.evoked):
        chosen = picks(localization.evoked, kind)
        pos = sensor_positions(info, chosen)
        known = np.isfinite(pos).all(axis=1) & (pos != 0).any(axis=1)
        rr = 1e3 * to_frame(np.where(known[:, np.newaxis], pos, 0.0))
        groups.append({"kind": kind, "known": pack.add(known.astype(np.uint8)), "rr": pack.scaled(rr)})
    return groups


def _cortex(localization: Localization, scene: Scene, pack: Pack) -> Reference | None:
    """Both hemispheres as one mesh, folded and, where there is such a surface, inflated."""
    if not scene.brain:
        return None
    head = localization.head
    folded = np.concatenate([mesh.rr_mm for mesh in scene.brain])
    starts = np.cumsum([0] + [len(mesh.rr_mm) for mesh in scene.brain[:-1]])
    tris = np.concatenate([mesh.tris + start for mesh, start in zip(scene.brain, starts, strict=True)])
    grey, inflated = np.full(len(folded), PLAIN), None
    if head is not None and head.cortex is not None:
        inflated = _inflated(head)
        grey = np.concatenate([sulcal_shade(white) for white in head.cortex.white])
        mixing = sparse.csr_array(sparse.vstack(cortex_matrices(localization, head)))
    else:
        mixing = carried(1e-3 * folded, 1e-3 * scene.pos_mm)
    kept, tris = thinned(folded if inflated is None else inflated, tris)
    return {
        "name": scene.brain_name,
        "folded": pack.scaled(folded[kept]),
        "inflated": None if inflated is None else pack.scaled(inflated[kept]),
        "tris": _triangles(tris, pack),
        "grey": pack.add(np.round(255 * grey[kept]).astype(np.uint8)),
        "mixing": pack.mixing(mixing[kept]),
    }


def _inflated(head: Head) -> np.ndarray:
    """Inflated hemispheres side by side, in mm."""
    assert head.cortex is not None
    left, right = (1e3 * side.rr for side in head.cortex.inflated)
    apart = [APART_MM / 2, 0, 0]
    left = left - [left[:, 0].max(), 0, 0] - apart
    right = right - [right[:, 0].min(), 0, 0] + apart
    both = np.concatenate([left, right])
    return np.asarray(both - both.mean(axis=0))


def thinned(rr: np.ndarray, tris: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Thin a mesh that is too fine: vertices in the same cell of a lattice become one of them.

    Returns
    -------
    kept : int array of shape (n_kept,)
        The vertices that stay.
    tris : int array of shape (n_triangles, 3)
        Of these; triangles that have collapsed are left out.
    """
    kept, cell = np.arange(len(rr)), FIRST_CELL_MM / 2
    where = kept
    while len(kept) > MOST_VERTICES:
        _, kept, where = np.unique(np.floor(rr / cell), axis=0, return_index=True, return_inverse=True)
        cell *= 1.2
    moved = where.ravel()[tris]
    collapsed = (moved[:, 0] == moved[:, 1]) | (moved[:, 1] == moved[:, 2]) | (moved[:, 2] == moved[:, 0])
    return kept, moved[~collapsed]


def _triangles(tris: np.ndarray, pack: Pack) -> Reference:
    kind = np.uint16 if tris.max() <= np.iinfo(np.uint16).max else np.uint32
    return pack.add(tris.astype(kind))
