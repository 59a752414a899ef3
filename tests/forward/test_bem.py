"""Own boundary elements: MNE-Python's numbers, and the exact series."""

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.forward import bem, collocation
from headwater.forward.layers import Layers, coarser, head_layers
from headwater.forward.potential import eeg_gain
from headwater.forward.sphere import sphere_eeg
from headwater.head.anatomy import Surface


@cache
def icosahedron(grade: int) -> dict:
    path = Path(mne.__file__).parent / "data" / "icos.fif.gz"
    return mne.read_bem_surfaces(path, s_id=9000 + grade, verbose="error")


def ico_surface(grade: int, radius: float) -> Surface:
    return Surface(rr=radius * icosahedron(grade)["rr"], tris=icosahedron(grade)["tris"])


def bumpy_layers(skull: float = 0.006, n_layers: int = 3) -> Layers:
    """Nested ellipsoids with bumps, ico2."""
    surfaces = []
    for radius in (0.092, 0.086, 0.080):
        surface = ico_surface(2, radius)
        bumps = 0.001 * np.sin(60 * surface.rr[:, [1, 2, 0]])
        surfaces.append(Surface(rr=surface.rr * [1.0, 1.1, 0.9] + bumps, tris=surface.tris))
    return Layers(tuple(surfaces[-n_layers:]), np.array([0.3, skull, 0.3])[-n_layers:])


@pytest.mark.parametrize(("skull", "n_layers"), [(0.006, 3), (0.2, 3), (0.006, 1)])
def test_the_solution_is_that_of_mne(skull, n_layers):
    """With and without the isolated-problem approach, and for MEG's single layer."""
    layers = bumpy_layers(skull, n_layers)
    expected = mne.make_bem_solution(layers.mne_surfaces(), verbose="error")
    solution = bem.solve(layers)
    np.testing.assert_allclose(solution, expected["solution"], atol=1e-11 * np.abs(solution).max())
    found = bem.conductor_model(layers, solution)
    assert found.keys() == expected.keys()
    for name in ("sigma", "source_mult", "field_mult", "gamma", "nsol", "bem_method", "is_sphere"):
        np.testing.assert_allclose(found[name], expected[name])
    assert found["solver"] == expected["solver"]


def test_chunks_of_points_do_not_matter(monkeypatch):
    layers = bumpy_layers()
    whole = bem.solve(layers)
    monkeypatch.setattr(collocation, "CHUNK", 50)  # does not divide 162
    np.testing.assert_allclose(bem.solve(layers), whole, rtol=1e-9)


def test_rows_at_electrodes_are_rows_of_the_solution():
    layers = bumpy_layers()
    generator = np.random.default_rng(0)
    weights = generator.dirichlet(np.ones(3), 20)
    triangles = generator.integers(len(layers.surfaces[0].tris), size=20)
    electrodes = np.einsum("ek,ekx->ex", weights, layers.surfaces[0].rr[layers.surfaces[0].tris[triangles]])
    solution = bem.solve(layers)
    expected = np.einsum("ek,ekv->ev", weights, solution[layers.surfaces[0].tris[triangles]])
    for rows in (
        bem.solve_rows(layers, electrodes),
        bem.conductor_rows(bem.conductor_model(layers, solution), electrodes),
    ):
        np.testing.assert_allclose(rows, expected, atol=1e-9 * np.abs(expected).max())


def test_nearest_points_of_a_surface():
    """Above a face, above an edge and above a corner of an octahedron."""
    corners = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1]], float)
    tris = np.array([[0, 1, 2], [1, 3, 2], [3, 4, 2], [4, 0, 2], [1, 0, 5], [3, 1, 5], [4, 3, 5], [0, 4, 5]])
    points = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 3.0], [0.5, 0.3, 0.1]])
    triangles, weights = bem.on_surface(points, Surface(rr=corners, tris=tris))
    found = np.einsum("pk,pkx->px", weights, corners[tris[triangles]])
    expected = np.array([np.ones(3) / 3, [0.5, 0.5, 0.0], [0.0, 0.0, 1.0], points[3] + 0.1 / 3])
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert (weights >= 0).all()


def relative_difference(found: np.ndarray, expected: np.ndarray) -> tuple[float, float]:
    """Median RDM and MAG over dipoles, against the average reference."""
    found, expected = (gain.reshape(len(gain), -1) - gain.mean(axis=0).ravel() for gain in (found, expected))
    sizes = np.linalg.norm(found, axis=0), np.linalg.norm(expected, axis=0)
    rdm = np.linalg.norm(found / sizes[0] - expected / sizes[1], axis=0)
    return float(np.median(rdm)), float(np.median(sizes[0] / sizes[1]))


def test_error_against_the_exact_series():
    """Concentric spheres at ico3; at ico2 the error must be larger, so that it falls with refinement."""
    generator = np.random.default_rng(1)
    pos = generator.normal(size=(60, 3))
    pos *= generator.uniform(0.02, 0.072, size=(60, 1)) / np.linalg.norm(pos, axis=1, keepdims=True)
    electrodes = generator.normal(size=(40, 3))
    electrodes *= 0.092 / np.linalg.norm(electrodes, axis=1, keepdims=True)
    sigma = np.array([0.3, 0.006, 0.3])
    exact = sphere_eeg(electrodes, pos, np.array([0.080, 0.086, 0.092]), sigma)
    errors = {}
    for grade in (2, 3):
        layers = Layers(tuple(ico_surface(grade, radius) for radius in (0.092, 0.086, 0.080)), sigma)
        errors[grade] = relative_difference(eeg_gain(bem.solve_rows(layers, electrodes), layers, pos), exact)
    assert errors[3][0] < 0.04
    assert 0.90 < errors[3][1] < 0.97
    assert errors[2][0] > 1.5 * errors[3][0]


def test_the_second_solution_comes_from_disk(ball_head, monkeypatch):
    first = bem.make_bem(ball_head, ico=2)

    def forbidden(_):
        raise AssertionError("solved again")

    monkeypatch.setattr(bem, "solve", forbidden)
    np.testing.assert_array_equal(bem.make_bem(ball_head, ico=2)["solution"], first["solution"])
    other = replace(ball_head, conductivities=replace(ball_head.conductivities, skull=0.01))
    with pytest.raises(AssertionError, match="solved again"):
        bem.make_bem(other, ico=2)


def test_a_ready_solution_is_used(ball_head):
    ready = mne.make_sphere_model(verbose="error")
    assert bem.make_bem(replace(ball_head, conductor=ready)) is ready


def test_icosahedra_are_thinned_out():
    fine, expected = ico_surface(4, 0.08), ico_surface(2, 0.08)
    coarse = coarser(fine, 2)
    np.testing.assert_array_equal(coarse.rr, expected.rr)

    def turned(tris):
        return {tuple(np.roll(tri, -np.argmin(tri))) for tri in tris}

    assert turned(coarse.tris) == turned(expected.tris)
    assert coarser(expected, 2) is expected
    shuffled = np.random.default_rng(0).permutation(len(fine.rr))
    foreign = Surface(rr=fine.rr[np.argsort(shuffled)], tris=shuffled[fine.tris])
    with pytest.raises(InputError, match="decimate it to about 162 vertices"):
        coarser(foreign, 2)


def test_bad_surfaces_are_refused():
    layers = bumpy_layers()
    scalp, outer, inner = layers.surfaces
    with pytest.raises(InputError, match="outer skull surface has holes"):
        bem.solve(replace(layers, surfaces=(scalp, Surface(outer.rr, outer.tris[1:]), inner)))
    with pytest.raises(InputError, match="inner skull surface face inwards"):
        bem.solve(replace(layers, surfaces=(scalp, outer, Surface(inner.rr, inner.tris[:, ::-1]))))
    broken = inner.rr.copy()
    broken[7] = np.nan
    with pytest.raises(InputError, match="inner skull surface has vertices that are not finite"):
        bem.solve(replace(layers, surfaces=(scalp, outer, Surface(broken, inner.tris))))
    flat = outer.rr.copy()
    flat[outer.tris[0, 1]] = flat[outer.tris[0, 0]]
    with pytest.raises(InputError, match="outer skull surface has 2 triangles without area"):
        bem.solve(replace(layers, surfaces=(scalp, Surface(flat, outer.tris), inner)))
    with pytest.raises(InputError, match="inner skull surface is not completely inside the outer skull"):
        bem.solve(replace(layers, surfaces=(scalp, outer, Surface(1.15 * inner.rr, inner.tris))))


def test_eeg_needs_a_scalp(ball_head):
    with pytest.raises(InputError, match="no skull and scalp surfaces"):
        head_layers(replace(ball_head, scalp=None))


def test_openmeeg_is_asked_for_when_absent(ball_head, monkeypatch):
    monkeypatch.setitem(sys.modules, "openmeeg", None)  # importing it then fails
    with pytest.raises(InputError, match="pip install 'headwater\\[openmeeg\\]'"):
        bem.make_bem(ball_head, ico=2, solver="openmeeg")
    with pytest.raises(InputError, match="no BEM solver 'fem'"):
        bem.make_bem(ball_head, ico=2, solver="fem")
