"""Checkpoints survive full disks, and damage to them is noticed."""

import errno
import os
from pathlib import Path

import pytest
import torch

from headwater._utils.errors import InputError
from headwater.simulation.presets import PIUNET
from headwater.training.checkpoints import DurableCheckpointIO, last_checkpoint, read_checkpoint
from headwater.training.fit import fit
from headwater.training.losses import CurrentL1
from headwater.training.module import Trainee
from headwater.training.pairs import TrainingPair
from headwater.training.schedule import Schedule


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    path = tmp_path / "last.ckpt"
    DurableCheckpointIO().save_checkpoint({"global_step": 3, "weights": torch.arange(1000.0)}, path)
    return path


def full_disk(descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_is_read_is_what_was_written(checkpoint):
    content = read_checkpoint(checkpoint)
    assert content["global_step"] == 3
    assert torch.equal(content["weights"], torch.arange(1000.0))


def flip(content: bytes, at: float) -> bytes:
    place = int(at * len(content))
    return content[:place] + bytes([content[place] ^ 8]) + content[place + 1 :]


@pytest.mark.parametrize(
    "damage",
    [lambda c: c[:-7], lambda c: c[: len(c) // 2], lambda c: b"", lambda c: flip(c, 0.5), lambda c: flip(c, 0.8)],
    ids=["end missing", "half missing", "empty", "a bit flipped", "another bit flipped"],
)
def test_damage_is_noticed(checkpoint, damage):
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    with pytest.raises(InputError, match="last.ckpt is damaged; start again with another `out`"):
        read_checkpoint(checkpoint)


def test_files_of_other_programs_are_refused(checkpoint):
    torch.save([1, 2], checkpoint)
    with pytest.raises(InputError, match="is damaged"):
        read_checkpoint(checkpoint)


def test_a_full_disk_keeps_the_last_checkpoint(checkpoint, monkeypatch):
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(InputError, match="No space left on device.*make room, then set `resume=True`"):
        DurableCheckpointIO().save_checkpoint({"global_step": 4}, checkpoint)
    assert read_checkpoint(checkpoint)["global_step"] == 3
    assert [path.name for path in checkpoint.parent.iterdir()] == ["last.ckpt"]


@pytest.fixture
def train(leadfield, small, tmp_path):
    def run(steps: int, resume: bool = False) -> Trainee:
        plan = Schedule(steps=steps, warmup=1)
        pairs = [TrainingPair.inverse_crime(leadfield)]
        return fit(
            Trainee(small(), pairs, PIUNET, CurrentL1(), plan, batch_size=2, seed=0), out=tmp_path, resume=resume
        )

    return run


def test_training_resumes_after_a_full_disk(train, tmp_path, monkeypatch):
    train(steps=2)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_disk)
        with pytest.raises(InputError, match="Cannot write the checkpoint"):
            train(steps=3, resume=True)
    assert read_checkpoint(last_checkpoint(tmp_path))["global_step"] == 2
    train(steps=3, resume=True)
    assert read_checkpoint(last_checkpoint(tmp_path))["global_step"] == 3


def test_an_error_before_the_first_step_leaves_the_checkpoint_alone(train, tmp_path, monkeypatch):
    train(steps=2)
    before = last_checkpoint(tmp_path).read_bytes()

    def stop(self: Trainee) -> None:
        raise RuntimeError("no driver")

    monkeypatch.setattr(Trainee, "on_fit_start", stop)
    with pytest.raises(RuntimeError, match="no driver"):
        train(steps=3, resume=True)
    assert last_checkpoint(tmp_path).read_bytes() == before
