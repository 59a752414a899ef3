"""Losses of waveforms: the truth of known patches, zero at the truth, networks that learn it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.head.sensors import montage_info
from headwater.head.template import template_head
from headwater.networks.base import BoundNetwork
from headwater.networks.cnn_transformer import CNNTransformer
from headwater.networks.deepsif import DeepSIF
from headwater.networks.gru_dual_path import GRUDualPath
from headwater.simulation.currents import DenseCurrents
from headwater.simulation.distributions import Constant
from headwater.simulation.presets import SPIKES, Preset
from headwater.simulation.simulator import simulate
from headwater.simulation.temporal.clips import Clips
from headwater.training.losses.waveforms import SummedWaveformError, WaveformCosine, regional_waveforms

N_TIMES = 16


@pytest.fixture(scope="module")
def leadfield() -> LeadField:
    head = template_head()
    info = montage_info(head, "biosemi16")
    return make_leadfield(head, info, space="cortex", spacing="ico3", method="sphere", orient="fixed")


@pytest.fixture(scope="module")
def preset() -> Preset:
    """Spikes that are given, for those that come with the package take half a minute to simulate."""
    time = np.arange(40)[np.newaxis] - np.linspace(10, 30, 20)[:, np.newaxis]
    spikes = np.exp(-0.5 * (time / 2.0) ** 2) - 0.5 * np.exp(-0.5 * ((time - 5) / 4.0) ** 2)
    return replace(SPIKES, courses=Clips(spikes), n_times=N_TIMES)


@pytest.fixture(scope="module")
def bound(leadfield) -> BoundNetwork:
    return DeepSIF.for_leadfield(leadfield, N_TIMES, hidden=8).bind(leadfield)


def test_truth_is_the_mean_of_each_region(leadfield, preset, bound):
    samples = simulate(leadfield, preset, 20, seed=0)
    dense = samples.x[:, :, 0].numpy()
    region = leadfield.region_ids
    means = np.stack([dense[:, region == index].mean(1) for index in range(68)], axis=1)
    truth = regional_waveforms(samples, bound)
    assert np.allclose(truth, means / np.abs(means).max((1, 2), keepdims=True), atol=1e-5)
    as_dense = replace(samples, currents=DenseCurrents(samples.x))
    assert torch.allclose(regional_waveforms(as_dense, bound), truth, atol=1e-5)


def test_one_source_is_one_waveform_when_each_is_a_region(leadfield, preset):
    bound = DeepSIF.for_leadfield(leadfield, N_TIMES, by_source=True, hidden=8).bind(leadfield)
    samples = simulate(leadfield, preset, 20, seed=0)
    x = samples.x[:, :, 0]
    assert torch.allclose(regional_waveforms(samples, bound), x / x.abs().amax((1, 2), keepdim=True), atol=1e-6)


def test_truth_of_free_orientation_is_that_along_the_normals(leadfield, preset, bound):
    free = replace(leadfield, gain=leadfield.gain * leadfield.normals)
    free_bound = bound.network.bind(free)
    truth = regional_waveforms(simulate(leadfield, preset, 10, seed=3), bound)
    x = simulate(leadfield, preset, 10, seed=3).x * torch.as_tensor(leadfield.normals, dtype=torch.float32)[..., None]
    samples = replace(simulate(free, preset, 10, seed=3), currents=DenseCurrents(x))
    assert torch.allclose(regional_waveforms(samples, free_bound), truth, atol=1e-5)


@pytest.mark.parametrize("loss", [SummedWaveformError(), WaveformCosine()])
def test_losses_are_zero_at_the_truth_and_not_elsewhere(loss, leadfield, preset, bound):
    samples = simulate(leadfield, preset, 20, seed=1)
    truth = regional_waveforms(samples, bound)
    assert abs(float(loss(truth, samples, bound))) < 1e-5
    assert loss(truth.roll(1, dims=1), samples, bound) > 0.1
    assert loss(-truth, samples, bound) > loss(torch.zeros_like(truth), samples, bound)


def test_the_sum_is_over_regions_and_times(leadfield, preset, bound):
    samples = simulate(leadfield, preset, 20, seed=1)
    off = regional_waveforms(samples, bound) + 0.1
    assert float(SummedWaveformError()(off, samples, bound)) == pytest.approx(0.01 * 68 * N_TIMES, rel=1e-4)


def test_the_cosine_compares_directions_and_the_reconstruction_sizes(leadfield, preset, bound):
    samples = simulate(leadfield, preset, 20, seed=1)
    half = 0.5 * regional_waveforms(samples, bound)
    assert abs(float(WaveformCosine(reconstruction=0.0)(half, samples, bound))) < 1e-5
    assert float(WaveformCosine(reconstruction=3.0)(half, samples, bound)) == pytest.approx(1.5, rel=1e-4)


def test_half_precision_does_not_lose_small_units(leadfield, preset, bound):
    samples = simulate(leadfield, preset, 4, seed=1)
    truth, currents = regional_waveforms(samples, bound), bound.currents(samples.y)
    with torch.autocast("cpu", torch.float16):
        assert torch.equal(regional_waveforms(samples, bound), truth)
        assert torch.isfinite(WaveformCosine()(bound(samples.y), samples, bound))
        half = bound.currents(samples.y)
    assert (half - currents).norm() < 0.05 * currents.norm()


def test_samples_outside_of_all_regions_do_no_harm(leadfield, preset, bound):
    samples = simulate(leadfield, preset, 4, seed=1)
    silent = replace(samples, currents=DenseCurrents(torch.zeros_like(samples.x)))
    prediction = torch.zeros(4, 68, N_TIMES, requires_grad=True)
    for loss in (SummedWaveformError(), WaveformCosine()):
        value = loss(prediction, silent, bound)
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(prediction.grad).all()


def test_networks_without_regions_are_refused(leadfield, preset):
    class Other(BoundNetwork):
        forward = currents = None

    samples = simulate(leadfield, preset, 2, seed=1)
    with pytest.raises(InputError, match="which DeepSIF does not predict"):
        regional_waveforms(samples, Other(DeepSIF(hidden=4), leadfield))


@pytest.mark.parametrize(
    ("kind", "config", "loss", "share"),
    [
        (DeepSIF, {"hidden": 48, "n_layers": 2}, SummedWaveformError(), 0.1),
        (GRUDualPath, {"hidden": 128, "dropout": 0.0}, WaveformCosine(), 0.3),
        (CNNTransformer, {"shape": (6, 6), "channels": (4, 8), "d_model": 32, "feedforward": 64, "dropout": 0.0},
         SummedWaveformError(), 0.1),
        (CNNTransformer, {"shape": (6, 6), "channels": (4, 8), "d_model": 32, "feedforward": 64, "dropout": 0.0,
         "pre_norm": True}, SummedWaveformError(), 0.1),
    ],
    ids=["DeepSIF", "GRUDualPath", "CNNTransformer", "CNNTransformer, pre-norm"],
)  # fmt: skip
def test_networks_learn_a_batch_by_heart(kind, config, loss, share, leadfield, preset):
    torch.manual_seed(0)
    bound = kind.for_leadfield(leadfield, N_TIMES, **config).bind(leadfield)
    samples = simulate(leadfield, replace(preset, noise=type(preset.noise)(Constant(20.0))), 6, seed=2)
    optimizer = torch.optim.Adam(bound.parameters(), lr=3e-3)
    values = []
    for _ in range(200):
        optimizer.zero_grad()
        value = loss(bound(samples.y), samples, bound)
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < share * values[0]
