"""Dipole scan: exact where the model is, best by construction, and as MNE-Python's fit off the grid."""

from dataclasses import replace

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers import DipoleScan


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def signal(leadfield, sources, moments) -> np.ndarray:
    return np.einsum("cso,sot->ct", leadfield.gain[:, sources], moments)


def test_one_noiseless_dipole_is_found_everywhere_with_its_moment_and_a_perfect_fit(sphere_leadfield, rng):
    solver = DipoleScan().fit(sphere_leadfield)
    n_sources = sphere_leadfield.n_sources
    moments = rng.standard_normal((n_sources, 3, 1)) * 1e-8
    data = np.einsum("cso,sot->sct", sphere_leadfield.gain, moments)
    truth = np.zeros((n_sources, n_sources, 3, 1))
    truth[np.arange(n_sources), np.arange(n_sources)] = moments
    assert np.allclose(solver.estimate(data), truth, atol=1e-14)
    assert solver.dipoles(data[7]).goodness_of_fit == pytest.approx(1.0, abs=1e-12)
    assert np.allclose(solver.goodness_of_fit(data).argmax(axis=1), np.arange(n_sources))


def test_three_noiseless_dipoles_are_found(sphere_leadfield, rng):
    sources = [20, 150, 300]
    moments = rng.standard_normal((3, 3, 100)) * 1e-8
    found = DipoleScan(n_dipoles=3).fit(sphere_leadfield).dipoles(signal(sphere_leadfield, sources, moments))
    order = np.argsort(found.sources)
    assert found.sources[order].tolist() == sources
    assert np.allclose(found.moments[order], moments, atol=1e-13)
    assert np.array_equal(found.pos[order], sphere_leadfield.pos[sources])
    assert found.goodness_of_fit == pytest.approx(1.0, abs=1e-12)


def test_fixed_orientations_are_found_with_their_sign(sphere_leadfield, rng):
    normals = rng.standard_normal((sphere_leadfield.n_sources, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    gain = np.einsum("csx,sx->cs", sphere_leadfield.gain, normals)
    fixed = LeadField.from_arrays(gain, sphere_leadfield.pos, ch_names=sphere_leadfield.ch_names, normals=normals)
    solver = DipoleScan(n_dipoles=2).fit(fixed)
    moments = np.array([[[-2e-8]], [[1e-8]]])
    currents = solver.estimate(signal(fixed, [10, 200], moments))
    assert np.allclose(currents[[10, 200]], moments, atol=1e-14)
    assert np.count_nonzero(currents) == 2


def test_goodness_of_fit_is_that_of_plain_least_squares_and_no_dipole_alone_can_better_it(sphere_leadfield, rng):
    leadfield = sphere_leadfield
    data = signal(leadfield, [30, 211], rng.standard_normal((2, 3, 1)) * 1e-8)
    data += 0.2 * data.std() * rng.standard_normal(data.shape)
    found = DipoleScan(n_dipoles=2).fit(leadfield).dipoles(data)
    referenced = leadfield.gain - leadfield.gain.mean(axis=0)
    data = data - data.mean(axis=0)

    def fit(*pair: int) -> float:
        columns = referenced[:, pair].reshape(len(data), -1)
        residual = data - columns @ np.linalg.lstsq(columns, data)[0]
        return 1 - float(np.sum(residual**2) / np.sum(data**2))

    assert found.goodness_of_fit == pytest.approx(fit(*found.sources), abs=1e-10)
    for held in found.sources:
        best = max(fit(held, other) for other in range(leadfield.n_sources) if other != held)
        assert found.goodness_of_fit == pytest.approx(best, abs=1e-10)


def test_moving_dipoles_have_a_place_at_every_time_point(sphere_leadfield):
    moments = np.zeros((2, 3, 2))
    moments[0, :, 0] = moments[1, :, 1] = [0, 1e-8, 2e-8]
    data = signal(sphere_leadfield, [40, 220], moments)
    currents = DipoleScan(moving=True).fit(sphere_leadfield).estimate(np.stack([data, data[:, ::-1]]))
    truth = np.zeros((sphere_leadfield.n_sources, 3, 2))
    truth[[40, 220]] = moments
    assert np.allclose(currents, [truth, truth[:, :, ::-1]], atol=1e-14)


@pytest.mark.parametrize("n_dipoles", [1, 2])
def test_refined_positions_are_those_between_the_sources(sphere, sphere_leadfield, n_dipoles):
    pos = np.array([[0.021, -0.033, 0.038], [-0.032, 0.022, 0.027]])[:n_dipoles]
    moments = np.array([[3.0, -1.0, 2.0], [1.0, 2.0, -2.0]])[:n_dipoles, :, np.newaxis] * 1e-8
    course = np.stack([np.sin(np.arange(20)), np.cos(3.0 * np.arange(20))])[:n_dipoles, np.newaxis]
    data = np.einsum("cso,sot->ct", sphere.gain_at(pos), moments * course)
    solver = DipoleScan(n_dipoles=n_dipoles).fit(sphere_leadfield)
    coarse, fine = solver.dipoles(data), solver.refine(data, sphere.gain_at)
    order = [int(np.linalg.norm(fine.pos - each, axis=1).argmin()) for each in pos]
    assert np.linalg.norm(coarse.pos[order] - pos, axis=1).max() > 2e-3
    assert np.linalg.norm(fine.pos[order] - pos, axis=1).max() < 1e-4
    assert np.allclose(fine.moments[order], moments * course, atol=1e-9)
    assert fine.goodness_of_fit > 1 - 1e-5 > coarse.goodness_of_fit


def test_refined_positions_equal_mne_python(rng):
    names = mne.channels.make_standard_montage("biosemi64").ch_names
    info = mne.create_info(names, 100.0, "eeg").set_montage("biosemi64")
    conductor = mne.make_sphere_model("auto", "auto", info, verbose="error")

    def gain_at(pos: np.ndarray) -> np.ndarray:
        src = mne.setup_volume_source_space(pos={"rr": pos, "nn": np.tile([0.0, 0, 1], (len(pos), 1))}, verbose="error")
        src[0]["coord_frame"] = mne.io.constants.FIFF.FIFFV_COORD_HEAD
        forward = mne.make_forward_solution(info, None, src, conductor, mindist=0, verbose="error")
        return forward["sol"]["data"].reshape(64, len(pos), 3)

    steps = np.arange(-0.05, 0.06, 0.02)
    pos = conductor["r0"] + np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    pos = pos[np.linalg.norm(pos - conductor["r0"], axis=1) < 0.065]
    data = gain_at(conductor["r0"] + [[0.013, -0.027, 0.031]])[:, 0] @ np.array([[1.0], [2.0], [-1.0]]) * 1e-8
    data += 0.1 * data.std() * rng.standard_normal(data.shape)
    evoked = mne.EvokedArray(data, info).set_eeg_reference("average", projection=True, verbose="error")
    covariance = mne.make_ad_hoc_cov(evoked.info, verbose="error")
    reference = mne.fit_dipole(evoked, covariance, conductor, tol=1e-6, verbose="error")[0]
    solver = DipoleScan().fit(LeadField.from_arrays(gain_at(pos), pos, info=info), covariance)
    found = solver.refine(data, gain_at)
    assert np.linalg.norm(found.pos[0] - reference.pos[0]) < 2e-4
    assert np.linalg.norm(found.moments) == pytest.approx(reference.amplitude[0], rel=1e-2)
    assert found.goodness_of_fit == pytest.approx(reference.gof[0] / 100, abs=1e-3)
    assert found.goodness_of_fit > solver.dipoles(data).goodness_of_fit


def test_sweeps_that_were_too_few_are_said(sphere_leadfield, rng):
    data = signal(sphere_leadfield, [20, 21, 22], rng.standard_normal((3, 3, 1)) * 1e-8)
    data += 0.3 * data.std() * rng.standard_normal(data.shape)
    with pytest.warns(RuntimeWarning, match="still changed after 1 sweeps; raise max_sweeps"):
        DipoleScan(n_dipoles=3, max_sweeps=1).fit(sphere_leadfield).estimate(data)


def test_impossible_wishes_are_refused_in_words(sphere_leadfield, sphere):
    for n_dipoles in (0, 22):
        with pytest.raises(InputError, match="from 1 to 21"):
            DipoleScan(n_dipoles=n_dipoles).fit(sphere_leadfield)
    with pytest.raises(InputError, match="one sample"):
        DipoleScan().fit(sphere_leadfield).dipoles(np.zeros((2, 64, 1)))
    normals = np.tile([0.0, 0.0, 1.0], (sphere_leadfield.n_sources, 1))
    one_orientation = replace(sphere_leadfield, normals=normals).fixed()
    with pytest.raises(InputError, match="requires free orientations"):
        DipoleScan().fit(one_orientation).refine(np.ones((64, 1)), sphere.gain_at)


def test_silence_gives_no_currents(sphere_leadfield):
    assert not DipoleScan(n_dipoles=2).fit(sphere_leadfield).estimate(np.zeros((64, 3))).any()
