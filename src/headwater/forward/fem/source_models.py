"""Where the current of a dipole enters the nodes of a mesh."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from headwater._utils.errors import InputError
from headwater.forward.fem.hexahedra import HexMesh, Locator, shape_gradients

CHUNK = 2000  # sources at a time
STENCIL = 27  # nodes that share an element with a node inside a mesh of cells


class SourceModel(ABC):
    """Loads of dipoles: the right-hand sides of the finite-element equations."""

    @abstractmethod
    def nodes(self, mesh: HexMesh) -> np.ndarray:
        """Nodes that can bear a load, in increasing order."""

    @abstractmethod
    def loads(self, mesh: HexMesh, pos: np.ndarray) -> sparse.csr_array:
        """Compute loads of unit dipoles along x, y, z at positions (n_sources, 3), shape (n_nodes, 3 n_sources)."""


@dataclass(frozen=True)
class PartialIntegration(SourceModel):
    """Load ``q . grad phi_i`` at the position of the dipole (Yan, Nunez and Hart 1991)."""

    def nodes(self, mesh: HexMesh) -> np.ndarray:
        """Nodes of the elements of the brain."""
        return np.unique(mesh.elements[mesh.in_brain])

    def loads(self, mesh: HexMesh, pos: np.ndarray) -> sparse.csr_array:
        """Gradients of the trilinear functions of the element that holds the dipole, or of the nearest in the brain."""
        brain = _brain_only(mesh)
        elements, local, _ = Locator(brain)(pos)
        corners = brain.nodes[brain.elements[elements]]
        gradients = shape_gradients(np.clip(local, 0, 1))
        slope = np.einsum("snd,snx->sxd", gradients, corners)
        values = np.einsum("snd,sdx->snx", gradients, np.linalg.inv(slope))
        return _matrix(values, brain.elements[elements], len(mesh.nodes))


@dataclass(frozen=True)
class StVenant(SourceModel):
    """Monopoles at the nodes around the dipole whose moments up to second order are those of the dipole.

    Buchner et al. (1997, Clin. Neurophysiol. 102, 267): the charges minimise the misfit of the moments plus a penalty
    on charges far from the dipole. Monopoles lie in the brain only, so that none is put into CSF or bone.

    Parameters
    ----------
    penalty : float
        Weight of the penalty.
    """

    penalty: float = 1e-6

    def nodes(self, mesh: HexMesh) -> np.ndarray:
        """Nodes of the elements of the brain."""
        return np.unique(mesh.elements[mesh.in_brain])

    def loads(self, mesh: HexMesh, pos: np.ndarray) -> sparse.csr_array:
        """Charges at the nodes that share an element with the node nearest to the dipole."""
        stencils = _Stencils(mesh)
        values, nodes = [], []
        for start in range(0, len(pos), CHUNK):
            some = pos[start : start + CHUNK]
            around, valid = stencils(some)
            reach = 2 * mesh.size
            offset = (mesh.nodes[around] - some[:, np.newaxis]) / reach
            values.append(self._charges(offset, valid) / reach)
            nodes.append(around)
        return _matrix(np.concatenate(values), np.concatenate(nodes), len(mesh.nodes))

    def _charges(self, offset: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Charges (n, n_nodes, 3) of unit dipoles along x, y, z at relative positions (n, n_nodes, 3)."""
        x, y, z = (offset[..., axis] for axis in range(3))
        moments = np.stack([np.ones_like(x), x, y, z, x * x, y * y, z * z, x * y, x * z, y * z], axis=1)
        moments *= valid[:, np.newaxis]
        wanted = np.zeros((len(offset), moments.shape[1], 3))
        wanted[:, 1:4] = np.eye(3)
        system = np.einsum("smi,smj->sij", moments, moments)
        weights = np.where(valid, self.penalty * (offset**2).sum(axis=2) + 1e-12, 1.0)
        diagonal = np.arange(system.shape[1])
        system[:, diagonal, diagonal] += weights
        return np.linalg.solve(system, np.einsum("smi,smx->six", moments, wanted))


class _Stencils:
    """Nodes around the node of the brain's inside that is nearest to a point."""

    def __init__(self, mesh: HexMesh) -> None:
        incidence = mesh.incidence()
        in_brain = incidence @ mesh.in_brain.astype(np.float32)
        inside = np.flatnonzero((in_brain > 0) & (in_brain == incidence.sum(axis=1)))
        if not len(inside):
            raise InputError("The brain of the mesh is thinner than two elements; use a smaller resolution_mm.")
        self.inside, self.tree = inside, cKDTree(mesh.nodes[inside])
        self.allowed = in_brain > 0
        self.neighbours = sparse.csr_array(incidence[inside] @ incidence.T)

    def __call__(self, pos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Nodes around each position (n, 27) and which of them count."""
        _, nearest = self.tree.query(pos)
        starts, ends = self.neighbours.indptr[nearest], self.neighbours.indptr[nearest + 1]
        column = starts[:, np.newaxis] + np.arange(STENCIL)
        valid = column < ends[:, np.newaxis]
        around = self.neighbours.indices[np.minimum(column, ends[:, np.newaxis] - 1)]
        return around, valid & self.allowed[around]


def _brain_only(mesh: HexMesh) -> HexMesh:
    """Keep the elements of the brain, with all nodes."""
    chosen = mesh.in_brain
    return HexMesh(mesh.nodes, mesh.elements[chosen], mesh.tissue[chosen], mesh.tissues, mesh.size)


def _matrix(values: np.ndarray, nodes: np.ndarray, n_nodes: int) -> sparse.csr_array:
    """Arrange loads (n_sources, n_around, 3) at nodes (n_sources, n_around) as a matrix (n_nodes, 3 n_sources)."""
    rows = np.broadcast_to(nodes[..., np.newaxis], values.shape)
    columns = np.broadcast_to(3 * np.arange(len(values))[:, np.newaxis, np.newaxis] + np.arange(3), values.shape)
    shape = (n_nodes, 3 * len(values))
    return sparse.csr_array((values.ravel(), (rows.ravel(), columns.ravel())), shape=shape)
