"""Volume sources where there is brain, and names for where they are."""

from dataclasses import replace

import mne
import numpy as np
import pytest
from mne.transforms import apply_trans
from scipy.ndimage import map_coordinates, maximum_filter

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.forward.spaces import volume_space
from headwater.head.anatomy import LabelVolume
from headwater.head.model import Head
from headwater.head.sensors import montage_info
from headwater.head.template import template_head
from headwater.head.tissues import brain_distance


def grid(head: Head, within: str, spacing: float = 7.0) -> np.ndarray:
    space = volume_space(head, spacing, 5.0, within)
    return space["rr"][space["vertno"]]


def tissue(pos_mni305: np.ndarray, reach_mm: int) -> np.ndarray:
    """Largest share of grey and white matter at most so far from each point, in the maps of ICBM 152."""
    pytest.importorskip("nilearn", reason="nilearn is not installed")
    from nilearn.datasets import load_mni152_gm_template, load_mni152_wm_template

    grey, white = load_mni152_gm_template(resolution=1), load_mni152_wm_template(resolution=1)
    axis = np.arange(-reach_mm, reach_mm + 1)
    ball = sum(np.meshgrid(axis**2, axis**2, axis**2)) <= reach_mm**2
    around = maximum_filter(grey.get_fdata() + white.get_fdata(), footprint=ball)
    to_mni305 = np.array(
        [[1.0022, 0.0071, -0.0177, 0.0528], [-0.0146, 0.9990, 0.0027, -1.5519], [0.0129, 0.0094, 1.0027, -1.2012],
         [0, 0, 0, 1]]
    )  # fmt: skip
    voxel = apply_trans(np.linalg.inv(to_mni305 @ grey.affine), 1e3 * pos_mni305)
    return map_coordinates(around, voxel.T, order=0)


def test_sources_are_where_the_maps_have_grey_or_white_matter():
    """Against maps at 1 mm: what is kept is brain or next to it, and what is removed is not."""
    head = template_head()
    everywhere, kept = grid(head, "inner skull"), grid(head, "brain")
    assert len(everywhere) == 5184  # the grid of the papers' protocols
    removed = everywhere[brain_distance(head, everywhere) > 0.002]
    assert 0 < len(removed) == len(everywhere) - len(kept)
    assert (tissue(kept, 3) > 0.5).mean() > 0.99
    assert (tissue(removed, 0) > 0.5).mean() < 0.02


def test_cerebellum_and_brain_stem_stay():
    head = template_head()
    pos = grid(head, "brain", 5.0)
    for name, middle in {
        "cerebellum": (0.02, -0.065, -0.035),
        "vermis": (0.0, -0.06, -0.02),
        "pons": (0.0, -0.025, -0.03),
    }.items():
        assert np.linalg.norm(pos - np.array(middle), axis=1).min() < 0.005, name


def test_what_lies_under_the_brain_is_gone():
    head = template_head()
    gone = np.array([(0.0, 0.0, -0.035), (-0.028, -0.028, -0.042)])  # sphenoid and petrous bone
    assert (brain_distance(head, gone) > 0.002).all()
    kept = grid(head, "brain")
    assert (np.linalg.norm(kept[:, None] - gone, axis=2).min(axis=0) > 0.001).all()


def test_the_brain_moves_with_the_head():
    head, other = template_head(), template_head().varied(2)
    pos = grid(head, "inner skull", 15.0)
    np.testing.assert_allclose(brain_distance(other, other.from_reference(pos)), brain_distance(head, pos), atol=0.004)


def test_without_a_map_the_pial_surface_serves_and_then_the_skull():
    head = replace(template_head(), brain=None)
    kept = grid(head, "brain")
    assert 3000 < len(kept) < 5184
    assert (brain_distance(head, kept) <= 0.010).all()
    bare = replace(head, cortex=None)
    assert len(grid(bare, "brain")) == 5184


def test_an_empty_brain_and_other_words_are_refused(ball_head):
    nowhere = LabelVolume(np.ones((3, 3, 3), int), mne.transforms.translation(1.0), ("Brain",))
    with pytest.raises(InputError, match="is in the brain of 'ball'"):
        volume_space(replace(ball_head, brain=nowhere), 20.0, 5.0, "brain")
    with pytest.raises(InputError, match="choose 'inner skull' or 'brain'"):
        volume_space(ball_head, 20.0, 5.0, "scalp")


def test_every_source_has_a_name(tmp_path):
    head = template_head()
    leadfield = make_leadfield(head, montage_info(head), spacing=10.0, method="sphere", within="brain")
    assert "near grey and white matter" in leadfield.assumptions["source space"]
    names = leadfield.place_of(np.arange(leadfield.n_sources))
    assert all(names)
    for place, name in (
        ((-0.012, -0.018, 0.008), "Left-Thalamus"),
        ((0.02, -0.065, -0.035), "Right-Cerebellum-"),
        ((0.03, -0.04, 0.02), " mm from "),  # white matter
    ):
        nearest = np.linalg.norm(leadfield.pos_mni - np.array(place), axis=1).argmin()
        assert name in names[nearest]
    distances = leadfield.nearest.distance
    far = [k for k, name in enumerate(names) if " mm from " in name]
    assert (distances[far] > 0.005).all()
    assert names[far[0]].startswith(f"{1e3 * distances[far[0]]:.0f} mm from ")
    leadfield.save(tmp_path / "lead.npz")
    assert LeadField.load(tmp_path / "lead.npz").place_of(np.arange(leadfield.n_sources)) == names


def test_places_without_a_head_are_by_the_nearest_source():
    pos = np.array([[0.0, 0, 0], [0.01, 0, 0], [0.012, 0, 0]])
    leadfield = LeadField.from_arrays(np.ones((2, 3, 3)), pos, ch_names=["a", "b"], regions=["x", None, None])
    assert leadfield.place_of(np.array([0, 1, 2])) == ["x", "10 mm from x", "12 mm from x"]
    nameless = LeadField.from_arrays(np.ones((2, 3, 3)), pos, ch_names=["a", "b"])
    assert nameless.place_of(np.array([0, 2])) == ["", ""]
