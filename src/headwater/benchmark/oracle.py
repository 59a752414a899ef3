"""The Bayes oracle: what can be known of one Gaussian bell at best.

It knows how samples are drawn (one bell, the distributions of its width and amplitude) and how strong the noise is.
Given centre and width, data are linear in the moment, whose posterior is taken in Laplace's approximation; what remains
is a sum over centres and widths. With the lead field that made the data, no estimate has a smaller mean squared error;
with the one that solvers assume, it shows what not knowing the head costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from headwater._utils.errors import InputError
from headwater.benchmark.exams import Exam, Listening
from headwater.benchmark.methods import Control, Estimator
from headwater.forward.leadfield import LeadField
from headwater.simulation.distributions import Normal
from headwater.simulation.presets import Preset
from headwater.simulation.samples import Samples
from headwater.simulation.spatial import GaussianBells

N_WIDTHS = 12
NAM = 1e-9  # A m


@dataclass(frozen=True)
class Oracle(Control):
    """Posterior mean of one bell.

    Attributes
    ----------
    knows_head : bool
        Whether it is given the lead field that made the data, or the one that solvers assume.
    error : float
        Root mean square of the error that it expects of the lead field, as a share of that of the data, added to the
        noise.
    """

    knows_head: bool
    error: float = 0.0

    @property
    def knowledge(self) -> str:  # type: ignore[override]
        """What it knows."""
        known = "the head that made the data" if self.knows_head else "the head that solvers assume"
        return f"is the posterior mean given the distribution of single sources, the noise level and {known}"

    def estimator(self, exam: Exam) -> Estimator:
        """Average over all bells by the preset of the exam."""
        leadfield = exam.pair.truth if self.knows_head else exam.pair.model
        return Estimator(lambda samples, _start: self.posterior_mean(samples, leadfield, exam.preset))

    def listen(self, listening: Listening) -> tuple[list[np.ndarray], float, float]:
        """Refuse: how the sources of a recording are distributed is unknown."""
        del listening
        raise InputError("The oracle needs to know how the sources were drawn; leave it out for recordings.")

    def posterior_mean(self, samples: Samples, leadfield: LeadField, preset: Preset) -> np.ndarray:
        """Average over all bells that may have made the data.

        Parameters
        ----------
        samples : Samples
        leadfield : LeadField
            Of free sources.
        preset : Preset
            The samples' own, of one bell a sample.

        Returns
        -------
        currents : array of shape (batch, n_sources, 3, 1)
            In A m.
        """
        sources = preset.sources
        if not isinstance(sources, GaussianBells) or sources.n_sources.high != 1 or not sources.normalized:
            raise InputError("The oracle is written for one normalised bell a sample; leave it out for other sources.")
        if not isinstance(sources.amplitude_nam, Normal):
            raise InputError("The oracle is written for normally distributed amplitudes; leave it out for others.")
        y = samples.y[:, :, 0].double()
        y = y - y.mean(1, keepdim=True)
        level = samples.noise_level.cpu()
        if self.error:
            level = (level.square() + self.error**2 * y.square().mean(1)).sqrt()
        y = y / level[:, None]
        candidates = bell_candidates(leadfield, sources.sigma_mm.low, sources.sigma_mm.high)
        weighed = [one.weigh(y, level, sources.amplitude_nam.sd) for one in candidates]
        weights = torch.softmax(torch.cat([weight for weight, _ in weighed], 1), 1).chunk(len(candidates), 1)
        mean = torch.stack(
            [
                one.blurred(weight[:, :, None] * moment)
                for one, weight, (_, moment) in zip(candidates, weights, weighed, strict=True)
            ]
        ).sum(0)
        return NAM * mean.numpy()[..., np.newaxis]


def bell_candidates(leadfield: LeadField, narrowest: float, widest: float) -> tuple[Width, ...]:
    """Return bells around every source whose widths stand for all between two, in mm."""
    return _candidates(leadfield, _midpoints(narrowest, widest))


def _midpoints(low: float, high: float) -> tuple[float, ...]:
    edges = np.linspace(low, high, N_WIDTHS + 1)
    return tuple(((edges[1:] + edges[:-1]) / 2).tolist()) if high > low else (low,)


@dataclass(frozen=True, eq=False)
class Width:
    """Bells of one width, around every source.

    Attributes
    ----------
    width : float
        Standard deviation, mm.
    distance2 : tensor of shape (n_sources, n_sources)
        mm^2.
    seen : tensor of shape (n_sources, n_channels, 3)
        What the sensors see of a moment of 1 nA m, in V.
    gram : tensor of shape (n_sources, 3, 3)
    """

    width: float
    distance2: torch.Tensor
    seen: torch.Tensor
    gram: torch.Tensor

    def weigh(self, y: torch.Tensor, level: torch.Tensor, sd: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Weigh the centres.

        Parameters
        ----------
        y : tensor of shape (batch, n_channels)
            In units of the noise.
        level : tensor of shape (batch,)
            Of the noise, in V.
        sd : float
            Of the amplitude, in nA m.

        Returns
        -------
        log_weight : tensor of shape (batch, n_sources)
            Marginal likelihood, up to a constant of each sample.
        moment : tensor of shape (batch, n_sources, 3)
            Most probable one, in nA m.
        """
        projected = torch.einsum("pmx,bm->bpx", self.seen, y)
        solved = torch.linalg.solve(self.gram, projected[..., None])[..., 0]
        explained = (projected * solved).sum(2)
        moment = solved * level[:, None, None]
        amplitude2 = moment.square().sum(2)
        # A normal amplitude along a uniform direction: density exp(-a^2 / 2 sd^2) / a^2 in three dimensions.
        log_prior = -0.5 * amplitude2 / sd**2 - torch.log(amplitude2)
        return 0.5 * explained + log_prior - 0.5 * torch.logdet(self.gram), moment

    def blurred(self, moments: torch.Tensor) -> torch.Tensor:
        """Bells of moments (batch, n_sources, 3), summed."""
        return torch.einsum("sp,bpx->bsx", _bells(self.distance2, self.width), moments)


@lru_cache(maxsize=2)
def _candidates(leadfield: LeadField, widths: tuple[float, ...]) -> tuple[Width, ...]:
    """Prepare all bells; the last ones are kept because chunks and cases share them."""
    gain = torch.from_numpy(leadfield.gain - leadfield.gain.mean(0)) * NAM
    pos_mm = torch.from_numpy(1e3 * leadfield.pos)
    distance2 = torch.cdist(pos_mm, pos_mm).square()
    found = []
    for width in widths:
        seen = torch.einsum("msx,sp->pmx", gain, _bells(distance2, width))
        found.append(Width(width, distance2, seen, seen.mT @ seen))
    return tuple(found)


def _bells(distance2: torch.Tensor, width: float) -> torch.Tensor:
    """Equation 5 of Morik et al., in mm."""
    bells: torch.Tensor = torch.exp(-0.5 * distance2 / width**2) / np.sqrt(2 * np.pi * width**2)
    return bells
