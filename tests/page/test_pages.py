"""Pages of a benchmark and of a training run: what they say, and in a real browser that they draw and sort."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import yaml

from browsers import Watched, needs_browser
from headwater._utils.errors import InputError
from headwater.benchmark.comparison import comparison
from headwater.benchmark.figures import figures
from headwater.benchmark.methods import CONTROLS, Fitted
from headwater.benchmark.page import make_page
from headwater.benchmark.protocol import Case, Protocol
from headwater.benchmark.reference import paired_bounds
from headwater.benchmark.results import COLUMNS
from headwater.cli.report import asked_for
from headwater.metrics.bootstrap import bootstrap_interval
from headwater.metrics.measure import Measure
from headwater.solvers import ELORETA, MinimumNorm
from headwater.training.logs import read_run
from headwater.training.page import training_page, write_training_page
from headwater.weights.card import Card

N = 40
SVG = "http://www.w3.org/2000/svg"  # a name, not an address that is asked
METHODS = {"mne": Fitted(MinimumNorm()), "eLORETA": Fitted(ELORETA()), **CONTROLS}
CASES = (
    *(Case(name=f"snr-{at}", title=f"one source, {at} dB", tuned_on=None, axis="SNR (dB)", at=at) for at in (0, 10)),
    Case(name="real-head", title="a <real> head", tuned_on=None),
)
MEANS = {"mne": 20.0, "eLORETA": 12.0, "Random": 70.0, "Perfect": 0.0}
ABOUT = {
    "protocol": "made",
    "size": "quick",
    "solvers": list(METHODS),
    "seeds": [1],
    "inverse crime": False,
    "versions": {"headwater": "0", "mne": "1"},
    "commit": "",
    "machine": "",
    "command": "headwater benchmark made",
}


@dataclass(frozen=True, eq=False)
class Made(Protocol):
    """Scores that are drawn instead of computed."""

    name: str = "made"
    title: str = "Made </script> up"
    about: str = "Nothing was simulated."

    @property
    def measures(self):
        return {
            "error": Measure(unit="mm", higher_is_better=False, meaning="How far off."),
            "auc": Measure(higher_is_better=True, meaning="How well ranked."),
        }

    def seeds(self, settings):
        return (1,)

    def cases(self, settings):
        return CASES

    def training(self, tuned_on, settings):
        raise AssertionError("nothing is tuned here")

    def score(self, method, case, seed, settings):
        raise AssertionError("nothing is scored here")


@pytest.fixture(scope="module")
def benchmark_page():
    rng = np.random.default_rng(0)
    scores = {}
    for case in CASES:
        for name, mean in MEANS.items():
            scores[case.name, name, "error"] = mean + rng.normal(size=N)
            scores[case.name, name, "auc"] = 1 - mean / 100 + 0.01 * rng.normal(size=N)
    protocol = Made()
    results = pd.DataFrame(
        [
            {"case": case.name, "solver": name, "metric": metric, "status": "ok", "s_per_sample": 0.001}
            for case in CASES
            for name in METHODS
            for metric in protocol.measures
        ],
        columns=COLUMNS,
    )
    compared = comparison(protocol, METHODS, scores)
    drawn = figures(protocol, CASES, METHODS, scores)
    return make_page(protocol, CASES, METHODS, results, scores, ABOUT, compared, drawn)


@pytest.fixture
def run_folder(tmp_path):
    """A training run of 400 steps of 800 that was interrupted once: the first part went on to step 240."""
    recipe = {"network": "fcn", "preset": "PIUNET", "loss": "l1", "batch_size": 32, "schedule": {"steps": 800}}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    for part, steps, offset in (("log", range(19, 240, 20), 0.0), ("log-2", range(199, 400, 20), 5.0)):
        (tmp_path / part).mkdir()
        rows = [f"0,{3 / (1 + step / 100) + offset:.4f},,{step}" for step in steps]
        rows.insert(len(rows), f"0,,{0.5 - steps[-1] / 1000:.4f},{steps[-1]}")
        (tmp_path / part / "metrics.csv").write_text("\n".join(["epoch,loss,20 dB nmse,step", *rows]) + "\n")
    card = Card(
        name="tiny",
        network="fcn",
        config={},
        parameters=1234,
        leadfield=None,
        preset="",
        recipe=recipe,
        steps=400,
        batch_size=32,
        device="cpu",
        hours=0.5,
        versions={},
        validation={"20 dB nmse": 0.101},
        baseline={"20 dB nmse": 0.3},
        intended_use="-",
        limits="-",
    )
    (tmp_path / "tiny.json").write_text(card.model_dump_json())
    (tmp_path / "tiny.safetensors").write_bytes(b"")
    return tmp_path


def test_paired_bounds_are_those_of_the_bootstrap_of_the_differences():
    rng = np.random.default_rng(1)
    differences = rng.normal(0.4, 1.0, size=(200, 2))
    differences[::3, 1] = np.nan
    for found, column in zip(paired_bounds(differences).T, differences.T, strict=True):
        interval = bootstrap_interval(column)
        assert np.allclose(found, (interval.low, interval.high), atol=0.02)
    assert np.isnan(paired_bounds(np.full((5, 1), np.nan))).all()


def test_a_benchmark_is_read_beside_eloreta(benchmark_page):
    assert benchmark_page.count('<tr class="reference"><th scope="row">eLORETA') == len(CASES)
    assert 'title="worse than eLORETA, sample by sample"' in benchmark_page
    assert "a &lt;real&gt; head" in benchmark_page
    assert "Made </script>" not in benchmark_page
    assert "://" not in benchmark_page.replace(SVG, "")


def test_parts_of_a_run_are_joined_and_what_was_repeated_counts_once(run_folder):
    run = read_run(run_folder)
    assert run.steps == 400
    assert run.planned == 800
    assert run.loss.index.is_unique
    assert list(run.loss.index) == list(range(19, 400, 20))
    assert (run.loss[run.loss.index >= 199] > 5).all()
    assert list(run.scores["20 dB nmse"].dropna()) == pytest.approx([0.101])


def test_a_run_says_how_far_it_is_and_how_good(run_folder):
    page = write_training_page(run_folder).read_text()
    for words in ("Better than eLORETA in 1 of 1 scores", "400 of 800 steps", "1,234 parameters", "--resume"):
        assert words in page
    with pytest.raises(InputError, match="no training run"):
        read_run(run_folder / "log")


def test_a_run_without_weights_or_logs_has_a_page(run_folder):
    for path in (*run_folder.glob("log*/*"), *run_folder.glob("tiny.*")):
        path.unlink()
    assert "No weights yet" in training_page(read_run(run_folder))


def test_report_on_the_command_line(run_cli, run_folder, tmp_path):
    assert "report.html" in run_cli("report", run_folder)
    assert "neither a training run nor a benchmark" in run_cli("report", run_folder / "log", code=2)
    (run_folder / "log" / "headwater.json").write_text("{}")
    assert "holds a localisation" in run_cli("report", run_folder / "log", code=2)


class TestInBrowser:
    pytestmark = needs_browser

    def test_charts_draw_and_tables_sort(self, browser, benchmark_page, tmp_path):
        path = tmp_path / "report.html"
        path.write_text(benchmark_page)
        wide = Watched(browser, path, 1400)
        page = wide.page
        assert page.locator("#line-chart path.series").count() == 3  # mne, eLORETA, Random
        assert page.locator("#row-chart .row").count() == 4
        page.click(".legend button:has-text('Perfect')")
        assert page.locator("#line-chart path.series").count() == 4
        page.select_option(".toolbar select >> nth=0", label="auc ↑")
        assert "How well ranked" in page.inner_text("#explore .note >> nth=0")
        page.focus("#line-chart svg")
        page.keyboard.press("ArrowRight")
        assert "SNR 0: Perfect 0.998" in page.inner_text("#line-chart .said-here")
        names = "#case-real-head tbody th"
        assert page.locator(names).all_inner_texts() == ["eLORETA", "mne", "Perfect", "Random"]
        page.click("#case-real-head th:nth-child(2) button")
        assert page.locator(names).all_inner_texts() == ["Perfect", "eLORETA", "mne", "Random"]
        page.click("#case-real-head th:nth-child(2) button")
        assert page.locator(names).all_inner_texts() == ["Random", "mne", "eLORETA", "Perfect"]
        assert wide.said == []
        assert wide.asked_outside == []
        page.set_viewport_size({"width": 420, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
        page.close()

    def test_learning_curves_draw_and_have_a_picture_for_paper(self, browser, run_folder):
        wide = Watched(browser, write_training_page(run_folder), 1400)
        page = wide.page
        assert page.locator("#charts svg").count() == 2
        assert page.locator("#charts path.dashed, #charts line.dashed").count() == 1  # eLORETA
        assert not page.is_visible(".static img")
        page.emulate_media(media="print")
        assert page.is_visible(".static img")
        assert not page.is_visible("#explore")
        assert wide.said == []
        page.close()


@pytest.mark.parametrize("given", ["--solvers mne,runs/own.safetensors", "--solvers=mne,runs/own.safetensors"])
def test_solvers_of_a_command_are_found_again(given: str) -> None:
    assert asked_for(f"headwater benchmark speed {given} --out there") == ["mne", "runs/own.safetensors"]
    assert asked_for("headwater benchmark speed") is asked_for(None) is None
