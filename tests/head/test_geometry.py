import mne
import numpy as np
import pytest
from scipy.spatial import ConvexHull

from headwater.head.geometry import (
    NearestPoint,
    enclosed_volume,
    first_hit,
    inside,
    neighbour_mean,
    vertex_normals,
    winding_number,
)
from headwater.head.template import template_head


@pytest.fixture(scope="module")
def sphere() -> tuple[np.ndarray, np.ndarray]:
    """A fine, outward-facing unit sphere."""
    step = np.arange(2000) + 0.5
    polar, turn = np.arccos(1 - step / 1000), np.pi * (1 + 5**0.5) * step
    rr = np.column_stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)])
    tris = ConvexHull(rr).simplices.copy()
    a, b, c = (rr[tris[:, k]] for k in range(3))
    inward = (np.cross(b - a, c - a) * a).sum(axis=1) < 0
    tris[inward] = tris[inward][:, ::-1]
    return rr, tris


def test_volume_and_normals_of_a_sphere(sphere: tuple[np.ndarray, np.ndarray]) -> None:
    rr, tris = sphere
    assert enclosed_volume(rr, tris) == pytest.approx(4 / 3 * np.pi, rel=5e-3)
    assert (vertex_normals(rr, tris) * rr).sum(axis=1).min() > 0.999


def test_winding_number_is_one_inside_and_zero_outside(sphere: tuple[np.ndarray, np.ndarray]) -> None:
    points = np.random.default_rng(0).uniform(-1.5, 1.5, (300, 3))
    radius = np.linalg.norm(points, axis=1)
    points, radius = points[np.abs(radius - 1) > 0.01], radius[np.abs(radius - 1) > 0.01]
    np.testing.assert_allclose(winding_number(*sphere, points), radius < 1, atol=1e-9)


def test_nearest_point_on_a_sphere(sphere: tuple[np.ndarray, np.ndarray]) -> None:
    points = np.random.default_rng(1).uniform(-1.3, 1.3, (500, 3))
    radius = np.linalg.norm(points, axis=1)
    points, radius = points[radius > 0.5], radius[radius > 0.5]
    nearest, distance, normals = NearestPoint(*sphere)(points)
    np.testing.assert_allclose(distance, radius - 1, atol=3e-3)
    np.testing.assert_allclose(np.linalg.norm(points - nearest, axis=1), np.abs(distance))
    assert (normals * nearest).sum(axis=1).min() > 0.99


def test_nearest_point_is_the_nearest_of_all_triangles() -> None:
    scalp = template_head().scalp
    assert scalp is not None
    points = scalp.rr[::40] + np.random.default_rng(2).normal(scale=0.005, size=scalp.rr[::40].shape)
    _, few, _ = NearestPoint(scalp.rr, scalp.tris)(points)
    _, every, _ = NearestPoint(scalp.rr, scalp.tris, n_candidates=len(scalp.tris))(points)
    np.testing.assert_allclose(few, every, atol=1e-5)
    assert ((few < 0) == inside(scalp.rr, scalp.tris, points)).mean() > 0.99


def test_rays_from_the_centre_meet_the_sphere_once(sphere: tuple[np.ndarray, np.ndarray]) -> None:
    directions = np.random.default_rng(3).standard_normal((200, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    np.testing.assert_allclose(first_hit(*sphere, np.zeros((200, 3)), directions), 1, atol=5e-3)
    assert np.isinf(first_hit(*sphere, 2 * directions, directions)).all()


def test_neighbour_mean_keeps_constants(sphere: tuple[np.ndarray, np.ndarray]) -> None:
    rr, tris = sphere
    mean = neighbour_mean(tris, len(rr))
    np.testing.assert_allclose(mean @ np.ones(len(rr)), 1)
    assert mean.nnz == len(rr) + 2 * (3 * len(tris) // 2)


def test_coarser_icosahedron_is_mne_pythons() -> None:
    surface = template_head().inner_skull.at_ico(3)
    assert surface.rr.shape == (642, 3)
    described = {"rr": surface.rr, "tris": surface.tris, "np": 642, "ntri": 1280, "id": 1}
    with mne.use_log_level("error"):
        complete = mne.surface.complete_surface_info(described)
    assert len(complete["neighbor_tri"]) == 642
    assert inside(surface.rr, surface.tris, surface.rr.mean(axis=0, keepdims=True)).all()
