"""A trained network as a solver."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ClassVar, Self

import mne
import numpy as np
import torch
from typing_extensions import override

from headwater._utils.errors import InputError
from headwater._utils.progress import progress_bar
from headwater.forward.leadfield import LeadField
from headwater.networks.as_solver.network_posterior import NetworkPosterior
from headwater.networks.base import BoundNetwork, Network
from headwater.solvers.base import Solver, check_data
from headwater.solvers.posterior.calibration import Calibration

AT_ONCE = 16  # windows per batch; their features then fit into the processor's cache
IN_LINE = 4  # batches queued per core, so that no core waits for the slowest one
LONG = 1000  # number of windows from which a progress bar is shown


class NetworkSolver(Solver):
    """Estimate source currents with a network.

    Parameters
    ----------
    network : Network
        Trained network, see `headwater.load_network`.
    device : str | torch.device
        Device on which the network runs.
    batch_size : int
        Time windows per batch; halved, with a warning, if memory is insufficient.
    mixed : bool
        Compute the layers in bfloat16 if the device supports it natively, for weights that were trained in bfloat16.
        Quantities computed from data and lead field stay in single precision. Currents change by a few thousandths.
    name : str
        Name for display.
    matching : callable | None
        Function that returns a lead field with the channels of the weights, in their order, and raises `InputError` if
        the weights belong to a different lead field.
    calibration : Calibration | None
        Corrections of the posterior, from the card of the weights.

    Attributes
    ----------
    bound_ : BoundNetwork
        The network bound to the lead field.
    n_times_ : int
        Length of its time windows.
    """

    learned: ClassVar[bool] = True
    bound_: BoundNetwork
    n_times_: int

    def __init__(
        self,
        *,
        network: Network,
        device: str | torch.device = "cpu",
        batch_size: int = AT_ONCE,
        mixed: bool = False,
        name: str = "",
        matching: Callable[[LeadField], LeadField] | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.network = network
        self.device = device
        self.batch_size = batch_size
        self.mixed = mixed
        self.name = name
        self.matching = matching
        self.calibration = calibration

    @property
    def title(self) -> str:  # type: ignore[override]
        """Title of the network."""
        return self.network.title

    @property
    def per_time_point(self) -> bool:  # type: ignore[override]
        """Whether the network estimates each time point separately."""
        return self.n_times_ == 1

    @property
    def has_posterior(self) -> bool:  # type: ignore[override]
        """Whether the network computes a posterior."""
        return self.network.has_posterior

    @override
    def posterior_calibration(self) -> Calibration | None:
        """Return the corrections on the card of the weights."""
        return self.calibration

    def fit(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> Self:
        """Bind the network to one lead field and one noise covariance."""
        if self.matching is not None:
            channels = leadfield.ch_names
            leadfield = self.matching(leadfield)
            if isinstance(noise_cov, np.ndarray):
                kept = [channels.index(name) for name in leadfield.ch_names]
                noise_cov = noise_cov[np.ix_(kept, kept)]
        self.bound_ = self.network.bind(leadfield, noise_cov).to(self.device).eval()
        self.leadfield_, self.n_times_ = self.bound_.leadfield, self.bound_.n_times
        return self

    def estimate(self, data: np.ndarray) -> np.ndarray:
        """Estimate currents in A m.

        A network for time windows is applied to consecutive windows; the last one may overlap the previous one.
        """
        data = check_data(data, self)
        n_times = data.shape[-1]
        starts, width = self._windows(n_times)
        samples = data.reshape(-1, *data.shape[-2:])
        windows = np.stack([samples[:, :, start : start + width] for start in starts], 1)
        found = self._in_batches(windows.reshape(-1, *windows.shape[2:]).astype(np.float32))
        found = found.reshape(len(samples), len(starts), *found.shape[1:])
        estimate = np.empty((len(samples), *found.shape[2:4], n_times), dtype=data.dtype)
        for index, start in enumerate(starts):
            estimate[..., start : start + width] = found[:, index]
        return estimate.reshape(*data.shape[:-2], *estimate.shape[1:])

    def _windows(self, n_times: int) -> tuple[list[int], int]:
        """Return where the windows begin, and their length."""
        width = min(self.n_times_, n_times) if self.network.any_length else self.n_times_
        if n_times < width:
            raise InputError(
                f"The network needs {width} time points and the data have {n_times}; use a longer time window."
            )
        return list(dict.fromkeys([*range(0, n_times - width + 1, width), n_times - width])), width

    def _posterior(self, data: np.ndarray) -> NetworkPosterior:
        """Compute the posteriors of all windows, in batches."""
        starts, width = self._windows(data.shape[1])
        windows = np.stack([data[:, start : start + width] for start in starts]).astype(np.float32)
        batches = [windows[at : at + self.batch_size] for at in range(0, len(windows), self.batch_size)]
        with torch.inference_mode():
            parts = tuple(self.bound_.posterior(torch.from_numpy(one).to(self.device)) for one in batches)
        where = np.zeros((data.shape[1], 3), dtype=int)
        for index, start in enumerate(starts):
            where[start : start + width, :2] = divmod(index, self.batch_size)
            where[start : start + width, 2] = np.arange(width)
        return NetworkPosterior(parts, where)

    def _in_batches(self, windows: np.ndarray) -> np.ndarray:
        """Estimate windows of shape (n, n_channels, width); the batch size is reduced if memory is insufficient."""
        found: list[np.ndarray] = []
        start, size, n_windows = 0, self.batch_size, max(1, len(windows))
        bar = progress_bar(shown=n_windows >= LONG)  # not for short computations
        with _workers(self.device, several=n_windows > size) as (pool, n_batches), bar:
            task = bar.add_task("estimating", total=n_windows)
            while start < n_windows:
                stop = min(start + n_batches * size, n_windows)
                try:
                    found += list(pool(self._batch, [windows[at : at + size] for at in range(start, stop, size)]))
                except (torch.OutOfMemoryError, RuntimeError) as error:
                    if not out_of_memory(error):
                        raise
                    if size == 1:
                        raise InputError(
                            "Memory is insufficient for this network and lead field; use a coarser source space, or a "
                            "device with more memory."
                        ) from error
                    size //= 2
                    warnings.warn(f"Memory is insufficient; continuing with {size} at a time.", stacklevel=3)
                    continue
                start = stop
                bar.update(task, completed=stop)
        return np.concatenate(found)

    def _batch(self, windows: np.ndarray) -> np.ndarray:
        """Estimate one batch of windows."""
        kind = torch.device(self.device).type
        mixed = torch.autocast(kind, torch.bfloat16, enabled=self.mixed and _native_bfloat16(kind))
        with torch.inference_mode(), mixed:
            return self.bound_.currents(torch.from_numpy(windows).to(self.device)).float().cpu().numpy()

    def __repr__(self) -> str:
        return f"NetworkSolver({self.name or type(self.network).__name__}, {self.network.n_parameters:,} parameters)"


@contextmanager
def _workers(device: str | torch.device, *, several: bool) -> Iterator[tuple[Callable[..., Iterable[np.ndarray]], int]]:
    """Yield a function that maps another one over batches, and the number of batches to pass at once.

    Each core of the processor computes a separate batch, because cores that share a batch of small images wait for each
    other.
    """
    n_threads = torch.get_num_threads()
    if not several or n_threads == 1 or torch.device(device).type != "cpu":
        yield map, 1
        return
    with ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            yield pool.map, IN_LINE * n_threads
        finally:  # the number of threads is a global setting
            torch.set_num_threads(n_threads)


def _native_bfloat16(kind: str) -> bool:
    """Return whether a kind of device supports bfloat16 natively; emulation is slower than float32."""
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    native = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)  # missing in older versions of PyTorch
    return kind == "cpu" and native()


def out_of_memory(error: RuntimeError) -> bool:
    """Return whether PyTorch ran out of memory; on a CPU, it has no error class for this."""
    said = ("can't allocate memory", "not enough memory")  # on Linux and macOS, on Windows
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in said)
