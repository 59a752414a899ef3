"""Which sources are neighbours: the 3-D grid of volume sources and the mesh of cortical ones."""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np
from scipy import sparse
from scipy.sparse import csgraph


@dataclass(frozen=True, eq=False)
class Grid:
    """The regular 3-D grid on which volume sources lie.

    Attributes
    ----------
    shape : tuple of three int
        Grid points along the MRI's x, y, z axes, just around the sources.
    index : int array of shape (n_volume, 3)
        Grid index of each volume source.
    sources : int array of shape (n_volume,)
        Which sources of the lead field these are (volume sources follow cortical ones in a mixed lead field).
    spacing : float
        Distance of neighbours, in metres.
    """

    shape: tuple[int, int, int]
    index: np.ndarray
    sources: np.ndarray
    spacing: float

    def edges(self) -> np.ndarray:
        """Pairs (i, j) of volume sources one step apart along an axis, shape (n_edges, 2), as lead field indices."""
        lookup = np.full(self.shape, -1)
        lookup[tuple(self.index.T)] = self.sources
        pairs = []
        for axis in range(3):
            line = np.moveaxis(lookup, axis, 0)
            pair = np.stack([line[:-1].ravel(), line[1:].ravel()], axis=1)
            pairs.append(pair[(pair >= 0).all(axis=1)])
        return np.concatenate(pairs)


def source_slices(src: mne.SourceSpaces) -> list[slice]:
    """Where the sources of each source space stand among all sources."""
    ends = np.cumsum([space["nuse"] for space in src]).tolist()
    return [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def is_grid(space: dict) -> bool:
    """Whether a source space is a regular grid: MNE calls one without an MRI discrete but keeps its shape."""
    return "shape" in space and "src_mri_t" in space


def volume_grid(src: mne.SourceSpaces) -> Grid | None:
    """Grid of the volume source spaces; None without any, or if they do not share one regular grid."""
    volumes = [(space, where) for space, where in zip(src, source_slices(src), strict=True) if is_grid(space)]
    if not volumes:
        return None
    first = volumes[0][0]
    voxel_mri = first["src_mri_t"]["trans"]
    same = all(
        tuple(space["shape"]) == tuple(first["shape"]) and np.allclose(space["src_mri_t"]["trans"], voxel_mri)
        for space, _ in volumes
    )
    if not same:
        return None
    # MNE numbers grid points with x fastest.
    vertices = np.concatenate([space["vertno"] for space, _ in volumes])
    index = np.stack(np.unravel_index(vertices, first["shape"], order="F"), axis=1)
    index -= index.min(axis=0)
    n_x, n_y, n_z = (index.max(axis=0) + 1).tolist()
    return Grid(
        shape=(n_x, n_y, n_z),
        index=index,
        sources=np.concatenate([np.arange(where.start, where.stop) for _, where in volumes]),
        spacing=float(np.linalg.norm(voxel_mri[:3, 0])),
    )


def source_adjacency(src: mne.SourceSpaces, grid: Grid | None) -> sparse.csr_array | None:
    """Neighbourhood of the sources: mesh edges on the cortex, six neighbours on the grid.

    Returns
    -------
    adjacency : csr_array of shape (n_sources, n_sources) | None
        Symmetric, 1.0 between neighbours, 0 on the diagonal. None if no source has neighbours (discrete sources).
    """
    edges = [] if grid is None else [grid.edges()]
    for space, where in zip(src, source_slices(src), strict=True):
        if space["type"] == "surf":
            edges.append(where.start + _mesh_edges(space))
    if not edges:
        return None
    i, j = np.concatenate(edges).T
    n_sources = sum(space["nuse"] for space in src)
    return _graph(i, j, n_sources)


def _graph(i: np.ndarray, j: np.ndarray, n: int) -> sparse.csr_array:
    """Undirected graph with weight 1 on every edge."""
    graph = sparse.csr_array((np.ones(2 * len(i)), (np.r_[i, j], np.r_[j, i])), shape=(n, n))
    graph.data[:] = 1.0  # edges shared by two triangles were summed
    return graph


def _mesh_edges(space: dict) -> np.ndarray:
    """Edges between the sources of a surface source space, shape (n_edges, 2), counted within the space."""
    order = np.full(space["np"], -1)
    order[space["vertno"]] = np.arange(space["nuse"])
    tris = space["tris"]
    if space["nuse"] < space["np"]:
        if space.get("nuse_tri", 0):
            tris = space["use_tris"]
        else:
            order = _nearest_source(space)
    edges = order[np.concatenate([tris[:, [0, 1]], tris[:, [1, 2]], tris[:, [2, 0]]])]
    return edges[(edges >= 0).all(axis=1) & (edges[:, 0] != edges[:, 1])]


def _nearest_source(space: dict) -> np.ndarray:
    """Source nearest to each vertex along the mesh: two sources are neighbours where their patches touch."""
    tris, rr = space["tris"], space["rr"]
    i, j = np.concatenate([tris[:, [0, 1]], tris[:, [1, 2]], tris[:, [2, 0]]]).T
    mesh = _graph(i, j, space["np"]).tocoo()
    lengths = np.linalg.norm(rr[mesh.row] - rr[mesh.col], axis=1)
    mesh = sparse.csr_array((lengths, (mesh.row, mesh.col)), shape=mesh.shape)
    _, _, nearest = csgraph.dijkstra(
        mesh, directed=False, indices=space["vertno"], min_only=True, return_predecessors=True
    )
    order = np.full(space["np"] + 1, -1)  # the last one answers for vertices that no source reaches
    order[space["vertno"]] = np.arange(space["nuse"])
    return order[np.where(nearest < 0, space["np"], nearest)]
