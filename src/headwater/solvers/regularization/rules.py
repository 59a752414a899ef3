"""Rules that choose ``lambda2`` from the data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headwater._utils.errors import InputError
from headwater.solvers.regularization.modes import Modes

# From 70 dB to -50 dB, 20 values per factor of ten: the best value is matched within 6 %, a negligible difference.
CANDIDATES = np.logspace(-7, 5, 241)


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    """Base class of the rules that choose ``lambda2``.

    Parameters
    ----------
    candidates : sequence of float | None
        Values to choose from, all above 0. None: 20 values per factor of ten, from 1e-7 to 1e5.
    """

    candidates: Sequence[float] | None = None

    @abstractmethod
    def measure(self, modes: Modes, lambda2: np.ndarray) -> np.ndarray:
        """Return the quantities used by the rule, one row for each of n values of ``lambda2``, shape (n, k)."""

    def judge(self, lambda2: np.ndarray, measured: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Return the cost of each ``lambda2`` (in ascending order), NaN where undefined; the smallest is chosen."""
        return measured[:, 0]

    @property
    def values(self) -> np.ndarray:
        """Values to choose from, in ascending order."""
        values = CANDIDATES if self.candidates is None else np.unique(np.asarray(self.candidates, dtype=float))
        if not len(values) or not (np.isfinite(values) & (values > 0)).all():
            raise InputError(f"{type(self).__name__} has no valid candidates; provide finite values above 0.")
        return values

    def choose(self, lambda2: np.ndarray, measured: np.ndarray) -> float:
        """Return the ``lambda2`` of least cost."""
        cost = self.judge(lambda2, measured)
        if np.isnan(cost).all():
            raise InputError(f"{type(self).__name__} cannot choose lambda2 from these data; set lambda2 to a number.")
        return float(lambda2[np.nanargmin(cost)])


@dataclass(frozen=True, kw_only=True)
class MarginalLikelihood(Rule):
    """Maximum likelihood, for noise of known variance and a lead field with errors.

    With sources of variance ``p_t`` at time point ``t``, the whitened data have the covariance

    ``p_t (S + error S^shape + tau I)``, ``S = G R G'``, ``p_t tau >= 1``,

    where 1 is the noise variance. The errors of the lead field are proportional to the signal. They have two parts:
    ``error`` times a power of the signal covariance, and a white part, by which ``p_t tau`` exceeds the noise variance.
    ``tau`` and every ``p_t`` are estimated by maximum likelihood. All time points have the same weight, so that a
    transient does not dominate the choice for the surrounding time points.

    A single ``lambda2`` represents noise and errors. It is chosen such that the sensor mode in which they are as strong
    as the signal is treated correctly: ``lambda2 = error lambda2^shape + tau``.

    The defaults of ``error`` and ``shape`` were chosen on simulated recordings, with the true head model and with those
    of other heads. On other simulations of the same kind, the estimation error was at most 5 % above that of the best
    fixed ``lambda2``; with white errors alone (``error=0``) it was larger for all solvers but LORETA
    (`benchmarks/results/lambda2.md`).

    Parameters
    ----------
    error : float
        Variance of the errors of the lead field relative to the signal, in a mode of average variance; 0 for white
        errors only.
    shape : float
        Above 0 (white errors) and below 1 (errors with the covariance of the signal).
    """

    error: float = 0.2
    shape: float = 0.75

    def measure(self, modes: Modes, lambda2: np.ndarray) -> np.ndarray:
        """Return minus twice the log-likelihood per value, up to a constant; NaN where ``tau`` is not positive."""
        if not (self.error >= 0 and 0 < self.shape < 1):
            raise InputError(
                f"error is {self.error:g} and shape is {self.shape:g}; error must be at least 0, and shape between 0 "
                "and 1."
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
    """Generalised cross-validation (Golub, Heath & Wahba 1979): the minimum of ``|r|^2 / tr(I - H)^2``.

    ``r = (I - H) z`` is the residual of the whitened data ``z``.
    """

    def measure(self, modes: Modes, lambda2: np.ndarray) -> np.ndarray:
        """Return the predicted squared error of a left-out channel."""
        return (modes.residual(lambda2) / modes.noise_share(lambda2).mean(axis=1) ** 2)[:, np.newaxis]


@dataclass(frozen=True, kw_only=True)
class Discrepancy(Rule):
    """Discrepancy principle (Morozov 1966): the residual has the power of the noise.

    Parameters
    ----------
    tau : float
        Power of the residual per channel, relative to the noise. The scale of the noise covariance must be correct.
    """

    tau: float = 1.0

    def measure(self, modes: Modes, lambda2: np.ndarray) -> np.ndarray:
        """Return ``|log(|r|^2 / tau)|``."""
        residual = modes.residual(lambda2)
        return np.abs(np.log(np.where(residual > 0, residual, np.nan) / self.tau))[:, np.newaxis]


@dataclass(frozen=True, kw_only=True)
class LCurve(Rule):
    """L-curve (Hansen 1992): the sharpest corner of ``log x' R^-1 x`` as a function of ``log |r|^2``.

    At least three candidates are required, because the curvature is undefined at the first and the last one.
    """

    def measure(self, modes: Modes, lambda2: np.ndarray) -> np.ndarray:
        """Return the power of the residual and the norm of the currents."""
        return np.column_stack([modes.residual(lambda2), modes.size(lambda2)])

    def judge(self, lambda2: np.ndarray, measured: np.ndarray) -> np.ndarray:
        """Return minus the curvature, which is positive at a corner towards the origin."""
        if len(lambda2) < 3:
            raise InputError("The L-curve needs at least three candidates; provide more.")
        if measured.min() <= 0:
            raise InputError("The L-curve has no corner for data that are zero; set lambda2 to a number.")
        along = np.log(lambda2)
        x, y = np.log(measured[:, 0]), np.log(measured[:, 1])
        dx, dy = np.gradient(x, along), np.gradient(y, along)
        bend = dx * np.gradient(dy, along) - dy * np.gradient(dx, along)
        cost = -bend / (dx**2 + dy**2) ** 1.5
        cost[[0, -1]] = np.nan
        return cost


Lambda2 = float | Literal["auto"] | Rule


def rule_of(lambda2: Lambda2) -> Rule | None:
    """Return the rule that ``lambda2`` specifies, or None for a number; raise an error for any other value."""
    if isinstance(lambda2, Rule):
        return lambda2
    if isinstance(lambda2, str):
        if lambda2 == "auto":
            return MarginalLikelihood()
        raise InputError(f"lambda2 is {lambda2!r}; use a number, 'auto', or a rule such as GCV().")
    if not 0 <= lambda2 < np.inf:
        raise InputError(f"lambda2 is {lambda2:g}; it must be finite and at least 0.")
    return None
