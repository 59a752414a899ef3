from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from headwater.report.glass_brain import VIEWS, plot_glass_brain
from headwater.report.scene import make_scene


def draw(figure):
    """Render, and return the pixels with the first row at the bottom, as matplotlib's display coordinates have it."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[::-1, :, :3].astype(int)


def brain_axes(figure):
    return [axis for axis in figure.axes if axis.get_title().startswith("From")]


def one_source(localization, source):
    value = np.zeros(len(localization.leadfield.pos))
    value[source] = 1.0
    return value


def reddest(pixels, axis):
    """Place in data coordinates of the middle of the reddest pixels within an axis."""
    box = axis.bbox
    left, bottom, right, top = (int(edge) for edge in (box.x0, box.y0, box.x1, box.y1))
    inside = pixels[bottom:top, left:right]
    redness = inside[..., 0] - inside[..., 1:].mean(axis=-1)
    row, column = np.argwhere(redness >= redness.max() - 10).mean(axis=0)
    return axis.transData.inverted().transform([left + column + 0.5, bottom + row + 0.5])


@pytest.mark.parametrize(("space", "head"), [("volume", "cortex"), ("cortex", "no cortex"), ("volume", "none")])
def test_a_single_source_is_drawn_where_it_is_in_all_three_views(make_localization, space, head):
    localization = make_localization(space, head=head)
    scene = make_scene(localization)
    source = 17
    figure = plot_glass_brain(localization, one_source(localization, source))
    # The peak's own ring and cross hair would cover it.
    for axis in brain_axes(figure):
        for line in list(axis.lines):
            line.remove()
    pixels = draw(figure)
    for axis, view in zip(brain_axes(figure), VIEWS, strict=True):
        np.testing.assert_allclose(reddest(pixels, axis), view.project(scene.pos_mm[source]), atol=2)


def test_the_ring_marks_the_peak(make_localization):
    localization = make_localization("mixed")
    scene = make_scene(localization)
    figure = plot_glass_brain(localization, localization.magnitude[:, 10])
    peak = scene.pos_mm[localization.magnitude[:, 10].argmax()]
    draw(figure)
    for axis, view in zip(brain_axes(figure), VIEWS, strict=True):
        ring = next(line for line in axis.lines if line.get_gid() == "peak")
        np.testing.assert_allclose(ring.get_xydata()[0], view.project(peak))
        assert axis.bbox.contains(*axis.transData.transform(ring.get_xydata()[0]))
    place = "x = {:.0f}, y = {:.0f}, z = {:.0f} mm (MRI surface RAS)".format(*peak)
    assert place in figure.get_suptitle()


def test_views_are_anatomically_oriented(make_localization):
    figure = plot_glass_brain(make_localization(), make_localization().magnitude[:, 10])
    draw(figure)
    letters = []
    for axis in brain_axes(figure):
        shown = [text for text in axis.texts if text.get_text() in set("LRAP")]
        horizontal = sorted(shown, key=lambda text: text.get_window_extent().x0)
        letters.append("".join(text.get_text() for text in horizontal if text.get_position()[1] == 0.5))
    assert letters == ["AP", "LR", "LR"]
    left, front, top = np.array([-50.0, 0, 0]), np.array([0, 80.0, 0]), np.array([0, 0, 70.0])
    assert VIEWS[0].project(front)[0] < 0  # the nose points to the letter A
    assert VIEWS[1].project(left)[0] < 0
    assert VIEWS[2].project(left)[0] < 0
    assert VIEWS[0].project(top)[1] > 0
    assert VIEWS[2].project(front)[1] > 0


def test_left_and_right_sources_are_drawn_apart(make_localization):
    localization = make_localization("cortex")
    scene = make_scene(localization)
    for sign in (-1, 1):
        source = int((sign * scene.pos_mm[:, 0]).argmax())
        figure = plot_glass_brain(localization, one_source(localization, source))
        back = brain_axes(figure)[1]
        ring = next(line for line in back.lines if line.get_gid() == "peak")
        assert np.sign(ring.get_xydata()[0, 0]) == sign


def test_negative_peak_is_blue_and_the_colour_bar_is_symmetric(make_localization):
    localization = make_localization("volume")
    value = -one_source(localization, 30)
    value[31] = 0.5
    figure = plot_glass_brain(localization, value, unit="nAm")
    bar = next(axis for axis in figure.axes if axis.get_ylabel() == "nAm")
    np.testing.assert_allclose(bar.get_ylim(), (-1, 1))
    scene = make_scene(localization)
    np.testing.assert_allclose(brain_axes(figure)[1].lines[-1].get_xydata()[0], VIEWS[1].project(scene.pos_mm[30]))


def test_brain_outline_says_what_it_is_drawn_from(make_localization):
    assert make_scene(make_localization("volume")).brain_name == "pial surface"
    assert make_scene(make_localization("volume", head="no cortex")).brain_name == "inner skull"
    assert make_scene(make_localization("cortex", head="none")).brain_name == "surface of the source space"
    assert make_scene(make_localization("volume", head="none")).brain_name == "outline of the sources"


def test_the_scene_is_in_the_frame_of_the_peaks_table(make_localization):
    localization = make_localization("volume")
    mri_mni_t = np.diag([1.1, 1.0, 0.9, 1.0])
    head = replace(localization.head, mri_mni_t=mri_mni_t)
    in_mni = make_scene(replace(localization, head=head, peaks=localization.peaks.assign(frame="mni305")))
    in_mri = make_scene(localization)
    assert in_mni.frame_label == "MNI305"
    np.testing.assert_allclose(in_mni.pos_mm, in_mri.pos_mm * [1.1, 1.0, 0.9])
    np.testing.assert_allclose(in_mni.scalp.rr_mm, 1e3 * head.scalp.rr * [1.1, 1.0, 0.9])
    np.testing.assert_allclose(in_mri.brain[1].rr_mm, 1e3 * head.cortex.pial[1].rr)
