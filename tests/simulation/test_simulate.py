import pickle
from dataclasses import replace
from time import perf_counter

import mne
import numpy as np
import pytest
import torch

from headwater._utils.errors import InputError
from headwater.simulation.background import Background
from headwater.simulation.currents import DenseCurrents, SparseCurrents
from headwater.simulation.distributions import Constant, Integers, Uniform
from headwater.simulation.noise import FromCovariance, Recorded, White
from headwater.simulation.presets import DIRECT_UNET, MULTI_SOURCE, PIUNET, SPIKES, SUBCORTICAL, Preset
from headwater.simulation.samples import Samples
from headwater.simulation.simulator import Simulator, simulate, stream
from headwater.simulation.spatial import GaussianBells, RadialPatches
from headwater.simulation.spatial.placement import AlongPath, AtDistance
from headwater.simulation.temporal import Autoregressive, Static, TakingTurns
from headwater.simulation.temporal.clips import Clips

SPIKE = np.exp(-0.5 * ((np.arange(500) - 200) / 8.0) ** 2)[None] * np.array([[1.0], [-1.0]])
PRESETS = {
    "PIUNET": (PIUNET, "volume"),
    "MULTI_SOURCE": (MULTI_SOURCE, "cortex"),
    "SPIKES": (replace(SPIKES, courses=Clips(SPIKE)), "cortex"),
    "DIRECT_UNET": (DIRECT_UNET, "cortex"),
    "SUBCORTICAL": (SUBCORTICAL, "mixed"),
    "bells in time": (replace(PIUNET, courses=Autoregressive(), n_times=8), "volume"),
    "free background": (MULTI_SOURCE, "mixed"),
    "travelling": (
        Preset(
            name="travelling",
            sources=RadialPatches(n_sources=3, diameter_mm=30, further=AlongPath(15)),
            courses=TakingTurns(Autoregressive(), fade_s=0.02),
            n_times=30,
            sfreq=250,
        ),
        "cortex",
    ),
}


@pytest.fixture(params=PRESETS)
def case(request):
    preset, name = PRESETS[request.param]
    return preset, request.getfixturevalue(name)


def _same(a: Samples, b: Samples) -> None:
    assert torch.equal(a.y, b.y)
    assert torch.equal(a.x, b.x)
    assert torch.equal(a.coefficients, b.coefficients)
    for name in ("centers", "amplitude", "extent_mm", "orientation", "snr_db"):
        assert torch.equal(getattr(a.truth, name), getattr(b.truth, name))


def _referenced(leadfield):
    gain = leadfield.gain - leadfield.gain.mean(0)
    return gain.reshape(len(gain), -1)


def test_recordings_are_the_lead_field_times_the_sources_plus_noise(case):
    preset, leadfield = case
    samples = simulate(leadfield, replace(preset, noise=White(np.inf)), 40, seed=1)
    x = samples.x.double().numpy()
    assert x.shape == (40, *leadfield.gain.shape[1:], preset.n_times)
    expected = _referenced(leadfield) @ x.reshape(40, -1, preset.n_times)
    np.testing.assert_allclose(samples.y, expected, atol=1e-5 * np.abs(expected).max())


def test_samples_do_not_depend_on_the_batch_size(case):
    preset, leadfield = case
    n = 2 * Simulator(leadfield, preset).chunk_size + 3 if preset.n_times == 1 else 37
    whole = simulate(leadfield, preset, n, seed=5)
    for size in (1, 7, n):
        batches = stream(leadfield, preset, size, seed=5)
        n_batches = -(-n // size) if size > 1 else 5
        joined = Samples.concatenate([next(batches) for _ in range(n_batches)])
        _same(joined[: min(n, size * n_batches)], whole[: min(n, size * n_batches)])
    _same(next(stream(leadfield, preset, 5, seed=5, start=n - 5)), whole[n - 5 :])
    other = simulate(leadfield, preset, 3, seed=6)
    assert not torch.equal(other.y, whole.y[:3])


def test_samples_depend_on_the_number_of_threads_by_rounding_only(case):
    # What is drawn is equal. The sums of products that follow are split between threads, so that on some processors
    # their last digits differ.
    preset, leadfield = case
    threads = torch.get_num_threads()
    try:
        drawn = []
        for count in (1, 2):
            torch.set_num_threads(count)
            drawn.append(simulate(leadfield, preset, 20, seed=5))
    finally:
        torch.set_num_threads(threads)
    one, two = drawn
    for name in ("centers", "amplitude", "extent_mm", "orientation"):
        assert torch.equal(getattr(one.truth, name), getattr(two.truth, name))
    for name in ("x", "y", "coefficients"):
        a, b = getattr(one, name), getattr(two, name)
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5 * float(a.abs().max()))


def test_samples_are_all_different(case):
    preset, leadfield = case
    n = 600 if preset.n_times == 1 else 60
    y = simulate(leadfield, replace(preset, noise=White(20)), n, seed=0).y.flatten(1)
    assert len(torch.unique(y, dim=0)) == len(y)


def test_slices_are_parts(case):
    preset, leadfield = case
    whole = simulate(leadfield, preset, 30, seed=2)
    _same(Samples.concatenate([whole[:11], whole[11:12], whole[12:]]), whole)
    assert torch.equal(whole[4:9].x, whole.x[4:9])
    assert len(whole[10:10]) == 0


def test_sparse_truth_stays_sparse(mixed, volume):
    sparse = simulate(mixed, SUBCORTICAL, 200)
    assert isinstance(sparse.currents, SparseCurrents)
    assert sparse.currents.patches.source.numel() < 200 * 64
    assert isinstance(simulate(volume, PIUNET, 2).currents, DenseCurrents)


def test_noise_is_what_is_left_and_has_the_covariance(cortex):
    rng = np.random.default_rng(0)
    mixing = 1e-6 * rng.standard_normal((20, 30))
    covariance = mixing @ mixing.T
    preset = replace(DIRECT_UNET, noise=FromCovariance(covariance), n_times=4)
    samples = simulate(cortex, preset, 20_000)
    columns = torch.as_tensor(_referenced(cortex), dtype=torch.float32)
    signal = samples.currents.project(columns.unflatten(1, cortex.gain.shape[1:]))
    noise = (samples.y - signal).double().transpose(1, 2).reshape(-1, 20).numpy()
    center = np.eye(20) - 1 / 20
    expected = center @ covariance @ center
    error = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / len(noise))
    assert (np.abs(noise.T @ noise / len(noise) - expected) < 5 * error).all()


def test_empirical_snr_of_presets(case):
    preset, leadfield = case
    rng = np.random.default_rng(3)
    for noise in (White(10.0), Recorded(rng.standard_normal((len(leadfield.info["chs"]), 5000)), 10.0)):
        n = 2000 if preset.n_times == 1 else 60
        clean = simulate(leadfield, replace(preset, noise=White(np.inf)), n).y.double()
        noisy = simulate(leadfield, replace(preset, noise=noise), n)
        ratio = (noisy.y - clean).square().mean((1, 2)) / clean.square().mean((1, 2))
        assert -10 * np.log10(ratio.mean().item()) == pytest.approx(10.0, abs=0.1)
        assert (noisy.truth.snr_db == 10).all()


def test_reference_can_be_left_alone(volume):
    free = simulate(volume, replace(PIUNET, average_reference=False, noise=White(np.inf)), 10)
    expected = volume.gain.reshape(20, -1) @ free.x.double().numpy().reshape(10, -1, 1)
    np.testing.assert_allclose(free.y, expected, atol=1e-5 * np.abs(expected).max())
    assert simulate(volume, PIUNET, 10).y.mean(1).abs().max() < 1e-6 * np.abs(expected).max()


def test_background_follows_the_overlap_rule(cortex):
    n, white = 200, Autoregressive((0.01,))
    sources = RadialPatches(n_sources=Integers(2, 3), diameter_mm=Uniform(40, 60), further=AtDistance(5, 15))
    preset = replace(
        MULTI_SOURCE,
        sources=sources,
        background=Background(courses=white, boost=4.0, amplitude_nam=2.0),
        courses=white,
        n_times=100,
    )
    samples = simulate(cortex, preset, n)
    total = samples.currents.patches.summed().numpy()
    assert (total > 1).sum() > 1000
    x = 1e9 * samples.x[:, :, 0].double().numpy()
    power = (x**2).mean(2)
    # p has variance 4 nA^2; sum_i w_i c_i + (1 - min(s, 1)) p has 4 (sum_i w_i^2 + (1 - min(s, 1))^2), times boost^2.
    expected = np.full_like(power, 4.0)
    for b in range(n):
        entries = samples.currents.patches[b : b + 1]
        weights = np.zeros((3, cortex.n_sources))
        weights[entries.component, entries.source] = entries.coefficient
        s = weights.sum(0)
        mixed = (weights / np.maximum(s, 1)) ** 2
        expected[b, s > 0] = (64 * (mixed.sum(0) + (1 - np.minimum(s, 1)) ** 2))[s > 0]
    for group in (total == 0, (total > 0) & (total < 0.5), (total > 0.5) & (total < 1), total > 1):
        assert power[group].mean() == pytest.approx(expected[group].mean(), rel=0.04)
    # The centre follows its patch's course alone where no other patch reaches it; its neighbours do in part.
    np.testing.assert_allclose(samples.coefficients, total.clip(max=1), rtol=1e-6)


def test_synchrony_falls_with_the_coefficient(cortex):
    sources = RadialPatches(n_sources=1, diameter_mm=60)
    samples = simulate(cortex, replace(MULTI_SOURCE, sources=sources, n_times=50), 500)
    x = samples.x[:, :, 0].double()
    center = x[torch.arange(500), samples.truth.centers[:, 0]]
    correlation = (x * center[:, None]).mean(2) / (x.square().mean(2).sqrt() * center.square().mean(1).sqrt()[:, None])
    coefficient = samples.coefficients
    for low, high in ((0.1, 0.4), (0.4, 0.65), (0.65, 0.9)):
        chosen = (coefficient > low) & (coefficient < high)
        level = coefficient[chosen].double()
        expected = (level / (level**2 + (1 - level) ** 2).sqrt()).mean()
        assert correlation[chosen].mean().item() == pytest.approx(expected.item(), abs=0.03)
    assert correlation[coefficient == 0].mean().abs() < 0.01


def test_a_travelling_source_changes_its_place(cortex):
    preset, _ = PRESETS["travelling"]
    samples = simulate(cortex, replace(preset, courses=TakingTurns(Static())), 20)
    peak = samples.x[:, :, 0].argmax(1)
    assert (peak[:, 0] == samples.truth.centers[:, 0]).all()
    assert (peak[:, 15] == samples.truth.centers[:, 1]).all()
    assert (peak[:, 29] == samples.truth.centers[:, 2]).all()


def test_spikes_keep_their_waveform(cortex):
    samples = simulate(cortex, replace(PRESETS["SPIKES"][0], noise=White(np.inf)), 10)
    peak = samples.y.abs().amax(1).argmax(1)
    assert set(peak.tolist()) == {200}
    assert set(samples.truth.n_sources.tolist()) <= {1, 2}


def test_conversion_to_mne(case):
    preset, leadfield = case
    samples = simulate(leadfield, preset, 5, seed=3)
    evoked, stc = samples.to_mne(leadfield, 3)
    np.testing.assert_allclose(evoked.data, samples.y[3], rtol=1e-6)
    assert evoked.ch_names == leadfield.ch_names
    assert evoked.info["sfreq"] == preset.sfreq == pytest.approx(1 / stc.tstep)
    data = stc.data if leadfield.n_orient == 3 else stc.data[:, None]
    np.testing.assert_allclose(data, samples.x[3], rtol=1e-6)
    assert sum(map(len, stc.vertices)) == leadfield.n_sources
    epochs = samples.to_epochs(leadfield)
    np.testing.assert_allclose(epochs.get_data(), samples.y, rtol=1e-6)
    with pytest.raises(InputError, match="channels"):
        samples.to_epochs(leadfield.pick(leadfield.ch_names[:5]))


@pytest.mark.parametrize("kind", ["surface", "one hemisphere", "mixed"])
def test_source_spaces_find_their_classes(cortex, kind):
    """MNE-Python's classes for cortical and mixed source spaces, on hand-made spaces."""
    from headwater.forward.leadfield import LeadField

    spaces = []
    for hemisphere in (101, 102)[: 1 if kind == "one hemisphere" else 2]:
        sphere = mne.surface._get_ico_surface(1)
        keep = dict(rr=sphere["rr"] * 0.05, nn=sphere["nn"], np=sphere["np"], tris=sphere["tris"], type="surf")
        space = dict(
            keep, id=hemisphere, nuse=10, vertno=np.arange(10), coord_frame=4, inuse=np.r_[np.ones(10), 0], ntri=80
        )
        spaces.append(space)
    if kind == "mixed":
        spaces.append(
            mne.setup_volume_source_space("x", pos={"rr": cortex.pos[:7], "nn": cortex.normals[:7]}, verbose="error")[0]
        )
    src = mne.SourceSpaces(spaces)
    n = sum(space["nuse"] for space in src)
    leadfield = replace(cortex, gain=cortex.gain[:, :n], pos=cortex.pos[:n], normals=cortex.normals[:n], src=src,
                        region_ids=np.full(n, -1), adjacency=cortex.adjacency[:n, :n])  # fmt: skip
    assert isinstance(leadfield, LeadField)
    _, stc = simulate(leadfield, replace(PIUNET, sources=GaussianBells(n_sources=1)), 1).to_mne(leadfield, 0)
    assert type(stc) is {"mixed": mne.MixedSourceEstimate}.get(kind, mne.SourceEstimate)
    assert [len(one) for one in stc.vertices] == {"surface": [10, 10], "one hemisphere": [10, 0], "mixed": [10, 10, 7]}[
        kind
    ]


def test_nonsense_is_refused(cortex, volume):
    for make, named in (
        (lambda: simulate(cortex, PIUNET, 0), "n is 0"),
        (lambda: simulate(cortex, "PIUNET", 5), "Expected a Preset, got 'PIUNET'; for example"),
        (lambda: next(stream(cortex, PIUNET, 0)), "batch_size"),
        (lambda: simulate(cortex, PIUNET, 1, seed=-1), "seed"),
        (lambda: simulate(volume, replace(PIUNET, background=Background()), 1), "Background"),
        (lambda: replace(PIUNET, n_times=0), r"Preset\.n_times"),
        (lambda: replace(PIUNET, sfreq=-1), r"Preset\.sfreq"),
        (lambda: replace(PIUNET, sources=Constant(3)), r"Preset\.sources"),
        (lambda: Background(boost=0), r"Background\.boost"),
    ):
        with pytest.raises(InputError, match=named):
            make()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_the_gpu(case):
    preset, leadfield = case
    whole = simulate(leadfield, preset, 40, seed=5, device="cuda")
    assert whole.y.device.type == "cuda"
    batches = stream(leadfield, preset, 7, seed=5, device="cuda")
    _same(Samples.concatenate([next(batches) for _ in range(5)]), whole[:35])
    quiet = simulate(leadfield, replace(preset, noise=White(np.inf)), 40, seed=1, device="cuda")
    x = quiet.x.double().cpu().numpy()
    expected = _referenced(leadfield) @ x.reshape(40, -1, preset.n_times)
    np.testing.assert_allclose(quiet.y.cpu(), expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("preset", "named"),
    [
        (replace(PIUNET, n_times=10**12), "samples of the preset 'PIUNET' take .* GB and the memory has"),
        (replace(PIUNET, sources=GaussianBells(amplitude_nam=1e30, sigma_mm=1e-20)), "not finite"),
        (replace(PIUNET, noise=White(-1e3)), "not finite"),
        (replace(PIUNET, sources=GaussianBells(sigma_mm=1e-25)), "not finite"),
        (replace(PIUNET, courses=Autoregressive(), sfreq=1e9), r"lower it, or give coefficients"),
        (replace(PIUNET, courses=Autoregressive((0.5,)), n_times=20_001), r"at most 20000 time points"),
    ],
)
def test_impossible_sizes_and_numbers_are_refused_quickly(volume, preset, named):
    started = perf_counter()
    with pytest.raises(InputError, match=named):
        simulate(volume, preset, 2)
    assert perf_counter() - started < 10


def test_more_samples_than_the_memory_holds_are_refused(volume):
    with pytest.raises(InputError, match="ask for fewer samples"):
        simulate(volume, PIUNET, 10**12)
    with pytest.raises(InputError, match="ask for fewer samples"):
        stream(volume, PIUNET, 10**12)


def test_a_simulator_travels_without_its_last_chunk(volume):
    simulator = Simulator(volume, PIUNET)
    chunk = simulator.chunk(0, 0)
    arrived = pickle.loads(pickle.dumps(simulator))
    assert arrived._last is None
    _same(arrived.chunk(0, 0), chunk)


def test_samples_carry_the_noise_level(case):
    """By the definition of the SNR, from the signal without noise and the SNR; it survives slices and batches."""
    preset, leadfield = case
    samples = simulate(leadfield, preset, 6, seed=1)
    simulator = Simulator(leadfield, preset)
    signal = samples.currents.project(simulator.gain)
    expected = simulator.sensors.rms(signal) * 10 ** (-samples.truth.snr_db / 20)
    assert samples.truth.noise_rms.shape == samples.truth.snr_db.shape
    torch.testing.assert_close(samples.truth.noise_rms, expected, rtol=1e-4, atol=0)
    assert torch.equal(samples[2:4].truth.noise_rms, samples.truth.noise_rms[2:4])
