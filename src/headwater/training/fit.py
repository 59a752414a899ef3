"""Training loop with Lightning: checkpoints, logs, progress, and resuming interrupted runs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader, Dataset

from headwater._utils.errors import InputError
from headwater.metrics.table import METRICS
from headwater.networks.as_solver.network_solver import out_of_memory
from headwater.training.checkpoints import Checkpoints, DurableCheckpointIO, last_checkpoint
from headwater.training.display import Display, quiet
from headwater.training.interruption import Interruption
from headwater.training.module import HALF, Trainee
from headwater.training.validation import Validation

# Warnings of Lightning that do not apply to loaders that only count, and of a future renaming in PyTorch.
IRRELEVANT = (
    ".*does not have many workers.*",
    "Checkpoint directory .* exists and is not empty.*",
    ".*checkpoint that ended before the epoch ended.*",
    ".*treespec, LeafSpec.*",
)


@dataclass(frozen=True, kw_only=True)
class Conduct:
    """How a network is trained, as opposed to what is trained.

    Attributes
    ----------
    validate_every : int
        Steps between validations.
    patience : int | None
        Stop after this number of validations without improvement of the first score; None: never.
    precision : str
        As named by Lightning: ``"32-true"``, ``"bf16-mixed"``, ``"16-mixed"`` (GPU only).
    devices : int
        Number of devices that share the work.
    """

    validate_every: int = 500
    patience: int | None = None
    precision: Any = "32-true"
    devices: int = 1

    def check(self) -> None:
        """Refuse what this machine cannot do."""
        if self.precision == HALF and not torch.cuda.is_available():
            raise InputError("Precision 16-mixed needs a GPU; use bf16-mixed or 32-true.")
        n_devices = torch.cuda.device_count() or os.cpu_count() or 1
        if not 1 <= self.devices <= n_devices:
            raise InputError(f"`devices` is {self.devices}; give a number from 1 to {n_devices}, as this machine has.")


class Count(Dataset[int]):
    """The integers below n."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> int:
        return index


def is_first_process() -> bool:
    """Whether this is the only process of a training run, or the one that writes and prints for all."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0


def fit(
    trainee: Trainee,
    *,
    out: Path,
    conduct: Conduct | None = None,
    resume: bool = False,
    callbacks: Sequence[pl.Callback] = (),
) -> Trainee:
    """Train a network.

    Ctrl-C ends the training after the current step; the checkpoint is kept, and ``KeyboardInterrupt`` raised.

    Parameters
    ----------
    trainee : Trainee
        Trained in place: ``trainee.averaged`` has the weights to keep.
    out : Path
        Folder for checkpoints and logs (CSV and TensorBoard).
    conduct : Conduct | None
    resume : bool
        Continue from the last checkpoint in ``out``; the schedule may now have more steps.
    callbacks : sequence of lightning.pytorch.Callback

    Returns
    -------
    trainee : Trainee
    """
    conduct = conduct or Conduct()
    conduct.check()
    last = last_checkpoint(out)
    if resume and not last.exists():
        raise InputError(f"There is no checkpoint in {out}; leave out `resume`.")
    interruption = Interruption()
    with _only_what_matters(), _memory_in_words(trainee.batch_size):
        pl.seed_everything(trainee.seed, verbose=False)
        stops = _stops(trainee.validation, conduct.patience, trainee.schedule.kind)
        ours = [Checkpoints(out), interruption, *stops, *callbacks, Display()]
        trainer = _trainer(trainee, out, conduct, ours)
        # Samples are drawn in the training step; the loaders only count.
        steps, once = (DataLoader(Count(n), batch_size=None) for n in (trainee.schedule.steps + 1, 1))
        with interruption.listening():
            try:
                trainer.fit(trainee, steps, once, ckpt_path=str(last) if resume else None, weights_only=True)
            except SystemExit as ended:  # raised by Lightning on Ctrl-C, after it has written a checkpoint
                raise KeyboardInterrupt from ended
        trainer.save_checkpoint(last)
    return trainee


def _trainer(trainee: Trainee, out: Path, conduct: Conduct, callbacks: list[pl.Callback]) -> pl.Trainer:
    validated = trainee.validation is not None
    return pl.Trainer(
        accelerator="auto",
        devices=conduct.devices,
        strategy="ddp" if conduct.devices > 1 else "auto",
        plugins=[DurableCheckpointIO()],
        use_distributed_sampler=False,
        max_steps=trainee.schedule.steps,
        max_epochs=-1,
        precision=conduct.precision,
        gradient_clip_val=trainee.schedule.clip,
        callbacks=callbacks,
        logger=_logs(out),
        log_every_n_steps=min(20, trainee.schedule.steps),
        val_check_interval=conduct.validate_every if validated else None,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        limit_val_batches=1 if validated else 0,
        enable_model_summary=False,
        enable_progress_bar=False,
    )


@contextmanager
def _only_what_matters() -> Iterator[None]:
    """Hide remarks of Lightning that do not apply here."""
    with quiet(), warnings.catch_warnings():
        for message in IRRELEVANT:
            warnings.filterwarnings("ignore", message=message)
        yield


@contextmanager
def _memory_in_words(batch_size: int) -> Iterator[None]:
    """Turn a lack of memory into an error with a remedy."""
    try:
        yield
    except (torch.OutOfMemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise InputError(
            f"Memory is insufficient to train on {batch_size} samples at a time; lower batch_size, or use a coarser "
            "spacing or a smaller network."
        ) from error


def _stops(validation: Validation | None, patience: int | None, kind: str) -> list[pl.Callback]:
    """Return the callback that stops early, if any."""
    if validation is None:
        if patience is not None or kind == "plateau":
            raise InputError("Patience and plateaus need a validation; describe one, or use a cosine schedule.")
        return []
    if patience is None:
        return []
    mode = "max" if METRICS[validation.metrics[0]].higher_is_better else "min"
    return [EarlyStopping(validation.leading_name, patience=patience, mode=mode, check_on_train_epoch_end=False)]


def _logs(out: Path) -> list[Any]:
    """Loggers with a new folder; logs of earlier parts of the run are kept."""
    begun = len(list(out.glob("log*")))
    name = f"log-{begun + 1}" if begun else "log"
    return [CSVLogger(out, "", name), TensorBoardLogger(out, "", name)]
