from dataclasses import replace

import matplotlib.pyplot as plt
import mne
import numpy as np
import pytest
from mne.io.constants import FIFF

from headwater.report.figures import plot_time_courses, plot_topographies


@pytest.mark.parametrize(
    ("sensors", "titles"),
    [
        ("eeg", ["50 EEG electrodes"]),
        ("meg", ["50 MEG magnetometers"]),
        ("both", ["50 EEG electrodes", "50 MEG magnetometers"]),
    ],
)
def test_one_map_per_sensor_type_and_no_window(make_localization, sensors, titles):
    figure = plot_topographies(make_localization(sensors=sensors), 10)
    shown = [axis.get_title() for axis in figure.axes]
    assert [title for title in shown if title.startswith("50")] == titles
    assert {"eeg": {"µV"}, "meg": {"fT"}, "both": {"µV", "fT"}}[sensors] == {t for t in shown if not t.startswith("50")}
    assert plt.get_fignums() == []


def test_unknown_positions_give_no_map(make_localization):
    localization = make_localization()
    for channel in localization.evoked.info["chs"]:
        channel["loc"][:3] = np.nan
    assert plot_topographies(localization, 10) is None
    assert plot_time_courses(localization, 10) is not None


def test_time_courses_mark_the_time_and_show_power_and_sources(make_localization):
    localization = make_localization(sensors="both")
    evoked = localization.evoked
    figure = plot_time_courses(localization, 10)
    assert len(figure.axes) == 3
    for axis in figure.axes:
        (mark,) = (line for line in axis.lines if line.get_gid() == "peak time")
        assert mark.get_xdata()[0] == pytest.approx(1e3 * evoked.times[10])
    (power,) = (line for line in figure.axes[0].lines if line.get_label() == "global field power")
    np.testing.assert_allclose(power.get_ydata(), 1e6 * evoked.data[:50].std(axis=0))
    (first, *_) = (line for line in figure.axes[2].lines if line.get_label().startswith("1. "))
    np.testing.assert_allclose(first.get_ydata(), localization.magnitude[localization.peak_sources[0]])


def test_a_single_time_point_has_no_course(make_localization):
    assert plot_time_courses(make_localization(n_times=1), 0) is None


def test_gradiometers_without_partner_have_no_topography(make_localization):
    """MNE-Python draws the length of the gradient, for which it needs both gradiometers of a place."""
    localization = make_localization(sensors="meg")
    info = localization.evoked.info.copy()
    for channel in info["chs"]:
        channel["coil_type"], channel["unit"] = FIFF.FIFFV_COIL_VV_PLANAR_T1, FIFF.FIFF_UNIT_T_M
    evoked = mne.EvokedArray(localization.evoked.data, info, tmin=localization.evoked.tmin, verbose="error")
    assert set(evoked.get_channel_types()) == {"grad"}
    assert plot_topographies(replace(localization, evoked=evoked), 10) is None
