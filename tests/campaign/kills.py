"""Commands that are killed in the middle: afterwards nothing is lost and the same command succeeds."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from campaign.configurations import PRESET, RECIPE, _lead_field, _recording, _write_preset
from campaign.outcomes import HANG, LOST, TRACEBACK, Outcome

LIMIT_S = 300


@dataclass(frozen=True)
class Job:
    """A command, what makes it go on, and the file that its result is."""

    name: str
    arguments: tuple[object, ...]
    again: tuple[object, ...]
    result: str


def _jobs(folder: Path) -> tuple[Job, ...]:
    lead_field, recording = _lead_field(folder), _recording(folder)
    _write_preset(folder / "preset.yaml", PRESET)
    recipe = RECIPE | {"schedule": RECIPE["schedule"] | {"steps": 400}}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    localize = ("localize", recording, "--forward", lead_field, "--solver", "mne", "--out", folder / "out")
    simulate = ("simulate", "PIUNET", "--forward", lead_field, "--n", 3000, "--out", folder / "samples.zarr")
    train = ("train", folder / "recipe.yaml", "--out", folder / "run")
    return (
        Job("localize --overwrite", (*localize, "--overwrite"), (*localize, "--overwrite"), "out/peaks.csv"),
        Job("simulate", simulate, simulate, "samples.zarr"),
        Job("train", train, (*train, "--resume"), "run/recipe.safetensors"),
    )


def attack(number: int, folder: Path) -> Outcome:
    """Kill command ``number`` of the campaign at a random moment, then run it again."""
    rng = np.random.default_rng([3, number])
    jobs = _jobs(folder)
    job = jobs[number % len(jobs)]
    foreign = folder / "mine.txt"
    foreign.write_text("not headwater's")
    if job.name.startswith("localize"):  # an earlier result is replaced, or stays
        _headwater(job.arguments).wait(LIMIT_S)
    before = _hash(folder / job.result) if job.name.startswith("localize") else None
    process = _headwater(job.arguments)
    after_s = float(rng.uniform(1.0, 9.0))
    time.sleep(after_s)
    os.killpg(process.pid, signal.SIGKILL if rng.random() < 0.7 else signal.SIGINT)
    process.wait(60)
    case = f"{number} {job.name} after {after_s:.1f} s"
    if before is not None and not (folder / job.result).exists():
        return Outcome(case, LOST, "the earlier result is gone")
    begun = (folder / "run" / "recipe.yaml").exists()
    whole = (folder / job.result).exists() and job.name == "train"
    again = job.arguments if job.name == "train" and not begun else job.again
    if not whole:
        rerun = _headwater(again)
        try:
            code = rerun.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(rerun.pid, signal.SIGKILL)
            return Outcome(case, HANG, "the second run")
        if code != 0:
            return Outcome(case, TRACEBACK, f"the second run ended with {code}: {_said(folder)}")
    if not (folder / job.result).exists():
        return Outcome(case, LOST, f"no {job.result}")
    if foreign.read_text() != "not headwater's":
        return Outcome(case, LOST, "somebody else's file")
    left = [path.name for path in folder.rglob(".part-*")]
    if left:
        return Outcome(case, LOST, f"left behind: {left[:3]}")
    return Outcome(case, "completed", _hash(folder / job.result))


def _headwater(arguments: tuple[object, ...]) -> subprocess.Popen[bytes]:
    folder = next(Path(str(one)) for one in arguments if "/" in str(one)).parent
    with (folder / "said.txt").open("wb") as said:
        command = [sys.executable, "-m", "headwater.cli", *map(str, arguments)]
        return subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)


def _said(folder: Path) -> str:
    return " ".join((folder / "said.txt").read_text(errors="replace").split())[-400:]


def _hash(path: Path) -> str:
    """Hash a file, or all files of a folder."""
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


Attack = Callable[[int, Path], Outcome]
