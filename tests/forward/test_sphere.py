"""Analytic solutions against published vectors, MNE-Python and each other."""

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.forward.sphere import fitted_spheres, sphere_eeg, sphere_meg, within

RADII = np.array([0.080, 0.086, 0.092])
SIGMA = np.array([0.33, 0.004, 0.33])


@pytest.fixture
def vectors(shared_data):
    return shared_data / "openmeeg-vectors"


def unit_vectors(n: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(n, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_three_sphere_potentials_of_openmeeg(vectors):
    dipoles = np.loadtxt(vectors / "Head3.dip")
    electrodes = np.loadtxt(vectors / "Head3.patches")
    expected = np.loadtxt(vectors / "eeg_head3_analytic.txt")
    gain = sphere_eeg(electrodes, dipoles[:, :3], np.array([0.87, 0.92, 1.0]), np.array([1.0, 0.0125, 1.0]))
    found = np.einsum("esx,sx->es", gain, dipoles[:, 3:])
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("kind", ["", "-tangential", "-noradial"])
def test_sarvas_fields_of_openmeeg(vectors, kind):
    dipoles = np.loadtxt(vectors / "Head3.dip")
    columns = range(1, 7) if kind == "" else range(6)
    sensors = np.loadtxt(vectors / f"Head3{kind}.squids", usecols=columns)
    expected = np.loadtxt(vectors / f"meg_analytic{kind}.txt")
    gain = sphere_meg(sensors[:, :3], sensors[:, 3:], dipoles[:, :3])
    found = np.einsum("esx,sx->es", gain, dipoles[:, 3:])
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_one_shell_has_a_closed_form():
    """Brody, Terry and Ideker (1973): the potential of a dipole in a homogeneous sphere."""
    electrodes, pos = 0.09 * unit_vectors(40, 0), 0.06 * unit_vectors(5, 1)
    gain = sphere_eeg(electrodes, pos, np.array([0.09]), np.array([0.3]))
    offset = electrodes[:, np.newaxis] - pos
    distance = np.linalg.norm(offset, axis=2, keepdims=True)
    radius = 0.09
    cosine = (electrodes @ pos.T)[..., np.newaxis]
    image = (
        electrodes[:, np.newaxis]
        + (cosine * electrodes[:, np.newaxis] / radius - radius * pos) / (distance + radius - cosine / radius)
    ) / (radius**2 * distance)
    expected = (2 * offset / distance**3 + image) / (4 * np.pi * 0.3)
    np.testing.assert_allclose(gain, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_central_dipole_sees_a_cosine():
    electrodes = RADII[-1] * unit_vectors(20, 2)
    gain = sphere_eeg(electrodes, np.zeros((1, 3)), RADII, SIGMA)[:, 0]
    ratio = gain / electrodes
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-10)


def test_equal_conductivities_are_one_sphere():
    electrodes, pos = 0.092 * unit_vectors(20, 3), 0.07 * unit_vectors(6, 4)
    shells = sphere_eeg(electrodes, pos, RADII, np.full(3, 0.3))
    np.testing.assert_allclose(shells, sphere_eeg(electrodes, pos, RADII[-1:], np.array([0.3])), rtol=1e-8, atol=1e-3)


def test_eeg_agrees_with_the_fitted_series_of_mne():
    """MNE replaces the shells by three equivalent dipoles in a homogeneous sphere, good to about one per cent."""
    electrodes, pos = 0.092 * unit_vectors(30, 5), 0.06 * unit_vectors(8, 6)
    info = mne.create_info(30, 1.0, "eeg")
    for channel, place in zip(info["chs"], electrodes, strict=True):
        channel["loc"][:3] = place
    model = mne.make_sphere_model((0, 0, 0), 0.092, relative_radii=RADII / 0.092, sigmas=SIGMA, verbose="error")
    src = mne.setup_volume_source_space(pos={"rr": pos, "nn": unit_vectors(8, 7)}, verbose="error")
    identity = mne.transforms.Transform("mri", "head")
    expected = mne.make_forward_solution(info, identity, src, model, verbose="error")["sol"]["data"]
    found = sphere_eeg(electrodes, pos, RADII, SIGMA).reshape(30, -1)
    assert np.linalg.norm(found - expected) < 0.01 * np.linalg.norm(expected)


def test_meg_agrees_with_mne():
    points = 0.12 * unit_vectors(12, 8)
    pos = 0.06 * unit_vectors(8, 9)
    info = mne.create_info(12, 1.0, "mag")
    for channel, place in zip(info["chs"], points, strict=True):
        normal = place / 0.12
        e_x = np.cross(normal, [0.2, 0.3, 0.9])
        e_x /= np.linalg.norm(e_x)
        channel["loc"][:] = np.r_[place, e_x, np.cross(normal, e_x), normal]
        channel["coil_type"] = mne.io.constants.FIFF.FIFFV_COIL_POINT_MAGNETOMETER
    info["dev_head_t"] = mne.transforms.Transform("meg", "head")
    src = mne.setup_volume_source_space(pos={"rr": pos, "nn": unit_vectors(8, 7)}, verbose="error")
    model = mne.make_sphere_model((0, 0, 0), None, verbose="error")
    identity = mne.transforms.Transform("mri", "head")
    expected = mne.make_forward_solution(info, identity, src, model, verbose="error")["sol"]["data"]
    found = sphere_meg(points, points / 0.12, pos).reshape(12, -1)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())


def test_radial_dipoles_are_silent_in_meg():
    points, directions, pos = 0.12 * unit_vectors(12, 8), unit_vectors(12, 9), 0.06 * unit_vectors(8, 9)
    gain = sphere_meg(points, directions, pos)
    assert np.abs(np.einsum("psx,sx->ps", gain, pos / 0.06)).max() < 1e-12 * np.abs(gain).max()


def test_sources_outside_are_refused():
    with pytest.raises(InputError, match="outside the innermost sphere"):
        sphere_eeg(np.eye(3), np.array([[0.0, 0.0, 0.081]]), RADII, SIGMA)


def test_spheres_fitted_to_spheres_are_they(ball_head):
    centre, radii = fitted_spheres(ball_head)
    np.testing.assert_allclose(centre, [0, 0, 0.04], atol=1e-6)
    np.testing.assert_allclose(radii, RADII, rtol=1e-5)  # vertices are single precision


def test_points_outside_are_pulled_in():
    pos = np.array([[0.0, 0.0, 0.0], [0.01, 0.0, 0.0], [0.0, 0.06, 0.08]])
    np.testing.assert_allclose(within(pos, 0.05), [[0, 0, 0], [0.01, 0, 0], [0, 0.03, 0.04]])
