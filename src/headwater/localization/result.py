"""What one localisation has found, and everything it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import mne
import numpy as np
import pandas as pd

import headwater
from headwater.forward.estimate import source_estimate
from headwater.forward.leadfield import LeadField
from headwater.head.model import Head
from headwater.localization.trust import Trust
from headwater.localization.uncertainty import Uncertainty
from headwater.solvers.base import Solver
from headwater.solvers.inputs.whitening import whiten
from headwater.solvers.posterior.contract import Posterior

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class Localization:
    """Everything one localisation gave and rests on.

    Attributes
    ----------
    stc : mne.BaseSourceEstimate
        The estimate, in the class that MNE-Python uses for this source space.
    magnitude : array of shape (n_sources, n_times)
        Length of the source vectors (or absolute value), in ``unit``.
    unit : str
        ``"nAm"``, ``"F"`` (dSPM, sLORETA, eLORETA are dimensionless) ...
    peaks : pandas.DataFrame
        Strongest first: ``time_s, x_mm, y_mm, z_mm, frame, region, amplitude, unit``, and for solvers with a posterior
        ``radius_mm_90, volume_cm3_90``: the ball that holds the source behind the peak with a probability of 90 %.
    peak_sources : int array of shape (n_peaks,)
        The source of each row of ``peaks``.
    evoked : mne.Evoked
        What was localised: good channels only, projections applied, cropped to the window.
    whole : mne.Evoked
        The same before it was cropped, with the baseline where there is one.
    leadfield : LeadField
    head : Head | None
        None where only a forward solution was given.
    solver : Solver
    noise_cov : mne.Covariance
    assumptions : dict of str to str
        What was taken as given, in words, for the report.
    trust : Trust | None
        Whether the answer can be trusted, and why; None for an estimate of zeros, and where the assessment failed.
    eloreta : pandas.DataFrame
        Where eLORETA's estimate is strongest at the time of the first peak, in nAm: a row like those of ``peaks``; none
        for an estimate of zeros.
    uncertainty : Uncertainty | None
        Regions around the peaks, active regions of the atlas and what each channel contributes; None for solvers
        without a posterior.
    not_judged : str
        Why trust or uncertainty could not be assessed, where something failed.

    Examples
    --------
    >>> import headwater as hw
    >>> found = hw.analyze("my-ave.fif")  # doctest: +SKIP
    >>> found.peaks, found.trust.verdict.status  # doctest: +SKIP
    """

    stc: mne.BaseSourceEstimate
    magnitude: np.ndarray
    unit: str
    peaks: pd.DataFrame
    peak_sources: np.ndarray
    evoked: mne.Evoked
    whole: mne.Evoked
    leadfield: LeadField
    head: Head | None
    solver: Solver
    noise_cov: mne.Covariance
    assumptions: dict[str, str]
    trust: Trust | None
    eloreta: pd.DataFrame
    uncertainty: Uncertainty | None = None
    not_judged: str = ""

    @cached_property
    def posterior(self) -> Posterior | None:
        """Distribution of the currents at all time points, calibrated where the solver is; None without a posterior."""
        if not self.solver.has_posterior:
            return None
        leadfield = self.solver.leadfield_
        data = self.evoked.get_data(picks=leadfield.ch_names)
        posterior, calibration = self.solver.posterior(data), self.solver.posterior_calibration()
        if calibration is None:
            return posterior
        return calibration.calibrated(posterior, whiten(leadfield, self.noise_cov), data, self.evoked.nave)

    @cached_property
    def sd(self) -> mne.BaseSourceEstimate | None:
        """Posterior standard deviation as a source estimate, in A m; None for solvers without a posterior.

        For a vector estimate that of each component, else that of the vector: the square root of the sum over its
        components.
        """
        if self.posterior is None:
            return None
        found = source_estimate(
            self.posterior.sd,
            self.solver.leadfield_,
            tmin=float(self.evoked.times[0]),
            tstep=1.0 / self.evoked.info["sfreq"],
            pick_ori="vector" if self.stc.data.ndim == 3 else None,
        )
        found.data = np.abs(found.data)  # the normals of fixed sources have signs
        return found

    def plot(self, time: float | None = None) -> Figure:
        """Draw the estimate on a glass brain at one time point, in s; None: that of the strongest peak."""
        figure: Figure = headwater.plot_localization(self, time)
        return figure

    def view(self, *, height: int = 900) -> object:
        """Show the interactive report in a notebook; see :func:`headwater.view_localization`."""
        return headwater.view_localization(self, height=height)

    def save(self, out: Path | str, *, overwrite: bool = False) -> Path:
        """Write the estimate, the peaks and the report into a folder; see :func:`headwater.write_results`."""
        folder: Path = headwater.write_results(self, out, overwrite=overwrite)
        return folder

    def __repr__(self) -> str:
        parts = [f"{type(self.solver).__name__} of {len(self.evoked.ch_names)} channels", f"{len(self.peaks)} peaks"]
        if len(self.peaks):
            peak = self.peaks.iloc[0]
            x, y, z = (f"{peak[f'{axis}_mm']:.0f}" for axis in "xyz")
            place = f"{peak['region'] or 'no named region'} ({x}, {y}, {z}) mm"
            parts.append(f"strongest {peak['amplitude']:.3g} {peak['unit']} at {1e3 * peak['time_s']:.0f} ms, {place}")
        status = [] if self.trust is None else [self.trust.verdict.status.value]
        return f"<Localization | {', '.join([*status, *parts])}>"

    def _repr_html_(self) -> str:
        """Return the peaks and the assumptions as tables, for notebooks."""
        assumptions = pd.Series(self.assumptions, name="").to_frame().to_html(header=False)
        peaks = self.peaks.to_html(index=False, float_format="%.3g")
        return f"<p>{escape(repr(self))}</p>{peaks}<details><summary>What was assumed</summary>{assumptions}</details>"
