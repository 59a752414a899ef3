"""Solvers of one lead field elsewhere: nothing changes at home, and little with another cap or grid."""

from dataclasses import replace

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.networks import FCN, Morphed, NetworkSolver
from headwater.solvers import ELORETA
from headwater.solvers.tuning import with_parameters


@pytest.fixture(scope="module")
def home(free_leadfield) -> LeadField:
    return replace(free_leadfield, pos_mni=free_leadfield.pos)


@pytest.fixture(scope="module")
def away(home, info) -> LeadField:
    """Other electrodes and a shifted grid on the same sphere."""
    sphere = mne.make_sphere_model("auto", "auto", info, verbose="error")
    cap = mne.create_info(mne.channels.make_standard_montage("biosemi64").ch_names, 100.0, "eeg")
    cap.set_montage("biosemi64")
    pos = {"rr": home.pos[::2] * 0.97 + 0.004, "nn": np.tile([0.0, 0.0, 1.0], (len(home.pos[::2]), 1))}
    src = mne.setup_volume_source_space(pos=pos, sphere=sphere, verbose="error")
    fwd = mne.make_forward_solution(cap, trans=None, src=src, bem=sphere, verbose="error")
    leadfield = LeadField.from_forward(fwd)
    return replace(leadfield, pos_mni=leadfield.pos)


def test_at_home_every_source_is_its_own(home):
    morphed = Morphed(solver=ELORETA(), home=home).fit(home)
    np.testing.assert_allclose(morphed.carry_.toarray(), np.eye(3 * home.n_sources), atol=1e-12)


def test_parameters_of_the_solver_inside_are_reached_and_the_solver_given_is_left_alone(home):
    inside = ELORETA(lambda2=1.0)
    morphed = Morphed(solver=inside, home=home)
    assert morphed.title == "eLORETA"
    assert morphed.morphed
    assert morphed.get_params()["solver__lambda2"] == 1.0
    assert with_parameters(morphed, {"solver__lambda2": 0.5}).solver.lambda2 == 0.5
    assert inside.lambda2 == 1.0


def test_weights_of_the_sources_at_home_sum_to_one(home, away):
    carry = Morphed(solver=ELORETA(), home=home).fit(away).carry_
    np.testing.assert_allclose(carry.sum(axis=1), 1)
    assert (np.diff(carry.indptr) <= 12).all()


def test_a_dipole_is_found_with_another_cap_on_another_grid(home, away):
    morphed, own = Morphed(solver=ELORETA(lambda2=1e-3), home=home).fit(away), ELORETA(lambda2=1e-3).fit(away)
    data = away.matrix.T[:, :, np.newaxis] * 1e-8  # every dipole once
    true = np.repeat(away.pos, 3, axis=0)
    error, best = (
        np.linalg.norm(away.pos[np.linalg.norm(solver.estimate(data)[..., 0], axis=2).argmax(axis=1)] - true, axis=1)
        for solver in (morphed, own)
    )
    assert np.mean(best) < 1e-3
    assert np.mean(error) < home.grid.spacing


def test_currents_explain_the_data_and_grow_with_them(home, away):
    morphed = Morphed(solver=ELORETA(), home=home).fit(away)
    data = np.random.default_rng(0).normal(size=(2, 3, away.n_channels, 4)) * 1e-6
    found = morphed.estimate(data)
    assert found.shape == (2, 3, away.n_sources, 3, 4)
    np.testing.assert_allclose(morphed.estimate(7 * data), 7 * found, rtol=1e-6)
    explained = morphed.gain_ @ found.reshape(6, -1, 4)
    white = morphed.whitener_ @ data.reshape(6, -1, 4)
    np.testing.assert_allclose(np.sum(explained * white, (1, 2)), np.sum(explained**2, (1, 2)))
    assert np.isfinite(morphed.estimate(0 * data)).all()


def test_sources_along_normals_become_vectors_and_back(home, fixed_leadfield):
    fixed = replace(fixed_leadfield, pos_mni=fixed_leadfield.pos)
    there = Morphed(solver=ELORETA(), home=fixed).fit(home)
    data = np.random.default_rng(0).normal(size=(home.n_channels, 2)) * 1e-6
    assert there.estimate(data).shape == (home.n_sources, 3, 2)
    back = Morphed(solver=ELORETA(), home=home).fit(fixed)
    assert back.estimate(data).shape == (fixed.n_sources, 1, 2)
    product = (back.carry_ @ there.carry_).toarray()  # along the normal, across to x, y, z, and along it again
    np.testing.assert_allclose(product, np.eye(fixed.n_sources), atol=1e-12)


def test_a_network_takes_a_cap_it_never_saw(home, away):
    network = NetworkSolver(network=FCN.for_leadfield(home, hidden=(8, 8)))
    data = np.random.default_rng(0).normal(size=(away.n_channels, 5)) * 1e-6
    assert np.isfinite(Morphed(solver=network, home=home).fit(away).estimate(data)).all()


def test_sources_of_unknown_place_are_refused(home, away):
    with pytest.raises(InputError, match="MNI space"):
        Morphed(solver=ELORETA(), home=home).fit(replace(away, pos_mni=None))


def test_what_was_not_measured_is_not_made_up(home):
    magnetic = LeadField.from_arrays(home.gain, home.pos, ch_names=home.ch_names, ch_types="mag")
    with pytest.raises(InputError, match="types mag, but the recording has no mag"):
        Morphed(solver=ELORETA(), home=replace(magnetic, pos_mni=home.pos)).fit(home)


def test_other_types_of_sensors_are_left_out(home):
    kinds = ["eeg"] * 20 + ["mag"] * (home.n_channels - 20)
    both = LeadField.from_arrays(home.gain, home.pos, ch_names=home.ch_names, ch_types=kinds)
    noise = np.diag(np.arange(1.0, home.n_channels + 1))
    morphed = Morphed(solver=ELORETA(), home=home).fit(replace(both, pos_mni=home.pos), noise)
    assert morphed.leadfield_.ch_names == home.ch_names[:20]


def test_nothing_to_estimate_and_the_solver_inside_is_left_alone(home, away):
    inside = ELORETA()
    morphed = Morphed(solver=inside, home=home).fit(away)
    assert morphed.estimate(np.empty((0, away.n_channels, 4))).shape == (0, away.n_sources, 3, 4)
    assert "leadfield_" not in vars(inside)
    assert not morphed.learned
