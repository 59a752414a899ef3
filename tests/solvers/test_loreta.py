"""LORETA and LAURA: their definitions written out densely, and what smoothness does to resolution."""

from dataclasses import replace

import mne
import numpy as np
import pytest
from scipy import sparse

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers import LAURA, LORETA, MinimumNorm, WeightedMinimumNorm
from headwater.solvers.inputs.whitening import whiten
from headwater.solvers.laura import autoregression
from headwater.solvers.linear.smoothness import source_strength
from headwater.solvers.loreta import laplacian
from spheres import electrodes, sphere_leadfield

LAMBDA2 = 1 / 9
SMOOTH = [LORETA, LAURA]


@pytest.fixture(scope="module")
def grid() -> LeadField:
    """A ball of sources, 15 mm apart, under 64 electrodes."""
    return sphere_leadfield(electrodes("biosemi64"), 15.0)


@pytest.fixture(scope="module")
def cap(grid) -> mne.Covariance:
    """Noise with correlations between electrodes."""
    mixing = np.random.default_rng(0).normal(size=(64, 64)) * 1e-7 + 1e-6 * np.eye(64)
    return mne.Covariance(mixing @ mixing.T, grid.ch_names, [], [], nfree=1000)


def dense_laplacian(leadfield: LeadField) -> np.ndarray:
    """``I - A`` with ``A = (I + diag(A0 1)^-1) A0 / 2``: A0 is 1/6 where two sources are one step apart."""
    gap = np.linalg.norm(leadfield.pos[:, np.newaxis] - leadfield.pos, axis=2)
    near = np.where(np.isclose(gap, leadfield.grid.spacing), 1 / 6, 0.0)
    mean = 0.5 * (np.eye(len(near)) + np.diag(1 / near.sum(axis=1))) @ near
    return np.eye(len(near)) - mean


def dense_autoregression(leadfield: LeadField, drop_off: float) -> np.ndarray:
    gap = np.linalg.norm(leadfield.pos[:, np.newaxis] - leadfield.pos, axis=2)
    near = (gap > 0) & (gap < 1.01 * np.sqrt(3) * leadfield.grid.spacing)
    weights = np.where(near, np.where(near, gap, 1.0) ** -drop_off, 0.0)
    return np.diag(26 / near.sum(axis=1) * weights.sum(axis=1)) - weights


def dense_kernel(leadfield, noise_cov, roughness_of_currents) -> np.ndarray:
    """``R G' (G R G' + lambda2 I)^-1 W`` with the full matrix ``R = (M' M)^-1``, as the method is published."""
    white = whiten(leadfield, noise_cov)
    gain = white.gain.reshape(len(white.gain), -1)
    n_orient = white.gain.shape[2]
    full = np.kron(roughness_of_currents, np.eye(n_orient))
    prior = np.linalg.inv(full.T @ full)
    gram = gain @ prior @ gain.T
    scale = len(gain) / np.trace(gram)
    return scale * prior @ gain.T @ np.linalg.inv(scale * gram + LAMBDA2 * np.eye(len(gain))) @ white.whitener


def close(one, other, tolerance=1e-8) -> bool:
    return np.linalg.norm(one - other) <= tolerance * np.linalg.norm(other)


def strengths(leadfield, noise_cov) -> np.ndarray:
    return np.linalg.norm(whiten(leadfield, noise_cov).gain, axis=(0, 2))


def test_loreta_is_the_published_formula(grid, cap):
    roughness = dense_laplacian(grid) @ np.diag(strengths(grid, cap))
    assert close(LORETA().fit(grid, cap).kernel_, dense_kernel(grid, cap, roughness))


@pytest.mark.parametrize("drop_off", [2.0, 3.0])
def test_laura_is_the_published_formula(grid, cap, drop_off):
    roughness = np.diag(strengths(grid, cap)) @ dense_autoregression(grid, drop_off)
    assert close(LAURA(drop_off=drop_off).fit(grid, cap).kernel_, dense_kernel(grid, cap, roughness))


def test_a_cortex_is_smoothed_along_its_mesh(recordings):
    recording = recordings["eeg"]
    leadfield = recording.leadfield.fixed()
    near = leadfield.adjacency.toarray()
    mean = near / near.sum(axis=1, keepdims=True)
    strength = np.diag(strengths(leadfield, recording.noise_cov))
    solver = LORETA(leak=0.05).fit(leadfield, recording.noise_cov)
    expected = dense_kernel(leadfield, recording.noise_cov, (np.eye(len(near)) - 0.95 * mean) @ strength)
    assert close(solver.kernel_, expected)
    gap = np.linalg.norm(leadfield.pos[:, np.newaxis] - leadfield.pos, axis=2)
    weights = np.where(near > 0, np.where(near > 0, gap, 1.0) ** -2.0, 0.0)
    average = np.diag(weights.sum(axis=1) / 0.95) - weights
    solver = LAURA(leak=0.05).fit(leadfield, recording.noise_cov)
    assert close(solver.kernel_, dense_kernel(leadfield, recording.noise_cov, strength @ average))


def test_neighbours_on_a_grid_and_on_a_mesh_are_compared_each_in_its_way(grid):
    # The same sources without their grid are a mesh: inside, where all six neighbours are there, nothing changes.
    mesh = replace(grid, grid=None)
    inside = np.asarray(grid.adjacency.sum(axis=1)) == 6
    on_grid, on_mesh = laplacian(grid, 0.1).toarray(), laplacian(mesh, 0.0).toarray()
    assert 0 < inside.sum() < grid.n_sources
    assert np.allclose(on_grid[inside], on_mesh[inside])
    # Row sums: nothing leaks inside; at the boundary what the missing neighbours would hold, halved.
    missing = 6 - np.asarray(grid.adjacency.sum(axis=1))
    assert np.allclose(on_grid.sum(axis=1), missing / 12)
    assert np.allclose(on_mesh.sum(axis=1), 0)
    assert np.allclose(
        autoregression(mesh, 2.0, 0.2).toarray().sum(axis=1) / autoregression(mesh, 2.0, 0.2).diagonal(), 0.2
    )


@pytest.mark.parametrize("method", SMOOTH)
def test_the_estimate_is_the_minimum_of_misfit_and_roughness(grid, cap, method):
    solver = method().fit(grid, cap)
    white = whiten(grid, cap)
    gain = white.gain.reshape(len(white.gain), -1)
    strength = source_strength(white, 1.0)
    matrix = solver.roughness_of(white.leadfield, strength)
    roughness = sparse.kron(matrix, sparse.eye_array(3)).tocsr()
    data = 1e-6 * np.random.default_rng(1).standard_normal((64, 1))
    currents = solver.estimate(data).reshape(-1, 1)
    misfit = gain.T @ (white.whitener @ data - gain @ currents)
    rough = roughness.T @ (roughness @ currents)
    ratio = misfit.ravel() @ rough.ravel() / (rough.ravel() @ rough.ravel())
    assert ratio > 0  # the weight of the roughness: lambda2, in the scale of the prior
    assert np.linalg.norm(misfit - ratio * rough) < 1e-6 * np.linalg.norm(misfit)


@pytest.mark.parametrize("method", SMOOTH)
def test_a_symmetric_prior_gives_an_adjoint_pair(grid, cap, method):
    # K = R G' N with symmetric R and N: the resolution matrix K G is self-adjoint in the metric R^-1 = M' M.
    solver = method().fit(grid, cap)
    white = whiten(grid, cap)
    resolution = solver.kernel_ @ solver.leadfield_.matrix
    matrix = solver.roughness_of(white.leadfield, source_strength(white, 1.0)).toarray()
    metric = np.kron(matrix.T @ matrix, np.eye(3))
    product = metric @ resolution
    assert close(product, product.T, 1e-8)


@pytest.mark.parametrize("method", SMOOTH)
def test_point_spread_is_smoother_than_that_of_minimum_norm(grid, cap, method):
    adjacency = grid.adjacency.tocoo()
    strength = strengths(grid, cap)[:, np.newaxis, np.newaxis]  # smooth is what a source contributes to the data

    def roughness(solver) -> np.ndarray:
        resolution = solver.fit(grid, cap).kernel_ @ solver.leadfield_.matrix
        spread = strength * resolution.reshape(grid.n_sources, 3, -1)
        steps = spread[adjacency.row] - spread[adjacency.col]
        return np.sum(steps**2, axis=(0, 1)) / np.sum(spread**2, axis=(0, 1))

    smooth, rough = roughness(method(lambda2=1e-3)), roughness(WeightedMinimumNorm(lambda2=1e-3))
    assert smooth.mean() < 0.8 * rough.mean()
    assert smooth.max() < 0.5 * rough.max()


def test_deep_sources_are_not_drawn_to_the_surface(grid, cap):
    moments = np.random.default_rng(2).standard_normal((grid.n_sources, 3))
    topographies = np.einsum("csx,sx->cs", grid.gain, moments)
    depth = np.linalg.norm(grid.pos - grid.pos.mean(axis=0), axis=1)
    deep = depth < np.quantile(depth, 0.4)

    def error(solver) -> float:
        amplitude = np.linalg.norm(solver.fit(grid, cap).estimate(topographies[:, deep]), axis=1)
        return np.linalg.norm(grid.pos[amplitude.argmax(axis=0)] - grid.pos[deep], axis=1).mean()

    for method in SMOOTH:
        assert error(method(lambda2=1e-6)) < 0.6 * error(MinimumNorm(lambda2=1e-6, depth=None))


def test_loose_orientation_lies_between_fixed_and_free(recordings):
    recording = recordings["eeg"]
    data = recording.evoked.copy().pick(recording.leadfield.ch_names).data[:, :1]

    def tangential(loose: float) -> float:
        solver = LORETA(loose=loose).fit(recording.leadfield, recording.noise_cov)
        vectors = solver.estimate(data[[recording.evoked.ch_names.index(n) for n in solver.leadfield_.ch_names]])
        if vectors.shape[1] == 1:
            return 0.0
        along = np.einsum("sot,so->st", vectors, recording.leadfield.normals)
        return 1 - np.sum(along**2) / np.sum(vectors**2)

    assert tangential(0.0) < tangential(0.01) < tangential(0.2) < tangential(1.0)


def test_discrete_sources_resemble_the_six_nearest(noise_cov, discrete_forward):
    leadfield = LeadField.from_forward(mne.pick_types_forward(discrete_forward, meg=False, eeg=True))
    order = np.argsort(np.linalg.norm(leadfield.pos[:, np.newaxis] - leadfield.pos, axis=2), axis=1)[:, 1:7]
    near = np.zeros((leadfield.n_sources, leadfield.n_sources), bool)
    np.put_along_axis(near, order, True, axis=1)
    near |= near.T
    expected = np.eye(len(near)) - 0.9 * near / near.sum(axis=1, keepdims=True)
    assert np.allclose(laplacian(leadfield, 0.1).toarray(), expected)
    for method in SMOOTH:
        assert np.isfinite(method().fit(leadfield, noise_cov).kernel_).all()


@pytest.mark.parametrize("method", SMOOTH)
def test_meaningless_parameters_are_refused_in_words(grid, method):
    for leak in (0.0, 1.5):
        with pytest.raises(InputError, match="leak is"):
            method(leak=leak).fit(grid)
    with pytest.raises(InputError, match="lambda2 is"):
        method(lambda2=-1.0).fit(grid)
    with pytest.raises(InputError, match="drop_off is"):
        LAURA(drop_off=-1.0).fit(grid)


def test_a_source_without_neighbours_stands_by_itself(grid, cap):
    adjacency = grid.adjacency.tolil()
    adjacency[7, :] = 0
    adjacency[:, 7] = 0
    lonely = LeadField.from_arrays(grid.gain, grid.pos, info=grid.info, adjacency=sparse.csr_array(adjacency))
    for method in SMOOTH:
        assert np.isfinite(method().fit(lonely, cap).kernel_).all()
    assert np.array_equal(laplacian(lonely, 0.1).toarray()[7], np.eye(grid.n_sources)[7])


def test_two_neighbours_at_one_place_are_refused(grid):
    pos = grid.pos.copy()
    i, j = (index[0] for index in grid.adjacency.nonzero())
    pos[i] = pos[j]
    with pytest.raises(InputError, match="one source per place"):
        LAURA().fit(LeadField.from_arrays(grid.gain, pos, info=grid.info, adjacency=grid.adjacency))
