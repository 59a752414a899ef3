"""A whole training run: scenes and samples from a recipe, weights and card at the end, and on the way."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
import yaml

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file
from headwater.forward.leadfield import LeadField
from headwater.networks import NETWORKS
from headwater.networks.as_solver import NetworkSolver
from headwater.networks.base import Network
from headwater.simulation.preset_files import preset_to_yaml
from headwater.simulation.presets import Preset
from headwater.training.fit import fit
from headwater.training.losses import LOSSES
from headwater.training.losses.base import Loss
from headwater.training.module import Trainee
from headwater.training.recipe import Recipe, find_preset
from headwater.training.scenes import Scene
from headwater.training.schedule import Schedule
from headwater.training.validation import Validation
from headwater.weights.card import Card, LeadFieldMark
from headwater.weights.catalogue import load_network
from headwater.weights.files import WEIGHTS, read_network, save_network

RECIPE = "recipe.yaml"
INTENDED_USE = "Research on source localisation of M/EEG with simulated or recorded data; not a medical device."
LIMITS = (
    "Trained on simulated data of template heads, with the number, size and signal-to-noise ratio of sources that the "
    "preset says; what lies outside of it was not learnt. Compare with a classical solver before believing it."
)


def train(
    network: Network,
    leadfield: LeadField,
    preset: Preset,
    loss: Loss,
    *,
    steps: int,
    out: Path | str,
    seed: int = 0,
    batch_size: int = 32,
    resume: bool = False,
    **schedule: Any,
) -> NetworkSolver:
    """Train a network on samples of one lead field.

    Parameters
    ----------
    network : Network
        Trained in place; it ends with the averaged weights.
    leadfield : LeadField
    preset : Preset
    loss : Loss
        See `headwater.training.losses`.
    steps : int
    out : path-like
        Folder for weights, card, checkpoints and logs.
    seed : int
    batch_size : int
    resume : bool
        Go on from the last checkpoint in ``out``.
    **schedule
        Further arguments of `headwater.training.schedule.Schedule`.

    Returns
    -------
    solver : NetworkSolver
    """
    out = Path(out)
    _open(out, {"network": type(network).__name__, "config": _plain(network.config), "steps": steps}, resume=resume)
    plan = Schedule(steps=steps, **schedule)
    keep = KeepWeights(
        out / f"network{WEIGHTS}", preset, recipe={"schedule": _plain(vars(plan)), "seed": seed}, leadfield=leadfield
    )
    trainee = fit(
        network,
        [Scene(leadfield, leadfield)],
        preset,
        loss,
        plan,
        out=out,
        batch_size=batch_size,
        seed=seed,
        resume=resume,
        callbacks=[keep],
    )
    network.load_state_dict(trainee.average.module.state_dict())
    return load_network(keep.path)


def train_recipe(
    path: Path | str, out: Path | str, *, resume: bool = False, devices: int = 1, start: Path | None = None
) -> NetworkSolver:
    """Train what a recipe says.

    Parameters
    ----------
    path : path-like
        YAML file, see `headwater.training.recipe.Recipe`.
    out : path-like
        Folder for weights, card, checkpoints and logs.
    resume : bool
        Go on from the last checkpoint in ``out``.
    devices : int
    start : path-like | None
        Weights to begin with instead of random ones.

    Returns
    -------
    solver : NetworkSolver
    """
    path, out = Path(path), Path(out)
    recipe = Recipe.read(path)
    for name, table in ((recipe.network, NETWORKS), (recipe.loss, LOSSES)):
        if name not in table:
            raise InputError(f"The recipe {path.name} asks for {name!r}; choose {', '.join(table)}.")
    preset = find_preset(recipe.preset, path.parent)
    content = recipe.model_dump(mode="json")
    _open(out, content, resume=resume)
    scenes = [scene for heads in recipe.heads for scene in heads.scenes()]
    kind = NETWORKS[recipe.network]
    network = kind.for_leadfield(scenes[0].assumed, preset.n_times, **recipe.config)
    if start is not None:
        network.load_state_dict(read_network(start)[0].state_dict())
    keep = KeepWeights(
        out / f"{path.stem}{WEIGHTS}",
        preset,
        recipe=content,
        leadfield=None if kind.any_leadfield else scenes[0].assumed,
    )
    checks = recipe.validation
    fit(
        network,
        scenes,
        preset,
        LOSSES[recipe.loss](**recipe.loss_config),
        Schedule(**recipe.schedule),
        out=out,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        precision=recipe.precision,
        validation=None if checks is None else _validation(recipe, path.parent),
        validate_every=500 if checks is None else checks.every,
        devices=devices,
        resume=resume,
        callbacks=[keep],
    )
    return load_network(keep.path)


class KeepWeights(pl.Callback):
    """Write the averaged weights and their card after each validation and at the end.

    Parameters
    ----------
    path : Path
        Of the weights.
    preset : Preset
    recipe : dict
    leadfield : LeadField | None
        The one the network belongs to.
    """

    def __init__(self, path: Path, preset: Preset, *, recipe: dict[str, Any], leadfield: LeadField | None) -> None:
        self.path, self.preset, self.recipe = path, preset, recipe
        self.mark = None if leadfield is None else LeadFieldMark.of(leadfield)
        self._before, self._start = 0.0, time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._start = time.monotonic()

    def state_dict(self) -> dict[str, float]:
        """Seconds of training until now, over all interruptions."""
        return {"seconds": self._seconds}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Go on counting."""
        self._before = state_dict["seconds"]

    @property
    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._start

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write what there is."""
        self._save(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the result."""
        self._save(trainer, pl_module)

    def _save(self, trainer: pl.Trainer, trainee: pl.LightningModule) -> None:
        assert isinstance(trainee, Trainee)  # noqa: S101
        if not trainer.is_global_zero:
            return
        network = trainee.average.module
        assert isinstance(network, Network)  # noqa: S101
        scores = {name: float(value) for name, value in trainer.callback_metrics.items() if name != "loss"}
        card = Card(
            name=self.path.stem,
            network=next(name for name, kind in NETWORKS.items() if kind is type(network)),
            config=_plain(network.config),
            parameters=network.n_parameters,
            leadfield=self.mark,
            preset=preset_to_yaml(self.preset),
            recipe=self.recipe,
            steps=trainer.global_step,
            batch_size=trainee.batch_size * trainer.world_size,
            device=_device(trainee.device),
            hours=round(self._seconds / 3600, 3),
            validation={name: float(f"{value:.4g}") for name, value in scores.items()},
            baseline={} if trainee.validation is None else _rounded(trainee.validation.baseline),
            versions={name: version(name) for name in ("headwater", "torch", "lightning")},
            intended_use=INTENDED_USE,
            limits=LIMITS,
        )
        save_network(network, self.path, card)


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in values.items()}


def _validation(recipe: Recipe, folder: Path) -> Validation:
    checks = recipe.validation
    assert checks is not None  # noqa: S101
    (scene,) = checks.heads.scenes()
    presets = {name: find_preset(preset, folder) for name, preset in checks.presets.items()}
    return Validation(scene, presets, n=checks.n, metrics=checks.metrics, seed=checks.seed)


def _open(out: Path, content: dict[str, Any], *, resume: bool) -> None:
    """Begin a folder, or check that it holds the beginning of this very run."""
    path = out / RECIPE
    if resume:
        if not path.exists():
            raise InputError(f"{out} holds no training run; start without --resume.")
        if yaml.safe_load(path.read_text()) != content:
            raise InputError(f"{out} holds a run of another recipe; resume with that one, or choose another --out.")
        return
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out} is not empty; add --resume to go on with the run in it, or choose another --out.")
    with atomic_file(path) as temporary:
        temporary.write_text(yaml.safe_dump(content, sort_keys=False))


def _device(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type}"


def _plain(value: Any) -> Any:
    """Turn tuples into lists, as JSON and YAML have them."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
