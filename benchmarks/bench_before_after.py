"""Default answers on real recordings before and after, by the command line of two checkouts.

    git worktree add ../before a3982fb
    python benchmarks/bench_before_after.py --data ../shared/data --before ../before/src --out FILE

Every line is ``headwater localize`` with nothing but the question: file, condition, sensors and window.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
import pandas as pd
from bench_formats import EVENT, simulate, write_brainvision
from record import recorded

import headwater as hw
from headwater.benchmark import defaults, recordings
from headwater.head.fit import fit_head

NETWORK, ELORETA = (), ("--solver", "eloreta")
VISUAL = ("--condition", "Right visual", "--tmin", "0.08", "--tmax", "0.13")
AUDITORY = ("--condition", "Right Auditory", "--tmin", "0.07", "--tmax", "0.11")
MEG = ("--sensors", "meg", "--bads", "MEG 2443")
EEG = ("--sensors", "eeg", "--bads", "EEG 053")


@dataclass(frozen=True)
class Line:
    """A recording, options, and how far the strongest peak is from what is known."""

    name: str
    recording: Path
    options: tuple[str, ...]
    distance: Callable[[pd.Series], float] | None


def lines(data: Path, scratch: Path) -> list[Line]:
    """Return all lines; recordings that do not exist yet are written to ``scratch``."""
    sample = data / "mne-sample" / recordings.SAMPLE_EVOKED
    v1, ear = _from(defaults.visual(data, "meg").truth, sample), _from(defaults.auditory(data, "meg").truth, sample)
    made = [
        Line(f"{name}, {solver}", sample, (*options, *sensors, *chosen), far)
        for name, options, sensors, far in (
            ("right visual field, 305 MEG", VISUAL, MEG, v1),
            ("right visual field, 59 EEG", VISUAL, EEG, v1),
            ("right ear, 305 MEG", AUDITORY, MEG, ear),
        )
        for solver, chosen in (("network", NETWORK), ("eLORETA", ELORETA))
    ]
    both = ("--bads", "MEG 2443,EEG 053")
    made.append(Line("right visual field, MEG and EEG, network", sample, (*VISUAL, *both), v1))
    named, spherical, truth = _visual_recordings(scratch)
    far = _from_mni(truth)
    made += [
        Line("simulated, EEGLAB, positions on a sphere, network", spherical, ("--condition", EVENT), far),
        Line("simulated, BrainVision, no positions, network", named, ("--condition", f"Stimulus/{EVENT}"), far),
        Line("two seconds of white noise, 32 EEG, network", _white_noise(scratch), (), None),
    ]
    return made


def _from(truth: np.ndarray, sample: Path) -> Callable[[pd.Series], float]:
    """Distance of a peak in MNI305 of the fitted template from points in head coordinates, in mm."""
    info = mne.read_evokeds(sample, verbose="error")[0].info
    head = fit_head(hw.template_head(), info)

    def distance(peak: pd.Series) -> float:
        place = head.from_mni(peak[["x_mm", "y_mm", "z_mm"]].to_numpy(float)[np.newaxis] / 1e3)
        return float(1e3 * np.linalg.norm(truth - place, axis=1).min())

    return distance


def _from_mni(truth_mm: np.ndarray) -> Callable[[pd.Series], float]:
    return lambda peak: float(np.linalg.norm(peak[["x_mm", "y_mm", "z_mm"]].to_numpy(float) - truth_mm))


def _visual_recordings(scratch: Path) -> tuple[Path, Path, np.ndarray]:
    """Write a simulated response twice: without positions, and with those of EEGLAB's default sphere."""
    raw, truth_mm = simulate()
    named, spherical = scratch / "named.vhdr", scratch / "spherical.set"
    write_brainvision(raw, named)
    raw = raw.copy()
    electrodes = raw.copy().pick("eeg")
    place = np.array([channel["loc"][:3] for channel in electrodes.info["chs"]])
    centre, radius = place.mean(axis=0) * [1, 1, 0], 0.085
    place = place - centre
    place *= radius / np.linalg.norm(place, axis=1, keepdims=True)
    positions = dict(zip(electrodes.ch_names, place, strict=True))
    raw.set_montage(mne.channels.make_dig_montage(positions, coord_frame="head"), on_missing="ignore")
    mne.export.export_raw(spherical, raw, overwrite=True, verbose="error")
    return named, spherical, truth_mm


def _white_noise(scratch: Path) -> Path:
    info = mne.create_info(mne.channels.make_standard_montage("biosemi32").ch_names, 250.0, "eeg")
    data = 1e-5 * np.random.default_rng(0).standard_normal((32, 500))
    path = scratch / "noise_raw.fif"
    mne.io.RawArray(data, info.set_montage("biosemi32"), verbose="error").save(path, overwrite=True, verbose="error")
    return path


def run(line: Line, source: Path, out: Path, cache: Path) -> dict[str, str]:
    """Call the command line of a checkout; return the distance and what it says first."""
    environment = os.environ | {"PYTHONPATH": str(source), "HEADWATER_CACHE": str(cache), "COLUMNS": "300"}
    command = ["localize", str(line.recording), *line.options, "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "headwater.cli", *command], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        return {"mm": "", "says": (done.stderr or done.stdout).strip().splitlines()[-1]}
    peaks = pd.read_csv(out / "peaks.csv")
    printed = done.stdout.strip().splitlines()
    said = next((row for row in printed if row.startswith("Status: ")), "no status")
    far = line.distance(peaks.iloc[0]) if line.distance is not None and len(peaks) else None
    return {"mm": "" if far is None else f"{far:.0f}", "says": said}


def main() -> None:
    """Run all lines in both checkouts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="Folder of the reference recordings.")
    parser.add_argument("--before", type=Path, required=True, help="Folder src of the earlier checkout.")
    parser.add_argument("--cache", type=Path, help="Keep lead fields in this folder.")
    parser.add_argument("--only", default="", help="Run only lines whose name contains this.")
    parser.add_argument("--out", type=Path, help="Markdown file.")
    arguments = parser.parse_args()
    after = Path(hw.__file__).parents[1]
    with (
        tempfile.TemporaryDirectory() as folder,
        recorded(arguments.out, "Default answers before and after"),
    ):
        scratch = Path(folder)
        cache = (arguments.cache or scratch / "cache").resolve()
        for number, line in enumerate(lines(arguments.data.resolve(), scratch)):
            if arguments.only not in line.name:
                continue
            options = " ".join(repr(one) if " " in one else one for one in line.options)
            print(f"{line.name}\n  headwater localize {line.recording.name} {options}")
            for name, source in (("before", arguments.before.resolve()), ("after", after)):
                found = run(line, source, scratch / f"{number}-{name}", cache / name)
                distance = f"{found['mm']} mm; " if found["mm"] else ""
                print(f"  {name:6s} {distance}{found['says']}", flush=True)


if __name__ == "__main__":
    main()
