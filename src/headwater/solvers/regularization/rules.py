"""Rules that choose the regularisation of the minimum-norm family from the data alone, without any truth.

With whitened data ``z`` and the influence matrix ``H`` (what the estimated currents explain of the data, ``G x = H z``)
the residual is ``r = (I - H) z``, and the size of the currents under the prior ``x' R^-1 x = z' H r / lambda2``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import mne
import numpy as np

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers.base import Solver
from headwater.solvers.inputs.whitening import whiten
from headwater.solvers.linear.kernel import LinearSolver
from headwater.solvers.minimum_norm import DSPM, SLORETA, MinimumNorm


@dataclass(frozen=True)
class Balance:
    """How one ``lambda2`` divides data between sources and noise.

    Attributes
    ----------
    lambda2 : float
    residual : float
        ``|r|^2``, mean over channels and columns of the whitened data.
    size : float
        ``x' R^-1 x``, mean over columns.
    freedom : float
        ``tr(I - H)`` per channel: the share of the data's dimensions left to the noise.
    """

    lambda2: float
    residual: float
    size: float
    freedom: float


class Rule(ABC):
    """Choose ``lambda2`` of the minimum-norm family and of eLORETA.

    dSPM and sLORETA take that of the currents they standardise.

    Attributes
    ----------
    higher_is_better : bool
    """

    higher_is_better: ClassVar[bool] = False

    @abstractmethod
    def judge(self, balances: list[Balance]) -> np.ndarray:
        """Return the score of each ``lambda2``; NaN where there is none."""


@dataclass(frozen=True)
class GCV(Rule):
    """Generalised cross-validation (Golub, Heath & Wahba 1979): least ``|r|^2 / tr(I - H)^2``."""

    def judge(self, balances: list[Balance]) -> np.ndarray:
        """Return the predicted error of a left-out channel."""
        return np.array([one.residual / one.freedom**2 if one.freedom > 0 else np.nan for one in balances])


@dataclass(frozen=True)
class Discrepancy(Rule):
    """Discrepancy principle (Morozov 1966): a residual as large as the noise.

    Parameters
    ----------
    tau : float
        Power of the residual per channel that is aimed at, in units of the noise's; the noise covariance must have the
        right size.
    """

    tau: float = 1.0

    def judge(self, balances: list[Balance]) -> np.ndarray:
        """Return ``|log(|r|^2 / tau)|``."""
        return np.array([abs(np.log(one.residual / self.tau)) if one.residual > 0 else np.nan for one in balances])


@dataclass(frozen=True)
class LCurve(Rule):
    """L-curve (Hansen 1992): the sharpest corner of ``log x' R^-1 x`` drawn over ``log |r|^2``.

    The ends of the grid have no curvature; it takes at least three values and is as fine as they are:
    ``grid={"lambda2": np.logspace(-4, 1, 21)}``.
    """

    higher_is_better: ClassVar[bool] = True

    def judge(self, balances: list[Balance]) -> np.ndarray:
        """Return the curvature, positive at a corner that points to the origin."""
        if len({one.lambda2 for one in balances}) < max(3, len(balances)):
            raise InputError("The L-curve needs at least three values of lambda2, each once, and no other parameter.")
        if any(min(one.lambda2, one.residual, one.size) <= 0 for one in balances):
            raise InputError("The L-curve has no point for lambda2 = 0 or data of zeros; leave them out.")
        order = np.argsort([one.lambda2 for one in balances])
        along, x, y = np.log([[b.lambda2, b.residual, b.size] for b in (balances[k] for k in order)]).T
        dx, dy = np.gradient(x, along), np.gradient(y, along)
        curvature = np.full(len(balances), np.nan)
        bend = dx * np.gradient(dy, along) - dy * np.gradient(dx, along)
        curvature[order] = bend / (dx**2 + dy**2) ** 1.5
        curvature[order[[0, -1]]] = np.nan
        return curvature


def balance(
    solver: Solver, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None, data: np.ndarray
) -> Balance:
    """Weigh one ``lambda2``.

    Parameters
    ----------
    solver : Solver
        Fitted on ``leadfield`` and ``noise_cov``.
    leadfield : LeadField
    noise_cov : mne.Covariance | array | None
    data : array of shape (batch, n_channels, n_times)
        Of the solver's channels.
    """
    if isinstance(solver, DSPM | SLORETA):
        solver = MinimumNorm(lambda2=solver.lambda2, loose=solver.loose, depth=solver.depth, rank=solver.rank)
        solver.fit(leadfield, noise_cov)
    if not isinstance(solver, LinearSolver) or not hasattr(solver, "lambda2") or solver.unit != "Am":
        raise InputError(f"{type(solver).__name__} has no lambda2 that a rule could choose; tune it with a metric.")
    white = whiten(leadfield, noise_cov, getattr(solver, "rank", None))
    gain = white.gain
    if solver.n_orient_ < gain.shape[2]:
        gain = np.einsum("csx,sx->cs", gain, white.leadfield.normals)[:, :, np.newaxis]
    rank = len(gain)
    influence = gain.reshape(rank, -1) @ solver.kernel_ @ np.linalg.pinv(white.whitener)
    z = white.whitener @ np.concatenate(list(data), axis=1)
    explained = influence @ z
    rest = z - explained
    return Balance(
        lambda2=float(solver.lambda2),
        residual=float(np.mean(rest**2)),
        size=float(np.sum(explained * rest) / z.shape[1] / solver.lambda2) if solver.lambda2 > 0 else np.inf,
        freedom=float(1 - np.trace(influence) / rank),
    )
