"""Linear solvers whose regularisation is given or chosen from the data."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import mne
import numpy as np

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers.algebra.matrices import regularized_inverse, regularized_inverse_root
from headwater.solvers.base import check_data, unfitted
from headwater.solvers.inputs.whitening import Rank, Whitened, whiten
from headwater.solvers.linear.kernel import LinearSolver
from headwater.solvers.posterior.gaussian import GaussianModel, GaussianPosterior
from headwater.solvers.posterior.source_prior import BlockPrior, SourcePrior
from headwater.solvers.regularization.modes import Modes
from headwater.solvers.regularization.rules import Lambda2, Rule, rule_of

# If the prior of a solver depends on lambda2, rules compare their candidates with the prior for this value.
REFERENCE = 1 / 9


@dataclass(frozen=True, eq=False)
class PriorGain:
    """Products of a whitened gain ``G`` and a Gaussian prior with covariance ``R``.

    Attributes
    ----------
    gain : array of shape (rank, n_sources, n_orient)
        ``G``.
    prior : SourcePrior
        ``R``.
    weighted : array of shape (rank, n_sources, n_orient)
        ``G R``.
    gram : array of shape (rank, rank)
        ``G R G'``, scaled to a trace of ``rank``, so that ``lambda2`` is the inverse of the power signal-to-noise
        ratio.
    """

    gain: np.ndarray
    prior: SourcePrior
    weighted: np.ndarray
    gram: np.ndarray

    @classmethod
    def of(cls, gain: np.ndarray, covariance: np.ndarray) -> Self:
        """Apply a block-diagonal prior of any scale.

        Parameters
        ----------
        gain : array of shape (rank, n_sources, n_orient)
        covariance : array of shape (n_sources, n_orient, n_orient)
        """
        rank = len(gain)
        weighted = np.einsum("csi,sij->csj", gain, covariance, optimize=True)
        gram = weighted.reshape(rank, -1) @ gain.reshape(rank, -1).T
        scale = rank / np.trace(gram)
        return cls(gain, BlockPrior(scale * covariance), scale * weighted, scale * (gram + gram.T) / 2)

    def operator(self, lambda2: float) -> np.ndarray:
        """Return ``R G' (G R G' + lambda2 I)^-1``, shape (n_sources, n_orient, rank)."""
        rank, n_sources, n_orient = self.weighted.shape
        operator = self.weighted.reshape(rank, -1).T @ regularized_inverse(self.gram, lambda2)
        return operator.reshape(n_sources, n_orient, rank)

    def model(self, lambda2: float, whitener: np.ndarray) -> GaussianModel:
        """Return the linear Gaussian model whose posterior mean this operator computes."""
        root = regularized_inverse_root(self.gram, lambda2)
        return GaussianModel(self.gain, self.weighted, self.prior, lambda2, root, whitener)


@dataclass(frozen=True, eq=False)
class Undecided:
    """State of a solver until its rule has chosen ``lambda2`` from data."""

    rule: Rule
    white: Whitened
    prior: PriorGain


class Regularized(LinearSolver):
    """A solver ``x = R G' (G R G' + lambda2 I)^-1 y``, with or without standardisation of the currents.

    ``lambda2`` is a number, ``"auto"`` or a rule: `MarginalLikelihood` (the rule for "auto"), `GCV`, `LCurve` or
    `Discrepancy`. A rule chooses a separate ``lambda2`` for each sample in ``estimate``, and for each recording or
    epoch in ``apply``; ``adapted`` and `chosen` return a solver with one ``lambda2`` for all of the data.

    The posterior has two variances at each time point: that of the sources, ``p_t R``, and that of noise and lead-field
    errors, ``p_t lambda2``. ``lambda2`` is their ratio; ``p_t`` follows from the data at that time point by maximum
    likelihood. The noise covariance therefore counts as known up to a factor.

    Attributes
    ----------
    prior_follows_lambda2 : bool
        Whether the prior depends on ``lambda2``.
    lambda2_ : float
        The value in use; undefined until a rule has chosen it.
    undecided_ : Undecided | None
        None if ``lambda2`` is a number.
    model_ : GaussianModel
        Model of the posterior; undefined until a rule has chosen ``lambda2``.
    """

    has_posterior: ClassVar[bool] = True
    prior_follows_lambda2: ClassVar[bool] = False
    lambda2: Lambda2
    rank: Rank
    lambda2_: float
    undecided_: Undecided | None = None
    model_: GaussianModel

    def fit(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> Self:
        """Prepare the solver for one lead field and one noise covariance."""
        rule = rule_of(self.lambda2)
        white = whiten(leadfield, noise_cov, self.rank)
        if rule is None:
            return self.fit_whitened(white)
        self.undecided_ = Undecided(rule, white, self._prior(white, REFERENCE))
        self.leadfield_ = white.leadfield
        return self

    def fit_whitened(self, white: Whitened, prior: PriorGain | None = None) -> Self:
        """Compute the kernel for a numeric ``lambda2``, with the prior if it has been computed before."""
        self.lambda2_ = float(self.lambda2)  # type: ignore[arg-type]
        prior = self._prior(white, self.lambda2_) if prior is None else prior
        self._learn(self._standardized(prior.operator(self.lambda2_), prior), white.whitener)
        self.model_ = prior.model(self.lambda2_, white.whitener)
        self.leadfield_, self.undecided_ = white.leadfield, None
        return self

    def estimate(self, data: np.ndarray) -> np.ndarray:
        """Estimate currents for data of shape (..., n_channels, n_times); a rule chooses ``lambda2`` per sample."""
        data = check_data(data, self)
        if self.undecided_ is None:
            return super().estimate(data)
        samples = data.reshape(-1, *data.shape[-2:])
        found = [self.adapted(sample).estimate(sample) for sample in samples]
        shape = self.undecided_.prior.weighted.shape[1:]
        out = np.stack(found) if found else np.zeros((0, *shape, data.shape[-1]), data.dtype)
        return out.reshape(*data.shape[:-2], *out.shape[1:])

    def _posterior(self, data: np.ndarray) -> GaussianPosterior:
        model = self.adapted(data).model_
        white = model.whitener @ data
        return GaussianPosterior(model, white, model.likely_power(white))

    def adapted(self, data: np.ndarray, nave: int = 1) -> Self:
        """Return a solver with the ``lambda2`` that the rule chooses; the solver itself if ``lambda2`` is a number.

        Parameters
        ----------
        data : array of shape (..., n_channels, n_times)
            ``lambda2`` is chosen from all samples together.
        nave : int
            Number of averaged trials; the noise covariance is that of single trials.
        """
        if self.undecided_ is None:
            return self
        solver = unfitted(self).set_params(lambda2=self._choice(data, nave, self.undecided_))
        prior = None if self.prior_follows_lambda2 else self.undecided_.prior
        return solver.fit_whitened(self.undecided_.white, prior)

    def _choice(self, data: np.ndarray, nave: int, undecided: Undecided) -> float:
        """Choose ``lambda2`` by the rule, from data of shape (..., n_channels, n_times)."""
        data = check_data(data, self).astype(np.float64, copy=False)
        if not data.size:
            raise InputError("There are no data to choose lambda2 from; provide at least one time point.")
        columns = np.moveaxis(data, -2, 0).reshape(data.shape[-2], -1)
        white = np.sqrt(nave) * (undecided.white.whitener @ columns)
        return undecided.rule.choose(undecided.rule.values, self._measured(white, undecided))

    def _measured(self, z: np.ndarray, undecided: Undecided) -> np.ndarray:
        """Evaluate the candidates: given ones with their own priors, the default ones with the reference prior."""
        rule, values = undecided.rule, undecided.rule.values
        if rule.candidates is None or not self.prior_follows_lambda2:
            return rule.measure(Modes.of(undecided.prior.gram, z), values)
        grams = (self._prior(undecided.white, value).gram for value in values)
        rows = [rule.measure(Modes.of(gram, z), values[[index]]) for index, gram in enumerate(grams)]
        return np.concatenate(rows)

    @abstractmethod
    def _prior(self, white: Whitened, lambda2: float) -> PriorGain:
        """Apply the prior to a whitened lead field; ``lambda2`` is used only if ``prior_follows_lambda2``."""

    def _standardized(self, operator: np.ndarray, prior: PriorGain) -> np.ndarray:  # noqa: ARG002
        """Standardise the currents; ``operator`` and the return value have shape (n_sources, n_orient, rank)."""
        return operator
