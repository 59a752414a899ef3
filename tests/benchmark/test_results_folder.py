"""What headwater did not write is never deleted; old results stay until the new ones are whole; damage is named."""

import json
from pathlib import Path

import pytest

from headwater._utils.errors import InputError
from headwater.benchmark import run, run_benchmark
from headwater.benchmark.cell import score
from headwater.benchmark.results_folder import MARKER, NEXT


@pytest.fixture
def part(tiny, tmp_path: Path):
    """Run one case with few samples."""
    case = tiny.sizes["quick"].cases[0].name

    def run_part(samples: int = 2, **options):
        return run_benchmark(tiny, "quick", ["mne"], tmp_path / "out", cases=[case], samples=samples, **options)

    return run_part


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def interrupt(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Press Ctrl-C when so many cells are done."""
    done = []

    def until(task) -> None:
        if len(done) == after:
            raise KeyboardInterrupt
        score(task)
        done.append(task)

    monkeypatch.setattr(run, "score", until)


def test_old_results_stay_until_the_new_ones_are_whole(part, tmp_path: Path, monkeypatch) -> None:
    out = tmp_path / "out"
    part()
    old = files_of(out)
    interrupt(monkeypatch, 2)
    with pytest.raises(run.Interrupted, match="2 of 6"):
        part(samples=3, overwrite=True)
    kept = files_of(out)
    assert {name: kept[name] for name in old} == old
    cells = {path: path.stat().st_mtime_ns for path in (out / NEXT / "cells").iterdir()}
    assert len(cells) == 2
    monkeypatch.undo()
    results = part(samples=3, overwrite=True)
    assert set(results["n"]) == {3}
    assert not (out / NEXT).exists()
    assert json.loads((out / MARKER).read_text())["samples"] == 3
    moved = [out / "cells" / path.name for path in cells]
    assert [path.stat().st_mtime_ns for path in moved] == list(cells.values())


def test_files_of_others_survive_a_replacement(part, tmp_path: Path) -> None:
    out = tmp_path / "out"
    part()
    mine = {"notes.md": "mine", "cells/notes.json": "{}", "tuning/a--b.json": "[]", "figures/plot.png": "x"}
    for name, text in mine.items():
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text(text)
    part(samples=3, overwrite=True)
    assert {name: (out / name).read_text() for name in mine} == mine


def test_files_that_the_new_run_does_not_write_are_deleted(tiny, part, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_benchmark(tiny, "quick", ["mne", "dspm"], out, samples=2)
    assert list((out / "cells").glob("*--dspm--*.json"))
    part(overwrite=True)
    assert not list((out / "cells").glob("*--dspm--*.json"))
    assert len(list((out / "cells").iterdir())) == 6


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"status": "ok"}', '{"status": "ok", "values": 3}', "\udcff"])
def test_a_damaged_cell_is_named(part, tmp_path: Path, monkeypatch, content: str) -> None:
    interrupt(monkeypatch, 3)
    with pytest.raises(run.Interrupted):
        part()
    monkeypatch.undo()
    cell = next((tmp_path / "out" / "cells").iterdir())
    cell.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=f"{cell.name} is damaged; delete it and start the benchmark again"):
        part()
    cell.unlink()
    assert set(part()["status"]) == {"ok"}


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"protocol": "tiny", "files": 3}'])
def test_a_damaged_marker_is_named(part, tmp_path: Path, content: str) -> None:
    part()
    (tmp_path / "out" / MARKER).write_text(content)
    for overwrite in (False, True):
        with pytest.raises(InputError, match="benchmark.json is damaged"):
            part(overwrite=overwrite)


def test_a_marker_that_names_other_files_deletes_nothing_outside(part, tmp_path: Path) -> None:
    out = tmp_path / "out"
    part()
    outside = tmp_path / "thesis.txt"
    outside.write_text("years of work")
    about = json.loads((out / MARKER).read_text())
    (out / MARKER).write_text(json.dumps({**about, "files": [*about["files"], "../thesis.txt", str(outside)]}))
    part(samples=3, overwrite=True)
    assert outside.exists()


def test_a_file_of_others_that_stands_in_the_way_is_not_replaced(tiny, part, tmp_path: Path) -> None:
    out = tmp_path / "out"
    part()
    picture = out / "by-number-of-sources.png"  # only a run with all cases draws it
    picture.write_text("mine")
    with pytest.raises(InputError, match="was not written by headwater; move it"):
        run_benchmark(tiny, "quick", ["mne"], out, samples=2, overwrite=True)
    assert picture.read_text() == "mine"
    assert (out / "table.md").exists()
    picture.unlink()
    run_benchmark(tiny, "quick", ["mne"], out, samples=2, overwrite=True)
    assert picture.read_bytes().startswith(b"\x89PNG")
