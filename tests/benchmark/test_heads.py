"""The true head is not the one that solvers assume, but its sources are the same, one by one."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import headwater as hw
from headwater._utils.errors import InputError
from headwater.benchmark.heads import Misjudged, NewYork, Setup, model_leadfield, true_leadfield
from headwater.benchmark.piunet import PIUNET
from headwater.benchmark.protocol import Settings
from headwater.benchmark.protocols import PROTOCOLS
from headwater.forward.carried import carried_leadfield
from headwater.forward.fem.method import FEM
from headwater.head.geometry import NearestPoint
from headwater.head.helmet import helmet_info
from headwater.head.sensors import montage_info

VOLUME = Setup("easycap-M10", "volume", 22.0, ico=3)


def test_carried_to_the_same_head_a_lead_field_is_unchanged() -> None:
    leadfield = model_leadfield(VOLUME)
    template = hw.template_head()
    again = carried_leadfield(leadfield, template, template, leadfield.info, ico=3)
    np.testing.assert_allclose(again.gain, leadfield.gain, rtol=1e-9)
    np.testing.assert_allclose(again.pos, leadfield.pos, atol=1e-12)


def test_a_helmet_sees_the_same_sources_in_another_head() -> None:
    template = hw.template_head()
    leadfield = hw.make_leadfield(template, helmet_info(template, 30), spacing=25.0, ico=3)
    again = carried_leadfield(leadfield, template, template, leadfield.info, ico=3)
    np.testing.assert_allclose(again.gain, leadfield.gain, atol=1e-9 * np.abs(leadfield.gain).max())
    other = carried_leadfield(leadfield, template, template.varied(seed=1), leadfield.info, ico=3)
    norms = np.linalg.norm(other.matrix, axis=0) / np.linalg.norm(leadfield.matrix, axis=0)
    assert 0.5 < np.median(norms) < 2
    assert not np.allclose(norms, 1, atol=0.01)


def test_the_data_head_differs_as_one_person_from_another() -> None:
    mine, other = model_leadfield(VOLUME), true_leadfield(VOLUME, 1)
    assert mine.gain.shape == other.gain.shape
    moved_mm = 1e3 * np.linalg.norm(mine.pos - other.pos, axis=1)
    assert 1 < np.median(moved_mm) < 20
    assert not np.array_equal(true_leadfield(VOLUME, 2).gain, other.gain)
    columns = [field.matrix - field.matrix.mean(axis=0) for field in (mine, other)]
    a, b = (column / np.linalg.norm(column, axis=0) for column in columns)
    rdm = np.linalg.norm(a - b, axis=0)
    assert 0.02 < np.median(rdm) < 0.5


def test_cortical_sources_are_the_same_vertices() -> None:
    space = Setup("easycap-M10", "cortex", "ico3", ico=3)
    mine, other = model_leadfield(space), true_leadfield(space, 1)
    assert mine.n_orient == other.n_orient == 1
    for a, b in zip(mine.src, other.src, strict=True):
        np.testing.assert_array_equal(a["vertno"], b["vertno"])
    agreement = np.sum(mine.normals * other.normals, axis=1)
    assert np.median(agreement) > 0.95


def test_a_misjudged_head_has_the_same_shape() -> None:
    true = Misjudged(jitter_mm=2.0, brain=1.2, skull=0.8, scalp=0.8)
    head, template = true.head(hw.template_head(), 1), hw.template_head()
    assert np.array_equal(head.inner_skull.rr, template.inner_skull.rr)
    assert np.isclose(head.conductivities.brain, 1.2 * template.conductivities.brain)
    assert np.isclose(head.conductivities.skull, 0.8 * template.conductivities.skull)
    places = [
        np.array([channel["loc"][:3] for channel in montage_info(one, "easycap-M10")["chs"]])
        for one in (template, head, true.head(template, 2))
    ]
    moved_mm = 1e3 * np.linalg.norm(places[1] - places[0], axis=1)
    assert 2.0 < moved_mm.mean() < 3.0  # Rayleigh: 2 sqrt(pi / 2) = 2.5
    assert not np.array_equal(places[1], places[2])


def test_mixed_sources_are_carried_with_their_kind() -> None:
    space = Setup("easycap-M10", "mixed", "ico3", ico=3)
    mine, other = model_leadfield(space), true_leadfield(space, 1)
    n_cortical = sum(hemisphere["nuse"] for hemisphere in mine.src[:2])
    assert mine.gain.shape == other.gain.shape
    cortex = true_leadfield(Setup("easycap-M10", "cortex", "ico3", ico=3), 1)
    np.testing.assert_allclose(other.pos[:n_cortical], cortex.pos, atol=1e-9)
    np.testing.assert_allclose(other.normals[:n_cortical], cortex.normals, atol=1e-9)
    along = np.einsum("csx,sx->cs", other.gain, other.normals)[:, :n_cortical]
    np.testing.assert_allclose(along, cortex.gain[:, :, 0], rtol=1e-6, atol=1e-6 * np.abs(along).max())
    moved_mm = 1e3 * np.linalg.norm(mine.pos - other.pos, axis=1)
    assert 1 < np.median(moved_mm[n_cortical:]) < 20


def test_a_known_head_differs_from_the_true_one_in_its_conductivities_alone():
    space = Setup(
        "biosemi16", "volume", 25.0, ico=3, deviation=Misjudged(jitter_mm=0, brain=1, skull=2, scalp=1), person=3
    )
    mine, true = model_leadfield(space), true_leadfield(space, 1)
    assert np.allclose(mine.pos, true.pos, atol=1e-9)
    electrodes = [np.array([channel["loc"][:3] for channel in one.info["chs"]]) for one in (mine, true)]
    assert np.allclose(*electrodes, atol=1e-9)
    one, other = (lf.gain - lf.gain.mean(0) for lf in (mine, true))
    cosine = (one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other)
    assert 0.9 < cosine < 0.9999
    template = model_leadfield(Setup("biosemi16", "volume", 25.0, ico=3))
    assert mine.n_sources != template.n_sources or not np.allclose(mine.pos, template.pos)


def test_a_real_head_makes_the_data_of_the_hardest_case(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The New York head, thinned out and with boundary elements to be quick."""
    image = nib.load(shared_data / NewYork.image)
    thin = nib.Nifti1Image(np.asarray(image.dataobj)[::3, ::3, ::3], image.affine @ np.diag([3.0, 3.0, 3.0, 1.0]))
    (tmp_path / NewYork.image).parent.mkdir()
    nib.save(thin, tmp_path / NewYork.image)
    assert NewYork().at(tmp_path, "paper").method == FEM()
    assert NewYork().at(tmp_path, "quick").method == FEM(resolution_mm=3.0)
    monkeypatch.setattr(NewYork, "method", "bem")
    setup = replace(VOLUME, montage="biosemi16", deviation=NewYork().at(tmp_path, "quick"))
    mine, other = model_leadfield(setup), true_leadfield(setup, 1)
    head = setup.deviation.head(setup.head, 1)
    depth = -NearestPoint(head.inner_skull.rr, head.inner_skull.tris)(head.to_mri(other.pos))[1]
    assert depth.min() >= NewYork.least_depth
    off_mm = 1e3 * np.linalg.norm(head.to_mni(other.pos) - setup.head.to_mni(mine.pos), axis=1)
    assert np.median(off_mm) < 0.01
    assert off_mm.max() < 15
    columns = [field.matrix - field.matrix.mean(axis=0) for field in (mine, other)]
    a, b = (column / np.linalg.norm(column, axis=0) for column in columns)
    assert 0.05 < np.median(np.linalg.norm(a - b, axis=0)) < 0.5


@pytest.mark.parametrize("name", ["piunet", "multi-source", "spikes", "direct-unet", "subcortical"])
def test_without_the_real_head_its_case_is_skipped(name: str, tmp_path: Path) -> None:
    protocol = PROTOCOLS[name]
    for size in ("quick", "paper"):
        (case,) = [case for case in protocol.cases(Settings(size)) if case.name == "real-head"]
        assert "no folder of real data is given" in protocol.skipped(case, Settings(size))
        assert "has no ny-head/ny_head_tissues_1mm.nii.gz" in protocol.skipped(case, Settings(size, data=tmp_path))
        assert not protocol.skipped(protocol.cases(Settings(size))[0], Settings(size))
    with pytest.raises(InputError, match="New York head cannot be read: the folder of real data has no ny-head"):
        NewYork(tmp_path).head(hw.template_head(), 1)


def test_the_known_head_is_never_a_real_one() -> None:
    """Its solvers know the head that makes the data."""
    assert "real-head" in {case.name for case in PIUNET.cases(Settings())}
    assert "real-head" not in {case.name for case in PROTOCOLS["known-head"].cases(Settings())}
