"""One subject: from the recording to the reports."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import mne
import numpy as np

import headwater
from headwater._utils.errors import InputError
from headwater._utils.files import atomic_folder, refuse_unowned
from headwater.head.model import Head
from headwater.head.subject import head_from_subject
from headwater.localization import Localization, analyze
from headwater.localization.conditions import event_names, events_of
from headwater.localization.rejection import trials_in_words, without_artefacts
from headwater.pipeline.cleaning import Cleaned, clean
from headwater.pipeline.dataset import Unit
from headwater.pipeline.pages import subject_page
from headwater.pipeline.settings import PipelineSettings
from headwater.pipeline.spikes import SPIKE, with_spikes
from headwater.report.results import write_results

MARKER = "headwater.json"
MAPS = "maps.npz"
REPORT = "report.html"


@dataclass(frozen=True)
class Task:
    """What a worker does: one subject in one session."""

    unit: Unit
    settings: PipelineSettings
    out: Path
    command: str | None
    overwrite: bool


def state_of(folder: Path, key: str) -> str:
    """Return whether a subject is ``"new"``, ``"done"``, or was done with ``"other"`` settings or files."""
    if not folder.exists():
        return "new"
    _refuse_foreign(folder)
    try:
        found = json.loads((folder / MARKER).read_text(encoding="utf-8")).get("key")
    except (OSError, ValueError, AttributeError):
        found = None
    return "done" if found == key else "other"


def do_subject(task: Task) -> Path:
    """Clean, average and localise one subject, and write everything or nothing."""
    unit, settings = task.unit, task.settings
    folder = task.out / unit.folder
    with mne.utils.use_log_level("ERROR"):
        cleaned = clean(unit.read(), settings)
        trials, words = _trials(cleaned, settings)
        with atomic_folder(folder, overwrite=task.overwrite, check=_refuse_foreign) as temporary:
            _write_data(temporary, unit, trials)
            found = _localised(temporary, trials, task)
            np.savez_compressed(temporary / MAPS, allow_pickle=False, **_maps(found))
            content = {
                "key": unit.key(settings),
                "headwater": headwater.__version__,
                "command": task.command,
                "steps": {**cleaned.words, **words},
                "components": [asdict(one) for one in cleaned.components],
                "conditions": {name: one.peaks.to_dict("records") for name, one in found.items()},
            }
            (temporary / MARKER).write_text(json.dumps(content, indent=1, default=str) + "\n", encoding="utf-8")
            page = subject_page(unit.name, content, {name: folder_name(name) for name in found}, found)
            (temporary / REPORT).write_text(page, encoding="utf-8")
    return folder


def _refuse_foreign(folder: Path) -> None:
    """Refuse to replace a folder that the pipeline has not written."""
    refuse_unowned(folder, MARKER, overwrite=True)


def folder_name(condition: str) -> str:
    """Return a condition as the name of a folder."""
    return re.sub(r"[^\w.+]+", "-", condition).strip("-.") or "condition"


def _trials(cleaned: Cleaned, settings: PipelineSettings) -> tuple[mne.BaseEpochs, dict[str, str]]:
    """Cut trials and leave out those with artefacts."""
    how, raw, words, conditions = settings.trials, cleaned.raw, {}, settings.trials.conditions
    if how.spikes is not None:
        raw, words["Spikes"] = with_spikes(raw, how.spikes)
        conditions = conditions or (SPIKE,)
    events, event_id = _events(raw, conditions)
    trials = mne.Epochs(
        raw,
        events,
        event_id,
        how.tmin,
        how.tmax,
        baseline=None,
        preload=True,
        event_repeated="drop",
        verbose="ERROR",
    )
    kept, rejection = without_artefacts(trials, how.reject)
    return kept, {**words, "Trials": trials_in_words(kept), "Rejection of trials": rejection}


def _events(raw: mne.io.BaseRaw, conditions: tuple[str, ...]) -> tuple[np.ndarray, dict[str, int]]:
    """Return the events of all conditions in the order of time, and their numbers."""
    names = conditions or tuple(event_names(raw))
    if not names:
        raise InputError("The recording has no events; list them in its events.tsv.")
    found = [events_of(raw, name)[0] for name in names]
    for number, events in enumerate(found, start=1):
        events[:, 2] = number
    events = np.concatenate(found)
    return events[np.argsort(events[:, 0], kind="stable")], {name: k for k, name in enumerate(names, start=1)}


def _write_data(folder: Path, unit: Unit, trials: mne.BaseEpochs) -> None:
    """Write trials and averages under their BIDS names."""
    place = folder / unit.runs[0].parent.name
    place.mkdir()
    stem = f"{unit.name}_task-{unit.task}_proc-clean"
    trials.save(place / f"{stem}_epo.fif", verbose="ERROR")
    mne.write_evokeds(place / f"{stem}_ave.fif", [trials[name].average() for name in trials.event_id], verbose="ERROR")


def _localised(folder: Path, trials: mne.BaseEpochs, task: Task) -> dict[str, Localization]:
    """Localise each condition, and write its estimate, its noise covariance and its report."""
    how = task.settings.localisation
    found = {}
    for name in trials.event_id:
        localization = analyze(
            trials,
            how.solver,
            head=_head(task),
            condition=name,
            tmin=how.tmin,
            tmax=how.tmax,
            baseline="auto" if how.baseline is None else how.baseline,
            space=how.space,
            spacing=how.spacing,
            method=how.method,
            snr=how.snr,
        )
        place = folder / "localisation" / folder_name(name)
        write_results(localization, place, command=task.command)
        mne.write_cov(place.parent / f"{folder_name(name)}-cov.fif", localization.noise_cov, verbose="ERROR")
        found[name] = localization
    return found


def _head(task: Task) -> Head | None:
    subjects_dir = task.settings.localisation.subjects_dir
    return None if subjects_dir is None else head_from_subject(f"sub-{task.unit.subject}", Path(subjects_dir))


def _maps(found: dict[str, Localization]) -> dict[str, np.ndarray]:
    """Return what the group needs: amplitude, times, positions and regions of each condition."""
    arrays: dict[str, np.ndarray] = {}
    for index, (name, one) in enumerate(found.items()):
        pos_mni = one.leadfield.pos_mni
        arrays[f"{index}_name"] = np.array(name)
        arrays[f"{index}_amplitude"] = one.magnitude.astype(np.float32)
        arrays[f"{index}_times"] = one.evoked.times
        arrays[f"{index}_pos_mni"] = np.empty((0, 3)) if pos_mni is None else pos_mni
        arrays[f"{index}_regions"] = np.array(one.leadfield.region_of(np.arange(one.leadfield.n_sources)))
    return arrays
