"""Real recordings with a known answer: how far from it each solver places its strongest source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import mne
import numpy as np
from scipy.spatial import cKDTree
from sklearn.metrics import roc_auc_score

from headwater.benchmark.exams import Listening, Scored, TrainingSet
from headwater.benchmark.methods import Method
from headwater.benchmark.protocol import Case, Protocol, Settings
from headwater.benchmark.recording_table import RECORDINGS, Recording
from headwater.benchmark.recordings import Answered
from headwater.localization import prepare
from headwater.localization.prepare import Prepared
from headwater.metrics.measure import Measure
from headwater.metrics.table import METRICS
from headwater.simulation.distributions import Constant, Integers
from headwater.simulation.noise import FromCovariance
from headwater.simulation.presets import Preset
from headwater.simulation.simulator import simulate
from headwater.simulation.spatial import GaussianBells
from headwater.simulation.temporal import Autoregressive

NEAR = 0.015  # m; sources this near to the known place count as active
TRAINING_SNR_DB = 10.0
SPACING = {"quick": 12.0, "paper": 7.0}  # mm; of the grid in the template, where there is no own lead field
TRAINING_SAMPLES = {"quick": 16, "paper": 50}


@dataclass(frozen=True, eq=False)
class Real(Protocol):
    """Recordings of the reference data folder; skipped where they are missing."""

    name: str = "real"
    title: str = "Real recordings with a known answer"
    about: str = (
        "Hyper-parameters are tuned on small patches simulated on the lead field of the recording with its noise "
        "covariance. With all defaults, nothing is tuned or chosen by hand: recordings are localised as by the command "
        "localize, on its grid of 7 mm, given condition, sensors and window of the response."
    )

    @property
    def measures(self) -> Mapping[str, Measure]:
        """Distance and rank."""
        near = f"How well sources within {1e3 * NEAR:.0f} mm of it outrank the others; 0.5: chance."
        return {
            "distance": Measure(
                unit="mm", higher_is_better=False, meaning="From the strongest source to the known place or area."
            ),
            "auc": Measure(higher_is_better=True, meaning=near),
        }

    def seeds(self, settings: Settings) -> tuple[int, ...]:
        """Return one; only the Random control is drawn."""
        del settings
        return (0,)

    def cases(self, settings: Settings) -> tuple[Case, ...]:
        """Return the recordings."""
        del settings
        return tuple(Case(name=one.name, title=one.title, tuned_on=one.training) for one in RECORDINGS.values())

    def refused(self, settings: Settings) -> str:
        """Refuse to run without any recording."""
        if settings.data is None:
            return "The protocol 'real' needs recordings; give their folder as `data`."
        folders = dict.fromkeys(one.folder for one in RECORDINGS.values())
        if any((settings.data / folder).is_dir() for folder in folders):
            return ""
        return f"{settings.data} holds none of the folders {', '.join(folders)}; give their parent folder as `data`."

    def skipped(self, case: Case, settings: Settings) -> str:
        """Say which folder is missing."""
        folder = RECORDINGS[case.name].folder
        if settings.data is None or not (settings.data / folder).is_dir():
            return f"the folder of the recordings has no {folder}"
        return ""

    def training(self, tuned_on: str, settings: Settings) -> TrainingSet:
        """Simulate small patches whose median SNR is 10 dB above the recording's noise."""
        first = next(one for one in RECORDINGS.values() if one.training == tuned_on)
        found = _prepared(first, settings)[1][0]
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
        return TrainingSet(found.leadfield, samples, METRICS["localization_error"], noise_cov=found.noise_cov)

    def pairs(self, cases: Iterable[Case]) -> tuple[tuple[Case, str], ...]:
        """Pair what was localised with all defaults with what was tuned by hand."""
        names = {case.name for case in cases}
        paired = ((case, RECORDINGS[case.name].by_hand) for case in cases)
        return tuple((case, by_hand) for case, by_hand in paired if by_hand in names)

    def score(self, method: Method, case: Case, seed: int, settings: Settings) -> Scored:
        """Localise and measure."""
        recording = RECORDINGS[case.name]
        answered, prepared = _prepared(recording, settings)
        if recording.training is None:
            method = method.by_name()
        scored = Scored()
        distance, area, elapsed = [], [], 0.0
        for found in prepared:
            gap = cKDTree(answered.points(found.head)).query(found.leadfield.pos)[0]
            maps, scored.fit_s, seconds = method.listen(Listening(found, gap, answered.over_time, seed))
            elapsed += seconds
            distance += [1e3 * gap[one.argmax()] for one in maps]
            area += [roc_auc_score(gap <= max(NEAR, gap.min()), one) for one in maps]
        scored.s_per_sample = elapsed / len(prepared)
        scored.values = {"distance": np.array(distance), "auc": np.array(area)}
        return scored


@lru_cache(maxsize=8)
def _prepared(recording: Recording, settings: Settings) -> tuple[Answered, list[Prepared]]:
    """Return recording, lead field and noise covariance, as `headwater.analyze` prepares them for every solver."""
    assert settings.data is not None  # noqa: S101
    answered = recording.load(settings.data, SPACING[settings.size])
    with mne.utils.use_log_level("error"):
        return answered, [prepare(segment, **answered.options) for segment in answered.segments]


REAL = Real()
