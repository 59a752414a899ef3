"""Content is on the disk before its name is."""

import os

import pytest

from headwater._utils.files import atomic_file


def test_content_is_flushed_before_the_renaming_and_the_name_after_it(tmp_path, monkeypatch):
    target = tmp_path / "x"
    target.write_text("old")
    flushed = []
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: flushed.append((os.fstat(descriptor).st_ino, target.read_text()))
    )
    with atomic_file(target) as temporary:
        temporary.write_text("new")
        content = temporary.stat().st_ino
    assert flushed == [(content, "old"), (tmp_path.stat().st_ino, "new")]


def test_a_full_disk_leaves_the_old_content(tmp_path, monkeypatch):
    target = tmp_path / "x"
    target.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"), atomic_file(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
