"""Some cases, fewer samples."""

import pytest

from headwater._utils.errors import InputError
from headwater.benchmark import run_benchmark


def test_some_cases_and_fewer_samples(tiny, tmp_path):
    case = tiny.sizes["quick"].cases[0].name
    results = run_benchmark(tiny, "quick", ["mne"], tmp_path / "part", cases=[case], samples=3)
    assert set(results["case"]) == {case}
    scored = results[results["status"] == "ok"]
    assert set(scored["n"]) <= {3, 3 * len(tiny.sizes["quick"].seeds)}
    assert "samples: 3" in (tmp_path / "part" / "table.md").read_text()


def test_unknown_cases_and_impossible_numbers_are_refused(tiny, tmp_path):
    with pytest.raises(InputError, match="no case nowhere; choose from"):
        run_benchmark(tiny, "quick", ["mne"], tmp_path / "out", cases=["nowhere"])
    with pytest.raises(InputError, match="positive"):
        run_benchmark(tiny, "quick", ["mne"], tmp_path / "out", samples=0)
    with pytest.raises(InputError, match="simulate"):
        run_benchmark("real", "quick", ["mne"], tmp_path / "out", samples=3)
