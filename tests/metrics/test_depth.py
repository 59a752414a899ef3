"""Depth-stratified metrics."""

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.metrics import METRICS, AtDepth, localization_error, source_depth


def test_depth_below_a_sphere():
    rng = np.random.default_rng(0)
    scalp = rng.standard_normal((20000, 3))
    scalp *= 0.09 / np.linalg.norm(scalp, axis=1, keepdims=True)
    inside = rng.uniform(-0.04, 0.04, (20, 3))
    np.testing.assert_allclose(source_depth(inside, scalp), 0.09 - np.linalg.norm(inside, axis=1), atol=5e-4)


def test_layers_share_out_the_samples(pos, truth, blurred):
    depth = 0.11 - np.linalg.norm(pos, axis=1)
    edges = [0, 30, 60, 200]
    layers = [
        AtDepth(localization_error, depth, (low, high))(truth, blurred, pos=pos)
        for low, high in zip(edges[:-1], edges[1:], strict=True)
    ]
    assert (np.sum(np.isfinite(layers), axis=0) == 1).all()
    np.testing.assert_array_equal(np.nansum(layers, axis=0), localization_error(truth, blurred, pos=pos))


def test_parameters_reach_the_metric(pos, truth, blurred, centers):
    rank = METRICS["distance_rank_1"].function
    everywhere = AtDepth(rank, np.zeros(len(pos)), (0, 1))
    np.testing.assert_array_equal(
        everywhere(truth, blurred, pos=pos, centers=centers), rank(truth, blurred, pos=pos, centers=centers)
    )


def test_depth_of_other_sources_is_refused(pos, truth, blurred):
    with pytest.raises(InputError, match="depth must hold one value"):
        AtDepth(localization_error, np.zeros(3), (0, 1))(truth, blurred, pos=pos)
