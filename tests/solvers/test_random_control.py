"""The random control knows nothing of the truth, and looks like an estimate otherwise."""

import numpy as np

from headwater.solvers import Random


def test_the_map_has_nothing_to_do_with_the_source(sphere_leadfield):
    n_sources = sphere_leadfield.n_sources
    rng = np.random.default_rng(0)
    data = np.einsum("csx,sx->cs", sphere_leadfield.gain, rng.standard_normal((n_sources, 3)))
    ranks = []
    for seed in range(10):
        amplitude = np.linalg.norm(Random(seed=seed).fit(sphere_leadfield).estimate(data), axis=1)
        ranks.append(np.mean(amplitude < np.diag(amplitude), axis=0))
    ranks = np.concatenate(ranks)  # rank of the true source: uniform between 0 and 1
    assert abs(ranks.mean() - 0.5) < 5 / np.sqrt(12 * len(ranks))
    assert abs(np.var(ranks) - 1 / 12) < 0.01


def test_components_are_gaussian_and_independent(sphere_leadfield):
    data = np.random.default_rng(1).standard_normal((64, 1))
    x = Random().fit(sphere_leadfield).estimate(data)[:, :, 0]
    x /= x.std()
    assert abs(np.mean(x**4) - 3) < 0.5
    assert np.abs(np.corrcoef(x.T) - np.eye(3)).max() < 0.2


def test_seeds_repeat_and_differ_and_so_do_data(sphere_leadfield):
    rng = np.random.default_rng(2)
    data = rng.standard_normal((64, 2))
    one = Random(seed=1).fit(sphere_leadfield).estimate(data)
    assert np.array_equal(one, Random(seed=1).fit(sphere_leadfield).estimate(data))
    other = Random(seed=2).fit(sphere_leadfield).estimate(data)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.1
    assert abs(np.corrcoef(one[..., 0].ravel(), one[..., 1].ravel())[0, 1]) < 0.5


def test_the_currents_are_as_strong_as_the_data_ask_for(sphere_leadfield):
    data = np.random.default_rng(3).standard_normal((64, 1))
    power = []
    for seed in range(50):
        x = Random(seed=seed).fit(sphere_leadfield).estimate(data)
        signal = np.einsum("cso,sot->ct", sphere_leadfield.gain, x)
        power.append(np.sum((signal - signal.mean()) ** 2))
    assert 0.7 < np.mean(power) / np.sum((data - data.mean()) ** 2) < 1.4
