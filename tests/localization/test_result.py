"""What a localisation shows of itself."""

import re
from html import unescape
from pathlib import Path

import mne
import numpy as np
import pytest

import headwater as hw
from headwater.report.results import OURS


@pytest.fixture(scope="module")
def found() -> hw.Localization:
    head = hw.template_head()
    info = hw.montage_info(head, "biosemi32", sfreq=100.0)
    leadfield = hw.make_leadfield(head, info, spacing=20.0, method="sphere")
    data = 1e-7 * np.random.default_rng(0).standard_normal((32, 20))
    data[:, 12] += 50e-9 * leadfield.gain[:, leadfield.n_sources // 2, 2]
    evoked = mne.EvokedArray(data, info, tmin=-0.05, nave=30, comment="<tone>", verbose="error")
    return hw.analyze(evoked, "sloreta", head=head, forward=leadfield)


def test_it_is_short_in_words(found: hw.Localization) -> None:
    peak = found.peaks.iloc[0]
    assert len(repr(found)) < 200
    assert repr(found).startswith("<Localization | ")
    assert f"{found.trust.verdict.status.value}, SLORETA of 32 channels, " in repr(found)
    assert f"at {1e3 * peak['time_s']:.0f} ms" in repr(found)


def test_notebooks_show_tables(found: hw.Localization) -> None:
    html = found._repr_html_()
    assert html.count("<table") == 2
    assert "&lt;Localization" in html
    assert "&lt;tone&gt;" in html
    assert "<tone>" not in html


def test_it_is_drawn_at_the_time_of_its_peak(found: hw.Localization) -> None:
    assert "70 ms" in found.plot().get_suptitle()
    assert "100 ms" in found.plot(0.1).get_suptitle()
    with pytest.raises(hw.InputError, match="`time=3.0` is not within"):
        found.plot(3.0)


def test_a_notebook_shows_its_report_in_a_frame(found: hw.Localization) -> None:
    view = found.view(height=700)
    assert repr(view).startswith("<View | report of ")
    (page,) = re.findall(r'^<iframe srcdoc="([^"]*)" [^>]*height: 700px', view._repr_html_())
    assert unescape(page) == view.page
    assert "<title>headwater: &lt;tone&gt;</title>" in view.page


def test_it_is_saved_as_results(found: hw.Localization, tmp_path: Path) -> None:
    assert sorted(path.name for path in found.save(tmp_path / "out").iterdir()) == sorted(OURS)
    with pytest.raises(hw.InputError, match="already exists"):
        found.save(tmp_path / "out")


class Silent(hw.solvers.MinimumNorm):
    """Finds nothing."""

    def estimate(self, data: np.ndarray) -> np.ndarray:
        return 0 * super().estimate(data)


def test_an_estimate_of_zeros_has_a_report(found: hw.Localization, tmp_path: Path) -> None:
    silent = hw.analyze(found.evoked, Silent(), head=found.head, forward=found.leadfield)
    assert len(silent.peaks) == 0
    assert "0 peaks" in repr(silent)
    assert "<p>No peaks.</p>" in (silent.save(tmp_path / "out") / "report.html").read_text()


def test_gradiometers_without_partners_have_a_report(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "mne-sample"
    evoked = mne.read_evokeds(folder / "sample_right-auditory_right-visual-ave.fif", condition=1, verbose="error")
    evoked.pick([name for name in evoked.ch_names if name.startswith("MEG") and name.endswith("2")])
    forward = folder / "derived_sample_ico3-320bem-meg-eeg-fwd.fif"
    single = hw.analyze(evoked, "dspm", forward=forward, tmin=0.08, tmax=0.1)
    assert "102 gradiometers" in single.assumptions["Sensors"]
    assert (single.save(tmp_path / "out") / "report.html").is_file()
