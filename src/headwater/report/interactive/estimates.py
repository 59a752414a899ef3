"""Estimates that the page shows, with what they predict at the sensors: the solver's, and eLORETA's beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.localization import Localization
from headwater.localization.prediction import predicted
from headwater.solvers import ELORETA
from headwater.solvers.base import Solver
from headwater.solvers.inputs.whitening import whiten
from headwater.solvers.regularization.chosen import chosen

TOTAL_WITHIN = 0.02  # m; sources this near to a peak make its total moment


@dataclass(frozen=True, eq=False)
class ShownEstimate:
    """One estimate at the frames of a page.

    Attributes
    ----------
    title : str
    unit : str
    magnitude : array of shape (n_sources, n_frames)
        In ``unit``.
    modelled : array of shape (n_channels, n_frames) | None
        What it predicts at the channels of the localisation's lead field; None for maps without unit.
    goodness : array of shape (n_frames,) | None
        Share of the whitened power that it explains at each frame.
    total : array of shape (n_peaks,) | None
        For each peak of the localisation, the length of the vector sum of all currents within 2 cm of it, in nAm.
    """

    title: str
    unit: str
    magnitude: np.ndarray
    modelled: np.ndarray | None
    goodness: np.ndarray | None
    total: np.ndarray | None


def shown_estimates(localization: Localization, frames: np.ndarray, peak: int) -> list[ShownEstimate]:
    """Return the solver's estimate and eLORETA's, regularised as for the time index ``peak``."""
    own = _shown(localization, localization.solver, frames, localization.magnitude[:, frames])
    if isinstance(localization.solver, ELORETA):
        return [own]
    time = localization.evoked.times[peak]
    moment = localization.evoked.copy().crop(time, time)
    eloreta = chosen(ELORETA(lambda2="auto"), localization.leadfield, localization.noise_cov, moment)
    return [own, _shown(localization, eloreta, frames, None)]


def _shown(
    localization: Localization, solver: Solver, frames: np.ndarray, magnitude: np.ndarray | None
) -> ShownEstimate:
    """Estimate again, because the localisation keeps magnitudes only."""
    if solver.unit != "Am" or not solver.along_normals:
        assert magnitude is not None
        return ShownEstimate(solver.title, localization.unit, magnitude, None, None, None)
    data = localization.evoked.get_data(picks=solver.leadfield_.ch_names)
    currents = solver.estimate(data[:, frames]) if solver.per_time_point else solver.estimate(data)[..., frames]
    modelled = predicted(solver.leadfield_, currents)
    white = whiten(solver.leadfield_, localization.noise_cov).whitener
    left, power = (np.sum((white @ one) ** 2, axis=0) for one in (data[:, frames] - modelled, data[:, frames]))
    goodness = 1 - left / np.maximum(power, np.finfo(float).tiny)
    if magnitude is None:
        magnitude = 1e9 * np.linalg.norm(currents, axis=1)
    unit = localization.unit if solver is localization.solver else "nAm"
    total = _totals(localization, solver, currents, frames)
    return ShownEstimate(solver.title, unit, magnitude, _in_order(localization, solver, modelled), goodness, total)


def _in_order(localization: Localization, solver: Solver, modelled: np.ndarray) -> np.ndarray:
    """Return what is modelled for every channel of the recording; NaN for those that the solver leaves out."""
    full = np.full((len(localization.evoked.ch_names), modelled.shape[1]), np.nan)
    full[[localization.evoked.ch_names.index(name) for name in solver.leadfield_.ch_names]] = modelled
    return full


def _totals(localization: Localization, solver: Solver, currents: np.ndarray, frames: np.ndarray) -> np.ndarray:
    pos, normals = localization.leadfield.pos, solver.leadfield_.normals
    totals = []
    for source, time_s in zip(localization.peak_sources, localization.peaks["time_s"], strict=True):
        frame = int(np.abs(localization.evoked.times[frames] - time_s).argmin())
        near = np.linalg.norm(pos - pos[source], axis=1) <= TOTAL_WITHIN
        vectors = currents[near, :, frame]
        vectors = vectors * normals[near] if vectors.shape[1] == 1 else vectors
        totals.append(1e9 * float(np.linalg.norm(vectors.sum(axis=0))))
    return np.array(totals)
