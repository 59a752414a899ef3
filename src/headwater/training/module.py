"""Lightning module: one step of training, one round of validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from headwater._utils.errors import InputError
from headwater.networks.base import BoundNetwork, Network
from headwater.simulation.presets import Preset
from headwater.simulation.simulator import Simulator
from headwater.training.losses.base import Loss
from headwater.training.pairs import TrainingPair
from headwater.training.schedule import Plateau, Schedule
from headwater.training.validation import Validation

HALF = "16-mixed"  # gradients overflow occasionally; PyTorch's scaler then skips the step


class Diverged(InputError):
    """The loss or its gradient is no longer finite."""


class Trainee(pl.LightningModule):
    """A network that is trained on samples drawn on demand, on the training device.

    The samples and the pair of a step depend only on the seed and the step number, so a run that is resumed from a
    checkpoint equals an uninterrupted one.
    """

    def __init__(
        self,
        network: Network,
        pairs: Sequence[TrainingPair],
        preset: Preset,
        loss: Loss,
        schedule: Schedule,
        *,
        batch_size: int,
        seed: int,
        validation: Validation | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(schedule.ema)).requires_grad_(False)
        self.pairs, self.preset, self.loss, self.schedule = pairs, preset, loss, schedule
        self.batch_size, self.seed, self.validation = batch_size, seed, validation
        self.plateau = Plateau()
        weights = np.array([pair.weight for pair in pairs])
        self._probability = weights / weights.sum()
        # Parts that are not state of the network, in a dictionary so that PyTorch does not register them.
        self._unregistered: dict[str, Any] = {"bound": _bind(network, pairs)}

    @property
    def averaged(self) -> Network:
        """The network with averaged weights, which are the result."""
        network = self.average.module
        assert isinstance(network, Network)  # noqa: S101
        return network

    def rehearse(self) -> None:
        """Compute the loss of one sample of each preset, so that incompatible parts are refused before training."""
        first = {id(pair.preset): pair for pair in reversed(self.pairs)}
        for pair in first.values():
            bound = self._bound(pair).eval()
            with torch.no_grad():
                samples = next(self._simulator(pair).batches(self.seed, 1))
                self.loss(bound(samples.y), samples, bound)
            bound.train()

    def on_fit_start(self) -> None:
        """Move the simulators and bound networks to the training device."""
        for bound in self._unregistered["bound"].values():
            bound.to(self.device)
        self._unregistered["simulators"] = [self._simulator(pair) for pair in self.pairs]

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:  # noqa: ARG002 - the samples are drawn here
        """Simulate a batch, predict, and return the loss."""
        index = self.global_step * self.trainer.world_size + self.global_rank
        rng = np.random.default_rng([self.seed, index])
        number = int(rng.choice(len(self.pairs), p=self._probability))
        bound = self._bound(self.pairs[number])
        with torch.autocast(self.device.type, enabled=False):
            simulator = self._unregistered["simulators"][number]
            samples = next(simulator.batches(self.seed, self.batch_size, start=index * self.batch_size))
        torch.manual_seed(int(rng.integers(2**63)))  # dropout and random shifts, as in an uninterrupted run
        loss = self.loss(bound(samples.y), samples, bound)
        self.log("loss", loss)
        self._unregistered["finite"] = loss.detach().isfinite()
        return loss

    def configure_gradient_clipping(self, optimizer: Any, *args: Any, **kwargs: Any) -> None:
        """Clip the gradient; stop before a step that would make the weights NaN or infinite."""
        finite = self._unregistered["finite"]
        if self.trainer.precision != HALF:
            gradients = [one.grad for one in self.network.parameters() if one.grad is not None]
            finite = finite & torch.stack([one.norm() for one in gradients]).isfinite().all()
        if self.trainer.strategy.reduce_boolean_decision(not bool(finite), all=False):
            raise Diverged(
                f"The training diverged: the loss of step {self.global_step + 1} is not finite; the weights before it "
                "are kept; lower the learning rate of the recipe and start again with another `out`."
            )
        super().configure_gradient_clipping(optimizer, *args, **kwargs)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Take a step and update the averaged weights before any checkpoint can be written."""
        super().optimizer_step(*args, **kwargs)
        self.average.update_parameters(self.network)

    def validation_step(self, batch: Any, batch_idx: int) -> None:  # noqa: ARG002 - the samples are in the validation
        """Score the averaged weights on another head."""
        assert self.validation is not None  # noqa: S101
        scores = self.validation.scores(self.averaged, self.device)
        for name, value in scores.items():
            self.log(name, value, sync_dist=True, batch_size=1)
        if self.schedule.kind == "plateau":
            self.plateau.see(self.validation.leading(scores), self.schedule)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the state of the plateaus."""
        checkpoint["plateau"] = dict(vars(self.plateau))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the state of the plateaus."""
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

    def _simulator(self, pair: TrainingPair) -> Simulator:
        return Simulator(pair.truth, pair.preset or self.preset, self.device)

    def _bound(self, pair: TrainingPair) -> BoundNetwork:
        bound: BoundNetwork = self._unregistered["bound"][pair]
        return bound


def _bind(network: Network, pairs: Sequence[TrainingPair]) -> dict[TrainingPair, BoundNetwork]:
    """Bind a network to the model of each pair; pairs with the same model and no noise covariance share theirs."""
    shared: dict[str, BoundNetwork] = {}
    found = {}
    for pair in pairs:
        if pair.noise_cov is not None:
            found[pair] = network.bind(pair.model, pair.noise_cov)
            continue
        key = pair.model.fingerprint
        if key not in shared:
            shared[key] = network.bind(pair.model)
        found[pair] = shared[key]
    return found
