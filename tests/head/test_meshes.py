"""Heads of other people from meshes, and where MNI305 is in them."""

from pathlib import Path

import mne
import nibabel as nib
import numpy as np
import pytest
import scipy.io
from mne.io.constants import FIFF
from mne.transforms import apply_trans

import headwater as hw
from headwater._utils.errors import InputError
from headwater.forward.carried import carried_leadfield, same_places
from headwater.forward.make import make_leadfield
from headwater.forward.spaces import make_sources
from headwater.forward.sphere import sphere_meg
from headwater.head.anatomy import Surface
from headwater.head.hbf import hbf_info
from headwater.head.meshes import read_meshes
from headwater.head.model import Head
from headwater.head.registration import mni_of_inner_skull
from headwater.head.sensors import montage_info
from headwater.head.tissue_volume import tissue_volume

DEEP = 1e-3 * np.array([[0, -20, 8], [25, -22, -14], [-25, -22, -14], [40, -20, 10], [-35, -25, 50], [10, -80, 5]])


@pytest.fixture
def meshes(template: Head) -> list[Surface]:
    assert template.outer_skull is not None
    assert template.scalp is not None
    return [surface.at_ico(3) for surface in (template.scalp, template.inner_skull, template.outer_skull)]


def test_meshes_are_read_from_every_program(meshes: list[Surface], tmp_path: Path) -> None:
    parts = [{"p": mesh.rr, "e": mesh.tris[:, [0, 2, 1]] + 1} for mesh in meshes]  # facing inwards
    cells = np.empty(3, object)
    cells[:] = parts
    scipy.io.savemat(tmp_path / "hbf.mat", {"bmeshes": cells, "cortex": {"p": meshes[0].rr, "e": meshes[0].tris + 1}})
    found = {"hbf": read_meshes(tmp_path / "hbf.mat")}
    for k, mesh in enumerate(meshes):
        scipy.io.savemat(tmp_path / f"bst{k}.mat", {"Vertices": mesh.rr, "Faces": mesh.tris + 1})
        scipy.io.savemat(tmp_path / f"ft{k}.mat", {"mesh": {"pos": 1e3 * mesh.rr, "tri": mesh.tris + 1, "unit": "mm"}})
        arrays = [("POINTSET", 1e3 * mesh.rr.astype(np.float32)), ("TRIANGLE", mesh.tris.astype(np.int32))]
        nib.save(
            nib.GiftiImage(
                darrays=[nib.gifti.GiftiDataArray(array, f"NIFTI_INTENT_{kind.upper()}") for kind, array in arrays]
            ),
            tmp_path / f"spm{k}.gii",
        )
        mne.write_surface(tmp_path / f"fs{k}.surf", 1e3 * mesh.rr, mesh.tris)
        for program, suffix in (("bst", "mat"), ("ft", "mat"), ("spm", "gii"), ("fs", "surf")):
            found.setdefault(program, []).extend(read_meshes(tmp_path / f"{program}{k}.{suffix}"))
    for program, surfaces in found.items():
        for surface, mesh in zip(surfaces, meshes, strict=True):
            np.testing.assert_allclose(surface.rr, mesh.rr, atol=1e-6, err_msg=program)
            np.testing.assert_array_equal(surface.tris, mesh.tris, err_msg=program)


def test_the_template_from_its_own_meshes_is_the_template(meshes: list[Surface], template: Head) -> None:
    head = hw.head_from_meshes(meshes)
    np.testing.assert_allclose(head.to_mni(head.to_head(DEEP)), DEEP, atol=0.001)
    for name, pos in template.fiducials.items():  # of ico 3, and on the scalp
        assert np.linalg.norm(head.fiducials[name] - pos) < 0.004
    assert len(head.scalp.rr) == 642
    assert [len(surface.rr) for surface in (head.inner_skull, head.outer_skull)] == [642, 642]


def test_impossible_meshes_are_refused(meshes: list[Surface], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="takes three meshes .* not 2"):
        hw.head_from_meshes(meshes[:2])
    with pytest.raises(InputError, match=r"is 2\d\d m long, which is not the size of a head"):
        hw.head_from_meshes([Surface(1e3 * mesh.rr, mesh.tris) for mesh in meshes])
    moved = Surface(meshes[1].rr + 0.02, meshes[1].tris)
    with pytest.raises(InputError, match="vertices of the inner skull lie outside the outer skull"):
        hw.head_from_meshes([meshes[0], moved, meshes[2]])
    with pytest.raises(InputError, match="rpa are missing"):
        hw.head_from_meshes(meshes, fiducials={"nasion": np.zeros(3), "lpa": np.zeros(3)})
    with pytest.raises(InputError, match="The fiducials are up to .* mm off the scalp; give them in metres"):
        hw.head_from_meshes(meshes, fiducials={point: 1e3 * at for point, at in hw.template_head().fiducials.items()})
    scipy.io.savemat(tmp_path / "none.mat", {"data": np.eye(3)})
    with pytest.raises(InputError, match="no triangle meshes of HBF"):
        read_meshes(tmp_path / "none.mat")


def test_the_inner_skull_finds_mni_in_a_normalised_head(shared_data: Path) -> None:
    """SPM's template head is in MNI152; the other way there goes by FreeSurfer's affine."""
    skull = read_meshes(shared_data / "spm-template" / "iskull_2562.surf.gii")[0]
    found = apply_trans(mni_of_inner_skull(skull), DEEP)
    assert np.linalg.norm(found - DEEP, axis=1).max() < 0.010
    assert np.median(np.linalg.norm(found - DEEP, axis=1)) < 0.006


def test_sources_are_carried_to_another_persons_head(shared_data: Path, template: Head) -> None:
    head = hw.head_from_meshes(shared_data / "wakeman-henson-head" / "hbf_samplehead_3shell_wh.mat")
    leadfield = make_leadfield(template, montage_info(template, "biosemi16"), spacing=30.0, mindist=20.0, ico=3)
    there = same_places(template, head, leadfield.pos)
    np.testing.assert_allclose(head.to_mni(there), template.to_mni(leadfield.pos), atol=1e-9)
    carried = carried_leadfield(leadfield, template, head, montage_info(head, "biosemi16"), ico=3)
    np.testing.assert_allclose(carried.pos, there)
    ours, theirs = (one.matrix - one.matrix.mean(axis=0) for one in (leadfield, carried))
    alike = (ours * theirs).sum(axis=0) / np.linalg.norm(ours, axis=0) / np.linalg.norm(theirs, axis=0)
    assert np.median(alike) > 0.9
    near = make_leadfield(template, montage_info(template, "biosemi16"), spacing=15.0, mindist=3.0, method="sphere")
    with pytest.raises(InputError, match="sources lie outside the inner skull of 'hbf_samplehead_3shell_wh'"):
        carried_leadfield(near, template, head, montage_info(head, "biosemi16"), ico=3)


def test_the_cortex_of_a_mesh_is_cut_into_hemispheres(meshes: list[Surface], template: Head) -> None:
    assert template.cortex is not None
    left, right = template.cortex.white
    whole = Surface(np.vstack([right.rr, left.rr]), np.vstack([right.tris, left.tris + len(right.rr)]))
    head = hw.head_from_meshes(meshes, cortex=[whole])
    assert head.cortex is not None
    for found, expected in zip(head.cortex.white, (left, right), strict=True):
        np.testing.assert_array_equal(found.rr, expected.rr)
        np.testing.assert_array_equal(found.tris, expected.tris)
    assert make_sources(head, "cortex", spacing="ico3")[0]["nuse"] == 642
    with pytest.raises(InputError, match="The cortex has 1 separate parts; give one closed mesh of each hemisphere"):
        hw.head_from_meshes(meshes, cortex=[left])
    with pytest.raises(InputError, match="has no white and pial surfaces to tell grey from white matter"):
        tissue_volume(head)


def test_a_persons_own_sensors_and_cortex(shared_data: Path) -> None:
    """Fields of dipoles in a sphere, by the file's integration points and by MNE-Python's coils at its places."""
    path = shared_data / "wakeman-henson-head" / "hbf_samplehead_3shell_wh.mat"
    head = hw.head_from_meshes(path, cortex=path)
    assert head.cortex is not None
    assert [len(white.rr) for white in head.cortex.white] == [10242, 10242]
    info = hbf_info(path, head)
    kinds = info.get_channel_types()
    assert (kinds.count("mag"), kinds.count("grad"), kinds.count("eeg")) == (102, 204, 256)
    meg = mne.pick_info(info, mne.pick_types(info, meg=True))
    centre = head.to_head(head.inner_skull.rr.mean(axis=0))
    places = centre + 0.05 * np.array([[1.0, 0, 0], [0, 0, 1], [-0.6, 0.5, 0.6]])
    sphere = mne.make_sphere_model(r0=centre, head_radius=None, verbose="error")
    src = mne.setup_volume_source_space(pos={"rr": places, "nn": np.eye(3)}, verbose="error")
    src[0]["coord_frame"] = FIFF.FIFFV_COORD_HEAD
    forward = mne.make_forward_solution(meg, None, src, sphere, verbose="error")
    coils = scipy.io.loadmat(path, simplify_cells=True)["coils"]
    turn = head.mri_head_t["trans"][:3, :3]
    points, directions = head.to_head(coils["QP"]) - centre, coils["QN"] @ turn.T
    seen = coils["QW"][:, np.newaxis, np.newaxis] * sphere_meg(points, directions, places - centre)
    expected = np.add.reduceat(seen, coils["QPinds"][:, 0].astype(int) - 1, axis=0).reshape(306, -1)
    found = forward["sol"]["data"]
    for kind in ("mag", "grad"):
        rows = np.array(meg.get_channel_types()) == kind
        off = np.linalg.norm(found[rows] - expected[rows]) / np.linalg.norm(expected[rows])
        assert off < 0.02, (kind, off)
