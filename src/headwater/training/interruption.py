"""Ctrl-C ends training between two steps, in a state that an uninterrupted run also passes through."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import lightning.pytorch as pl

from headwater._utils.progress import console


class Interruption(pl.Callback):
    """Stop after the current step when Ctrl-C is pressed; at once the second time."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle Ctrl-C while the block runs."""
        if threading.current_thread() is not threading.main_thread():  # only the main thread receives signals
            yield
            return
        before = signal.signal(signal.SIGINT, self._on_signal)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        console.print("Stopping after this step; Ctrl-C again stops at once.")

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:  # noqa: ARG002
        """Stop all processes at the same step."""
        if trainer.strategy.reduce_boolean_decision(self.asked, all=False):
            raise KeyboardInterrupt
