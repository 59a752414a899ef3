"""The Jansen-Rit network against theory, a naive implementation, and The Virtual Brain."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.special import expit

from headwater._utils.errors import InputError
from headwater.simulation.spikes import SpikeRules, find_clips
from headwater.simulation.spikes.brains import Brain, CorticalColumn, InitialState, Setting
from headwater.simulation.spikes.connectome import Connectome, distance_rule_connectome
from headwater.simulation.spikes.neural_mass import JansenRitNetwork


def network_of(weights, lengths_mm, **options):
    n = len(weights)
    connectome = Connectome(np.asarray(weights), np.asarray(lengths_mm), np.zeros((n, 3)), tuple("abcdefgh"[:n]))
    return JansenRitNetwork(connectome, **{"dtype": torch.float64, **options})


def sphere_network(n_regions, **options):
    pos = np.random.default_rng(n_regions).standard_normal((n_regions, 3))
    return JansenRitNetwork(
        distance_rule_connectome(0.07 * pos / np.linalg.norm(pos, axis=1, keepdims=True)), **options
    )


def naive(weights, delays, A, mu, initial, n_steps, h):
    """Heun's method with the equations written out, in loops, on the whole history."""
    a, b, r, v0, e0, J = 0.1, 0.05, 0.56, 6.0, 0.0025, 135.0

    def S(v):
        return 2 * e0 / (1 + np.exp(r * (v0 - v)))

    def slope(x, coupling):
        y0, y1, y2, y3, y4, y5 = x
        return np.array(
            [
                y3,
                y4,
                y5,
                A * a * S(y1 - y2) - 2 * a * y3 - a**2 * y0,
                A * a * (mu + 0.8 * J * S(J * y0) + coupling) - 2 * a * y4 - a**2 * y1,
                22.0 * b * 0.25 * J * S(0.25 * J * y0) - 2 * b * y5 - b**2 * y2,
            ]
        )

    x = initial.state
    v = [*initial.history[::-1]]
    for _ in range(n_steps):
        coupling = [
            sum(weights[i, j] * S(v[-1 - delays[i, j]][j]) for j in range(len(weights))) for i in range(len(weights))
        ]
        k1 = slope(x, np.array(coupling))
        x = x + h / 2 * (k1 + slope(x + h * k1, np.array(coupling)))
        v.append(x[1] - x[2])
    return np.array(v[len(initial.history) :]).T


def test_agrees_with_naive_implementation_beyond_the_end_of_the_buffer():
    rng = np.random.default_rng(1)
    weights = rng.uniform(0, 20, (5, 5)) * (rng.random((5, 5)) < 0.6)
    lengths = rng.uniform(0, 60, (5, 5)) * (weights > 0)
    network = network_of(weights, lengths, step_ms=0.5)
    state = rng.uniform(-1, 1, (6, 5)) * np.array([0.1, 10, 10, 0.01, 1, 1])[:, None]
    history = np.vstack((state[1] - state[2], rng.uniform(-5, 15, (network.window - 1, 5))))
    initial = InitialState(state, history)
    brain = Brain(2, Setting(mu=0.09, std=0.0, target_A=3.6, target_mu=0.01))
    n_steps = 3 * network.window + 700
    signal = network.run([brain], n_steps * 0.5e-3, initial=initial)[0]
    A, mu = np.full(5, 3.25), np.full(5, 0.09)
    A[2], mu[2] = 3.6, 0.1
    reference = naive(weights, network.delays, A, mu, initial, n_steps, 0.5)
    assert np.ptp(reference) > 5
    np.testing.assert_allclose(signal, reference, rtol=0, atol=1e-11 * np.abs(reference).max())


@pytest.mark.parametrize("step_ms", [1.0, 0.5])
def test_agrees_with_the_virtual_brain(shared_data, step_ms):
    golden = np.load(shared_data / "tvb" / "jansen_rit_998_golden.npz")
    connectome = Connectome.from_tvb_zip(shared_data / "tvb" / "connectivity_998.zip")
    network = JansenRitNetwork(connectome, step_ms=step_ms, dtype=torch.float64)
    initial = InitialState(golden[f"dt{step_ms}_initial_state"], history := golden[f"dt{step_ms}_history_y1_minus_y2"])
    reference = golden[f"dt{step_ms}_y1_minus_y2"].T
    brain = Brain(123, Setting(mu=0.08, std=0.0))
    signal = network.run([brain], reference.shape[1] * step_ms * 1e-3, initial=initial)[0]
    error = np.abs(signal - reference).max(axis=1) / np.abs(reference).max()
    assert error.max() <= 1e-6
    # The stored history ends one step short of the longest tract, so that the first input of the two regions at its
    # ends is not known. All others agree to the single precision in which the reference keeps its weights.
    cut_short = ((network.delays >= len(history)) & (connectome.weights > 0)).any(axis=1)
    assert cut_short.sum() == 2
    assert error[~cut_short].max() <= 1e-10


def test_settles_at_the_fixed_point():
    c, mu = CorticalColumn(), 0.087
    network = network_of(np.zeros((2, 2)), np.zeros((2, 2)))

    def S(v):
        return 2 * c.e0 * expit(c.r * (v - c.v0))

    def imbalance(v, A):
        y0 = A / c.a * S(v)
        y1 = A / c.a * (mu + 0.8 * c.J * S(c.J * y0))
        return y1 - c.B / c.b * 0.25 * c.J * S(0.25 * c.J * y0) - v

    last = network.run([Brain(1, Setting(mu=mu, std=0.0, target_A=3.3))], 4.0)[0, :, -1]
    np.testing.assert_allclose(last, [brentq(imbalance, -5, 2, args=(A,)) for A in (3.25, 3.3)], atol=1e-8)


def test_second_order_in_time():
    state = np.array([[0.1, 0.0], [8.0, 3.0], [1.0, 6.0], [0.0, 0.0], [0.0, 0.5], [0.2, 0.0]])
    initial = InitialState(state, (state[1] - state[2])[None])

    def after_200_ms(step_ms):
        network = network_of(np.zeros((2, 2)), np.zeros((2, 2)), step_ms=step_ms)
        return network.run([Brain(0, Setting(std=0.0))], 0.2, initial=initial)[0, :, -1]

    exact = after_200_ms(1 / 16)
    ratio = np.abs(after_200_ms(1.0) - exact) / np.abs(after_200_ms(0.5) - exact)
    assert (ratio > 3.4).all()
    assert (ratio < 4.8).all()


def test_noise_has_the_moments_of_a_damped_oscillator():
    # Without firing, y1'' = A a mu + xi - 2 a y1' - a^2 y1: mean A mu / a, variance q / (4 a^3) for white noise of
    # power q = (0.0195 std)^2 per ms.
    connectome = distance_rule_connectome(np.random.default_rng(0).uniform(-0.05, 0.05, (100, 3)))
    brains = [Brain(3, Setting(mu=0.08, std=std, target_A=3.9), seed=k) for k, std in enumerate((1.0, 1.7) * 4)]
    for step_ms in (1.0, 0.25):
        network = JansenRitNetwork(connectome, column=CorticalColumn(e0=0.0), step_ms=step_ms)
        signal = network.run(brains, 2.5, every=round(4 / step_ms))[:, :, 125:].astype(float)
        mean = np.full(100, 3.25 * 0.08 / 0.1)
        mean[3] = 3.9 * 0.08 / 0.1
        np.testing.assert_allclose(signal.mean(axis=(0, 2)), mean, atol=0.25)
        assert signal.mean() == pytest.approx(mean.mean(), abs=0.02)
        for which, std in enumerate((1.0, 1.7)):
            deviation = signal[which::2] - mean[:, None]
            assert np.mean(deviation**2) == pytest.approx((0.0195 * std) ** 2 / (4 * 0.1**3), rel=0.04)
    assert np.abs(np.corrcoef(signal[0])[np.triu_indices(100, 1)]).mean() < 0.2  # 500 samples, correlated in time
    assert np.abs([np.corrcoef(signal[0, k], signal[2, k])[0, 1] for k in range(100)]).mean() < 0.2


@pytest.mark.parametrize(("step_ms", "steps"), [(1.0, [0, 1, 2, 2, 4, 33]), (0.5, [0, 2, 3, 5, 7, 67])])
def test_delays_are_rounded_half_to_even(step_ms, steps):
    lengths = np.zeros((6, 6))
    lengths[0] = [1e-6, 3.0, 4.5, 7.5, 10.5, 100.0]
    assert network_of(np.ones((6, 6)), lengths, step_ms=step_ms).delays[0].tolist() == steps


@pytest.mark.parametrize("delay", [0, 1, 7])
def test_what_happens_here_arrives_there_after_the_delay(delay):
    network = network_of([[0.0, 0.0], [5.0, 0.0]], np.full((2, 2), 3.0 * delay))
    state = np.zeros((6, 2))
    state[1, 0] = 10.0
    silent = InitialState(np.zeros((6, 2)), np.zeros((1, 2)))
    active = InitialState(state, np.vstack(([10.0, 0.0], np.zeros((delay + 1, 2)))))
    brain = Brain(0, Setting(std=0.0))
    difference = np.subtract(*(network.run([brain], 0.02, initial=start)[0, 1] for start in (active, silent)))
    assert np.flatnonzero(difference)[0] == delay


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batches_equal_singles_bit_for_bit(dtype):
    network = sphere_network(30, dtype=dtype)
    brains = [Brain(k, Setting(std=1 + k / 10, target_mu=0.001 * k), seed=100 + k) for k in range(19)]
    together = network.run(brains, 0.3)
    assert together.shape == (19, 30, 300)
    for k in (0, 7, 15, 16, 18):
        np.testing.assert_array_equal(network.run([brains[k]], 0.3)[0], together[k])
    assert len(np.unique(together[:, 0, -1])) == 19


def test_every_keeps_the_first_of_each_group():
    network = sphere_network(4)
    whole = network.run([Brain(0)], 0.05)
    np.testing.assert_array_equal(network.run([Brain(0)], 0.05, every=4), whole[:, :, ::4])


def test_single_precision_sees_the_same_noise():
    brain = Brain(1, seed=5)
    single, double = (sphere_network(20, dtype=dtype).run([brain], 0.2) for dtype in (torch.float32, torch.float64))
    np.testing.assert_allclose(single, double, atol=1e-3)


def test_single_precision_has_the_same_spikes_statistically():
    rules = SpikeRules()
    brains = [Brain(k, Setting(target_mu=0.005), seed=k) for k in range(16)]

    def statistics(dtype):
        """Rate of peaks, mean amplitude, and mean interval, of each brain."""
        signal = sphere_network(24, dtype=dtype).run(brains, 13.0, every=rules.downsample)[:, :, 250:]
        traces = [trace[brain.target] for trace, brain in zip(signal, brains, strict=True)]
        peaks = [
            np.flatnonzero((x[1:-1] >= rules.threshold) & (x[1:-1] > x[:-2]) & (x[1:-1] >= x[2:])) + 1 for x in traces
        ]
        assert min(map(len, peaks)) > 3
        return np.array(
            [(len(p) / 12.0, x[p].mean(), np.diff(p).mean() * 4e-3) for x, p in zip(traces, peaks, strict=True)]
        )

    single, double = statistics(torch.float32), statistics(torch.float64)
    difference = single - double
    error = difference.std(axis=0, ddof=1) / np.sqrt(len(brains))
    assert (np.abs(difference.mean(axis=0)) <= 3 * error).all()
    # The test has power: it would notice a change of some ten per cent.
    assert (3 * error < 0.15 * double.mean(axis=0)).all()


def test_target_spikes_and_healthy_regions_do_not():
    signal = sphere_network(24).run([Brain(k, Setting(target_mu=0.005), seed=k) for k in range(4)], 6.0, every=4)
    settled = signal[:, :, 250:]
    active = settled.max(axis=2) > 8
    assert active[np.arange(4), np.arange(4)].all()
    assert active.sum() <= 6
    assert len(find_clips(settled[0], 0, SpikeRules(clip=200, margin=0))[0])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_agrees_with_cpu_without_noise():
    brains = [Brain(k, Setting(std=0.0, target_mu=0.002 * k)) for k in range(3)]
    state = np.random.default_rng(0).uniform(0, 5, (6, 20))
    initial = InitialState(state, (state[1] - state[2])[None])
    cpu, gpu = (
        sphere_network(20, dtype=torch.float64, device=device).run(brains, 0.5, initial=initial)
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(gpu, cpu, atol=1e-9)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["step_ms", "speed"])
def test_network_refuses(name, value):
    with pytest.raises(InputError, match=f"{name} must be a positive number"):
        sphere_network(4, **{name: value})


@pytest.mark.parametrize(
    ("brains", "duration", "words"),
    [
        ([], 1.0, "at least one"),
        ([Brain(4)], 1.0, "Region 4 does not exist; the connectome has the regions 0 to 3"),
        ([Brain(-1)], 1.0, "does not exist"),
        ([Brain(0, Setting(mu=np.nan))], 1.0, "mu=nan"),
        ([Brain(0, Setting(std=-1.0))], 1.0, "std"),
        ([Brain(0, seed=-1)], 1.0, "seed"),
        ([Brain(0)], 0.0, "duration"),
    ],
)
def test_run_refuses(brains, duration, words):
    with pytest.raises(InputError, match=words):
        sphere_network(4).run(brains, duration)


def test_state_of_another_connectome_is_refused():
    initial = InitialState(np.zeros((6, 76)), np.zeros((1, 76)))
    with pytest.raises(InputError, match="76 regions and the connectome 4"):
        sphere_network(4).run([Brain(0)], 1.0, initial=initial)


def test_divergence_is_told():
    with pytest.raises(InputError, match="step_ms below 50"):
        sphere_network(4, step_ms=50.0).run([Brain(0)], 20.0)
