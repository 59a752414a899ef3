"""The same tasks in this process or on a cluster, with the same results."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from headwater._utils.errors import InputError
from headwater.benchmark.cell import Task


def fan_out(work: Callable[[Task], None], tasks: list[Task], cluster: str | None) -> Iterator[None]:
    """Do tasks, which keep their results in files; yield once for each that is done.

    Parameters
    ----------
    work : callable
    tasks : list of Task
    cluster : str | None
        Address of a Dask scheduler, whose workers must see the folder of the tasks (extra ``cluster``).
    """
    if cluster is None:
        for task in tasks:
            work(task)
            yield
        return
    try:
        from dask import distributed
    except ImportError as error:
        raise InputError("A cluster needs Dask; install headwater[cluster].") from error
    try:
        client = distributed.Client(cluster, timeout=20)
    except (OSError, ValueError) as error:
        raise InputError(f"No Dask scheduler answers at {cluster}: {error}") from error
    with client:
        for future in distributed.as_completed([client.submit(work, task, pure=False) for task in tasks]):
            future.result()
            yield
