import numpy as np
import pytest

from headwater.report.voxels import VOXEL_MM, interpolate_volume, source_spacing

GRID = np.stack(np.meshgrid(*[np.arange(0, 36, 6.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


def test_spacing_is_that_of_the_grid():
    assert source_spacing(GRID) == pytest.approx(6)


def test_values_at_the_sources_are_kept():
    value = np.random.default_rng(0).normal(size=len(GRID))
    image = interpolate_volume(GRID, value)
    index = np.rint((GRID - image.first_mm) / VOXEL_MM).astype(int)
    np.testing.assert_allclose(image.first_mm + index * VOXEL_MM, GRID)  # 6 mm is a whole number of voxels
    np.testing.assert_allclose(image.values[tuple(index.T)], value, atol=1e-4)
    assert image.covered[tuple(index.T)].all()


def test_far_from_sources_nothing_is_covered():
    image = interpolate_volume(GRID, np.ones(len(GRID)))
    assert not image.covered[0].any()
    assert not image.covered[:, :, -1].any()


def test_projection_keeps_the_sign_of_the_strongest_value():
    value = np.zeros(len(GRID))
    value[np.flatnonzero((GRID == [12, 12, 6]).all(axis=1))] = 2
    value[np.flatnonzero((GRID == [12, 12, 24]).all(axis=1))] = -3
    image = interpolate_volume(GRID, value)
    values, coverage = image.project(2)
    row, column = np.rint((np.array([12, 12]) - image.first_mm[:2]) / VOXEL_MM).astype(int)
    assert values[row, column] == pytest.approx(-3, abs=1e-3)
    assert coverage[row, column] == pytest.approx(1)
    assert coverage[0, 0] < 0.1


def test_one_source_and_no_source():
    assert interpolate_volume(GRID[:1], np.ones(1)).covered.any()
    assert interpolate_volume(GRID[:0], np.ones(0)) is None
