"""How many bad channels are found, and how many good ones are taken for bad.

    python benchmarks/bench_bad_channels.py --data ../shared/data --out benchmarks/results/bad-channels.md

Real recordings, as they are and with one channel spoiled; and the simulated recordings of ``bench_trust.py``, whose
lead fields are those of other heads than the one that predicts. MNE-Python's local outlier factor gets the same data.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
import pandas as pd
from bench_trust import HEADS, SETUP, simulate
from record import recorded
from scipy.io import loadmat

import headwater as hw
from headwater.benchmark import defaults, recordings
from headwater.benchmark.heads import model_leadfield, true_leadfield
from headwater.forward.leadfield import LeadField
from headwater.localization.bad_channels import find_bad_channels
from headwater.localization.checks import pick_sensors
from headwater.localization.placing import place

# Channels that MNE-Python's documentation, or whoever published the recording, calls bad.
KNOWN = {"MEG 2443", "EEG 053", "E044", "E228"}
DRAWS = 5
SPOILED = ("noise x3", "noise x5", "noise x10", "drift x3", "drift x10", "scale x3", "scale x5", "scale x10",
           "scale x0.1", "dead", "inverted", "swapped", "copy of another")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Measured:
    """A recording of one sensor type, and the lead field that predicts its channels."""

    name: str
    evoked: mne.Evoked
    leadfield: LeadField


def real_recordings(data: Path) -> Iterator[Measured]:
    """Yield every real recording at hand, with nothing marked as bad."""
    sample = mne.read_evokeds(data / "mne-sample" / recordings.SAMPLE_EVOKED)
    raw = mne.io.read_raw_fif(data / "mne-sample" / "sample_audvis_trunc_raw_sss.fif", preload=True)
    for name, evoked in [*((one.comment, one) for one in sample), ("Maxwell-filtered, 1 s", _as_evoked(raw))]:
        for sensors in ("mag", "grad", "eeg"):
            yield _measured(f"sample, {name}, {sensors}", evoked, sensors)
    yield _measured("SEP, 256 electrodes", recordings.median_nerve_evoked(data))
    for person in ("A1974", "A1999"):
        yield _measured(f"SEP, {person}", recordings.arm_evoked(data, person))
    seizure = defaults.seizure(data)
    for number, segment in enumerate(seizure.segments, start=1):
        yield _measured(f"seizure, {number}", _as_evoked(segment), bads=recordings.WITHOUT_PLACE)
    resting = loadmat(data / "deepsif" / "anatomy" / "realistic_noise.mat")["data"]
    for number, samples in enumerate(resting, start=1):
        evoked = mne.EvokedArray(recordings.TYPICAL_EEG / 10 * samples.T, seizure.segments[0].info)
        yield _measured(f"resting EEG, {number}", evoked, bads=recordings.WITHOUT_PLACE)
    (p300,) = mne.read_evokeds(data / "layouts" / "erpcore_P3_sub-015_ave.fif")[:1]
    yield _measured("P3, 30 electrodes", p300)


def _as_evoked(raw: mne.io.BaseRaw) -> mne.EvokedArray:
    return mne.EvokedArray(raw.get_data(), raw.info)


def _measured(name: str, evoked: mne.Evoked, sensors: str = "all", bads: tuple[str, ...] = ()) -> Measured:
    evoked = evoked.copy()
    evoked.info["bads"] = []
    head, placed, _ = place(pick_sensors(evoked, sensors, bads), None)
    return Measured(name, placed, hw.make_leadfield(head, placed.info, spacing=10.0, method="sphere"))


def spoil(data: np.ndarray, how: str, one: int, other: int, rng: np.random.Generator) -> np.ndarray:
    """Spoil channel ``one``, or exchange it with the other."""
    data = data.copy()
    kind, _, factor = how.partition(" x")
    size, n_times = np.median(data.std(axis=1)), data.shape[1]
    if kind == "noise":
        data[one] += float(factor) * size * rng.standard_normal(n_times)
    elif kind == "drift":
        walk = np.cumsum(rng.standard_normal(n_times))
        data[one] += float(factor) * size * (walk - walk.mean()) / walk.std()
    elif kind == "scale":
        data[one] *= float(factor)
    elif how == "dead":
        data[one] = 0.05 * size * rng.standard_normal(n_times)
    elif how == "inverted":
        data[one] *= -1
    elif how == "swapped":
        data[[one, other]] = data[[other, one]]
    else:
        data[one] = data[other]
    return data


def ours(evoked: mne.Evoked, leadfield: LeadField) -> set[str]:
    """Search as `headwater.analyze` does."""
    return set(find_bad_channels(evoked.data[np.newaxis], evoked.info, leadfield).channels)


def outlier_factor(evoked: mne.Evoked, leadfield: LeadField) -> set[str]:
    """Search with MNE-Python's local outlier factor and its defaults; EEG with the average reference."""
    del leadfield
    raw = mne.io.RawArray(evoked.data, evoked.info)
    if "eeg" in raw:
        raw.set_eeg_reference("average", projection=False)
    return set(mne.preprocessing.find_bad_channels_lof(raw, n_neighbors=min(20, len(raw.ch_names) - 1)))


SEARCHES = {"headwater": ours, "local outlier factor": outlier_factor}


def real_table(measured: list[Measured]) -> pd.DataFrame:
    """Search the recordings as they are."""
    rows = []
    for one in measured:
        found = {name: search(one.evoked, one.leadfield) for name, search in SEARCHES.items()}
        rows.append(
            {"recording": one.name, "channels": len(one.evoked.ch_names)}
            | {"known as bad": ", ".join(sorted(KNOWN & set(one.evoked.ch_names)))}
            | {name: ", ".join(sorted(channels)) for name, channels in found.items()}
        )
    return pd.DataFrame(rows)


def spoiled_table(measured: list[Measured]) -> pd.DataFrame:
    """Count spoiled channels found, and good channels taken for bad, for one spoiled channel a recording."""
    counts = {name: {how: np.zeros(4, int) for how in SPOILED} for name in SEARCHES}
    rng = np.random.default_rng(0)
    for one in measured:
        clean = one.evoked.copy().pick([name for name in one.evoked.ch_names if name not in KNOWN])
        clean.data -= clean.data.mean(axis=1, keepdims=True)
        before = {name: search(clean, one.leadfield) for name, search in SEARCHES.items()}
        for how in SPOILED:
            for _ in range(DRAWS):
                picked, other = rng.choice(len(clean.ch_names), 2, replace=False)
                bad = clean.copy()
                bad.data = spoil(clean.data, how, picked, other, rng)
                wanted = {clean.ch_names[picked]} | ({clean.ch_names[other]} if how == "swapped" else set())
                for name, search in SEARCHES.items():
                    found = search(bad, one.leadfield)
                    innocent = set(clean.ch_names) - wanted - before[name]
                    counts[name][how] += [len(found & wanted), len(wanted), len(found & innocent), len(innocent)]
    return _rates(counts)


def simulated_table(n: int) -> pd.DataFrame:
    """Count the same for the simulated recordings of ``bench_trust.py``: trials of other heads."""
    model = model_leadfield(SETUP)
    counts: dict[str, dict[str, np.ndarray]] = {"trials": {}, "their average": {}}
    heads = HEADS["choose"]
    for kind in ("sources", "noise", "spoiled"):
        for seed in range(50_000, 50_000 + n):
            truth = true_leadfield(SETUP, heads[seed % len(heads)])
            drawn, clean = simulate(kind, seed, truth, model), simulate("sources", seed, truth, model)
            changed = np.any(drawn.trials.get_data(copy=False) != clean.trials.get_data(copy=False), axis=(0, 2))
            wanted = set(np.array(model.ch_names)[changed]) if kind == "spoiled" else set()
            data = drawn.trials.get_data(copy=False)
            for name, samples in (("trials", data), ("their average", data.mean(axis=0)[np.newaxis])):
                found = set(find_bad_channels(samples, drawn.trials.info, model).channels)
                row = counts[name].setdefault(drawn.label if kind == "spoiled" else f"none: {kind}", np.zeros(4, int))
                row += [len(found & wanted), len(wanted), len(found - wanted), model.n_channels - len(wanted)]
    return _rates(counts)


def _rates(counts: dict[str, dict[str, np.ndarray]]) -> pd.DataFrame:
    """Format hits and false alarms."""
    columns = {}
    for name, rows in counts.items():
        columns[f"{name}: found"] = {how: f"{hit} of {n}" if n else "" for how, (hit, n, *_) in rows.items()}
        columns[f"{name}: false"] = {how: f"{100 * false / of:.2f} %" for how, (*_, false, of) in rows.items()}
    return pd.DataFrame(columns).rename_axis("spoiled").reset_index()


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="Folder of the reference recordings.")
    parser.add_argument("--out", type=Path, help="Markdown file.")
    parser.add_argument("--n", type=int, default=60, help="Simulated recordings of each kind.")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    mne.set_log_level("error")
    with recorded(arguments.out, "Bad channels: found, and falsely called bad"):
        measured = list(real_recordings(arguments.data))
        for title, table in (
            ("Real recordings as they are", real_table(measured)),
            (f"Real recordings with one channel spoiled, {DRAWS} draws each", spoiled_table(measured)),
            ("Simulated recordings of other heads", simulated_table(arguments.n)),
        ):
            print(f"{title}\n\n{table.to_string(index=False)}\n")


if __name__ == "__main__":
    main()
