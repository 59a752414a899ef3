"""A whole training run: scenes and samples from a recipe, weights and card at the end, and on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file
from headwater.forward.leadfield import LeadField
from headwater.networks import NETWORKS
from headwater.networks.as_solver import NetworkSolver
from headwater.networks.base import Network
from headwater.simulation.presets import Preset
from headwater.training.fit import fit, is_first_process, last_checkpoint
from headwater.training.keep import KeepWeights, name_in_table, plain
from headwater.training.losses import LOSSES
from headwater.training.losses.base import Loss
from headwater.training.recipe import Recipe, find_preset
from headwater.training.scenes import Scene
from headwater.training.schedule import Schedule
from headwater.training.validation import Validation
from headwater.weights.catalogue import load_network
from headwater.weights.files import WEIGHTS, read_network

RECIPE = "recipe.yaml"


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
        Of the samples; the network has been initialised already.
    batch_size : int
    resume : bool
        Go on from the last checkpoint in ``out``; ``steps`` may be more by now.
    **schedule
        Further arguments of `headwater.training.schedule.Schedule`.

    Returns
    -------
    solver : NetworkSolver
    """
    out = Path(out)
    plan = Schedule(steps=steps, **schedule)
    content = {
        "network": name_in_table(network),
        "config": plain(network.config),
        "preset": preset.name,
        "loss": type(loss).__name__,
        "schedule": plain(vars(plan)),
        "batch_size": batch_size,
        "seed": seed,
    }
    keep = KeepWeights(
        out / f"network{WEIGHTS}", preset, recipe=content, leadfield=None if network.any_leadfield else leadfield
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
        resume=_open(out, content, resume=resume),
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
        Go on from the last checkpoint in ``out``; the recipe may ask for more steps by now.
    devices : int
    start : path-like | None
        Weights to begin with instead of random ones.

    Returns
    -------
    solver : NetworkSolver
    """
    path, out = Path(path), Path(out)
    recipe = Recipe.read(path)
    preset = find_preset(recipe.preset, path.parent)
    checks = recipe.validation
    presets = {} if checks is None else {one: find_preset(file, path.parent) for one, file in checks.presets.items()}
    content = recipe.model_dump(mode="json")
    resume = _open(out, content, resume=resume)
    scenes = [scene for heads in recipe.heads for scene in heads.scenes()]
    network = _network(recipe, scenes, preset.n_times, start)
    keep = KeepWeights(
        out / f"{path.stem}{WEIGHTS}",
        preset,
        recipe=content,
        leadfield=None if network.any_leadfield else scenes[0].assumed,
        best=recipe.patience is not None,
    )
    validation = None
    if checks is not None:
        (scene,) = checks.heads.scenes()
        validation = Validation(scene, presets, n=checks.n, metrics=checks.metrics, seed=checks.seed)
    fit(
        network,
        scenes,
        preset,
        LOSSES[recipe.loss](**recipe.loss_config),
        recipe.schedule,
        out=out,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        precision=recipe.precision,
        validation=validation,
        validate_every=500 if checks is None else checks.every,
        patience=recipe.patience,
        devices=devices,
        resume=resume,
        callbacks=[keep],
    )
    return load_network(keep.path)


def _network(recipe: Recipe, scenes: list[Scene], n_times: int, start: Path | None) -> Network:
    """Make the network of a recipe, with random weights that follow from its seed, or with those in a file."""
    kind = NETWORKS[recipe.network]
    if not kind.any_leadfield and len({scene.assumed.fingerprint for scene in scenes}) > 1:
        raise InputError(
            f"{kind.__name__} belongs to one lead field, and the recipe has several; let all of heads have the "
            "same montage, space, spacing and assumed head (the data may come from many)."
        )
    torch.manual_seed(recipe.seed)
    try:
        network = kind.for_leadfield(scenes[0].assumed, n_times, **recipe.config)
    except TypeError as error:
        raise InputError(f"{kind.__name__} cannot be made with the config of the recipe: {error}.") from error
    if start is None:
        return network
    known, card = read_network(start)
    if (card.network, plain(known.config)) != (recipe.network, plain(network.config)):
        raise InputError(f"The weights {start} are of another network than that of the recipe; leave out `start`.")
    network.load_state_dict(known.state_dict())
    return network


def _open(out: Path, content: dict[str, Any], *, resume: bool) -> bool:
    """Begin a folder, or check that it holds the beginning of this run, but for its number of steps.

    Returns
    -------
    resume : bool
        Whether there is a checkpoint to go on from; not where the run was stopped before the first one.
    """
    path = out / RECIPE
    if is_first_process():  # further processes find what the first one has written
        if resume:
            if not path.exists():
                raise InputError(f"{out} holds no training run; start without `resume`.")
            if _but_for_steps(yaml.safe_load(path.read_text())) != _but_for_steps(content):
                raise InputError(f"{out} holds a run of another recipe; resume with that one, or choose another `out`.")
        elif out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(
                f"{out} is not empty; set `resume=True` to go on with the run in it, or choose another `out`."
            )
        with atomic_file(path) as temporary:
            temporary.write_text(yaml.safe_dump(content, sort_keys=False))
    return resume and last_checkpoint(out).exists()


def _but_for_steps(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "schedule": {**content["schedule"], "steps": None}}
