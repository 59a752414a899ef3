"""One recording in five formats, each localised by ``headwater localize FILE --condition "S 1"`` and nothing else.

    python benchmarks/bench_formats.py --out benchmarks/results/formats.md

The recording is a visual response of 64 electrodes on another head than the one the solvers assume, with ongoing
activity of the whole cortex, alpha rhythm, blinks and an EOG channel. Each command runs twice, the second time with the
lead field in the cache; the cache is empty at the start, and formats whose electrodes lie alike share their lead field.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import mne
import numpy as np
import pandas as pd
from record import recorded
from scipy.signal import lfilter

import headwater as hw
from headwater.cli.localize import default_folder
from headwater.demo import PATCH_MOMENT, RESPONSES, grow_patch

MONTAGE, SFREQ, N_TRIALS = "biosemi64", 256.0, 60
HEAD_SEED, NOISE_SEED = 3, 4
RESPONSE = next(response for response in RESPONSES if response.name == "visual")
EVENT, CONDITION = "S  1", "S 1"
SENSOR_NOISE = 2e-6  # V, standard deviation per sample
BACKGROUND = 0.2e-9  # A m, standard deviation of each source of the cortex
ALPHA = 5e-6  # V, amplitude where it is largest
BLINK = 150e-6  # V, at the electrode nearest to the eyes
EYES_MM = np.array([0.0, 75.0, -40.0])  # between the eyes, MNI305


def simulate() -> tuple[mne.io.RawArray, np.ndarray]:
    """Return the recording and the centre of the active patch in MNI305, mm."""
    rng = np.random.default_rng(NOISE_SEED)
    head = hw.template_head().varied(seed=HEAD_SEED)
    leadfield = hw.make_leadfield(head, hw.montage_info(head, MONTAGE), "cortex", orient="fixed")
    mni_mm = 1e3 * head.to_mni(leadfield.pos)
    patch, centre = grow_patch(leadfield, mni_mm, RESPONSE)
    onsets = 2.0 + np.arange(N_TRIALS) * 1.2 + rng.uniform(0, 0.3, N_TRIALS)
    times = np.arange(round(SFREQ * (onsets[-1] + 3.0))) / SFREQ
    course = np.exp(-0.5 * ((times - onsets[:, None] - RESPONSE.latency) / RESPONSE.duration) ** 2).sum(axis=0)
    data = np.outer(leadfield.matrix[:, patch].mean(axis=1) * PATCH_MOMENT, course)
    data += _ongoing(leadfield, len(times), rng) + SENSOR_NOISE * rng.standard_normal(data.shape)
    data += np.outer(_alpha_topography(leadfield, mni_mm), np.sin(2 * np.pi * 10 * times + 6 * np.sin(times)))
    blinks = _blinks(times, rng)
    info = mne.create_info([*leadfield.ch_names, "VEOG"], SFREQ, ["eeg"] * len(data) + ["eog"])
    info.set_montage(mne.channels.make_standard_montage(MONTAGE))
    data += np.outer(_blink_topography(info, len(data)), blinks)
    eyes = blinks * 2 * BLINK + SENSOR_NOISE * rng.standard_normal(len(times))
    raw = mne.io.RawArray(np.vstack([data, eyes]), info, verbose="ERROR")
    raw.set_annotations(mne.Annotations(np.round(onsets * SFREQ) / SFREQ, 0.0, [EVENT] * N_TRIALS))
    return raw, mni_mm[centre]


def _ongoing(leadfield: hw.LeadField, n_times: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the field of independent autoregressive sources everywhere on the cortex.

    They all have the same spectrum, so that the field of fewer sources with the same covariance is as good a draw.
    """
    values, vectors = np.linalg.eigh(BACKGROUND**2 * leadfield.matrix @ leadfield.matrix.T)
    white = rng.standard_normal((leadfield.n_channels, n_times))
    return (vectors * np.sqrt(values.clip(min=0))) @ lfilter([np.sqrt(1 - 0.95**2)], [1, -0.95], white)


def _alpha_topography(leadfield: hw.LeadField, mni_mm: np.ndarray) -> np.ndarray:
    """Topography of one occipital and parietal area that oscillates as a whole."""
    region = leadfield.region_ids == leadfield.region_names.index("lateraloccipital-rh")
    topography = leadfield.matrix[:, region & (mni_mm[:, 2] > 0)].mean(axis=1)
    return ALPHA * topography / np.abs(topography).max()


def _blink_topography(info: mne.Info, n_electrodes: int) -> np.ndarray:
    """Fall off with the distance from the eyes."""
    positions = np.array([channel["loc"][:3] for channel in info["chs"][:n_electrodes]])
    distance = np.linalg.norm(positions - EYES_MM / 1e3, axis=1)
    return BLINK * (distance.min() / distance) ** 3


def _blinks(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One blink every four seconds, 0.3 s long, whatever the stimulus does."""
    onsets = np.cumsum(rng.uniform(2.5, 5.5, int(times[-1] / 4)))
    return np.exp(-0.5 * ((times - onsets[:, None]) / 0.07) ** 2).sum(axis=0)


def write_brainvision(raw: mne.io.BaseRaw, path: Path) -> None:
    """Write header, markers and samples in 0.1 uV; BrainVision files hold no positions and no channel types."""
    np.round(raw.get_data() * 1e7).T.astype("<i2").tofile(path.with_suffix(".eeg"))
    channels = "\n".join(f"Ch{k}={name},,0.1,µV" for k, name in enumerate(raw.ch_names, 1))
    path.write_text(
        "Brain Vision Data Exchange Header File Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={path.stem}.eeg\nMarkerFile={path.stem}.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\n"
        f"NumberOfChannels={len(raw.ch_names)}\nSamplingInterval={1e6 / SFREQ}\n\n"
        f"[Binary Infos]\nBinaryFormat=INT_16\n\n[Channel Infos]\n{channels}\n",
        encoding="utf-8",
    )
    markers = "\n".join(
        f"Mk{k}=Stimulus,{EVENT},{round(onset * SFREQ) + 1},1,0" for k, onset in enumerate(raw.annotations.onset, 1)
    )
    path.with_suffix(".vmrk").write_text(
        f"Brain Vision Data Exchange Marker File, Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={path.stem}.eeg\n\n[Marker Infos]\n{markers}\n",
        encoding="utf-8",
    )


def _export(raw: mne.io.BaseRaw, path: Path) -> None:
    mne.export.export_raw(path, raw, overwrite=True, verbose="ERROR")


def _save(raw: mne.io.BaseRaw, path: Path) -> None:
    raw.save(path, overwrite=True, verbose="ERROR")


FORMATS: dict[str, tuple[str, Callable[[mne.io.BaseRaw, Path], None]]] = {
    "EEGLAB": ("visual.set", _export),
    "BrainVision": ("visual.vhdr", write_brainvision),
    "EDF": ("visual.edf", _export),
    "BDF": ("visual.bdf", _export),
    "FIF": ("visual_raw.fif", _save),
}


def localize(folder: Path, name: str, cache: Path) -> tuple[str, float]:
    """Run the command as a user would; return what it printed and the seconds it took."""
    command = ["localize", name, "--condition", CONDITION, "--overwrite"]
    environment = os.environ | {"HEADWATER_CACHE": str(cache), "COLUMNS": "100"}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "headwater.cli", *command], cwd=folder, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"headwater {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr, time.perf_counter() - start


def main() -> None:
    """Write, localise, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="Markdown file with the table and what each command printed.")
    parser.add_argument("--keep", type=Path, help="Keep the recordings and the results in this folder.")
    arguments = parser.parse_args()
    raw, truth_mm = simulate()
    with (
        tempfile.TemporaryDirectory() as scratch,
        tempfile.TemporaryDirectory() as cache,
        recorded(arguments.out, "One recording in five formats, localised with the defaults"),
    ):
        folder = (arguments.keep or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        rows, transcripts = [], []
        for kind, (name, write) in FORMATS.items():
            write(raw, folder / name)
            _, first = localize(folder, name, Path(cache))
            text, warm = localize(folder, name, Path(cache))
            seconds = {"first (s)": first, "warm (s)": warm}
            rows.append({"format": kind} | result(folder, name, text, truth_mm) | seconds)
            transcripts.append(f'$ headwater localize {name} --condition "{CONDITION}"\n{text}')
        print(f"The centre of the patch is at {np.round(truth_mm).astype(int).tolist()} mm, MNI305.\n")
        print(pd.DataFrame(rows).round(1).to_string(index=False))
        print("\n" + "\n".join(transcripts))


def result(folder: Path, name: str, text: str, truth_mm: np.ndarray) -> dict[str, str | float]:
    """Read the strongest peak from the results folder, and the status from what was printed."""
    peak = pd.read_csv(folder / default_folder(Path(name), CONDITION) / "peaks.csv").iloc[0]
    found_mm = peak[["x_mm", "y_mm", "z_mm"]].to_numpy(float)
    return {
        "peak (mm)": " ".join(f"{value:.0f}" for value in found_mm),
        "frame": peak.frame,
        "region": peak.region,
        "distance (mm)": float(np.linalg.norm(found_mm - truth_mm)),
        "status": text.partition("Status: ")[2].partition("\n")[0],
    }


if __name__ == "__main__":
    main()
