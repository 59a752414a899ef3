"""Coarser versions of meshes: exact ones of subdivided icosahedra, and evenly spread vertices of any other."""

from __future__ import annotations

import numpy as np

from headwater.head.anatomy import Surface
from headwater.head.geometry import vertex_normals


def icosahedron_size(grade: int) -> int:
    """Vertices of an icosahedron whose triangles were divided into four ``grade`` times."""
    return 10 * 4**grade + 2


def coarser_tris(tris: np.ndarray, n_vertices: int) -> np.ndarray | None:
    """Triangles of the coarser mesh on the first ``n_vertices`` vertices, if the mesh is a subdivision of one.

    Subdividing a triangle puts a new vertex on the middle of each edge, so a new vertex has just two old neighbours,
    and a triangle of three new vertices lies in the middle of each old triangle. FreeSurfer and MNE-Python append the
    new vertices to the old ones.

    Returns
    -------
    coarse : int array of shape (n_triangles, 3) | None
        None if the mesh is not such a subdivision.
    """
    tris = np.asarray(tris, dtype=int)
    n = int(tris.max()) + 1
    while n > n_vertices:
        n = (n - 2) // 4 + 2
        coarse = _undivided(tris, n)
        if coarse is None:
            return None
        tris = coarse
    return tris if n == n_vertices else None


def _undivided(tris: np.ndarray, n_old: int) -> np.ndarray | None:
    """Undo one subdivision."""
    edges = np.concatenate([tris[:, [0, 1]], tris[:, [1, 2]], tris[:, [2, 0]]])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    old, new = edges[(edges[:, 0] < n_old) & (edges[:, 1] >= n_old)].T
    middle = tris[(tris >= n_old).all(axis=1)]
    n_new = int(tris.max()) + 1 - n_old
    if not np.array_equal(np.bincount(new - n_old, minlength=n_new), np.full(n_new, 2)) or 4 * len(middle) != len(tris):
        return None
    ends = old[np.argsort(new, kind="stable")].reshape(n_new, 2)[middle - n_old]  # (n_triangles, 3, 2)
    # Corner k of the old triangle is the end that its new vertices k and k + 1 have in common.
    following = np.roll(ends, -1, axis=1)
    common = (ends[..., :, np.newaxis] == following[..., np.newaxis, :]).any(axis=-1)
    if not (common.sum(axis=-1) == 1).all():
        return None
    return ends[common].reshape(len(middle), 3)


def spread_vertices(surface: Surface, n: int, *, fold: float = 0.005) -> np.ndarray:
    """Choose n evenly spread vertices, each time the one farthest from those chosen before; sorted.

    Parameters
    ----------
    surface : Surface
    n : int
    fold : float
        Distance, in metres, that a unit difference of the normals counts for, so that the two banks of a sulcus do not
        pass for neighbours.
    """
    features = np.hstack([surface.rr, fold * vertex_normals(surface.rr, surface.tris)])
    chosen = np.zeros(n, dtype=int)
    distance = np.full(len(features), np.inf)
    for k in range(1, n):
        distance = np.minimum(distance, ((features - features[chosen[k - 1]]) ** 2).sum(axis=1))
        chosen[k] = distance.argmax()
    return np.sort(chosen)
