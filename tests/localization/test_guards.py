"""Files that no reader survives."""

import gzip
import subprocess
from pathlib import Path

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.localization import guards
from headwater.localization.reading import read_recording


def test_a_file_that_unpacks_to_gigabytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "SMALL_BYTES", 2**20)
    path = tmp_path / "bomb_raw.fif.gz"
    with gzip.open(path, "wb") as stream:
        for _ in range(64):
            stream.write(bytes(2**20))
    with pytest.raises(InputError, match="unpacks to more than"):
        read_recording(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    with pytest.raises(InputError, match="cannot be unpacked"):
        guards.refuse_bomb(path)


def eeglab(path: Path) -> Path:
    names = mne.channels.make_standard_montage("biosemi16").ch_names
    data = 1e-5 * np.random.default_rng(0).standard_normal((16, 200))
    raw = mne.io.RawArray(data, mne.create_info(names, 100.0, "eeg"), verbose="ERROR")
    mne.export.export_raw(path, raw, verbose="ERROR")
    return path


def test_a_file_that_crashes_its_reader_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = eeglab(tmp_path / "a.set")
    assert isinstance(read_recording(path), mne.io.BaseRaw)
    monkeypatch.setattr(guards, "READ_MATLAB", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(InputError, match="crashes its reader"):
        read_recording(path)


def test_the_attempt_reads_the_file_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda command, **more: seen.append(run(command, **more)) or seen[-1])
    read_recording(eeglab(tmp_path / "a.set"))
    assert [ended.returncode for ended in seen] == [0]
    (tmp_path / "b.set").write_bytes(b"no data set" * 100)
    with pytest.raises(InputError, match="cannot be read"):
        read_recording(tmp_path / "b.set")
    assert seen[-1].returncode > 0
