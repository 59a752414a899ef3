"""How often noise alone is taken for a response, and how often a weak response is missed, by recordings without trials.

    python benchmarks/bench_signal_test.py --data ../shared/data --out benchmarks/results/signal-test.md

Each recording is an average of 2 to 20 trials with a baseline of 0.1 to 0.3 s. Noise is simulated (activity all over
the brain with short memory or 1/f spectrum, alpha oscillations, sensor noise) or is real resting EEG (DeepSIF, four
seconds, pieces with random signs). Responses are one to three dipoles; their largest power is `SNR_DB` above the
baseline's. The seeds served no choice of the test.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
import pandas as pd
from record import recorded
from scipy.io import loadmat
from scipy.signal import lfilter

import headwater as hw
from headwater.benchmark import recordings
from headwater.forward.leadfield import LeadField
from headwater.head.helmet import helmet_info
from headwater.localization.prepare import prepare
from headwater.localization.trust_signal import LEVEL, evidence_of_signal

FIRST_SEED, SNR_DB = 1000, 6.0
UNIT = {"eeg": 1e-5, "mag": 1e-12}
N_ACTIVE = 150
WINDOWS = ((0.0, 10.0), (0.08, 0.13), (0.07, 0.2), (0.05, 0.25))

Draw = Callable[[np.random.Generator, int, float], np.ndarray]  # noise, shape (n_channels, n_times)


@dataclass(frozen=True, eq=False)
class Family:
    """A kind of noise, on the sensors of a lead field."""

    name: str
    leadfield: LeadField
    noise: Draw
    rates: tuple[float, ...] = (100.0, 250.0)


def mixing(leadfield: LeadField, rng: np.random.Generator) -> np.ndarray:
    """Topographies of activity all over the brain, shape (n_channels, N_ACTIVE), with a total power of one."""
    active = rng.choice(leadfield.n_sources, N_ACTIVE, replace=False)
    maps = np.einsum("cso,so->cs", leadfield.gain[:, active], rng.standard_normal((N_ACTIVE, leadfield.n_orient)))
    maps *= np.exp(0.7 * rng.standard_normal(N_ACTIVE))
    return np.asarray(maps / np.sqrt(np.mean(np.sum(maps**2, axis=1))))


def with_short_memory(leadfield: LeadField) -> Draw:
    """Autoregressive activity of the brain, and sensor noise."""

    def draw(rng: np.random.Generator, n_times: int, rate: float) -> np.ndarray:
        memory = rng.uniform(0.4, 0.85) ** (100 / rate)
        white = rng.standard_normal((N_ACTIVE, n_times + 300))
        courses = lfilter([np.sqrt(1 - memory**2)], [1, -memory], white, axis=1)[:, 300:]
        brain = mixing(leadfield, rng) @ courses
        return 2 ** rng.uniform(-1, 1) * brain + rng.standard_normal(brain.shape)

    return draw


def with_long_memory(leadfield: LeadField) -> Draw:
    """Activity with a spectrum of 1/f and with alpha oscillations, and sensor noise."""

    def draw(rng: np.random.Generator, n_times: int, rate: float) -> np.ndarray:
        n_long = 2 ** int(np.ceil(np.log2(n_times + 12 * rate)))
        frequency = np.fft.rfftfreq(n_long, 1 / rate)
        gain = np.where(frequency >= rng.choice([0.1, 0.3, 1.0]), np.maximum(frequency, 0.05), np.inf)
        gain = gain ** (-rng.uniform(0.8, 1.6) / 2)
        courses = np.fft.irfft(np.fft.rfft(rng.standard_normal((N_ACTIVE, n_long)), axis=1) * gain, n_long, axis=1)
        courses = courses[:, :n_times] / courses.std(axis=1, keepdims=True)
        n_alpha, radius = int(rng.integers(3, 15)), np.exp(-np.pi * rng.uniform(0.7, 2) / rate)
        pole = -2 * radius * np.cos(2 * np.pi * rng.uniform(8.5, 11.5) / rate)
        alpha = lfilter([1], [1, pole, radius**2], rng.standard_normal((n_alpha, n_times + int(4 * rate))), axis=1)
        courses[:n_alpha] += rng.uniform(0, 2.5) * alpha[:, -n_times:] / alpha.std()
        brain = mixing(leadfield, rng) @ courses
        return np.sqrt(2) * 2 ** rng.uniform(-1, 1) * brain + rng.standard_normal(brain.shape)

    return draw


def resting(data: Path) -> Draw:
    """Real resting EEG: an average of pieces with random signs."""
    found = loadmat(data / "deepsif" / "anatomy" / "realistic_noise.mat", simplify_cells=True)
    pieces = np.asarray(next(value for name, value in found.items() if not name.startswith("__")), float)

    def draw(rng: np.random.Generator, n_times: int, rate: float) -> np.ndarray:
        del rate
        total = np.zeros((pieces.shape[2], n_times))
        for _ in range(int(rng.integers(2, 9))):
            start = int(rng.integers(pieces.shape[1] - n_times))
            total += rng.choice([-1, 1]) * pieces[rng.integers(len(pieces)), start : start + n_times].T
        return total / np.sqrt(np.mean(total**2))

    return draw


def families(data: Path) -> list[Family]:
    """All kinds of noise."""
    head = hw.template_head()
    infos = {name: hw.montage_info(head, name) for name in ("easycap-M10", "biosemi32")}
    infos["magnetometers"] = helmet_info(head)
    fields = {name: hw.make_leadfield(head, info, "volume", spacing=10.0, ico=3) for name, info in infos.items()}
    found = []
    for name, field in fields.items():
        found.append(Family(f"{field.n_channels} {name}, short memory", field, with_short_memory(field)))
        found.append(Family(f"{field.n_channels} {name}, 1/f and alpha", field, with_long_memory(field)))
    field, _ = recordings.seizure_leadfield(data)
    found.append(Family("75 electrodes, real resting EEG", field, resting(data), rates=(500.0,)))
    return found


def p_value(family: Family, seed: int, snr_db: float | None) -> float:
    """Test one recording; None stands for noise alone."""
    rng, field = np.random.default_rng(seed), family.leadfield
    rate = float(rng.choice(family.rates))
    first = float(rng.choice([0.2, 0.3] if rate == min(family.rates) else [0.1, 0.2, 0.3]))
    last = float(rng.choice([0.3, 0.5]))
    times = np.arange(-round(first * rate), round(last * rate) + 1) / rate
    window = WINDOWS[int(rng.integers(len(WINDOWS)))]
    data = family.noise(rng, len(times), rate)
    if snr_db is not None:
        data = data + response(field, data, times, window, rng) * 10 ** (snr_db / 20)
    info = mne.create_info(field.ch_names, rate, field.ch_types)
    for channel, placed in zip(info["chs"], field.info["chs"], strict=True):
        channel["loc"] = placed["loc"].copy()
    evoked = mne.EvokedArray(UNIT[field.ch_types[0]] * data, info, tmin=times[0], nave=int(rng.integers(2, 21)))
    tmax = min(window[1], float(times[-1]))
    return evidence_of_signal(prepare(evoked, forward=field, tmin=window[0], tmax=tmax, find_bads=False)).p_value


def response(
    field: LeadField, noise: np.ndarray, times: np.ndarray, window: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """One to three dipoles in the window; the largest power is the mean of the noise in the baseline."""
    signal = np.zeros_like(noise)
    for _ in range(int(rng.integers(1, 4))):
        topography = field.gain[:, rng.integers(field.n_sources)] @ rng.standard_normal(field.n_orient)
        latency = rng.uniform(max(0.05, window[0]), min(window[1], 0.25))
        bell = np.exp(-0.5 * ((times - latency) / rng.uniform(0.015, 0.04)) ** 2)
        signal += rng.uniform(0.4, 1) * np.outer(topography / np.linalg.norm(topography), bell)
    quiet = noise[:, times < 0]
    level = np.mean((quiet - quiet.mean(axis=1, keepdims=True)) ** 2)
    return np.asarray(signal * np.sqrt(level / np.mean(signal**2, axis=0).max()))


def main() -> None:
    """Test recordings of every kind, with and without a response."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="Folder of the reference recordings.")
    parser.add_argument("--n", type=int, nargs=2, default=(100, 50), metavar=("NOISE", "RESPONSES"))
    parser.add_argument("--out", type=Path, help="Markdown file.")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    mne.set_log_level("error")
    with recorded(arguments.out, "Tests of averages against their baseline"):
        rows = []
        for family in families(arguments.data):
            row: dict[str, object] = {"noise": family.name}
            for n, snr_db in zip(arguments.n, (None, SNR_DB), strict=True):
                values = [p_value(family, seed, snr_db) for seed in range(FIRST_SEED, FIRST_SEED + n)]
                name = "noise called a signal" if snr_db is None else f"responses of {snr_db:.0f} dB found"
                row[name] = f"{np.count_nonzero(np.array(values) <= LEVEL)} of {n}"
            rows.append(row)
        print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
