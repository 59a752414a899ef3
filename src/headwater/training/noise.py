"""Noise as recordings have it: ongoing activity of the brain, and a covariance that is estimated from a baseline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.simulation.noise import FromCovariance, White
from headwater.simulation.presets import Preset
from headwater.solvers.inputs.shrinkage import oracle_intensity
from headwater.training.pairs import TrainingPair

EEG = "eeg"
N_RHYTHMS = 12  # places with a rhythm of their own
RHYTHM_MM = (10.0, 30.0)  # standard deviation of such a place
SPREAD = 1.0  # standard deviation of the logarithm of powers across sources and rhythms
SENSOR_SPREAD = 0.5  # the same across sensors


class OngoingNoise(BaseModel):
    """Correlated noise, and its covariance as estimated from a baseline.

    Attributes
    ----------
    samples : (int, int)
        Independent time points of the baseline; each pair of lead fields draws a number in this range, evenly in its
        logarithm.
    brain : (float, float)
        Share of the noise power of each sensor type that comes from the brain, drawn for each pair.
    seed : int
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples: tuple[int, int] = (50, 2000)
    brain: tuple[float, float] = (0.5, 0.95)
    seed: int = Field(0, ge=0)

    def added(self, pair: TrainingPair, preset: Preset, number: int) -> TrainingPair:
        """Give a pair this noise, at the SNR of a preset with white noise; ``number`` tells pairs apart."""
        if not isinstance(preset.noise, White):
            raise InputError(f"The preset {preset.name!r} has noise of its own; use one with White noise.")
        rng = np.random.default_rng([self.seed, number])
        truth = pair.truth
        covariance = ongoing_covariance(truth, rng.uniform(*self.brain), rng)
        n_samples = round(np.exp(rng.uniform(*np.log(self.samples))))
        noise = FromCovariance(covariance, preset.noise.snr_db, together=True)
        return replace(
            pair,
            preset=replace(preset, noise=noise),
            noise_cov=estimated_covariance(covariance, truth.ch_types, n_samples, rng),
        )


def ongoing_covariance(leadfield: LeadField, brain: float, rng: np.random.Generator) -> np.ndarray:
    """Return the covariance of ongoing activity and sensor noise, shape (n_channels, n_channels).

    One half of the brain's power is independent activity of all sources, of which some are stronger than others; the
    other comes from a few patches, each with one course.
    """
    n_sources, n_orient = leadfield.gain.shape[1:]
    own = leadfield.matrix * np.repeat(rng.lognormal(0.0, SPREAD / 2, n_sources), n_orient)
    centres = leadfield.pos[rng.integers(n_sources, size=N_RHYTHMS)]
    distance = np.linalg.norm(leadfield.pos[:, np.newaxis] - centres, axis=2)
    bells = np.exp(-0.5 * (distance / (1e-3 * rng.uniform(*RHYTHM_MM, N_RHYTHMS))) ** 2)
    directions = rng.standard_normal((n_orient, N_RHYTHMS))
    rhythms = np.einsum("csx,sp,xp->cp", leadfield.gain, bells, directions, optimize=True)
    types = np.array(leadfield.ch_types)
    one = types == types[0]
    rhythms *= rng.lognormal(0.0, SPREAD / 2, N_RHYTHMS) / np.linalg.norm(rhythms[one], axis=0)
    parts = [part @ part.T for part in (own, rhythms)]
    activity = sum(part / np.trace(part[np.ix_(one, one)]) for part in parts)
    sensors = rng.lognormal(0.0, SENSOR_SPREAD, len(types))
    for kind in np.unique(types):
        here = types == kind
        sensors[here] *= (1 - brain) / brain * np.diag(activity)[here].mean() / sensors[here].mean()
    return np.asarray(activity + np.diag(sensors))


def estimated_covariance(
    covariance: np.ndarray, ch_types: list[str], n_samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Estimate a covariance from Gaussian samples and shrink it, EEG and MEG separately.

    The EEG is referenced to its average first. Channels of each sensor type are brought to one power for the
    shrinkage, whose intensity is that of `headwater.solvers.inputs.shrinkage.oracle_intensity`.
    """
    types = np.array(ch_types)
    eeg = types == EEG
    drawn = np.linalg.cholesky(covariance) @ rng.standard_normal((len(covariance), n_samples))
    drawn[eeg] -= drawn[eeg].mean(axis=0) if eeg.any() else 0.0
    unit = np.ones(len(types))
    for kind in np.unique(types):
        unit[types == kind] = np.sqrt(np.mean(drawn[types == kind] ** 2))
    drawn /= unit[:, np.newaxis]
    found = np.zeros_like(covariance)
    for part in (np.flatnonzero(eeg), np.flatnonzero(~eeg)):
        if len(part) == 0:
            continue
        sample = drawn[part] @ drawn[part].T / n_samples
        intensity = oracle_intensity(sample, n_samples)
        shrunk = (1 - intensity) * sample + intensity * np.trace(sample) / len(part) * np.eye(len(part))
        found[np.ix_(part, part)] = shrunk
    return found * np.outer(unit, unit)
