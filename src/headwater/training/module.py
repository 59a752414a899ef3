"""One step of training, one round of validation: what Lightning is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from headwater.networks.base import Network
from headwater.simulation.presets import Preset
from headwater.simulation.simulator import Simulator
from headwater.training.losses.base import Loss
from headwater.training.scenes import Scene
from headwater.training.schedule import Plateau, Schedule
from headwater.training.validation import Validation


class Trainee(pl.LightningModule):
    """A network that is trained on samples drawn as they are needed, on the device that trains.

    Sample and scene of a step depend on the seed and the number of the step alone, so that a run that goes on from a
    checkpoint is the run that was never interrupted.
    """

    def __init__(
        self,
        network: Network,
        scenes: Sequence[Scene],
        preset: Preset,
        loss: Loss,
        schedule: Schedule,
        *,
        batch_size: int,
        seed: int,
        validation: Validation | None,
    ) -> None:
        super().__init__()
        self.network = network
        self.average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(schedule.ema)).requires_grad_(False)
        self.scenes, self.preset, self.loss, self.schedule = scenes, preset, loss, schedule
        self.batch_size, self.seed, self.validation = batch_size, seed, validation
        self.plateau = Plateau()
        weights = np.array([scene.weight for scene in scenes])
        self._probability = weights / weights.sum()
        self._unregistered: dict[str, Any] = {}  # parts that are not the network's state

    def on_fit_start(self) -> None:
        """Bind the network to every scene, on the device."""
        known = {scene.assumed.fingerprint: scene.assumed for scene in self.scenes}
        bound = {key: self.network.bind(assumed).to(self.device) for key, assumed in known.items()}
        self._unregistered["bound"] = [bound[scene.assumed.fingerprint] for scene in self.scenes]
        self._unregistered["simulators"] = [
            Simulator(scene.measured, self.preset, self.device) for scene in self.scenes
        ]

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        """Simulate a batch, predict, compare."""
        index = self.global_step * self.trainer.world_size + self.global_rank
        rng = np.random.default_rng([self.seed, index])
        scene = int(rng.choice(len(self.scenes), p=self._probability))
        bound = self._unregistered["bound"][scene]
        with torch.autocast(self.device.type, enabled=False):
            simulator = self._unregistered["simulators"][scene]
            samples = next(simulator.batches(self.seed, self.batch_size, start=index * self.batch_size))
        torch.manual_seed(int(rng.integers(2**63)))  # dropout and random shifts, as in an uninterrupted run
        loss = self.loss(bound(samples.y), samples, bound)
        self.log("loss", loss)
        return loss

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Take a step and let the averaged weights follow, before any checkpoint can be written."""
        super().optimizer_step(*args, **kwargs)
        self.average.update_parameters(self.network)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Score the averaged weights on another head."""
        assert self.validation is not None  # noqa: S101
        network = self.average.module
        assert isinstance(network, Network)  # noqa: S101
        scores = self.validation.scores(network, self.device)
        for name, value in scores.items():
            self.log(name, value, sync_dist=True, batch_size=1)
        if self.schedule.kind == "plateau":
            self.plateau.see(self.validation.leading(scores), self.schedule)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Remember the plateaus."""
        checkpoint["plateau"] = dict(vars(self.plateau))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from the plateaus until then."""
        self.plateau = Plateau(**checkpoint.get("plateau", {}))

    def configure_optimizers(self) -> Any:
        """AdamW; warm-up, then decay."""
        plan = self.schedule
        decayed = [one for one in self.network.parameters() if one.ndim > 1]
        others = [one for one in self.network.parameters() if one.ndim <= 1]
        optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=plan.learning_rate,
            betas=plan.betas,
        )

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: plan.share(step) * self.plateau.share)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
