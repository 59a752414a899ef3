"""A benchmark loses no row, knows its controls, and gives the same table however it was interrupted."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from headwater._utils.errors import InputError
from headwater.benchmark import PROTOCOLS, Settings, rewrite_results, run, run_benchmark
from headwater.benchmark.cell import score
from headwater.benchmark.methods import Estimator, Fitted
from headwater.benchmark.piunet import cases
from headwater.forward.leadfield import LeadField
from headwater.solvers import MinimumNorm

TIMINGS = ["fit_s", "s_per_sample"]


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bench") / "run"
    run_benchmark(tiny, "quick", None, out, command="headwater benchmark tiny")
    return out


@pytest.fixture(scope="module")
def results(finished: Path) -> pd.DataFrame:
    return pd.read_csv(finished / "results.csv")


def of_mne(results: pd.DataFrame) -> pd.DataFrame:
    """Rows that a run with one solver has too."""
    return results[results["solver"].isin(["mne", "Random", "Perfect"])].reset_index(drop=True)


def test_there_is_a_row_for_everything(results: pd.DataFrame, tiny) -> None:
    n_cases, n_methods, n_seeds, n_metrics = 3, 6, 2, 3
    assert len(results) == n_cases * n_methods * n_seeds * n_metrics
    assert not results.duplicated(["case", "solver", "seed", "metric"]).any()
    assert (results["status"].eq("ok") == results["value"].notna()).all()
    assert results.loc[results["status"] != "ok", "reason"].str.len().gt(5).all()


def test_failures_and_refusals_say_why(results: pd.DataFrame) -> None:
    def reasons(solver: str, status: str) -> set[str]:
        return set(results.query("solver == @solver and status == @status")["reason"])

    assert reasons("breaking", "failed") == {"ZeroDivisionError: the third root of nothing"}
    (refusal,) = reasons("refusing", "incompatible")
    assert "more than one time point" in refusal
    (unit,) = reasons("dspm", "incompatible")
    assert "statistics without a unit" in unit
    assert set(results.query("solver == 'dspm' and status == 'incompatible'")["metric"]) == {"nmse"}


def test_perfect_is_best_and_random_is_chance(results: pd.DataFrame) -> None:
    value = results.set_index(["solver", "case", "seed", "metric"])["value"].unstack("metric")
    assert np.allclose(value.loc["Perfect"], 0, atol=1e-9)
    error = value["localization_error"]
    assert (error["mne"] < error["Random"]).all()
    assert (error["mne", "snr-20"] < 0.7 * error["Random", "snr-20"]).all()
    assert value.loc["Random", "nemd_fast"].between(0.9, 1.2).all()


def test_regularisation_was_tuned(results: pd.DataFrame, finished: Path) -> None:
    (chosen,) = set(results.query("solver == 'mne'")["parameters"])
    table = pd.DataFrame(json.loads((finished / "tuning" / "20-dB--mne.json").read_text())["scores"])
    assert chosen == f"lambda2={table['lambda2'][table['score'].idxmin()]:g}"


def test_more_heads_than_one(results: pd.DataFrame) -> None:
    values = results.query("solver == 'mne' and metric == 'nmse'").pivot(index="case", columns="seed", values="value")
    assert (values[1] != values[2]).all()


def test_the_report_needs_nothing_beside_it(finished: Path, results: pd.DataFrame) -> None:
    page = (finished / "report.html").read_text()
    assert "data:image/png;base64," in page
    assert "://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "headwater benchmark tiny" in page
    table = (finished / "table.md").read_text()
    assert table.count("| Random |") == table.count("| Perfect |") == 3
    assert "the third root of nothing" in table
    assert {path.stem for path in finished.glob("*.png")} == {"by-snr", "by-number-of-sources"}


def test_the_page_can_be_written_again(tiny, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no protocol 'tiny'"):
        rewrite_results(finished)
    monkeypatch.setitem(PROTOCOLS, "tiny", tiny)
    before = (finished / "table.md").read_text()
    (finished / "report.html").write_text("of an earlier version")
    rewrite_results(finished)
    assert (finished / "table.md").read_text() == before
    assert "benchmark-content" in (finished / "report.html").read_text()
    cell = next((finished / "cells").iterdir())
    kept = cell.read_bytes()
    cell.unlink()
    with pytest.raises(InputError, match="lacks 1 of 36 cells; finish it first: headwater benchmark tiny"):
        rewrite_results(finished)
    cell.write_bytes(kept)


def test_an_interrupted_run_goes_on_to_the_same_table(
    tiny, finished: Path, results: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    done = []

    def until_killed(task) -> None:
        if len(done) == 7:
            raise KeyboardInterrupt
        score(task)
        done.append(task.cell_path)

    monkeypatch.setattr(run, "score", until_killed)
    with pytest.raises(run.Interrupted, match="7 of 18 cells are done and kept"):
        run_benchmark(tiny, "quick", ["mne"], out)
    with pytest.raises(run.Interrupted, match="7 of 18"):  # those of the first run are counted too
        run_benchmark(tiny, "quick", ["mne"], out)
    assert not (out / "results.csv").exists()
    with pytest.raises(InputError, match="beginning of another run"):
        run_benchmark(tiny, "quick", ["dspm"], out)
    written = {path: path.stat().st_mtime_ns for path in done}
    monkeypatch.undo()
    run_benchmark(tiny, "quick", ["mne"], out)
    assert {path: path.stat().st_mtime_ns for path in done} == written
    again = pd.read_csv(out / "results.csv")
    pd.testing.assert_frame_equal(again.drop(columns=TIMINGS), of_mne(results).drop(columns=TIMINGS), check_dtype=False)


def test_a_finished_run_is_kept_unless_asked(tiny, finished: Path) -> None:
    with pytest.raises(InputError, match="finished benchmark"):
        run_benchmark(tiny, "quick", None, finished)


def test_foreign_folders_are_left_alone(tiny, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds no run"):
        run_benchmark(tiny, "quick", None, tmp_path, overwrite=True)
    assert (tmp_path / "thesis.txt").exists()


def test_inverse_crime_flatters_and_is_called_by_its_name(tiny, results: pd.DataFrame, tmp_path: Path) -> None:
    crime = run_benchmark(tiny, "quick", ["mne"], tmp_path / "crime", inverse_crime=True)
    assert "**Inverse crime**" in (tmp_path / "crime" / "table.md").read_text()
    honest = results.query("solver == 'mne' and metric == 'nmse'")["value"].mean()
    assert crime.query("solver == 'mne' and metric == 'nmse'")["value"].mean() < honest


def test_a_cluster_gives_the_same_table(tiny, results: pd.DataFrame, tmp_path: Path) -> None:
    distributed = pytest.importorskip("dask.distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp"
    ) as cluster:
        spread = run_benchmark(tiny, "quick", ["mne"], tmp_path / "out", cluster=cluster.scheduler_address)
    columns = ["case", "solver", "seed", "metric", "value", "low", "high", "n"]
    pd.testing.assert_frame_equal(spread[columns], of_mne(results)[columns], check_dtype=False, rtol=1e-5)


def test_what_does_not_exist_is_named(tiny, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="choose one of piunet, known-head, multi-source, speed, real"):
        run_benchmark("fmri", out=tmp_path / "a")
    with pytest.raises(InputError, match="quick or paper"):
        run_benchmark(tiny, "huge", out=tmp_path / "a")
    with pytest.raises(InputError, match="no solver guess"):
        run_benchmark(tiny, "quick", ["guess"], tmp_path / "a")
    with pytest.raises(InputError, match="No Dask scheduler"):
        run_benchmark(tiny, "quick", ["mne"], tmp_path / "a", cluster="carrier-pigeon://home")


@pytest.mark.parametrize("size", ["quick", "paper"])
@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_has_cases_that_can_be_told_apart(name: str, size: str) -> None:
    protocol, settings = PROTOCOLS[name], Settings(size)
    cases = protocol.cases(settings)
    assert protocol.name == name
    assert len({case.name for case in cases}) == len({case.title for case in cases}) == len(cases) > 0
    assert len(protocol.seeds(settings)) > 0
    assert len(protocol.measures) > 1


def test_without_recordings_nothing_is_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs recordings; give their folder as `data`"):
        run_benchmark("real", "quick", ["mne"], tmp_path / "out")
    with pytest.raises(InputError, match="holds none of the folders mne-sample"):
        run_benchmark("real", "quick", ["mne"], tmp_path / "out", data=tmp_path)
    assert not (tmp_path / "out").exists()


def test_the_slowest_solvers_are_named_but_wait_to_be_asked_for(
    tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SLOW", frozenset({"mne", "dspm", "breaking"}))
    results = run_benchmark(tiny, "quick", None, tmp_path / "all")
    left_out = results[results["solver"].isin(run.SLOW)]
    assert set(left_out["status"]) == {"skipped"}
    assert left_out["reason"].str.contains("only if named").all()
    assert not (tmp_path / "all" / "tuning" / "20-dB--mne.json").exists()


def test_electrodes_that_fell_off_are_missed_by_data_and_solvers(tiny) -> None:
    whole, few = cases((20,), (), (), (40,))
    settings = Settings("quick", samples=8)
    seen: list[LeadField] = []

    class Noting(Fitted):
        def estimator(self, exam) -> Estimator:
            seen.append(exam.pair.model)
            return super().estimator(exam)

    mne = Noting(MinimumNorm())
    errors = [np.mean(tiny.score(mne, case, 1, settings).values["nemd_fast"]) for case in (whole, few, few)]
    assert [one.n_channels for one in seen] == [61, 21, 21]
    assert errors[1] == errors[2] > errors[0]
    tiny.score(mne, few, 2, settings)
    assert seen[3].ch_names != seen[2].ch_names
