"""Which sources are neighbours: six on a grid, those along the edges of a cortical mesh."""

from __future__ import annotations

from typing import Any

import mne
import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from headwater.forward.grid import Grid, source_slices


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


def grid_adjacency(grid: Grid | None, n_sources: int) -> sparse.csr_array | None:
    """Neighbourhood of the sources of a grid; None without one."""
    if grid is None:
        return None
    i, j = grid.edges().T
    return _graph(i, j, n_sources)


def _graph(i: np.ndarray, j: np.ndarray, n: int) -> sparse.csr_array:
    """Undirected graph with weight 1 on every edge."""
    graph = sparse.csr_array((np.ones(2 * len(i)), (np.r_[i, j], np.r_[j, i])), shape=(n, n))
    graph.data[:] = 1.0  # edges shared by two triangles were summed
    return graph


def _mesh_edges(space: dict[str, Any]) -> np.ndarray:
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


def _nearest_source(space: dict[str, Any]) -> np.ndarray:
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
