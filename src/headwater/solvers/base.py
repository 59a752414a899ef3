"""The contract every inverse method fulfils."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import ClassVar, Self

import mne
import numpy as np

from headwater._utils.errors import InputError
from headwater.forward.estimate import source_estimate
from headwater.forward.leadfield import LeadField
from headwater.solvers.inputs.recording import check_recording, segments


class Solver(ABC):
    """Estimate source currents from sensor data.

    Hyper-parameters are keyword arguments of the constructor and are stored untouched; what ``fit`` learns ends in
    ``_``. Final classes implement ``fit`` and ``estimate``; ``apply`` is written once, here.

    Attributes
    ----------
    unit : str
        Of the estimate: ``"Am"``, or ``"F"`` where it is divided by its noise and has no dimension.
    scales_with_nave : bool
        Whether the noise covariance is that of single trials and the estimate of an average therefore grows with the
        square root of their number.
    learnt : bool
        Whether it has learnt from simulations what sources look like.
    along_normals : bool
        Whether an estimate with one orientation per source is along ``leadfield_.normals``.
    leadfield_ : LeadField
        What ``fit`` was given, without bad channels; its ``info`` holds the projections the solver takes into account.
        Every ``fit`` sets it.
    """

    unit: ClassVar[str] = "Am"
    scales_with_nave: ClassVar[bool] = False
    learnt: ClassVar[bool] = False
    along_normals: ClassVar[bool] = True
    leadfield_: LeadField

    @abstractmethod
    def fit(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> Self:
        """Prepare the solver for one lead field and one noise covariance.

        Parameters
        ----------
        leadfield : LeadField
            Its bad channels are left out, its projections honoured.
        noise_cov : mne.Covariance | array of shape (n_channels, n_channels) | None
            Of single trials, in squared units of the channels. The bad channels and the projections of a
            :class:`mne.Covariance` are honoured. None: the same noise on every channel, for one type of sensors.
        """

    @abstractmethod
    def estimate(self, data: np.ndarray) -> np.ndarray:
        """Turn data into currents.

        Parameters
        ----------
        data : array of shape (..., n_channels, n_times)
            Of the channels ``leadfield_.ch_names``, in V, T and T/m; float32 or float64.

        Returns
        -------
        currents : array of shape (..., n_sources, n_orient, n_times)
            In ``unit`` and in the precision of the data. With ``n_orient == 3`` along the axes of head coordinates.
        """

    def apply(
        self, inst: mne.Evoked | mne.BaseEpochs | mne.io.BaseRaw, *, pick_ori: str | None = None
    ) -> mne.BaseSourceEstimate | list[mne.BaseSourceEstimate]:
        """Estimate the sources of a recording, as MNE-Python's classes for this source space.

        Parameters
        ----------
        inst : mne.Evoked | mne.Epochs | mne.io.Raw
            The channels are found by name; those the solver does not know are left aside.
        pick_ori : None | "normal" | "vector"
            None: length of the source vectors, or the signed amplitude of fixed sources. "normal": signed amplitude
            along the cortical normal. "vector": all three components.

        Returns
        -------
        stc : mne.SourceEstimate | mne.VolSourceEstimate | mne.MixedSourceEstimate | their Vector classes | list of them
            A list, one per epoch, for epochs.
        """
        leadfield = fitted_leadfield(self)
        check_recording(inst, leadfield)
        scale = np.sqrt(inst.nave) if self.scales_with_nave and isinstance(inst, mne.Evoked) else 1.0
        estimates = [
            source_estimate(
                self.estimate(scale * data),
                leadfield,
                tmin=float(inst.times[0]),
                tstep=1.0 / inst.info["sfreq"],
                pick_ori=pick_ori,
                along_normals=self.along_normals,
            )
            for data in segments(inst, leadfield.ch_names)
        ]
        return estimates if isinstance(inst, mne.BaseEpochs) else estimates[0]

    def __repr__(self) -> str:
        names = inspect.signature(type(self).__init__).parameters
        return f"{type(self).__name__}({', '.join(f'{n}={getattr(self, n)!r}' for n in names if n != 'self')})"


def fitted_leadfield(solver: Solver) -> LeadField:
    """Return the lead field of a fitted solver; refuse one that is not."""
    if "leadfield_" not in vars(solver):
        raise InputError(f"{type(solver).__name__} has not been fitted yet; call fit(leadfield, noise_cov) first.")
    return solver.leadfield_


def check_data(data: np.ndarray, solver: Solver) -> np.ndarray:
    """Return sensor data as float32 or float64; refuse what the fitted solver cannot take."""
    n_channels = fitted_leadfield(solver).n_channels
    data = np.asarray(data)
    if data.dtype not in (np.float32, np.float64):
        if data.dtype.kind not in "iuf":
            raise InputError(f"The data are of type {data.dtype}; give real numbers.")
        data = data.astype(np.float64)
    if data.ndim < 2 or data.shape[-2] != n_channels:
        raise InputError(
            f"The data have shape {data.shape}, but the solver was fitted on {n_channels} channels and takes "
            f"(..., {n_channels}, n_times); pick the channels leadfield_.ch_names."
        )
    if not np.isfinite(data).all():
        raise InputError("The data have values that are NaN or infinite; mark those channels as bad or crop them out.")
    return data
