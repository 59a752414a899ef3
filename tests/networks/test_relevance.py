"""RelevanceNet: an exact posterior, the update it starts from, symmetries, any source space, learning."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from scipy.stats import norm

from headwater._utils.errors import InputError
from headwater.networks.as_solver import NetworkSolver
from headwater.networks.relevance import BoundRelevanceNet, RelevanceNet
from headwater.networks.relevance.update import ratios
from headwater.simulation.presets import PIUNET
from headwater.simulation.simulator import simulate
from headwater.solvers.inputs.whitening import whiten
from headwater.solvers.sparse.evidence import ConvexBounding
from headwater.training.losses.posterior import PosteriorScore

SIZES = {"channels": 4, "depth": 2, "heads": 2, "updates": 2, "voxel_mm": 25.0, "widths_mm": (25.0, 50.0)}


def make(**config: object) -> RelevanceNet:
    """Make a network that answers with something."""
    torch.manual_seed(0)
    network = RelevanceNet(**{**SIZES, **config})
    with torch.no_grad():
        for step in network.steps:
            step.unet.head.weight.normal_(std=0.1)
    return network


@pytest.fixture(params=["free", "fixed"])
def leadfield(request, free_leadfield, fixed_leadfield):
    return {"free": free_leadfield, "fixed": fixed_leadfield}[request.param]


@pytest.fixture
def bound(leadfield) -> BoundRelevanceNet:
    return make().bind(leadfield)


@pytest.fixture
def y() -> torch.Tensor:
    return 1e-6 * torch.randn(2, 32, 3, generator=torch.Generator().manual_seed(1))


def close(one: torch.Tensor, other: torch.Tensor, tolerance: float = 1e-3) -> bool:
    return bool((one - other).norm() <= tolerance * other.norm())


def dense(bound: BoundRelevanceNet, y: torch.Tensor, noise_cov: np.ndarray | None = None):
    """Posterior of the first window by the textbook: mean (n_sources, n_orient, n_times) and covariance."""
    dictionary = bound.dictionary
    white = whiten(bound.leadfield, noise_cov)
    logs = bound(y)[0, -1].double().detach().numpy()
    profile = dictionary.rows(torch.arange(dictionary.n_sources)).double().numpy()
    single = (profile * np.exp(logs[:-1])) @ profile.T
    prior = np.kron(single, np.eye(dictionary.n_orient))
    gain = white.gain.reshape(len(white.gain), -1)
    data = white.whitener @ y[0].double().numpy()
    scale2 = np.mean(data**2)
    crossed = scale2 * prior @ gain.T
    model = gain @ crossed + scale2 * np.exp(logs[-1]) * np.eye(len(gain))
    mean = crossed @ np.linalg.solve(model, data)
    covariance = scale2 * prior - crossed @ np.linalg.solve(model, crossed.T)
    return mean.reshape(dictionary.n_sources, dictionary.n_orient, -1), covariance


def test_the_posterior_is_that_of_a_dense_computation(bound, y):
    mean, covariance = (torch.from_numpy(part) for part in dense(bound, y))
    posterior = bound.posterior(y)
    assert close(posterior.mean[0].double(), mean)
    assert torch.equal(posterior.mean, bound.currents(y))
    sd = covariance.diagonal().sqrt().reshape(bound.dictionary.n_sources, -1)
    assert close(posterior.sd()[0].double(), sd)
    some = torch.tensor([3, 17, 40])
    n_orient = bound.dictionary.n_orient
    entries = (some[:, None] * n_orient + torch.arange(n_orient)).flatten()
    assert close(posterior.covariance(some)[0], covariance[entries][:, entries])
    assert close(posterior.sd(some), posterior.sd()[:, some], 1e-5)
    low, high = posterior.interval(0.9)
    assert close((high + low) / 2, posterior.mean, 1e-4)
    half = norm.ppf(0.95) * posterior.sd()
    assert close((high - low)[..., 0] / 2, half, 1e-4)


def test_draws_have_the_moments_of_the_posterior(bound, y):
    posterior = bound.posterior(y)
    draws = posterior.sample(3000, torch.Generator().manual_seed(0))
    assert draws.shape == (3000, *posterior.mean.shape)
    error = (draws.mean(0) - posterior.mean) / posterior.sd()[..., None]
    assert error.square().mean() < 2 / 3000
    assert ((draws.std(0) / posterior.sd()[..., None]).log().abs() < 0.1).all()
    some = torch.tensor([5, 6])
    flat = draws[:, 0, some, :, 0].flatten(1)
    assert close(torch.cov(flat.T), posterior.covariance(some)[0].float(), 0.15)


def test_intervals_hold_what_they_say_on_the_models_own_samples(bound, y):
    """Currents drawn from the prior, data made of them: an exact posterior is calibrated at every level."""
    dictionary = bound.dictionary
    torch.manual_seed(0)
    logs = bound(y)[:1, -1].detach().expand(200, -1)
    variance, noise = logs[:, :-1].exp(), logs[:, -1].exp()
    coefficients = torch.randn(200, dictionary.n_atoms, dictionary.n_orient) * variance.sqrt()[:, :, None]
    true = dictionary.spread(coefficients)
    seen = torch.einsum("aom,bao->bm", dictionary.topographies, coefficients)
    data = seen + torch.randn(200, dictionary.n_modes) * noise.sqrt()[:, None]
    posterior = type(bound.posterior(y))(dictionary, data[:, :, None], torch.ones(200), variance, noise)
    for level in (0.5, 0.9):
        low, high = posterior.interval(level)
        inside = (low[..., 0] <= true) & (true <= high[..., 0])
        assert inside.float().mean() == pytest.approx(level, abs=0.03)


def test_an_untrained_step_is_the_convex_bounding_update(leadfield, y):
    bound = RelevanceNet(**{**SIZES, "widths_mm": (), "updates": 1}).bind(leadfield)
    dictionary = bound.dictionary
    white = whiten(leadfield, None)
    data = white.whitener @ y[0].double().numpy()
    data /= np.sqrt(np.mean(data**2))
    unit = dictionary.unit.double().numpy()
    gain = white.gain * unit[:, np.newaxis]
    start = dictionary.start.double().exp().numpy()
    model = np.einsum("mso,s,nso->mn", gain, start, gain) + 0.1 * np.eye(len(gain))
    weights = np.linalg.solve(model, gain.reshape(len(gain), -1)).reshape(gain.shape)
    means = start[:, np.newaxis, np.newaxis] * np.einsum("mso,mt->sot", weights, data)
    precision = np.einsum("mso,mso->s", gain, weights) / gain.shape[2]
    expected = ConvexBounding()(start, np.mean(means**2, axis=(1, 2)), precision)
    assert close(bound(y)[0, 0, :-1].exp().double(), torch.from_numpy(expected))


def test_currents_are_odd_and_in_proportion_to_the_data(bound, y):
    found = bound.currents(y)
    for factor in (-1.0, 1e-6, 1e3):
        assert close(bound.currents(factor * y) / factor, found, 1e-4)
    assert not bound.currents(torch.zeros(1, 32, 2)).any()


def test_the_order_of_channels_does_not_matter(leadfield, bound, y):
    order = np.random.default_rng(0).permutation(32)
    shuffled = make().bind(leadfield.pick([leadfield.ch_names[i] for i in order]))
    assert close(shuffled.currents(y[:, order]), bound.currents(y))


def test_currents_turn_with_the_head_frame(free_leadfield, y):
    turn = Rotation.random(rng=3).as_matrix()
    turned = replace(free_leadfield, gain=free_leadfield.gain @ turn.T, pos=free_leadfield.pos @ turn.T)
    found = make().bind(free_leadfield).posterior(y)
    expected = torch.einsum("xy,bsyt->bsxt", torch.from_numpy(turn).float(), found.mean)
    again = make().bind(turned).posterior(y)
    assert close(again.mean, expected)
    assert close(again.sd().square().sum(2), found.sd().square().sum(2))


def test_a_window_is_known_by_its_covariance(bound, y):
    logs = bound(y)
    turn = torch.from_numpy(Rotation.random(rng=4).as_matrix()).float()
    assert close(bound(y @ turn), logs)  # the same second moments
    assert close(bound(y[..., :1].expand(-1, -1, 5)), bound(y[..., :1]))
    assert not close(bound(y[..., :1]), logs)
    assert close(bound.currents(y @ turn), bound.currents(y) @ turn)


@pytest.mark.parametrize("n_times", [1, 3, 200])
def test_each_atom_is_compared_with_the_data_by_least_squares(bound, n_times):
    y = 1e-6 * torch.randn(2, 32, n_times, generator=torch.Generator().manual_seed(5))
    dictionary = bound.dictionary
    data = (dictionary.whitener @ y[0]).double().numpy()
    found = bound._evidence(y).unexplained[0].exp()
    for atom in (0, 40, dictionary.n_atoms - 1):
        columns = (dictionary.modes.T @ dictionary.topographies[atom].T).double().numpy()
        left = data - columns @ np.linalg.lstsq(columns, data)[0]
        assert found[atom] == pytest.approx(np.sum(left**2) / np.sum(data**2), abs=5e-3)


def test_few_modes_lose_no_power(free_leadfield, y):
    bound = make(modes=12).bind(free_leadfield)
    evidence = bound._evidence(y)
    assert bound.dictionary.n_modes == 12
    power = torch.diagonal(evidence.covariance, dim1=1, dim2=2).sum(1) + evidence.rest
    assert torch.allclose(power, torch.full((2,), float(bound.dictionary.rank)), rtol=1e-4)
    signal = simulate(free_leadfield, PIUNET, n=8, seed=0)
    exact = make(modes=32, updates=1).bind(free_leadfield)(signal.y)
    assert close(make(modes=28, updates=1).bind(free_leadfield)(signal.y), exact, 0.05)


def test_noise_alone_is_taken_for_noise(free_leadfield):
    """White noise in many time points has the covariance that the noise alone explains."""
    bound = RelevanceNet(**{**SIZES, "updates": 6}).bind(free_leadfield)
    noise = torch.randn(1, 32, 4000, generator=torch.Generator().manual_seed(0))
    share = bound(noise)[0, -1, -1].exp()
    evidence = bound._evidence(noise)
    assert 0.5 < share < 1.1
    assert ratios(bound(noise)[:, -1], evidence, bound.dictionary)[0].shape == (1, bound.dictionary.n_atoms + 1)


def test_noise_covariance_takes_part(leadfield, y):
    factor = np.random.default_rng(0).normal(size=(32, 32)) + 8 * np.eye(32)
    noise_cov = 1e-12 * factor @ factor.T
    bound = make().bind(leadfield, noise_cov)
    assert close(bound.posterior(y).mean[0].double(), torch.from_numpy(dense(bound, y, noise_cov)[0]))


def test_the_same_weights_take_every_lead_field(free_leadfield, fixed_leadfield):
    network = make()
    few = free_leadfield.pick(free_leadfield.ch_names[:12])
    assert network.bind(few).currents(1e-6 * torch.randn(1, 12, 2)).isfinite().all()
    assert network.bind(fixed_leadfield).currents(1e-6 * torch.randn(1, 32, 1)).shape[2] == 1
    assert set(network.state_dict()) == {name.removeprefix("network.") for name in network.bind(few).state_dict()}


def test_it_learns_a_batch_and_all_parameters_take_part(free_leadfield):
    samples = simulate(free_leadfield, PIUNET, n=4, seed=0)
    network, loss = make(), PosteriorScore(n_sources=16)
    bound = network.bind(free_leadfield)
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    losses = []
    for step in range(40):
        optimizer.zero_grad()
        torch.manual_seed(0)
        value = loss(bound(samples.y), samples, bound)
        value.backward()
        if step == 0:
            assert all(one.grad is not None and one.grad.any() for one in network.parameters())
        optimizer.step()
        losses.append(value.item())
    assert losses[-1] < 0.8 * losses[0]


def test_mixed_precision_is_close_to_single(bound, y):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = bound.currents(y)
    assert mixed.dtype == torch.float32
    assert close(mixed, bound.currents(y), 0.2)


def test_what_it_cannot_do_is_refused(bound, y):
    with pytest.raises(InputError, match="bound to 32 channels"):
        bound.currents(y[:, :5])
    with pytest.raises(InputError, match="between 0 and 1"):
        bound.posterior(y).interval(95)
    with pytest.raises(InputError, match="at least one"):
        bound.posterior(y).sample(0)


def test_data_shorter_than_a_window_are_one_window(free_leadfield, y):
    data = y[0].double().numpy()
    long, exact = (NetworkSolver(network=make(n_times=n)).fit(free_leadfield) for n in (16, data.shape[1]))
    np.testing.assert_allclose(long.estimate(data), exact.estimate(data), rtol=1e-5, atol=0)
    np.testing.assert_allclose(long.posterior(data).sd, exact.posterior(data).sd, rtol=1e-5, atol=0)


def test_a_sample_alone_is_estimated_as_in_a_batch(bound, y):
    with torch.no_grad():
        assert close(bound.currents(y[:1]), bound.currents(y)[:1])
