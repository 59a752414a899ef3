"""Earth mover's distance, against closed forms, linear programming and the unreduced problem."""

import numpy as np
import ot
import pytest
from scipy.optimize import linprog
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

from headwater._utils.errors import InputError
from headwater.metrics import earth_movers_distance, nemd


def masses(x):
    a = np.linalg.norm(x, axis=2)
    return a / a.sum(axis=1, keepdims=True)


def test_a_moved_point_costs_its_distance(pos):
    truth, estimate = np.zeros((1, len(pos), 1)), np.zeros((1, len(pos), 1))
    truth[0, 3], estimate[0, 200] = 5, -2
    expected = 1e3 * np.linalg.norm(pos[3] - pos[200])
    np.testing.assert_allclose(earth_movers_distance(truth, estimate, pos=pos), expected, rtol=1e-12)


def test_normalised_by_the_uniform_distribution(pos):
    truth = np.zeros((1, len(pos), 1))
    truth[0, 3] = 1
    to_uniform = 1e3 * np.linalg.norm(pos - pos[3], axis=1).mean()
    np.testing.assert_allclose(earth_movers_distance(truth, np.ones_like(truth), pos=pos), to_uniform, rtol=1e-9)
    np.testing.assert_allclose(nemd(truth, np.ones_like(truth), pos=pos), 1, rtol=1e-12)


def test_what_is_remembered_of_a_truth_holds_for_its_positions_only(pos, truth, blurred):
    first = nemd(truth, blurred, pos=pos)
    assert np.array_equal(nemd(truth, blurred, pos=pos), first)
    stretched = pos * [1, 1, 3]
    to_even = earth_movers_distance(truth, np.ones_like(truth), pos=stretched)
    expected = earth_movers_distance(truth, blurred, pos=stretched) / to_even
    assert np.allclose(nemd(truth, blurred, pos=stretched), expected, rtol=1e-9)
    assert not np.allclose(first, expected)


def test_sources_on_a_line_agree_with_scipy():
    rng = np.random.default_rng(0)
    line = np.sort(rng.uniform(0, 0.1, 60))
    x = rng.random((2, 5, 60, 1))
    ours = earth_movers_distance(x[0], x[1], pos=np.stack([line, 0 * line, 0 * line], axis=1))
    theirs = [wasserstein_distance(line, line, u, v) for u, v in zip(x[0, ..., 0], x[1, ..., 0], strict=True)]
    np.testing.assert_allclose(ours, 1e3 * np.array(theirs), rtol=1e-9)


def test_agrees_with_linear_programming(pos):
    n = 12
    x = np.random.default_rng(1).random((2, 1, n, 3))
    a, b = masses(x[0])[0], masses(x[1])[0]
    flow_out, flow_in = np.kron(np.eye(n), np.ones(n)), np.kron(np.ones(n), np.eye(n))
    cost = cdist(pos[:n], pos[:n]).ravel()
    result = linprog(cost, A_eq=np.vstack([flow_out, flow_in]), b_eq=np.concatenate([a, b]), method="highs")
    np.testing.assert_allclose(earth_movers_distance(x[0], x[1], pos=pos[:n]), 1e3 * result.fun, rtol=1e-6)


def test_leaving_shared_mass_in_place_is_exact(pos, truth, blurred):
    distance = cdist(pos, pos)
    pairs = zip(masses(truth[:4]), masses(blurred[:4]), strict=True)
    full = [ot.emd2(a / a.sum(), b / b.sum(), distance) for a, b in pairs]
    np.testing.assert_allclose(earth_movers_distance(truth[:4], blurred[:4], pos=pos), 1e3 * np.array(full), rtol=1e-6)


def test_symmetric_and_triangle(pos, truth, blurred):
    a, b, c = truth[:4], blurred[:4], truth[4:8]
    ab, ba = earth_movers_distance(a, b, pos=pos), earth_movers_distance(b, a, pos=pos)
    np.testing.assert_allclose(ab, ba, rtol=1e-9)
    assert (earth_movers_distance(a, c, pos=pos) <= ab + earth_movers_distance(b, c, pos=pos) + 1e-9).all()


def test_fast_path_within_two_percent():
    """A brain of 2,600 sources, with the estimates that classical and learned methods give."""
    axis = np.arange(-0.075, 0.0751, 0.0085)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    pos = grid[np.linalg.norm(grid, axis=1) < 0.073]
    rng = np.random.default_rng(2)

    def bell(center, width):
        return np.exp(-(np.linalg.norm(pos - center, axis=1) ** 2) / (2 * width**2))

    c = pos[rng.integers(len(pos))]
    truth = bell(c, 0.015)
    sparse = np.zeros(len(pos))
    sparse[rng.choice(len(pos), 5, p=truth / truth.sum())] = 1
    estimates = [
        bell(c + 0.01, 0.035) + 0.1 * rng.random(len(pos)),
        np.abs(bell(c + 0.003, 0.018) + 0.005 * rng.standard_normal(len(pos))),
        sparse,
        bell(c, 0.015) + bell(-c, 0.02),
        truth * rng.uniform(0.5, 1.5, len(pos)),  # moves no farther than to the neighbours
    ]
    x_est = np.array(estimates)[..., None]
    x_true = np.broadcast_to(truth[:, None], x_est.shape)
    np.testing.assert_allclose(nemd(x_true, x_est, pos=pos, n_cells=256), nemd(x_true, x_est, pos=pos), rtol=0.02)


def test_impossible_requests_are_refused(pos, truth, blurred):
    with pytest.raises(InputError, match="n_cells"):
        nemd(truth, blurred, pos=pos, n_cells=1)
    with pytest.raises(InputError, match="two different source positions"):
        nemd(truth, blurred, pos=np.zeros_like(pos))
