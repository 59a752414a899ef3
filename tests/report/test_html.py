import base64
import hashlib
import re
from dataclasses import replace
from html import unescape

import matplotlib.pyplot as plt
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.localization.trust import Status, Verdict
from headwater.networks import Morphed
from headwater.report.figures import plot_residual
from headwater.report.html import make_page, write_report
from headwater.report.words import found, limits, summary

COMMAND = "headwater localize '<recording>.fif' --condition \"Right & left\""
SECTIONS = (
    "Peaks", "Sensors at 25 ms", "Glass brain at 25 ms", "Cortex at 25 ms", "Time courses",
    "What is not explained at the peak", "How far to trust this", "What was assumed", "How to reproduce this",
)  # fmt: skip


def report_of(localization, tmp_path):
    path = tmp_path / "report.html"
    write_report(localization, path, command=COMMAND)
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    assert plt.get_fignums() == []
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(make_localization, tmp_path_factory):
    return report_of(make_localization(), tmp_path_factory.mktemp("default"))


def titles(page):
    return [unescape(title) for title in re.findall(r'<section id="[a-z]+">\s*<h2>(.*?)</h2>', page)]


def words_of(page):
    body = page[page.index("<body") : page.index('<script type="application/json"')]
    return unescape(re.sub(r"<[^>]+>", " ", body))


@pytest.mark.parametrize(
    ("space", "head", "sensors"),
    [
        ("volume", "cortex", "eeg"),
        ("cortex", "no cortex", "meg"),
        ("mixed", "cortex", "both"),
        ("volume", "none", "both"),
        ("cortex", "none", "meg"),
    ],
)
def test_every_section_is_there_for_every_kind_of_localization(make_localization, tmp_path, space, head, sensors):
    page = report_of(make_localization(space, head=head, sensors=sensors), tmp_path)
    assert titles(page) == list(SECTIONS)
    assert page.count("<img ") == (5 if head == "cortex" else 4)
    assert ("no head model with a cortical surface" in page) == (head != "cortex")


def test_the_page_loads_nothing_from_elsewhere(page):
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert allowed.pop("default-src") == "'none'"
    assert not any("http" in source or "*" in source for source in allowed.values())
    script = page[page.rindex("<script>") + len("<script>") : page.rindex("</script>")]
    fingerprint = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert allowed["script-src"] == f"'sha256-{fingerprint}' blob:"
    sources = re.findall(r"""<(?:img|script|iframe|link)\b[^>]*\b(?:src|href)=["']([^"']*)""", page)
    assert sources
    assert all(source.startswith("data:") for source in sources)


def test_every_picture_says_what_it_shows(page):
    texts = re.findall(r'<img [^>]*alt="([^"]*)"', page)
    assert len(texts) == page.count("<img ") > 0
    assert all(len(text) > 40 for text in texts)
    assert any("The strongest activity, 25 ms" in unescape(text) for text in texts)


def test_names_cannot_break_the_page(page):
    for harmful in ("<script>alert", "<i>", "a<b>", "<shells>", "<recording>"):
        assert harmful not in page
    shown = words_of(page)
    for text in ("Right <script>alert(1)</script>", "somebody <i>", "a<b>-lh", "three <shells>", COMMAND):
        assert text in shown


def test_numbers_of_the_peaks_table_are_shown(make_localization, tmp_path):
    localization = make_localization("cortex", sensors="both")
    page = report_of(localization, tmp_path)
    for row in localization.peaks.itertuples():
        cells = f'<td>a&lt;b&gt;-lh</td><td class="number">{1e3 * row.time_s:.0f}</td><td class="number">{row.x_mm:.0f}'
        assert cells in page
    for package in ("headwater", "mne", "numpy", "scipy"):
        assert f"<td>{package}</td>" in page


def test_a_single_time_point(make_localization, tmp_path):
    page = report_of(make_localization(n_times=1), tmp_path)
    assert "a single time point" in page
    assert page.count("<img ") == 4


def test_no_peak_is_said_and_not_drawn(make_localization, tmp_path):
    page = report_of(make_localization(silent=True), tmp_path)
    assert "No activity stands out of the noise" in page
    assert not any(title.startswith("Glass brain") for title in titles(page))


def summary_of(page):
    start = page.index('<section id="summary"')
    return page[start : page.index("</section>", start)]


def with_verdict(localization, verdict, **findings):
    trust = localization.trust
    return replace(localization, trust=replace(trust, verdict=verdict, findings=replace(trust.findings, **findings)))


def test_the_first_screen_says_status_place_fit_and_signal(make_localization):
    localization = make_localization("volume")
    doubted = with_verdict(localization, Verdict(Status.DOUBTFUL, ("one <channel> carries it",), 0.5), snr_db=6.0)
    html = summary_of(make_page(doubted))
    assert '<div class="status DOUBTFUL">' in html
    assert "One &lt;channel&gt; carries it." in html
    asked = re.findall(r'<div class="card">\s*<h2>(.*?)</h2>', html)
    assert asked == ["Where?", "When?", "How sure?", "How well does it fit?", "What was assumed?"]
    assert "25 ms after time zero" in html
    assert "2.0 times as strong (6 dB) as the noise" in html
    assert "of the data at the peak" in html


def test_noise_has_no_place(make_localization):
    localization = with_verdict(make_localization("volume"), Verdict(Status.NOTHING, ("p = 0.3",), 0.5))
    page = make_page(localization)
    assert page.count("they may be noise") == 3  # with the table, the glass brain and the cortex
    html = summary_of(page)
    assert "stands out of the noise" in html
    assert "strongest activity" not in html
    assert not re.search(r"\d\smm", html)


def test_an_answer_that_explains_too_little_is_not_the_headline(make_localization):
    localization = make_localization("volume")
    clean = localization.trust.findings.eloreta.fit
    poor = replace(clean, peak=0.02, shape=0.03)
    better = replace(localization.trust.findings.eloreta, goodness=0.68)
    verdict = Verdict(Status.DOUBTFUL, ("fit",), 0.5)
    shown = found(with_verdict(localization, verdict, fit=poor, eloreta=better))
    assert shown.startswith("eLORETA's strongest activity")
    assert "explains 68% of the data, sLORETA only 2%" in shown
    assert found(with_verdict(localization, verdict)).startswith("The strongest activity")
    page = make_page(with_verdict(localization, verdict, fit=poor, eloreta=better))
    assert "eLORETA&#39;s peak" in summary_of(page)
    assert "2% of the data explained, 68% by eLORETA" in summary_of(page)
    assert '"firstEstimate": 1' in page


def test_the_residual_is_drawn_for_every_sensor_type(make_localization):
    assert len(plot_residual(make_localization("volume", sensors="both")).axes) == 4


def test_an_existing_file_is_kept_unless_told_otherwise(make_localization, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("mine")
    localization = make_localization("volume", head="none")
    with pytest.raises(InputError, match="already exists"):
        write_report(localization, path)
    assert path.read_text() == "mine"
    write_report(localization, path, overwrite=True)
    assert "Glass brain" in path.read_text(encoding="utf-8")


def test_summary_says_where_when_how_strong_and_from_what(make_localization):
    localization = make_localization("cortex")
    first = localization.peaks.iloc[0]
    text = summary(localization)
    assert f"{1e3 * first.time_s:.0f} ms after time zero" in text
    assert "in the left half of the brain, in the region a<b>-lh" in text
    place = f"x = {first.x_mm:.0f}, y = {first.y_mm:.0f}, z = {first.z_mm:.0f} mm (MRI surface RAS)"
    assert place in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "sLORETA from 50 EEG electrodes" in text
    assert "average of 25 trials" in text


def test_limits_fit_the_case(make_localization):
    eeg, meg = make_localization("volume"), make_localization("cortex", sensors="meg")
    assert "conductivities are assumed" in " ".join(limits(eeg, None))
    assert "Sources were sought on the cortex only" not in " ".join(limits(eeg, None))
    assert "Sources were sought on the cortex only" in " ".join(limits(meg, None))
    assert "MEG is hardly sensitive" in " ".join(limits(meg, None))
    template = replace(eeg, head=replace(eeg.head, name="template"))
    assert "The head is a template" in " ".join(limits(template, None))


def test_a_morphed_solver_goes_by_its_own_name_and_says_so(make_localization):
    localization = make_localization("volume")
    morphed = Morphed(solver=localization.solver, home=localization.solver.leadfield_)
    carried = replace(localization, solver=morphed)
    assert "Estimated with sLORETA" in summary(carried)
    assert "estimate carries the data there" in " ".join(limits(carried, None))
    assert "estimate carries the data there" not in " ".join(limits(localization, None))


def test_magnitude_is_not_changed(make_localization, tmp_path):
    localization = make_localization("mixed")
    before = localization.magnitude.copy()
    report_of(localization, tmp_path)
    np.testing.assert_array_equal(localization.magnitude, before)
