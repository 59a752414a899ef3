"""Apply one function to many items: in this process, in local processes, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

import joblib

from headwater._utils.errors import InputError

CLUSTER_TIMEOUT = 20.0  # seconds within which a scheduler has to answer

Item = TypeVar("Item")
Result = TypeVar("Result")


def parallel_map(
    work: Callable[[Item], Result], items: Sequence[Item], *, workers: int = 1, cluster: str | None = None
) -> Iterator[Result]:
    """Yield the result of every item, in order of completion.

    Parameters
    ----------
    work : callable
        Must be picklable unless it runs in this process. Its results must not depend on where it runs.
    items : sequence
    workers : int
        Number of processes on this machine; 1 means this process.
    cluster : str | None
        Address of a Dask scheduler whose workers do the work instead (extra ``cluster``). They must see the same files.
    """
    if workers < 1:
        raise InputError(f"`workers` is {workers}; give at least one.")
    if cluster is None and (workers == 1 or len(items) < 2):
        yield from map(work, items)
        return
    with _processes(min(workers, len(items))) if cluster is None else _cluster(cluster):
        pool = joblib.Parallel(return_as="generator_unordered", batch_size=1, max_nbytes=None)
        try:
            yield from pool(joblib.delayed(work)(item) for item in items)
        except BrokenProcessPool as error:
            raise InputError(
                "A worker process was killed, often because memory ran out; use fewer `workers` (what was finished is "
                "kept)."
            ) from error


@contextmanager
def _processes(workers: int) -> Iterator[None]:
    """Share the cores of this machine between processes, each with an equal number of threads."""
    with joblib.parallel_config(backend="loky", n_jobs=workers):
        yield


@contextmanager
def _cluster(address: str) -> Iterator[None]:
    try:
        from dask import distributed
    except ImportError as error:
        raise InputError("A cluster needs Dask; install headwater[cluster].") from error
    try:
        client = distributed.Client(address, timeout=CLUSTER_TIMEOUT)
    except (OSError, ValueError) as error:
        raise InputError(f"No Dask scheduler answers at {address}: {error}") from error
    with client, joblib.parallel_config(backend="dask", n_jobs=-1):
        yield
