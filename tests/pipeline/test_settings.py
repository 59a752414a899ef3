from pathlib import Path

import pytest
import yaml

from headwater import InputError
from headwater.pipeline import PipelineSettings, settings


def test_all_settings_survive_their_file(tmp_path: Path) -> None:
    chosen = PipelineSettings(trials={"conditions": ["a", "b"]}, ica=None, localisation={"solver": "dspm"})
    (tmp_path / "mine.yaml").write_text(chosen.as_yaml())
    assert PipelineSettings.read(tmp_path / "mine.yaml") == chosen


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("")
    assert PipelineSettings.read(tmp_path / "mine.yaml") == PipelineSettings()


def test_the_documentation_lists_every_choice_with_its_default() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "pipeline.md").read_text()
    listed = yaml.safe_load(page.split("```yaml")[1].split("```")[0])
    assert listed == yaml.safe_load(PipelineSettings().as_yaml())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("filter: {highpas: 1}", "filter.highpas: there is no such setting"),
        ("filter: {highpass: -1}", "filter.highpass"),
        ("ica: {remove: [blinks]}", "ica.remove.0"),
        ("trials: {reject: always}", "trials.reject"),
        ("localisation: {space: brain}", "localisation.space"),
        ("filter: [", "Cannot read the settings"),
    ],
)
def test_faults_name_their_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(InputError, match=said):
        PipelineSettings.read(tmp_path / "mine.yaml")


@pytest.mark.parametrize(
    ("package", "chosen"),
    [
        ("mne_bids", {}),
        ("pyprep", {}),
        ("picard", {}),
        ("mne_icalabel", {}),
        ("autoreject", {"trials": {"reject": "autoreject"}}),
    ],
)
def test_a_missing_package_is_said_before_any_work(
    monkeypatch: pytest.MonkeyPatch, package: str, chosen: dict[str, object]
) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda name: None if name == package else object())
    with pytest.raises(InputError, match=r"pip install 'headwater\[pipeline\]'"):
        PipelineSettings(**chosen).check_packages()


def test_steps_that_are_left_out_need_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda name: object() if name == "mne_bids" else None)
    PipelineSettings(ica=None, bad_channels={"find": False}).check_packages()
