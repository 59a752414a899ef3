"""Sensor noise, and the one definition of signal-to-noise ratio.

For one sample and one sensor type (EEG, magnetometers, gradiometers each on their own)::

    SNR [dB] = 10 log10(P_signal / P_noise)

where ``P`` is the power averaged over the channels of that type and over time, EEG having been re-referenced to its
average. ``P_signal`` is that of the sample's noise-free signal; ``P_noise`` is the *expected* power of the noise model.
So ``sigma_noise = sigma_signal / sqrt(10^(SNR / 10))`` with ``sigma`` the root of the mean power (Morik et al.,
3D-PIUNet, equation 6), which is also ``SNR = 20 log10(rms_signal / rms_noise)`` (Yokoyama et al., 4LCNN, equation 2).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mne
import numpy as np
import torch

from headwater._utils.errors import InputError
from headwater.simulation.distributions import Distribution, Uniform, check_distribution, check_instance
from headwater.simulation.sensors import SENSOR_TYPES, Sensors


class Noise(ABC):
    """A model of sensor noise. ``bind`` prepares it for a set of sensors."""

    @abstractmethod
    def bind(self, sensors: Sensors) -> BoundNoise:
        """Look channels up, factorise covariances, load recordings: whatever is done once."""


class BoundNoise(ABC):
    """Noise for known sensors."""

    @abstractmethod
    def draw(self, signal: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw noise for signals of shape (batch, n_channels, n_times).

        Returns
        -------
        noise : tensor of shape (batch, n_channels, n_times)
        snr_db : tensor of shape (batch, n_types)
        """


@dataclass(frozen=True)
class White(Noise):
    """Independent and of equal variance over channels (of one sensor type) and times.

    Parameters
    ----------
    snr_db : Distribution
        Infinite for no noise at all.
    """

    snr_db: Distribution = Uniform(0.0, 30.0)

    def __post_init__(self) -> None:
        check_distribution(self, "snr_db")

    def bind(self, sensors: Sensors) -> ScaledNoise:
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
        An array is in the order of the lead field's channels. A covariance of a recording applies before any
        re-referencing that the preset asks for.
    snr_db : Distribution | None
        Each sensor type is scaled as a whole to this SNR. None leaves the covariance as it is: real noise levels.
    """

    covariance: mne.Covariance | np.ndarray | str | Path
    snr_db: Distribution | None = None

    def __post_init__(self) -> None:
        if self.snr_db is not None:
            check_distribution(self, "snr_db")

    def bind(self, sensors: Sensors) -> BoundNoise:
        """Factorise the covariance; a deficient rank is kept."""
        matrix = self._matrix(sensors)
        values, vectors = np.linalg.eigh(matrix)
        if values[0] < -1e-6 * values[-1]:
            raise InputError("FromCovariance.covariance has negative eigenvalues; it is not a covariance.")
        factor = vectors * np.sqrt(values.clip(min=0))
        gaussian = Gaussian(torch.as_tensor(factor, dtype=torch.float32, device=sensors.device))
        if self.snr_db is None:
            return AbsoluteNoise(sensors, gaussian, matrix)
        return ScaledNoise(sensors, self.snr_db, gaussian, matrix)

    def _matrix(self, sensors: Sensors) -> np.ndarray:
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
    """Segments of a real recording (rest, baseline, empty room), at random times.

    The recording should be filtered as the data one wants to localise; each channel's mean is removed.

    Parameters
    ----------
    recording : mne.io.BaseRaw | path | array of shape (n_channels, n_times)
        At the preset's sampling rate (a raw recording is resampled to it); longer than a segment.
    snr_db : Distribution | None
        Each sensor type is scaled to this SNR by its mean power over the *whole* recording, so quiet and loud segments
        stay different. None adds the recording as it is.
    """

    recording: mne.io.BaseRaw | np.ndarray | str | Path
    snr_db: Distribution | None = Uniform(0.0, 30.0)

    def __post_init__(self) -> None:
        if self.snr_db is not None:
            check_distribution(self, "snr_db")

    def bind(self, sensors: Sensors) -> BoundNoise:
        """Load the recording onto the device."""
        data = self._data(sensors)
        data = data - data.mean(axis=1, keepdims=True)
        segments = Segments(torch.as_tensor(data, dtype=torch.float32, device=sensors.device))
        covariance = data @ data.T / data.shape[1]
        if self.snr_db is None:
            return AbsoluteNoise(sensors, segments, covariance)
        return ScaledNoise(sensors, self.snr_db, segments, covariance)

    def _data(self, sensors: Sensors) -> np.ndarray:
        recording = self.recording
        if isinstance(recording, str | Path):
            recording = _read(mne.io.read_raw, recording, "Recorded.recording")
        if isinstance(recording, mne.io.BaseRaw):
            picks = _rows(recording.ch_names, sensors, "Recorded.recording")
            if recording.info["sfreq"] != sensors.sfreq:
                recording = recording.copy().load_data(verbose="error").resample(sensors.sfreq, verbose="error")
            return recording.get_data(picks=picks)
        data = np.asarray(recording, dtype=float)
        if data.ndim != 2 or len(data) != len(sensors.ch_names) or not np.isfinite(data).all():
            raise InputError(
                f"Recorded.recording has shape {data.shape}; it must be finite, with the lead field's "
                f"{len(sensors.ch_names)} channels as rows."
            )
        return data


@dataclass(frozen=True)
class PerSensorType(Noise):
    """A noise model of its own for each sensor type.

    Parameters
    ----------
    eeg, mag, grad : Noise | None
        None where the lead field has no such channels.
    """

    eeg: Noise | None = None
    mag: Noise | None = None
    grad: Noise | None = None

    def __post_init__(self) -> None:
        for kind in SENSOR_TYPES:
            if getattr(self, kind) is not None:
                check_instance(self, kind, Noise, "White(10)")

    def bind(self, sensors: Sensors) -> BoundNoise:
        """Bind the model of each sensor type that is present."""
        for kind in sensors.types:
            if getattr(self, kind) is None:
                raise InputError(f"PerSensorType.{kind} is not given, but the lead field has {kind} channels.")
        return CombinedNoise(sensors, {kind: getattr(self, kind).bind(sensors.only(kind)) for kind in sensors.types})


def _read(reader: Callable[..., Any], path: str | Path, owner: str) -> Any:
    try:
        return reader(path, verbose="error")
    except Exception as error:  # MNE-Python raises many things on files that are absent, foreign or truncated
        raise InputError(f"{owner}: MNE-Python cannot read {path} ({' '.join(str(error).split())}).") from error


def _rows(names: list[str], sensors: Sensors, owner: str) -> list[int]:
    """Where the lead field's channels stand in a list of names."""
    missing = [name for name in sensors.ch_names if name not in names]
    if missing:
        raise InputError(f"{owner} lacks the channels {', '.join(missing)} of the lead field; pick those it has.")
    return [names.index(name) for name in sensors.ch_names]


class Carrier(ABC):
    """Noise of unit scale."""

    @abstractmethod
    def draw(self, n_samples: int, n_times: int, generator: torch.Generator) -> torch.Tensor:
        """Return noise of shape (n_samples, n_channels, n_times)."""


@dataclass(frozen=True, eq=False)
class Gaussian(Carrier):
    """``factor @ white``; a vector stands for a diagonal matrix."""

    factor: torch.Tensor

    def draw(self, n_samples: int, n_times: int, generator: torch.Generator) -> torch.Tensor:
        """Colour white noise."""
        shape = (n_samples, self.factor.shape[-1], n_times)
        white = torch.randn(shape, generator=generator, device=generator.device)
        return white * self.factor[:, None] if self.factor.ndim == 1 else self.factor @ white


@dataclass(frozen=True, eq=False)
class Segments(Carrier):
    """Stretches of a recording (n_channels, n_recorded)."""

    recording: torch.Tensor

    def draw(self, n_samples: int, n_times: int, generator: torch.Generator) -> torch.Tensor:
        """Start anywhere."""
        n_starts = self.recording.shape[1] - n_times + 1
        if n_starts < 1:
            raise InputError(
                f"Recorded.recording has {self.recording.shape[1]} times, fewer than the {n_times} of a sample; "
                "give a longer recording."
            )
        starts = torch.randint(n_starts, (n_samples,), generator=generator, device=generator.device)
        times = starts[:, None] + torch.arange(n_times, device=starts.device)
        return self.recording[:, times].transpose(0, 1)


class ScaledNoise(BoundNoise):
    """A carrier scaled to a drawn SNR."""

    def __init__(self, sensors: Sensors, snr_db: Distribution, carrier: Carrier, covariance: np.ndarray):
        self.sensors, self.snr_db, self.carrier = sensors, snr_db, carrier
        rms = sensors.rms_of_covariance(covariance)
        silent = [kind for kind, value in zip(sensors.types, rms, strict=True) if not value > 0]
        if silent:
            raise InputError(f"The noise has no power on {', '.join(silent)} channels and cannot be scaled to an SNR.")
        self.rms = torch.as_tensor(rms, dtype=torch.float32, device=sensors.device)

    def draw(self, signal: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw one SNR per sample, the same for all sensor types."""
        snr_db = self.snr_db.draw((len(signal), 1), generator).expand(-1, len(self.sensors.types))
        carrier = self.carrier.draw(len(signal), signal.shape[2], generator)
        scale = self.sensors.rms(signal) / self.rms * 10 ** (-snr_db / 20)
        noise = carrier * scale[:, self.sensors.type_of, None]
        return self.sensors.recorded(noise), snr_db


class AbsoluteNoise(BoundNoise):
    """A carrier as it is; the SNR follows from the signal."""

    def __init__(self, sensors: Sensors, carrier: Carrier, covariance: np.ndarray):
        self.sensors, self.carrier = sensors, carrier
        rms = sensors.rms_of_covariance(covariance)
        self.rms = torch.as_tensor(rms, dtype=torch.float32, device=sensors.device)

    def draw(self, signal: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw the carrier and say which SNR it makes."""
        noise = self.carrier.draw(len(signal), signal.shape[2], generator)
        return self.sensors.recorded(noise), 20 * torch.log10(self.sensors.rms(signal) / self.rms)


class CombinedNoise(BoundNoise):
    """The channels of each sensor type from a model of its own."""

    def __init__(self, sensors: Sensors, models: dict[str, BoundNoise]):
        self.sensors, self.models = sensors, models

    def draw(self, signal: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw from one model after the other."""
        noise, snr_db = torch.zeros_like(signal), []
        for kind, model in self.models.items():
            channels = self.sensors.channels(kind)
            noise[:, channels], snr = model.draw(signal[:, channels], generator)
            snr_db.append(snr)
        return noise, torch.cat(snr_db, dim=1)
