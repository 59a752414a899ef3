"""Run a protocol: cells first, each kept as soon as it is done; then table, figures and page from the cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file
from headwater._utils.parallel import parallel_map
from headwater._utils.progress import track
from headwater.benchmark.cell import Task, read_cell, read_tuning, score, tune
from headwater.benchmark.choice import chosen
from headwater.benchmark.methods import Method
from headwater.benchmark.page import write_page
from headwater.benchmark.protocol import Case, Protocol, Settings
from headwater.benchmark.protocols import protocol_of
from headwater.benchmark.provenance import provenance
from headwater.benchmark.results import collect
from headwater.benchmark.results_folder import FILES, ResultsFolder, read_marker
from headwater.solvers.base import Solver

SIZES = ("quick", "paper")

# Seconds per sample, and more for many channels: a quick run lists them in the table without running them.
SLOW = frozenset({"mxne", "irmxne"})
TOO_SLOW = "takes seconds per sample; at size quick it runs only if named"


class Interrupted(KeyboardInterrupt):
    """A run that was stopped before its end; finished cells are kept.

    Attributes
    ----------
    n_done, n_cells : int
        Cells that are kept, of all.
    """

    def __init__(self, n_done: int, n_cells: int) -> None:
        super().__init__(f"{n_done} of {n_cells} cells are done and kept")
        self.n_done, self.n_cells = n_done, n_cells


@dataclass(frozen=True, eq=False)
class Plan:
    """What one run consists of.

    Attributes
    ----------
    protocol : Protocol
    settings : Settings
    methods : dict of str to Method
    cases : tuple of Case
    slow : frozenset of str
        Methods that are listed in the table but not run.
    """

    protocol: Protocol
    settings: Settings
    methods: Mapping[str, Method]
    cases: tuple[Case, ...]
    slow: frozenset[str]

    def tasks(self, folder: Path) -> list[Task]:
        """Return all cells, ordered so that what they share is computed once.

        Cells are grouped by training set, then by method and head.
        """
        return [
            Task(folder, self.protocol, self.settings, name, method, case, seed, TOO_SLOW if name in self.slow else "")
            for group in dict.fromkeys(case.tuned_on for case in self.cases)
            for name, method in self.methods.items()
            for seed in self.protocol.seeds(self.settings)
            for case in self.cases
            if case.tuned_on == group
        ]

    def in_table_order(self, tasks: Iterable[Task]) -> list[Task]:
        """Sort cells by case, method and seed."""
        rows = list(self.methods)
        return sorted(tasks, key=lambda task: (self.cases.index(task.case), rows.index(task.method_name), task.seed))


def run_benchmark(
    protocol: str | Protocol,
    size: str = "quick",
    solvers: Sequence[str] | Mapping[str, Solver] | None = None,
    out: Path | str | None = None,
    *,
    data: Path | str | None = None,
    cases: Sequence[str] | None = None,
    samples: int | None = None,
    inverse_crime: bool = False,
    cluster: str | None = None,
    overwrite: bool = False,
    command: str | None = None,
) -> pd.DataFrame:
    """Compare solvers.

    A run that was interrupted is resumed when it is started again with the same arguments.

    Parameters
    ----------
    protocol : str | Protocol
        Name in ``headwater.benchmark.PROTOCOLS``, or one of your own.
    size : str
        ``"quick"``: minutes on two cores; ``"paper"``: as many samples as in the published comparisons.
    solvers : sequence of str | dict of str to Solver | None
        Names of solvers, or your own by the names of their rows. None: all, at size quick without the slowest, which
        are named in the table. The controls are always added.
    out : path-like | None
        Results folder: ``results.csv``, ``table.md``, figures and ``report.html``. None: ``benchmark-PROTOCOL-SIZE``.
    data : path-like | None
        Folder of real recordings and heads, for the protocol ``real`` and the cases ``real-head``.
    cases : sequence of str | None
        Names of cases, as in ``results.csv``. None: all.
    samples : int | None
        At most so many samples of each case and head; for simulated protocols.
    inverse_crime : bool
        Simulate with the lead field that the solvers assume, as a contrast.
    cluster : str | None
        Address of a Dask scheduler, whose workers must see ``out`` and ``data``.
    overwrite : bool
        Replace the results of another run, as soon as the new ones are complete.
    command : str | None
        Command that reproduces the run, shown with the results.

    Returns
    -------
    results : pandas.DataFrame
        One row for each case, solver, seed and metric, as in ``results.csv``.
    """
    protocol = protocol_of(protocol)
    settings = Settings(size, inverse_crime, None if data is None else Path(data).absolute(), samples)
    _check(protocol, settings)
    plan = Plan(
        protocol,
        settings,
        chosen(protocol, solvers),
        _selected(protocol.cases(settings), cases),
        SLOW if solvers is None and size == "quick" else frozenset(),
    )
    about = provenance(protocol, settings, list(plan.methods), cases, command)
    folder = ResultsFolder(Path(out or f"benchmark-{protocol.name}-{size}").absolute())
    with folder.hold(about, overwrite=overwrite) as work:
        tasks = plan.tasks(work)
        _run(tasks, f"benchmark {protocol.name}", cluster)
        results, written = _write(work, plan, tasks, about)
        folder.finish(work, [*written, *(str(path.relative_to(work)) for path in _paths(tasks))])
    return results


def rewrite_results(folder: Path | str, solvers: Sequence[str] | None = None) -> pd.DataFrame:
    """Write tables, figures and page of a finished benchmark once more, from the scores that it has kept.

    Parameters
    ----------
    folder : path-like
        Results folder of a protocol of headwater.
    solvers : sequence of str | None
        As of `run_benchmark`, for networks that were given as files. None: all solvers have names.

    Returns
    -------
    results : pandas.DataFrame
        As `run_benchmark` returned it.
    """
    folder = Path(folder)
    about = read_marker(folder)
    protocol = protocol_of(about["protocol"])
    settings = Settings(about["size"], about["inverse crime"], None, about.get("samples"))
    methods = chosen(protocol, solvers or about["solvers"])
    if list(methods) != about["solvers"]:
        raise InputError(
            f"{folder} has solvers that cannot be found by name; run the benchmark again to write its page."
        )
    plan = Plan(protocol, settings, methods, _selected(protocol.cases(settings), about.get("cases")), frozenset())
    tasks = plan.tasks(folder)
    if missing := sum(not task.cell_path.exists() for task in tasks):
        again = about["command"] or "the same call of run_benchmark"
        raise InputError(f"{folder} lacks {missing} of {len(tasks)} cells; finish it first: {again}")
    results, _ = _write(folder, plan, tasks, {name: value for name, value in about.items() if name != FILES})
    return results


def _check(protocol: Protocol, settings: Settings) -> None:
    """Refuse settings that no run can have, before anything is written."""
    if settings.size not in SIZES:
        raise InputError(f"There is no size {settings.size!r}; choose {' or '.join(SIZES)}.")
    if settings.samples is not None and (settings.samples < 1 or not protocol.limits_samples):
        raise InputError("`samples` is a positive number, for protocols that simulate samples; leave it out here.")
    if reason := protocol.refused(settings):
        raise InputError(reason)


def _selected(cases: tuple[Case, ...], names: Sequence[str] | None) -> tuple[Case, ...]:
    known = [case.name for case in cases]
    if unknown := [name for name in names or () if name not in known]:
        raise InputError(f"There is no case {', '.join(unknown)}; choose from {', '.join(known)}.")
    return cases if names is None else tuple(case for case in cases if case.name in names)


def _run(tasks: list[Task], description: str, cluster: str | None) -> None:
    """Compute the cells that are missing; those on disk are checked first."""
    to_tune = {task.tuning_path: task for task in tasks if task.is_tuned}
    for path in to_tune:
        if path.exists():
            read_tuning(path)
    for task in tasks:
        if task.cell_path.exists():
            read_cell(task.cell_path)
    try:
        for work, some, name in (
            (tune, to_tune, "tuning"),
            (score, {task.cell_path: task for task in tasks}, description),
        ):
            missing = [task for path, task in some.items() if not path.exists()]
            done = parallel_map(work, missing, cluster=cluster)
            for _ in track(done, name, total=len(some), completed=len(some) - len(missing)):
                pass
    except KeyboardInterrupt:
        raise Interrupted(sum(task.cell_path.exists() for task in tasks), len(tasks)) from None


def _write(work: Path, plan: Plan, tasks: list[Task], about: dict[str, Any]) -> tuple[pd.DataFrame, list[str]]:
    """Write tables, figures and page from the cells; return the results and the names of the files."""
    results, scores = collect(plan.in_table_order(tasks))
    with atomic_file(work / "results.csv") as temporary:
        results.to_csv(temporary, index=False, float_format="%.6g")
    written = write_page(work, plan.protocol, plan.cases, plan.methods, results, scores, about)
    return results, ["results.csv", *written]


def _paths(tasks: list[Task]) -> list[Path]:
    """Files that the tasks keep their results in."""
    tuned = dict.fromkeys(task.tuning_path for task in tasks if task.is_tuned)
    return [*tuned, *(task.cell_path for task in tasks)]
