"""The picture of a preset: what is drawn is what was simulated."""

from dataclasses import replace

import matplotlib.image
import mne
import numpy as np
import pytest
from matplotlib.figure import Figure

from headwater._utils.errors import InputError
from headwater.simulation import presets
from headwater.simulation.preview import ACTIVE, VIEWS, plot_preview
from headwater.simulation.simulator import simulate


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are written."""
    figures = []
    savefig = Figure.savefig

    def kept(self, *args, **kwargs):
        figures.append(self)
        return savefig(self, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", kept)
    return figures


def _rows(figure, n):
    """The axes of each sample, colour bars left out."""
    axes = [axis for axis in figure.axes if axis.get_label() != "<colorbar>"]
    return np.array(axes).reshape(n, -1)


@pytest.mark.parametrize(
    ("name", "space"), [("PIUNET", "volume"), ("MULTI_SOURCE", "cortex"), ("SUBCORTICAL", "mixed")]
)
def test_preview_shows_the_samples(request, drawn, name, space, tmp_path):
    leadfield, preset = request.getfixturevalue(space), getattr(presets, name)
    plot_preview(leadfield, preset, tmp_path / "a.png", seed=1, n=2)
    (figure,) = drawn
    samples = simulate(leadfield, preset, 2, seed=1)
    assert f"{name}: 2 samples, seed 1" in figure._suptitle.get_text()
    for sample, axes in enumerate(_rows(figure, 2)):
        one = samples[sample : sample + 1]
        peak = int(one.y[0].square().sum(0).argmax())
        strength = 1e9 * one.x[0, :, :, peak].norm(dim=1).numpy()
        centers = one.truth.centers[0, one.truth.centers[0] >= 0].numpy()
        for axis, (across, up, _) in zip(axes, VIEWS.values(), strict=False):
            brain, active, rings = axis.collections
            np.testing.assert_allclose(brain.get_offsets(), 1e3 * leadfield.pos[:, [across, up]], atol=1e-3)
            shown = np.sort(strength[strength > ACTIVE * strength.max()])
            np.testing.assert_allclose(active.get_array(), shown, rtol=1e-5)
            np.testing.assert_allclose(rings.get_offsets(), 1e3 * leadfield.pos[centers][:, [across, up]], atol=1e-3)
        courses, sensors = axes[len(VIEWS)], axes[len(VIEWS) + 1]
        if preset.n_times == 1:
            assert len(courses.patches) == len(centers)
            np.testing.assert_allclose(sensors.lines[1].get_ydata(), 1e6 * one.y[0, :, 0], rtol=1e-5)
        else:
            assert len(courses.lines) == len(centers) + 1  # and the dotted line
            np.testing.assert_allclose(courses.lines[-1].get_xdata(), peak / preset.sfreq)
            np.testing.assert_allclose([line.get_ydata() for line in sensors.lines[:-1]], 1e6 * one.y[0], rtol=1e-5)


def test_topographies_appear_where_electrodes_have_positions(cortex, drawn, tmp_path):
    info = mne.create_info(mne.channels.make_standard_montage("easycap-M10").ch_names[:20], 100.0, "eeg")
    info.set_montage("easycap-M10")
    for leadfield in (cortex, replace(cortex, info=info)):
        plot_preview(leadfield, presets.MULTI_SOURCE, tmp_path / "a.png", seed=1, n=1)
    without, with_positions = (_rows(figure, 1).shape[1] for figure in drawn)
    assert with_positions == without + 1


def test_pictures_repeat_and_differ_with_the_seed(volume, tmp_path):
    pictures = []
    for seed in (1, 1, 2):
        plot_preview(volume, presets.PIUNET, tmp_path / "a.png", seed=seed, n=1)
        pictures.append(matplotlib.image.imread(tmp_path / "a.png"))
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert (pictures[0] != pictures[2]).mean() > 0.001


def test_impossible_pictures_are_refused(volume, tmp_path):
    (tmp_path / "taken.png").write_bytes(b"mine")
    for name, arguments, named in (
        ("a.txt", {}, r"has to end in \.png, \.pdf, \.svg"),
        ("a.png", {"n": 13}, "1 to 12 samples"),
        ("a.png", {"n": 0}, "1 to 12 samples"),
        ("taken.png", {"overwrite": False}, "already exists"),
    ):
        with pytest.raises(InputError, match=named):
            plot_preview(volume, presets.PIUNET, tmp_path / name, **arguments)
    assert (tmp_path / "taken.png").read_bytes() == b"mine"
