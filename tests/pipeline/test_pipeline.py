"""Two simulated subjects, from BIDS to the group's report."""

import json
from collections.abc import Callable
from pathlib import Path

import mne
import numpy as np
import pytest

for needed in ("mne_bids", "pyprep", "picard", "mne_icalabel"):
    pytest.importorskip(needed, reason="the extra `pipeline` is not installed")

from headwater import InputError  # noqa: E402
from headwater.pipeline import Outcome, PipelineSettings, run_pipeline  # noqa: E402
from headwater.pipeline import subject as subjects  # noqa: E402
from headwater.pipeline.dataset import find_units  # noqa: E402
from headwater.pipeline.settings import BadChannels  # noqa: E402
from pipeline.datasets import BAD, TRUTH_MM, write_dataset  # noqa: E402

SETTINGS = PipelineSettings(localisation={"spacing": 20.0, "method": "sphere", "tmin": 0.05, "tmax": 0.2})


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bids") / "data"
    write_dataset(root, 2, n_trials=25, sfreq=128.0)
    return root


@pytest.fixture(scope="module")
def done(root: Path) -> Outcome:
    return run_pipeline(root, SETTINGS, command="headwater pipeline data")


def content(done: Outcome, name: str) -> dict:
    return json.loads((done.out / name / "headwater.json").read_text())


def test_the_group_is_found_where_the_source_is(done: Outcome) -> None:
    assert done.computed == ["sub-01", "sub-02"]
    assert done.failed == {}
    (peak,) = done.peaks
    assert np.linalg.norm(np.array([peak.x_mm, peak.y_mm, peak.z_mm]) - TRUTH_MM) < 20  # the grid has 20 mm
    assert peak.time_s == pytest.approx(0.1, abs=0.015)
    assert peak.n_subjects == 2


def test_artefacts_are_found(done: Outcome) -> None:
    for name in done.computed:
        found = content(done, name)
        assert BAD in found["steps"]["Bad channels found"]
        assert "eye blink" in [one["label"] for one in found["components"] if one["removed"]]
    epochs = mne.read_epochs(done.out / "sub-01" / "eeg" / "sub-01_task-touch_proc-clean_epo.fif", verbose="ERROR")
    assert BAD in epochs.info["bads"]
    good = [name for name in ("Fp1", "AF3", "F3") if name not in epochs.info["bads"]]
    assert np.ptp(epochs.get_data(picks=good), axis=2).max() < 100e-6  # blinks had 120 uV


def test_derivatives_are_those_of_bids(done: Outcome, root: Path) -> None:
    described = json.loads((done.out / "dataset_description.json").read_text())
    assert described["DatasetType"] == "derivative"
    assert described["GeneratedBy"][0]["Name"] == "headwater"
    assert (done.out / described["SourceDatasets"][0]["URL"]).resolve() == root.resolve()
    assert PipelineSettings.read(done.out / "pipeline.yaml") == SETTINGS
    evoked = mne.read_evokeds(done.out / "sub-02" / "eeg" / "sub-02_task-touch_proc-clean_ave.fif", 0, verbose="ERROR")
    assert evoked.nave == len(mne.read_epochs(next(done.out.glob("sub-02/eeg/*_epo.fif")), verbose="ERROR"))
    covariance = mne.read_cov(done.out / "sub-01" / "localisation" / "touch-cov.fif", verbose="ERROR")
    assert len(covariance.ch_names) == 32 - len(content(done, "sub-01")["steps"]["Bad channels found"].split(", "))


def test_pages_link_to_reports_and_escape(done: Outcome) -> None:
    page = (done.out / "sub-01" / "report.html").read_text()
    assert 'href="localisation/touch/report.html"' in page
    assert (done.out / "sub-01" / "localisation" / "touch" / "report.html").is_file()
    assert "eye blink" in page
    group = (done.out / "group" / "report.html").read_text()
    assert "sub-02" in group
    assert "<img" in group


def test_fiducials_come_from_the_data_set(root: Path) -> None:
    raw = find_units(root, SETTINGS)[0].read()
    given = json.loads(next((root / "sub-01" / "eeg").glob("*coordsystem.json")).read_text())
    read = mne.viz._3d._fiducial_coords(raw.info["dig"])
    landmarks = given["AnatomicalLandmarkCoordinates"]
    np.testing.assert_allclose(read, [landmarks[name] for name in ("LPA", "NAS", "RPA")], atol=1e-4)


def test_what_is_done_is_kept(done: Outcome, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subjects, "do_subject", None)
    again = run_pipeline(root, SETTINGS)
    assert (again.computed, again.kept) == ([], ["sub-01", "sub-02"])
    assert again.peaks == done.peaks


def test_changed_settings_and_files_are_noticed(done: Outcome, root: Path) -> None:
    other = SETTINGS.model_copy(update={"seed": 1})
    with pytest.raises(InputError, match="sub-01, sub-02 .* `overwrite=True`"):
        run_pipeline(root, other)
    unit = find_units(root, SETTINGS)[0]
    key = unit.key(SETTINGS)
    assert subjects.state_of(done.out / unit.folder, key) == "done"
    events = next((root / "sub-01" / "eeg").glob("*_events.tsv"))
    before = events.read_bytes()
    events.write_bytes(before + b"\n")
    assert subjects.state_of(done.out / unit.folder, unit.key(SETTINGS)) == "other"
    events.write_bytes(before)
    assert unit.key(SETTINGS) == key
    assert subjects.state_of(done.out / "sub-99", key) == "new"


def test_a_subject_that_fails_does_not_stop_the_others(
    done: Outcome, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(task: subjects.Task) -> None:
        if task.unit.subject == "01":
            raise InputError("The electrodes fell off.")
        (task.out / "sub-02").symlink_to(done.out / "sub-02")

    monkeypatch.setattr(subjects, "do_subject", work)
    outcome = run_pipeline(root, SETTINGS, out=tmp_path / "out")
    assert outcome.failed == {"sub-01": "The electrodes fell off."}
    assert outcome.computed == ["sub-02"]
    assert outcome.peaks[0].n_subjects == 1


def test_foreign_folders_are_left_alone(root: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "sub-01").mkdir(parents=True)
    (tmp_path / "out" / "sub-01" / "thesis.docx").write_text("years of work")
    with pytest.raises(InputError, match="was not written by headwater"):
        run_pipeline(root, SETTINGS, out=tmp_path / "out", overwrite=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "dataset_description.json").write_text('{"GeneratedBy": [{"Name": "fMRIPrep"}]}')
    with pytest.raises(InputError, match="derivatives of another program"):
        run_pipeline(root, SETTINGS, out=tmp_path / "other")


@pytest.mark.parametrize(
    ("chosen", "said"),
    [({"subjects": ("77",)}, "no EEG or MEG recordings"), ({"subjects": ("01", "77")}, "subjects 77")],
)
def test_subjects_that_are_not_there_are_said(root: Path, chosen: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        find_units(root, SETTINGS.model_copy(update=chosen))


def test_the_command_says_what_was_done(done: Outcome, root: Path, run_cli: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(SETTINGS.as_yaml())
    said = run_cli("pipeline", root, "--settings", tmp_path / "mine.yaml")
    assert "0 subjects computed, 2 kept" in said
    assert "touch: " in said
    assert "is not a BIDS data set" in run_cli("pipeline", tmp_path, code=2)


def test_workers_do_several_subjects_and_report_what_fails(root: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(
        update={
            "ica": None,
            "bad_channels": BadChannels(find=False),
            "trials": SETTINGS.trials.model_copy(update={"conditions": ("pain",)}),
        }
    )
    outcome = run_pipeline(root, settings, out=tmp_path / "out", workers=2)
    assert set(outcome.failed) == {"sub-01", "sub-02"}
    assert "'pain' is not among the events" in outcome.failed["sub-01"]
    assert not list((tmp_path / "out").glob("sub-*"))
    assert not list((tmp_path / "out").glob(".part-*"))


def test_recordings_of_several_files_and_parts_count_once(tmp_path: Path) -> None:
    (tmp_path / "dataset_description.json").write_text("{}")
    for name in ("eeg/sub-1_task-a_eeg.vhdr", "eeg/sub-1_task-a_eeg.eeg", "eeg/sub-1_task-a_eeg.vmrk"):
        (tmp_path / "sub-1" / "eeg").mkdir(parents=True, exist_ok=True)
        (tmp_path / "sub-1" / name).touch()
    meg = tmp_path / "sub-2" / "ses-x" / "meg"
    meg.mkdir(parents=True)
    for name in ("task-a_split-01_meg", "task-a_split-02_meg", "acq-crosstalk_meg"):
        (meg / f"sub-2_ses-x_{name}.fif").touch()
    first, second = find_units(tmp_path, SETTINGS)
    assert [run.name for run in first.runs] == ["sub-1_task-a_eeg.vhdr"]
    assert [run.name for run in second.runs] == ["sub-2_ses-x_task-a_split-01_meg.fif"]
    assert second.folder == Path("sub-2/ses-x")
    (tmp_path / "sub-1" / "eeg" / "sub-1_task-b_eeg.edf").touch()
    with pytest.raises(InputError, match="several tasks \\(a, b\\)"):
        find_units(tmp_path, SETTINGS)
    only_b = find_units(tmp_path, SETTINGS.model_copy(update={"task": "b"}))
    assert [unit.subject for unit in only_b] == ["1"]
