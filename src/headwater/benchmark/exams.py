"""What a method is asked, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import mne
import numpy as np

from headwater.forward.leadfield import LeadField
from headwater.forward.pair import LeadFieldPair
from headwater.localization.prepare import Prepared
from headwater.metrics.measure import Metric
from headwater.simulation.presets import Preset
from headwater.simulation.samples import Samples
from headwater.solvers.evaluation import GroundTruth, currents


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """What hyper-parameters are tuned on: samples of the head that solvers assume, which the test never shows."""

    leadfield: LeadField
    samples: Samples
    metric: Metric
    noise_cov: mne.Covariance | np.ndarray | None = None
    truth: GroundTruth = currents


@dataclass(frozen=True, eq=False)
class Exam:
    """Simulated recordings of one case and one head.

    Attributes
    ----------
    pair : LeadFieldPair
        What solvers assume, and what made the samples.
    samples : Samples
    preset : Preset
        What they were drawn from.
    metrics : dict of str to Metric
    truth : callable
        Gives what the metrics compare with.
    noise_cov : array of shape (n_channels, n_channels) | None
        None: white noise, in units of which each sample is estimated.
    seed : int
    """

    pair: LeadFieldPair
    samples: Samples
    preset: Preset
    metrics: Mapping[str, Metric]
    truth: GroundTruth = currents
    noise_cov: np.ndarray | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Listening:
    """One prepared recording with a known answer.

    Attributes
    ----------
    prepared : Prepared
    gap : array of shape (n_sources,)
        Distance of each source from the known place or area, in metres.
    over_time : bool
        Whether activity is averaged over the whole window, or taken at the time point of the peak.
    seed : int
    """

    prepared: Prepared
    gap: np.ndarray
    over_time: bool = False
    seed: int = 0

    @property
    def nearness(self) -> np.ndarray:
        """A map that fades with the distance from the known place."""
        nearness: np.ndarray = self.gap.max() - self.gap
        return nearness


@dataclass(eq=False)
class Scored:
    """What one method got in one case.

    Attributes
    ----------
    values : dict of str to array of shape (n_samples,)
        One score per sample.
    reasons : dict of str to str
        Why there is no score; in words.
    fit_s, s_per_sample : float
        Seconds.
    """

    values: dict[str, np.ndarray] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    fit_s: float = np.nan
    s_per_sample: float = np.nan
