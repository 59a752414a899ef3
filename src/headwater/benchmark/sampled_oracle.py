"""The Bayes oracle of several Gaussian bells: what can be known of them at best, by Markov chains.

It knows how samples are drawn (so many bells, the distributions of their widths and amplitudes) and how strong the
noise is. With the lead field that made the data, no estimate has a smaller mean squared error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from headwater._utils.errors import InputError
from headwater.benchmark.bell_sampler import BellSampler
from headwater.benchmark.exams import Exam, Listening
from headwater.benchmark.methods import Control, Estimator
from headwater.benchmark.oracle import NAM, bell_candidates
from headwater.forward.leadfield import LeadField
from headwater.simulation.distributions import Normal
from headwater.simulation.presets import Preset
from headwater.simulation.samples import Samples
from headwater.simulation.spatial import GaussianBells


@dataclass(frozen=True)
class SampledOracle(Control):
    """Posterior mean of a known number of bells.

    Attributes
    ----------
    knows_head : bool
        Whether it is given the lead field that made the data, or the one that solvers assume.
    n_chains : int
    n_warm, n_sweeps : int
        Sweeps while the noise is reduced, and those whose average is the estimate. A sweep draws each bell once.
    seed : int
    """

    knows_head: bool
    n_chains: int = 3
    n_warm: int = 15
    n_sweeps: int = 20
    seed: int = 0

    @property
    def knowledge(self) -> str:  # type: ignore[override]
        """What it knows."""
        known = "the head that made the data" if self.knows_head else "the head that solvers assume"
        return f"is the posterior mean, by Markov chains, given how sources are drawn, the noise level and {known}"

    def estimator(self, exam: Exam) -> Estimator:
        """Sample the bells of the exam's preset."""
        leadfield = exam.pair.truth if self.knows_head else exam.pair.model
        return Estimator(lambda samples, _start: self.chains(samples, leadfield, exam.preset).mean(axis=0))

    def listen(self, listening: Listening) -> tuple[list[np.ndarray], float, float]:
        """Refuse: how the sources of a recording are distributed is unknown."""
        del listening
        raise InputError("The oracle needs to know how the sources were drawn; leave it out for recordings.")

    def chains(self, samples: Samples, leadfield: LeadField, preset: Preset) -> np.ndarray:
        """Estimate the posterior mean with each chain.

        Parameters
        ----------
        samples : Samples
        leadfield : LeadField
            Of free sources.
        preset : Preset
            The samples' own, of a fixed number of bells.

        Returns
        -------
        means : array of shape (n_chains, batch, n_sources, 3, 1)
            In A m. Their average is the estimate, and their spread its Monte-Carlo error.
        """
        bells, sd = _checked(preset)
        widths = bell_candidates(leadfield, bells.sigma_mm.low, bells.sigma_mm.high)
        sampler = BellSampler(torch.cat([one.seen for one in widths]).mT, sd)
        y = samples.y[:, :, 0].double()
        y = y - y.mean(1, keepdim=True)
        generator = torch.Generator().manual_seed(self.seed)
        found = []
        for data, level in zip(y, samples.noise_level.cpu().double().tolist(), strict=True):
            moments = sampler.moments(
                data / level, level, int(bells.n_sources.high), self.n_chains, self.n_warm, self.n_sweeps, generator
            )
            parts = moments.chunk(len(widths), 1)
            found.append(torch.stack([one.blurred(part) for one, part in zip(widths, parts, strict=True)]).sum(0))
        return NAM * torch.stack(found, 1).numpy()[..., np.newaxis]


def monte_carlo_error(chains: np.ndarray) -> float:
    """Return the share of the estimate's power that is left to chance: the variance of the mean over chains.

    Parameters
    ----------
    chains : array of shape (n_chains, batch, n_sources, 3, 1)
    """
    variance = chains.var(axis=0, ddof=1).sum(axis=(1, 2, 3)) / len(chains)
    power = (chains.mean(axis=0) ** 2).sum(axis=(1, 2, 3))
    return float(np.mean(variance / power))


def _checked(preset: Preset) -> tuple[GaussianBells, float]:
    """Return the bells of a preset and the standard deviation of their amplitude, in nA m."""
    sources = preset.sources
    if not isinstance(sources, GaussianBells) or sources.n_sources.low != sources.n_sources.high:
        raise InputError("The sampled oracle is written for a fixed number of bells; leave it out for other sources.")
    if not sources.normalized or not isinstance(sources.amplitude_nam, Normal):
        raise InputError(
            "The sampled oracle is written for normalised bells of normally distributed amplitudes; "
            "leave it out for others."
        )
    return sources, sources.amplitude_nam.sd
