"""How sure an estimate is of its peaks: from samples of its posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from headwater.localization.peak_regions import LEVEL, PeakRegion, RegionActivity, active_regions, peak_region, scatter
from headwater.localization.prepare import Prepared
from headwater.solvers.base import Solver
from headwater.solvers.inputs.whitening import whiten
from headwater.solvers.posterior.calibrated import CalibratedPosterior
from headwater.solvers.posterior.contract import Posterior
from headwater.solvers.posterior.features import features_of

N_SAMPLES = 200
RADIUS, VOLUME = "radius_mm_90", "volume_cm3_90"


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """What samples of the posterior say of the peaks.

    Attributes
    ----------
    peaks : list of PeakRegion
        For each peak, the ball around it that holds the places where the net current of 90 % of the samples is
        strongest, see `headwater.localization.peak_regions`; for a calibrated solver, the ball that held the true peak
        in 90 % of the simulated recordings.
    regions : dict of str to RegionActivity
        Activity of each region of the atlas at the time of the first peak, the most active first. A region is active if
        the net current somewhere in it is at least half of the strongest.
    n_calibration : int
        Simulated recordings by which regions and intervals were calibrated; 0 if they were not.
    channels : array of shape (n_channels,)
        For each channel of the solver's lead field, the share of the current at the first peak that would be lost
        without it.
    """

    peaks: list[PeakRegion]
    regions: dict[str, RegionActivity]
    channels: np.ndarray
    n_calibration: int

    def add_to(self, peaks: pd.DataFrame) -> pd.DataFrame:
        """Return the table of peaks with a radius and a volume for each."""
        volumes = [one.volume_cm3 for one in self.peaks]
        return peaks.assign(**{RADIUS: [one.radius_mm for one in self.peaks], VOLUME: volumes})

    def as_dict(self) -> dict[str, object]:
        """Numbers for `headwater.json`."""
        return {
            "level": LEVEL,
            "n_calibration": self.n_calibration,
            "peaks": [
                {RADIUS: round(one.radius_mm, 1), VOLUME: None if one.volume_cm3 is None else round(one.volume_cm3, 1)}
                for one in self.peaks
            ],
            "probability_active": {
                name: round(one.probability, 3) for name, one in self.regions.items() if one.probability > 0
            },
        }


def posterior_at(solver: Solver, data: np.ndarray, times: np.ndarray) -> Posterior:
    """Return the posterior at some time points, computing no others where the solver does not need them."""
    return solver.posterior(data[:, times]) if solver.per_time_point else solver.posterior(data).at(times)


def uncertainty(prepared: Prepared, solver: Solver, sources: np.ndarray, times: np.ndarray) -> Uncertainty | None:
    """Draw from the posterior at the times of the peaks.

    Parameters
    ----------
    prepared : Prepared
    solver : Solver
        Fitted, with parameters chosen from this recording.
    sources, times : int array of shape (n_peaks,)
        Source and time index of each peak.

    Returns
    -------
    uncertainty : Uncertainty | None
        None for solvers without a posterior, and without peaks.
    """
    if not solver.has_posterior or not len(sources):
        return None
    leadfield, evoked = solver.leadfield_, prepared.evoked
    data = evoked.get_data(picks=leadfield.ch_names)
    moments, place = np.unique(times, return_inverse=True)
    posterior = posterior_at(solver, data, moments)
    features = features_of(whiten(leadfield, prepared.noise_cov), data[:, moments], evoked.nave)
    calibration = solver.posterior_calibration()
    regions: dict[int, PeakRegion] = {}
    for index in range(len(moments)):
        samples = posterior.at(np.array([index])).sample(N_SAMPLES)[..., 0]
        for peak in np.flatnonzero(place == index):
            radius_mm = float(np.quantile(scatter(samples, leadfield, int(sources[peak])), LEVEL))
            if calibration is not None:
                radius_mm = calibration.radius_mm(radius_mm, features.diffuse_db[index], strongest=peak == 0)
            regions[int(peak)] = peak_region(radius_mm, leadfield, int(sources[peak]))
    if calibration is not None:
        posterior = CalibratedPosterior(posterior, calibration.widths(features))
    first = posterior.at(place[:1])
    return Uncertainty(
        peaks=[regions[peak] for peak in range(len(sources))],
        regions=active_regions(first.sample(N_SAMPLES)[..., 0], leadfield),
        channels=first.explain_channels(int(sources[0])),
        n_calibration=0 if calibration is None else calibration.n_recordings,
    )
