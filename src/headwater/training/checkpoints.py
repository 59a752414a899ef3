"""Checkpoints: written completely or not at all, checked when read, and never replaced by an untrained state."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.callbacks import ModelCheckpoint
from typing_extensions import override

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file

FOLDER = "checkpoints"
EVERY = timedelta(minutes=3)  # between checkpoints


def last_checkpoint(out: Path) -> Path:
    """Return the path of the checkpoint from which a run in a folder can be resumed."""
    return out / FOLDER / "last.ckpt"


class Checkpoints(ModelCheckpoint):
    """Write a checkpoint every few minutes and when the training is interrupted.

    The last checkpoint is kept after an error before the first step, such as a damaged checkpoint, and after an
    `InputError`, such as a full disk.
    """

    def __init__(self, out: Path) -> None:
        last = last_checkpoint(out)
        super().__init__(
            last.parent,
            last.stem,
            save_top_k=1,
            train_time_interval=EVERY,
            save_on_exception=True,
            enable_version_counter=False,
        )
        self._training = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Allow checkpoints from now on."""
        super().on_train_start(trainer, pl_module)
        self._training = True

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Write a checkpoint, unless nothing was trained or the error is an `InputError`."""
        if self._training and not isinstance(exception, InputError):
            super().on_exception(trainer, pl_module, exception)


class DurableCheckpointIO(TorchCheckpointIO):
    """Write next to the last checkpoint, flush, then rename.

    Lightning writes to the system's temporary folder and moves the file from there. Between two file systems, the move
    is a copy over the last checkpoint, which a full disk would truncate.
    """

    @override
    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write a checkpoint; if that fails, the last one is kept."""
        content = io.BytesIO()
        torch.save(checkpoint, content)
        try:
            with atomic_file(Path(path)) as temporary:
                temporary.write_bytes(content.getbuffer())
        except OSError as error:
            raise InputError(
                f"Cannot write the checkpoint {path} ({error.strerror}); make room, then set `resume=True` to continue "
                "from the last checkpoint, which is kept."
            ) from error

    @override
    def load_checkpoint(
        self, path: str | Path, map_location: Callable[..., Any] | None = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Read a checkpoint and check it; only tensors and plain values are unpickled."""
        return read_checkpoint(Path(path))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint and check it against its checksums."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        content = None if damaged else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises many types of errors for damaged files
        raise _damaged(path) from error
    if not isinstance(content, dict) or not isinstance(content.get("global_step"), int):
        raise _damaged(path)
    return content


def _damaged(path: Path) -> InputError:
    return InputError(
        f"The checkpoint {path} is damaged; start again with another `out`, and give the weights of this run as "
        "`start` if they have been written."
    )
