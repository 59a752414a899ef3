"""Independent components: topographies in sensor units, found where the sources are that they unmix."""

import mne
import numpy as np
import pytest

import headwater as hw
from headwater._utils.errors import InputError
from headwater.localization.components import component_maps
from headwater.localization.reading import read_recording
from headwater.localization.segment import select_segment
from headwater.solvers import ELORETA


@pytest.fixture(scope="module")
def leadfield() -> hw.LeadField:
    template = hw.template_head()
    info = hw.montage_info(template, "biosemi32")
    return hw.make_leadfield(template, info, "volume", spacing=20.0, method="sphere")


@pytest.fixture(scope="module")
def sources(leadfield) -> list[int]:
    """Far from each other, near the surface: one to the left, one to the right."""
    outer = np.argsort(-np.abs(leadfield.pos[:, 0]))
    left = next(one for one in outer if leadfield.pos[one, 0] < 0)
    right = next(one for one in outer if leadfield.pos[one, 0] > 0)
    return [int(left), int(right)]


@pytest.fixture(scope="module")
def raw(leadfield, sources) -> mne.io.RawArray:
    """Two sources that know nothing of each other, neither of them Gaussian."""
    rng = np.random.default_rng(0)
    courses = 20e-9 * rng.laplace(size=(2, 4000))
    topographies = leadfield.gain[:, sources] @ np.array([0.0, 0.6, 0.8])
    data = topographies @ courses + 1e-8 * rng.standard_normal((leadfield.n_channels, 4000))
    info = mne.create_info(leadfield.ch_names, 100.0, "eeg").set_montage("biosemi32")
    with info._unlock():
        info["highpass"] = 1.0  # ICA asks for it; these data drift nowhere
    return mne.io.RawArray(data - data.mean(0), info, verbose="error")


@pytest.fixture(scope="module", params=["standardised", "whitened"])
def ica(request, raw) -> mne.preprocessing.ICA:
    cov = mne.make_ad_hoc_cov(raw.info, verbose="error") if request.param == "whitened" else None
    ica = mne.preprocessing.ICA(2, random_state=0, noise_cov=cov, verbose="error")
    return ica.fit(raw, verbose="error")


def test_maps_times_courses_are_the_data(ica, raw):
    maps = component_maps(ica)
    assert maps.times.tolist() == [0.0, 1.0]
    rebuilt = maps.data @ ica.get_sources(raw).get_data()
    data = raw.get_data() - raw.get_data().mean(axis=1, keepdims=True)
    rebuilt -= rebuilt.mean(axis=1, keepdims=True)
    assert np.linalg.norm(rebuilt - data) < 0.05 * np.linalg.norm(data)


def test_each_component_is_found_at_its_source(ica, leadfield, sources):
    stc = hw.localize(ica, ELORETA(), forward=leadfield)
    assert sorted(stc.data.argmax(axis=0)) == sorted(sources)
    one = hw.analyze(ica, ELORETA(), forward=leadfield, condition=1)
    assert one.stc.data.shape == (leadfield.n_sources, 1)
    np.testing.assert_allclose(one.stc.data[:, 0], stc.data[:, 1])
    assert one.assumptions["Data"].startswith("independent component 1")


def test_a_file_of_an_ica_is_a_recording(ica, tmp_path):
    ica.save(tmp_path / "two-ica.fif", verbose="error")
    read = read_recording(tmp_path / "two-ica.fif")
    np.testing.assert_allclose(component_maps(read).data, component_maps(ica).data, rtol=1e-5)


def test_what_cannot_be_is_refused(ica):
    with pytest.raises(InputError, match="There is no component 2; the ICA has 0 to 1"):
        select_segment(ica, 2)
    with pytest.raises(InputError, match="no component 'blink'"):
        select_segment(ica, "blink")
    with pytest.raises(InputError, match="filter the recording before"):
        hw.analyze(ica, highpass=1.0)
    with pytest.raises(InputError, match="has not been fitted"):
        component_maps(mne.preprocessing.ICA(2))
