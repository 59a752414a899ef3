"""Bells on any source space, and the cubes in which the network sees them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse

from headwater.forward.leadfield import LeadField
from headwater.networks.relevance.bells import lattice_positions, make_bells
from headwater.networks.relevance.cells import SLOTS, Cells, Placed


@pytest.fixture(scope="module")
def two_sheets() -> LeadField:
    """Two sheets of 20 x 20 sources, 3 mm apart, as the banks of a sulcus; neighbours only within a sheet."""
    x, y = np.meshgrid(np.arange(20), np.arange(20), indexing="ij")
    sheet = 4e-3 * np.stack([x.ravel(), y.ravel(), np.zeros(400)], 1)
    line = sparse.diags_array([np.ones(19), np.ones(19)], offsets=[-1, 1])
    grid = sparse.kron(line, sparse.eye_array(20)) + sparse.kron(sparse.eye_array(20), line)
    return LeadField.from_arrays(
        np.random.default_rng(0).normal(size=(8, 800)),
        np.concatenate([sheet, sheet + [0, 0, 3e-3]]),
        ch_names=[str(i) for i in range(8)],
        normals=np.tile([1.0, 0, 0], (800, 1)),
        adjacency=sparse.csr_array(sparse.block_diag([grid, grid])),
    )


def test_bells_follow_the_mesh_and_do_not_cross_to_the_other_bank(two_sheets):
    bells = make_bells(two_sheets, 8e-3, 16e-3)
    lower = bells.profile[:400].max(0) > 0
    upper = bells.profile[400:].max(0) > 0
    assert (lower ^ upper).all()
    assert lower.any()
    assert upper.any()
    assert np.allclose(bells.profile.max(0), 1)
    assert np.isclose(bells.profile.max(), 1)


def test_where_some_sources_have_no_mesh_their_bells_go_straight(two_sheets):
    """As in a mixed source space: a mesh and, apart from it, sources that are no one's neighbours."""
    graph = two_sheets.adjacency.tolil()
    graph[400:, 400:] = 0
    mixed = replace(two_sheets, adjacency=sparse.csr_array(graph.tocsr()))
    bells = make_bells(mixed, 8e-3, 16e-3)
    meshed = bells.profile[:400].max(0) > 0
    assert ((bells.profile[400:].max(0) > 0) ^ meshed).all()
    distance = np.linalg.norm(two_sheets.pos[400:, None] - bells.centers[~meshed], axis=2)
    assert np.allclose(bells.profile[400:, ~meshed], np.exp(-0.5 * (distance / 8e-3) ** 2))


def test_no_source_is_far_from_a_centre(two_sheets, free_leadfield):
    for leadfield, pitch in ((two_sheets, 16e-3), (free_leadfield, 50e-3)):
        profile = make_bells(leadfield, pitch, pitch).profile
        assert profile.max(1).min() > np.exp(-0.5)


def test_a_bell_in_a_volume_is_a_gaussian_of_the_distance(free_leadfield):
    bells = make_bells(free_leadfield, 30e-3, 50e-3)
    positions = lattice_positions(free_leadfield)
    distance = np.linalg.norm(positions[:, None] - bells.centers, axis=2)
    assert np.allclose(bells.profile, np.exp(-0.5 * (distance / 30e-3) ** 2))
    assert bells.profile.shape[1] < free_leadfield.n_sources / 3
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    assert np.allclose(steps, np.linalg.norm(np.diff(free_leadfield.pos, axis=0), axis=1))


@pytest.mark.parametrize("fine", [True, False])
def test_atoms_of_one_place_are_averaged_and_get_the_same_answer(fine):
    rng = np.random.default_rng(0)
    positions = 0.1 * rng.random((300, 3))
    cells = Cells(positions, 0.01, 2)
    placed = Placed(cells, positions, fine=fine)
    values = torch.randn(2, 300, 3)
    image = placed.gathered(values)
    assert image.shape == (2, cells.n_cells, 3 * (SLOTS if fine else 1))
    back = placed.handed_back(image)
    corner = np.floor((positions - positions.min(0)) / (0.01 if fine else 0.02) + 1e-6)
    for atom in range(0, 300, 37):
        together = (corner == corner[atom]).all(1)
        assert torch.allclose(back[:, atom], values[:, together].mean(1), atol=1e-6)


def test_the_image_for_losses_keeps_the_sum_and_the_place():
    positions = np.array([[0.0, 0, 0], [0.004, 0, 0], [0.031, 0.012, 0.0]])
    image = Cells(positions, 0.01, 1).image(torch.tensor([1.0, 2.0, 4.0]))
    assert image.shape == (4, 2, 2)
    assert image[0, 0, 0] == 3
    assert image[3, 1, 0] == 4
    assert image.sum() == 7


def test_voxels_of_a_cell_are_neighbours():
    positions = np.stack(np.meshgrid(*[0.01 * np.arange(4)] * 3, indexing="ij"), -1).reshape(-1, 3)
    cells = Cells(positions, 0.01, 1)
    fine, coarse = cells.places(positions, fine=True), cells.places(positions, fine=False)
    assert sorted(fine) == list(range(64))
    assert (fine // SLOTS == coarse).all()
