"""How good a network is by now, on a head that it is not trained on, beside eLORETA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import torch

from headwater.metrics.table import METRICS
from headwater.networks.base import BoundNetwork, Network
from headwater.simulation.presets import Preset
from headwater.simulation.samples import Samples
from headwater.simulation.simulator import simulate
from headwater.solvers import ELORETA
from headwater.solvers.tuning import comparable, estimate_samples
from headwater.training.scenes import Scene

CHUNK = 32  # samples at a time


class Validation:
    """A fixed set of samples.

    Parameters
    ----------
    scene : Scene
    presets : dict of str to Preset
        By the name that scores are shown with.
    n : int
        Samples of each.
    metrics : sequence of str
        Of `headwater.metrics.METRICS`.
    seed : int
    """

    def __init__(
        self, scene: Scene, presets: Mapping[str, Preset], *, n: int, metrics: Sequence[str], seed: int
    ) -> None:
        self.scene, self.presets, self.n, self.metrics, self.seed = scene, presets, n, metrics, seed
        self._kept: BoundNetwork | None = None

    @cached_property
    def _samples(self) -> dict[str, Samples]:
        return {name: simulate(self.scene.measured, preset, self.n, self.seed) for name, preset in self.presets.items()}

    @cached_property
    def baseline(self) -> dict[str, float]:
        """Scores of eLORETA (``lambda2 = 0.1``)."""
        solver = ELORETA(lambda2=0.1).fit(self.scene.assumed)
        found: dict[str, float] = {}
        for name, samples in self._samples.items():
            parts = []
            for start in range(0, self.n, CHUNK):
                chunk = samples[start : start + CHUNK]
                x_true, x_est = comparable(
                    chunk.x.double().numpy(), estimate_samples(solver, chunk, in_noise_units=False), solver
                )
                parts.append(self._scores(x_true, x_est))
            found |= _means(name, parts)
        return found

    @property
    def leading_name(self) -> str:
        """Name of the score that schedules and early stopping go by: first metric of the first preset."""
        return f"{next(iter(self.presets))} {self.metrics[0]}"

    def leading(self, scores: Mapping[str, float]) -> float:
        """Return that score; the lower, the better."""
        score = scores[self.leading_name]
        return -score if METRICS[self.metrics[0]].higher_is_better else score

    def scores(self, network: Network, device: torch.device) -> dict[str, float]:
        """Mean of each metric over the samples of each preset, in the precision in which networks are used."""
        was_training = network.training
        bound = self._bound(network, device)
        found: dict[str, float] = {}
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            for name, samples in self._samples.items():
                parts = []
                for start in range(0, self.n, CHUNK):
                    chunk = samples[start : start + CHUNK]
                    estimate = bound.currents(chunk.y.to(device)).double().cpu().numpy()
                    parts.append(self._scores(chunk.x.double().numpy(), estimate))
                found |= _means(name, parts)
        network.train(was_training)
        return found

    def _bound(self, network: Network, device: torch.device) -> BoundNetwork:
        """Bind once, for that takes seconds; what was computed from the lead field serves all weights."""
        if self._kept is None:
            self._kept = network.bind(self.scene.assumed)
        self._kept.network = network
        return self._kept.to(device).eval()

    def _scores(self, x_true: np.ndarray, x_est: np.ndarray) -> dict[str, np.ndarray]:
        pos = self.scene.assumed.pos
        return {name: METRICS[name].function(x_true, x_est, pos=pos) for name in self.metrics}


def _means(name: str, parts: list[dict[str, np.ndarray]]) -> dict[str, float]:
    return {f"{name} {metric}": float(np.nanmean(np.concatenate([p[metric] for p in parts]))) for metric in parts[0]}
