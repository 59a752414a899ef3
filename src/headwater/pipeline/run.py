"""All subjects of a data set, in parallel, and then the group."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import headwater
from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file
from headwater._utils.parallel import parallel_map
from headwater._utils.progress import progress_bar
from headwater.pipeline.settings import PipelineSettings

if TYPE_CHECKING:
    from headwater.pipeline.group import GroupPeak
    from headwater.pipeline.subject import Task

DESCRIPTION, SETTINGS = "dataset_description.json", "pipeline.yaml"
BIDS_VERSION = "1.9.0"


@dataclass
class Outcome:
    """What a run of the pipeline did.

    Attributes
    ----------
    out : Path
        The derivatives.
    computed, kept : list of str
        Subjects (and sessions) that were computed now, and those that had been done before.
    failed : dict of str to str
        Why others failed.
    peaks : list of GroupPeak
        Of the group, one for each condition.
    """

    out: Path
    computed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    peaks: list[GroupPeak] = field(default_factory=list)


def run_pipeline(
    root: Path | str,
    settings: PipelineSettings | None = None,
    *,
    out: Path | str | None = None,
    workers: int = 1,
    cluster: str | None = None,
    overwrite: bool = False,
    command: str | None = None,
) -> Outcome:
    """Localise all subjects of a BIDS data set and average them.

    A subject is written whole or not at all, so that the same call resumes an interrupted one: subjects whose files
    and settings have not changed are kept.

    Parameters
    ----------
    root : path-like
        The data set, with EEG or MEG recordings.
    settings : PipelineSettings | None
        None: the defaults.
    out : path-like | None
        The derivatives; None: ``root/derivatives/headwater``.
    workers : int
        Subjects at a time, each in a process of its own.
    cluster : str | None
        Address of a Dask scheduler whose workers do the work instead.
    overwrite : bool
        Compute subjects again whose files or settings have changed. Without it, they are refused.
    command : str | None
        The command that reproduces it, shown in the reports.

    Returns
    -------
    outcome : Outcome

    Examples
    --------
    >>> from headwater.pipeline import PipelineSettings, run_pipeline
    >>> settings = PipelineSettings(localisation={"solver": "dspm"}, trials={"conditions": ["touch"]})
    >>> run_pipeline("my-study", settings, workers=4)  # doctest: +SKIP
    """
    settings = PipelineSettings() if settings is None else settings
    settings.check_packages()
    from headwater.pipeline.dataset import find_units  # what it imports comes with the extra `pipeline`
    from headwater.pipeline.group import write_group
    from headwater.pipeline.subject import Task, do_subject, state_of

    root = Path(root)
    out = root / "derivatives" / "headwater" if out is None else Path(out)
    units = find_units(root, settings)
    states = {unit.name: state_of(out / unit.folder, unit.key(settings)) for unit in units}
    changed = [name for name, state in states.items() if state == "other"]
    if changed and not overwrite:
        raise InputError(
            f"{', '.join(changed)} in {out} were done with other settings, files or another version; set "
            "`overwrite=True` to compute them again, or choose another `out`."
        )
    _describe(out, root, settings)
    outcome = Outcome(out, kept=[name for name, state in states.items() if state == "done"])
    tasks = [Task(unit, settings, out, command, overwrite) for unit in units if states[unit.name] != "done"]
    _all(tasks, _Attempt(do_subject), outcome, workers, cluster)
    done = [out / unit.folder for unit in units if unit.name not in outcome.failed]
    if done:
        outcome.peaks = write_group(done, out)
    return outcome


@dataclass(frozen=True)
class _Attempt:
    """Do one subject; a failure is an answer, so that the others go on."""

    work: Callable[[Task], object]

    def __call__(self, task: Task) -> tuple[str, str]:
        """Return the name of the subject, and why it failed; empty if it did not."""
        try:
            self.work(task)
        except InputError as error:
            return task.unit.name, str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = " ".join(str(error).split())[:200]
            return task.unit.name, f"{type(error).__name__}: {said} ({Path(where.filename).name}:{where.lineno})"
        return task.unit.name, ""


def _all(tasks: list[Task], attempt: _Attempt, outcome: Outcome, workers: int, cluster: str | None) -> None:
    """Do all subjects, and note what became of each."""
    with progress_bar() as bar:
        shown = bar.add_task("subjects", total=len(tasks))
        for name, failure in parallel_map(attempt, tasks, workers=workers, cluster=cluster):
            if failure:
                outcome.failed[name] = failure
            else:
                outcome.computed.append(name)
            bar.advance(shown)


def _describe(out: Path, root: Path, settings: PipelineSettings) -> None:
    """Write what BIDS wants to know of derivatives, and all settings."""
    out.mkdir(parents=True, exist_ok=True)
    if (out / DESCRIPTION).exists():
        made = json.loads((out / DESCRIPTION).read_text(encoding="utf-8")).get("GeneratedBy", [])
        if not any(one.get("Name") == "headwater" for one in made):
            raise InputError(f"{out} holds derivatives of another program; choose another `out`.")
    content = {
        "Name": "headwater: sources of M/EEG",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "headwater", "Version": headwater.__version__}],
        "SourceDatasets": [{"URL": os.path.relpath(root.resolve(), out.resolve())}],
    }
    with atomic_file(out / DESCRIPTION) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    with atomic_file(out / SETTINGS) as temporary:
        temporary.write_text(settings.as_yaml(), encoding="utf-8")
