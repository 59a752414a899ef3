"""From a recording to its sources, in one call."""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np
import pandas as pd

from headwater.forward.leadfield import LeadField
from headwater.head.model import Head
from headwater.solvers.base import Solver


@dataclass(frozen=True, eq=False)
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
        Strongest first: ``time_s, x_mm, y_mm, z_mm, frame, region, amplitude, unit``.
    peak_sources : int array of shape (n_peaks,)
        The source of each row of ``peaks``.
    evoked : mne.Evoked
        What was localised: good channels only, projections applied, cropped to the window.
    leadfield : LeadField
    head : Head | None
        None where only a forward solution was given.
    solver : Solver
    noise_cov : mne.Covariance
    assumptions : dict of str to str
        What was taken as given, in words, for the report.
    """

    stc: mne.BaseSourceEstimate
    magnitude: np.ndarray
    unit: str
    peaks: pd.DataFrame
    peak_sources: np.ndarray
    evoked: mne.Evoked
    leadfield: LeadField
    head: Head | None
    solver: Solver
    noise_cov: mne.Covariance
    assumptions: dict[str, str]
