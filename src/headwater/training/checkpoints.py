"""Checkpoints: complete or absent, checked when they are read, and never replaced by a state that is not trained."""

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
    """Return where a run in a folder keeps the state from which it can be resumed."""
    return out / FOLDER / "last.ckpt"


class Checkpoints(ModelCheckpoint):
    """Write a checkpoint every few minutes and when the training is interrupted.

    An error before the first step, such as a damaged checkpoint, and a fault that a checkpoint cannot repair, such as a
    full disk, leave the last checkpoint as it is.
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
        """From now on there is something to keep."""
        super().on_train_start(trainer, pl_module)
        self._training = True

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Keep what is trained."""
        if self._training and not isinstance(exception, InputError):
            super().on_exception(trainer, pl_module, exception)


class DurableCheckpointIO(TorchCheckpointIO):
    """Write beside the last checkpoint, flush, then rename.

    Lightning writes to the system's temporary folder and moves the file from there. Between two file systems that is a
    copy over the last checkpoint, which a full disk ends half-way.
    """

    @override
    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write a checkpoint; where that fails, the last one stays."""
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
        """Read a checkpoint and check it; nothing but tensors and plain values is unpickled."""
        return read_checkpoint(Path(path))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint whose content agrees with its checksums."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        content = None if damaged else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever the bytes lead it to
        raise _damaged(path) from error
    if not isinstance(content, dict) or not isinstance(content.get("global_step"), int):
        raise _damaged(path)
    return content


def _damaged(path: Path) -> InputError:
    return InputError(
        f"The checkpoint {path} is damaged; start again with another `out`, and give the weights of this run as "
        "`start` if they have been written."
    )
