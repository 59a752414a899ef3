"""Display of a training run: the network, its progress, and its scores compared with those of eLORETA."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning.pytorch as pl
from rich.progress import Progress, TaskID

from headwater._utils.progress import console, progress_bar
from headwater.training.module import Trainee

EVERY = 20  # steps between readings of the loss, each of which synchronises the GPU
TALKATIVE = ("lightning.pytorch", "lightning.fabric")


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Lightning's remarks on devices and its tips; its warnings are shown."""
    loggers = [logging.getLogger(name) for name in TALKATIVE]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


class Display(pl.Callback):
    """One line at the start, one per validation, and a progress bar if there is a terminal."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the network and its training data."""
        if not trainer.is_global_zero:
            return
        assert isinstance(pl_module, Trainee)  # noqa: S101
        console.print(_header(trainer, pl_module), highlight=False, soft_wrap=True)
        self._bar = progress_bar()
        self._task = self._bar.add_task("", total=trainer.max_steps, completed=trainer.global_step)
        self._bar.start()

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:  # noqa: ARG002
        """Advance the progress bar."""
        if self._bar is None:
            return
        step = trainer.global_step
        if step % EVERY == 1:
            rate = trainer.optimizers[0].param_groups[0]["lr"]
            words = f"loss {_short(float(trainer.callback_metrics['loss']))}, rate {rate:.1e}"
            self._bar.update(self._task, description=words)
        self._bar.update(self._task, completed=step)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the scores."""
        if self._bar is None:
            return
        assert isinstance(pl_module, Trainee)  # noqa: S101
        line = f"step {trainer.global_step:,}: {scores_in_words(trainer, pl_module)}"
        self._bar.console.print(line, highlight=False, soft_wrap=True)

    def on_train_end(self, *args: Any) -> None:  # noqa: ARG002 - Lightning gives more than is needed
        """Remove the progress bar."""
        self._stop()

    def on_exception(self, *args: Any) -> None:  # noqa: ARG002 - Lightning gives more than is needed
        """Remove the progress bar."""
        self._stop()

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _header(trainer: pl.Trainer, trainee: Trainee) -> str:
    network, pairs = trainee.network, trainee.pairs
    heads = "1 lead field" if len(pairs) == 1 else f"{len(pairs)} pairs of lead fields"
    done = f", resumed at step {trainer.global_step:,}" if trainer.global_step else ""
    devices = f"{trainer.world_size} x " if trainer.world_size > 1 else ""
    return (
        f"Training {type(network).__name__} ({network.n_parameters:,} parameters) on {trainee.preset.name!r}, {heads}: "
        f"{trainer.max_steps:,} steps of {trainee.batch_size} samples on {devices}{trainee.device.type}{done}."
    )


def scores_in_words(trainer: pl.Trainer, trainee: Trainee) -> str:
    """Score of the network compared with that of eLORETA: the first metric of each preset."""
    validation = trainee.validation
    assert validation is not None  # noqa: S101
    first = [f"{preset} {validation.metrics[0]}" for preset in validation.presets]
    found = {name: float(trainer.callback_metrics[name]) for name in first}
    return ", ".join(
        f"{name} {_short(value)} (eLORETA {_short(validation.baseline[name])})" for name, value in found.items()
    )


def _short(value: float) -> str:
    return f"{value:.3g}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.3g}"
