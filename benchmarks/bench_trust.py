"""How often the status of a localisation is right, on simulated recordings of other heads.

    python benchmarks/bench_trust.py --out trust.csv --seeds fourth --n 200 100 50   # the seeds that are reported
    python benchmarks/bench_trust.py --out choose.csv --seeds choose                 # those that limits were chosen on

Each recording is a set of trials with a baseline, so that its noise covariance is estimated as in real recordings.
Solvers assume the lead field of the template; the data come from varied heads.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
import pandas as pd
from scipy.signal import lfilter

from headwater._utils.errors import InputError
from headwater.benchmark.heads import Setup, model_leadfield, true_leadfield
from headwater.forward.leadfield import LeadField
from headwater.localization.finish import finish
from headwater.localization.prepare import prepare
from headwater.localization.trust import Status
from headwater.solvers import ELORETA
from headwater.solvers.base import Solver
from headwater.weights.catalogue import load_network

SETUP = Setup("easycap-M10", "volume", 10.0, ico=3)
SAMPLING_RATE, FIRST, LAST = 100.0, -0.3, 0.3
WITHIN_MM = 15.0
HEADS = {
    "choose": (101, 102, 103),
    "report": (1, 2, 3, 4),
    "fresh": (201, 202, 203, 204),
    "third": (401, 402, 403, 404),
    "fourth": (801, 802, 803, 804),
}
FIRST_SEED = {"choose": 10_000, "report": 0, "fresh": 20_000, "third": 40_000, "fourth": 80_000}
REFUSED = "refused"
SPOILED = ("deflection", "swapped", "wrong scale", "bridged")


@dataclass(frozen=True, eq=False)
class Simulated:
    """Trials, and the positions of their sources in the model."""

    trials: mne.EpochsArray
    truth: np.ndarray
    label: str


def noise_of(leadfield: LeadField, n_trials: int, n_times: int, rng: np.random.Generator) -> np.ndarray:
    """Trials of brain activity everywhere and sensor noise, of equal strength within a factor of four."""
    n_channels = leadfield.n_channels
    active = rng.choice(leadfield.n_sources, 150, replace=False)
    mixing = np.einsum("cso,so->cs", leadfield.gain[:, active], rng.standard_normal((150, 3)))
    mixing /= np.sqrt(np.mean(np.sum(mixing**2, axis=1)))
    memory, ratio = rng.uniform(0.4, 0.85), 4 ** rng.uniform(-1, 1)
    course = lfilter([np.sqrt(1 - memory**2)], [1, -memory], rng.standard_normal((n_trials, 150, n_times + 50)))
    sensor = rng.standard_normal((n_trials, n_channels, n_times))
    return (np.sqrt(ratio) * mixing @ course[..., 50:] + sensor) / np.sqrt(1 + ratio)


def simulate(kind: str, seed: int, truth: LeadField, model: LeadField) -> Simulated:
    """Draw a recording: of "sources", of "noise", or with a "spoiled" channel."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(FIRST * SAMPLING_RATE), round(LAST * SAMPLING_RATE) + 1) / SAMPLING_RATE
    n_trials = int(rng.integers(10, 61))
    data = noise_of(truth, n_trials, len(times), rng)
    centres = rng.choice(truth.n_sources, int(rng.integers(1, 4)), replace=False)
    snr_db = rng.uniform(-10, 20)
    signal = np.zeros((truth.n_channels, len(times)))
    for centre in centres:
        width, moment = rng.uniform(0.001, 0.015), rng.standard_normal(3)
        away = np.linalg.norm(truth.pos - truth.pos[centre], axis=1)
        bell = np.exp(-0.5 * (away / width) ** 2)
        topography = np.einsum("cso,s,o->c", truth.gain, bell, moment)
        latency, duration = rng.uniform(0.08, 0.25), rng.uniform(0.015, 0.04)
        strength = rng.uniform(0.4, 1.0) / np.linalg.norm(topography - topography.mean())
        signal += strength * np.outer(topography, np.exp(-0.5 * ((times - latency) / duration) ** 2))
    power = np.mean(signal**2, axis=0).max()
    signal *= np.sqrt(10 ** (snr_db / 10) / n_trials / power)
    label = f"{len(centres)} sources, {snr_db:.0f} dB"
    if kind == "noise":
        signal, centres, label = 0 * signal, centres[:0], ""
    data = data + signal
    if kind == "spoiled":
        label = SPOILED[seed % len(SPOILED)]
        data = spoil(data, label, signal, rng)
    info = mne.create_info(model.ch_names, SAMPLING_RATE, model.ch_types)
    for channel, placed in zip(info["chs"], model.info["chs"], strict=True):
        channel["loc"] = placed["loc"].copy()
    trials = mne.EpochsArray(1e-5 * data, info, tmin=times[0], proj=False, verbose="error")
    return Simulated(trials, model.pos[centres], label)


def spoil(data: np.ndarray, how: str, signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Spoil one or two channels, as in real recordings."""
    data = data.copy()
    one, other = rng.choice(data.shape[1], 2, replace=False)
    if how == "deflection":
        largest = np.abs(signal).max()
        data[:, one] += largest * rng.uniform(2, 10) * np.abs(signal).max(axis=0) / largest
    elif how == "swapped":
        data[:, [one, other]] = data[:, [other, one]]
    elif how == "wrong scale":
        data[:, one] *= rng.uniform(3, 10)
    else:
        data[:, one] = data[:, other]
    return data


def judged(recording: Simulated, solver: Solver, model: LeadField) -> dict[str, object]:
    """Localise with all defaults and return the status, the error and all findings."""
    start = time.perf_counter()
    try:
        with mne.utils.use_log_level("error"):
            found = finish(prepare(recording.trials, forward=model), solver)
    except InputError as error:
        return {"status": REFUSED, "reasons": str(error)}
    trust = found.trust
    assert trust is not None
    findings = trust.findings
    own, other = (_error_mm(recording, model, one) for one in (int(found.peak_sources[0]), findings.eloreta.source))
    return {
        "status": trust.verdict.status.value,
        "error_mm": other if trust.eloreta_first else own,
        "own_error_mm": own,
        "eloreta_error_mm": other,
        "eloreta_first": trust.eloreta_first,
        "p": findings.evidence.p_value,
        "snr_db": findings.snr_db,
        "fit": findings.fit.peak if findings.fit else np.nan,
        "shape": findings.fit.shape if findings.fit else np.nan,
        "unexplained": findings.fit.unexplained if findings.fit else np.nan,
        "eloreta_fit": findings.eloreta.goodness,
        "eloreta_unexplained": findings.eloreta.fit.unexplained if findings.eloreta.fit else np.nan,
        "eloreta_mm": findings.eloreta.distance_mm,
        "dipole_mm": findings.dipole.distance_mm,
        "dipole_fit": findings.dipole.goodness,
        "uncertainty_mm": findings.uncertainty_mm,
        "probability": trust.verdict.probability,
        "stable": findings.stable,
        "one_dipole_near": findings.one_dipole_near,
        "steady_mm": findings.steady_mm,
        "one_dipole_left": findings.one_dipole_left,
        "clear": findings.clear,
        "moved_mm": findings.moved_mm,
        "window_edge": findings.at_window_edge,
        "brain_edge": findings.at_brain_edge,
        "n_noise": findings.n_noise,
        "reasons": " | ".join(trust.verdict.reasons),
        "seconds": time.perf_counter() - start,
    }


def _error_mm(recording: Simulated, model: LeadField, source: int) -> float:
    """Distance from a source to the nearest true one; NaN if there is none."""
    away = np.linalg.norm(recording.truth - model.pos[source], axis=1)
    return float(1e3 * away.min()) if len(away) else np.nan


def main() -> None:
    """Draw, localise, and write one row for each recording and solver."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", choices=sorted(HEADS), default="report")
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), metavar=("NUMBER", "PARTS"))
    parser.add_argument("--n", type=int, nargs=3, default=(200, 50, 50), metavar=("SOURCES", "NOISE", "SPOILED"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    model, heads = model_leadfield(SETUP), HEADS[arguments.seeds]
    rows = []
    for kind, n in zip(("sources", "noise", "spoiled"), arguments.n, strict=True):
        for number in range(arguments.part[0], n, arguments.part[1]):
            seed = FIRST_SEED[arguments.seeds] + {"sources": 0, "noise": 2000, "spoiled": 4000}[kind] + number
            recording = simulate(kind, seed, true_leadfield(SETUP, heads[number % len(heads)]), model)
            for name, solver in (("piunet", load_network()), ("eloreta", ELORETA(lambda2="auto"))):
                row = {"kind": kind, "seed": seed, "what": recording.label, "solver": name}
                rows.append(row | judged(recording, solver, model))
            pd.DataFrame(rows).to_csv(arguments.out, index=False)
    print(markdown(summary(pd.DataFrame(rows))))


def markdown(table: pd.DataFrame) -> str:
    """Format a table."""
    lines = [list(table.columns), ["---"] * table.shape[1], *table.to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Count how often each status was given, and how often *good* was right."""
    table = []
    for (kind, solver), group in rows.groupby(["kind", "solver"], sort=False):
        good = group[group.status == Status.GOOD.value]
        right = int((good.error_mm <= WITHIN_MM).sum())
        table.append(
            {
                "recordings": f"{len(group)} x {kind}",
                "solver": solver,
                "good": len(good),
                "doubtful": int((group.status == Status.DOUBTFUL.value).sum()),
                "nothing": int((group.status == Status.NOTHING.value).sum()),
                "refused": int((group.status == REFUSED).sum()),
                f"good and within {WITHIN_MM:.0f} mm": f"{right} of {len(good)}" if kind != "noise" else "",
                f"all within {WITHIN_MM:.0f} mm": int((group.error_mm <= WITHIN_MM).sum()) if kind != "noise" else "",
            }
        )
    return pd.DataFrame(table)


if __name__ == "__main__":
    main()
