"""Lightning's loop around a network: checkpoints, logs, progress, and going on where a run was interrupted."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader, Dataset

from headwater._utils.errors import InputError
from headwater.networks.base import Network
from headwater.simulation.presets import Preset
from headwater.training.losses.base import Loss
from headwater.training.module import Trainee
from headwater.training.scenes import Scene
from headwater.training.schedule import Schedule
from headwater.training.validation import Validation

CHECKPOINTS = "checkpoints"
EVERY = timedelta(minutes=3)  # between checkpoints


class Count(Dataset[int]):
    """The numbers below n."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> int:
        return index


def fit(
    network: Network,
    scenes: Sequence[Scene],
    preset: Preset,
    loss: Loss,
    schedule: Schedule,
    *,
    out: Path,
    batch_size: int = 32,
    seed: int = 0,
    validation: Validation | None = None,
    validate_every: int = 500,
    precision: Any = "32-true",
    devices: int = 1,
    resume: bool = False,
    callbacks: Sequence[pl.Callback] = (),
) -> Trainee:
    """Train a network.

    Parameters
    ----------
    network : Network
        Trained in place.
    scenes : sequence of Scene
    preset : Preset
    loss : Loss
    schedule : Schedule
    out : Path
        Folder for checkpoints and logs (CSV and TensorBoard).
    batch_size : int
        Of each device.
    seed : int
    validation : Validation | None
    validate_every : int
        Steps.
    precision
        As Lightning names it: ``"32-true"``, ``"bf16-mixed"``, ``"16-mixed"``.
    devices : int
        How many share the work.
    resume : bool
        Go on from the last checkpoint in ``out``.
    callbacks : sequence of lightning.pytorch.Callback

    Returns
    -------
    trainee : Trainee
        ``trainee.average.module`` has the averaged weights, which are the ones to keep.
    """
    last = out / CHECKPOINTS / "last.ckpt"
    if resume and not last.exists():
        raise InputError(f"There is no checkpoint in {out}; start without --resume.")
    pl.seed_everything(seed, verbose=False)
    trainee = Trainee(network, scenes, preset, loss, schedule, batch_size=batch_size, seed=seed, validation=validation)
    checkpoint = ModelCheckpoint(
        out / CHECKPOINTS,
        "last",
        save_top_k=1,
        train_time_interval=EVERY,
        save_on_exception=True,
        enable_version_counter=False,
    )
    trainer = pl.Trainer(
        accelerator="auto",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        max_steps=schedule.steps,
        max_epochs=-1,
        precision=precision,
        gradient_clip_val=schedule.clip,
        callbacks=[checkpoint, RichProgressBar(), *callbacks],
        logger=[CSVLogger(out, "", "log"), TensorBoardLogger(out, "", "log")],
        log_every_n_steps=20,
        val_check_interval=validate_every if validation is not None else None,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        limit_val_batches=1 if validation is not None else 0,
        enable_model_summary=False,
    )
    # Samples are drawn in the training step; the loaders only count.
    steps, once = (DataLoader(Count(n), batch_size=None) for n in (schedule.steps + 1, 1))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        trainer.fit(trainee, steps, once, ckpt_path=str(last) if resume else None, weights_only=True)
    if trainer.interrupted:
        raise KeyboardInterrupt
    return trainee
