"""Draw samples from a preset, in one call or as an endless stream; the same seed gives the same samples."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.simulation.currents import by_columns
from headwater.simulation.noise.sensors import SensorArray
from headwater.simulation.presets import Preset
from headwater.simulation.samples import Samples, Truth
from headwater.simulation.spatial.geometry import geometry_of

DENSE_CHUNK = 2**22  # numbers in the largest tensor of a chunk: 16 MB, about the size of CPU caches
SPARSE_CHUNK = 256  # samples


class Simulator:
    """A preset bound to one lead field and one device.

    Samples are drawn in chunks of a fixed size. Each chunk has its own random generator, seeded by the seed and the
    chunk number, so a sample depends only on the seed and its position in the stream, not on the batch size or the
    process that draws it.

    Parameters
    ----------
    leadfield : LeadField
    preset : Preset
    device : str or torch.device

    Attributes
    ----------
    chunk_size : int
    """

    def __init__(self, leadfield: LeadField, preset: Preset, device: str | torch.device = "cpu"):
        device = torch.device(device)
        if not isinstance(preset, Preset):
            raise InputError(f"Expected a Preset, got {preset!r}; for example hw.presets.PIUNET.")
        self.preset = preset
        self.geometry = geometry_of(leadfield, device)
        self.sensors = SensorArray(
            tuple(leadfield.info["ch_names"]),
            tuple(leadfield.info.get_channel_types()),
            preset.sfreq,
            preset.average_reference,
            device,
        )
        self.noise = preset.noise.bind(self.sensors)
        gain = torch.as_tensor(leadfield.gain, dtype=torch.float32, device=device)
        self.gain = by_columns(self.sensors.recorded(gain.flatten(1)).reshape(gain.shape))
        self.chunk_size = self._chunk_size()
        self._last: tuple[int, int, Samples] | None = None  # training cuts several batches from one chunk
        self.check_memory(self.chunk_size)

    def __getstate__(self) -> dict[str, Any]:
        """Drop the last chunk when the simulator is sent to another process."""
        return self.__dict__ | {"_last": None}

    @property
    def is_sparse(self) -> bool:
        """Whether most sources of a sample are inactive, so that the ground truth is stored as patches."""
        return self.preset.background is None and self.preset.sources.sparse

    def _chunk_size(self) -> int:
        """Return a power of two that depends only on the sizes of the problem."""
        preset, geometry = self.preset, self.geometry
        if self.is_sparse:
            per_sample = preset.n_times * len(self.sensors.ch_names) * preset.sources.n_components
        else:
            per_sample = geometry.n_sources * max(geometry.n_orient * preset.n_times, preset.sources.n_components)
        fitting = max(1, DENSE_CHUNK // per_sample)
        return min(SPARSE_CHUNK, 1 << (fitting.bit_length() - 1))

    def check_memory(self, n: int) -> None:
        """Refuse a number of samples that the memory of the device cannot hold."""
        preset, geometry = self.preset, self.geometry
        currents = preset.sources.n_components if self.is_sparse else geometry.n_sources * geometry.n_orient
        needed = 4 * n * preset.n_times * (len(self.sensors.ch_names) + currents)
        memory = _memory(geometry.device)
        if needed > memory:
            raise InputError(
                f"{n} samples of the preset {preset.name!r} take {needed / 1e9:.3g} GB and the memory has "
                f"{memory / 1e9:.3g} GB; ask for fewer samples or time points, or stream them in smaller batches."
            )

    def chunk(self, seed: int, index: int) -> Samples:
        """Draw chunk number ``index`` of the stream of samples of a seed; the last chunk is cached."""
        if self._last is None or self._last[:2] != (seed, index):
            self._last = seed, index, self._draw(seed, index)
        return self._last[2]

    def _draw(self, seed: int, index: int) -> Samples:
        if self.is_sparse and self.geometry.device.type == "cpu":
            with _one_thread():
                return self._chunk(seed, index)
        return self._chunk(seed, index)

    def _chunk(self, seed: int, index: int) -> Samples:
        state = np.random.SeedSequence([seed, index]).generate_state(1, np.uint64)
        generator = torch.Generator(self.geometry.device).manual_seed(int(state[0]))
        preset = self.preset
        pattern = preset.sources.draw(self.chunk_size, self.geometry, generator)
        courses = preset.courses.draw(pattern.centers, preset.n_times, preset.sfreq, generator)
        if preset.background is None:
            currents = pattern.currents(courses)
        else:
            currents = preset.background.blend(pattern, courses, preset.sfreq, self.geometry, generator)
        signal = currents.project(self.gain)
        noise = self.noise.draw(signal, generator)
        truth = Truth(
            pattern.centers, pattern.amplitude, pattern.extent_mm, pattern.orientation, noise.snr_db, noise.rms
        )
        y = signal + noise.data
        if not torch.isfinite(y).all():
            raise InputError(
                f"The preset {preset.name!r} gives recordings that are not finite in single precision; use amplitudes, "
                "widths and an SNR of a physiological size."
            )
        return Samples(y, currents, truth, preset.sfreq)

    def batches(self, seed: int, batch_size: int, *, start: int = 0) -> Iterator[Samples]:
        """Cut the stream of chunks into batches, from sample number ``start`` on, without end."""
        index, skip = divmod(start, self.chunk_size)
        held = self.chunk(seed, index)[skip:]
        while True:
            parts = [held]
            while sum(map(len, parts)) < batch_size:
                index += 1
                parts.append(self.chunk(seed, index))
            joined = Samples.concatenate(parts)
            yield joined[:batch_size]
            held = joined[batch_size:]


def _memory(device: torch.device) -> float:
    """Return the size of the memory of a device in bytes; infinite if unknown."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    if "SC_PHYS_PAGES" in getattr(os, "sysconf_names", ()):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return math.inf


@contextmanager
def _one_thread() -> Iterator[None]:
    """Restrict PyTorch to one thread.

    The tensors of sparse samples are so small that more threads bring hardly any gain. When other processes keep the
    cores busy, the threads mostly wait for each other: a hundredfold loss on two shared cores.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def simulate(
    leadfield: LeadField, preset: Preset, n: int, seed: int = 0, *, device: str | torch.device = "cpu"
) -> Samples:
    """Simulate recordings.

    Parameters
    ----------
    leadfield : LeadField
    preset : Preset
        ``hw.presets.PIUNET``, ``MULTI_SOURCE``, ``SPIKES``, ``DIRECT_UNET``, ``SUBCORTICAL``, or your own.
    n : int
        Number of samples.
    seed : int
        The same seed on the same device gives the same samples; a larger number begins with the same samples.
    device : str or torch.device

    Returns
    -------
    samples : Samples

    Examples
    --------
    >>> import headwater as hw
    >>> head = hw.template_head()
    >>> info = hw.montage_info(head, "biosemi16")
    >>> leadfield = hw.make_leadfield(head, info, spacing=30.0, method="sphere")
    >>> samples = hw.simulate(leadfield, hw.presets.PIUNET, n=2)
    >>> tuple(samples.y.shape), tuple(samples.x.shape)  # V; A m
    ((2, 16, 1), (2, 73, 3, 1))
    """
    check_request(n, seed)
    return next(stream(leadfield, preset, n, seed, device=device))


def stream(
    leadfield: LeadField,
    preset: Preset,
    batch_size: int,
    seed: int = 0,
    *,
    device: str | torch.device = "cpu",
    start: int = 0,
) -> Iterator[Samples]:
    """Simulate an endless stream of batches for training, without using the disk.

    The samples do not depend on the batch size.

    Parameters
    ----------
    leadfield : LeadField
    preset : Preset
    batch_size : int
        Samples of a batch.
    seed : int
    device : str or torch.device
    start : int
        Number of the first sample.

    Yields
    ------
    samples : Samples

    Examples
    --------
    >>> import headwater as hw
    >>> head = hw.template_head()
    >>> leadfield = hw.make_leadfield(head, hw.montage_info(head, "biosemi16"), spacing=30.0, method="sphere")
    >>> batches = hw.stream(leadfield, hw.presets.PIUNET, batch_size=8)
    >>> tuple(next(batches).y.shape)
    (8, 16, 1)
    """
    if batch_size < 1:
        raise InputError(f"batch_size is {batch_size}; it must be at least 1.")
    check_request(batch_size, seed)
    simulator = Simulator(leadfield, preset, device)
    simulator.check_memory(batch_size)
    return simulator.batches(seed, batch_size, start=start)


def check_request(n: int, seed: int) -> None:
    """Refuse impossible numbers of samples and seeds."""
    if n < 1:
        raise InputError(f"n is {n}; ask for at least one sample.")
    if seed < 0:
        raise InputError(f"seed is {seed}; give a whole number of at least 0.")
