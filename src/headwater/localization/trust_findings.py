"""Measure what a verdict rests on, at the time of the peak."""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np
from scipy.spatial import cKDTree

from headwater.forward.leadfield import LeadField
from headwater.localization.findings import Findings, Fit, Opinion
from headwater.localization.prediction import gain_matrix, predicted
from headwater.localization.prepare import Prepared
from headwater.localization.resolution import resolution_near
from headwater.localization.stability import STRONG, dipole_share, moments_around, signal_power, stable_share
from headwater.localization.trust import Trust, judge
from headwater.localization.trust_signal import MIN_BASELINE, evidence_of_signal
from headwater.solvers import ELORETA, DipoleScan
from headwater.solvers.base import Solver
from headwater.solvers.inputs.whitening import Whitened, whiten
from headwater.solvers.regularization.chosen import chosen

# Time points at which the goodness of fit of a slow solver is computed.
MOST_TIMES = 12
# A source of a grid has neighbours on all six sides, unless it lies at the edge.
NEIGHBOURS = 6
# Of the sources at the edge, those farther from the sensors than this share of them.
FAR = 0.75


@dataclass(frozen=True, eq=False)
class Whitening:
    """Whitened sensors whose noise has a variance of 1 after averaging.

    Attributes
    ----------
    white : Whitened
        Of single trials.
    scale : float
        From whitened single trials to the average.
    """

    white: Whitened
    scale: float

    def data(self, sensors: np.ndarray) -> np.ndarray:
        """Whiten sensor data of the lead field's channels, shape (n_channels, ...)."""
        return np.asarray(self.scale * self.white.whitener @ sensors)

    def sensors(self, whitened: np.ndarray) -> np.ndarray:
        """Undo the whitening of data, shape (rank, ...)."""
        return np.asarray(np.linalg.pinv(self.white.whitener) @ whitened / self.scale)

    @property
    def rank(self) -> int:
        """Number of independent channels."""
        return len(self.white.whitener)


def assess(prepared: Prepared, solver: Solver, magnitude: np.ndarray, peak: tuple[int, int] | None) -> Trust | None:
    """Judge an estimate.

    Parameters
    ----------
    prepared : Prepared
    solver : Solver
        Fitted.
    magnitude : array of shape (n_sources, n_times)
    peak : tuple of int | None
        Source and time point where it is strongest; None for an estimate of zeros, which is not judged.
    """
    if peak is None:
        return None
    findings = find(prepared, solver, magnitude, peak)
    return Trust(judge(findings), findings)


def find(prepared: Prepared, solver: Solver, magnitude: np.ndarray, peak: tuple[int, int]) -> Findings:
    """Measure all findings for the peak at a source and a time point."""
    source, moment = peak
    evoked = prepared.evoked.copy().pick(solver.leadfield_.ch_names)
    sight = whitening(prepared, solver.leadfield_)
    now = evoked.data[:, [moment]]
    eloreta = solver if isinstance(solver, ELORETA) else _eloreta(prepared, moment)
    own_fit = fit_of(solver, sight, evoked.data, evoked.times, moment)
    second = _opinion_of(eloreta, sight, prepared, source, moment)
    scan = DipoleScan().fit(prepared.leadfield, prepared.noise_cov)
    leftover = min(one.unexplained for one in (own_fit, second.fit) if one is not None)
    around = moments_around(np.sum(sight.data(evoked.data) ** 2, axis=0), evoked.times, moment)
    signal, away = sight.data(now)[:, 0], distances_mm(prepared.leadfield, source)
    channel, replaced = most_deviant_replaced(eloreta, prepared, now)
    judged = solver if solver.per_time_point else eloreta
    dipole = _single_dipole(scan, now, away)
    resolution = resolution_near(eloreta, sight.white, signal, sight.scale, source, error=leftover)
    return Findings(
        evidence=evidence_of_signal(prepared),
        snr_db=float(10 * np.log10(max(signal_power(signal) / sight.rank, 1e-3))),
        fit=own_fit,
        eloreta=second,
        dipole=dipole,
        one_dipole_left=unexplained_share(dipole.goodness, float(np.sum(signal**2)), sight.rank),
        stable=stable_share(
            lambda draws: _strength(eloreta, sight.sensors(draws)),
            strong_topography(eloreta, sight, now),
            signal,
            away,
            leftover,
        ),
        steady_mm=float(np.median(away[_strength(eloreta, evoked.data[:, around]).argmax(axis=0)])),
        one_dipole_near=dipole_share(scan.goodness_of_fit(now).ravel(), signal, away, leftover),
        uncertainty_mm=np.inf if resolution is None else resolution.worst_mm,
        moved_mm=_distance_mm(prepared.leadfield, strongest(judged, now), strongest(judged, replaced)),
        channel=channel,
        at_window_edge=magnitude.shape[1] > 2 and moment in (0, magnitude.shape[1] - 1),
        at_brain_edge=at_far_edge(prepared.leadfield, source),
        n_noise=prepared.noise.n_effective,
        rank=sight.rank,
        noise_measured=prepared.noise.measured,
    )


def whitening(prepared: Prepared, leadfield: LeadField) -> Whitening:
    """Whiten, with the noise of the baseline where it is stronger than the noise covariance says."""
    white = whiten(leadfield, prepared.noise_cov)
    whole = prepared.whole
    baseline = whole.copy().pick(leadfield.ch_names).data[:, whole.times < 0]
    scale = np.sqrt(prepared.evoked.nave)
    if prepared.noise.measured and baseline.shape[1] >= MIN_BASELINE:
        scale /= np.sqrt(max(1.0, float(np.mean((scale * white.whitener @ baseline) ** 2))))
    return Whitening(white, float(scale))


def _eloreta(prepared: Prepared, moment: int) -> Solver:
    """Return eLORETA, regularised as the data of one time point make most probable."""
    evoked = prepared.evoked
    time = evoked.times[moment]
    return chosen(ELORETA(lambda2="auto"), prepared.leadfield, prepared.noise_cov, evoked.copy().crop(time, time))


def fit_of(solver: Solver, sight: Whitening, data: np.ndarray, times: np.ndarray, moment: int) -> Fit | None:
    """Return how well currents explain the data; None for maps without unit and for orientations that are not known.

    A solver that estimates each time point separately is asked at most `MOST_TIMES` time points.
    """
    if solver.unit != "Am" or not solver.along_normals:
        return None
    chosen = np.arange(data.shape[1])
    if solver.per_time_point and len(chosen) > MOST_TIMES:
        chosen = np.union1d(np.linspace(0, data.shape[1] - 1, MOST_TIMES - 1).astype(int), [moment])
    here = int(np.flatnonzero(chosen == moment)[0])
    currents = solver.estimate(data[:, chosen])
    modelled = predicted(solver.leadfield_, currents)
    residual = data[:, chosen] - modelled
    total = np.sum(sight.data(data[:, chosen]) ** 2, axis=0)
    left = np.sum(sight.data(residual) ** 2, axis=0)
    goodness = 1 - left / np.maximum(total, np.finfo(float).tiny)
    shape = _shape(sight.data(data[:, moment]), sight.data(modelled[:, here]))
    unexplained = unexplained_share(shape, float(total[here]), sight.rank)
    return Fit(
        times=times[chosen],
        goodness=goodness,
        window=float(1 - left.sum() / total.sum()) if total.sum() > 0 else 0.0,
        peak=float(goodness[here]),
        shape=shape,
        unexplained=unexplained,
        residual=residual[:, here],
    )


def unexplained_share(goodness: float, total: float, rank: int) -> float:
    """Return the share of the power above the noise, which is 1 for each independent channel, that is left over."""
    return float(np.clip((total * (1 - goodness) - rank) / (total - rank), 0, 1)) if total > rank else 0.0


def _shape(data: np.ndarray, predicted: np.ndarray) -> float:
    """Return the squared cosine of two topographies."""
    lengths = float(np.sum(data**2) * np.sum(predicted**2))
    return float(np.sum(data * predicted) ** 2 / lengths) if lengths > 0 else 0.0


def _opinion_of(eloreta: Solver, sight: Whitening, prepared: Prepared, source: int, moment: int) -> Opinion:
    evoked = prepared.evoked.copy().pick(eloreta.leadfield_.ch_names)
    fit = fit_of(eloreta, sight, evoked.data[:, [moment]], evoked.times[[moment]], 0)
    assert fit is not None  # noqa: S101
    strength = _strength(eloreta, evoked.data[:, [moment]])[:, 0]
    found = int(strength.argmax())
    distance_mm = _distance_mm(prepared.leadfield, source, found)
    return Opinion("eLORETA", found, float(strength[found]), distance_mm, fit, fit.peak)


def _single_dipole(scan: DipoleScan, data: np.ndarray, away_mm: np.ndarray) -> Opinion:
    goodness = scan.goodness_of_fit(data)
    found = int(goodness.argmax())
    moment = float(np.linalg.norm(scan.dipoles(data).moments))
    return Opinion("a single dipole", found, moment, float(away_mm[found]), None, float(goodness[found]))


def strong_topography(eloreta: Solver, sight: Whitening, data: np.ndarray) -> np.ndarray:
    """Return what the currents above a share of the strongest make, whitened, shape (rank,)."""
    currents = eloreta.estimate(data)[..., 0]
    strength = np.linalg.norm(currents, axis=1, keepdims=True)
    strong = currents * (strength >= STRONG * strength.max())
    return sight.data(predicted(eloreta.leadfield_, strong[..., np.newaxis])[:, 0])


def _strength(solver: Solver, data: np.ndarray) -> np.ndarray:
    """Return how strong the sources are, shape (n_sources, n), for data of shape (n_channels, n)."""
    return np.asarray(np.linalg.norm(solver.estimate(data), axis=1))


def strongest(solver: Solver, data: np.ndarray) -> int:
    """Return the strongest source for one time point of data, shape (n_channels, 1)."""
    return int(_strength(solver, data)[:, 0].argmax())


def most_deviant_replaced(eloreta: Solver, prepared: Prepared, data: np.ndarray) -> tuple[str, np.ndarray]:
    """Find the channel that deviates most from what the others say of it, and replace its value by that.

    What the others say follows from the influence matrix ``H = G K``: a value that is left out is predicted with the
    error ``r / (1 - H_ii)``.
    """
    leadfield = eloreta.leadfield_
    influence = gain_matrix(leadfield, eloreta.n_orient_) @ eloreta.kernel_  # type: ignore[attr-defined]
    left_out = (data - influence @ data)[:, 0] / np.maximum(1 - np.diag(influence), 1e-6)
    matrix = prepared.noise_cov.copy().pick_channels(leadfield.ch_names, ordered=True, verbose="error").data
    sd = np.sqrt(matrix if matrix.ndim == 1 else np.diag(matrix))
    worst = int(np.argmax(np.abs(left_out) / sd))
    replaced = data.copy()
    replaced[worst] -= left_out[worst]
    return leadfield.ch_names[worst], replaced


def at_far_edge(leadfield: LeadField, source: int) -> bool:
    """Whether a source of a grid lies at its edge, on a side that the sensors do not surround."""
    if not leadfield.is_free_grid:
        return False
    pos = leadfield.pos
    tree = cKDTree(pos)
    spacing = float(np.median(tree.query(pos, k=2)[0][:, 1]))
    n_near = np.array([len(near) for near in tree.query_ball_point(pos, 1.2 * spacing)]) - 1
    edge = n_near < NEIGHBOURS
    if not edge[source]:
        return False
    away = cKDTree(_sensor_positions(leadfield)).query(pos)[0]
    return bool(away[source] > np.quantile(away[edge], FAR))


def _sensor_positions(leadfield: LeadField) -> np.ndarray:
    """Positions of the sensors that have one, in head coordinates."""
    info = leadfield.info
    place = np.array([channel["loc"][:3] for channel in info["chs"]])
    meg = np.isin(leadfield.ch_types, ("mag", "grad"))
    if meg.any() and info["dev_head_t"] is not None:
        place[meg] = mne.transforms.apply_trans(info["dev_head_t"], place[meg])
    return np.asarray(place[np.isfinite(place).all(axis=1)])


def distances_mm(leadfield: LeadField, source: int) -> np.ndarray:
    """Return the distance from one source to each, shape (n_sources,)."""
    return np.asarray(1e3 * np.linalg.norm(leadfield.pos - leadfield.pos[source], axis=1))


def _distance_mm(leadfield: LeadField, one: int, other: int) -> float:
    return float(1e3 * np.linalg.norm(leadfield.pos[one] - leadfield.pos[other]))
