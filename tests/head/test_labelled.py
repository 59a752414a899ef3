"""Heads of label volumes, synthetic and real."""

import nibabel as nib
import numpy as np
import pytest
from mne.transforms import apply_trans

from forward.fem.spheres import sphere_labels
from headwater._utils.errors import InputError
from headwater.forward.fem.meshing import hexahedra
from headwater.forward.layers import check_closed, head_layers
from headwater.head.anatomy import LabelVolume
from headwater.head.conductivity import BRAIN_TISSUES, COMPACT, CSF, GREY, SCALP, WHITE
from headwater.head.label_tables import LABEL_TABLES, read_label_table
from headwater.head.labelled import head_from_labels

RADII = 1e-3 * np.array([70.0, 74.0, 82.0, 90.0])
POINTS = {"nasion": np.array([0, 0.09, 0]), "lpa": np.array([-0.09, 0, 0]), "rpa": np.array([0.09, 0, 0])}


@pytest.fixture(scope="module")
def ball(tmp_path_factory):
    """A ball with the numbers of SimNIBS, at 2 mm."""
    volume = sphere_labels(RADII, 0.002)
    values = np.array([0, 1, 3, 4, 5], np.int16)[volume.labels]
    path = tmp_path_factory.mktemp("labels") / "final_tissues.nii.gz"
    affine = volume.affine.copy()
    affine[:3] *= 1000
    nib.save(nib.Nifti1Image(values, affine), path)
    return path


def test_surfaces_and_tissues_of_a_ball(ball):
    head = head_from_labels(ball, "simnibs", POINTS)
    for surface, radius in zip((head.inner_skull, head.outer_skull, head.scalp), RADII[1:], strict=True):
        np.testing.assert_allclose(np.linalg.norm(surface.rr, axis=1), radius, atol=0.0015)
    check_closed(head_layers(head))
    assert head.is_nested()
    assert head.tissues.names == (WHITE, CSF, COMPACT, SCALP, "spongy bone")
    distance = np.linalg.norm(apply_trans(head.tissues.affine, np.argwhere(head.tissues.labels == 5)), axis=1)
    assert distance.min() > 0.0748
    assert distance.max() < 0.0812
    whole = head_from_labels(ball, "simnibs", POINTS, split_bone=False)
    assert "spongy bone" not in whole.tissues.names
    assert set(hexahedra(whole.tissues, 0.006).tissues) == {WHITE, CSF, COMPACT, SCALP}


def test_a_skull_with_holes_is_closed(tmp_path):
    """Bone that a segmentation missed at the bottom is added where soft tissue touches the inside of the skull."""
    volume = sphere_labels(RADII, 0.002)
    values = np.array([0, 1, 3, 4, 5], np.int16)[volume.labels]
    low = np.argwhere(values == 4)
    low = low[low[:, 2] < 15]
    values[tuple(low.T)] = 5
    affine = volume.affine.copy()
    affine[:3] *= 1000
    nib.save(nib.Nifti1Image(values, affine), path := tmp_path / "open.nii.gz")

    def touching(head) -> int:
        names = head.tissues.names
        soft = head.tissues.labels == names.index(SCALP) + 1
        inside = np.isin(head.tissues.labels, [names.index(name) + 1 for name in (WHITE, CSF)])
        return sum(int((inside & np.roll(soft, step, axis)).sum()) for axis in range(3) for step in (-1, 1))

    assert touching(head_from_labels(path, "simnibs", POINTS)) > 1000
    closed = head_from_labels(path, "simnibs", POINTS, close_skull=True)
    assert touching(closed) == 0
    bone = sum(litres(closed.tissues, name) for name in (COMPACT, "spongy bone"))
    assert bone < 1000 * 4 / 3 * np.pi * (RADII[2] ** 3 - RADII[1] ** 3)


def test_label_tables_in_text_files(tmp_path):
    table = tmp_path / "labels.txt"
    table.write_text("# number name\n0 Unknown 0 0 0 0\n1 WM 245 245 245 255\n2 Gray_Matter 1 2 3 0\n7\tskull\n")
    assert read_label_table(table) == {1: WHITE, 2: GREY, 7: COMPACT}
    table.write_text("1 cheese\n")
    with pytest.raises(InputError, match="tissue 'cheese' of the label table is unknown; rename it to one of"):
        read_label_table(table)
    table.write_text("nothing\n")
    with pytest.raises(InputError, match="names no labels"):
        read_label_table(table)


def test_impossible_segmentations_are_refused(ball, tmp_path):
    with pytest.raises(InputError, match="labels that the label table does not name: 3, 5"):
        head_from_labels(ball, {1: WHITE, 4: COMPACT}, POINTS)
    with pytest.raises(InputError, match="no label table 'charm'; give a file, or simnibs, roast, fieldtrip"):
        head_from_labels(ball, "charm", POINTS)
    with pytest.raises(InputError, match="fiducials rpa are missing"):
        head_from_labels(ball, "simnibs", {name: POINTS[name] for name in ("nasion", "lpa")})
    with pytest.raises(InputError, match="mm off the scalp; give them in metres"):
        head_from_labels(ball, "simnibs", {name: 1000 * place for name, place in POINTS.items()})
    for wrong in ("Nz", [0.0, 0.1], [0.0, 0.1, np.nan]):
        with pytest.raises(InputError, match="The fiducial nasion is .*; give three coordinates in metres"):
            head_from_labels(ball, "simnibs", {**POINTS, "nasion": wrong})
    with pytest.raises(InputError, match="There is no label table 'None'"):
        head_from_labels(ball, None, POINTS)
    with pytest.raises(InputError, match="does not exist"):
        head_from_labels(tmp_path / "none.nii.gz", "simnibs", POINTS)
    with pytest.raises(InputError, match="has no bone"):
        head_from_labels(ball, {1: WHITE, 3: CSF, 4: SCALP, 5: SCALP}, POINTS)
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"no image")
    with pytest.raises(InputError, match="cannot be read as a NIfTI image"):
        head_from_labels(broken, "simnibs", POINTS)


def test_the_new_york_head(shared_data, tmp_path):
    """A real head at 2 mm: known volumes, nested surfaces, and a mesh without brain beside bone."""
    image = nib.load(shared_data / "ny-head" / "ny_head_tissues_1mm.nii.gz")
    coarse = tmp_path / "new-york.nii.gz"
    affine = image.affine @ np.diag([2.0, 2.0, 2.0, 1.0])
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[::2, ::2, ::2], affine), coarse)
    points = {"nasion": [0, 0.085, -0.04], "lpa": [-0.078, -0.02, -0.05], "rpa": [0.078, -0.02, -0.05]}
    head = head_from_labels(coarse, "roast", {name: np.array(place) for name, place in points.items()})
    assert head.is_nested()
    assert litres(head.tissues, *BRAIN_TISSUES) == pytest.approx(1.65, abs=0.05)
    assert litres(head.tissues, COMPACT, "spongy bone") == pytest.approx(0.63, abs=0.03)
    mesh = hexahedra(head.tissues, 0.004)
    names = np.array(mesh.tissues)[mesh.tissue]
    brain = np.unique(mesh.elements[np.isin(names, BRAIN_TISSUES)])
    bone = np.unique(mesh.elements[np.isin(names, [COMPACT, "spongy bone"])])
    assert not np.intersect1d(brain, bone).size
    assert "air" not in names


def litres(volume: LabelVolume, *names: str) -> float:
    wanted = [volume.names.index(name) + 1 for name in names if name in volume.names]
    return 1000 * float(np.isin(volume.labels, wanted).sum() * abs(np.linalg.det(volume.affine[:3, :3])))


def test_known_tables_name_tissues():
    assert LABEL_TABLES["simnibs"][7] == COMPACT
    assert LABEL_TABLES["roast"][6] == "air"
