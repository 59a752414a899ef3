from dataclasses import replace

import numpy as np
import pytest

from headwater.localization.resolution import resolution_near_peak
from headwater.solvers import SLORETA


def peak_of(localization):
    return int(localization.peak_sources[0]), 10


def scaled(localization, factor):
    """The same recording with a different amount of signal over the same noise covariance."""
    evoked = localization.evoked.copy()
    evoked.data *= factor
    return replace(localization, evoked=evoked)


def with_fixed_orientation(localization):
    fixed = localization.leadfield.fixed()
    return replace(localization, solver=SLORETA().fit(fixed, localization.noise_cov))


def test_sloreta_finds_test_sources_exactly_when_noise_vanishes(make_localization):
    """Zero localisation error of single noise-free sources is the theorem of sLORETA (Pascual-Marqui 2002)."""
    localization = scaled(with_fixed_orientation(make_localization("cortex")), 1e4)
    found = resolution_near_peak(localization, *peak_of(localization))
    assert found.median_mm == pytest.approx(0, abs=1e-6)
    assert found.worst_mm == pytest.approx(0, abs=1e-6)
    assert found.spread_mm > 5  # more than the distance of sources: a point becomes a blob


def test_more_noise_means_larger_errors(make_localization):
    localization = with_fixed_orientation(make_localization("cortex"))
    weak, strong = (resolution_near_peak(scaled(localization, factor), *peak_of(localization)) for factor in (0.03, 20))
    assert weak.worst_mm > strong.worst_mm
    assert weak.spread_mm == pytest.approx(strong.spread_mm)


def test_nothing_is_said_where_the_recording_is_below_its_noise(make_localization):
    localization = scaled(make_localization("volume"), 1e-3)
    assert resolution_near_peak(localization, *peak_of(localization)) is None


def test_spread_is_the_spatial_deviation_of_the_definition(make_localization):
    localization = make_localization("cortex")
    leadfield = localization.solver.leadfield_
    source = int(localization.peak_sources[0])
    one = replace(
        leadfield,
        pos=np.where(np.arange(leadfield.n_sources)[:, np.newaxis] == source, leadfield.pos, leadfield.pos + 1),
    )  # every other source is moved a metre away: only this one is near the peak
    localization.solver.leadfield_ = one
    found = resolution_near_peak(localization, source, 10)
    orientation = np.random.default_rng(0)
    orientation.choice([source], size=1, replace=False)
    topography = one.gain[:, source] @ orientation.standard_normal((1, 3))[0]
    power = (localization.solver.estimate(topography[:, np.newaxis])[..., 0] ** 2).sum(axis=1)
    squared_mm = 1e6 * ((one.pos - one.pos[source]) ** 2).sum(axis=1)
    assert found.spread_mm == pytest.approx(np.sqrt((squared_mm * power).sum() / power.sum()))
