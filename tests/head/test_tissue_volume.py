"""Voxels inside surfaces, and the tissues of the template."""

from dataclasses import replace

import numpy as np
import pytest
from mne.transforms import apply_trans

from headwater._utils.errors import InputError
from headwater.forward.spaces import make_sources
from headwater.head.anatomy import Conductivities, LabelVolume, Surface
from headwater.head.conductivity import BRAIN_TISSUES, BRAINSTEM, GREY, TEN_TISSUES, TISSUES, WHITE, three_shells
from headwater.head.geometry import enclosed_volume
from headwater.head.template import template_head
from headwater.head.tissue_volume import tissue_fingerprint, tissue_volume
from headwater.head.voxels import VoxelGrid
from headwater.head.warp import Warp


@pytest.fixture(scope="module")
def tissues() -> LabelVolume:
    return tissue_volume(template_head())[0]


def litres(volume: LabelVolume, *names: str) -> float:
    wanted = [volume.names.index(name) + 1 for name in names]
    return 1000 * float(np.isin(volume.labels, wanted).sum() * abs(np.linalg.det(volume.affine[:3, :3])))


def from_tissue(volume: LabelVolume, pos: np.ndarray, *names: str) -> np.ndarray:
    """Distance of the voxels of positions from the nearest one of some tissues, in mm; infinite beyond 3 mm."""
    wanted = [volume.names.index(name) + 1 for name in names]
    voxels = np.rint(apply_trans(np.linalg.inv(volume.affine), pos)).astype(int)
    steps = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    found = np.isin(volume.labels[tuple(np.moveaxis(voxels[:, np.newaxis] + steps, -1, 0))], wanted)
    length = 1e3 * np.linalg.norm(steps @ volume.affine[:3, :3].T, axis=1)
    return np.where(found & (length <= 3), length, np.inf).min(axis=1)


def test_voxels_inside_a_surface_fill_its_volume():
    skull = template_head().inner_skull
    grid = VoxelGrid.around(skull.rr, 0.003)
    assert grid.inside(skull).sum() * 0.003**3 == pytest.approx(enclosed_volume(skull.rr, skull.tris), rel=1e-3)


def test_a_cube_is_filled_exactly():
    """Edges and vertices of the mesh lie on rays."""
    corners = np.stack(np.meshgrid([0, 4], [0, 4], [0, 4], indexing="ij"), axis=-1).reshape(-1, 3) * 1e-3
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    tris = np.array([tri for a, b, c, d in quads for tri in ((a, b, c), (a, c, d))])
    cube = Surface(corners, tris)
    grid = VoxelGrid(np.array([-0.0015, -0.0015, -0.0015]), 0.001, (8, 8, 8))
    expected = np.zeros((8, 8, 8), bool)
    expected[2:6, 2:6, 2:6] = True
    np.testing.assert_array_equal(grid.inside(cube), expected)


def test_tissues_of_the_template_have_the_volumes_of_adults(tissues):
    """A large head: 2.2 litres inside the skull."""
    assert litres(tissues, *BRAIN_TISSUES, "CSF") == pytest.approx(2.184, abs=0.01)
    assert 0.25 < litres(tissues, "CSF") < 0.5
    assert 0.5 < litres(tissues, "compact bone", "spongy bone") < 0.7
    assert 0.10 < litres(tissues, "cerebellar cortex") < 0.17
    assert 0.02 < litres(tissues, "cerebellar white matter") < 0.06
    assert 0.02 < litres(tissues, "brainstem") < 0.04
    assert 1.2 < litres(tissues, "grey matter") / litres(tissues, "white matter") < 1.6


def test_no_voxel_of_the_brain_touches_bone(tissues):
    brain, bone = (
        np.isin(tissues.labels, [tissues.names.index(name) + 1 for name in names])
        for names in (BRAIN_TISSUES, ("compact bone", "spongy bone"))
    )
    for axis in range(3):
        for step in (-1, 1):
            assert not (brain & np.roll(bone, step, axis)).any()


def test_sources_of_a_volume_lie_in_the_brain(tissues):
    """The grid keeps what is within 2 mm of the brain."""
    (space,) = make_sources(template_head(), "volume", within="brain")
    off = from_tissue(tissues, space["rr"][space["vertno"]], *BRAIN_TISSUES)
    assert off.max() < 1.5
    assert (off == 0).mean() > 0.95


def test_cortical_sources_lie_between_white_and_grey_matter(tissues):
    """Except at the medial wall, behind which deep structures lie, not white matter."""
    for space in make_sources(template_head(), "cortex"):
        pos = space["rr"][space["vertno"]]
        assert from_tissue(tissues, pos, *BRAIN_TISSUES).max() <= 1
        for tissue in (WHITE, GREY):
            assert (from_tissue(tissues, pos, tissue) < 1.8).mean() > 0.97, tissue


def test_deep_sources_lie_in_the_tissue_of_their_structure(tissues):
    """Grey matter, or brainstem; a few lie where the map of the brain shows cerebrospinal fluid."""
    head = template_head()
    assert head.structures is not None
    space = make_sources(head, "mixed", spacing=("ico3", 3.0))[2]
    pos = space["rr"][space["vertno"]]
    stem = head.structures.at(pos) == head.structures.names.index("Brain-Stem") + 1
    for chosen, tissue in ((stem, BRAINSTEM), (~stem, GREY)):
        off = from_tissue(tissues, pos[chosen], tissue)
        assert off.max() < 2.3
        assert (off == 0).mean() > 0.95


def test_the_cerebellum_is_behind_and_below(tissues):
    where = np.argwhere(tissues.labels == tissues.names.index("cerebellar cortex") + 1)
    x, y, z = 1e3 * (where.mean(axis=0) * np.diag(tissues.affine)[:3] + tissues.affine[:3, 3])
    assert abs(x) < 3
    assert -75 < y < -50
    assert -45 < z < -25


def test_what_changes_the_tissues_changes_their_fingerprint():
    head = template_head()
    moved = head.warped(Warp.from_affine(np.diag([1.0, 1.02, 1.0, 1.0])))
    segmented = replace(head, tissues=LabelVolume(np.ones((3, 3, 3), np.uint8), np.eye(4), ("CSF",)))
    found = {tissue_fingerprint(some) for some in (head, moved, segmented, replace(segmented, warp=moved.warp))}
    assert len(found) == 4
    assert tissue_fingerprint(head) == tissue_fingerprint(replace(head, name="other"))


def test_heads_without_surfaces_are_refused():
    with pytest.raises(InputError, match="no skull and scalp surfaces, which finite elements need"):
        tissue_volume(replace(template_head(), scalp=None))


def test_open_and_crossing_surfaces_are_refused():
    head = template_head()
    skull = head.outer_skull
    assert skull is not None
    with pytest.raises(InputError, match="The outer skull surface has holes or double triangles; repair it"):
        tissue_volume(replace(head, outer_skull=Surface(skull.rr, skull.tris[9:])))
    with pytest.raises(InputError, match="The inner skull surface is not completely inside the outer skull surface"):
        tissue_volume(replace(head, outer_skull=Surface(skull.rr + [0, 0, 0.015], skull.tris)))


@pytest.mark.parametrize(
    ("value", "shown"), [(-0.3, "-0.3 S/m"), (0.0, "0 S/m"), (np.nan, "nan S/m"), ("0.3", "'0.3'"), (None, "None")]
)
def test_impossible_conductivities_are_refused(value, shown):
    with pytest.raises(InputError, match=f"The conductivity of the skull is {shown}; give a positive number"):
        Conductivities(skull=value)
    with pytest.raises(InputError, match=f"The conductivity of CSF is {shown}; give a positive number"):
        replace(TEN_TISSUES, values={"CSF": value})


def test_named_conductivities_cover_all_tissues():
    known = [tissue for tissue in TISSUES if tissue != "air"]
    assert set(TEN_TISSUES.values) == set(known)
    assert three_shells(template_head().conductivities).of(tuple(known)).min() == 0.006


def test_drawn_conductivities_lie_in_their_ranges():
    drawn = TEN_TISSUES.drawn(3)
    for tissue, (low, high) in TEN_TISSUES.ranges.items():
        assert low <= drawn.values[tissue] <= high
    assert drawn == TEN_TISSUES.drawn(3)
    assert drawn != TEN_TISSUES.drawn(4)
    assert TEN_TISSUES.drawn(3, strength=0.0).values == pytest.approx(TEN_TISSUES.values)
    with pytest.raises(InputError, match="no value for air"):
        TEN_TISSUES.of(("air",))
