"""Linear collocation for the boundary-element method: the matrix of potentials between triangle meshes.

With potentials linear on triangles, the potential at a vertex p of one surface due to the double layer on another is a
sum over triangles of ``Omega_k(p) V_k``, k being the corners. De Munck (1992, IEEE Trans. Biomed. Eng. 39, 986) gives
``Omega_k`` in closed form. With corners r_1, r_2, r_3 seen from p as v_i = r_i - p, edges E_j = r_{j+1} - r_j of
length d_j, unit normal n, doubled area D and height h = n . v_1,

    Omega_k = -(2 / D) z_k arctan2(D h, s) + (h / D) sum_j (E_{k+1} . E_j) beta_j

    z_k     = n . (v_{k+1} x v_{k+2})                                 (doubled area of p's projection and edge k + 1)
    s       = |v_1||v_2||v_3| + (v_1 . v_2) |v_3| + (v_1 . v_3) |v_2| + (v_2 . v_3) |v_1|
    beta_j  = ln[(|v_j| + v_j . e_j) / (|v_{j+1}| + v_{j+1} . e_j)] / d_j,    e_j = E_j / d_j

Each quantity is computed once where it lives: distances per vertex, logarithms per edge, angles per triangle; z_k and h
are affine in p. This is what makes it fast; the numbers are those of MNE-Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_info

from headwater.head.anatomy import Surface

CHUNK = 16  # observation points at a time: intermediate arrays of an ico4 mesh then mostly stay within the cache
FLAT = np.pi / 1e6  # half solid angle below which a triangle counts as seen edge-on, as in MNE-Python


@dataclass(frozen=True, eq=False)
class PreparedMesh:
    """Constants of a triangle mesh that do not depend on the observation point."""

    rr: np.ndarray  # (n_vertices, 3)
    tris: np.ndarray  # (3, n_triangles)
    edges: np.ndarray  # (2, n_edges), each edge once
    tri_edges: np.ndarray  # (3, n_triangles): edge j runs between corners j and j + 1
    edge_length: np.ndarray  # (n_edges,)
    edge_unit: np.ndarray  # (n_edges, 3)
    area2: np.ndarray  # (n_triangles,): doubled areas
    normal: np.ndarray  # (n_triangles, 3)
    edge_dots: np.ndarray  # (3, 3, n_triangles): E_k . E_j

    @classmethod
    def from_surface(cls, surface: Surface) -> PreparedMesh:
        """Prepare a surface."""
        rr, tris = np.asarray(surface.rr, float), np.asarray(surface.tris).T
        directed = np.stack([tris, np.roll(tris, -1, axis=0)])  # (2, 3, n_triangles)
        edges, tri_edges = np.unique(np.sort(directed, axis=0).reshape(2, -1), axis=1, return_inverse=True)
        along = rr[edges[1]] - rr[edges[0]]
        length = np.linalg.norm(along, axis=1)
        sides = rr[directed[1]] - rr[directed[0]]  # (3, n_triangles, 3)
        normal = np.cross(sides[0], sides[1])
        area2 = np.linalg.norm(normal, axis=1)
        return cls(
            rr=rr,
            tris=tris,
            edges=edges,
            tri_edges=tri_edges.reshape(tris.shape),
            edge_length=length,
            edge_unit=along / length[:, np.newaxis],
            area2=area2,
            normal=normal / area2[:, np.newaxis],
            edge_dots=np.einsum("ktx,jtx->kjt", sides, sides),
        )


class Workspace:
    """Intermediate arrays of one thread: allocating them repeatedly would cost as much as the arithmetic."""

    def __init__(self, mesh: PreparedMesh, n_points: int) -> None:
        n_vertices, n_edges, n_triangles = len(mesh.rr), len(mesh.edge_length), len(mesh.area2)
        self.squared = np.empty((n_vertices, n_points))
        self.length = np.empty((n_vertices, n_points))
        self.offset = np.empty((n_vertices, n_points))
        self.beta = np.empty((n_edges, n_points))
        self.along = np.empty((n_edges, n_points))
        self.corner = np.empty((2, 3, n_triangles, n_points))
        self.scalar = np.empty((4, n_triangles, n_points))
        self.omega = np.empty((3, n_triangles, n_points))


def potential_matrix(points: PreparedMesh, sources: PreparedMesh) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield slices of the points with their rows of the coefficient matrix, shape (n_points_in_slice, n_vertices).

    Triangles that a point itself belongs to are left out; see `add_own_triangles`.
    """
    n_points, n_triangles = len(points.rr), sources.tris.shape[1]
    slices = [slice(start, min(start + CHUNK, n_points)) for start in range(0, n_points, CHUNK)]
    # Adds up the corners of all triangles at the vertices they are.
    gather = sparse.csr_array(
        (np.ones(3 * n_triangles), (sources.tris.ravel(), np.arange(3 * n_triangles))),
        shape=(len(sources.rr), 3 * n_triangles),
    )
    workspaces: SimpleQueue[Workspace] = SimpleQueue()

    def rows(where: slice) -> tuple[slice, np.ndarray]:
        at = points.rr[where]
        work = Workspace(sources, len(at)) if workspaces.empty() or len(at) < CHUNK else workspaces.get()
        omega = _corner_solid_angles(at, sources, work)
        if points is sources:
            corner, triangle = np.nonzero((sources.tris >= where.start) & (sources.tris < where.stop))
            omega[:, triangle, sources.tris[corner, triangle] - where.start] = 0.0
        total = gather @ omega.reshape(3 * n_triangles, -1)
        if len(at) == CHUNK:
            workspaces.put(work)
        return where, -total.T

    with ThreadPoolExecutor(_n_threads()) as pool:
        yield from pool.map(rows, slices)


def _corner_solid_angles(points: np.ndarray, mesh: PreparedMesh, work: Workspace) -> np.ndarray:
    """``Omega_k`` of all corners, triangles and points: shape (3, n_triangles, n_points)."""
    _distances(points, mesh, work)
    _edge_logarithms(points, mesh, work)
    height, half_angle, z, product = work.scalar
    corners = mesh.rr[mesh.tris]  # (3, n_triangles, 3)
    _affine(np.einsum("tx,tx->t", mesh.normal, corners[0]), -mesh.normal, points, out=height)
    _half_solid_angle(height, mesh, work, out=half_angle)
    flat = np.abs(half_angle, out=product) < FLAT
    half_angle *= _column(-2.0 / mesh.area2)
    height /= _column(mesh.area2)
    beta = np.take(work.beta, mesh.tri_edges, axis=0, out=work.corner[0], mode="clip")
    with np.errstate(invalid="ignore"):  # 0 times infinity in flat triangles, which are set to 0 at the end
        beta *= height
        for k, omega in enumerate(work.omega):
            after, before = corners[(k + 1) % 3], corners[(k + 2) % 3]
            # z_k = n . ((after - p) x (before - p)) is affine in p.
            constant = np.einsum("tx,tx->t", mesh.normal, np.cross(after, before))
            _affine(constant, np.cross(mesh.normal, before - after), points, out=z)
            np.multiply(z, half_angle, out=omega)
            for dots, beta_j in zip(mesh.edge_dots[(k + 1) % 3], beta, strict=True):
                omega += np.multiply(beta_j, _column(dots), out=product)
            omega[flat] = 0.0
    return work.omega


def _distances(points: np.ndarray, mesh: PreparedMesh, work: Workspace) -> None:
    """Distance of every vertex from every point, and its square."""
    work.squared[:] = 0.0
    for axis in range(3):
        np.subtract(_column(mesh.rr[:, axis]), points[:, axis], out=work.offset)
        work.offset *= work.offset
        work.squared += work.offset
    np.sqrt(work.squared, out=work.length)


def _edge_logarithms(points: np.ndarray, mesh: PreparedMesh, work: Workspace) -> None:
    """``beta`` of every edge and point; the same in either direction of the edge."""
    a, b = mesh.edges
    _affine(np.einsum("ex,ex->e", mesh.rr[a], mesh.edge_unit), -mesh.edge_unit, points, out=work.along)
    np.take(work.length, a, axis=0, out=work.beta, mode="clip")
    work.beta += work.along
    work.along += _column(mesh.edge_length)  # v_b . e
    work.along += work.length[b]
    with np.errstate(divide="ignore", invalid="ignore"):  # points on the line of an edge see its triangles as flat
        work.beta /= work.along
        np.log(work.beta, out=work.beta)
    work.beta /= _column(mesh.edge_length)


def _half_solid_angle(height: np.ndarray, mesh: PreparedMesh, work: Workspace, *, out: np.ndarray) -> None:
    """Half the solid angle of every triangle (van Oosterom and Strackee 1983), shape (n_triangles, n_points)."""
    length = np.take(work.length, mesh.tris, axis=0, out=work.corner[0], mode="clip")
    squared = np.take(work.squared, mesh.tris, axis=0, out=work.corner[1], mode="clip")
    dot, triple = work.scalar[2:]
    np.multiply(length[0], length[1], out=out)
    out *= length[2]
    for k in range(3):
        other, third = (k + 1) % 3, (k + 2) % 3
        np.add(squared[k], squared[other], out=dot)
        dot -= _column(mesh.edge_dots[k, k])  # cosine rule: 2 v_k . v_other
        dot *= length[third]
        dot *= 0.5
        out += dot
    np.multiply(height, _column(mesh.area2), out=triple)
    np.arctan2(triple, out, out=out)


def _affine(constant: np.ndarray, slope: np.ndarray, points: np.ndarray, *, out: np.ndarray) -> None:
    """``constant + slope . p`` for every point p, shape (n, n_points)."""
    np.matmul(slope, points.T, out=out)
    out += _column(constant)


def _column(values: np.ndarray) -> np.ndarray:
    return values[:, np.newaxis]


def add_own_triangles(matrix: np.ndarray, surface: Surface) -> None:
    """Give each vertex the solid angle of its own triangles, in place.

    Linear collocation leaves it out. A closed surface is seen from its own vertex under 2 pi in all, so what lacks in a
    row's sum belongs to these triangles: half to the vertex itself, the rest to its neighbours in equal parts.
    """
    n = len(surface.rr)
    missing = 2 * np.pi - matrix.sum(axis=1)
    n_triangles = np.bincount(np.ravel(surface.tris), minlength=n)
    share = (sparse.diags_array(missing / (4.0 * n_triangles)) @ vertex_neighbours(surface)).tocoo()
    matrix[share.row, share.col] += share.data
    matrix[np.arange(n), np.arange(n)] = missing / 2.0


def vertex_neighbours(surface: Surface) -> sparse.csr_array:
    """Triangles that two vertices share, shape (n_vertices, n_vertices): 2 along every edge of a closed surface."""
    tris, n = np.asarray(surface.tris), len(surface.rr)
    i = np.concatenate([tris[:, k] for k in (0, 0, 1, 1, 2, 2)])
    j = np.concatenate([tris[:, k] for k in (1, 2, 2, 0, 0, 1)])
    return sparse.coo_array((np.ones(len(i)), (i, j)), shape=(n, n)).tocsr()


def _n_threads() -> int:
    """As many threads for array work as the linear algebra is given."""
    return max((pool["num_threads"] for pool in threadpool_info()), default=1)
