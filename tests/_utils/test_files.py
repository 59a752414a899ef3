import os
import signal
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.lib.format import write_array_header_1_0

from headwater._utils.cache import cache_dir, cached_arrays, content_hash
from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file, atomic_folder, refuse_existing, refuse_unowned
from headwater._utils.npz import DamagedFile, read_arrays, write_arrays
from headwater._utils.workplace import clean, workplace


def fail_half_way(folder: Path) -> None:
    (folder / "half").write_text("half")
    raise RuntimeError("killed")


def test_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(RuntimeError), atomic_folder(out) as folder:
        fail_half_way(folder)
    assert list(tmp_path.iterdir()) == []
    with atomic_folder(out) as folder:
        (folder / "result").write_text("whole")
        assert not out.exists()
    assert (out / "result").read_text() == "whole"
    assert list(tmp_path.iterdir()) == [out]


def test_existing_folder_survives_a_failed_overwrite(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").write_text("old")
    with pytest.raises(InputError, match="already exists"), atomic_folder(out):
        pass
    with pytest.raises(RuntimeError), atomic_folder(out, overwrite=True) as folder:
        fail_half_way(folder)
    assert (out / "old").read_text() == "old"
    with atomic_folder(out, overwrite=True) as folder:
        (folder / "new").write_text("new")
    assert [path.name for path in out.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [out]


def test_a_folder_of_the_users_is_never_replaced(tmp_path: Path) -> None:
    out = tmp_path / "thesis"
    out.mkdir()
    refuse_unowned(out, "marker", overwrite=True)  # empty: nothing to lose
    (out / "chapter").write_text("years of work")
    with pytest.raises(InputError, match="not written by headwater"):
        refuse_unowned(out, "marker", overwrite=True)
    (out / "marker").touch()
    refuse_unowned(out, "marker", overwrite=True)


def test_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "a" / "x.fif.gz"
    with pytest.raises(RuntimeError), atomic_file(target) as part:  # noqa: PT012
        assert part.name.endswith("x.fif.gz")
        raise RuntimeError("killed")
    assert list(target.parent.iterdir()) == []


def test_cache_computes_once_and_mends_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_CACHE", str(tmp_path))
    calls = []

    def compute() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"a": np.arange(3.0)}

    for _ in range(2):
        np.testing.assert_array_equal(cached_arrays("thing", "key", compute, shapes={"a": (3,)})["a"], [0, 1, 2])
    assert len(calls) == 1
    (file,) = cache_dir().iterdir()
    file.write_bytes(file.read_bytes()[:50])
    np.testing.assert_array_equal(cached_arrays("thing", "key", compute, shapes={"a": (3,)})["a"], [0, 1, 2])
    assert len(calls) == 2


@pytest.mark.parametrize(
    "stored", [{"a": np.arange(4.0)}, {"b": np.arange(3.0)}, {"a": np.full(3, np.nan)}, {"a": np.arange(3)}]
)
def test_cache_entries_that_hold_something_else_are_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: dict[str, np.ndarray]
) -> None:
    monkeypatch.setenv("HEADWATER_CACHE", str(tmp_path))
    write_arrays(tmp_path / "thing-key.npz", stored)
    for _ in range(2):
        found = cached_arrays("thing", "key", lambda: {"a": np.arange(3.0)}, shapes={"a": (3,)})
        np.testing.assert_array_equal(found["a"], [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(read_arrays(tmp_path / "thing-key.npz")["a"], [0.0, 1.0, 2.0])


def test_a_cache_that_is_a_file_only_costs_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("HEADWATER_CACHE", str(place))
        found = cached_arrays("thing", "key", lambda: {"a": np.arange(3.0)}, shapes={"a": (3,)})
        np.testing.assert_array_equal(found["a"], [0.0, 1.0, 2.0])
    assert (tmp_path / "file").read_text() == "mine"


def test_cache_removes_what_killed_processes_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_CACHE", str(tmp_path))
    old, new = tmp_path / ".part-1-thing.npz", tmp_path / ".part-2-thing.npz"
    for leftover in (old, new):
        leftover.write_bytes(b"half")
    os.utime(old, (0, 0))
    cached_arrays("thing", "key", lambda: {"a": np.arange(3.0)}, shapes={"a": (3,)})
    assert sorted(path.name for path in tmp_path.iterdir()) == [".part-2-thing.npz", "thing-key.npz"]


def test_a_zip_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, a=np.zeros(10**7))
    assert path.stat().st_size < 10**5
    with pytest.raises(DamagedFile, match="compressed"):
        read_arrays(path)


def test_a_header_that_promises_more_than_there_is_is_refused(tmp_path: Path) -> None:
    header = BytesIO()
    write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (9_000_000_000,)})
    with zipfile.ZipFile(tmp_path / "liar.npz", "w") as archive:
        archive.writestr("a.npy", header.getvalue())
    with pytest.raises(DamagedFile, match="not as large as its header says"):
        read_arrays(tmp_path / "liar.npz")


def test_flipped_bits_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "whole.npz"
    write_arrays(path, {"a": np.arange(1000.0)})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFile):
        read_arrays(path)


def test_hash_sees_values_shape_type_and_order() -> None:
    a = np.arange(6.0)
    hashes = {
        content_hash(a),
        content_hash(a.reshape(2, 3)),
        content_hash(a.astype(np.float32)),
        content_hash(a, "x"),
        content_hash("x", a),
        content_hash(1),
        content_hash("1"),
        content_hash(1.0),
    }
    assert len(hashes) == 8
    assert content_hash(a[::2]) == content_hash(a[::2].copy())


def test_a_folder_that_appears_meanwhile_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(InputError, match="already exists"), atomic_folder(out) as folder:  # noqa: PT012
        (folder / "late").touch()
        with atomic_folder(out) as other:
            (other / "early").touch()
    assert [path.name for path in out.iterdir()] == ["early"]
    assert list(tmp_path.iterdir()) == [out]


def test_of_two_processes_that_finish_at_once_one_is_refused(tmp_path: Path) -> None:
    """Between the last check and the rename, another one takes the path."""
    out = tmp_path / "out"

    def taken(self: Path) -> None:
        os.mkdir(self)
        (self / "early").touch()
        raise FileExistsError

    with pytest.MonkeyPatch.context() as patch, pytest.raises(InputError, match="by another process"):  # noqa: PT012
        with atomic_folder(out) as folder:
            (folder / "late").touch()
            patch.setattr(Path, "mkdir", taken)
    assert [path.name for path in out.iterdir()] == ["early"]


def test_a_users_folder_that_appears_meanwhile_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def check(path: Path) -> None:
        refuse_unowned(path, "marker", overwrite=True)

    with pytest.raises(InputError, match="not written by headwater"):  # noqa: PT012
        with atomic_folder(out, overwrite=True, check=check) as folder:
            (folder / "marker").touch()
            out.mkdir()
            (out / "chapter").write_text("years of work")
    assert (out / "chapter").read_text() == "years of work"


def test_a_file_that_appears_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    with pytest.raises(InputError, match="in the meantime"):  # noqa: PT012
        with atomic_file(path, overwrite=False) as part:
            part.write_text("late")
            path.write_text("early")
    assert path.read_text() == "early"
    assert list(tmp_path.iterdir()) == [path]


def test_links_lead_to_the_folder_that_is_written(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (tmp_path / "out").symlink_to(disk)
    with atomic_folder(tmp_path / "out", overwrite=True) as folder:
        (folder / "result").touch()
    assert (disk / "result").exists()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is a link to .*nowhere, which does not exist"):
        refuse_existing(tmp_path / "dangling", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "disk", "out"]


KILLED = """
import os, signal, sys
from pathlib import Path
from headwater._utils import files
out = Path(sys.argv[1])
with files.atomic_folder(out, overwrite=True) as folder:
    (folder / "half").touch()
    if sys.argv[2] == "replacing":
        Path.mkdir = lambda self: os.kill(os.getpid(), signal.SIGKILL)  # between the two renames
    else:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", ["writing", "replacing"])
def test_leftovers_of_killed_processes_are_cleaned_and_those_of_running_ones_kept(tmp_path: Path, moment: str) -> None:
    out = tmp_path / "out"
    with atomic_folder(out) as folder:
        (folder / "result").write_text("old")
    ended = subprocess.run([sys.executable, "-c", KILLED, out, moment], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob(".part-out-*"))) == 1
    with workplace(out) as running:
        assert list(tmp_path.glob(".part-out-*")) == [running]
        assert (out / "result").read_text() == "old"
        clean(out)
        assert running.exists()
    (tmp_path / ".part-out-of-mine").mkdir()
    with atomic_folder(out, overwrite=True) as folder:
        (folder / "result").write_text("new")
    assert (out / "result").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".part-out-of-mine", "out"]
