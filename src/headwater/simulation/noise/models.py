"""Noise models: white, with a given covariance, from a recording, and one for each sensor type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mne
import numpy as np
import torch

from headwater._utils.errors import InputError
from headwater.simulation.distributions import Distribution, Uniform, check_distribution, check_instance
from headwater.simulation.noise.base import BoundNoise, Noise
from headwater.simulation.noise.bound import (
    AbsoluteNoise,
    CombinedNoise,
    Gaussian,
    JointlyScaledNoise,
    ScaledNoise,
    Segments,
)
from headwater.simulation.noise.sensors import SENSOR_TYPES, SensorArray


@dataclass(frozen=True)
class White(Noise):
    """Independent and of equal variance over channels (of one sensor type) and time points.

    Parameters
    ----------
    snr_db : Distribution
        Infinite: no noise.
    """

    snr_db: Distribution = Uniform(0.0, 30.0)

    def __post_init__(self) -> None:
        check_distribution(self, "snr_db")

    def bind(self, sensors: SensorArray) -> ScaledNoise:
        """Take the identity as covariance."""
        n_channels = len(sensors.ch_names)
        return ScaledNoise(
            sensors, self.snr_db, Gaussian(torch.ones(n_channels, device=sensors.device)), np.eye(n_channels)
        )


@dataclass(frozen=True, eq=False)
class FromCovariance(Noise):
    """Gaussian, white in time, with this covariance between channels.

    Parameters
    ----------
    covariance : mne.Covariance | path | array of shape (n_channels, n_channels)
        An array follows the channel order of the lead field. A covariance of a recording applies before the
        re-referencing of the preset.
    snr_db : Distribution | None
        Each sensor type is scaled as a whole to this SNR. None leaves the covariance at its recorded level.
    together : bool
        Scale all sensor types by one factor, so that the noise of one relative to that of another stays as in the
        covariance. The SNR is then the mean over channels of the power of the signal relative to that of the noise.
    """

    covariance: mne.Covariance | np.ndarray | str | Path
    snr_db: Distribution | None = None
    together: bool = False

    def __post_init__(self) -> None:
        if self.snr_db is not None:
            check_distribution(self, "snr_db")

    def bind(self, sensors: SensorArray) -> BoundNoise:
        """Factorise the covariance, preserving a rank deficiency."""
        matrix = self._matrix(sensors)
        values, vectors = np.linalg.eigh(matrix)
        if values[0] < -1e-6 * values[-1]:
            raise InputError(
                "FromCovariance.covariance has negative eigenvalues; give a positive semi-definite matrix."
            )
        factor = vectors * np.sqrt(values.clip(min=0))
        gaussian = Gaussian(torch.as_tensor(factor, dtype=torch.float32, device=sensors.device))
        if self.snr_db is None:
            return AbsoluteNoise(sensors, gaussian, matrix)
        kind = JointlyScaledNoise if self.together else ScaledNoise
        return kind(sensors, self.snr_db, gaussian, matrix)

    def _matrix(self, sensors: SensorArray) -> np.ndarray:
        covariance = self.covariance
        if isinstance(covariance, str | Path):
            covariance = _read(mne.read_cov, covariance, "FromCovariance.covariance")
        if isinstance(covariance, mne.Covariance):
            picks = _rows(covariance.ch_names, sensors, "FromCovariance.covariance")
            matrix = np.diag(covariance.data) if covariance["diag"] else covariance.data
            return matrix[np.ix_(picks, picks)]
        matrix = np.asarray(covariance, dtype=float)
        if matrix.shape != (len(sensors.ch_names),) * 2 or not np.isfinite(matrix).all():
            raise InputError(
                f"FromCovariance.covariance has shape {matrix.shape}; it must be a finite matrix of "
                f"{len(sensors.ch_names)} x {len(sensors.ch_names)}, as the lead field's channels."
            )
        return matrix


@dataclass(frozen=True, eq=False)
class Recorded(Noise):
    """Segments of a real recording (rest, baseline, empty room) from random times.

    The recording should be filtered like the data to be localised; the mean of each channel is removed.

    Parameters
    ----------
    recording : mne.io.BaseRaw | path | array of shape (n_channels, n_times)
        At the preset's sampling rate (a raw recording is resampled to it); longer than a segment.
    snr_db : Distribution | None
        Each sensor type is scaled to this SNR by its mean power over the *whole* recording, so quiet and loud segments
        keep their difference. None adds the recording as it is.
    """

    recording: mne.io.BaseRaw | np.ndarray | str | Path
    snr_db: Distribution | None = Uniform(0.0, 30.0)

    def __post_init__(self) -> None:
        if self.snr_db is not None:
            check_distribution(self, "snr_db")

    def bind(self, sensors: SensorArray) -> BoundNoise:
        """Load the recording onto the device."""
        data = self._data(sensors)
        data = data - data.mean(axis=1, keepdims=True)
        segments = Segments(torch.as_tensor(data, dtype=torch.float32, device=sensors.device))
        covariance = data @ data.T / data.shape[1]
        if self.snr_db is None:
            return AbsoluteNoise(sensors, segments, covariance)
        return ScaledNoise(sensors, self.snr_db, segments, covariance)

    def _data(self, sensors: SensorArray) -> np.ndarray:
        recording = self.recording
        if isinstance(recording, str | Path):
            recording = _read(mne.io.read_raw, recording, "Recorded.recording")
        if isinstance(recording, mne.io.BaseRaw):
            picks = _rows(recording.ch_names, sensors, "Recorded.recording")
            if recording.info["sfreq"] != sensors.sfreq:
                recording = recording.copy().load_data(verbose="error").resample(sensors.sfreq, verbose="error")
            return np.asarray(recording.get_data(picks=picks))
        data = np.asarray(recording, dtype=float)
        if data.ndim != 2 or len(data) != len(sensors.ch_names) or not np.isfinite(data).all():
            raise InputError(
                f"Recorded.recording has shape {data.shape}; it must be finite, with the lead field's "
                f"{len(sensors.ch_names)} channels as rows."
            )
        return data


@dataclass(frozen=True)
class PerSensorType(Noise):
    """A separate noise model for each sensor type.

    Parameters
    ----------
    eeg, mag, grad : Noise | None
        None if the lead field has no such channels.
    """

    eeg: Noise | None = None
    mag: Noise | None = None
    grad: Noise | None = None

    def __post_init__(self) -> None:
        for kind in SENSOR_TYPES:
            if getattr(self, kind) is not None:
                check_instance(self, kind, Noise, "White(10)")

    def bind(self, sensors: SensorArray) -> BoundNoise:
        """Bind the model of each sensor type that is present."""
        for kind in sensors.types:
            if getattr(self, kind) is None:
                raise InputError(f"PerSensorType.{kind} is not given, but the lead field has {kind} channels.")
        return CombinedNoise(sensors, {kind: getattr(self, kind).bind(sensors.only(kind)) for kind in sensors.types})


def _read(reader: Callable[..., Any], path: str | Path, owner: str) -> Any:
    try:
        return reader(path, verbose="error")
    except Exception as error:  # MNE-Python raises many types of errors for missing, foreign or truncated files
        raise InputError(f"{owner}: MNE-Python cannot read {path} ({' '.join(str(error).split())}).") from error


def _rows(names: list[str], sensors: SensorArray, owner: str) -> list[int]:
    """Return the indices of the lead field's channels in a list of names."""
    missing = [name for name in sensors.ch_names if name not in names]
    if missing:
        raise InputError(
            f"{owner} lacks the channels {', '.join(missing)} of the lead field; pick the channels that both have."
        )
    return [names.index(name) for name in sensors.ch_names]
