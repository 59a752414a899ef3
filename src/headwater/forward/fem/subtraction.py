"""The subtraction approach: slow, and exact for sources well inside one tissue; a reference for the source models.

The potential is that of a dipole in an infinite medium of the conductivity sigma_0 at the source, u_0, plus a smooth
correction with ``int sigma grad u_c . grad phi = int (sigma_0 - sigma) grad u_0 . grad phi
- int_scalp sigma_0 (du_0/dn) phi`` (Awada et al. 1997, IEEE Trans. Biomed. Eng. 44, 736).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from headwater.forward.fem.hexahedra import HexMesh, Locator
from headwater.forward.fem.multigrid import Multigrid
from headwater.forward.fem.stiffness import at_points, chunked_bases, library, stiffness


def subtraction_gain(mesh: HexMesh, sigma: np.ndarray, pos: np.ndarray, electrodes: np.ndarray) -> np.ndarray:
    """Potentials at nodes of the scalp due to unit dipoles.

    Parameters
    ----------
    mesh : HexMesh
    sigma : array of shape (n_elements,)
        Isotropic conductivities, in S/m.
    pos : array of shape (n_sources, 3)
        In the frame of the mesh, in metres.
    electrodes : int array of shape (n_electrodes,)
        Nodes.

    Returns
    -------
    gain : array of shape (n_electrodes, n_sources, 3)
        Along the axes of the mesh's frame; each column up to a constant.
    """
    solver = Multigrid(stiffness(mesh, sigma))
    held, _, _ = Locator(mesh)(pos)
    gain = np.empty((len(electrodes), len(pos), 3))
    for source, (place, element) in enumerate(zip(pos, held, strict=True)):
        load = np.stack([_load(mesh, sigma, place, axis, sigma[element]) for axis in np.eye(3)], axis=1)
        correction = solver.solve(load - load.mean(axis=0))[electrodes]
        gain[:, source] = correction + _infinite_potential(mesh.nodes[electrodes] - place, sigma[element])
    return gain


def _load(mesh: HexMesh, sigma: np.ndarray, place: np.ndarray, axis: np.ndarray, own: float) -> np.ndarray:
    """Right-hand side of the correction, shape (n_nodes,).

    u_0 is harmonic away from the source, so that the integral over the scalp is, for a node on it, that of
    ``sigma_0 grad u_0 . grad phi`` over the elements at the node.
    """

    def integrand(v: Any, w: Any) -> np.ndarray:
        return w["factor"] * np.einsum("d...,d...", _infinite_gradient(w.x, place, axis, own), v.grad)

    form = library().LinearForm(integrand)

    at_scalp = mesh.incidence().sum(axis=1) < 8
    within, scalp = np.zeros(len(mesh.nodes)), np.zeros(len(mesh.nodes))
    for elements, basis in chunked_bases(mesh, np.flatnonzero(sigma != own)):
        within += form.assemble(basis, factor=at_points(own - sigma[elements], basis))
    for elements, basis in chunked_bases(mesh, np.flatnonzero(at_scalp[mesh.elements].any(axis=1))):
        scalp += form.assemble(basis, factor=at_points(np.full(len(elements), own), basis))
    return within - at_scalp * scalp


def _infinite_potential(offset: np.ndarray, sigma: float) -> np.ndarray:
    """Potential of unit dipoles along x, y, z at offsets (n, 3) from them, shape (n, 3)."""
    return offset / (4 * np.pi * sigma * np.linalg.norm(offset, axis=1, keepdims=True) ** 3)


def _infinite_gradient(x: np.ndarray, place: np.ndarray, moment: np.ndarray, sigma: float) -> np.ndarray:
    """Gradient of the potential of a dipole at points x of shape (3, ...)."""
    offset = x - place.reshape(3, *[1] * (x.ndim - 1))
    distance = np.linalg.norm(offset, axis=0)
    along = np.einsum("d,d...->...", moment, offset)
    fixed = moment.reshape(3, *[1] * (x.ndim - 1))
    return (fixed / distance**3 - 3 * along * offset / distance**5) / (4 * np.pi * sigma)
