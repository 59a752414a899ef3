"""A complete training run, from a recipe to weights and their card."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from headwater._utils.claim import Claim
from headwater._utils.errors import InputError
from headwater._utils.settings import check_settings
from headwater.forward.leadfield import LeadField
from headwater.networks import NETWORKS
from headwater.networks.as_solver import NetworkSolver
from headwater.networks.base import Network
from headwater.simulation.presets import Preset
from headwater.training.bundled import recipe_file
from headwater.training.checkpoints import last_checkpoint, read_checkpoint
from headwater.training.fit import Conduct, fit, is_first_process
from headwater.training.keep import KeepWeights, name_in_table, plain
from headwater.training.logs import RECIPE, has_logs
from headwater.training.losses import LOSSES
from headwater.training.losses.base import Loss
from headwater.training.module import Trainee
from headwater.training.page import write_training_page
from headwater.training.pairs import TrainingPair
from headwater.training.recipe import Checks, Recipe, find_preset
from headwater.training.schedule import Schedule
from headwater.training.validation import Validation
from headwater.weights.card import WEIGHTS
from headwater.weights.catalogue import load_network
from headwater.weights.files import read_network

FREE = ("schedule.steps",)  # what may change when a run is resumed


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
        Trained in place; receives the averaged weights at the end.
    leadfield : LeadField
    preset : Preset
    loss : Loss
        See `headwater.training.losses`.
    steps : int
    out : path-like
        Folder for weights, card, checkpoints, logs and ``report.html``.
    seed : int
        Of the samples; the network is already initialised.
    batch_size : int
    resume : bool
        Continue from the last checkpoint in ``out``; ``steps`` may now be larger.
    **schedule
        Additional arguments of `headwater.training.schedule.Schedule`.

    Returns
    -------
    solver : NetworkSolver

    Examples
    --------
    >>> import headwater as hw
    >>> head = hw.template_head()
    >>> leadfield = hw.make_leadfield(head, hw.montage_info(head, "biosemi16"), spacing=30.0, method="sphere")
    >>> from headwater.training.losses import CurrentL1
    >>> network = hw.networks.FCN.for_leadfield(leadfield)
    >>> hw.train(network, leadfield, hw.presets.PIUNET, CurrentL1(), steps=5000, out="run")  # doctest: +SKIP
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
    claim = Claim(out, RECIPE, content, FREE, resume)
    _check_folder(claim)
    keep = KeepWeights(
        out / f"network{WEIGHTS}", preset, recipe=content, leadfield=None if network.any_leadfield else leadfield
    )
    pairs = [TrainingPair.inverse_crime(leadfield)]
    trainee = Trainee(network, pairs, preset, loss, plan, batch_size=batch_size, seed=seed)
    solver = _run(claim, trainee, keep, Conduct())
    network.load_state_dict(trainee.averaged.state_dict())
    return solver


def train_recipe(
    path: Path | str, out: Path | str, *, resume: bool = False, devices: int = 1, start: Path | None = None
) -> NetworkSolver:
    """Train the network of a recipe.

    Everything is checked before ``out`` is created: the recipe, the lead fields, the network, and one sample.

    Parameters
    ----------
    path : str | path-like
        Name of a bundled recipe (``headwater list recipes``) or a YAML file, see `headwater.training.recipe.Recipe`.
    out : path-like
        Folder for weights, card, checkpoints, logs and ``report.html``.
    resume : bool
        Continue from the last checkpoint in ``out``; the recipe may now have more steps.
    devices : int
    start : path-like | None
        Initial weights instead of random ones.

    Returns
    -------
    solver : NetworkSolver
    """
    path, out = recipe_file(path), Path(out)
    recipe = Recipe.read(path)
    preset = find_preset(recipe.preset, path.parent)
    checks = recipe.validation
    conduct = Conduct(
        validate_every=500 if checks is None else checks.every,
        patience=recipe.patience,
        precision=recipe.precision,
        devices=devices,
    )
    conduct.check()
    content = recipe.model_dump(mode="json")
    claim = Claim(out, RECIPE, content, FREE, resume)
    _check_folder(claim)
    validation = None if checks is None else validation_of(checks, path.parent)
    known = None if start is None else _start(start, recipe)
    pairs = _pairs(recipe, path.parent)
    network = _network(recipe, pairs, preset.n_times, known)
    keep = KeepWeights(
        out / f"{path.stem}{WEIGHTS}",
        preset,
        recipe=content,
        leadfield=None if network.any_leadfield else pairs[0].model,
        best=recipe.patience is not None,
    )
    loss = LOSSES[recipe.loss](**recipe.loss_config)
    trainee = Trainee(
        network,
        pairs,
        preset,
        loss,
        recipe.schedule,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        validation=validation,
    )
    return _run(claim, trainee, keep, conduct)


def _pairs(recipe: Recipe, folder: Path) -> list[TrainingPair]:
    """Make all pairs of lead fields, each with the samples of its heads; the files of these are read first."""
    presets = {name: find_preset(name, folder) for name in {heads.preset or recipe.preset for heads in recipe.heads}}
    pairs: list[TrainingPair] = []
    for heads in recipe.heads:
        preset = presets[heads.preset or recipe.preset]
        for pair in heads.pairs():
            quiet = replace(pair, preset=preset)
            pairs.append(quiet if heads.noise is None else heads.noise.added(quiet, preset, len(pairs)))
    return pairs


def _check_folder(claim: Claim) -> None:
    """Refuse a folder that cannot be used, or a checkpoint that cannot be read, before anything is computed."""
    if is_first_process() and claim.check() and last_checkpoint(claim.folder).exists():
        read_checkpoint(last_checkpoint(claim.folder))


def _run(claim: Claim, trainee: Trainee, keep: KeepWeights, conduct: Conduct) -> NetworkSolver:
    """Train in the claimed folder; other processes read what the first one has written."""
    trainee.rehearse()
    held: AbstractContextManager[bool] = claim.hold() if is_first_process() else nullcontext(bool(claim.resume))
    with held as begun:
        # A run that was stopped before its first checkpoint starts again.
        resume = begun and last_checkpoint(claim.folder).exists()
        try:
            fit(trainee, out=claim.folder, conduct=conduct, resume=resume, callbacks=[keep])
        finally:
            if is_first_process() and has_logs(claim.folder):
                write_training_page(claim.folder)
        return load_network(keep.path)


def validation_of(checks: Checks, folder: Path) -> Validation:
    """Make the validation of a recipe; presets that are files are relative to the folder."""
    presets = {name: find_preset(file, folder) for name, file in checks.presets.items()}
    (pair,) = checks.heads.pairs()
    return Validation(pair.lead_fields, presets, n=checks.n, metrics=checks.metrics, seed=checks.seed)


def _start(start: Path, recipe: Recipe) -> Network:
    """Read initial weights, which must belong to the same network."""
    known, card = read_network(start)
    kind = NETWORKS[recipe.network]
    given = check_settings(kind.__name__, kind.__init__, recipe.config)
    if card.network != recipe.network or any(
        known.config[name] != value for name, value in given.items() if name not in kind.free_settings
    ):
        raise _other_network(start)
    return known


def _other_network(start: Any) -> InputError:
    return InputError(f"The weights {start} belong to a network other than that of the recipe; leave out `start`.")


def _shape(network: Network) -> Any:
    """Return the settings that must be those of the weights to begin with."""
    return plain({name: value for name, value in network.config.items() if name not in network.free_settings})


def _network(recipe: Recipe, pairs: list[TrainingPair], n_times: int, known: Network | None) -> Network:
    """Make the network of a recipe, with random weights determined by its seed, or with given ones."""
    kind = NETWORKS[recipe.network]
    if not kind.any_leadfield and len({pair.model.fingerprint for pair in pairs}) > 1:
        raise InputError(
            f"{kind.__name__} belongs to one lead field, and the recipe has several; give all of `heads` the same "
            "montage, space, spacing and assumed head (the data may come from many)."
        )
    torch.manual_seed(recipe.seed)
    try:
        network = kind.for_leadfield(pairs[0].model, n_times, **recipe.config)
    except TypeError as error:
        raise InputError(f"{kind.__name__} cannot be made with the config of the recipe: {error}.") from error
    if known is None:
        return network
    if _shape(known) != _shape(network):
        raise _other_network("to begin with")
    network.load_state_dict(known.state_dict())
    return network
