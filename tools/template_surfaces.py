"""Surfaces of the template head: the inner skull unfolded, an outer skull derived, the scalp resampled."""

import numpy as np
from mne.surface import _get_ico_surface
from scipy import sparse

from headwater.head.geometry import NearestPoint, first_hit, neighbour_mean, vertex_normals

ICO = 4  # 2562 vertices per BEM surface

# Thickness of the derived skull and least thickness of the soft tissue left above it, in metres.
SKULL_RANGE, SCALP_LEAST = (0.003, 0.008), 0.0025


def face_normals(rr: np.ndarray, tris: np.ndarray) -> np.ndarray:
    """Return unit normals of the triangles."""
    normals = np.cross(rr[tris[:, 1]] - rr[tris[:, 0]], rr[tris[:, 2]] - rr[tris[:, 0]])
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def sharp_edges(rr: np.ndarray, tris: np.ndarray, least: float) -> np.ndarray:
    """Vertices of pairs of neighbouring triangles whose normals have a cosine below ``least``."""
    edges = np.sort(np.vstack([tris[:, [0, 1]], tris[:, [1, 2]], tris[:, [2, 0]]]), axis=1)
    order = np.lexsort(edges.T)
    first, second = np.tile(np.arange(len(tris)), 3)[order].reshape(-1, 2).T
    normals = face_normals(rr, tris)
    cosine = (normals[first] * normals[second]).sum(axis=1)
    return np.unique(tris[np.r_[first[cosine < least], second[cosine < least]]])


def unfolded(surface: dict, least: float = 0.5) -> dict:
    """Smooth a mesh only where it is folded: fsaverage's inner skull has a few folds at its base."""
    rr, tris = surface["rr"].astype(float), surface["tris"]
    mean = neighbour_mean(tris, len(rr))
    while len(folded := sharp_edges(rr, tris, least)):
        near = np.zeros(len(rr))
        near[folded] = 1
        near = np.minimum(1, 3 * (mean @ (mean @ near)))[:, None]
        rr = rr + near * (mean @ rr - rr)
    moved = np.linalg.norm(rr - surface["rr"], axis=1)
    print(
        f"inner skull unfolded: {(moved > 1e-4).sum()} of {len(rr)} vertices moved, at most {moved.max() * 1e3:.1f} mm"
    )
    return dict(surface, rr=rr)


def outer_skull(inner: dict, scalp: dict) -> np.ndarray:
    """Vertices of an outer skull between inner skull and scalp, one to one with the inner skull's.

    Half-way to the scalp along smoothed normals, within the range of skull thickness. The offset surface folds in the
    hollows of the skull base; alternating smoothing and pushing back to the wanted thickness unfolds it.
    """
    rr, tris = inner["rr"], inner["tris"]
    mean = neighbour_mean(tris, len(rr))
    normals = smoothed(vertex_normals(rr, tris), mean, 60)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    room = first_hit(scalp["rr"].astype(float), scalp["tris"], rr, normals)
    thickness = smoothed(np.clip(room / 2, *SKULL_RANGE), mean, 10)
    thickness = np.clip(np.minimum(thickness, room - SCALP_LEAST), SKULL_RANGE[0], None)
    outer, nearest = rr + thickness[:, None] * normals, NearestPoint(rr, tris)
    for _ in range(6):
        outer = smoothed(outer, mean, 4)
        lack = smoothed(np.clip(thickness - nearest(outer)[1], 0, None), mean, 3)
        outer = outer + lack[:, None] * vertex_normals(outer, tris)
    return outer


def smoothed(values: np.ndarray, mean: sparse.csr_array, times: int) -> np.ndarray:
    """Values after repeated averaging over neighbours."""
    for _ in range(times):
        values = mean @ values
    return values


def star_resampled(surface: dict, centre: np.ndarray) -> np.ndarray:
    """Vertices of the ico sphere around ``centre``, moved along their rays onto a star-shaped surface."""
    directions = _get_ico_surface(ICO)["rr"]
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    rr = surface["rr"].astype(float)
    a, b, c = (rr[surface["tris"][:, k]] for k in range(3))
    facing = np.einsum("ij,ij->i", np.cross(b - a, c - a), a - centre)
    if facing.min() <= 0:
        raise RuntimeError("the scalp is not star-shaped around its centre, so rays do not meet it once")
    distance = first_hit(rr, surface["tris"], np.tile(centre, (len(directions), 1)), directions)
    return centre + distance[:, None] * directions
