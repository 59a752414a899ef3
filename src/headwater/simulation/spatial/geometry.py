"""Positions of the sources of a lead field and their neighbourhoods, on the device of the simulation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField

ROWS_AT_ONCE = 256  # of a distance matrix that SciPy returns dense


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """Distances from each source to those within reach, as a sparse matrix in compressed row format.

    Attributes
    ----------
    starts : long tensor of shape (n_sources + 1,)
    sources : int tensor of shape (n_pairs,)
    distance : float tensor of shape (n_pairs,)
        In metres, or in edges for rings. Each source is its own neighbour at distance 0.
    """

    starts: torch.Tensor
    sources: torch.Tensor
    distance: torch.Tensor

    @classmethod
    def from_matrix(cls, matrix: sparse.csr_array, device: torch.device) -> Neighbourhoods:
        """Convert a distance matrix whose zero diagonal is not stored."""
        n = matrix.shape[0]
        coo = matrix.tocoo()
        rows, columns = np.r_[np.arange(n), coo.row], np.r_[np.arange(n), coo.col]
        distance = np.r_[np.zeros(n), coo.data]
        order = np.argsort(rows, kind="stable")
        starts = np.r_[0, np.cumsum(np.bincount(rows, minlength=n))]
        return cls(
            torch.from_numpy(starts).to(device),
            torch.from_numpy(columns[order].astype(np.int32)).to(device),
            torch.from_numpy(distance[order].astype(np.float32)).to(device),
        )

    def around(self, centers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Neighbours of each of ``centers`` (any shape; negative ones have none).

        Returns
        -------
        which : long tensor of shape (n_entries,)
            Index into the flattened ``centers``, ascending.
        sources : long tensor of shape (n_entries,)
        distance : float tensor of shape (n_entries,)
        """
        flat = centers.flatten()
        present = flat.clamp(min=0)
        lengths = (self.starts[present + 1] - self.starts[present]) * (flat >= 0)
        which = torch.repeat_interleave(torch.arange(len(flat), device=flat.device), lengths)
        first = torch.cumsum(lengths, 0) - lengths
        entry = self.starts[present][which] + torch.arange(len(which), device=flat.device) - first[which]
        return which, self.sources[entry].long(), self.distance[entry]


class DistanceMetric(ABC):
    """A way to measure the distance between two sources."""

    @abstractmethod
    def distances(self, geometry: Geometry, reach: float) -> sparse.csr_array:
        """Return the distances up to ``reach`` (in metres) as a sparse matrix without its diagonal."""


@dataclass(frozen=True)
class Euclidean(DistanceMetric):
    """Length of the straight line through the head."""

    def distances(self, geometry: Geometry, reach: float) -> sparse.csr_array:
        """Find all pairs within reach with a k-d tree."""
        tree = cKDTree(geometry.positions)
        pairs = tree.sparse_distance_matrix(tree, reach, output_type="coo_matrix")
        apart = pairs.row != pairs.col
        return sparse.csr_array((pairs.data[apart], (pairs.row[apart], pairs.col[apart])), shape=pairs.shape)


@dataclass(frozen=True)
class Geodesic(DistanceMetric):
    """Length of the shortest path over the edges of the neighbourhood graph, those of a mesh or a grid.

    Paths over edges are somewhat longer than the true geodesic of the surface (on a regular triangle mesh by 0-15 %,
    10 % on average).
    """

    def distances(self, geometry: Geometry, reach: float) -> sparse.csr_array:
        """Run Dijkstra's algorithm from every source, stopped at ``reach``."""
        graph = geometry.graph("geodesic distances").tocoo()
        lengths = np.linalg.norm(geometry.positions[graph.row] - geometry.positions[graph.col], axis=1)
        return limited_distances(sparse.csr_array((lengths, (graph.row, graph.col)), shape=graph.shape), reach)


@dataclass(frozen=True)
class RegionRings(DistanceMetric):
    """Number of edges between two sources of the same region; sources of other regions are not reached."""

    def distances(self, geometry: Geometry, reach: float) -> sparse.csr_array:
        """Count edges after cutting those between regions."""
        graph = geometry.graph("rings of neighbours").tocoo()
        if not geometry.region_names:
            raise InputError(
                "Rings within regions need named regions, and the lead field has none; make it from a Head."
            )
        ids = geometry.region_ids
        within = (ids[graph.row] == ids[graph.col]) & (ids[graph.row] >= 0)
        ones = np.ones(int(within.sum()))
        return limited_distances(
            sparse.csr_array((ones, (graph.row[within], graph.col[within])), shape=graph.shape), reach
        )


def limited_distances(graph: sparse.csr_array, reach: float) -> sparse.csr_array:
    """Shortest distances up to ``reach`` over a weighted graph, in blocks of rows to save memory."""
    blocks = []
    for start in range(0, graph.shape[0], ROWS_AT_ONCE):
        rows = np.arange(start, min(start + ROWS_AT_ONCE, graph.shape[0]))
        block = csgraph.dijkstra(graph, directed=False, indices=rows, limit=reach * (1 + 1e-9))
        block[~np.isfinite(block)] = 0.0
        blocks.append(sparse.csr_array(block))
    return sparse.csr_array(sparse.vstack(blocks))


class Geometry:
    """The sources of a lead field as spatial patterns use them, as tensors on one device.

    Attributes
    ----------
    device : torch.device
    n_sources, n_orient : int
    pos, normals : float tensors of shape (n_sources, 3)
        Head coordinates, metres.
    cortical : bool tensor of shape (n_sources,)
        Whether the source has a normal, from a surface or given explicitly.
    positions : array of shape (n_sources, 3)
        ``pos`` in double precision, for building neighbourhoods.
    region_ids : int array of shape (n_sources,)
    region_names : tuple of str
    """

    def __init__(self, leadfield: LeadField, device: torch.device):
        self.device = device
        self.n_sources, self.n_orient = leadfield.gain.shape[1:]
        self.positions = np.asarray(leadfield.pos, dtype=float)
        self.pos = torch.as_tensor(self.positions, dtype=torch.float32, device=device)
        self.normals = torch.as_tensor(np.asarray(leadfield.normals), dtype=torch.float32, device=device)
        self.cortical = torch.from_numpy(leadfield.cortical).to(device)
        self.region_ids = np.asarray(leadfield.region_ids)
        self.region_names = tuple(leadfield.region_names)
        self._adjacency = leadfield.adjacency
        self._neighbourhoods: dict[tuple[DistanceMetric, float], Neighbourhoods] = {}

    def graph(self, purpose: str) -> sparse.csr_array:
        """Return the neighbourhood graph of the sources, or raise an error that names its purpose."""
        if self._adjacency is None:
            raise InputError(
                f"The lead field does not say which sources are neighbours, which {purpose} need; "
                "give it an adjacency, or use Euclidean distances."
            )
        return self._adjacency

    def neighbourhoods(self, metric: DistanceMetric, reach: float) -> Neighbourhoods:
        """Neighbours within ``reach`` of every source; computed once."""
        key = (metric, float(reach))
        if key not in self._neighbourhoods:
            self._neighbourhoods[key] = Neighbourhoods.from_matrix(metric.distances(self, reach), self.device)
        return self._neighbourhoods[key]

    def in_regions(self, regions: Iterable[str], field: str) -> torch.Tensor:
        """Bool mask (n_sources,) of the sources in the named regions; ``field`` is named in errors."""
        regions = list(regions)
        unknown = [name for name in regions if name not in self.region_names]
        if unknown:
            raise InputError(
                f"{field} names {', '.join(unknown)}, which the lead field does not have; "
                f"it has {', '.join(self.region_names) or 'no named regions'}."
            )
        ids = [self.region_names.index(name) for name in regions]
        mask = torch.from_numpy(np.isin(self.region_ids, ids)).to(self.device)
        if not mask.any():
            raise InputError(f"{field}: no source of the lead field lies in {', '.join(regions)}; name other regions.")
        return mask


_GEOMETRIES: WeakKeyDictionary[LeadField, dict[torch.device, Geometry]] = WeakKeyDictionary()


def geometry_of(leadfield: LeadField, device: torch.device) -> Geometry:
    """Return the geometry of a lead field on a device; cached for the lifetime of the lead field."""
    known = _GEOMETRIES.setdefault(leadfield, {})
    if device not in known:
        known[device] = Geometry(leadfield, device)
    return known[device]
