"""Real recordings with a known answer: how far from it each solver places its strongest source."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import mne
import numpy as np
from scipy.spatial import cKDTree
from sklearn.metrics import roc_auc_score

from headwater.benchmark import recordings
from headwater.benchmark.protocol import Case, Column, Control, Fit, Protocol, Scored, Settings, Training
from headwater.benchmark.recordings import Answered
from headwater.localization import Prepared, prepare
from headwater.metrics.table import METRICS
from headwater.simulation.distributions import Constant, Integers
from headwater.simulation.noise import FromCovariance
from headwater.simulation.presets import Preset
from headwater.simulation.simulator import simulate
from headwater.simulation.spatial import GaussianBells
from headwater.simulation.temporal import Autoregressive

NEAR = 0.015  # m; sources this near to the known place count as active
CHANCE_DRAWS = 100
TRAINING_SNR_DB = 10.0
VOLUME = "-volume"
# name: title, training set, recordings folder
CASES = {
    "visual-eeg": ("right visual field, 59 EEG: left V1", "sample-eeg", "mne-sample"),
    "visual-meg": ("right visual field, 305 MEG: left V1", "sample-meg", "mne-sample"),
    "auditory-meg": ("right ear, 305 MEG: left auditory cortex", "sample-meg", "mne-sample"),
    "sep-20": ("median nerve at 20 ms, 254 EEG: left hand area", "sep", "spharapy-sep"),
    "sep-29.5": ("median nerve at 29.5 ms, 254 EEG: left hand area", "sep", "spharapy-sep"),
    "seizure": ("seizure, 75 EEG: resected area", "seizure", "deepsif"),
    "visual-eeg-volume": (
        "right visual field, 59 EEG, template: left V1",
        "sample-eeg-volume",
        "mne-sample",
    ),
    "visual-meg-volume": (
        "right visual field, 305 MEG, template: left V1",
        "sample-meg-volume",
        "mne-sample",
    ),
    "auditory-meg-volume": (
        "right ear, 305 MEG, template: left auditory cortex",
        "sample-meg-volume",
        "mne-sample",
    ),
    "seizure-volume": ("seizure, 72 EEG, template: resected area", "seizure-volume", "deepsif"),
}
SPACING = {"quick": 12.0, "paper": 7.0}  # mm; of the grid in the template, where there is no own lead field
TRAINING_SAMPLES = {"quick": 16, "paper": 50}
FIRST_OF = {
    "sample-eeg": "visual-eeg",
    "sample-meg": "visual-meg",
    "sep": "sep-20",
    "seizure": "seizure",
    "sample-eeg-volume": "visual-eeg-volume",
    "sample-meg-volume": "visual-meg-volume",
    "seizure-volume": "seizure-volume",
}


@dataclass(frozen=True, eq=False)
class Real(Protocol):
    """Recordings of the reference data folder; skipped where there is none."""

    name: str = "real"
    title: str = "Real recordings with a known answer"

    about = (
        "Hyper-parameters are tuned on small patches simulated on the recording's lead field with its noise covariance."
    )

    @property
    def columns(self) -> Mapping[str, Column]:  # type: ignore[override]
        """Distance and rank."""
        near = f"How well sources within {1e3 * NEAR:.0f} mm of it outrank the others; 0.5: chance."
        return {
            "distance": Column("mm", False, "From the strongest source to the known place or area."),
            "auc": Column("", True, near),
        }

    def seeds(self, settings: Settings) -> tuple[int, ...]:
        """Return one; nothing but the Random control is drawn."""
        return (0,)

    def cases(self, settings: Settings) -> tuple[Case, ...]:
        """Return the recordings."""
        return tuple(Case(name=name, title=title, tuned_on=tuned_on) for name, (title, tuned_on, _) in CASES.items())

    def skipped(self, case: Case, settings: Settings) -> str:
        """Say which folder is missing."""
        folder = CASES[case.name][2]
        if settings.data is None:
            return "no folder of recordings was given (`data`)"
        if not (settings.data / folder).is_dir():
            return f"{settings.data.name} has no folder {folder}"
        return ""

    def training(self, tuned_on: str, settings: Settings) -> Training:
        """Simulate small patches whose median SNR is 10 dB above the recording's noise."""
        found = _prepared(FIRST_OF[tuned_on], settings)[1][0]
        bells = GaussianBells(n_sources=Integers(1, 2), sigma_mm=Constant(10.0), normalized=False)
        preset = Preset(
            name="patches",
            sources=replace(bells, amplitude_nam=Constant(1.0)),
            courses=Autoregressive(),
            noise=FromCovariance(found.noise_cov),
            n_times=20,
            sfreq=500.0,
        )
        unit = simulate(found.leadfield, preset, 64, seed=0).truth.snr_db.numpy()
        amplitude = 10 ** ((TRAINING_SNR_DB - np.median(unit)) / 20)
        preset = replace(preset, sources=replace(bells, amplitude_nam=Constant(float(amplitude))))
        samples = simulate(found.leadfield, preset, TRAINING_SAMPLES[settings.size], seed=10**6)
        return Training(found.leadfield, samples, METRICS["localization_error"], noise_cov=found.noise_cov)

    def score(self, fit: Fit | Control, case: Case, seed: int, settings: Settings) -> Scored:
        """Localise and measure."""
        answered, prepared = _prepared(case.name, settings)
        scored = Scored()
        distance, area, elapsed = [], [], 0.0
        for found in prepared:
            pos = found.leadfield.pos
            gap = cKDTree(answered.truth).query(pos)[0]
            if isinstance(fit, Control):
                maps = _control_maps(fit, gap, seed)
            else:
                solver, scored.fit_s = fit(found.leadfield, found.noise_cov)
                start = time.perf_counter()
                estimate = np.abs(solver.apply(found.evoked).data)  # type: ignore[union-attr]
                elapsed += time.perf_counter() - start
                when = np.unravel_index(estimate.argmax(), estimate.shape)[1]
                maps = [estimate.mean(axis=1) if answered.over_time else estimate[:, when]]
            distance += [1e3 * gap[one.argmax()] for one in maps]
            area += [roc_auc_score(gap <= max(NEAR, gap.min()), one) for one in maps]
        scored.s_per_sample = elapsed / len(prepared)
        scored.values = {"distance": np.array(distance), "auc": np.array(area)}
        return scored


def _control_maps(control: Control, gap: np.ndarray, seed: int) -> list[np.ndarray]:
    """Return a map that fades with distance from the truth, or many drawn at random."""
    truth = gap.max() - gap
    return [
        np.abs(control.estimate(truth[np.newaxis, :, np.newaxis], seed + draw))[0, :, 0]
        for draw in range(1 if control.perfect else CHANCE_DRAWS)
    ]


@lru_cache(maxsize=2)
def _prepared(name: str, settings: Settings) -> tuple[Answered, list[Prepared]]:
    """Return recording, lead field and noise covariance, as `headwater.analyze` gives them to every solver."""
    assert settings.data is not None  # noqa: S101
    answered = _answered(name, settings.data, SPACING[settings.size])
    with mne.utils.use_log_level("error"):
        return answered, [prepare(segment, **answered.options) for segment in answered.segments]


def _answered(name: str, data: Path, spacing: float) -> Answered:
    in_volume = spacing if name.endswith(VOLUME) else None
    if name.startswith("visual"):
        return recordings.right_visual(data, name.split("-")[1], in_volume)
    if name.startswith("auditory"):
        return recordings.right_auditory(data, name.split("-")[1], in_volume)
    if name.startswith("sep"):
        return recordings.median_nerve(data, 1e-3 * float(name.split("-")[1]), spacing)
    return recordings.seizure(data, in_volume)


REAL = Real()
