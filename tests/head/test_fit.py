from pathlib import Path

import mne
import numpy as np
import pytest
from mne.channels import make_dig_montage
from scipy.spatial.transform import Rotation

from headwater._utils.errors import InputError
from headwater.head.fit import digitised_points, fit_head
from headwater.head.geometry import NearestPoint
from headwater.head.model import Head
from headwater.head.sensors import montage_info


def info_of(points: np.ndarray, **fiducials: np.ndarray) -> mne.Info:
    names = [f"E{index}" for index in range(len(points))]
    montage = make_dig_montage(dict(zip(names, points, strict=True)), coord_frame="head", **fiducials)
    return mne.create_info(names, 100.0, "eeg").set_montage(montage)


def misfit(head: Head, info: mne.Info) -> np.ndarray:
    assert head.scalp is not None
    points, _ = digitised_points(info)
    return np.abs(NearestPoint(head.scalp.rr, head.scalp.tris)(head.to_mri(points))[1])


@pytest.fixture(scope="module")
def upper_scalp(template: Head) -> np.ndarray:
    assert template.scalp is not None
    return template.scalp.rr[template.to_head(template.scalp.rr)[:, 2] > 0.005]


@pytest.mark.parametrize("with_fiducials", [True, False])
def test_recovers_a_known_scale_and_place(template: Head, upper_scalp: np.ndarray, with_fiducials: bool) -> None:
    scale = np.array([0.94, 1.03, 0.97])
    turn, shift = Rotation.from_euler("xyz", [4, -2, 3], degrees=True), np.array([0.004, -0.01, 0.02])

    def place(pos: np.ndarray) -> np.ndarray:
        return turn.apply(template.to_head(pos * scale)) + shift

    fiducials = {name: place(pos) for name, pos in template.fiducials.items()} if with_fiducials else {}
    info = info_of(place(upper_scalp[::8]), **fiducials)
    fitted = fit_head(template, info)
    assert fitted.warp is not None
    np.testing.assert_allclose(np.diag(fitted.warp.affine)[:3], scale, atol=0.005 if with_fiducials else 0.02)
    brain = template.inner_skull.rr
    apart = np.linalg.norm(fitted.to_head(fitted.warp.forward(brain)) - place(brain), axis=1)
    assert apart.max() < (0.002 if with_fiducials else 0.005)
    np.testing.assert_allclose(fitted.to_mni(fitted.to_head(fitted.inner_skull.rr)), brain, atol=1e-6)


def test_is_robust_against_stray_points(template: Head, upper_scalp: np.ndarray) -> None:
    points = template.to_head(upper_scalp[::8])
    points[::15] *= 1.3
    fiducials = {name: template.to_head(pos) for name, pos in template.fiducials.items()}
    fitted = fit_head(template, info_of(points, **fiducials))
    assert fitted.warp is not None
    np.testing.assert_allclose(np.diag(fitted.warp.affine)[:3], 1, atol=0.01)


def test_fiducials_alone_give_the_size(template: Head) -> None:
    fiducials = {name: 0.9 * template.to_head(pos) for name, pos in template.fiducials.items()}
    fitted = fit_head(template, info_of(np.zeros((0, 3)), **fiducials))
    assert fitted.warp is not None
    assert 0.9 < np.diag(fitted.warp.affine)[:3].mean() < 0.95


def test_a_cap_on_the_template_leaves_it_as_it_is(template: Head) -> None:
    fitted = fit_head(template, montage_info(template))
    assert fitted.warp is not None
    np.testing.assert_allclose(np.diag(fitted.warp.affine)[:3], 1, atol=0.005)
    np.testing.assert_allclose(fitted.mri_head_t["trans"], template.mri_head_t["trans"], atol=0.01)


def test_the_fiducials_mne_python_makes_up_are_ignored(template: Head, upper_scalp: np.ndarray) -> None:
    info = info_of(template.to_head(upper_scalp[::8]))
    assert sum(point["kind"] == 1 for point in info["dig"]) == 3
    assert digitised_points(info)[1] == {}


def test_wrong_units_axes_and_too_few_points_are_refused(template: Head, upper_scalp: np.ndarray) -> None:
    points = template.to_head(upper_scalp[::8])
    with pytest.raises(InputError, match="unit"):
        fit_head(template, info_of(points * 1000))
    with pytest.raises(InputError, match="too few"):
        fit_head(template, info_of(points[:5]))
    with pytest.raises(InputError, match="axes"):
        fit_head(template, info_of(np.random.default_rng(0).uniform(-0.1, 0.1, (60, 3))))


@pytest.mark.parametrize(
    "name",
    [
        "mne-sample/sample_right-auditory_right-visual-ave.fif",
        "layouts/level2_raw-ave.fif",
        "layouts/erpcore_P3_sub-015_ave.fif",
    ],
)
def test_real_recordings(template: Head, shared_data: Path, name: str) -> None:
    info = mne.io.read_info(shared_data / name, verbose="error")
    fitted = fit_head(template, info)
    distance = misfit(fitted, info)
    assert np.median(distance) < 0.002
    assert np.percentile(distance, 95) < 0.006
    _, fiducials = digitised_points(info)
    for place, pos in fiducials.items():
        assert np.linalg.norm(fitted.to_head(fitted.fiducials[place]) - pos) < 0.016


def test_measured_positions_without_fiducials(template: Head, shared_data: Path) -> None:
    measured = np.loadtxt(shared_data / "spharapy-sep" / "eeg_256_channels_vert.csv", delimiter=",") / 1000
    info = info_of(np.column_stack([-measured[:, 1], measured[:, 0], measured[:, 2]]))
    fitted = fit_head(template, info)
    distance = misfit(fitted, info)
    assert len(distance) == 256
    assert np.median(distance) < 0.002
    assert np.percentile(distance, 95) < 0.006
    turn = Rotation.from_matrix(fitted.mri_head_t["trans"][:3, :3]).magnitude()
    assert np.rad2deg(turn) < 15
