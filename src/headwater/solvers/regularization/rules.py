"""Rules that choose ``lambda2`` from the data alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headwater._utils.errors import InputError
from headwater.solvers.regularization.modes import Modes

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
    def measure(self, modes: Modes, lambda2: np.ndarray) -> np.ndarray:
        """Return what the rule looks at, one row for each of n ``lambda2``, shape (n, k)."""

    def judge(self, lambda2: np.ndarray, measured: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Return a cost for each ``lambda2``, ascending, NaN where there is none; the least wins."""
        return measured[:, 0]

    @property
    def values(self) -> np.ndarray:
        """Values to choose from, ascending."""
        values = CANDIDATES if self.candidates is None else np.unique(np.asarray(self.candidates, dtype=float))
        if not len(values) or not (np.isfinite(values) & (values > 0)).all():
            raise InputError(f"The candidates of {type(self).__name__} must be finite and above 0; give at least one.")
        return values

    def choose(self, lambda2: np.ndarray, measured: np.ndarray) -> float:
        """Return the ``lambda2`` of least cost."""
        cost = self.judge(lambda2, measured)
        if np.isnan(cost).all():
            raise InputError(f"{type(self).__name__} cannot choose lambda2 from these data; give a number.")
        return float(lambda2[np.nanargmin(cost)])


@dataclass(frozen=True, kw_only=True)
class MarginalLikelihood(Rule):
    """The most probable regularisation, given noise of known variance and a lead field with errors.

    With sources of variance ``p_t`` at time point ``t``, the whitened data have the covariance

    ``p_t (S + error S^shape + tau I)``, ``S = G R G'``, ``p_t tau >= 1``,

    where 1 is the variance of the noise. What the lead field gets wrong is in proportion to the signal: ``error`` times
    a power of the signal covariance, and what ``p_t tau`` exceeds the noise by, which is white. ``tau`` and every
    ``p_t`` take the values at which the data are most probable. Each time point counts alike, so that a transient does
    not decide for the time around it.

    A single ``lambda2`` stands for noise and errors by treating alike the sensor mode in which they are as strong as
    the signal: ``lambda2 = error lambda2^shape + tau``.

    The defaults of ``error`` and ``shape`` were chosen on simulated recordings of known and of other heads. On other
    simulations of the same kind the error was at most 5 % above that of the best fixed ``lambda2``, and white errors
    alone (``error=0``) did less well (`benchmarks/results/lambda2.md`).

    Parameters
    ----------
    error : float
        Variance of the errors of the lead field relative to the signal, in a mode of average strength; 0 for white
        errors only.
    shape : float
        Above 0 and below 1: from white to the shape of the signal.
    """

    error: float = 0.2
    shape: float = 0.75

    def measure(self, modes: Modes, lambda2: np.ndarray) -> np.ndarray:
        """Return minus twice the log-likelihood, per value and up to a constant; NaN where ``tau`` is not positive."""
        if not (self.error >= 0 and 0 < self.shape < 1):
            raise InputError(
                f"error is {self.error:g} and shape is {self.shape:g}; give an error of at least 0 and a shape "
                "between 0 and 1."
            )
        tau = lambda2 - self.error * lambda2**self.shape
        tau = np.where(tau > 0, tau, np.nan)[:, np.newaxis]
        total = modes.variance + self.error * modes.variance**self.shape + tau
        ratio = (1.0 / total) @ modes.power / len(modes.power)
        scale = np.maximum(ratio, 1.0 / tau)
        deviance = np.mean(np.log(scale) + ratio / scale, axis=1, keepdims=True)
        return deviance + np.mean(np.log(total), axis=1, keepdims=True)


@dataclass(frozen=True, kw_only=True)
class GCV(Rule):
    """Generalised cross-validation (Golub, Heath & Wahba 1979): least ``|r|^2 / tr(I - H)^2``.

    ``r = (I - H) z`` is the residual of the whitened data ``z``.
    """

    def measure(self, modes: Modes, lambda2: np.ndarray) -> np.ndarray:
        """Return the predicted error of a left-out channel."""
        return (modes.residual(lambda2) / modes.noise_share(lambda2).mean(axis=1) ** 2)[:, np.newaxis]


@dataclass(frozen=True, kw_only=True)
class Discrepancy(Rule):
    """Discrepancy principle (Morozov 1966): a residual as large as the noise.

    Parameters
    ----------
    tau : float
        Power of the residual per channel, relative to the noise; the noise covariance must have the right size.
    """

    tau: float = 1.0

    def measure(self, modes: Modes, lambda2: np.ndarray) -> np.ndarray:
        """Return ``|log(|r|^2 / tau)|``."""
        residual = modes.residual(lambda2)
        return np.abs(np.log(np.where(residual > 0, residual, np.nan) / self.tau))[:, np.newaxis]


@dataclass(frozen=True, kw_only=True)
class LCurve(Rule):
    """L-curve (Hansen 1992): the sharpest corner of ``log x' R^-1 x`` drawn over ``log |r|^2``.

    The ends of the candidates have no curvature, so it takes at least three.
    """

    def measure(self, modes: Modes, lambda2: np.ndarray) -> np.ndarray:
        """Return the power of the residual and the size of the currents."""
        return np.column_stack([modes.residual(lambda2), modes.size(lambda2)])

    def judge(self, lambda2: np.ndarray, measured: np.ndarray) -> np.ndarray:
        """Return minus the curvature, which is positive at a corner that points to the origin."""
        if len(lambda2) < 3:
            raise InputError("The L-curve needs at least three candidates; give more.")
        if measured.min() <= 0:
            raise InputError("The L-curve has no corner for data that are zero; give a number for lambda2.")
        along = np.log(lambda2)
        x, y = np.log(measured[:, 0]), np.log(measured[:, 1])
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
