"""Run a protocol: cells first, each kept as soon as it is done; then table, figures and page from the cells."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file, refuse_unowned
from headwater._utils.progress import track
from headwater.benchmark.cell import Task, score, tune
from headwater.benchmark.fan_out import fan_out
from headwater.benchmark.protocol import Case, Protocol, Settings, chosen
from headwater.benchmark.results import collect
from headwater.benchmark.simulated import Simulated

MARKER = "benchmark.json"
FINISHED = "report.html"  # the last file to be written
SIZES = ("quick", "paper")

# Seconds a sample, and more on many channels: a quick run names them in the table but does not wait for them.
SLOW = frozenset({"mxne", "irmxne"})
TOO_SLOW = "takes seconds a sample; at size quick it runs only where it is asked for by name"


def run_benchmark(
    protocol: str | Protocol,
    size: str = "quick",
    solvers: Sequence[str] | None = None,
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

    An interrupted run goes on where it stopped when it is started again with the same settings and ``out``.

    Parameters
    ----------
    protocol : str | Protocol
        Name in ``headwater.benchmark.PROTOCOLS``, or one of your own.
    size : str
        ``"quick"``: minutes on two cores; ``"paper"``: as many samples as the published comparisons.
    solvers : sequence of str | None
        Names of solvers. None: all, at size quick without the slowest, which are named in the table. The controls are
        always there.
    out : path-like | None
        Results folder: ``results.csv``, ``table.md``, figures and ``report.html``. None: ``benchmark-PROTOCOL-SIZE``.
    data : path-like | None
        Folder of the recordings, for the protocol ``real``.
    cases : sequence of str | None
        Names of cases, as in ``results.csv``. None: all.
    samples : int | None
        At most so many samples of each case and head; for simulated protocols.
    inverse_crime : bool
        Simulate with the solvers' own lead field, as a contrast.
    cluster : str | None
        Address of a Dask scheduler, whose workers must see ``out`` and ``data``.
    overwrite : bool
        Start again where there are results already.
    command : str | None
        Command that reproduces the run, shown with the results.

    Returns
    -------
    results : pandas.DataFrame
        One row for each case, solver, seed and metric, as in ``results.csv``.
    """
    from headwater.benchmark.page import write_page

    protocol = _protocol(protocol)
    if size not in SIZES:
        raise InputError(f"There is no size {size!r}; choose {' or '.join(SIZES)}.")
    out = Path(out or f"benchmark-{protocol.name}-{size}").absolute()
    if samples is not None and (samples < 1 or not isinstance(protocol, Simulated)):
        raise InputError("samples is a positive number, and for protocols that simulate; leave it out here.")
    settings = Settings(size, inverse_crime, None if data is None else Path(data).absolute(), samples)
    methods = chosen(protocol, solvers)
    slow = SLOW if solvers is None and size == "quick" else frozenset()
    selected = _selected(protocol.cases(settings), cases)
    # Cases that share a training set stand together, then those of a solver and a head: each is made only once.
    groups = dict.fromkeys(case.tuned_on for case in selected)
    tasks = [
        Task(out, protocol, settings, name, method, case, seed, TOO_SLOW if name in slow else "")
        for group in groups
        for name, method in methods.items()
        for seed in protocol.seeds(settings)
        for case in selected
        if case.tuned_on == group
    ]
    about = _about(protocol, settings, list(methods), command)
    if cases is not None:
        about["cases"] = [case.name for case in selected]
    _prepare(out, about, overwrite=overwrite)
    to_tune = list({task.tuning_path: task for task in tasks if not task.skipped}.values())
    _do(tune, [task for task in to_tune if not task.tuning_path.exists()], "tuning", cluster)
    _do(score, [task for task in tasks if not task.cell_path.exists()], f"benchmark {protocol.name}", cluster)
    order = sorted(
        tasks, key=lambda task: (selected.index(task.case), list(methods).index(task.method_name), task.seed)
    )
    results, scores = collect(order)
    with atomic_file(out / "results.csv") as temporary:
        results.to_csv(temporary, index=False, float_format="%.6g")
    write_page(out, protocol, selected, list(methods), results, scores, about)
    return results


def _selected(cases: tuple[Case, ...], names: Sequence[str] | None) -> tuple[Case, ...]:
    known = [case.name for case in cases]
    if unknown := [name for name in names or () if name not in known]:
        raise InputError(f"There is no case {', '.join(unknown)}; choose from {', '.join(known)}.")
    return cases if names is None else tuple(case for case in cases if case.name in names)


def _protocol(protocol: str | Protocol) -> Protocol:
    from headwater.benchmark import PROTOCOLS

    if isinstance(protocol, Protocol):
        return protocol
    if protocol not in PROTOCOLS:
        raise InputError(f"There is no protocol {protocol!r}; choose one of {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[protocol]


def _do(work: Any, tasks: list[Task], description: str, cluster: str | None) -> None:
    for _ in track(fan_out(work, tasks, cluster), description, total=len(tasks)):
        pass


def _prepare(out: Path, about: dict[str, Any], *, overwrite: bool) -> None:
    """Make the results folder, or check that what is there is the beginning of this very run."""
    if out.exists():
        refuse_unowned(out, MARKER, overwrite=True)
        if overwrite:
            shutil.rmtree(out)
        elif (out / MARKER).exists():
            _check_same_run(out, about)
    with atomic_file(out / MARKER) as temporary:
        temporary.write_text(json.dumps(about, indent=1))


def _check_same_run(out: Path, about: dict[str, Any]) -> None:
    if (out / FINISHED).exists():
        raise InputError(
            f"{out} holds a finished benchmark; choose another `out` or set `overwrite=True` to replace it."
        )
    found = json.loads((out / MARKER).read_text())
    different = [key for key in about if key not in ("command", "machine") and found.get(key) != about[key]]
    if different:
        raise InputError(
            f"{out} holds the beginning of another run ({', '.join(different)}); choose another `out`, or set "
            "`overwrite=True` to replace it."
        )


def _about(protocol: Protocol, settings: Settings, methods: list[str], command: str | None) -> dict[str, Any]:
    """Say what was run, with what, where."""
    return {
        "protocol": protocol.name,
        "size": settings.size,
        "solvers": methods,
        "seeds": list(protocol.seeds(settings)),
        "inverse crime": settings.inverse_crime,
        **({} if settings.samples is None else {"samples": settings.samples}),
        "versions": {name: version(name) for name in ("headwater", "mne", "numpy", "scipy", "torch")},
        "commit": _commit(),
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "command": command,
    }


def _commit() -> str:
    """Return the commit of a source checkout, with ``+`` for uncommitted changes; empty for an installed package."""
    here = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        ).stdout.strip()
        changes = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no", "--", "."],
            cwd=here.parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit + ("+" if changes.strip() else "")
