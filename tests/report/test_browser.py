"""The interactive report in a real browser: it draws, follows the slider, and says nothing on the console."""

import numpy as np
import pytest

from browsers import Watched, needs_browser
from headwater.report.html import write_report
from headwater.report.nilearn_files import NIIVUE, nilearn_file

pytestmark = needs_browser


@pytest.fixture(scope="module")
def report(make_localization, tmp_path_factory):
    localization = make_localization("cortex", sensors="both")
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_report(localization, path)
    return path


@pytest.fixture(scope="module")
def wide(browser, report):
    watched = Watched(browser, report, 1400)
    selector = "html[data-brain]" if nilearn_file(NIIVUE) else "html.js"
    watched.page.wait_for_selector(selector, state="attached")
    return watched


def test_the_page_draws_without_a_word_and_asks_for_nothing(wide):
    assert wide.said == []
    assert wide.asked_outside == []
    for selector, count in ((".slices canvas", 3), (".curve canvas", 3), (".map canvas", 6)):
        assert len(set(wide.pixels(selector))) == count


def test_the_slider_moves_maps_slices_and_words(wide):
    page = wide.page
    before = [wide.pixels(selector) for selector in (".slices canvas", ".map canvas", ".curve canvas")]
    words = page.inner_text("#now")
    page.focus("#time")
    page.keyboard.press("Home")
    page.wait_for_function("(before) => document.getElementById('now').textContent !== before", arg=words)
    after = [wide.pixels(selector) for selector in (".slices canvas", ".map canvas", ".curve canvas")]
    for old, new in zip(before, after, strict=True):
        assert all(one != other for one, other in zip(old, new, strict=True))
    page.click("#peak-buttons button")
    page.wait_for_function("(before) => document.getElementById('now').textContent === before", arg=words)
    assert wide.said == []


def test_a_narrow_screen_is_not_overrun(browser, report):
    narrow = Watched(browser, report, 420)
    narrow.page.wait_for_selector("html.js", state="attached")
    assert narrow.page.evaluate("document.documentElement.scrollWidth") <= 420
    widths = narrow.page.evaluate("[...document.querySelectorAll('nav a')].map((link) => link.getClientRects().length)")
    assert np.max(widths) == 1, "an entry of the contents is broken over lines"
    narrow.page.close()


def test_one_time_point_without_a_head_is_drawn_too(browser, make_localization, tmp_path):
    path = tmp_path / "report.html"
    write_report(make_localization("volume", head="none", n_times=1), path)
    bare = Watched(browser, path, 800)
    bare.page.wait_for_function("document.getElementById('now').textContent.includes('ms')")
    assert len(set(bare.pixels(".slices canvas"))) == 3
    assert bare.said == []
    bare.page.close()


def test_without_scripts_and_in_print_the_pictures_remain(browser, report):
    plain = browser.new_page(java_script_enabled=False)
    plain.goto(report.as_uri())
    assert not plain.is_visible("#explore")
    assert plain.is_visible("#glass img")
    assert plain.is_visible("#summary .card")
    plain.close()
