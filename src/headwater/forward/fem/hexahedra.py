"""Meshes of hexahedra, and the trilinear functions on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from headwater._utils.cache import content_hash
from headwater.head.conductivity import BRAIN_TISSUES

# Corners of the unit cube, in the order in which scikit-fem numbers them.
CORNERS = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]])
CONVERGED = 1e-6  # edges of an element
NEWTON_STEPS = 8
CANDIDATES = 8  # elements with the nearest centres among which the one that holds a point is sought
CHUNK = 20_000  # points located at a time


@dataclass(frozen=True, eq=False)
class HexMesh:
    """Hexahedra with a tissue each.

    Attributes
    ----------
    nodes : array of shape (n_nodes, 3)
        In the head's MRI frame, in metres.
    elements : int array of shape (n_elements, 8)
        Nodes of each element, in the order of ``CORNERS``.
    tissue : int array of shape (n_elements,)
        Index into ``tissues``.
    tissues : tuple of str
    size : float
        Length of the edges before nodes were shifted, in metres.
    """

    nodes: np.ndarray
    elements: np.ndarray
    tissue: np.ndarray
    tissues: tuple[str, ...]
    size: float

    @property
    def centres(self) -> np.ndarray:
        """Centres of the elements, shape (n_elements, 3)."""
        return self.nodes[self.elements].mean(axis=1)

    @property
    def in_brain(self) -> np.ndarray:
        """Which elements are brain, bool of shape (n_elements,)."""
        return np.isin(self.tissue, [k for k, name in enumerate(self.tissues) if name in BRAIN_TISSUES])

    @property
    def fingerprint(self) -> str:
        """Hash of geometry and tissues."""
        return content_hash(self.nodes, self.elements, self.tissue, *self.tissues)

    def incidence(self) -> sparse.csr_array:
        """Which nodes belong to which elements, shape (n_nodes, n_elements)."""
        n_elements = len(self.elements)
        columns = np.repeat(np.arange(n_elements), 8)
        entries = (np.ones(8 * n_elements, np.float32), (self.elements.ravel(), columns))
        return sparse.csr_array(entries, shape=(len(self.nodes), n_elements))

    def volumes(self) -> np.ndarray:
        """Volumes of the elements by Gauss quadrature, in cubic metres, shape (n_elements,)."""
        return np.abs(np.linalg.det(jacobians(gauss_points(), self.nodes[self.elements]))).mean(axis=1)


def gauss_points() -> np.ndarray:
    """Two Gauss points along each axis of the unit cube, shape (8, 3)."""
    return 0.5 + (CORNERS - 0.5) / np.sqrt(3)


def shape_functions(local: np.ndarray) -> np.ndarray:
    """Trilinear functions of the eight corners at points (..., 3) of the unit cube, shape (..., 8)."""
    factors = np.where(CORNERS == 1, local[..., np.newaxis, :], 1 - local[..., np.newaxis, :])
    return factors.prod(axis=-1)


def shape_gradients(local: np.ndarray) -> np.ndarray:
    """Gradients of the trilinear functions in the unit cube, shape (..., 8, 3)."""
    factors = np.where(CORNERS == 1, local[..., np.newaxis, :], 1 - local[..., np.newaxis, :])
    signs = np.where(CORNERS == 1, 1.0, -1.0)
    x, y, z = (factors[..., axis] for axis in range(3))
    return np.stack([y * z, x * z, x * y], axis=-1) * signs


def jacobians(local: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Differentiate position by local coordinate.

    Parameters
    ----------
    local : array of shape (n_points, 3)
        Points of the unit cube, the same for all elements.
    corners : array of shape (n_elements, 8, 3)

    Returns
    -------
    jacobians : array of shape (n_elements, n_points, 3, 3)
        ``[..., x, d]`` is the derivative of coordinate x by local coordinate d.
    """
    return np.einsum("pnd,enx->epxd", shape_gradients(local), corners, optimize=True)


class Locator:
    """Finds the element that holds a point."""

    def __init__(self, mesh: HexMesh) -> None:
        self.mesh = mesh
        self.tree = cKDTree(mesh.centres)

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Find elements and local coordinates.

        Parameters
        ----------
        points : array of shape (n_points, 3)

        Returns
        -------
        elements : int array of shape (n_points,)
            The element that holds the point, or the one that it misses by least.
        local : array of shape (n_points, 3)
            Coordinates in its unit cube.
        missed : array of shape (n_points,)
            How far outside that cube the point lies, in edges of the cube; 0 inside.
        """
        chunks = [self._locate(points[start : start + CHUNK]) for start in range(0, len(points), CHUNK)]
        elements, local, missed = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
        return elements, local, missed

    def _locate(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        k = min(CANDIDATES, len(self.mesh.elements))
        _, candidates = self.tree.query(points, k=k)
        candidates = candidates.reshape(len(points), k)
        corners = self.mesh.nodes[self.mesh.elements[candidates]]
        local = _local_coordinates(points, corners)
        missed = np.maximum(np.abs(local - 0.5) - 0.5, 0).max(axis=2)
        # In flattened elements Newton's method may end elsewhere than at the point.
        off = np.einsum("pcn,pcnx->pcx", shape_functions(local), corners) - points[:, np.newaxis]
        edge = np.linalg.norm(corners.max(axis=2) - corners.min(axis=2), axis=2) / np.sqrt(3)
        apart = np.linalg.norm(off, axis=2) / edge
        missed = np.maximum(missed, np.where(apart > CONVERGED, apart, 0))
        rows, best = np.arange(len(points)), missed.argmin(axis=1)
        return candidates[rows, best], local[rows, best], missed[rows, best]


def _local_coordinates(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Invert the trilinear map of each candidate (..., 8, 3) by Newton's method, shape (..., 3)."""
    local = np.full((*corners.shape[:-2], 3), 0.5)
    for _ in range(NEWTON_STEPS):
        offset = np.einsum("pcn,pcnx->pcx", shape_functions(local), corners) - points[:, np.newaxis]
        slope = np.einsum("pcnd,pcnx->pcxd", shape_gradients(local), corners)
        slope += 1e-9 * np.linalg.norm(slope, axis=(-2, -1), keepdims=True) * np.eye(3)  # flattened elements
        local = np.clip(local - np.linalg.solve(slope, offset[..., np.newaxis])[..., 0], -1.0, 2.0)
    return local
