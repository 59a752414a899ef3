"""Regions around peaks and active regions of the atlas, from samples of the posterior."""

import json
from dataclasses import replace

import mne
import numpy as np
import pytest

import headwater as hw
from headwater.localization.peak_regions import active_regions, net_currents, peak_region, scatter
from headwater.report import words


@pytest.fixture(scope="module")
def leadfield() -> hw.LeadField:
    head = hw.template_head()
    return hw.make_leadfield(head, hw.montage_info(head, "biosemi32", sfreq=100.0), spacing=10.0, method="sphere")


@pytest.fixture(scope="module")
def evoked(leadfield) -> mne.EvokedArray:
    data = 1e-7 * np.random.default_rng(0).standard_normal((32, 20))
    data[:, 12] += 100e-9 * leadfield.gain[:, leadfield.n_sources // 2, 2]
    return mne.EvokedArray(data, leadfield.info, tmin=-0.05, nave=30, comment="tone", verbose="error")


@pytest.fixture(scope="module")
def found(leadfield, evoked) -> hw.Localization:
    return hw.analyze(evoked, "eloreta", head=hw.template_head(), forward=leadfield)


@pytest.fixture(autouse=True, scope="module")
def _uncalibrated():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hw.solvers.Solver, "posterior_calibration", lambda _: None)
        yield


def impulse(leadfield: hw.LeadField, *sources: int) -> np.ndarray:
    """One sample of unit currents along x."""
    sample = np.zeros((1, leadfield.n_sources, 3))
    sample[0, list(sources), 0] = 1.0
    return sample


def test_net_currents_are_means_over_one_centimetre(leadfield):
    source = leadfield.n_sources // 2
    inside = np.linalg.norm(leadfield.pos - leadfield.pos[source], axis=1) <= 0.01 + 1e-6
    opposite = impulse(leadfield, source)
    opposite[0, :, 1] = inside
    length = net_currents(opposite, leadfield)
    assert length[0, source] == pytest.approx(np.hypot(1.0, 1 / inside.sum()))
    assert length[0][np.linalg.norm(leadfield.pos - leadfield.pos[source], axis=1) > 0.021].max() == 0


def test_scatter_is_the_distance_to_the_strongest_net_current_near_the_peak(leadfield):
    peak = leadfield.n_sources // 2
    distance = np.linalg.norm(leadfield.pos - leadfield.pos[peak], axis=1)
    other = int(np.flatnonzero((distance > 0.019) & (distance < 0.0201))[0])
    far = int(distance.argmax())
    weights = np.zeros((1, leadfield.n_sources, 3))
    near_other = np.linalg.norm(leadfield.pos - leadfield.pos[other], axis=1) < 0.0101
    weights[0, near_other, 2] = 1.0
    weights[0, far] = 50.0  # too far away to be the same peak
    assert scatter(weights, leadfield, peak)[0] == pytest.approx(20.0, abs=0.1)


def test_the_volume_counts_the_sources_in_the_ball(leadfield):
    source = leadfield.n_sources // 2
    assert peak_region(0.0, leadfield, source).volume_cm3 == pytest.approx(1.0)
    assert peak_region(10.1, leadfield, source).volume_cm3 == pytest.approx(7.0)
    assert peak_region(10.1, replace(leadfield, grid=None), source).volume_cm3 is None


def test_the_probability_of_a_region_is_its_share_of_samples(leadfield):
    inside = np.flatnonzero(leadfield.region_ids >= 0)
    first = int(inside[0])
    second = int(inside[leadfield.region_ids[inside] != leadfield.region_ids[first]][-1])
    samples = np.concatenate([impulse(leadfield, first)] * 3 + [impulse(leadfield, second)])
    found = active_regions(samples, leadfield)
    assert found[leadfield.region_names[leadfield.region_ids[first]]].probability == 0.75
    assert found[leadfield.region_names[leadfield.region_ids[second]]].probability == 0.25
    assert list(found)[0] == leadfield.region_names[leadfield.region_ids[first]]
    assert [one.probability for one in found.values()] == sorted(
        [one.probability for one in found.values()], reverse=True
    )


def test_a_localisation_says_how_sure_it_is(found, leadfield, tmp_path):
    assert found.sd.data.shape == found.stc.data.shape
    np.testing.assert_allclose(found.sd.data, np.linalg.norm(found.posterior.sd, axis=1), rtol=1e-12)
    radius = found.peaks["radius_mm_90"]
    assert (radius >= 0).all()
    assert (found.peaks["volume_cm3_90"] >= 1).all()
    assert found.uncertainty.channels.shape == (32,)
    sentence = words.certainty(found)
    assert f"lies within {radius[0]:.0f} mm of it" in sentence
    written = json.loads((found.save(tmp_path / "out") / "headwater.json").read_text())["uncertainty"]
    assert written["level"] == 0.9
    assert written["peaks"][0]["radius_mm_90"] == pytest.approx(radius[0], abs=0.06)


def test_the_report_has_one_sentence_one_table_and_one_topography(found, tmp_path):
    text = (found.save(tmp_path / "out") / "report.html").read_text()
    assert words.certainty(found).split(" (")[0] in text
    assert "Sensors that carry the peak" in text
    assert "90 % within (mm)" in text


@pytest.mark.parametrize("solver", ["sloreta", "lcmv"])
def test_nothing_is_said_of_solvers_without_posterior(leadfield, evoked, solver, tmp_path):
    found = hw.analyze(evoked, solver, head=hw.template_head(), forward=leadfield)
    assert found.sd is None
    assert found.posterior is None
    assert found.uncertainty is None
    assert "radius_mm_90" not in found.peaks
    assert words.certainty(found) == ""
    out = found.save(tmp_path / "out")
    # The section of the posterior; the first screen asks "How sure?" of every solver.
    assert ">How sure<" not in (out / "report.html").read_text()
    assert json.loads((out / "headwater.json").read_text())["uncertainty"] is None


def test_a_vector_estimate_has_a_vector_sd(leadfield, evoked):
    found = hw.analyze(evoked, "mne", head=hw.template_head(), forward=leadfield, pick_ori="vector")
    assert found.sd.data.shape == found.stc.data.shape == (leadfield.n_sources, 3, found.evoked.times.size)
    assert (found.sd.data > 0).all()


def test_weaker_data_have_wider_regions(leadfield):
    radius = []
    for strength in (400e-9, 15e-9):
        rng = np.random.default_rng(1)
        data = 1e-6 * rng.standard_normal((32, 20))
        data[:, 12] += strength * leadfield.gain[:, leadfield.n_sources // 2, 2]
        evoked = mne.EvokedArray(data, leadfield.info, tmin=-0.05, verbose="error")
        solver = hw.solvers.Champagne(max_iter=200, eps=1e-4)
        radius.append(hw.analyze(evoked, solver, forward=leadfield, head=hw.template_head()).peaks["radius_mm_90"][0])
    assert radius[0] <= radius[1]
