"""Lightning's loop around a network: checkpoints, logs, progress, and going on where a run was interrupted."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from torch.utils.data import DataLoader, Dataset

from headwater._utils.errors import InputError
from headwater.metrics.table import METRICS
from headwater.networks.base import Network
from headwater.simulation.presets import Preset
from headwater.training.display import Display, quiet
from headwater.training.interruption import Interruption
from headwater.training.losses.base import Loss
from headwater.training.module import Trainee
from headwater.training.scenes import Scene
from headwater.training.schedule import Schedule
from headwater.training.validation import Validation

CHECKPOINTS = "checkpoints"
EVERY = timedelta(minutes=3)  # between checkpoints
# What Lightning warns of where loaders only count, and of what PyTorch will one day be called.
BESIDE_THE_POINT = (
    ".*does not have many workers.*",
    "Checkpoint directory .* exists and is not empty.*",
    ".*checkpoint that ended before the epoch ended.*",
    ".*treespec, LeafSpec.*",
)


class Count(Dataset[int]):
    """The numbers below n."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> int:
        return index


def is_first_process() -> bool:
    """Whether this is the only process of a training, or the one that writes and speaks for all."""
    return getattr(rank_zero_only, "rank", 0) == 0


def last_checkpoint(out: Path) -> Path:
    """Where a run in a folder keeps the state it can go on from."""
    return out / CHECKPOINTS / "last.ckpt"


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
    patience: int | None = None,
    precision: Any = "32-true",
    devices: int = 1,
    resume: bool = False,
    callbacks: Sequence[pl.Callback] = (),
) -> Trainee:
    """Train a network.

    Ctrl-C ends the training after the step that is being worked on; the checkpoint is kept, and ``KeyboardInterrupt``
    raised.

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
    patience : int | None
        Stop after so many validations without improvement of the first score; None: never.
    precision
        As Lightning names it: ``"32-true"``, ``"bf16-mixed"``, ``"16-mixed"`` (GPU only).
    devices : int
        How many share the work.
    resume : bool
        Go on from the last checkpoint in ``out``; the schedule may have more steps by now.
    callbacks : sequence of lightning.pytorch.Callback

    Returns
    -------
    trainee : Trainee
        ``trainee.average.module`` has the averaged weights, which are the ones to keep.
    """
    last = last_checkpoint(out)
    if resume and not last.exists():
        raise InputError(f"There is no checkpoint in {out}; start without `resume`.")
    if validation is None and (patience is not None or schedule.kind == "plateau"):
        raise InputError("Patience and plateaus go by the validation; describe one, or use a cosine schedule.")
    if precision == "16-mixed" and not torch.cuda.is_available():
        raise InputError("Precision 16-mixed needs a GPU; use bf16-mixed or 32-true.")
    interruption = Interruption()
    stops = [] if patience is None or validation is None else [_early_stopping(validation, patience)]
    with quiet(), warnings.catch_warnings():
        for beside_the_point in BESIDE_THE_POINT:
            warnings.filterwarnings("ignore", message=beside_the_point)
        pl.seed_everything(seed, verbose=False)
        trainee = Trainee(
            network, scenes, preset, loss, schedule, batch_size=batch_size, seed=seed, validation=validation
        )
        trainer = pl.Trainer(
            accelerator="auto",
            devices=devices,
            strategy="ddp" if devices > 1 else "auto",
            use_distributed_sampler=False,
            max_steps=schedule.steps,
            max_epochs=-1,
            precision=precision,
            gradient_clip_val=schedule.clip,
            callbacks=[_checkpoints(out), interruption, *stops, *callbacks, Display()],
            logger=_logs(out),
            log_every_n_steps=min(20, schedule.steps),
            val_check_interval=validate_every if validation is not None else None,
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            limit_val_batches=1 if validation is not None else 0,
            enable_model_summary=False,
            enable_progress_bar=False,
        )
        # Samples are drawn in the training step; the loaders only count.
        steps, once = (DataLoader(Count(n), batch_size=None) for n in (schedule.steps + 1, 1))
        with interruption.listening():
            try:
                trainer.fit(trainee, steps, once, ckpt_path=str(last) if resume else None, weights_only=True)
            except SystemExit as ended:  # what Lightning makes of Ctrl-C, with a checkpoint written
                raise KeyboardInterrupt from ended
        trainer.save_checkpoint(last)
    return trainee


def _checkpoints(out: Path) -> ModelCheckpoint:
    return ModelCheckpoint(
        out / CHECKPOINTS,
        "last",
        save_top_k=1,
        train_time_interval=EVERY,
        save_on_exception=True,
        enable_version_counter=False,
    )


def _early_stopping(validation: Validation, patience: int) -> EarlyStopping:
    mode = "max" if METRICS[validation.metrics[0]].higher_is_better else "min"
    return EarlyStopping(validation.leading_name, patience=patience, mode=mode, check_on_train_epoch_end=False)


def _logs(out: Path) -> list[Any]:
    """Loggers of a folder of their own; those of the runs before are kept."""
    begun = len(list(out.glob("log*")))
    name = f"log-{begun + 1}" if begun else "log"
    return [CSVLogger(out, "", name), TensorBoardLogger(out, "", name)]
