"""Deep structures: where they are, on the template and from FreeSurfer's segmentation."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from mne.transforms import apply_trans

from headwater._utils.errors import InputError
from headwater.forward.spaces import make_sources
from headwater.head.anatomy import LabelVolume
from headwater.head.model import Head
from headwater.head.registration import MNI152_TO_MNI305
from headwater.head.structures import CEREBELLUM, NUCLEI, STRUCTURES, VENTRAL_DIENCEPHALON, read_segmentation


def centroids(volume: LabelVolume) -> dict[str, np.ndarray]:
    """Middle of each structure, in metres."""
    return {
        name: apply_trans(volume.affine, np.argwhere(volume.labels == k).mean(axis=0))
        for k, name in enumerate(volume.names, start=1)
        if (volume.labels == k).any()
    }


def sizes(volume: LabelVolume) -> dict[str, float]:
    """Volume of each structure, in ml."""
    voxel = 1e6 * abs(np.linalg.det(volume.affine[:3, :3]))
    return {name: voxel * float((volume.labels == k).sum()) for k, name in enumerate(volume.names, start=1)}


@pytest.fixture(scope="module")
def mni152(shared_data: Path) -> LabelVolume:
    """FreeSurfer's structures of the MNI152 brain."""
    return read_segmentation(shared_data / "ny-head" / "aparc_aseg_mni152_1mm.nii.gz", surface_ras=False)[0]


def test_the_template_has_the_structures_of_freesurfer(template: Head) -> None:
    assert template.structures is not None
    assert set(template.structures.names) == set(STRUCTURES.values())
    assert len(NUCLEI | VENTRAL_DIENCEPHALON) == 17


def test_centroids_of_the_template_are_those_of_freesurfers_segmentation(template: Head, mni152: LabelVolume) -> None:
    assert template.structures is not None
    own, published = centroids(template.structures), centroids(mni152)
    off = {name: np.linalg.norm(1e3 * own[name] - 1e3 * apply_trans(MNI152_TO_MNI305, published[name])) for name in own}
    assert max(off.values()) < 5, off
    assert np.median(list(off.values())) < 3


def test_volumes_of_the_template_are_those_of_adults(template: Head, mni152: LabelVolume) -> None:
    """The structures of the atlas are drawn generously: accumbens and amygdala are the largest exceptions."""
    assert template.structures is not None
    own, published = sizes(template.structures), sizes(mni152)
    for name, size in own.items():
        assert 0.7 < size / published[name] < 2.1, name
    for side in ("Left", "Right"):
        assert 4 < own[f"{side}-VentralDC"] < 6.5
        assert 85 < own[f"{side}-Cerebellum-Cortex"] + own[f"{side}-Cerebellum-White-Matter"] < 105


def test_a_mixed_space_holds_every_deep_structure_and_every_region(template: Head) -> None:
    src = make_sources(template, "mixed", spacing=("ico3", 4.0))
    assert template.structures is not None
    assert template.cortex is not None
    deep = src[2]["rr"][src[2]["vertno"]]
    label = template.structures.at(deep)
    found = {template.structures.names[k - 1] for k in np.unique(label)}
    assert found == set((NUCLEI | VENTRAL_DIENCEPHALON).values())
    for side, ids in enumerate(template.cortex.region_ids):
        assert set(ids[src[side]["vertno"]]) >= set(ids[ids >= 0])


def test_structures_of_a_mixed_space_are_chosen_by_name(template: Head) -> None:
    src = make_sources(template, "mixed", spacing=("ico3", 5.0), structures=[*CEREBELLUM.values()])
    assert template.structures is not None
    label = template.structures.at(src[2]["rr"][src[2]["vertno"]])
    assert {template.structures.names[k - 1] for k in np.unique(label)} == set(CEREBELLUM.values())
    with pytest.raises(InputError, match="has no Left-Claustrum; it has Left-Thalamus"):
        make_sources(template, "mixed", spacing="ico3", structures=["Left-Claustrum"])
    with pytest.raises(InputError, match="`structures` belongs to space='mixed'"):
        make_sources(template, "volume", structures=["Left-Thalamus"])
    with pytest.raises(InputError, match="Two spacings belong to space='mixed'"):
        make_sources(template, "cortex", spacing=("ico3", 5.0))


def test_deep_grids_have_three_millimetres_unless_told_otherwise(template: Head) -> None:
    for given, step in ((None, 3.0), ("ico4", 3.0), (5.0, 5.0), (("ico4", 5.0), 5.0)):
        src = make_sources(template, "mixed", spacing=given, structures=["Left-Pallidum"])
        assert 1e3 * src[2]["src_mri_t"]["trans"][0, 0] == pytest.approx(step)
        assert src[0]["nuse"] == 2562


def test_segmentations_are_read_in_both_frames(tmp_path: Path) -> None:
    values = np.zeros((20, 30, 40), np.int16)
    values[4, 5, 6], values[7, 8, 9], values[1, 1, 1] = 60, 1005, 4
    affine = np.array([[-1.0, 0, 0, 12], [0, 0, 1, -20], [0, -1, 0, 17], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(values, affine), tmp_path / "aseg.nii.gz")
    nib.save(nib.MGHImage(values, affine), tmp_path / "aseg.mgz")
    for name in ("aseg.nii.gz", "aseg.mgz"):
        for surface_ras in (True, False):
            structures, brain = read_segmentation(tmp_path / name, surface_ras=surface_ras)
            np.testing.assert_array_equal(np.argwhere(structures.labels), [[4, 5, 6]])
            np.testing.assert_array_equal(np.argwhere(brain.labels), [[4, 5, 6], [7, 8, 9]])
            place = apply_trans(structures.affine, [4, 5, 6])
            world = [(12 - 4) * 1e-3, (6 - 20) * 1e-3, (17 - 5) * 1e-3]
            # Surface RAS has its origin in the middle of the volume.
            middle = [(12 - 10) * 1e-3, (20 - 20) * 1e-3, (17 - 15) * 1e-3]
            np.testing.assert_allclose(place, np.subtract(world, middle) if surface_ras else world, atol=1e-9)


def test_a_volume_without_structures_is_refused(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(np.zeros((3, 3, 3), np.uint8), np.eye(4)), tmp_path / "empty.nii")
    with pytest.raises(InputError, match="no deep structures with FreeSurfer's numbers"):
        read_segmentation(tmp_path / "empty.nii", surface_ras=False)
    (tmp_path / "aseg.mgz").write_bytes(b"nothing")
    with pytest.raises(InputError, match="damaged, or not a FreeSurfer volume"):
        read_segmentation(tmp_path / "aseg.mgz", surface_ras=False)
