"""Every example runs, and one number of it is right."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

# What is asserted of each: the name of a variable that the example leaves behind, and bounds of its mean.
NUMBERS = {
    "plot_simulations.py": ("snr_error_db", -0.1, 0.1),
    "plot_network.py": ("gain", 0.1, 0.8),
    "plot_realtime.py": ("error_mm", -0.1, 15.0),
}


def test_every_example_is_checked() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(NUMBERS)


@pytest.mark.parametrize("name", NUMBERS)
def test_examples_run(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    monkeypatch.chdir(tmp_path)
    left = runpy.run_path(str(EXAMPLES / name))
    pyplot.close("all")
    variable, low, high = NUMBERS[name]
    assert low < left[variable].mean() < high
