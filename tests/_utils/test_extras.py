"""What works without packages that are needed for some things only, and what is said about the rest."""

import subprocess
import sys
from pathlib import Path

import pytest

from headwater._utils.errors import InputError
from headwater._utils.extras import NEEDED, extras

# Hides packages from Python's search, as if they were not installed.
HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
import importlib.util
search = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in {hidden!r} else search(name, *more)
"""

LOCALISE = """
import mne, numpy as np, headwater as hw
head = hw.template_head()
info = hw.montage_info(head, "biosemi16", sfreq=100.0)
leadfield = hw.make_leadfield(head, info, spacing=30.0, method="sphere")
data = 1e-7 * np.random.default_rng(0).standard_normal((16, 60))
data[:, 50] += 50e-9 * leadfield.gain[:, leadfield.n_sources // 2, 2]
evoked = mne.EvokedArray(data, info, tmin=-0.4, nave=30, verbose="error")
found = hw.analyze(evoked, "eloreta", head=head, forward=leadfield)
assert not any(name in sys.modules for name in {hidden!r})
hw.write_results(found, {out!r})
attempts = (lambda: hw.analyze(evoked, head=head, forward=leadfield), lambda: hw.load_network(), lambda: hw.simulate)
for attempt in attempts:
    try:
        attempt()
    except hw.InputError as error:
        print("said:", error)
try:
    hw.analyze(evoked, "eloretta", forward=leadfield)
except hw.InputError as error:
    assert "Unknown `solver`" in str(error)
"""


def test_localising_with_eloreta_needs_none_of_them(tmp_path: Path) -> None:
    hidden, out = sorted(NEEDED), str(tmp_path / "out")
    code = HIDE.format(hidden=hidden) + LOCALISE.format(hidden=hidden, out=out)
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert (tmp_path / "out" / "report.html").exists()
    lines = [line.removeprefix("said: ") for line in said.stdout.splitlines() if line.startswith("said: ")]
    default, network, simulation = lines
    assert "The default solver is a network" in default
    assert "`solver='eloreta'`" in default
    assert network == simulation
    assert network == (
        "Networks and simulations need PyTorch, which is not installed; install it with `pip install torch`."
    )


@pytest.mark.parametrize("package", NEEDED)
def test_a_missing_package_is_named_with_its_remedy(package: str) -> None:
    with pytest.raises(InputError, match=r"not installed; install it with `pip install "), extras():
        raise ModuleNotFoundError(name=f"{package}.part")


def test_other_missing_packages_are_faults_of_the_program() -> None:
    with pytest.raises(ModuleNotFoundError), extras():
        raise ModuleNotFoundError(name="colours")
