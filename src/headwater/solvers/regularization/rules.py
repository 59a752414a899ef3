"""Rules that choose ``lambda2`` from the data alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headwater._utils.errors import InputError
from headwater.solvers.regularization.balance import Balance

# From 70 dB to -50 dB, 20 values per factor of ten: the best one is hit within 6 %, which no estimate shows.
CANDIDATES = np.logspace(-7, 5, 241)


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    """Choose ``lambda2``.

    Parameters
    ----------
    candidates : sequence of float | None
        Values to choose from, all above 0. None: 20 per factor of ten, from 1e-7 to 1e5.
    """

    candidates: Sequence[float] | None = None

    @abstractmethod
    def judge(self, balance: Balance) -> np.ndarray:
        """Return a cost for each ``lambda2``, NaN where there is none; the least wins."""

    @property
    def values(self) -> np.ndarray:
        """Values to choose from, ascending."""
        values = CANDIDATES if self.candidates is None else np.unique(np.asarray(self.candidates, dtype=float))
        if not len(values) or not (np.isfinite(values) & (values > 0)).all():
            raise InputError(f"The candidates of {type(self).__name__} must be finite and above 0; give at least one.")
        return values

    def choose(self, balance: Balance) -> float:
        """Return the ``lambda2`` of least cost."""
        cost = self.judge(balance)
        if np.isnan(cost).all():
            raise InputError(f"{type(self).__name__} cannot choose lambda2 from these data; give a number.")
        return float(balance.lambda2[np.nanargmin(cost)])


@dataclass(frozen=True, kw_only=True)
class MarginalLikelihood(Rule):
    """The most probable ``lambda2``, given sensor noise of known variance and an unknown error of the lead field.

    With sources of variance ``p_t`` at time point ``t`` the whitened data have the covariance

    ``p_t S + (1 + e_t) I``, ``S = G R G'``,

    where 1 is the variance of the noise. The error of the lead field adds ``e_t``, in proportion to the signal:
    ``1 + e_t = lambda2 p_t``. Each ``p_t`` and the common ``lambda2`` take the values at which the data are most
    probable, among those with ``e_t >= 0``. Time points count alike, whatever their strength, so that a short transient
    does not decide for the time around it.

    The error is white on whitened sensors. Covariances of the error from varied heads (`Head.varied`) chose no better
    on simulated recordings of other heads (`benchmarks/results/lambda2.md`).
    """

    def judge(self, balance: Balance) -> np.ndarray:
        """Return minus twice the log-likelihood, per value and up to a constant."""
        return balance.deviance


@dataclass(frozen=True, kw_only=True)
class GCV(Rule):
    """Generalised cross-validation (Golub, Heath & Wahba 1979): least ``|r|^2 / tr(I - H)^2``."""

    def judge(self, balance: Balance) -> np.ndarray:
        """Return the predicted error of a left-out channel."""
        return balance.residual / balance.freedom**2


@dataclass(frozen=True, kw_only=True)
class Discrepancy(Rule):
    """Discrepancy principle (Morozov 1966): a residual as large as the noise.

    Parameters
    ----------
    tau : float
        Power of the residual per channel, relative to the noise; the noise covariance must have the right size.
    """

    tau: float = 1.0

    def judge(self, balance: Balance) -> np.ndarray:
        """Return ``|log(|r|^2 / tau)|``."""
        residual = np.where(balance.residual > 0, balance.residual, np.nan)
        return np.abs(np.log(residual / self.tau))


@dataclass(frozen=True, kw_only=True)
class LCurve(Rule):
    """L-curve (Hansen 1992): the sharpest corner of ``log x' R^-1 x`` drawn over ``log |r|^2``.

    The ends of the candidates have no curvature, so it takes at least three.
    """

    def judge(self, balance: Balance) -> np.ndarray:
        """Return minus the curvature, which is positive at a corner that points to the origin."""
        if len(balance.lambda2) < 3:
            raise InputError("The L-curve needs at least three candidates; give more.")
        if min(balance.residual.min(), balance.size.min()) <= 0:
            raise InputError("The L-curve has no corner for data that are zero; give a number for lambda2.")
        along, x, y = np.log([balance.lambda2, balance.residual, balance.size])
        dx, dy = np.gradient(x, along), np.gradient(y, along)
        bend = dx * np.gradient(dy, along) - dy * np.gradient(dx, along)
        cost = -bend / (dx**2 + dy**2) ** 1.5
        cost[[0, -1]] = np.nan
        return cost


Lambda2 = float | Literal["auto"] | Rule


def rule_of(lambda2: Lambda2) -> Rule | None:
    """Return the rule that a hyper-parameter stands for, None for a number; refuse anything else."""
    if isinstance(lambda2, Rule):
        return lambda2
    if isinstance(lambda2, str):
        if lambda2 == "auto":
            return MarginalLikelihood()
        raise InputError(f"lambda2 is {lambda2!r}; give a number, 'auto', or a rule such as GCV().")
    if not 0 <= lambda2 < np.inf:
        raise InputError(f"lambda2 is {lambda2:g}; it must be at least 0, and finite.")
    return None
