"""Score a network on a head that it was not trained on, compared with eLORETA."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial

import numpy as np
import torch

from headwater.forward.pair import LeadFieldPair
from headwater.metrics.measure import Metric
from headwater.metrics.table import METRICS
from headwater.networks.base import BoundNetwork, Network
from headwater.simulation.presets import Preset
from headwater.simulation.samples import Samples
from headwater.simulation.simulator import simulate
from headwater.solvers import ELORETA
from headwater.solvers.evaluation import Evaluation, evaluate, evaluate_estimates

CHUNK = 32  # samples at a time


class Validation:
    """A fixed set of samples.

    Parameters
    ----------
    lead_fields : LeadFieldPair
        The network and eLORETA are given the model; the truth generates the data.
    presets : dict of str to Preset
        By the name under which scores are shown.
    n : int
        Samples per preset.
    metrics : sequence of str
        Of `headwater.metrics.METRICS`.
    seed : int
    """

    def __init__(
        self, lead_fields: LeadFieldPair, presets: Mapping[str, Preset], *, n: int, metrics: Sequence[str], seed: int
    ) -> None:
        self.lead_fields, self.presets, self.n = lead_fields, presets, n
        self.metrics, self.seed = metrics, seed
        self._kept: BoundNetwork | None = None

    @cached_property
    def _samples(self) -> dict[str, Samples]:
        return {
            name: simulate(self.lead_fields.truth, preset, self.n, self.seed) for name, preset in self.presets.items()
        }

    @cached_property
    def baseline(self) -> dict[str, float]:
        """Scores of eLORETA (``lambda2 = 0.1``)."""
        solver = ELORETA(lambda2=0.1).fit(self.lead_fields.model)
        return self._means(partial(evaluate, solver, metrics=self._metrics))

    @property
    def leading_name(self) -> str:
        """Name of the score that controls schedules and early stopping: first metric of the first preset."""
        return f"{next(iter(self.presets))} {self.metrics[0]}"

    def leading(self, scores: Mapping[str, float]) -> float:
        """Return the leading score, signed so that lower is better."""
        score = scores[self.leading_name]
        return -score if METRICS[self.metrics[0]].higher_is_better else score

    def scores(self, network: Network, device: torch.device) -> dict[str, float]:
        """Mean of each metric over the samples of each preset, in the precision in which networks are used."""
        was_training = network.training
        bound = self._bound(network, device)

        def estimate(samples: Samples, _start: int) -> np.ndarray:
            return bound.currents(samples.y.to(device)).double().cpu().numpy()

        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            found = self._means(
                partial(evaluate_estimates, estimate, metrics=self._metrics, leadfield=self.lead_fields.model)
            )
        network.train(was_training)
        return found

    def _bound(self, network: Network, device: torch.device) -> BoundNetwork:
        """Bind once, which takes seconds; quantities computed from the lead field do not depend on the weights."""
        if self._kept is None:
            self._kept = network.bind(self.lead_fields.model)
        self._kept.network = network
        return self._kept.to(device).eval()

    @property
    def _metrics(self) -> dict[str, Metric]:
        return {name: METRICS[name] for name in self.metrics}

    def _means(self, evaluation: Callable[..., Evaluation]) -> dict[str, float]:
        """Return the mean of each metric over the samples of each preset."""
        return {
            f"{name} {metric}": float(np.nanmean(values))
            for name, samples in self._samples.items()
            for metric, values in evaluation(samples=samples, chunk=CHUNK).values.items()
        }
