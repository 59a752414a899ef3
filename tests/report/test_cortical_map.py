from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from headwater.report.cortical_map import SIDES, caption, plot_cortex, sulcal_shade, values_on_cortex


def rings(figure):
    return [axis.get_title() for axis in figure.axes for line in axis.lines if line.get_gid() == "peak"]


def shifted(localization):
    """A hemisphere that lies 5 cm and more above the middle of the head."""
    white = localization.head.cortex.white[0]
    return replace(white, rr=white.rr + [0, 0, 0.08])


def test_cortical_sources_keep_their_values_and_gaps_are_filled(make_localization):
    localization = make_localization("cortex")
    value = np.random.default_rng(0).uniform(1, 2, len(localization.leadfield.pos))
    left, right = values_on_cortex(localization, localization.head, value)
    np.testing.assert_allclose(left[::2], value[:200])
    np.testing.assert_allclose(right[::2], value[200:])
    assert (left >= value[:200].min()).all()
    assert (left <= value[:200].max()).all()


def test_constant_sources_give_a_constant_map(make_localization):
    localization = make_localization("mixed")
    left, right = values_on_cortex(localization, localization.head, np.full(len(localization.leadfield.pos), 3.0))
    np.testing.assert_allclose([left, right], 3.0)


def test_the_medial_wall_stays_empty(make_localization):
    localization = make_localization("cortex")
    wall = np.arange(400) % 7 == 0
    ids = np.where(wall, -1, 0)
    cortex = replace(localization.head.cortex, region_ids=(ids, ids), region_names=("somewhere-lh",))
    head = replace(localization.head, cortex=cortex)
    for values in values_on_cortex(localization, head, np.ones(len(localization.leadfield.pos))):
        np.testing.assert_array_equal(np.isnan(values), wall)


def test_volume_sources_reach_only_the_cortex_around_them(make_localization):
    localization = make_localization("volume")
    head, pos = localization.head, localization.leadfield.pos
    value = np.zeros(len(pos))
    value[40] = 1.0
    for side, values in enumerate(values_on_cortex(localization, head, value)):
        middle = head.to_head((head.cortex.white[side].rr + head.cortex.pial[side].rr) / 2)
        away = np.linalg.norm(middle - pos[40], axis=1)
        assert not (values[away > 0.012] > 0).any()
        far = cKDTree(pos).query(middle)[0] > 0.012
        assert np.isnan(values[far]).all()
        assert np.isfinite(values[~far]).all()


def test_the_peak_is_marked_once_on_its_own_hemisphere(make_localization):
    localization = make_localization("cortex")
    left_lateral = int(localization.leadfield.pos[:, 0].argmin())
    right_medial = 200 + int(localization.leadfield.pos[200:, 0].argmin())
    for source, title in ((left_lateral, "Left hemisphere, lateral"), (right_medial, "Right hemisphere, medial")):
        localization.magnitude[:] = 0.1
        localization.magnitude[source] = 1.0
        assert rings(plot_cortex(localization, 3)) == [title]
        assert "Blue ring: the peak." in caption(localization, localization.head, 3)


def test_a_peak_far_from_the_cortex_is_not_marked_and_that_is_said(make_localization):
    localization = make_localization("volume")
    deep = int(np.linalg.norm(localization.leadfield.pos - localization.head.to_head(np.zeros(3)), axis=1).argmin())
    white = shifted(localization)
    head = replace(localization.head, cortex=replace(localization.head.cortex, white=(white, white)))
    localization.magnitude[:] = 0.1
    localization.magnitude[deep] = 1.0
    localization = replace(localization, head=head)
    assert rings(plot_cortex(localization, 3)) == []
    assert "over 10 mm from the cortex" in caption(localization, head, 3)


def test_four_views_with_titles_and_colours_where_the_activity_is(make_localization):
    localization = make_localization("cortex")
    localization.magnitude[:] = 0.0
    localization.magnitude[:200] = 1.0  # the whole left hemisphere
    figure = plot_cortex(localization, 0, unit="nAm")
    shown = {axis.get_title(): axis.images[0].get_array() for axis in figure.axes if axis.get_title()}
    assert list(shown) == [side.title for side in SIDES]
    for title, picture in shown.items():
        inside = picture[..., 3] > 0.99
        redness = (picture[..., 0] - picture[..., 2])[inside]
        assert (redness.min() > 0.1) if title.startswith("Left") else (abs(redness).max() < 1e-6)
    assert figure.axes[-1].get_ylabel() == "nAm"


@pytest.mark.parametrize("head", ["no cortex", "none"])
def test_no_cortex_no_figure(make_localization, head):
    assert plot_cortex(make_localization("volume", head=head), 0) is None


def test_crowns_are_light_and_a_dent_is_dark(make_localization):
    surface = make_localization("cortex").head.cortex.white[0]
    centre = surface.rr.mean(axis=0)
    dent = int(surface.rr[:, 2].argmax())
    depth = 0.02 * np.exp(-0.5 * (np.linalg.norm(surface.rr - surface.rr[dent], axis=1) / 0.008) ** 2)
    outward = (surface.rr - centre) / np.linalg.norm(surface.rr - centre, axis=1, keepdims=True)
    shade = sulcal_shade(type(surface)(surface.rr - depth[:, np.newaxis] * outward, surface.tris))
    assert shade.argmin() == dent
    assert shade[dent] < np.median(shade) - 0.05
