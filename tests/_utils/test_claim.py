"""A folder belongs to one run: begun once, resumed with the same settings, given back where nothing was done."""

import subprocess
import sys
from pathlib import Path

import pytest

from headwater._utils.claim import Claim
from headwater._utils.errors import InputError

SETTINGS = {"solver": "mne", "schedule": {"steps": 3, "rate": 0.1}, "command": "one", "seeds": (1, 2)}


@pytest.fixture(params=["run.json", "run.yaml"])
def claim(request, tmp_path):
    def make(settings: dict | None = None, **more: object) -> Claim:
        plain = {**SETTINGS, "seeds": [1, 2]} if request.param.endswith("yaml") else SETTINGS
        return Claim(tmp_path / "a" / "out", request.param, settings or plain, ("command", "schedule.steps"), **more)

    return make


def begin(claim: Claim) -> None:
    with claim.hold() as begun:
        assert not begun
        (claim.folder / "result").touch()


def test_a_run_begins_once_and_is_resumed(claim):
    begin(claim(resume=False))
    with pytest.raises(InputError, match="a run has begun there; set `resume=True`"):
        claim(resume=False).check()
    for resume in (None, True):
        with claim(resume=resume).hold() as begun:
            assert begun


def test_free_settings_may_change_and_others_may_not(claim):
    begin(claim())
    plain = {**SETTINGS, "seeds": [1, 2]}
    longer = {**plain, "command": "two", "schedule": {"steps": 9, "rate": 0.1}}
    with claim(longer).hold() as begun:
        assert begun
    assert claim(longer).check()
    other = {**plain, "schedule": {"steps": 3, "rate": 0.2}, "solver": None}
    with pytest.raises(InputError, match=r"other settings \(solver, schedule.rate\)"):
        claim(other).check()


def test_nothing_to_resume(claim):
    with pytest.raises(InputError, match="holds no run to resume"):
        claim(resume=True).check()
    assert not claim().folder.parent.exists()


def test_folders_of_others_are_left_alone(claim):
    folder = claim().folder
    folder.mkdir(parents=True)
    (folder / "thesis.tex").touch()
    with pytest.raises(InputError, match="is not empty and holds no run"):
        claim().check()
    (folder / "thesis.tex").rename(folder / ".part-1-run.json")  # left by a killed process
    assert not claim().check()


def test_a_file_or_a_dangling_link_is_no_folder(claim):
    folder = claim().folder
    folder.parent.mkdir(parents=True)
    folder.symlink_to(folder.parent / "nowhere")
    with pytest.raises(InputError, match="is not a folder and is left alone"):
        claim().check()


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00", "a: [", "\udcff"])
def test_damaged_settings_are_named(claim, content):
    begin(claim())
    marker = claim().folder / claim().marker
    marker.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"run\.\w+ is damaged"):
        claim().check()


def test_a_run_that_fails_at_once_gives_the_folder_back(claim):
    with pytest.raises(RuntimeError), claim().hold():
        raise RuntimeError
    assert not claim().folder.exists()
    with pytest.raises(RuntimeError), claim().hold():  # noqa: PT012
        (claim().folder / "result").touch()
        raise RuntimeError
    assert claim().check()


def test_ctrl_c_keeps_the_folder(claim):
    with pytest.raises(KeyboardInterrupt), claim().hold():
        raise KeyboardInterrupt
    assert claim(resume=True).check()


HOLDING = """
import sys
from pathlib import Path
from headwater._utils.claim import Claim
with Claim(Path(sys.argv[1]), "run.json", {}).hold():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_processes_do_not_share_a_folder(tmp_path: Path):
    pytest.importorskip("fcntl")
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path / "out")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout.readline() == b"held\n"
        with (
            pytest.raises(InputError, match="Another process is working in"),
            Claim(tmp_path / "out", "run.json", {}).hold(),
        ):
            pass
    finally:
        process.communicate()
    with Claim(tmp_path / "out", "run.json", {}).hold() as begun:
        assert begun
