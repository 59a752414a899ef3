"""How a regularised linear solver divides whitened data between sources and noise, for many ``lambda2`` at once.

With ``S = G R G' = U diag(s) U'`` everything that a rule looks at is a sum over the sensor modes ``U' z``: one
eigendecomposition, and no estimate of any source.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

# Neighbouring time points say much the same; this many, spread evenly over the data, decide about lambda2.
MAX_TIMES = 2000


@dataclass(frozen=True, eq=False)
class Modes:
    """Whitened data in the sensor modes of a prior.

    Attributes
    ----------
    variance : array of shape (rank,)
        ``s``: what the prior says of each mode; their mean is 1.
    power : array of shape (rank, n_times)
        ``(U' z) ** 2``, in units of the noise variance.
    """

    variance: np.ndarray
    power: np.ndarray

    @classmethod
    def of(cls, gram: np.ndarray, white: np.ndarray) -> Self:
        """Take ``G R G'`` of shape (rank, rank), and whitened data of shape (rank, n_times)."""
        variance, vectors = np.linalg.eigh(gram)
        step = -(-white.shape[1] // MAX_TIMES) or 1
        return cls(np.maximum(variance, 0.0), (vectors.T @ white[:, ::step]) ** 2)


@dataclass(frozen=True, eq=False)
class Balance:
    """How each of several ``lambda2`` divides the data, all of shape (n,).

    With the influence matrix ``H = S (S + lambda2 I)^-1`` the residual is ``r = (I - H) z``.

    Attributes
    ----------
    lambda2 : array
    residual : array
        ``|r|^2``, mean over channels and time points.
    size : array
        ``x' R^-1 x = z' H r / lambda2``, mean over time points.
    freedom : array
        ``tr(I - H)`` per channel: the share of the dimensions that is left to the noise.
    deviance : array
        Minus twice the marginal log-likelihood, per value and up to a constant; see `MarginalLikelihood`.
    """

    lambda2: np.ndarray
    residual: np.ndarray
    size: np.ndarray
    freedom: np.ndarray
    deviance: np.ndarray

    @classmethod
    def of(cls, modes: Modes, lambda2: np.ndarray) -> Self:
        """Weigh each ``lambda2``, all above 0."""
        total = modes.variance + lambda2[:, np.newaxis]
        power = modes.power.mean(axis=1)
        noise = lambda2[:, np.newaxis] / total
        return cls(
            lambda2=lambda2,
            residual=np.mean(noise**2 * power, axis=1),
            size=np.sum(modes.variance / total**2 * power, axis=1),
            freedom=noise.mean(axis=1),
            deviance=_deviance(modes.power, total, lambda2),
        )

    @classmethod
    def concatenate(cls, parts: list[Self]) -> Self:
        """Put several together."""
        return cls(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)))


def _deviance(power: np.ndarray, total: np.ndarray, lambda2: np.ndarray) -> np.ndarray:
    """Likelihood of ``p_t (s_i + lambda2)`` as variances, each ``p_t`` at its best and at least ``1 / lambda2``.

    Parameters
    ----------
    power : array of shape (rank, n_times)
    total : array of shape (n, rank)
        ``s_i + lambda2``.
    lambda2 : array of shape (n,)
    """
    ratio = (1.0 / total) @ power / len(power)
    scale = np.maximum(ratio, 1.0 / lambda2[:, np.newaxis])
    return np.mean(np.log(scale) + ratio / scale, axis=1) + np.mean(np.log(total), axis=1)
