"""The sensors of a recording as noise models use them: types, reference, power."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from headwater._utils.errors import InputError

SENSOR_TYPES = ("eeg", "mag", "grad")


@dataclass(frozen=True, eq=False)
class SensorArray:
    """The channels of a recording, with their reference.

    Attributes
    ----------
    ch_names : tuple of str
    ch_types : tuple of str
        ``"eeg"``, ``"mag"`` or ``"grad"`` for each channel.
    sfreq : float
        Hz.
    average_reference : bool
        Whether recordings are re-referenced to the average of the EEG channels.
    device : torch.device
    """

    ch_names: tuple[str, ...]
    ch_types: tuple[str, ...]
    sfreq: float
    average_reference: bool
    device: torch.device

    def __post_init__(self) -> None:
        other = sorted(set(self.ch_types) - set(SENSOR_TYPES))
        if other:
            raise InputError(f"The lead field has {', '.join(other)} channels; pick EEG and MEG channels first.")
        if self.ch_types.count("eeg") == 1:
            raise InputError(
                "A single EEG channel is zero after average reference; use a lead field with more EEG channels."
            )

    @property
    def types(self) -> tuple[str, ...]:
        """Sensor types present, in the order of `SENSOR_TYPES`."""
        return tuple(kind for kind in SENSOR_TYPES if kind in self.ch_types)

    @cached_property
    def type_of(self) -> torch.Tensor:
        """Index into ``types`` of each channel, shape (n_channels,)."""
        return torch.tensor([self.types.index(kind) for kind in self.ch_types], device=self.device)

    @cached_property
    def _eeg(self) -> torch.Tensor:
        return torch.tensor([float(kind == "eeg") for kind in self.ch_types], device=self.device)

    def channels(self, kind: str) -> torch.Tensor:
        """Return the indices of the channels of one type."""
        return torch.nonzero(self.type_of == self.types.index(kind))[:, 0]

    def only(self, kind: str) -> SensorArray:
        """Return the sensors of one type."""
        names = tuple(name for name, other in zip(self.ch_names, self.ch_types, strict=True) if other == kind)
        return replace(self, ch_names=names, ch_types=(kind,) * len(names))

    def referenced(self, data: torch.Tensor) -> torch.Tensor:
        """Subtract the mean over EEG channels from each of them; channels are the axis -2."""
        if "eeg" not in self.ch_types:
            return data
        mean = (self._eeg / self._eeg.sum()).expand(1, -1) @ data
        return data - self._eeg[:, None] * mean

    def recorded(self, data: torch.Tensor) -> torch.Tensor:
        """Apply the reference of the recording."""
        return self.referenced(data) if self.average_reference else data

    def rms(self, data: torch.Tensor) -> torch.Tensor:
        """Root of the mean power per sensor type after average reference, shape (batch, n_types)."""
        data = self.referenced(data)
        peak = data.abs().amax((1, 2))  # squares of MEG data approach the smallest float32
        peak = torch.where(peak > 0, peak, torch.ones_like(peak))
        power = (data / peak[:, None, None]).square().mean(2)
        members = torch.nn.functional.one_hot(self.type_of, len(self.types)).to(power)
        return peak[:, None] * (power @ members / members.sum(0)).sqrt()

    def rms_of_covariance(self, covariance: np.ndarray) -> np.ndarray:
        """Root of the mean expected power per sensor type after average reference, shape (n_types,)."""
        eeg = self._eeg.cpu().numpy()
        reference = np.eye(len(covariance)) - np.outer(eeg, eeg) / max(eeg.sum(), 1)
        power = np.diag(reference @ covariance @ reference.T)
        types = self.type_of.cpu().numpy()
        return np.sqrt([power[types == index].mean() for index in range(len(self.types))])
