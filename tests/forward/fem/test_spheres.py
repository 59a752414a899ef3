"""Finite elements against the exact series of concentric spheres."""

from dataclasses import replace

import mne
import numpy as np
import pytest

from forward.fem.conftest import FOUR_SHELLS, RADII, SIGMA, THICK
from forward.fem.spheres import dipoles, errors
from headwater._utils.errors import InputError
from headwater.forward.carried import carried_leadfield
from headwater.forward.fem import transfer
from headwater.forward.fem.hexahedra import Locator
from headwater.forward.fem.method import FEM, Discretised
from headwater.forward.fem.multigrid import Multigrid
from headwater.forward.fem.source_models import PartialIntegration, StVenant
from headwater.forward.fem.subtraction import subtraction_gain
from headwater.forward.make import make_leadfield
from headwater.forward.sphere import sphere_eeg, sphere_meg


def centre_of(model: Discretised) -> np.ndarray:
    return model.head.inner_skull.rr.mean(axis=0)


def electrodes_of(model: Discretised, info: mne.Info) -> np.ndarray:
    """Electrodes about the centre, in the frame of the mesh."""
    return model.head.to_mri(np.array([channel["loc"][:3] for channel in info["chs"]])) - centre_of(model)


def eeg_errors(model: Discretised, info: mne.Info, eccentricity: float, source_model, radii=RADII):
    pos, moments = dipoles(eccentricity, radii[0], 60)
    picks = np.arange(len(info["ch_names"]))
    gain = model.electric(info, picks, source_model.loads(model.mesh, pos + centre_of(model)))
    exact = sphere_eeg(electrodes_of(model, info), pos, radii, SIGMA)
    found, exact = (np.einsum("esx,sx->es", field, moments) for field in (gain, exact))
    return errors(found, exact)


@pytest.mark.parametrize(
    ("source_model", "eccentricity", "limit"),
    [
        *((StVenant(), eccentricity, 0.02) for eccentricity in (0.3, 0.8, 0.95)),
        (StVenant(), 0.98, 0.04),
        *((PartialIntegration(), eccentricity, 0.03) for eccentricity in (0.3, 0.8, 0.95)),
    ],
)
def test_eeg_of_four_shells(fine, twelve_electrodes, source_model, eccentricity, limit):
    info = mne.pick_info(twelve_electrodes, np.arange(0, 12, 2))
    rdm, mag = eeg_errors(fine, info, eccentricity, source_model)
    assert np.median(rdm) < limit
    assert 0.98 < np.median(mag) < 1.02


def test_shifted_nodes_lower_the_error(coarse, twelve_electrodes):
    cubes = Discretised(coarse.head, replace(coarse.fem, adapted=False))
    rdm, mag = eeg_errors(coarse, twelve_electrodes, 0.7, StVenant(), THICK)
    rdm_of_cubes, mag_of_cubes = eeg_errors(cubes, twelve_electrodes, 0.7, StVenant(), THICK)
    assert 1.4 * np.median(rdm) < np.median(rdm_of_cubes)
    assert 1.8 * abs(np.median(mag) - 1) < abs(np.median(mag_of_cubes) - 1)


def test_meg_agrees_with_sarvas(coarse, eeg_meg_info):
    """Radial dipoles are silent outside a sphere, so that all of the field is that of tangential ones."""
    picks = mne.pick_types(eeg_meg_info, meg=True)
    info = mne.pick_info(eeg_meg_info, picks)
    pos, moments = dipoles(0.7, THICK[0], 40)
    gain = coarse.magnetic(
        info, np.arange(len(picks)), pos + centre_of(coarse), StVenant().loads(coarse.mesh, pos + centre_of(coarse))
    )
    turn = coarse.head.mri_head_t["trans"][:3, :3]
    loc = np.array([channel["loc"] for channel in info["chs"]])
    points = coarse.head.to_mri(loc[:, :3]) - centre_of(coarse)
    exact = sphere_meg(points, loc[:, 9:12] @ turn, pos)  # at the middle of the coil
    found, exact = (np.einsum("csx,sx->cs", field, moments)[:, 20:] for field in (gain, exact))
    rdm = np.linalg.norm(found / np.linalg.norm(found, axis=0) - exact / np.linalg.norm(exact, axis=0), axis=0)
    assert np.median(rdm) < 0.02
    assert abs(np.median(np.linalg.norm(found, axis=0) / np.linalg.norm(exact, axis=0)) - 1) < 0.04
    silent = np.linalg.norm(np.einsum("csx,sx->cs", gain, moments)[:, :20], axis=0)
    assert np.median(silent) < 0.02 * np.median(np.linalg.norm(exact, axis=0))


def test_the_subtraction_approach_is_the_reference(coarse, twelve_electrodes):
    """Deep sources: the two ways to put a dipole into the mesh agree better than either with the exact field."""
    pos = centre_of(coarse) + [[0.01, 0.02, 0.03]]
    places = coarse.head.to_mri(np.array([channel["loc"][:3] for channel in twelve_electrodes["chs"]]))
    nodes = np.argmin(((coarse.mesh.nodes[:, np.newaxis] - places) ** 2).sum(axis=2), axis=0)
    reference = subtraction_gain(coarse.mesh, coarse.sigma, pos, nodes).reshape(len(nodes), -1)
    loads = StVenant().loads(coarse.mesh, pos).toarray()
    direct = Multigrid(coarse.stiffness()).solve(loads)[nodes]
    rdm, mag = errors(direct, reference)
    assert rdm.max() < 0.01
    np.testing.assert_allclose(mag, 1, atol=0.01)


def test_reciprocity_and_sums(tiny, twelve_electrodes):
    """Potentials of a source at the electrodes are what the electrodes' transfer rows see of it."""
    pos = centre_of(tiny) + 0.04 * np.eye(3)
    loads = StVenant().loads(tiny.mesh, pos)
    np.testing.assert_allclose(loads.sum(axis=0), 0, atol=1e-6 * np.abs(loads.data).max())
    potential = Multigrid(tiny.stiffness()).solve(loads.toarray())
    places = tiny.head.to_mri(np.array([channel["loc"][:3] for channel in twelve_electrodes["chs"]]))
    functionals = tiny._electrode_loads(places)
    np.testing.assert_allclose(functionals.sum(axis=0), 0, atol=1e-9)
    seen = tiny.electric(twelve_electrodes, np.arange(12), loads).reshape(12, -1)
    expected = functionals.T @ potential
    np.testing.assert_allclose(seen, expected, atol=1e-4 * np.abs(expected).max())
    row_sums = np.asarray(tiny.stiffness().sum(axis=1)).ravel()
    assert np.abs(row_sums).max() < 1e-12 * np.abs(tiny.stiffness().data).max()


def test_the_coarsest_level_leaves_constants_out(tiny):
    """Rounding makes the zero eigenvalue a tiny one, whose inverse would drown everything else."""
    sizes = np.abs(np.linalg.eigvalsh(Multigrid(tiny.stiffness()).coarsest))
    assert (sizes < 1e-6 * sizes.max()).sum() == 1
    assert sizes.max() < 1e6


def test_an_interrupted_transfer_goes_on(tiny, twelve_electrodes, monkeypatch):
    """Sensors that were solved before the interruption are not solved again."""
    monkeypatch.setattr(transfer, "BLOCK", 4)
    nodes = tiny.nodes
    keys = [f"{number:032d}" for number in range(12)]
    places = tiny.head.to_mri(np.array([channel["loc"][:3] for channel in twelve_electrodes["chs"]]))
    asked: list[int] = []

    def loads(some: list[int]) -> np.ndarray:
        if len(asked) >= 8:
            raise KeyboardInterrupt
        asked.extend(some)
        return tiny._electrode_loads(places[some])

    with pytest.raises(KeyboardInterrupt):
        transfer.transfer_matrix(tiny.stiffness, loads, keys, nodes)
    assert asked == list(range(8))
    asked.clear()
    rows = transfer.transfer_matrix(tiny.stiffness, loads, keys, nodes)
    assert asked == list(range(8, 12))
    expected = tiny.electric(twelve_electrodes, np.arange(12), StVenant().loads(tiny.mesh, places * 0.5))
    found = (StVenant().loads(tiny.mesh, places * 0.5)[nodes].T @ rows.T).T.reshape(expected.shape)
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_the_lead_field_of_a_head_comes_from_disk(coarse, twelve_electrodes, monkeypatch):
    made = make_leadfield(coarse.head, twelve_electrodes, spacing=25.0, mindist=20.0, method=coarse.fem)
    assert "elements of 5 mm" in made.assumptions["conductivities"]
    expected = sphere_eeg(
        electrodes_of(coarse, twelve_electrodes), coarse.head.to_mri(made.pos) - centre_of(coarse), THICK, SIGMA
    )
    expected = (expected @ coarse.head.mri_head_t["trans"][:3, :3].T).reshape(12, -1)
    assert np.median(errors(made.gain.reshape(12, -1), expected)[0]) < 0.06
    monkeypatch.setattr(Discretised, "mesh", property(lambda self: pytest.fail("meshed again")))
    again = make_leadfield(coarse.head, twelve_electrodes, spacing=25.0, mindist=20.0, method=coarse.fem)
    np.testing.assert_array_equal(again.gain, made.gain)


def test_sources_are_carried_into_finite_elements(coarse, twelve_electrodes):
    """Through the same solutions, the same places have the same fields."""
    made = make_leadfield(coarse.head, twelve_electrodes, spacing=25.0, mindist=20.0, method=coarse.fem)
    head = replace(coarse.head, reference="ball")
    carried = carried_leadfield(made, head, head, twelve_electrodes, ico=3, method=coarse.fem)
    np.testing.assert_allclose(carried.gain, made.gain, atol=1e-9 * np.abs(made.gain).max())


def test_points_are_found_in_their_elements(coarse):
    rng = np.random.default_rng(0)
    chosen = rng.integers(len(coarse.mesh.elements), size=200)
    weights = rng.dirichlet(np.ones(8), 200)
    points = np.einsum("pn,pnx->px", weights, coarse.mesh.nodes[coarse.mesh.elements[chosen]])
    _, _, missed = Locator(coarse.mesh)(points)
    assert (missed == 0).mean() > 0.98
    assert missed.max() < 0.2


def test_sensors_inside_the_head_are_refused(coarse, twelve_electrodes, eeg_meg_info):
    info = twelve_electrodes.copy()
    centre = coarse.head.to_head(centre_of(coarse))
    info["chs"][3]["loc"][:3] = centre + 0.8 * (info["chs"][3]["loc"][:3] - centre)
    with pytest.raises(InputError, match=f"electrodes {info['ch_names'][3]} lie inside the skull"):
        make_leadfield(coarse.head, info, spacing=25.0, mindist=20.0, method=coarse.fem)
    meg = mne.pick_info(eeg_meg_info, mne.pick_types(eeg_meg_info, meg=True))
    meg["chs"][2]["loc"][:3] = centre + 0.5 * (meg["chs"][2]["loc"][:3] - centre)
    with pytest.raises(InputError, match="MEG sensors MEG 002 are inside the head"):
        make_leadfield(coarse.head, meg, spacing=25.0, mindist=20.0, method=coarse.fem)


def test_electrodes_in_the_skull_are_moved_to_the_scalp(tiny, twelve_electrodes):
    places = tiny.head.to_mri(np.array([channel["loc"][:3] for channel in twelve_electrodes["chs"]]))
    inside = centre_of(tiny) + 0.75 * (places - centre_of(tiny))
    np.testing.assert_array_equal(tiny._on_scalp(places), places)
    assert np.linalg.norm(tiny._on_scalp(inside) - places, axis=1).max() < 0.006  # facets of the scalp


def test_impossible_settings_are_refused(coarse):
    for wrong in (0.1, "2", np.nan):
        with pytest.raises(InputError, match=f"`resolution_mm` cannot be {wrong!r}"):
            FEM(resolution_mm=wrong)
    with pytest.raises(InputError, match="`conductivities` cannot be {'CSF': 1.7}; give a table of tissues"):
        FEM(conductivities={"CSF": 1.7})
    with pytest.raises(InputError, match="conductivity of CSF is -1 S/m; give a positive number"):
        replace(FOUR_SHELLS, values={"CSF": -1.0})
    lacking = replace(FOUR_SHELLS, values={"CSF": 1.0})
    with pytest.raises(InputError, match="have no value for white matter, compact bone, scalp"):
        _ = Discretised(coarse.head, replace(coarse.fem, conductivities=lacking)).sigma
