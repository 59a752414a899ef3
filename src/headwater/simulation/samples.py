"""Simulated recordings and their ground truth."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self, TypeVar

import mne
import torch

from headwater._utils.errors import InputError
from headwater.forward.estimate import source_estimate
from headwater.forward.leadfield import LeadField
from headwater.simulation.currents import Currents

Inst = TypeVar("Inst", mne.Evoked, mne.Epochs)


@dataclass(frozen=True, eq=False)
class Truth:
    """Ground truth of each sample, as it was drawn.

    Attributes
    ----------
    centers : long tensor of shape (batch, n_components)
        Source at the centre of each component; -1 where a sample has fewer components.
    amplitude : float tensor of shape (batch, n_components)
        A m; 0 where absent.
    extent_mm : float tensor of shape (batch, n_components)
        As the spatial pattern defines extent; 0 where absent.
    orientation : float tensor of shape (batch, n_components, 3)
        Direction of the current at the centre, head coordinates.
    snr_db : float tensor of shape (batch, n_sensor_types)
        As `headwater.simulation.noise` defines it; sensor types in the order EEG, magnetometers, gradiometers.
    noise_rms : float tensor of shape (batch, n_sensor_types)
        Noise level: root of the expected noise power ``P_noise`` of the SNR; V, T or T/m. 0 without noise, NaN for
        samples written without it by an earlier version.
    """

    centers: torch.Tensor
    amplitude: torch.Tensor
    extent_mm: torch.Tensor
    orientation: torch.Tensor
    snr_db: torch.Tensor
    noise_rms: torch.Tensor

    @property
    def n_sources(self) -> torch.Tensor:
        """Number of components of each sample, shape (batch,)."""
        return (self.centers >= 0).sum(1)

    def __getitem__(self, samples: slice) -> Self:
        return type(self)(*(getattr(self, one.name)[samples] for one in fields(self)))

    @classmethod
    def concatenate(cls, parts: list[Self]) -> Self:
        """Concatenate batches."""
        return cls(*(torch.cat([getattr(part, one.name) for part in parts]) for one in fields(cls)))


@dataclass(frozen=True, eq=False)
class Samples:
    """A batch of simulated recordings: ``y = L x + noise``.

    Attributes
    ----------
    y : float tensor of shape (batch, n_channels, n_times)
        V, T or T/m; EEG re-referenced to its average if the preset asks for it.
    currents : Currents
        Source currents, sparse for sparse presets; ``x`` is their dense form.
    truth : Truth
    sfreq : float
        Hz.

    Examples
    --------
    >>> import headwater as hw
    >>> head = hw.template_head()
    >>> leadfield = hw.make_leadfield(head, hw.montage_info(head, "biosemi16"), spacing=30.0, method="sphere")
    >>> samples = hw.simulate(leadfield, hw.presets.PIUNET, n=2)
    >>> tuple(samples.y.shape), tuple(samples.x.shape)  # V; A m
    ((2, 16, 1), (2, 73, 3, 1))
    """

    y: torch.Tensor
    currents: Currents
    truth: Truth
    sfreq: float

    def __len__(self) -> int:
        return len(self.y)

    @property
    def x(self) -> torch.Tensor:
        """Source currents in A m, dense, shape (batch, n_sources, n_orient, n_times)."""
        return self.currents.dense()

    @property
    def noise_level(self) -> torch.Tensor:
        """Root mean square of the noise of each sample, in V (T, T/m), shape (batch,).

        1 for samples without noise, and for several sensor types, whose noise no single number describes.
        """
        rms = self.truth.noise_rms.double()
        if rms.isnan().any():
            raise InputError("An earlier version wrote these samples without their noise level; simulate them again.")
        if rms.shape[1] != 1:
            return torch.ones_like(rms[:, 0])
        return torch.where(rms > 0, rms, 1.0)[:, 0]

    @property
    def coefficients(self) -> torch.Tensor:
        """Activity of each source, in [0, 1], shape (batch, n_sources).

        For patches: the sum of a source's coefficients, at most 1 (the training target of Buda et al., section II-B).
        For patterns that reach every source: the length of the current relative to the largest in the sample.
        """
        x = self.currents
        if x.patches is not None:
            return x.patches.summed().clamp(max=1)
        length: torch.Tensor = x.dense().flatten(2).norm(dim=2)
        largest = length.amax(1, keepdim=True)
        return length / largest.clamp(min=torch.finfo(length.dtype).tiny)

    def __getitem__(self, samples: slice) -> Self:
        """Return consecutive samples."""
        return type(self)(self.y[samples], self.currents[samples], self.truth[samples], self.sfreq)

    @classmethod
    def concatenate(cls, parts: list[Self]) -> Self:
        """Concatenate batches."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            torch.cat([part.y for part in parts]),
            type(parts[0].currents).concatenate([part.currents for part in parts]),
            Truth.concatenate([part.truth for part in parts]),
            parts[0].sfreq,
        )

    def to_mne(self, leadfield: LeadField, sample: int) -> tuple[mne.Evoked, mne.BaseSourceEstimate]:
        """Return one sample as an evoked response and its source currents.

        Parameters
        ----------
        leadfield : LeadField
            The lead field used for the simulation.
        sample : int

        Returns
        -------
        evoked : mne.EvokedArray
            EEG with an average-reference projector, which MNE-Python's inverse solvers require.
        stc : mne.SourceEstimate | mne.VolSourceEstimate | mne.MixedSourceEstimate | their Vector classes
            In A m; vectors where the orientation is free.
        """
        one = self[sample : sample + 1]
        evoked = mne.EvokedArray(one.y[0].double().cpu().numpy(), self._info(leadfield), comment="simulated")
        x = one.x[0].double().cpu().numpy()
        pick_ori = "vector" if leadfield.n_orient == 3 else None
        stc = source_estimate(x, leadfield, tmin=0.0, tstep=1 / self.sfreq, pick_ori=pick_ori)
        return _with_reference(evoked), stc

    def to_epochs(self, leadfield: LeadField) -> mne.EpochsArray:
        """Return each sample as one epoch."""
        data = self.y.double().cpu().numpy()
        return _with_reference(mne.EpochsArray(data, self._info(leadfield), proj=False, verbose="error"))

    def _info(self, leadfield: LeadField) -> mne.Info:
        """Return the lead field's channels at the sampling rate of the samples."""
        if leadfield.gain.shape[0] != self.y.shape[1]:
            raise InputError(
                f"The samples have {self.y.shape[1]} channels and the lead field {leadfield.gain.shape[0]}; "
                "give the lead field they were simulated with."
            )
        info = leadfield.info.copy()
        with info._unlock():  # noqa: SLF001 - MNE-Python has no public way to change the rate of an Info
            info["sfreq"] = float(self.sfreq)
            info["lowpass"] = self.sfreq / 2
        return info


def _with_reference(inst: Inst) -> Inst:
    """Add an average-reference projector, not applied, if there are EEG channels."""
    if "eeg" in inst.info.get_channel_types():
        inst.set_eeg_reference("average", projection=True, verbose="error")
    return inst
