"""Write the averaged weights and the card of a training run, after each validation and at the end."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.networks import NETWORKS
from headwater.networks.base import Network
from headwater.simulation.preset_files import preset_to_yaml
from headwater.simulation.presets import Preset
from headwater.training.module import Diverged, Trainee
from headwater.weights.card import Card, LeadFieldMark
from headwater.weights.files import save_network

INTENDED_USE = "Research on source localisation of M/EEG with simulated or recorded data; not a medical device."
LIMITS = (
    "Trained on simulated data of template heads, with the number, size and signal-to-noise ratio of sources given by "
    "the preset; nothing outside this range was learned. Compare the estimate with that of a classical solver."
)


class KeepWeights(pl.Callback):
    """Write the averaged weights and their card after each validation and at the end.

    Parameters
    ----------
    path : Path
        Weights file.
    preset : Preset
    recipe : dict
    leadfield : LeadField | None
        Lead field that the network belongs to; None: any.
    best : bool
        Keep the weights of the best validation, by its first score, instead of the last ones.
    """

    def __init__(
        self, path: Path, preset: Preset, *, recipe: dict[str, Any], leadfield: LeadField | None, best: bool = False
    ) -> None:
        self.path, self.preset, self.recipe, self.best = path, preset_to_yaml(preset), recipe, best
        self.mark = None if leadfield is None else LeadFieldMark.of(leadfield)
        self._before, self._start = 0.0, time.monotonic()
        self._scored, self._lowest = -1, float("inf")

    def on_train_start(self, *args: Any) -> None:  # noqa: ARG002 - Lightning gives more than is needed
        """Start the clock."""
        self._start = time.monotonic()

    def state_dict(self) -> dict[str, float]:
        """Seconds of training so far, across interruptions, and the best score."""
        return {"seconds": self._seconds, "lowest": self._lowest}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Restore both."""
        self._before = state_dict["seconds"]
        self._lowest = state_dict.get("lowest", float("inf"))

    @property
    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._start

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the weights of this validation."""
        assert isinstance(pl_module, Trainee)  # noqa: S101
        assert pl_module.validation is not None  # noqa: S101
        scores = {name: float(trainer.callback_metrics[name]) for name in pl_module.validation.baseline}
        self._scored = trainer.global_step
        self._save(trainer, pl_module, scores)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the result."""
        assert isinstance(pl_module, Trainee)  # noqa: S101
        if self._scored == trainer.global_step or not trainer.is_global_zero:
            return
        validation = pl_module.validation
        scores = {} if validation is None else validation.scores(pl_module.averaged, pl_module.device)
        self._save(trainer, pl_module, scores)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Write the last weights before training diverged, which are still finite."""
        if isinstance(exception, Diverged) and trainer.global_step:
            self.on_train_end(trainer, pl_module)

    def _save(self, trainer: pl.Trainer, trainee: Trainee, scores: dict[str, float]) -> None:
        validation = trainee.validation
        if self.best and validation is not None:
            score = validation.leading(scores)
            if not score < self._lowest:
                return
            self._lowest = score
        if not trainer.is_global_zero:
            return
        network = trainee.averaged
        card = Card(
            name=self.path.stem,
            network=name_in_table(network),
            config=plain(network.config),
            parameters=trainee.network.n_parameters,
            leadfield=self.mark,
            preset=self.preset,
            recipe=self.recipe,
            steps=trainer.global_step,
            batch_size=trainee.batch_size * trainer.world_size,
            device=_device(trainee.device),
            hours=round(self._seconds / 3600, 3),
            validation=_rounded(scores),
            baseline={} if validation is None else _rounded(validation.baseline),
            versions={name: version(name) for name in ("headwater", "torch", "lightning")},
            intended_use=INTENDED_USE,
            limits=LIMITS,
        )
        save_network(network, self.path, card)


def name_in_table(network: Network) -> str:
    """Return the name by which a network's class is found when its weights are read."""
    for name, kind in NETWORKS.items():
        if kind is type(network):
            return name
    kind = type(network)
    raise InputError(
        f"Weights of {kind.__name__} could not be read again; add it to the table first: "
        f"headwater.networks.NETWORKS['my-network'] = {kind.__name__}."
    )


def plain(value: Any) -> Any:
    """Turn tuples into lists, as in JSON and YAML."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in values.items()}


def _device(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type}"
