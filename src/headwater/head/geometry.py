"""Plain geometry of closed triangle meshes: nearest point, rays, inside, volume."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree


def vertex_normals(rr: np.ndarray, tris: np.ndarray) -> np.ndarray:
    """Return unit outward normals (n_vertices, 3): area-weighted means over the triangles at each vertex."""
    a, b, c = (rr[tris[:, k]] for k in range(3))
    normals = np.zeros_like(rr, dtype=float)
    area_normals = np.cross(b - a, c - a)
    for k in range(3):
        np.add.at(normals, tris[:, k], area_normals)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def neighbour_mean(tris: np.ndarray, n_vertices: int) -> sparse.csr_array:
    """Matrix of shape (n_vertices, n_vertices) that replaces a value by the mean over the vertex and its neighbours."""
    rows, columns = tris[:, [0, 1, 2]].ravel(), tris[:, [1, 2, 0]].ravel()
    links = sparse.coo_array((np.ones(rows.size), (rows, columns)), shape=(n_vertices, n_vertices)).tocsr()
    links = ((links + links.T) > 0).astype(float) + sparse.eye_array(n_vertices)
    return sparse.csr_array(sparse.diags_array(1 / links.sum(axis=1)) @ links)


def enclosed_volume(rr: np.ndarray, tris: np.ndarray) -> float:
    """Return the volume inside a closed mesh: the sum of signed tetrahedra over its triangles (divergence theorem)."""
    a, b, c = (rr[tris[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def winding_number(rr: np.ndarray, tris: np.ndarray, points: np.ndarray, chunk: int = 500) -> np.ndarray:
    """Winding number of a closed mesh around each point, of shape (n_points,): 1 inside, 0 outside.

    Solid angle of a triangle after A. van Oosterom and J. Strackee, IEEE Trans. Biomed. Eng. 30 (1983) 125-126.
    """
    angle = np.empty(len(points))
    for start in range(0, len(points), chunk):
        corners = rr[tris][None] - points[start : start + chunk, None, None]
        a, b, c = corners[:, :, 0], corners[:, :, 1], corners[:, :, 2]
        na, nb, nc = (np.sqrt(np.einsum("ijk,ijk->ij", v, v)) for v in (a, b, c))
        numerator = np.einsum("ijk,ijk->ij", a, np.cross(b, c))
        denominator = (
            na * nb * nc
            + np.einsum("ijk,ijk->ij", a, b) * nc
            + np.einsum("ijk,ijk->ij", a, c) * nb
            + np.einsum("ijk,ijk->ij", b, c) * na
        )
        angle[start : start + chunk] = 2 * np.arctan2(numerator, denominator).sum(axis=1)
    return angle / (4 * np.pi)


def inside(rr: np.ndarray, tris: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Whether each point lies inside the closed mesh, bool of shape (n_points,)."""
    return winding_number(rr, tris, points) > 0.5


def first_hit(
    rr: np.ndarray, tris: np.ndarray, origins: np.ndarray, directions: np.ndarray, chunk: int = 500
) -> np.ndarray:
    """Distance along each unit ray to the first triangle it meets, of shape (n_rays,); infinite where it meets none.

    T. Möller and B. Trumbore, J. Graphics Tools 2 (1997) 21-28.
    """
    a, b, c = (rr[tris[:, k]] for k in range(3))
    edge1, edge2 = b - a, c - a
    distance = np.full(len(origins), np.inf)
    for start in range(0, len(origins), chunk):
        rays = directions[start : start + chunk, None]
        offset = origins[start : start + chunk, None] - a
        p = np.cross(rays, edge2)
        with np.errstate(divide="ignore", invalid="ignore"):  # a ray parallel to a triangle never meets it
            inverse = 1 / np.einsum("ijk,jk->ij", p, edge1)
            q = np.cross(offset, edge1)
            u = np.einsum("ijk,ijk->ij", p, offset) * inverse
            v = np.einsum("ijk,ijk->ij", np.broadcast_to(rays, q.shape), q) * inverse
            t = np.einsum("ijk,jk->ij", q, edge2) * inverse
        tolerance = 1e-9  # a ray through an edge meets at least one of its two triangles
        meets = (u >= -tolerance) & (v >= -tolerance) & (u + v <= 1 + tolerance) & (t > 0)
        distance[start : start + chunk] = np.where(meets, t, np.inf).min(axis=1)
    return distance


class NearestPoint:
    """Nearest point on a mesh for many query points.

    Parameters
    ----------
    rr : array of shape (n_vertices, 3)
    tris : int array of shape (n_triangles, 3)
    n_candidates : int
        Triangles (those with the nearest centroids) that are examined for each point: enough for points within a few
        edges of the mesh; for points farther away the answer is off by a small part of an edge.
    """

    def __init__(self, rr: np.ndarray, tris: np.ndarray, *, n_candidates: int = 16) -> None:
        rr = np.asarray(rr, float)
        self.corners = rr[tris]
        cross = np.cross(self.corners[:, 1] - self.corners[:, 0], self.corners[:, 2] - self.corners[:, 0])
        self.area = np.linalg.norm(cross, axis=1)
        self.normals = cross / self.area[:, None]
        self.corner_normals = vertex_normals(rr, tris)[tris]
        self.tree = cKDTree(self.corners.mean(axis=1))
        self.n_candidates = min(n_candidates, len(tris))

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return nearest points (n, 3), signed distances (n,), positive outside, and outward unit normals (n, 3).

        The normal is interpolated between those of the vertices, and decides the side, so that edges need no care.
        """
        points = np.asarray(points, float)
        nearest, squared, chosen = self._nearest(points)
        normals = np.einsum("nk,nkj->nj", self._barycentric(nearest, chosen), self.corner_normals[chosen])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        side = np.where(((points - nearest) * normals).sum(axis=1) < 0, -1.0, 1.0)
        return nearest, side * np.sqrt(squared), normals

    def on_triangles(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the triangles (n,) of the nearest points and their barycentric coordinates there (n, 3), all >= 0."""
        nearest, _, chosen = self._nearest(np.asarray(points, float))
        weights = np.maximum(self._barycentric(nearest, chosen), 0.0)
        return chosen, weights / weights.sum(axis=1, keepdims=True)

    def _nearest(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return nearest points (n, 3), squared distances (n,) and triangles (n,)."""
        _, candidates = self.tree.query(points, k=self.n_candidates)
        candidates = candidates.reshape(len(points), self.n_candidates)
        foot = _nearest_on_triangles(points[:, None], self.corners[candidates], self.normals[candidates])
        squared = ((points[:, None] - foot) ** 2).sum(axis=2)
        rows, best = np.arange(len(points)), squared.argmin(axis=1)
        return foot[rows, best], squared[rows, best], candidates[rows, best]

    def _barycentric(self, points: np.ndarray, triangle: np.ndarray) -> np.ndarray:
        """Barycentric coordinates (n, 3) of points that lie on the given triangles."""
        corners, normals = self.corners[triangle], self.normals[triangle]
        opposite = [
            np.cross(corners[:, (k + 2) % 3] - corners[:, (k + 1) % 3], points - corners[:, (k + 1) % 3])
            for k in range(3)
        ]
        return np.stack([(cross * normals).sum(axis=1) for cross in opposite], axis=1) / self.area[triangle, None]


def _nearest_on_triangles(points: np.ndarray, corners: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Nearest point of each triangle (..., 3, 3) to its point, of shape (..., 3)."""
    a = corners[..., 0, :]
    foot = points - ((points - a) * normals).sum(-1, keepdims=True) * normals
    within = np.ones(foot.shape[:-1], bool)
    best = np.full(foot.shape[:-1], np.inf)
    nearest = np.empty_like(foot)
    for k in range(3):
        start, edge = corners[..., k, :], corners[..., (k + 1) % 3, :] - corners[..., k, :]
        within &= (np.cross(edge, foot - start) * normals).sum(-1) >= 0
        along = np.clip(((points - start) * edge).sum(-1) / (edge**2).sum(-1), 0, 1)
        on_edge = start + along[..., None] * edge
        squared = ((points - on_edge) ** 2).sum(-1)
        closer = squared < best
        best = np.where(closer, squared, best)
        nearest = np.where(closer[..., None], on_edge, nearest)
    return np.where(within[..., None], foot, nearest)
