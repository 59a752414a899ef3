"""The stiffness matrix on linear potentials, and anisotropic conductivity."""

from dataclasses import replace

import numpy as np
import pytest

from forward.fem.spheres import sphere_labels
from headwater._utils.errors import InputError
from headwater.forward.fem.meshing import hexahedra
from headwater.forward.fem.stiffness import current_matrix, stiffness
from headwater.forward.fem.tensors import TensorVolume
from headwater.head.conductivity import WHITE


@pytest.fixture(scope="module")
def mesh():
    return hexahedra(sphere_labels(1e-3 * np.array([40.0, 50.0, 60.0, 70.0]), 0.005), 0.01)


def test_the_energy_of_a_linear_potential_is_known(mesh):
    rng = np.random.default_rng(0)
    root = rng.normal(size=(len(mesh.elements), 3, 3))
    sigma = np.einsum("exy,ezy->exz", root, root) + np.eye(3)
    slope = rng.normal(size=3)
    potential = mesh.nodes @ slope
    volumes = mesh.volumes()
    expected = np.einsum("x,exy,y,e->", slope, sigma, slope, volumes)
    assert potential @ (stiffness(mesh, sigma) @ potential) == pytest.approx(expected, rel=1e-9)
    current = (current_matrix(mesh, sigma).T @ potential).reshape(-1, 3)
    np.testing.assert_allclose(current, np.einsum("exy,y,e->ex", sigma, slope, volumes), atol=1e-12)


def test_a_stretched_head_is_an_anisotropic_one(mesh):
    """Stretching x by a turns the conductivity 1 into the tensor diag(1/a, a, a)."""
    stretched = replace(mesh, nodes=mesh.nodes * [2.0, 1.0, 1.0])
    ones = np.ones(len(mesh.elements))
    expected = stiffness(stretched, ones)
    found = stiffness(mesh, np.broadcast_to(np.diag([0.5, 2.0, 2.0]), (len(ones), 3, 3)))
    np.testing.assert_allclose(found.toarray(), expected.toarray(), atol=1e-12 * expected.data.max())


def test_diffusion_tensors_become_conductivities(mesh, ball_head):
    tensor = np.diag([4.0, 1.0, 2.0]) * 1e-3
    volume = TensorVolume(np.broadcast_to(tensor, (40, 40, 40, 3, 3)).copy(), np.diag([0.005, 0.005, 0.005, 1.0]))
    volume.affine[:3, 3] = -0.1
    volume.tensors[:20] = 0  # unknown on the left
    sigma = volume.conductivities(mesh, np.full(len(mesh.elements), 0.2), ball_head)
    white = mesh.tissue == mesh.tissues.index(WHITE)
    right = mesh.centres[:, 0] > 0.003
    np.testing.assert_allclose(sigma[~white], np.broadcast_to(0.2 * np.eye(3), (int((~white).sum()), 3, 3)))
    np.testing.assert_allclose(
        sigma[white & right], np.broadcast_to(0.1 * np.diag([4.0, 1.0, 2.0]), (int((white & right).sum()), 3, 3))
    )
    np.testing.assert_allclose(np.linalg.det(sigma), 0.2**3)
    volume.affine[:3, 3] = 5.0
    with pytest.raises(InputError, match="No element of white matter has a diffusion tensor"):
        volume.conductivities(mesh, np.full(len(mesh.elements), 0.2), ball_head)
