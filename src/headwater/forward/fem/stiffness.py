"""Matrices of the finite elements, assembled with scikit-fem.

The potential u of a source current density j satisfies ``div(sigma grad u) = div j`` with no current through the scalp.
With trilinear functions phi, ``K u = b`` with ``K_ij = int sigma grad phi_i . grad phi_j`` and
``b_i = int j . grad phi_i``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from headwater._utils.errors import InputError
from headwater.forward.fem.hexahedra import HexMesh

CHUNK = 50_000  # elements assembled at a time: about 100 MB
ORDER = 3  # of the polynomials that are integrated exactly: two Gauss points along each axis


def library() -> Any:
    """Return scikit-fem."""
    try:
        import skfem
    except ImportError as error:
        raise InputError(
            "Finite elements need scikit-fem and pyamg, which are not installed; pip install 'headwater[fem]', or use "
            "method='bem'."
        ) from error
    return skfem


def chunked_bases(mesh: HexMesh, chosen: np.ndarray | None = None) -> Iterator[tuple[np.ndarray, Any]]:
    """Yield elements, some at a time, and scikit-fem's basis on them."""
    skfem = library()
    grid = skfem.MeshHex(np.ascontiguousarray(mesh.nodes.T), np.ascontiguousarray(mesh.elements.T, np.int64))
    elements = np.arange(len(mesh.elements)) if chosen is None else chosen
    for start in range(0, len(elements), CHUNK):
        some = elements[start : start + CHUNK]
        yield some, skfem.Basis(grid, skfem.ElementHex1(), elements=some, intorder=ORDER)


def stiffness(mesh: HexMesh, sigma: np.ndarray) -> sparse.csr_array:
    """Assemble ``K_ij = int (sigma grad phi_j) . grad phi_i``.

    Parameters
    ----------
    mesh : HexMesh
    sigma : array of shape (n_elements,) or (n_elements, 3, 3)
        Conductivity of each element, or its tensor, in S/m.

    Returns
    -------
    matrix : scipy.sparse.csr_array of shape (n_nodes, n_nodes)
    """
    form = library().BilinearForm(_scalar_form if sigma.ndim == 1 else _tensor_form)
    n = len(mesh.nodes)
    matrix = sparse.csr_array((n, n))
    for elements, basis in chunked_bases(mesh):
        part = form.assemble(basis, sigma=at_points(sigma[elements], basis))
        matrix = matrix + sparse.csr_array(part)
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    return matrix


def _scalar_form(u: Any, v: Any, w: Any) -> np.ndarray:
    return w["sigma"] * np.einsum("d...,d...", u.grad, v.grad)


def _tensor_form(u: Any, v: Any, w: Any) -> np.ndarray:
    return np.einsum("xy...,y...,x...->...", w["sigma"], u.grad, v.grad)


def at_points(values: np.ndarray, basis: Any) -> np.ndarray:
    """Repeat values (n_elements, ...) of elements at their quadrature points, shape (..., n_elements, n_points)."""
    moved = np.moveaxis(values, 0, -1)[..., np.newaxis]
    return np.broadcast_to(moved, (*moved.shape[:-1], basis.X.shape[-1]))


def current_matrix(mesh: HexMesh, sigma: np.ndarray) -> sparse.csr_array:
    """Matrix ``int (sigma grad phi_i)_x`` over each element, shape (n_nodes, 3 n_elements).

    Applied to a vector field that is constant in each element, it gives the load of that field; its transpose gives
    the current, integrated over each element, of a potential.
    """
    parts = []
    for elements, basis in chunked_bases(mesh):
        weights = basis.dx  # (n_elements, n_points)
        gradients = np.stack([np.einsum("dep,ep->ed", field[0].grad, weights) for field in basis.basis], axis=1)
        if sigma.ndim == 1:
            gradients = gradients * sigma[elements, np.newaxis, np.newaxis]
        else:
            gradients = np.einsum("exy,eny->enx", sigma[elements], gradients)
        rows = np.repeat(mesh.elements[elements][:, :, np.newaxis], 3, axis=2)
        columns = np.broadcast_to(3 * elements[:, np.newaxis, np.newaxis] + np.arange(3), rows.shape)
        parts.append((gradients.ravel(), rows.ravel(), columns.ravel()))
    values, rows, columns = (np.concatenate(items) for items in zip(*parts, strict=True))
    return sparse.csr_array((values, (rows, columns)), shape=(len(mesh.nodes), 3 * len(mesh.elements)))
