from pathlib import Path

import numpy as np
import pytest

from headwater._utils.cache import cache_dir, cached_arrays, content_hash
from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file, atomic_folder, refuse_unowned


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
        np.testing.assert_array_equal(cached_arrays("thing", "key", compute)["a"], [0, 1, 2])
    assert len(calls) == 1
    (file,) = cache_dir().iterdir()
    file.write_bytes(file.read_bytes()[:50])
    np.testing.assert_array_equal(cached_arrays("thing", "key", compute)["a"], [0, 1, 2])
    assert len(calls) == 2


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
