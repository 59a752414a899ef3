"""The recordings of a BIDS data set."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import mne
from mne_bids import BIDSPath, find_matching_paths, get_bids_path_from_fname, read_raw_bids

import headwater
from headwater._utils.errors import InputError
from headwater.pipeline.landmarks import with_landmarks
from headwater.pipeline.settings import PipelineSettings

DATATYPES = ("eeg", "meg")
KINDS = ("meg", "eeg", "eog", "ecg", "stim")
# Files that are recordings; others of the same name belong to them, as the binary .eeg of BrainVision.
RECORDINGS = (".edf", ".bdf", ".vhdr", ".set", ".fif", ".ds", ".con", ".sqd")


@dataclass(frozen=True)
class Unit:
    """The recordings of one subject in one session.

    Attributes
    ----------
    subject : str
    session : str | None
    task : str
    runs : tuple of Path
        Files of the recordings.
    """

    subject: str
    session: str | None
    task: str
    runs: tuple[Path, ...]

    @property
    def name(self) -> str:
        """``sub-01`` or ``sub-01_ses-02``."""
        return f"sub-{self.subject}" + (f"_ses-{self.session}" if self.session else "")

    @property
    def folder(self) -> Path:
        """Its folder among the derivatives."""
        return Path(*self.name.split("_"))

    def key(self, settings: PipelineSettings) -> str:
        """Hash of everything that its results depend on: settings, all files of the recordings, the version."""
        digest = sha256(headwater.__version__.encode())
        digest.update(settings.model_dump_json(exclude={"subjects", "sessions"}).encode())
        for folder in dict.fromkeys(run.parent for run in self.runs):
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    digest.update(path.relative_to(folder).as_posix().encode())
                    with path.open("rb") as file:
                        while piece := file.read(1 << 20):
                            digest.update(piece)
        return digest.hexdigest()[:32]

    def read(self) -> mne.io.BaseRaw:
        """Read all runs, one after the other."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            raws = [self._read_run(run) for run in self.runs]
            for raw in raws:  # a channel that is bad in one run is bad
                raw.info["bads"] = sorted({name for one in raws for name in one.info["bads"]})
            joined = mne.concatenate_raws(raws, verbose="ERROR") if len(raws) > 1 else raws[0]
        kinds = [kind for kind in KINDS if kind in joined]
        return joined.pick(kinds, exclude=())

    def _read_run(self, run: Path) -> mne.io.BaseRaw:
        raw = read_raw_bids(get_bids_path_from_fname(run, verbose="ERROR"), verbose="ERROR").load_data(verbose="ERROR")
        return with_landmarks(raw, run.parent, self.name)


def find_units(root: Path, settings: PipelineSettings) -> list[Unit]:
    """Return the chosen subjects and sessions of a data set, in order."""
    if not (root / "dataset_description.json").is_file():
        raise InputError(f"{root} is not a BIDS data set: it has no dataset_description.json; check `root`.")
    found = find_matching_paths(
        root,
        subjects=list(settings.subjects) or None,
        sessions=list(settings.sessions) or None,
        tasks=settings.task,
        datatypes=list(DATATYPES),
        suffixes=list(DATATYPES),
    )
    runs = [path for path in found if _is_recording(path)]
    if not runs:
        raise InputError(f"{root} has no EEG or MEG recordings of the chosen subjects, sessions and task; check them.")
    tasks = sorted({str(path.task) for path in runs})
    if len(tasks) > 1:
        raise InputError(
            f"The data set has several tasks ({', '.join(tasks)}); choose one with `task` in the settings."
        )
    known = {path.subject for path in runs}
    if missing := [one for one in settings.subjects if one not in known]:
        raise InputError(f"There are no recordings of the subjects {', '.join(missing)}; check `subjects`.")
    groups: dict[tuple[str, str | None], list[Path]] = {}
    for path in sorted(runs, key=lambda one: str(one.fpath)):
        groups.setdefault((path.subject, path.session), []).append(Path(path.fpath))
    return [Unit(subject, session, tasks[0], tuple(paths)) for (subject, session), paths in groups.items()]


def _is_recording(path: BIDSPath) -> bool:
    """Return whether a file is a recording of a task, and not a later part of one."""
    return path.extension in RECORDINGS and path.task is not None and path.split in (None, "1", "01")
