"""The minimum-norm family: maximum a posteriori estimates under a Gaussian prior.

With the whitened gain ``G`` and the prior covariance ``R`` (block-diagonal, scaled so that the mean squared
signal-to-noise ratio per whitened channel is 1), the estimate is ``x = R G' (G R G' + lambda2 I)^-1 y``. Notation,
scaling and the meaning of ``lambda2`` are those of :func:`mne.minimum_norm.apply_inverse`. The computation uses the
small matrix ``G R G'`` (channels squared) instead of a singular value decomposition of the gain.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from headwater._utils.errors import InputError
from headwater.solvers.algebra.matrices import symmetric_power
from headwater.solvers.inputs.whitening import Rank, Whitened
from headwater.solvers.linear.prior import (
    Depth,
    Loose,
    depth_variance,
    loose_per_source,
    orientation_blocks,
    oriented_gain,
)
from headwater.solvers.linear.regularized import PriorGain, Regularized
from headwater.solvers.regularization.rules import Lambda2


class GaussianPriorSolver(Regularized):
    """Base class of the minimum-norm family: a prior without correlations between sources.

    Parameters
    ----------
    lambda2 : float | "auto" | Rule
        Regularisation, ``1 / SNR ** 2``: 1/9 for evoked responses, 1 for single trials; 0 gives the pseudo-inverse.
        "auto" or a rule, such as `GCV`, chooses it from the data.
    loose : float | "auto" | dict
        Prior variance of tangential relative to normal currents: 0 is a fixed, 1 a free orientation. "auto": 0.2 on
        the cortex and 1 elsewhere.
    depth : float | dict | None
        Exponent of the depth weighting, or a dict with all its options.
    rank : dict | str | None
        As in :func:`mne.compute_rank`.
    """

    def __init__(
        self, *, lambda2: Lambda2 = 1 / 9, loose: Loose = "auto", depth: Depth = 0.8, rank: Rank = None
    ) -> None:
        self.lambda2 = lambda2
        self.loose = loose
        self.depth = depth
        self.rank = rank

    def _prior(self, white: Whitened, lambda2: float) -> PriorGain:  # noqa: ARG002
        loose = loose_per_source(white.leadfield, self.loose)
        gain = oriented_gain(white, loose)
        blocks = orientation_blocks(loose, white.leadfield.normals, gain.shape[2])
        return PriorGain.of(gain, depth_variance(white, self.depth)[:, np.newaxis, np.newaxis] * blocks)


class MinimumNorm(GaussianPriorSolver):
    """Minimum-norm estimate (Hämäläinen & Ilmoniemi 1994), with depth weighting by default: MNE-Python's "MNE".

    ``depth=None`` gives the classical estimate, in which all sources have the same prior variance and deep sources are
    localised too superficially.
    """

    title: ClassVar[str] = "minimum norm"


class WeightedMinimumNorm(GaussianPriorSolver):
    """Weighted minimum-norm estimate: a priori, all sources contribute equally to the whitened data.

    The prior variance of a source is the inverse of its power at the whitened sensors, ``1 / tr(G_s' G_s)``
    (column-norm weights; Jeffs et al. 1987, Lin et al. 2006). `MinimumNorm` follows MNE-Python instead, which limits
    the weights and computes them from one sensor type.

    Parameters
    ----------
    lambda2, loose, rank
        As in `MinimumNorm`.
    exponent : float
        0: no weighting; 1: full weighting.
    """

    title: ClassVar[str] = "weighted minimum norm"

    def __init__(
        self, *, lambda2: Lambda2 = 1 / 9, loose: Loose = "auto", exponent: float = 1.0, rank: Rank = None
    ) -> None:
        depth = {"exp": exponent, "limit": None, "limit_depth_chs": "whiten", "combine_xyz": "fro"}
        super().__init__(lambda2=lambda2, loose=loose, depth=depth, rank=rank)
        self.exponent = exponent


class DSPM(GaussianPriorSolver):
    """Dynamic statistical parametric mapping (Dale et al. 2000): the noise-normalised estimate.

    The noise of a source is the standard deviation of its estimate for white sensor noise, the square root of
    ``tr(K_s K_s')``.
    """

    title: ClassVar[str] = "dSPM"
    unit: ClassVar[str] = "F"
    scales_with_nave: ClassVar[bool] = True
    has_posterior: ClassVar[bool] = False

    def _standardized(self, operator: np.ndarray, prior: PriorGain) -> np.ndarray:  # noqa: ARG002
        return operator / np.linalg.norm(operator, axis=(1, 2), keepdims=True)


class SLORETA(GaussianPriorSolver):
    """Standardised LORETA (Pascual-Marqui 2002): the estimate standardised by its covariance under the prior.

    The covariance of the estimate of source ``s``, due to noise and to all sources, is the diagonal block
    ``S_s = (K G R)_ss / lambda2`` of the resolution matrix.

    Parameters
    ----------
    lambda2, loose, depth, rank
        As in `MinimumNorm`.
    block : bool
        False: divide all components of a source by the square root of the trace of ``S_s``, as in MNE-Python.
        True: multiply its vector by ``S_s^(-1/2)``, as in the original publication. The peak of the estimate of a
        single noiseless source is then exactly at its position, whatever its orientation. For fixed orientations, both
        are equivalent.
    """

    title: ClassVar[str] = "sLORETA"
    unit: ClassVar[str] = "F"
    scales_with_nave: ClassVar[bool] = True
    has_posterior: ClassVar[bool] = False

    def __init__(
        self,
        *,
        lambda2: Lambda2 = 1 / 9,
        loose: Loose = "auto",
        depth: Depth = 0.8,
        rank: Rank = None,
        block: bool = False,
    ) -> None:
        super().__init__(lambda2=lambda2, loose=loose, depth=depth, rank=rank)
        self.block = block

    def _standardized(self, operator: np.ndarray, prior: PriorGain) -> np.ndarray:
        if self.lambda2_ == 0:
            raise InputError("sLORETA is not defined for lambda2 = 0, which means no noise; use lambda2 > 0.")
        variance = operator @ np.moveaxis(prior.weighted, 0, 1) / self.lambda2_
        if self.block:
            return symmetric_power(variance, -0.5) @ operator
        return operator / np.sqrt(np.trace(variance, axis1=1, axis2=2))[:, np.newaxis, np.newaxis]
