"""Fit a calibration to records of calibration heads."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import torch

from headwater.localization.peak_regions import LEVEL
from headwater.solvers.posterior.calibration import Calibration, terms
from headwater.solvers.posterior.features import Features

Record = dict[str, np.ndarray]

HALF = NormalDist().inv_cdf((1 + LEVEL) / 2)
STRONG = 0.1  # of the largest estimate
N_TERMS = (1, 2, 4, 7)  # constant, by kind of sensors, linear, quadratic
N_COMPONENTS = 300  # of each kind and recording
N_CLASSES = 3  # of recordings, of equal size
STEPS, RATE = 400, 0.05
TINY = 1e-12  # of the largest estimate: errors below it are zero


def calibrate(
    calibration: Sequence[Record], validation: Sequence[Record], heads: tuple[int, ...], command: str
) -> Calibration:
    """Fit with few and with many terms to the calibration heads; the validation head decides between them."""
    fitted = [fit(calibration, n_terms, heads, command) for n_terms in N_TERMS]
    return min(fitted, key=lambda one: misfit(one, validation))


def fit(records: Sequence[Record], n_terms: int, heads: tuple[int, ...], command: str) -> Calibration:
    """Fit widths by quantile regression, and radii by split conformal prediction."""
    temperature, share, floor = _fit_widths(records, n_terms)
    snr = np.array([float(one["snr_db"]) for one in records])
    diffuse = np.array([float(one["diffuse_db"]) for one in records])
    limits = np.quantile(diffuse, np.arange(1, N_CLASSES) / N_CLASSES)
    first = np.array([float(one["peak_error_mm"][0] - one["radius_mm"][0]) for one in records])
    others = np.concatenate([one["peak_error_mm"][1:] - one["radius_mm"][1:] for one in records])
    kind = np.searchsorted(limits, diffuse)
    return Calibration(
        temperature=temperature,
        share=share,
        floor=floor,
        snr_db=(snr.min(), snr.max()),
        diffuse_db=(diffuse.min(), diffuse.max()),
        limits_db=tuple(limits),
        added_mm=tuple(conformal(first[kind == one]) for one in range(N_CLASSES)),
        added_others_mm=conformal(others),
        n_recordings=len(records),
        heads=heads,
        command=command,
    )


def conformal(scores: np.ndarray) -> float:
    """Return the bound that a further score exceeds with a probability of at most 10 %: the (n + 1) 0.9-th smallest."""
    rank = int(np.ceil((len(scores) + 1) * LEVEL))
    return float(np.sort(scores)[min(rank, len(scores)) - 1])


def widened(record: Record, calibration: Calibration) -> np.ndarray:
    """Return the corrected standard deviation of each component, shape (n_sources, n_orient)."""
    widths = calibration.widths(features_of(record))
    length = record["length"].astype(float)
    added = np.hypot(widths.share * length, widths.floor * length.max())
    return np.hypot(widths.temperature * record["sd"], added[:, np.newaxis])


def features_of(record: Record) -> Features:
    """Return the features of a recording."""
    snr_db, diffuse_db = (np.atleast_1d(record[name]).astype(float) for name in ("snr_db", "diffuse_db"))
    return Features(snr_db, diffuse_db, float(record["meg"]))


def strong(record: Record) -> np.ndarray:
    """Whether each source is estimated with at least a tenth of the largest current."""
    return record["length"] >= STRONG * record["length"].max()


def misfit(calibration: Calibration, records: Sequence[Record]) -> float:
    """Return the deviation from the nominal coverage of all and of strong components, averaged over classes."""
    kinds = np.searchsorted(calibration.limits_db, [float(one["diffuse_db"]) for one in records])
    deviations = []
    for kind in np.unique(kinds):
        some = [one for one, other in zip(records, kinds, strict=True) if other == kind]
        held = [(one["error"] <= HALF * widened(one, calibration), strong(one)) for one in some]
        deviations.append(abs(np.mean([inside.mean() for inside, _ in held]) - LEVEL))
        deviations.append(abs(np.mean([inside[chosen].mean() for inside, chosen in held]) - LEVEL))
    return float(np.mean(deviations))


def _fit_widths(records: Sequence[Record], n_terms: int) -> tuple[tuple[float, ...], ...]:
    """Minimise the quantile loss of ``log |error|``, all components and strong ones weighing the same."""
    parts = [_components(one, seed) for seed, one in enumerate(records)]
    error, sd, length = (torch.from_numpy(np.concatenate([part[k] for part in parts])) for k in range(3))
    weight = torch.from_numpy(np.concatenate([part[3] for part in parts]))
    features = np.stack([terms(features_of(one))[:n_terms, 0] for one in records])
    design = torch.from_numpy(np.repeat(features, [len(part[0]) for part in parts], axis=0))
    coefficients = torch.zeros(3, n_terms, dtype=torch.float64)
    coefficients[:, 0] = torch.tensor([0.0, -1.0, -3.0])
    coefficients.requires_grad_()
    optimizer = torch.optim.Adam([coefficients], RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        temperature, share, floor = (design @ coefficients.T).exp().unbind(1)
        variance = (temperature * sd).square() + (share * length).square() + floor.square()
        excess = error.log() - np.log(HALF) - 0.5 * variance.log()
        loss = (weight * torch.maximum(LEVEL * excess, (LEVEL - 1) * excess)).sum() / weight.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    temperature, share, floor = (tuple(float(value) for value in row) for row in coefficients.detach())
    return temperature, share, floor


def _components(record: Record, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Error, sd and length relative to the largest estimate, and weight of some components."""
    rng, n_orient = np.random.default_rng(seed), record["error"].shape[1]
    largest = float(record["length"].max())
    kinds = [np.arange(record["error"].size), np.flatnonzero(np.repeat(strong(record), n_orient))]
    chosen = [rng.choice(one, min(N_COMPONENTS, len(one)), replace=False) for one in kinds]
    rows = np.concatenate(chosen)
    error = np.maximum(record["error"].ravel()[rows].astype(float) / largest, TINY)
    sd = record["sd"].ravel()[rows].astype(float) / largest
    length = np.repeat(record["length"], n_orient)[rows].astype(float) / largest
    return error, sd, length, np.concatenate([np.full(len(one), 1.0 / len(one)) for one in chosen])
