"""Meshes of label volumes: tissues keep their volume, nodes lie on boundaries, impossible labels are refused."""

from dataclasses import replace

import numpy as np
import pytest
from mne.transforms import apply_trans
from skfem.refdom import RefHex

from forward.fem.spheres import sphere_labels
from headwater._utils.errors import InputError
from headwater.forward.fem.hexahedra import CORNERS, gauss_points, jacobians
from headwater.forward.fem.meshing import hexahedra
from headwater.forward.fem.method import FEM, Discretised
from headwater.head.conductivity import BONE_TISSUES, BRAIN_TISSUES, SPONGY, TEN_TISSUES
from headwater.head.template import template_head

RADII = 1e-3 * np.array([64.0, 72.0, 80.0, 88.0])


@pytest.fixture(scope="module")
def labels():
    return sphere_labels(RADII, 0.002)


@pytest.fixture(scope="module")
def mesh(labels):
    return hexahedra(labels, 0.004)


def test_corners_are_numbered_as_in_scikit_fem():
    np.testing.assert_array_equal(CORNERS, RefHex.p.T)


def test_tissues_keep_their_volume(mesh):
    volumes, inner = mesh.volumes(), 0.0
    for tissue, radius in enumerate(RADII):
        exact = 4 / 3 * np.pi * (radius**3 - inner**3)
        assert volumes[mesh.tissue == tissue].sum() == pytest.approx(exact, rel=0.02)
        inner = radius


def test_air_needs_no_conductivity(labels):
    """It is in no mesh, though it may be among the labels, as in segmentations by ROAST."""
    values = labels.labels.copy()
    names = (*labels.names, "air")
    values[:8][values[:8] > 0] = len(names)
    head = replace(template_head(), tissues=replace(labels, labels=values, names=names))
    model = Discretised(head, FEM(resolution_mm=8.0))
    assert "air" in model.mesh.tissues
    assert set(model.sigma) <= set(TEN_TISSUES.values.values())


def test_nodes_lie_on_the_boundaries(labels, mesh):
    def off(mesh) -> np.ndarray:
        incidence = mesh.incidence()
        tissues = np.stack([incidence @ (mesh.tissue == tissue) for tissue in range(4)], axis=1)
        between = ((tissues > 0).sum(axis=1) > 1) | (incidence.sum(axis=1) < 8)
        radius = np.linalg.norm(mesh.nodes[between], axis=1)
        return np.abs(radius[:, np.newaxis] - RADII).min(axis=1)

    cubes = hexahedra(labels, 0.004, adapted=False)
    assert np.median(off(cubes)) > 0.001
    assert np.median(off(mesh)) < 0.00015
    assert np.percentile(off(mesh), 90) < 0.0005


def test_no_element_is_turned_inside_out(mesh):
    assert np.linalg.det(jacobians(gauss_points(), mesh.nodes[mesh.elements])).min() > 0.04 * 0.004**3


def test_no_brain_touches_bone():
    """Without any CSF between brain and bone, elements become CSF."""
    thin = sphere_labels(1e-3 * np.array([71.9, 72.0, 80.0, 88.0]), 0.002)
    mesh = hexahedra(thin, 0.004)
    names = np.array(mesh.tissues)[mesh.tissue]
    touched = [set(np.unique(mesh.elements[np.isin(names, some)])) for some in (BRAIN_TISSUES, BONE_TISSUES)]
    assert not touched[0] & touched[1]
    assert (names == "CSF").sum() > 1000


def test_spongy_bone_is_closed_off():
    """Tables of 2 mm do not vanish between elements of 4 mm: no element of spongy bone shares an edge with others."""
    ball = sphere_labels(1e-3 * np.array([30.0, 36.0, 56.0, 62.0]), 0.002)
    radius = np.linalg.norm(apply_trans(ball.affine, np.argwhere(ball.labels >= 0)), axis=1)
    deep = (np.abs(radius - 0.046) < 0.008).reshape(ball.labels.shape)
    spongy = replace(ball, labels=np.where(deep, 5, ball.labels).astype(np.uint8), names=(*ball.names, SPONGY))
    mesh = hexahedra(spongy, 0.004)
    names = np.array(mesh.tissues)[mesh.tissue]
    incidence = mesh.incidence()
    within, others = incidence[:, names == SPONGY], incidence[:, ~np.isin(names, BONE_TISSUES)]
    assert (names == SPONGY).sum() > 1000
    assert (within.T @ others).max() < 2


@pytest.mark.parametrize("hole", [True, False])
def test_no_current_passes_a_thin_skull_through_shared_nodes(labels, hole):
    """Neither at corners and edges of a skull as thin as a cell, nor through a hole of 8 mm at the vertex."""
    thin = sphere_labels(1e-3 * np.array([68.0, 76.0, 80.0, 88.0]), 0.002)
    values = (labels if hole else thin).labels.copy()
    if hole:
        middle = np.array(values.shape) // 2
        column = values[middle[0] - 2 : middle[0] + 2, middle[1] - 2 : middle[1] + 2, middle[2] :]
        column[column == 3] = 2
    mesh = hexahedra(replace(labels if hole else thin, labels=values), 0.004)
    names = np.array(mesh.tissues)[mesh.tissue]
    within, soft = (
        set(np.unique(mesh.elements[np.isin(names, some)])) for some in ((*BRAIN_TISSUES, "CSF"), ("scalp",))
    )
    assert not within & soft
    assert (names == "scalp").sum() > 1000


def test_what_is_not_connected_is_left_out(labels):
    speck = labels.labels.copy()
    speck[1:4, 1:4, 1:4] = 4
    assert len(hexahedra(replace(labels, labels=speck), 0.004).elements) == len(hexahedra(labels, 0.004).elements)


def test_impossible_labels_are_refused(labels):
    with pytest.raises(InputError, match="tissue labels cheese are unknown"):
        hexahedra(replace(labels, names=("cheese", *labels.names[1:])), 0.004)
    hole = labels.labels.copy()
    middle = np.array(hole.shape) // 2
    hole[middle[0] - 12 : middle[0] + 12, middle[1] - 12 : middle[1] + 12, middle[2] :][
        hole[middle[0] - 12 : middle[0] + 12, middle[1] - 12 : middle[1] + 12, middle[2] :] == 3
    ] = 4
    with pytest.raises(InputError, match="The skull leaks: . % of the upper surface"):
        hexahedra(replace(labels, labels=hole), 0.004)
    with pytest.raises(InputError, match="is empty"):
        hexahedra(replace(labels, labels=np.zeros_like(hole)), 0.004)
    with pytest.raises(InputError, match="has no bone"):
        hexahedra(replace(labels, names=("white matter", "CSF", "scalp", "muscle")), 0.004)
