"""3D-PIUNet: the paper's sizes, its input, learning, proportion to the data, channels, mixed precision, refusals."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from headwater._utils.errors import InputError
from headwater.networks.inputs.starts import STARTS
from headwater.networks.piunet import PIUNet
from headwater.simulation.presets import PIUNET
from headwater.simulation.simulator import simulate
from headwater.solvers import ELORETA
from headwater.training.losses.currents import CurrentL1

SIZES = {"channels": 4, "depth": 2, "blocks": 1, "heads": 2}
PAPER = {**SIZES, "depth": 3, "box": (8, 8, 8)}
PATCHES = {
    **SIZES,
    "patch": 2,
    "box": None,
    "lambda2": (0.05, 1.0),
    "bells_mm": (15.0, 40.0),
    "passes": 2,
    "context": True,
}
VARIANTS = {"paper": PAPER, "patches": PATCHES, "one bell": {**PATCHES, "passes": 1, "lambda2": (0.05,)}}


@pytest.fixture(params=VARIANTS)
def network(request) -> PIUNet:
    return make(**VARIANTS[request.param])


def make(**config: object) -> PIUNet:
    torch.manual_seed(0)
    network = PIUNet(**config)
    with torch.no_grad():  # otherwise an untrained one hands the linear estimate on
        network.unet.head.weight.normal_(std=0.1)
    return network


@pytest.fixture(scope="module")
def samples(free_leadfield):
    return simulate(free_leadfield, PIUNET, n=4, seed=0)


def close(one: torch.Tensor, other: torch.Tensor, tolerance: float = 1e-4) -> bool:
    return bool((one - other).norm() <= tolerance * other.norm())


# Table I of Morik et al., in millions with one decimal.
@pytest.mark.parametrize(("channels", "depth", "millions"), [(8, 3, 0.7), (32, 3, 11.1), (32, 4, 19.1), (64, 3, 44.2)])
def test_sizes_are_those_of_the_paper(channels, depth, millions):
    with torch.device("meta"):
        network = PIUNet(channels=channels, depth=depth)
    assert round(network.n_parameters / 1e6, 1) == millions


def test_shapes_and_configuration(network, free_leadfield):
    bound = network.bind(free_leadfield)
    y = 1e-6 * torch.randn(2, 32, 3)
    assert bound(y).shape == bound.currents(y).shape == (2, free_leadfield.n_sources, 3, 3)
    other = PIUNet(**network.config)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.bind(free_leadfield)(y), bound(y))
    assert set(network.state_dict()) == {name.removeprefix("network.") for name in bound.state_dict()}
    assert network.n_parameters == sum(one.numel() for one in network.state_dict().values())


def test_the_input_is_eloreta_scaled_to_one(free_leadfield, samples):
    bound = make(**PAPER).bind(free_leadfield)
    y = samples.y[:, :, 0]
    y = y / (y @ bound.whitener.T).norm(dim=1, keepdim=True)
    inputs, _, scale = bound._inputs(y)
    expected = ELORETA(lambda2=0.05).fit(free_leadfield).estimate(y[:, :, None].double().numpy())[..., 0]
    expected = torch.from_numpy(expected).float() / bound.unit
    largest = expected.norm(dim=2).amax(1)
    assert close(scale.flatten(), largest)
    assert close(inputs.transpose(1, 2), expected / largest[:, None, None])
    assert torch.allclose(inputs.norm(dim=1).amax(1), torch.ones(len(y)))


@pytest.mark.parametrize("start", STARTS)
def test_it_starts_from_any_linear_estimate(free_leadfield, samples, start):
    """Whatever its unit: an untrained network gives currents of the size of those that made the data."""
    found = make(**PAPER, start=start).bind(free_leadfield)(samples.y)
    assert 0.1 < found.norm() / samples.x.norm() < 10


def test_an_untrained_network_hands_its_first_estimate_on(free_leadfield, samples):
    network = PIUNet(**{**PATCHES, "bells_mm": ()})
    expected = ELORETA(lambda2=0.05).fit(free_leadfield).estimate(samples.y.double().numpy())
    assert close(network.bind(free_leadfield)(samples.y), torch.from_numpy(expected).float())


@pytest.mark.parametrize("factor", [1e-6, 1e3])
def test_currents_are_in_proportion_to_the_data(network, free_leadfield, factor):
    bound = network.bind(free_leadfield)
    y = 1e-6 * torch.randn(2, 32, 3)
    assert close(bound.currents(factor * y) / factor, bound.currents(y))


def test_silence_has_no_sources(network, free_leadfield):
    assert not network.bind(free_leadfield)(torch.zeros(1, 32, 2)).any()


def test_each_time_and_sample_is_seen_by_itself(network, free_leadfield):
    bound = network.bind(free_leadfield)
    y = 1e-6 * torch.randn(2, 32, 3)
    together = bound(y)
    for sample in range(2):
        for time in range(3):
            alone = bound(y[sample : sample + 1, :, time : time + 1])[0, ..., 0]
            assert close(alone, together[sample, ..., time])


def test_the_order_of_channels_does_not_matter(network, free_leadfield, samples):
    order = np.random.default_rng(0).permutation(32)
    shuffled = network.bind(free_leadfield.pick([free_leadfield.ch_names[i] for i in order]))
    assert close(shuffled(samples.y[:, order]), network.bind(free_leadfield)(samples.y), 1e-3)


def test_missing_channels_are_left_out_by_binding_again(network, free_leadfield, samples):
    missing = [3, 11, 24]
    there = [i for i in range(32) if i not in missing]
    info = free_leadfield.info.copy()
    info["bads"] = [free_leadfield.ch_names[i] for i in missing]
    dropped = network.bind(free_leadfield.pick([free_leadfield.ch_names[i] for i in there]))
    marked = network.bind(replace(free_leadfield, info=info))
    estimate = dropped(samples.y[:, there])
    assert estimate.shape == samples.x.shape
    assert close(marked(samples.y[:, there]), estimate)
    full = network.bind(free_leadfield)(samples.y)
    assert not close(estimate, full, 1e-3)


def test_the_same_weights_take_another_cap_and_grid(network, free_leadfield):
    few = free_leadfield.pick(free_leadfield.ch_names[::2])
    assert network.bind(few)(1e-6 * torch.randn(1, 16, 1)).isfinite().all()
    assert type(network).any_leadfield


def test_it_learns_a_batch_and_all_parameters_take_part(network, free_leadfield, samples):
    bound, loss = network.bind(free_leadfield), CurrentL1()
    optimizer = torch.optim.Adam(bound.parameters(), 5e-3)
    first = loss(bound(samples.y), samples, bound)
    first.backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())
    for _ in range(40):
        optimizer.zero_grad()
        value = loss(bound(samples.y), samples, bound)
        value.backward()
        optimizer.step()
    assert value < 0.5 * first


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_is_close_to_single(network, free_leadfield, samples, dtype):
    bound = network.bind(free_leadfield)
    with torch.autocast("cpu", dtype=dtype):
        estimate = bound(samples.y)
    assert estimate.dtype == torch.float32
    assert close(estimate, bound(samples.y), 0.1)


@pytest.mark.gpu
def test_gpu_and_cpu_agree(network, free_leadfield, samples):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    bound = network.bind(free_leadfield)
    expected = bound(samples.y)
    assert close(bound.cuda()(samples.y.cuda()).cpu(), expected, 1e-2)


def test_what_it_cannot_do_is_refused(free_leadfield, fixed_leadfield):
    with pytest.raises(InputError, match="cannot start from 'lasso'; choose one of eloreta, mne"):
        PIUNet(start="lasso")
    with pytest.raises(InputError, match="use .space='volume'"):
        make(**PATCHES).bind(fixed_leadfield)
    with pytest.raises(InputError, match="use a coarser spacing"):
        make(**{**PAPER, "box": (4, 4, 4)}).bind(free_leadfield)


def test_mixed_precision_leaves_what_follows_from_the_lead_field_alone(free_leadfield):
    """Validation binds while Lightning computes in half precision."""
    network = PIUNet(channels=8, depth=2, patch=2, box=None, bells_mm=(16.0,), context=True)
    without = network.bind(free_leadfield)
    y = 1e-6 * torch.randn(2, free_leadfield.n_channels, 1)
    with torch.autocast("cpu", torch.bfloat16):
        within = network.bind(free_leadfield)
        currents = within(y)
    assert torch.equal(within.bells.filters, without.bells.filters)
    assert torch.equal(within.kernels, without.kernels)
    assert currents.dtype == torch.float32


@pytest.mark.parametrize("channels", [1, 6, 12, 20])
@pytest.mark.parametrize("patch", [1, 2])
def test_any_even_number_of_channels_can_be_normalised(channels, patch):
    if patch == 1 and channels % 2:
        with pytest.raises(InputError, match="PIUNet.channels is 1; it must be even"):
            PIUNet(channels=channels, depth=2, blocks=1, heads=1)
        return
    network = PIUNet(channels=channels, depth=2, blocks=1, heads=2, patch=patch)
    assert network.eval().unet(torch.zeros(1, 3, 8, 8, 8)).shape[1] == 3


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"depth": 0}, "PIUNet.depth: it should be greater than or equal to 1, and is 0"),
        ({"depth": 10**9}, "PIUNet.depth: "),
        ({"lambda2": ()}, "PIUNet.lambda2: "),
        ({"bells_mm": (-1.0,)}, "PIUNet.bells_mm.0: "),
        ({"heads": 3}, "PIUNet.heads is 3; it must divide the 128 channels"),
        ({"channels": 60_000}, "PIUNet would have more than 2e[+]09 parameters; use smaller sizes"),
        ({"chanels": 3}, "PIUNet has no chanels; it has channels, depth"),
    ],
)
def test_sizes_are_checked_before_anything_is_made(config, message):
    with pytest.raises(InputError, match=message):
        PIUNet(**config)
