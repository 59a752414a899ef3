"""Spread and size, against the formulas written out as loops."""

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.metrics import (
    active_volume_error,
    dispersion_from_truth,
    extent,
    extent_correlation,
    spatial_dispersion,
)


def test_dispersion_written_out(pos, truth, blurred):
    a = np.linalg.norm(blurred, axis=2)
    expected = []
    for sample in a:
        peak = pos[sample.argmax()]
        above = sum((s * np.linalg.norm(peak - r)) ** 2 for s, r in zip(sample, pos, strict=True))
        expected.append(np.sqrt(above / sum(s**2 for s in sample)))
    np.testing.assert_allclose(spatial_dispersion(truth, blurred, pos=pos), 1e3 * np.array(expected), rtol=1e-9)


def test_dispersion_of_a_point_is_zero(pos):
    point = np.eye(5, len(pos), 7)[..., None]
    assert (spatial_dispersion(point, point, pos=pos) == 0).all()


def test_dispersion_of_a_bell_is_its_width():
    """A Gaussian amplitude of width s has an energy of width s / sqrt(2) in each of three directions."""
    axis = np.linspace(-0.06, 0.06, 25)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    bell = np.exp(-(grid**2).sum(axis=1) / (2 * 0.015**2))[None, :, None]
    assert spatial_dispersion(bell, bell, pos=grid)[0] == pytest.approx(15 * np.sqrt(1.5), rel=1e-3)


def test_dispersion_averages_over_equal_peaks():
    line = np.array([[0.0, 0, 0], [0.01, 0, 0], [0.03, 0, 0]])
    estimate = np.array([2.0, 2.0, 1.0])[None, :, None]
    from_first = np.sqrt((4 * 10**2 + 30**2) / 9)
    from_second = np.sqrt((4 * 10**2 + 20**2) / 9)
    assert spatial_dispersion(estimate, estimate, pos=line) == pytest.approx((from_first + from_second) / 2)


def test_dispersion_from_truth_written_out(pos, truth, blurred):
    ours = dispersion_from_truth(truth[:3], blurred[:3], pos=pos)
    for b in range(3):
        active, a = np.linalg.norm(truth[b], axis=1) > 0, np.linalg.norm(blurred[b], axis=1)
        nearest = np.linalg.norm(pos[:, None] - pos[active][None], axis=2).min(axis=1)
        assert ours[b] == pytest.approx(1e3 * np.sqrt((a**2 * nearest**2).sum() / (a**2).sum()), rel=1e-9)


def test_volume_by_hand(pos):
    truth, estimate = np.zeros((2, 2, len(pos), 1))
    truth[:, :10], estimate[0, :4], estimate[1, 5:30] = 1, 1, 1
    ours = active_volume_error(truth, estimate, pos=pos, source_volume=0.005**3)
    np.testing.assert_allclose(ours, [6 * 0.125, 15 * 0.125])
    volumes = np.linspace(0, 2, len(pos)) * 0.005**3
    np.testing.assert_allclose(active_volume_error(truth, estimate, pos=pos, source_volume=volumes), ours)


@pytest.mark.parametrize("volume", [0, -1e-6, np.nan])
def test_impossible_volume_is_refused(volume, pos, truth, blurred):
    with pytest.raises(InputError, match="source_volume"):
        active_volume_error(truth, blurred, pos=pos, source_volume=volume)


def test_extent_correlation_is_pearsons(pos, truth, blurred):
    n_true, n_est = extent(truth), extent(blurred)
    expected = np.corrcoef(n_true, n_est)[0, 1]
    np.testing.assert_allclose(extent_correlation(truth, blurred, pos=pos), expected, rtol=1e-12)
    assert (n_true == [(a > 0.5 * a.max()).sum() for a in np.linalg.norm(truth, axis=2)]).all()


def test_extent_correlation_needs_variation(pos, truth, blurred):
    assert np.isnan(extent_correlation(truth[:1], blurred[:1], pos=pos)).all()
