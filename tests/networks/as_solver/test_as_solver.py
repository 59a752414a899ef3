"""A network as a solver: windows of time, memory, channels, recordings."""

import mne
import numpy as np
import pytest
import torch

from headwater._utils.errors import InputError
from headwater.localization import analyze
from headwater.networks import NetworkSolver, PIUNet
from headwater.networks.base import BoundNetwork, Network

WIDTH = 4


class Echo(Network):
    """Shows the first channel at each source, and which time of its window each time was."""

    def __init__(self, *, n_times: int = WIDTH, room: int = 1000) -> None:
        super().__init__()
        self.n_times, self.room = n_times, room

    def bind(self, leadfield, noise_cov=None):
        bound = BoundEcho(self, leadfield, self.n_times)
        bound.noise_cov = noise_cov
        return bound


class BoundEcho(BoundNetwork):
    """Runs out of memory where a batch is larger than the room."""

    error: RuntimeError = torch.OutOfMemoryError("CUDA out of memory.")

    def forward(self, y):
        if len(y) > self.network.room:
            raise self.error
        currents = torch.zeros(len(y), self.leadfield.n_sources, 3, y.shape[2])
        currents[:, :, 0] = y[:, :1]
        currents[:, :, 1] = torch.arange(y.shape[2])
        return currents

    currents = forward


@pytest.fixture
def data() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(32, 10))


def test_windows_are_put_together_and_the_last_one_overlaps(free_leadfield, data):
    found = NetworkSolver(network=Echo()).fit(free_leadfield).estimate(data)
    assert found.shape == (free_leadfield.n_sources, 3, 10)
    assert found.dtype == data.dtype
    assert np.allclose(found[:, 0], data[0], atol=1e-6)
    assert found[0, 1].tolist() == [0, 1, 2, 3, 0, 1, 0, 1, 2, 3]
    whole = NetworkSolver(network=Echo(n_times=5)).fit(free_leadfield).estimate(data)
    assert whole[0, 1].tolist() == [0, 1, 2, 3, 4] * 2


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_samples_and_windows_do_not_mix(free_leadfield, batch_size):
    data = np.random.default_rng(1).normal(size=(2, 3, 32, 9)).astype(np.float32)
    found = NetworkSolver(network=Echo(), batch_size=batch_size).fit(free_leadfield).estimate(data)
    assert found.shape == (2, 3, free_leadfield.n_sources, 3, 9)
    assert np.array_equal(found[:, :, 0, 0], data[:, :, 0])


def test_data_that_cannot_be_used_are_refused(free_leadfield, data):
    solver = NetworkSolver(network=Echo()).fit(free_leadfield)
    with pytest.raises(InputError, match="needs 4 time points and the data have 3; use a longer time window"):
        solver.estimate(data[:, :3])
    with pytest.raises(InputError, match="NaN"):
        solver.estimate(np.where(data > 1, np.nan, data))
    with pytest.raises(InputError, match="not been fitted"):
        NetworkSolver(network=Echo()).estimate(data)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
    ],
)
def test_batches_shrink_to_what_memory_holds(free_leadfield, monkeypatch, error):
    monkeypatch.setattr(BoundEcho, "error", error)
    data = np.random.default_rng(2).normal(size=(9, 32, WIDTH))
    solver = NetworkSolver(network=Echo(room=2), batch_size=8).fit(free_leadfield)
    with pytest.warns(UserWarning, match="continuing with") as notes:
        found = solver.estimate(data)
    assert [str(note.message).split("with ")[1] for note in notes] == ["4 at a time.", "2 at a time."]
    assert np.allclose(found[:, 0, 0], data[:, 0], atol=1e-6)


def test_no_memory_at_all_is_said_and_other_errors_are_not_hidden(free_leadfield, monkeypatch, data):
    solver = NetworkSolver(network=Echo(room=0), batch_size=1).fit(free_leadfield)
    with pytest.raises(InputError, match="Memory is insufficient .* use a coarser source space"):
        solver.estimate(data)
    monkeypatch.setattr(BoundEcho, "error", RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        NetworkSolver(network=Echo(room=0)).fit(free_leadfield).estimate(data)


def test_only_the_channels_of_the_weights_are_used(free_leadfield):
    names = free_leadfield.ch_names[5:25][::-1]
    noise_cov = np.diag(np.arange(1.0, 33.0))
    solver = NetworkSolver(network=Echo(), matching=lambda one: one.pick(names)).fit(free_leadfield, noise_cov)
    assert solver.leadfield_.ch_names == names
    assert np.array_equal(np.diag(solver.bound_.noise_cov), np.arange(6.0, 26.0)[::-1])


@pytest.fixture
def network() -> PIUNet:
    torch.manual_seed(0)
    return PIUNet(channels=4, depth=2, blocks=1, heads=2, patch=2, box=None, bells_mm=(20.0,), context=True)


def test_piunet_keeps_the_contract_of_solvers(network, free_leadfield, data):
    solver = NetworkSolver(network=network, batch_size=4).fit(free_leadfield, np.eye(32))
    for shape, precision in (((), np.float64), ((2, 3), np.float32)):
        sample = np.broadcast_to(data, (*shape, 32, 10)).astype(precision)
        found = solver.estimate(sample)
        assert found.shape == (*shape, free_leadfield.n_sources, 3, 10)
        assert found.dtype == precision
    assert solver.estimate(np.empty((0, 32, 10))).shape == (0, free_leadfield.n_sources, 3, 10)
    one, scaled = solver.estimate(data), solver.estimate(250 * data) / 250
    assert np.linalg.norm(one - scaled) < 1e-4 * np.linalg.norm(one)
    assert repr(solver) == f"NetworkSolver(PIUNet, {network.n_parameters:,} parameters)"


def test_recordings_give_source_estimates(network, free_leadfield, data):
    evoked = mne.EvokedArray(1e-6 * data, free_leadfield.info, tmin=0.0, nave=9)
    solver = NetworkSolver(network=network)
    result = analyze(evoked, solver, forward=free_leadfield, pick_ori="vector")
    assert result.stc.data.shape == (free_leadfield.n_sources, 3, 10)
    assert result.unit == "nAm"
    assert not hasattr(solver, "bound_")  # the user's solver is left alone
    evoked.info["bads"] = [evoked.ch_names[3]]
    assert np.isfinite(analyze(evoked, solver, forward=free_leadfield).stc.data).all()


def test_cores_share_the_batches_and_not_each_batch(network, free_leadfield):
    solver = NetworkSolver(network=network, batch_size=4).fit(free_leadfield)
    data = np.random.default_rng(3).normal(size=(32, 30))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = solver.estimate(data)
        torch.set_num_threads(3)
        shared = solver.estimate(data)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert np.allclose(shared, alone, rtol=1e-4, atol=1e-5 * np.abs(alone).max())
