"""Processes of this machine, or a Dask cluster, that write the parts of a group of samples."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path

import torch

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.simulation.presets import Preset
from headwater.simulation.simulator import Simulator

CLUSTER_TIMEOUT = 20.0  # s, until a scheduler must have answered

Write = Callable[[Path, Simulator, int], int]
"""Writes the part of a number, and returns the number."""

_SIMULATOR: list[Simulator] = []  # that of a worker process


def in_processes(
    write: Write, path: Path, leadfield: LeadField, preset: Preset, todo: list[int], workers: int
) -> Iterator[int]:
    """Yield the numbers of parts as processes of this machine finish them."""
    workers = min(workers, len(todo))
    threads = max(1, (os.cpu_count() or 1) // workers)
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), _start_worker, (leadfield, preset, threads)
    )
    try:
        with _interrupts_held_back():
            futures = [pool.submit(_write_in_worker, write, path, part) for part in todo]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise InputError(
            f"A worker process was killed, often for lack of memory; what is in {path} is kept, so go on with fewer "
            "workers."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker(leadfield: LeadField, preset: Preset, threads: int) -> None:
    torch.set_num_threads(threads)
    _SIMULATOR.append(Simulator(leadfield, preset))


def _write_in_worker(write: Write, path: Path, part: int) -> int:
    return write(path, _SIMULATOR[0], part)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach, so that this one can end them in order.

    An interrupt in the meantime would leave a process half started; it comes through afterwards.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    held: list[int] = []
    resource_tracker.ensure_running()  # started with the first process, it would end the blocking
    handler = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited by the processes
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        signal.signal(signal.SIGINT, handler)
    if held:
        raise KeyboardInterrupt


def on_cluster(
    write: Write, path: Path, leadfield: LeadField, preset: Preset, todo: list[int], address: str
) -> Iterator[int]:
    """Yield the numbers of parts as the workers of a Dask cluster finish them."""
    try:
        from dask import distributed
    except ImportError as error:
        raise InputError("A cluster needs Dask; install headwater[cluster].") from error
    try:
        client = distributed.Client(address, timeout=CLUSTER_TIMEOUT)
    except (OSError, ValueError) as error:
        raise InputError(f"No Dask scheduler answers at {address}: {error}") from error
    with client:
        (sent,) = client.scatter([leadfield], broadcast=True)
        simulator = client.submit(Simulator, sent, preset, pure=False)
        client.replicate(simulator)
        futures = [client.submit(write, path.absolute(), simulator, part, pure=False) for part in todo]
        for future in distributed.as_completed(futures):
            yield future.result()
