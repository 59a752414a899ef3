"""The posterior of RelevanceNet as a solver: against a dense computation, and on samples of its own model."""

import numpy as np
import pytest
import torch

from headwater._utils.errors import InputError
from headwater.networks import NetworkSolver, PIUNet, RelevanceNet

SIZES = {"channels": 4, "depth": 2, "heads": 2, "updates": 2, "voxel_mm": 25.0, "widths_mm": (25.0, 50.0)}
SOME = np.array([17, 3])


@pytest.fixture
def data() -> np.ndarray:
    return 1e-6 * np.random.default_rng(0).standard_normal((32, 5))


@pytest.fixture(params=[1, 3])
def solver(request, free_leadfield) -> NetworkSolver:
    torch.manual_seed(0)
    network = RelevanceNet(**SIZES, n_times=request.param)
    with torch.no_grad():
        for step in network.steps:
            step.unet.head.weight.normal_(std=0.1)
    return NetworkSolver(network=network, batch_size=2).fit(free_leadfield)


def test_mean_is_the_estimate_and_sd_that_of_the_window(solver, data):
    found, estimate = solver.posterior(data), solver.estimate(data)
    assert solver.has_posterior
    assert found.mean.shape == found.sd.shape == estimate.shape
    np.testing.assert_allclose(found.mean, estimate, rtol=1e-4, atol=1e-5 * np.abs(estimate).max())
    width = solver.n_times_
    last = torch.from_numpy(data[None, :, -width:].astype(np.float32))  # the last window may overlap the previous one
    with torch.inference_mode():
        window = solver.bound_.posterior(last)
        expected = window.covariance(torch.from_numpy(SOME))[0].numpy()
        sd = window.sd()[0].numpy()
    np.testing.assert_allclose(found.sd[..., -1], sd, rtol=1e-3)
    np.testing.assert_allclose(found.covariance(SOME)[-1], expected, rtol=1e-4, atol=1e-6 * expected.max())
    picked = found.at(np.array([4, 0]))
    np.testing.assert_allclose(picked.sd, found.sd[..., [4, 0]], rtol=1e-3)
    np.testing.assert_allclose(picked.mean, found.mean[..., [4, 0]], rtol=1e-3, atol=1e-5 * np.abs(estimate).max())


def test_samples_have_the_moments_of_the_posterior(solver, data):
    found = solver.posterior(data).at(np.array([1, 4]))
    samples = found.sample(2000, seed=1)
    assert samples.shape == (2000, *found.mean.shape)
    np.testing.assert_array_equal(samples, found.sample(2000, seed=1))
    assert np.mean(((samples.mean(axis=0) - found.mean) / found.sd) ** 2) < 2 / 2000
    assert np.abs(np.log(samples.std(axis=0) / found.sd)).max() < 0.12
    own = np.cov(samples[..., 1][:, SOME].reshape(2000, -1).T)
    expected = found.covariance(SOME)[1]
    assert np.linalg.norm(own - expected) < 0.15 * np.linalg.norm(expected)


def test_left_out_channels_have_infinite_noise(solver, data):
    found, vertex = solver.posterior(data), 17
    fast = found.without_channels(vertex)
    window = found.parts[0]
    dictionary = window.dictionary
    with torch.inference_mode():
        model = dictionary.covariance(window.variance, window.noise)[0].numpy()
        columns = (dictionary.modes @ dictionary.whitener).double().numpy()
        everything = dictionary.rows(torch.tensor([vertex])).double().numpy() * window.variance[0].double().numpy()
        cross = np.einsum("va,aom->om", everything, dictionary.topographies.double().numpy())
        z = window.data[0].double().numpy()
        scale = float(window.scale[0])
    for channel in (0, 31):
        lost = model + 1e7 * np.outer(columns[:, channel], columns[:, channel]) / np.sum(columns[:, channel] ** 2)
        expected = scale * cross @ np.linalg.solve(lost, z)
        np.testing.assert_allclose(
            fast[channel][:, : z.shape[1]][:, :1], expected[:, :1], rtol=1e-3, atol=1e-3 * np.abs(expected).max()
        )
    assert found.explain_channels(vertex, time=2).shape == (32,)
    assert found.explain_times(vertex).shape == (5,)


def test_other_networks_have_none(free_leadfield, data):
    solver = NetworkSolver(network=PIUNet(channels=4, depth=2, heads=2)).fit(free_leadfield)
    assert not solver.has_posterior
    with pytest.raises(InputError, match="is not the mean of a distribution"):
        solver.posterior(data)
