"""Progress bars for long work; silent without a terminal."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

T = TypeVar("T")

# Results go to standard output; progress and remarks go to standard error.
console = Console(stderr=True)


def progress_bar(*, shown: bool = True) -> Progress:
    """Return a progress bar in the style of this package, to be used as a context manager."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not (shown and console.is_terminal),
        transient=True,
    )


@contextmanager
def working(description: str) -> Iterator[None]:
    """Show that work of unknown duration is in progress."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    with bar:
        bar.add_task(description, total=None)
        yield


def track(items: Iterable[T], description: str, total: int, completed: int = 0) -> Iterator[T]:
    """Yield the items while a bar shows how many are done, including those completed before."""
    with progress_bar() as bar:
        task = bar.add_task(description, total=total, completed=completed)
        for item in items:
            yield item
            bar.advance(task)
