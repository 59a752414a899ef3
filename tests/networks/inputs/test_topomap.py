"""Sensors as images: what an exact interpolation must reproduce, orientation, other sensors, refusals."""

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.networks.inputs.topomap import (
    HEAD_CENTER,
    INTERPOLATIONS,
    ThinPlate,
    azimuthal_equidistant,
    sensor_images,
    sensor_positions,
    topographic_images,
    topographic_projection,
)

SHAPE = (7, 11)


@pytest.fixture(scope="module")
def pos() -> np.ndarray:
    """61 electrodes in head coordinates, in metres."""
    montage = mne.channels.make_standard_montage("easycap-M10")
    return sensor_positions(mne.create_info(montage.ch_names, 1.0, "eeg").set_montage(montage))


def grid(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the pixels, shape (height * width,)."""
    (left, back), (right, front) = points.min(0), points.max(0)
    y, x = np.meshgrid(np.linspace(front, back, SHAPE[0]), np.linspace(left, right, SHAPE[1]), indexing="ij")
    return x.ravel(), y.ravel()


def test_projection_keeps_the_angle_from_the_vertex():
    angle, azimuth = np.array([0.0, 0.5, 1.0, 1.8, 2.0]), np.array([0.0, 0.3, 2.0, -2.0, -0.5])
    direction = [np.sin(angle) * np.cos(azimuth), np.sin(angle) * np.sin(azimuth), np.cos(angle)]
    points = azimuthal_equidistant(np.array(HEAD_CENTER) + 0.09 * np.stack(direction, axis=1))
    assert np.allclose(np.linalg.norm(points, axis=1), angle, atol=1e-12)
    assert np.allclose(np.arctan2(points[1:, 1], points[1:, 0]), azimuth[1:])


@pytest.mark.parametrize("method", INTERPOLATIONS)
def test_planes_are_reproduced_between_the_sensors(pos, method):
    points = azimuthal_equidistant(pos)
    x, y = grid(points)
    matrix = topographic_projection(pos, SHAPE, method, extrapolate=False)
    seen = matrix.any(axis=1)
    assert 0.5 < seen.mean() < 1.0
    assert np.allclose(matrix.sum(1)[seen], 1.0, atol=1e-6)
    assert np.allclose((matrix @ points)[seen], np.stack([x, y], axis=1)[seen], atol=1e-4)


def test_smoother_interpolations_follow_a_smooth_field_more_closely(pos):
    points = azimuthal_equidistant(pos)
    x, y = grid(points)
    errors = {}
    for method in INTERPOLATIONS:
        matrix = topographic_projection(pos, SHAPE, method, extrapolate=False)
        seen = matrix.any(axis=1)
        field, wanted = np.cos(2 * points[:, 0]) * np.sin(points[:, 1]), np.cos(2 * x) * np.sin(y)
        errors[method] = np.abs(matrix @ field - wanted)[seen].max()
    assert errors["bicubic"] < errors["bilinear"]
    assert errors["rbf"] < errors["bilinear"] < 0.2


def test_thin_plate_is_the_least_bent_and_smoothing_bends_it_less(pos):
    exact, smooth = (topographic_projection(pos, SHAPE, ThinPlate(smoothing)) for smoothing in (0.0, 10.0))
    noise = np.random.default_rng(0).normal(size=len(pos))
    assert (smooth @ noise).std() < 0.7 * (exact @ noise).std()


@pytest.mark.parametrize("method", INTERPOLATIONS)
def test_front_is_the_first_row_and_left_the_first_column(pos, method):
    x, y, _ = pos.T
    front = (topographic_projection(pos, SHAPE, method) @ y).reshape(SHAPE)
    right = (topographic_projection(pos, SHAPE, method) @ x).reshape(SHAPE)
    assert (front[0].min() > 0) & (front[-1].max() < 0)
    assert (right[:, 0].max() < 0) & (right[:, -1].min() > 0)


@pytest.mark.parametrize("method", INTERPOLATIONS)
def test_corners_are_zero_or_continue_the_edge(pos, method):
    data = 1.0 + np.arange(len(pos))
    zero = topographic_projection(pos, SHAPE, method, extrapolate=False) @ data
    continued = topographic_projection(pos, SHAPE, method, extrapolate=True) @ data
    seen = zero != 0
    assert np.allclose(zero[seen], continued[seen])
    assert not zero.reshape(SHAPE)[0, 0]
    assert 0 < continued.min()


def test_images_keep_what_sensors_measure(pos):
    assert np.linalg.matrix_rank(topographic_projection(pos, (26, 26), "bicubic"), tol=1e-3) == len(pos)


def test_each_type_of_sensor_has_its_image(shared_data):
    info = mne.io.read_info(shared_data / "mne-sample" / "sample_audvis_trunc_raw_sss.fif", verbose="error")
    info = mne.pick_info(info, mne.pick_types(info, meg=True, eeg=True, exclude="bads"))
    images, types = sensor_images(info), np.array(info.get_channel_types())
    assert {kind: len(set(images[types == kind])) for kind in ("eeg", "mag", "grad")} == {"eeg": 1, "mag": 1, "grad": 2}
    matrices = topographic_images(info, (8, 8))
    assert matrices.shape == (4, 64, len(types))
    for image, matrix in enumerate(matrices):
        assert np.allclose(matrix.sum(1), 1.0)
        assert not matrix[:, images != image].any()


def test_helmet_lies_around_the_head(shared_data):
    info = mne.io.read_info(shared_data / "mne-sample" / "sample_audvis_trunc_raw_sss.fif", verbose="error")
    types = np.array(info.get_channel_types())
    info = mne.pick_info(info, np.flatnonzero((types == "mag") | (types == "eeg")))
    pos, meg = sensor_positions(info), np.array(info.get_channel_types()) == "mag"
    helmet, scalp = (np.linalg.norm(pos[which] - HEAD_CENTER, axis=1) for which in (meg, ~meg))
    assert scalp.mean() < helmet.mean() < 0.15


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_sensors_without_position_are_refused(pos, value):
    absent = pos.copy()
    absent[3] = value
    with pytest.raises(InputError, match="no position, such as 3"):
        topographic_projection(absent, SHAPE)


def test_channels_without_position_are_named():
    info = mne.create_info(["Fz", "Cz", "Pz", "Oz"], 1.0, "eeg")
    with pytest.raises(InputError, match="4 sensors have no position, such as Fz"):
        sensor_positions(info)


def test_other_bad_input_is_refused(pos):
    with pytest.raises(InputError, match="sensors 0 and 61"):
        topographic_projection(np.concatenate([pos, pos[:1]]), SHAPE)
    with pytest.raises(InputError, match="at least 4"):
        topographic_projection(pos[:3], SHAPE)
    line = np.stack([np.linspace(-0.05, 0.05, 6), np.zeros(6), np.full(6, 0.1)], axis=1)
    with pytest.raises(InputError, match="one line"):
        topographic_projection(line, SHAPE)
    with pytest.raises(InputError, match="bilinear, bicubic, rbf"):
        topographic_projection(pos, SHAPE, "nearest")
    with pytest.raises(InputError, match="2 x 2"):
        topographic_projection(pos, (1, 11))
    with pytest.raises(InputError, match="three coordinates"):
        topographic_projection(pos[:, :2], SHAPE)
