import shutil
from collections.abc import Callable
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
import pytest
from mne.transforms import Transform

from headwater._utils.errors import InputError
from headwater.head.geometry import NearestPoint
from headwater.head.model import Head
from headwater.head.sensors import montage_info
from headwater.head.subject import head_from_subject
from headwater.head.template import template_head
from headwater.head.tissues import label_positions


def test_reads_the_sample_subject(sample_dir: Path) -> None:
    head = head_from_subject("sample", sample_dir)
    assert head.conductor is not None
    assert len(head.conductor["surfs"]) == 3
    assert head.is_nested()
    assert head.cortex is None
    assert head.structures is None
    trans = mne.read_trans(sample_dir / "sample" / "sample_audvis-trans.fif")  # head to MRI in this file
    np.testing.assert_allclose(head.mri_head_t["trans"], np.linalg.inv(trans["trans"]), atol=1e-6)
    assert head.mri_head_t["from"] == mne.io.constants.FIFF.FIFFV_COORD_MRI


def test_left_v1_is_left_v1_in_mni_coordinates(sample_dir: Path, shared_data: Path) -> None:
    head = head_from_subject("sample", sample_dir)
    v1 = mne.read_label(shared_data / "mne-sample" / "lh.V1.label").pos
    mni = head.to_mni(head.to_head(v1)).mean(axis=0)
    np.testing.assert_allclose(mni, [-0.010, -0.083, 0.005], atol=0.008)


def test_surfaces_serve_where_there_is_no_solution(sample_dir: Path, shared_data: Path) -> None:
    bem = sample_dir / "sample" / "bem"
    (bem / "sample-320-320-320-bem-sol.fif").unlink()
    head = head_from_subject("sample", sample_dir)
    assert head.conductor is None
    assert len(head.inner_skull.rr) == 642
    assert head.is_nested()
    (bem / "sample-1280-1280-1280-bem.fif").unlink()
    alone = head_from_subject("sample", sample_dir)  # only the inner skull's solution is left
    assert alone.outer_skull is None
    assert alone.conductor is not None
    assert len(alone.conductor["surfs"]) == 1
    assert alone.scalp is not None  # from sample-head.fif
    for name in ("inner_skull", "outer_skull", "outer_skin"):
        shutil.copyfile(shared_data / "mne-sample" / f"{name}.surf", bem / f"{name}.surf")
    files = head_from_subject("sample", sample_dir)
    assert files.outer_skull is not None
    assert files.scalp is not None
    assert files.conductor is None
    inner = NearestPoint(head.inner_skull.rr, head.inner_skull.tris)
    assert np.abs(inner(files.inner_skull.rr)[1]).max() < 0.008


def test_missing_pieces_are_named(sample_dir: Path) -> None:
    subject = sample_dir / "sample"
    with pytest.raises(InputError, match="no subject 'simple'"):
        head_from_subject("simple", sample_dir)
    (subject / "sample_audvis-trans.fif").rename(subject / "elsewhere.fif")
    with pytest.raises(InputError, match=r"no -trans\.fif"):
        head_from_subject("sample", sample_dir)
    by_file = head_from_subject("sample", sample_dir, trans=subject / "elsewhere.fif")
    assert by_file.mri_head_t["to"] == mne.io.constants.FIFF.FIFFV_COORD_HEAD
    by_fiducials = head_from_subject("sample", sample_dir, trans="fiducials")
    left = by_fiducials.to_head(by_fiducials.fiducials["lpa"])
    np.testing.assert_allclose(left, [-np.linalg.norm(left), 0, 0], atol=1e-6)
    with pytest.raises(InputError, match="identity"):
        head_from_subject("sample", sample_dir, trans=Transform("head", "mri"))
    with pytest.raises(InputError, match="does not lead between"):
        head_from_subject("sample", sample_dir, trans=Transform("head", "meg"))
    (subject / "garbage-trans.fif").write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a transform between"):
        head_from_subject("sample", sample_dir)
    (subject / "mri" / "T1.mgz").unlink()
    with pytest.raises(InputError, match="neither mri/orig.mgz"):
        head_from_subject("sample", sample_dir, trans="fiducials")
    (subject / "mri" / "transforms" / "talairach.xfm").unlink()
    head = head_from_subject("sample", sample_dir, trans="fiducials")
    with pytest.raises(InputError, match="MNI305 is unknown"):
        head.to_mni(np.zeros(3))
    solution = subject / "bem" / "sample-320-320-320-bem-sol.fif"
    solution.write_bytes(solution.read_bytes()[:5000])
    with pytest.raises(InputError, match="not a BEM solution"):
        head_from_subject("sample", sample_dir, trans="fiducials")
    shutil.rmtree(subject / "bem")
    with pytest.raises(InputError, match="no BEM"):
        head_from_subject("sample", sample_dir, trans="fiducials")


def test_two_trans_files_need_a_choice(sample_dir: Path) -> None:
    subject = sample_dir / "sample"
    shutil.copyfile(subject / "sample_audvis-trans.fif", subject / "second-trans.fif")
    with pytest.raises(InputError, match=r"several trans files \(sample_audvis-trans.fif, second-trans.fif\)"):
        head_from_subject("sample", sample_dir)
    shutil.copyfile(subject / "sample_audvis-trans.fif", subject / "sample-trans.fif")
    assert head_from_subject("sample", sample_dir).name == "sample"


def test_a_cap_on_a_subject(sample_dir: Path) -> None:
    head = head_from_subject("sample", sample_dir)
    info = montage_info(head, "easycap-M1")
    pos = {name: ch["loc"][:3] for name, ch in zip(info.ch_names, info["chs"], strict=True)}
    assert pos["C3"][0] < -0.04 < 0.04 < pos["C4"][0]
    assert pos["Oz"][1] < -0.05 < 0.08 < pos["Fpz"][1]
    assert head.scalp is not None
    _, distance, _ = NearestPoint(head.scalp.rr, head.scalp.tris)(head.to_mri(np.array(list(pos.values()))))
    assert np.abs(distance).max() < 1e-5


def test_cortex_and_structures_are_read_as_freesurfer_writes_them(sample_dir: Path) -> None:
    """The template's cortex and structures, written as a FreeSurfer subject, come back."""
    template = template_head()
    subject = sample_dir / "sample"
    _write_freesurfer(template, subject)
    head = head_from_subject("sample", sample_dir)
    assert head.cortex is not None
    assert template.cortex is not None
    assert set(head.cortex.region_names) == set(template.cortex.region_names)
    for name in ("white", "pial", "inflated"):
        for read, written in zip(getattr(head.cortex, name), getattr(template.cortex, name), strict=True):
            np.testing.assert_allclose(read.rr, written.rr, atol=1e-6)
    for side in (0, 1):
        names = [*head.cortex.region_names, None]
        expected = [*template.cortex.region_names, None]
        assert [names[i] for i in head.cortex.region_ids[side]] == [
            expected[i] for i in template.cortex.region_ids[side]
        ]
    ids, names = label_positions(head, np.array([[-0.012, -0.018, 0.008]]))
    assert names[ids[0]] == "Left-Thalamus"
    (subject / "surf" / "rh.pial").unlink()
    with pytest.raises(InputError, match="rh.pial missing"):
        head_from_subject("sample", sample_dir)


def _write_freesurfer(head: Head, subject: Path) -> None:
    """Write cortex, parcellation and a segmentation with the left thalamus only."""
    assert head.cortex is not None
    (subject / "surf").mkdir()
    (subject / "label").mkdir()
    names = ["unknown", *head.cortex.region_names]
    colours = np.array([[i, 2 * i, 3 * i, 0] for i in range(len(names))])
    for side, hemi in enumerate(("lh", "rh")):
        for name in ("white", "pial", "inflated"):
            surface = getattr(head.cortex, name)[side]
            mne.write_surface(subject / "surf" / f"{hemi}.{name}", surface.rr * 1000, surface.tris)
        own = [i for i, name in enumerate(names) if i == 0 or name.endswith(hemi)]
        ids = head.cortex.region_ids[side] + 1
        nib.freesurfer.write_annot(
            subject / "label" / f"{hemi}.aparc.annot",
            np.searchsorted(own, ids),
            np.column_stack([colours[own], np.zeros(len(own), int)]),
            [names[i].removesuffix(f"-{hemi}") for i in own],
            fill_ctab=True,
        )
    assert head.structures is not None
    values = np.zeros((64, 64, 64), np.uint8)
    image = nib.MGHImage(values, np.diag([4.0, 4, 4, 1]))
    voxels = np.argwhere(values == 0)
    points = mne.transforms.apply_trans(image.header.get_vox2ras_tkr(), voxels) / 1000
    ids, all_names = label_positions(head, points)
    values[tuple(voxels[ids == all_names.index("Left-Thalamus")].T)] = 10
    nib.save(nib.MGHImage(values, image.affine), subject / "mri" / "aseg.mgz")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda rr, _: rr.__setitem__(3, np.nan), "rh.pial of 'sample' has vertices that are not finite"),
        (lambda _, tris: tris.__setitem__((5, 1), 10**6), "rh.pial of 'sample' has triangles of vertices"),
        (lambda rr, _: rr.__imul__(1000), "rh.pial of 'sample' is .* m long"),
    ],
)
def test_damaged_surfaces_are_named(sample_dir: Path, damage: Callable, words: str) -> None:
    subject = sample_dir / "sample"
    _write_freesurfer(template_head(), subject)
    rr, tris = mne.read_surface(subject / "surf" / "rh.pial")
    tris = tris.copy()
    damage(rr, tris)
    nib.freesurfer.write_geometry(subject / "surf" / "rh.pial", rr, tris)
    with pytest.raises(InputError, match=words):
        head_from_subject("sample", sample_dir)


def test_files_of_different_reconstructions_are_refused(sample_dir: Path) -> None:
    subject = sample_dir / "sample"
    _write_freesurfer(template_head(), subject)
    rr, tris = mne.read_surface(subject / "surf" / "lh.pial")
    mne.write_surface(subject / "surf" / "lh.inflated", np.vstack([rr, rr[:1]]), tris, overwrite=True)
    with pytest.raises(InputError, match="lh.white and lh.inflated of 'sample' have 10242 and 10243 vertices"):
        head_from_subject("sample", sample_dir)
    mne.write_surface(subject / "surf" / "lh.inflated", rr, tris, overwrite=True)
    nib.freesurfer.write_annot(
        subject / "label" / "lh.aparc.annot", np.zeros(7, int), np.array([[1, 2, 3, 0, 0]]), ["x"], fill_ctab=True
    )
    with pytest.raises(InputError, match="labels 7 vertices of a surface with 10242"):
        head_from_subject("sample", sample_dir)


@pytest.mark.parametrize("matrix", [np.full((4, 4), np.nan), np.diag([2.0, 2, 2, 1])])
def test_unusable_transforms_are_refused(sample_dir: Path, matrix: np.ndarray) -> None:
    with pytest.raises(InputError, match="MRI-to-head transform"):
        head_from_subject("sample", sample_dir, trans=Transform("mri", "head", matrix))
