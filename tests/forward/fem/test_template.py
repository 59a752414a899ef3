"""Finite elements of the template: against its boundary elements, and from the command line to a report."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import mne
import numpy as np
import pandas as pd
import pytest

from forward.fem.spheres import errors
from headwater.forward.fem.method import FEM
from headwater.forward.make import make_leadfield
from headwater.head import tissue_volume
from headwater.head.anatomy import Conductivities
from headwater.head.conductivity import three_shells
from headwater.head.sensors import montage_info
from headwater.head.template import template_head

SIZE_MM = 4.0
COARSE_MM = 6.0  # for what needs no exact field


@pytest.fixture(scope="module", autouse=True)
def _coarse_voxels() -> Iterator[None]:
    """Half an element suffices here, and takes an eighth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tissue_volume, "STEP", 0.5e-3 * SIZE_MM)
        yield


@pytest.fixture(scope="module")
def sixteen() -> mne.Info:
    return montage_info(template_head(), "biosemi16")


def test_three_equal_layers_agree_with_boundary_elements(sixteen: mne.Info) -> None:
    """Elements of 4 mm are too coarse for the skull, not for the shape of the head.

    With the skull's own conductivity and elements of 2 mm: ``benchmarks/results/fem-template.md``.
    """
    equal = Conductivities(0.33, 0.33, 0.33)
    head = replace(template_head(), conductivities=equal)
    fem = FEM(resolution_mm=SIZE_MM, conductivities=three_shells(equal))
    found = make_leadfield(head, sixteen, spacing=25.0, mindist=15.0, method=fem)
    exact = make_leadfield(head, sixteen, spacing=25.0, mindist=15.0, ico=3)
    rdm, mag = errors(found.matrix, exact.matrix)
    assert np.median(rdm) < 0.03, np.median(rdm)
    assert 0.95 < np.median(mag) < 1.05, np.median(mag)


def test_localize_with_finite_elements(
    sixteen: mne.Info, run_cli: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dipole is found near its place, and the results say how the lead field was computed."""
    assert FEM.__init__.__defaults__ is not None
    monkeypatch.setattr(FEM.__init__, "__defaults__", (COARSE_MM, *FEM.__init__.__defaults__[1:]))
    truth = make_leadfield(template_head(), sixteen, spacing=20.0, within="brain", ico=3)
    assert truth.pos_mni is not None
    source = int(np.linalg.norm(truth.pos_mni - [-0.04, -0.02, 0.05], axis=1).argmin())
    times = np.arange(-50, 51) / 250.0
    course = np.exp(-(((times - 0.1) / 0.02) ** 2))
    field = truth.gain[:, source] @ [1e-8, 2e-8, 2e-8]
    noise = 0.02 * np.abs(field).max() * np.random.default_rng(0).standard_normal((16, len(times)))
    recording = mne.EvokedArray(field[:, np.newaxis] * course + noise, sixteen, tmin=times[0], nave=100)
    recording.save(tmp_path / "one-ave.fif", verbose="error")
    options = ("--method", "fem", "--spacing", "20", "--solver", "eloreta")
    run_cli("localize", tmp_path / "one-ave.fif", *options, "--out", tmp_path / "result")
    facts = (tmp_path / "result" / "headwater.json").read_text()
    assert f"elements of {COARSE_MM:g} mm" in facts
    assert "finite elements" in facts
    peak = pd.read_csv(tmp_path / "result" / "peaks.csv").iloc[0]
    assert np.linalg.norm(peak[["x_mm", "y_mm", "z_mm"]].to_numpy(float) - 1e3 * truth.pos_mni[source]) < 30
