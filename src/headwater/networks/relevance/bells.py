"""Gaussian bells of activity on any source space.

They follow the mesh where there is one, and go straight through the head elsewhere. Bells of one width are centred
about one pitch apart. In a volume, or wherever no mesh is known, sources are grouped by the cubes of a lattice, and
each group has one bell at its centroid. On a mesh, centres are sources spread along it, so that the two banks of a
sulcus have bells of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial.distance import cdist

from headwater.forward.leadfield import LeadField

REACH = 4.0  # standard deviations after which a bell along a mesh ends


@dataclass(frozen=True, eq=False)
class Bells:
    """Bells of one width.

    Attributes
    ----------
    profile : array of shape (n_sources, n_bells)
        1 at the centre of each bell.
    centers : array of shape (n_bells, 3)
        In the frame of `lattice_positions`, in metres.
    """

    profile: np.ndarray
    centers: np.ndarray


def lattice_positions(leadfield: LeadField) -> np.ndarray:
    """Return source positions along the axes of the lattice, shape (n_sources, 3), in metres.

    A regular grid has its own axes, so that nothing depends on the head frame. Other source spaces take those of the
    MRI, and head coordinates where there is no MRI.
    """
    grid = leadfield.grid
    if grid is not None and len(grid.sources) == leadfield.n_sources:
        positions = np.empty((leadfield.n_sources, 3))
        positions[grid.sources] = grid.spacing * (grid.index + 0.5)
        return positions
    if leadfield.mri_head_t is None:
        return leadfield.pos
    return mne.transforms.apply_trans(np.linalg.inv(leadfield.mri_head_t["trans"]), leadfield.pos)


def mesh_of(leadfield: LeadField) -> sparse.csr_array | None:
    """Return lengths of the edges between sources that do not lie on a grid; None without any."""
    if leadfield.adjacency is None:
        return None
    graph = leadfield.adjacency.tocoo()
    on_grid = np.zeros(leadfield.n_sources, dtype=bool)
    if leadfield.grid is not None:
        on_grid[leadfield.grid.sources] = True
    kept = ~on_grid[graph.row] & ~on_grid[graph.col]
    row, col = graph.row[kept], graph.col[kept]
    if not len(row):
        return None
    lengths = np.linalg.norm(leadfield.pos[row] - leadfield.pos[col], axis=1)
    return sparse.csr_array((lengths, (row, col)), shape=graph.shape)


def make_bells(leadfield: LeadField, width: float, pitch: float) -> Bells:
    """Spread bells over all sources.

    Parameters
    ----------
    leadfield : LeadField
    width : float
        Standard deviation, in metres.
    pitch : float
        Distance of neighbouring centres, in metres.
    """
    positions, mesh = lattice_positions(leadfield), mesh_of(leadfield)
    meshed = np.zeros(leadfield.n_sources, dtype=bool)
    if mesh is not None:
        meshed[np.unique(mesh.nonzero()[0])] = True
    parts = []
    if not meshed.all():
        parts.append(_straight_bells(positions, np.flatnonzero(~meshed), width, pitch))
    if mesh is not None:
        parts.append(_mesh_bells(positions, mesh, np.flatnonzero(meshed), width, pitch))
    return Bells(np.concatenate([one.profile for one in parts], axis=1), np.concatenate([one.centers for one in parts]))


def cubes(positions: np.ndarray, origin: np.ndarray, side: float) -> np.ndarray:
    """Return which cube of a lattice each position lies in, shape (n, 3), counted from the origin."""
    return np.floor((positions - origin) / side + 1e-6).astype(int)


def _straight_bells(positions: np.ndarray, chosen: np.ndarray, width: float, pitch: float) -> Bells:
    """Bells around the centroids of the sources in each cube."""
    own = positions[chosen]
    _, group = np.unique(cubes(own, positions.min(axis=0), pitch), axis=0, return_inverse=True)
    group = group.ravel()
    counts = np.bincount(group)
    centers = np.stack([np.bincount(group, axis) for axis in own.T], axis=1) / counts[:, np.newaxis]
    profile = np.zeros((len(positions), len(centers)))
    profile[chosen] = _gaussian(cdist(own, centers), width)
    return Bells(profile, centers)


def _mesh_bells(positions: np.ndarray, mesh: sparse.csr_array, meshed: np.ndarray, width: float, pitch: float) -> Bells:
    """Bells along a mesh, around sources such that none is further than half a pitch from a centre."""
    centers: list[int] = []
    covered = np.ones(len(positions), dtype=bool)
    covered[meshed] = False
    for source in meshed.tolist():
        if covered[source]:
            continue
        near = csgraph.dijkstra(mesh, directed=False, indices=source, limit=0.5 * pitch)
        covered |= np.isfinite(near)
        centers.append(source)
    distance = csgraph.dijkstra(mesh, directed=False, indices=centers, limit=REACH * width)
    return Bells(_gaussian(distance, width).T, positions[centers])


def _gaussian(distance: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-0.5 * (distance / width) ** 2)
