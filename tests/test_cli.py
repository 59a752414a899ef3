"""The command line as a user meets it: what it prints, what it writes, and every mistake it should catch."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import mne
import numpy as np
import pandas as pd
import pytest

import headwater as hw
from headwater.cli.localize import default_folder
from headwater.solvers import SOLVERS

RunCli = Callable[..., str]
NAMES = mne.channels.make_standard_montage("biosemi32").ch_names
TRUE_SOURCE = 123


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small lead field and an average with one active source; `Path` of their folder."""
    folder = tmp_path_factory.mktemp("recording")
    rng = np.random.default_rng(0)
    info = mne.create_info(NAMES, 250.0, "eeg")
    info.set_montage("biosemi32")
    electrodes = np.array([channel["loc"][:3] for channel in info["chs"]])
    directions = rng.standard_normal((300, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    pos = 0.065 * np.cbrt(rng.uniform(size=(300, 1))) * directions + electrodes.mean(axis=0) * [1, 1, 0.3]
    away = electrodes[:, np.newaxis] - pos
    gain = 1e2 * away * (0.03 / np.linalg.norm(away, axis=2, keepdims=True)) ** 3  # a dipole in an endless medium
    leadfield = hw.LeadField.from_arrays(gain, pos, info=info)
    leadfield.save(folder / "leadfield.npz")
    times = np.arange(-50, 100) / 250.0
    course = np.exp(-(((times - 0.1) / 0.02) ** 2))
    data = gain[:, TRUE_SOURCE] @ np.array([[1.0], [2.0], [0.0]]) * course
    data *= 1e-5 / np.abs(data).max()
    data += 0.02 * np.abs(data).max() * rng.standard_normal(data.shape)
    evoked = mne.EvokedArray(data, info, tmin=times[0], comment="tone", nave=10)
    evoked.save(folder / "tone-ave.fif", verbose="ERROR")
    return folder


@pytest.fixture
def localize(run_cli: RunCli, files: Path, tmp_path: Path) -> RunCli:
    """``headwater localize`` on the small recording, with changes."""

    def run(*more: object, recording: object = None, forward: object = None, code: int = 0) -> str:
        recording = recording or files / "tone-ave.fif"
        out = () if "--out" in more else ("--out", tmp_path / "out")
        forward = forward or files / "leadfield.npz"
        return run_cli("localize", recording, "--forward", forward, *out, *more, code=code)

    return run


def evoked_with(files: Path, tmp_path: Path, change: Callable[[mne.Evoked], object]) -> Path:
    """Write the recording anew after a change."""
    evoked = mne.read_evokeds(files / "tone-ave.fif", verbose="ERROR")[0]
    change(evoked)
    path = tmp_path / "changed-ave.fif"
    evoked.save(path, verbose="ERROR")
    return path


def refused(text: str, *parts: str) -> None:
    """One plain sentence, and nothing else, that holds all the parts."""
    message = " ".join(text.split())
    assert message.startswith("Error: ")
    for part in parts:
        assert part in message, message


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_writes_its_results(localize: RunCli, files: Path, tmp_path: Path, solver: str) -> None:
    printed = localize("--solver", solver, "--tmin", 0.05, "--tmax", 0.15)
    out = tmp_path / "out"
    assert "Peaks, strongest first" in printed
    peaks = pd.read_csv(out / "peaks.csv")
    expected = ["time_s", "x_mm", "y_mm", "z_mm", "frame", "region", "amplitude", "unit"]
    uncertain = ["radius_mm_90", "volume_cm3_90"]  # of solvers with a posterior
    assert peaks.columns.tolist() in (expected, expected + uncertain)
    assert (peaks["frame"] == "head").all()
    assert peaks["amplitude"].is_monotonic_decreasing
    (stc_file,) = out.glob("*stc.h5")
    stc = mne.read_source_estimate(stc_file)
    src = mne.read_source_spaces(out / "localization-src.fif.gz", verbose="ERROR")
    assert stc.data.shape[0] == src[0]["nuse"] == 300
    assert stc.times[0] == pytest.approx(0.05, abs=0.004)
    assert "report.html" in printed
    assert "headwater localize" in (out / "report.html").read_text()


def test_the_active_source_is_found(localize: RunCli, files: Path, tmp_path: Path) -> None:
    localize("--solver", "sloreta")
    leadfield = hw.LeadField.load(files / "leadfield.npz")
    first = pd.read_csv(tmp_path / "out" / "peaks.csv").iloc[0]
    error_mm = np.linalg.norm(first[["x_mm", "y_mm", "z_mm"]].to_numpy(float) - 1e3 * leadfield.pos[TRUE_SOURCE])
    assert error_mm < 25  # neighbours are about 15 mm apart, and there is noise
    assert first["time_s"] == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("what", ["assess", "uncertainty"])
def test_a_failed_assessment_does_not_cost_the_estimate(
    localize: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def fails(*arguments: object) -> None:
        raise np.linalg.LinAlgError("SVD did not converge")

    monkeypatch.setattr(import_module("headwater.localization.finish"), what, fails)
    printed = localize("--solver", "eloreta")
    assert f"The {'trust' if what == 'assess' else 'uncertainty'} could not be assessed" in printed
    assert "(LinAlgError: SVD did not converge); the estimate itself is whole." in printed
    assert "No activity stands out" not in printed
    assert len(pd.read_csv(tmp_path / "out" / "peaks.csv")) > 0
    report = (tmp_path / "out" / "report.html").read_text()
    assert "SVD did not converge" in report
    assert ("Not judged" in report) == ("Not judged" in printed) == (what == "assess")


def test_noise_has_no_table_of_peaks(localize: RunCli, files: Path, tmp_path: Path) -> None:
    def only_noise(evoked: mne.Evoked) -> None:
        evoked.data[:] = 1e-6 * np.random.default_rng(1).standard_normal(evoked.data.shape)

    printed = localize(recording=evoked_with(files, tmp_path, only_noise))
    assert "Nothing stands out of the noise" in printed
    assert "Peaks, strongest first" not in printed
    assert (tmp_path / "out" / "peaks.csv").is_file()


def test_missing_empty_truncated_and_foreign_recordings(localize: RunCli, files: Path, tmp_path: Path) -> None:
    whole = (files / "tone-ave.fif").read_bytes()
    for name, content, part in [
        ("empty-ave.fif", b"", "is empty"),
        ("short-ave.fif", whole[: len(whole) // 2], "truncated"),
        ("foreign-ave.fif", b"not a recording at all" * 100, "cannot be read"),
        ("foreign.edf", b"x" * 5000, "cannot be read"),
        ("notes.docx", b"x" * 5000, "cannot be read"),
    ]:
        path = tmp_path / name
        path.write_bytes(content)
        refused(localize(recording=path, code=2), name, part)
    refused(localize(recording=tmp_path / "nowhere.fif", code=2), "does not exist")
    refused(localize(recording=tmp_path, code=2), "cannot be read")
    assert not (tmp_path / "out").exists()


def test_forward_and_covariance_files_are_checked(localize: RunCli, files: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.fif"
    foreign.write_bytes(b"x" * 1000)
    refused(localize(forward=foreign, code=2), "cannot be read as a forward solution")
    refused(localize("--noise-cov", foreign, code=2), "cannot be read as a noise covariance")
    refused(localize(forward=tmp_path / "no-fwd.fif", code=2), "does not exist")
    refused(localize("--noise-cov", tmp_path / "no-cov.fif", code=2), "does not exist")
    truncated = tmp_path / "short.npz"
    whole = (files / "leadfield.npz").read_bytes()
    truncated.write_bytes(whole[: len(whole) // 2])
    refused(localize(forward=truncated, code=2), "short.npz")
    refused(localize(forward=files / "tone-ave.fif", code=2), "cannot be read as a forward solution")


def test_singular_covariance(localize: RunCli, tmp_path: Path) -> None:
    for name, matrix in [("zero", np.zeros((32, 32))), ("nan", np.full((32, 32), np.nan))]:
        path = tmp_path / f"{name}-cov.fif"
        mne.Covariance(matrix, NAMES, [], [], nfree=10).save(path, verbose="ERROR")
        refused(localize("--noise-cov", path, code=2), "covariance")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda evoked: evoked.data.__setitem__(3, np.nan), "NaN"),
        (lambda evoked: evoked.data.__imul__(1e6), "scale them to V"),
        (lambda evoked: evoked.pick(NAMES[:5]), "at least 8"),
        (lambda evoked: evoked.rename_channels({NAMES[0]: "extra"}), "lacks 1 of the 32 good channels (extra)"),
        (lambda evoked: evoked.set_channel_types(dict.fromkeys(NAMES, "misc")), "no good EEG or MEG channels"),
    ],
    ids=["nan", "microvolt", "few", "unknown", "none"],
)
def test_unusable_data(
    localize: RunCli, files: Path, tmp_path: Path, change: Callable[[mne.Evoked], object], part: str
) -> None:
    refused(localize(recording=evoked_with(files, tmp_path, change), code=2), part)
    assert not (tmp_path / "out").exists()


def test_a_flat_channel_is_left_out_and_said(localize: RunCli, files: Path, tmp_path: Path) -> None:
    flat = evoked_with(files, tmp_path, lambda evoked: evoked.data.__setitem__(3, 0.0))
    refused(localize("--no-find-bads", recording=flat, code=2), "flat")
    assert f"1 channel left out as bad: {NAMES[3]} (flat)" in localize(recording=flat)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--condition", "light"), "'tone'"),
        (("--condition", "[/red]"), "[/red]"),
        (("--solver", "magic"), "eloreta"),
        (("--tmin", 0.3, "--tmax", 0.1), "is empty"),
        (("--tmin", 5, "--tmax", 6), "is not within the recording"),
        (("--snr", -1), "--snr -1.0 is not the signal-to-noise ratio"),
        (("--snr", "1e300"), "--snr 1e+300 is not the signal-to-noise ratio"),
        (("--snr", 3, "--solver", "piunet"), "leave out --snr"),
        (("--highpass", "1e-12"), "leave out --highpass"),
        (("--condition=-1",), "is not in the recording, which has 0: 'tone'"),
        (("--reject", "auto"), "no trials that --reject could leave out"),
        (("--montage", "nothing"), "The --montage nothing is neither a file"),
        (("--trans", "x-trans.fif"), "--trans needs --subject"),
        (("--morph",), "name one with --solver"),
        (("--solver", "piunet", "--morph"), "accepts any head"),
        (("--bads", "Q99"), "Q99"),
        (("--lowpass", 5000), "half the sampling rate"),
        (("--highpass", 30, "--lowpass", 20), "--highpass below --lowpass"),
        (("--subjects-dir", "somewhere"), "--subject"),
        (("--subject", "me"), "--subjects-dir"),
        (("--sensors", "meg"), "no good MEG channels"),
    ],
)
def test_impossible_options(localize: RunCli, options: tuple, part: str) -> None:
    refused(localize(*options, code=2), part)


def test_no_electrode_positions_and_unknown_names(run_cli: RunCli, tmp_path: Path) -> None:
    names = [f"chan{i}" for i in range(16)]
    data = 1e-5 * np.random.default_rng(0).standard_normal((16, 100))
    path = tmp_path / "unplaced-ave.fif"
    mne.EvokedArray(data, mne.create_info(names, 100.0, "eeg")).save(path, verbose="ERROR")
    refused(run_cli("localize", path, "--out", tmp_path / "out", code=2), "chan0", "montage")


def test_existing_results_are_safe(localize: RunCli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    localize()
    before = (out / "peaks.csv").read_bytes()
    refused(localize("--solver", "mne", code=2), "already exists", "--overwrite")
    assert (out / "peaks.csv").read_bytes() == before
    localize("--solver", "mne", "--overwrite")
    assert (out / "peaks.csv").read_bytes() != before
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter.tex").write_text("years of work")
    refused(localize("--out", thesis, "--overwrite", code=2), "was not written by headwater")
    assert (thesis / "chapter.tex").exists()


def test_default_folder_is_named_after_the_recording(
    run_cli: RunCli, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_cli("localize", files / "tone-ave.fif", "--forward", files / "leadfield.npz")
    assert (tmp_path / "tone-ave.fif-headwater" / "report.html").exists()


def test_default_folders_of_two_formats_and_two_conditions_differ() -> None:
    named = [
        ("visual.set", None),
        ("visual.edf", None),
        ("visual.set", "S  1"),
        ("visual.set", "S 2"),
        ("v.fif.gz", "a/b"),
    ]
    folders = [str(default_folder(Path("recordings") / name, condition)) for name, condition in named]
    assert folders == [
        "visual.set-headwater",
        "visual.edf-headwater",
        "visual.set-S-1-headwater",
        "visual.set-S-2-headwater",
        "v.fif.gz-a-b-headwater",
    ]


def test_no_baseline_is_subtracted_on_request(localize: RunCli, tmp_path: Path) -> None:
    for number, (words, said) in enumerate(
        [
            (("--baseline", "none"), "none"),
            (("--no-baseline",), "none"),
            (("--baseline", "-0.1", "0"), "mean of -0.100"),
        ]
    ):
        out = tmp_path / str(number)
        localize("--solver", "mne", *words, "--out", out)
        assert json.loads((out / "headwater.json").read_text())["assumptions"]["Baseline"].startswith(said)
    refused(localize("--no-baseline", "--baseline", "-0.1", "0", code=2), "--no-baseline")


def test_full_disk_leaves_nothing_behind(files: Path, tmp_path: Path) -> None:
    """Files larger than a limit fail as they do on a full disk: with an OSError in the middle of writing."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "headwater.cli", "localize", files / "tone-ave.fif"]
    command += ["--forward", files / "leadfield.npz", "--out", out]

    def limit_file_size() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    ended = subprocess.run(list(map(str, command)), preexec_fn=limit_file_size, capture_output=True, text=True)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Error: " in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_killed_half_way_leaves_no_result(files: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "headwater.cli", "localize", files / "tone-ave.fif"]
    command += ["--forward", files / "leadfield.npz", "--out", out]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not list(tmp_path.glob(".part-out-*/out/*")):
            time.sleep(0.005)
        process.kill()
    assert process.returncode == -signal.SIGKILL, "it ended before it could be killed while writing"
    assert not out.exists()
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)
    assert (out / "report.html").exists()
    assert list(tmp_path.iterdir()) == [out]


def test_a_report_that_fails_does_not_cost_the_estimate(
    localize: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no font was found\nin a list of many")

    monkeypatch.setattr("headwater.report.results.write_report", fail)
    printed = localize(code=2)
    assert "Peaks, strongest first" in printed
    assert (
        "The report could not be made (RuntimeError: no font was found); the estimate and the peaks are in" in printed
    )
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["headwater.json", "localization-src.fif.gz", "localization-stc.h5", "peaks.csv"]


def test_of_two_runs_into_one_folder_the_later_is_refused(
    localize: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other run has ended while this one was making its report."""
    out = tmp_path / "out"

    def other(*_: object, **__: object) -> None:
        out.mkdir()
        (out / "headwater.json").write_text("of the other run")

    monkeypatch.setattr("headwater.report.results.write_report", other)
    assert "already exists; choose another --out" in localize(code=2)
    assert (out / "headwater.json").read_text() == "of the other run"
    assert list(tmp_path.iterdir()) == [out]


def test_a_dangling_link_is_refused_before_any_work(localize: RunCli, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "unplugged")
    refused(localize(recording=tmp_path / "nowhere.fif", code=2), "is a link to", "unplugged, which does not exist")


def test_names_that_are_not_utf8(localize: RunCli, files: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"M\xfcller-ave.fif")
    shutil.copy(files / "tone-ave.fif", tmp_path / name)
    localize(recording=tmp_path / name)
    assert r"M\xfcller" in json.loads((tmp_path / "out" / "headwater.json").read_text())["command"]


def test_lists_and_versions(run_cli: RunCli) -> None:
    printed = run_cli("list", "solvers")
    for name in SOLVERS:
        assert name in printed
    assert "relevance" in run_cli("list", "recipes")
    printed = run_cli("info")
    assert mne.__version__ in printed
    assert "cache" in printed


def test_help_and_typing_errors(run_cli: RunCli) -> None:
    assert "localize" in run_cli("--help")
    assert run_cli("-h") == run_cli("--help")
    assert run_cli("localize", "-h") == run_cli("localize", "--help")
    assert run_cli("--version").strip() == hw.__version__ == version("headwater")
    assert "--condition" in run_cli("localize", "--help")
    run_cli("localise", code=2)
    run_cli("localize", "x.fif", "--space", "everywhere", code=2)
