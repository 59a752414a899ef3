"""``headwater simulate`` as a user meets it: what it writes, how it goes on, and every mistake it should catch."""

import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path

import matplotlib.image
import mne
import numpy as np
import pytest
import torch
import zarr

import headwater as hw
from headwater._utils import parallel
from headwater.forward import make
from headwater.simulation.preset_files import CLASSES
from headwater.simulation.presets import PRESETS
from headwater.simulation.simulator import Simulator
from headwater.simulation.spikes import default
from headwater.simulation.store import writing

RunCli = Callable[..., str]
PAGE = Path(__file__).resolve().parents[1] / "docs" / "simulate.md"
CHUNK = 256
N = 3 * CHUNK + 10  # four shards of one chunk each, the last one incomplete

KILLED_IN_THE_THIRD_SHARD = """
import os, signal
from headwater.cli import main
from headwater.simulation.store import writing
from headwater.simulation.simulator import Simulator

writing.SHARD_BYTES = 1
chunk = Simulator.chunk

def killing(self, seed, index):
    if index == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return chunk(self, seed, index)

Simulator.chunk = killing
main()
"""


@pytest.fixture(scope="module")
def leadfield(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty free sources without neighbours or regions, 32 electrodes; its file."""
    rng = np.random.default_rng(0)
    montage = mne.channels.make_standard_montage("biosemi32")
    info = mne.create_info(montage.ch_names, 250.0, "eeg").set_montage(montage)
    electrodes = np.array([channel["loc"][:3] for channel in info["chs"]])
    pos = 0.03 * rng.standard_normal((60, 3)).clip(-1, 1) + electrodes.mean(axis=0) * [1, 1, 0.3]
    away = electrodes[:, np.newaxis] - pos
    gain = 1e2 * away * (0.03 / np.linalg.norm(away, axis=2, keepdims=True)) ** 3  # a dipole in an endless medium
    path = tmp_path_factory.mktemp("leadfield") / "leadfield.npz"
    hw.LeadField.from_arrays(gain, pos, info=info).save(path)
    return path


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Keep threads from waiting for each other while other tests run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write every chunk of samples by itself."""
    monkeypatch.setattr(writing, "SHARD_BYTES", 1)


@pytest.fixture
def simulate(run_cli: RunCli, leadfield: Path) -> RunCli:
    """``headwater simulate`` on the small lead field."""
    return lambda *arguments, code=0: run_cli("simulate", *arguments, "--forward", leadfield, code=code)


def refused(text: str, *parts: str) -> None:
    """One plain sentence that holds all the parts, after at most one line that names preset and lead field."""
    *before, message = text.strip().splitlines()
    assert message.startswith("Error: "), text
    assert len(before) <= 1, text
    for part in parts:
        assert part in message, message


def assert_complete(path: Path, leadfield: Path, preset: hw.Preset, n: int, seed: int = 0) -> None:
    """What lies on disk is what `simulate` gives."""
    read, made = hw.read_samples(path), hw.simulate(hw.LeadField.load(leadfield), preset, n, seed)
    assert torch.equal(read.y, made.y)
    assert torch.equal(read.x, made.x)
    assert torch.equal(read.truth.snr_db, made.truth.snr_db)


def test_samples_are_those_of_simulate(simulate: RunCli, leadfield: Path, tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "a.zarr"
    printed = simulate("piunet", "--n", 300, "--seed", 7, "--out", out)
    assert "PIUNET on 32 EEG x 60 free sources" in printed
    assert f"300 samples in {out}" in printed
    assert_complete(out, leadfield, hw.presets.PIUNET, 300, seed=7)
    assert zarr.open_group(out, mode="r").attrs["seed"] == 7


@pytest.mark.parametrize("name", PRESETS)
def test_presets_choose_their_sources(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Defaults that a user gets, with spheres instead of boundary elements and a handful of spikes, for speed."""
    monkeypatch.setattr(make, "make_leadfield", partial(hw.make_leadfield, method="sphere"))
    spike = np.exp(-0.5 * ((np.arange(500) - 200) / 8.0) ** 2)[np.newaxis]
    monkeypatch.setattr(default, "default_spikes", lambda seed: (spike, 250.0))
    out, picture = tmp_path / "a.zarr", tmp_path / "a.png"
    printed = run_cli("simulate", name, "--n", 2, "--out", out, *(("--preview", picture) if name == "SPIKES" else ()))
    space, orient = {
        "PIUNET": ("volume 7 mm", "free"),
        "SUBCORTICAL": ("cortex + volume 3 mm", "free"),
    }.get(name, ("cortex", "fixed"))
    assert re.search(rf"{name} on 61 EEG x \d+ {orient} sources \| {re.escape(space)} \| fsaverage", printed)
    samples = hw.read_samples(out)
    assert samples.y.shape == (2, 61, PRESETS[name].n_times)
    assert torch.isfinite(samples.y).all()
    if name == "SPIKES":
        assert matplotlib.image.imread(picture).shape[:2] == (550, round(110 * 2.6 * 6))  # two samples


def test_a_preset_from_the_page_runs_as_a_file(simulate: RunCli, leadfield: Path, tmp_path: Path) -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    (tmp_path / "focal.yaml").write_text(shown)
    simulate(tmp_path / "focal.yaml", "--n", 5, "--out", tmp_path / "a.zarr")
    assert_complete(tmp_path / "a.zarr", leadfield, hw.read_preset(tmp_path / "focal.yaml"), 5)


def test_existing_samples_and_pictures_are_safe(simulate: RunCli, leadfield: Path, tmp_path: Path) -> None:
    out, picture = tmp_path / "a.zarr", tmp_path / "a.png"
    simulate("PIUNET", "--n", 5, "--out", out)
    simulate("PIUNET", "--n", 5, "--out", out)
    refused(simulate("PIUNET", "--n", 6, "--out", out, code=2), "other settings (n)")
    assert_complete(out, leadfield, hw.presets.PIUNET, 5)
    simulate("PIUNET", "--n", 6, "--out", out, "--overwrite")
    assert_complete(out, leadfield, hw.presets.PIUNET, 6)
    picture.write_bytes(b"mine")
    refused(simulate("PIUNET", "--preview", picture, code=2), "a.png", "--overwrite")
    assert picture.read_bytes() == b"mine"
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter.tex").write_text("years of work")
    zarr.create_group(tmp_path / "theirs.zarr").create_array("data", shape=(3,), dtype=float)
    for foreign, part in (
        (thesis, "not a Zarr group"),
        (picture, "not a Zarr group"),
        (tmp_path / "theirs.zarr", "left alone"),
    ):
        refused(simulate("PIUNET", "--out", foreign, "--overwrite", code=2), foreign.name, part)
    assert (thesis / "chapter.tex").exists()
    assert "data" in zarr.open_group(tmp_path / "theirs.zarr", mode="r")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("NOTHING", "--out", "a.zarr"), ("'NOTHING'", "MULTI_SOURCE", "YAML")),
        (("none.yaml", "--out", "a.zarr"), ("Cannot read none.yaml",)),
        (("PIUNET", "--out", "a.zarr", "--n", 0), ("n is 0",)),
        (("PIUNET", "--out", "a.zarr", "--seed", -1), ("seed is -1",)),
        (("PIUNET", "--out", "a.zarr", "--workers", 0), ("workers", "is 0")),
        (("PIUNET",), ("--out", "--preview")),
        (("PIUNET", "--preview", "picture"), ("picture", ".png")),
        (("SUBCORTICAL", "--out", "a.zarr"), ("does not say which sources are neighbours",)),
        (("SUBCORTICAL", "--preview", "a.png"), ("does not say which sources are neighbours",)),
        (("PIUNET", "--out", "a.zarr", "--space", "cortex"), ("--forward", "--space")),
        (("PIUNET", "--out", "/proc/a.zarr"), ("/proc", "choose another --out")),
        (("PIUNET", "--out", "a.zarr", "--cluster", "tcp://127.0.0.1:1"), ("127.0.0.1:1",)),
    ],
)
def test_impossible_requests(
    simulate: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple, parts: tuple
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(parallel, "CLUSTER_TIMEOUT", 1.0)
    refused(simulate(*arguments, code=2), *parts)
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("option", "value", "part"),
    [
        ("--spacing", "wide", "spacing"),
        ("--montage", "nobody", "no montage 'nobody'"),
        ("--subject", "me", "--subjects-dir"),
        ("--subjects-dir", ".", "--subject"),
        ("--forward", "none.npz", "does not exist"),
    ],
)
def test_impossible_heads(run_cli: RunCli, tmp_path: Path, option: str, value: str, part: str) -> None:
    refused(run_cli("simulate", "PIUNET", "--out", tmp_path / "a.zarr", option, value, code=2), part)
    assert list(tmp_path.iterdir()) == []


def test_a_preset_that_makes_no_sense(simulate: RunCli, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    for text, part in (
        ("!Preset {name: a, sources: !GaussianBells {n_sources: 61}}", "GaussianBells.n_sources reaches 61"),
        ("!Preset {name: a, sources: !GaussianBells {sigma_mm: 0}}", "GaussianBells.sigma_mm"),
        ("!Preset {name: a, sources: !GaussianBells {}, noise: !White {snr_db: .nan}}", "White.snr_db is nan"),
        (
            "!Preset {name: a, sources: !GaussianBells {where: !Anywhere {regions: [Moon]}}}",
            "Anywhere.regions names Moon",
        ),
        (
            "!Preset {name: a, sources: !GaussianBells {}, noise: !Recorded {recording: none.fif}}",
            "cannot read none.fif",
        ),
        (
            "!Preset {name: a, sources: !GaussianBells {}, noise: !FromCovariance {covariance: mine.yaml}}",
            "FromCovariance.covariance: MNE-Python cannot read",
        ),
        ("name: a", "begin with !Preset"),
    ):
        path.write_text(text)
        refused(simulate(path, "--out", tmp_path / "a.zarr", code=2), part)
    assert [found.name for found in tmp_path.iterdir()] == ["mine.yaml"]


def test_a_picture_shows_as_many_samples_as_asked_for(simulate: RunCli, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    assert "Picture of one sample in" in simulate("PIUNET", "--n", 1, "--preview", picture)
    one = matplotlib.image.imread(picture).shape[0]
    assert "Picture of 4 samples in" in simulate("PIUNET", "--preview", picture, "--overwrite")
    assert matplotlib.image.imread(picture).shape[0] == 4 * one
    refused(simulate("PIUNET", "--n", 13, "--preview", tmp_path / "b.png", code=2), "1 to 12 samples", "--n")
    printed = simulate("PIUNET", "--n", 300, "--preview", picture, "--out", tmp_path / "a.zarr", "--overwrite")
    assert "Picture of 4 samples in" in printed
    assert len(hw.read_samples(tmp_path / "a.zarr")) == 300


@pytest.mark.usefixtures("small_shards")
def test_ctrl_c_says_how_to_go_on(
    simulate: RunCli, leadfield: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunk = Simulator.chunk

    def interrupted(self: Simulator, seed: int, index: int) -> hw.Samples:
        if index == 1:
            raise KeyboardInterrupt
        return chunk(self, seed, index)

    with monkeypatch.context() as patch:
        patch.setattr(Simulator, "chunk", interrupted)
        printed = simulate("PIUNET", "--n", N, "--out", tmp_path / "a.zarr", code=130)
    assert f"Stopped: {CHUNK} of {N} samples are in" in printed
    simulate("PIUNET", "--n", N, "--out", tmp_path / "a.zarr")
    assert_complete(tmp_path / "a.zarr", leadfield, hw.presets.PIUNET, N)


@pytest.mark.usefixtures("small_shards")
def test_a_killed_run_goes_on(simulate: RunCli, leadfield: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.zarr"
    command = ["simulate", "PIUNET", "--n", N, "--out", out, "--forward", leadfield]
    ended = subprocess.run([sys.executable, "-c", KILLED_IN_THE_THIRD_SHARD, *map(str, command)], capture_output=True)
    assert ended.returncode == -signal.SIGKILL
    assert zarr.open_group(out, mode="r")["checksums"][:].any(axis=1).tolist() == [True, True, False, False]
    simulate("PIUNET", "--n", N, "--out", out)
    assert_complete(out, leadfield, hw.presets.PIUNET, N)


def test_a_full_disk_keeps_what_is_finished(simulate: RunCli, leadfield: Path, tmp_path: Path) -> None:
    """Files larger than a limit fail as they do on a full disk: with an OSError in the middle of writing."""
    out = tmp_path / "a.zarr"
    command = ["-m", "headwater.cli", "simulate", "PIUNET", "--n", "300", "--out", out, "--forward", leadfield]

    def limit_file_size() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    ended = subprocess.run(
        [sys.executable, *map(str, command)], preexec_fn=limit_file_size, capture_output=True, text=True
    )
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    refused(ended.stderr, "Cannot write to", "the same command continues")
    simulate("PIUNET", "--n", 300, "--out", out)
    assert_complete(out, leadfield, hw.presets.PIUNET, 300)


def test_presets_and_their_parts_are_listed(run_cli: RunCli) -> None:
    printed = run_cli("list", "presets")
    for name in PRESETS:
        assert name in printed
    printed = run_cli("list", "parts")
    for kind in CLASSES:
        assert kind.__name__ in printed
        for field in fields(kind):
            assert field.name in printed
