"""What `analyze` makes of recordings as people have them."""

import inspect
import re
from functools import cache
from pathlib import Path

import mne
import numpy as np
import pytest
from mne.io.constants import FIFF

import headwater as hw
from headwater.head.warp import Warp
from headwater.localization import prepare

N_TRIALS = 20


@cache
def leadfield() -> hw.LeadField:
    head = hw.template_head()
    return hw.make_leadfield(head, hw.montage_info(head, "easycap-M10"), spacing=25.0, method="sphere")


@pytest.fixture
def evoked() -> mne.Evoked:
    """An average with 40 samples of baseline, fewer than channels, and one source from 50 to 100 ms."""
    model = leadfield()
    info = hw.montage_info(hw.template_head(), "easycap-M10", sfreq=200.0)
    data = 1e-7 * np.random.default_rng(0).standard_normal((model.n_channels, 80))
    data[:, 50:60] += 50e-9 * model.gain[:, model.n_sources // 2, 2:]
    return mne.EvokedArray(data, info, tmin=-0.2, nave=N_TRIALS, comment="raw", baseline=None, verbose="error")


def found_in(evoked: mne.Evoked, **settings: object) -> hw.Localization:
    return hw.analyze(evoked, forward=leadfield(), tmin=0.05, tmax=0.09, **settings)


@pytest.mark.parametrize("reference", ["average", "one channel"])
def test_data_with_a_reference_of_their_own_give_the_same(evoked: mne.Evoked, reference: str) -> None:
    name = evoked.ch_names[0]
    channels, bads = ("average", ()) if reference == "average" else ([name], (name,))  # the reference itself is flat
    again = evoked.copy().set_eeg_reference(channels, projection=False, verbose="error")
    assert again.info["custom_ref_applied"]
    solver = hw.solvers.ELORETA()  # linear and in double precision, so that nothing but the reference can differ
    found, expected = (found_in(one, solver=solver, bads=bads).stc.data for one in (again, evoked))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * expected.max())


def test_baseline_is_subtracted_whatever_the_average_is_called(evoked: mne.Evoked) -> None:
    evoked.data += 1e-6 * np.arange(len(evoked.ch_names))[:, np.newaxis]
    found = found_in(evoked)
    assert "subtracted" in found.assumptions["Baseline"]


def test_nothing_given_is_changed(evoked: mne.Evoked) -> None:
    noise_cov = mne.make_ad_hoc_cov(evoked.info, verbose="error")
    before = evoked.copy()
    gain, variance = leadfield().gain.copy(), noise_cov["data"].copy()
    found_in(evoked, noise_cov=noise_cov, bads=(evoked.ch_names[3],), highpass=1.0)
    np.testing.assert_array_equal(evoked.data, before.data)
    assert not mne.utils.object_diff(evoked.info, before.info)
    assert (evoked.times[0], evoked.baseline) == (before.times[0], before.baseline)
    np.testing.assert_array_equal(leadfield().gain, gain)
    np.testing.assert_array_equal(noise_cov["data"], variance)
    assert noise_cov["projs"] == []


def test_an_electrode_without_position_joins_the_digitised_ones() -> None:
    large = hw.template_head().warped(Warp.from_affine(np.diag([1.1, 1.1, 1.1, 1.0])))
    info = hw.montage_info(large, "biosemi64", sfreq=200.0)
    data = 1e-6 * np.random.default_rng(0).standard_normal((64, 20))
    evoked = mne.EvokedArray(data, info, verbose="error")
    oz = evoked.info["chs"][evoked.ch_names.index("Oz")]["loc"]
    place = oz[:3].copy()
    oz[:3] = np.nan
    found = hw.analyze(evoked, spacing=30.0, method="sphere")
    assert found.assumptions["Forward method"].startswith("fitted spheres")
    assert found.assumptions["Head"].endswith("digitised positions; Oz placed by name (10-05 system)")
    new = found.evoked.info["chs"][found.evoked.ch_names.index("Oz")]["loc"][:3]
    assert np.linalg.norm(new - place) < 0.005


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"solver": "magic"}, "Unknown `solver` 'magic'; choose one of mne, "),
        ({"solver": hw.solvers.DSPM}, "`solver` is .*; give "),
        ({"head": "fsaverage"}, "`head` is .*; give "),
        ({"noise_cov": np.eye(61)}, "`noise_cov` is .*; give "),
        ({"noise_cov": "some-cov.fif"}, "some-cov.fif does not exist"),
        ({"forward": "some-fwd.fif"}, "some-fwd.fif does not exist"),
        ({"forward": np.eye(61)}, "`forward` is .*; give "),
        ({"snr": 1e300}, "`snr=1e\\+300` is not"),
        ({"snr": float("nan")}, "`snr=nan` is not"),
        ({"snr": 3.0, "solver": "piunet"}, "A network has learned"),
        ({"snr": 3.0}, "A network has learned"),
        ({"snr": 3.0, "solver": "lcmv"}, "LCMV is not regularised"),
        ({"baseline": (0.0, 9.0)}, "`baseline=.*` is not within"),
        ({"reject": "auto"}, "no trials that `reject` could leave out"),
        ({"montage": "nothing-17"}, "neither a file nor a montage"),
        ({"highpass": 1e-12}, "lets everything pass"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_said(evoked: mne.Evoked, wrong: dict, said: str) -> None:
    with pytest.raises(hw.InputError, match=said):
        hw.analyze(evoked, **{"forward": leadfield(), **wrong})


def test_paths_and_names_are_read(evoked: mne.Evoked, tmp_path: Path) -> None:
    evoked.save(tmp_path / "a-ave.fif", verbose="error")
    leadfield().save(tmp_path / "leadfield.npz")
    noise_cov = mne.make_ad_hoc_cov(evoked.info, verbose="error")
    noise_cov.save(tmp_path / "a-cov.fif", verbose="error")
    found = hw.analyze(
        tmp_path / "a-ave.fif",
        "dspm",
        forward=tmp_path / "leadfield.npz",
        noise_cov=str(tmp_path / "a-cov.fif"),
        snr=2.0,
    )
    assert isinstance(found.solver, hw.solvers.DSPM)
    assert found.solver.lambda2 == 0.25
    expected = hw.localize(evoked, hw.solvers.DSPM(lambda2=0.25), forward=leadfield(), noise_cov=noise_cov)
    np.testing.assert_allclose(found.stc.data, expected.data, rtol=1e-4, atol=1e-4 * expected.data.max())


def test_localize_has_the_arguments_of_analyze() -> None:
    assert inspect.signature(hw.localize).parameters == inspect.signature(hw.analyze).parameters


def test_every_argument_is_typed_and_described() -> None:
    parameters = inspect.signature(hw.analyze).parameters
    described = re.findall(r"^(\w+(?:, \w+)*) : ", inspect.getdoc(hw.analyze).split("Returns\n")[0], re.MULTILINE)
    assert {name for names in described for name in names.split(", ")} == set(parameters)
    assert all(one.annotation is not one.empty for one in parameters.values())
    assert set(inspect.signature(prepare).parameters) < set(parameters)


def test_unknown_arguments_are_refused(evoked: mne.Evoked) -> None:
    with pytest.raises(TypeError, match="tmni"):
        hw.analyze(evoked, tmni=0.05)


def test_the_log_says_what_was_assumed(evoked: mne.Evoked, capsys: pytest.CaptureFixture[str]) -> None:
    with mne.utils.use_log_level("error"):
        hw.analyze(evoked, "mne", forward=leadfield())
        assert capsys.readouterr().out == ""
        hw.analyze(evoked, "mne", forward=leadfield(), verbose=True)
    log = capsys.readouterr().out
    assert "Noise covariance: estimated from the baseline" in log
    assert max(map(len, log.splitlines())) <= 110


def test_an_average_that_ends_before_zero(evoked: mne.Evoked) -> None:
    early = evoked.copy().crop(-0.2, -0.05)
    found = hw.analyze(early, "mne", forward=leadfield())
    assert found.assumptions["Baseline"] == "none"
    assert len(found.stc.times) == len(early.times)


@pytest.mark.parametrize("window", [(0.0513, 0.0513), (0.0513, 0.0524), (0.0513, 0.0613)])
def test_times_between_samples(evoked: mne.Evoked, window: tuple[float, float]) -> None:
    found = hw.analyze(evoked, "mne", forward=leadfield(), tmin=window[0], tmax=window[1])
    np.testing.assert_allclose(found.stc.times[[0, -1]], np.round(np.array(window) * 200) / 200, atol=1e-9)


def test_a_baseline_of_choice(evoked: mne.Evoked) -> None:
    evoked.data += 1e-6 * np.arange(len(evoked.times))
    found = hw.analyze(evoked, "mne", forward=leadfield(), baseline=(0.1, 0.15))
    assert found.assumptions["Baseline"] == "mean of 0.100 to 0.150 s subtracted"
    left = found.evoked.copy().crop(0.1, 0.15).data.mean(axis=1)
    np.testing.assert_allclose(left, 0, atol=1e-12)
    assert hw.analyze(evoked, "mne", forward=leadfield(), baseline=None).assumptions["Baseline"] == "none"


def test_a_montage_by_name_places_electrodes_on_the_scalp() -> None:
    names = mne.channels.make_standard_montage("biosemi128").ch_names
    data = 1e-6 * np.random.default_rng(0).standard_normal((128, 30))
    evoked = mne.EvokedArray(data, mne.create_info(names, 100.0, "eeg"), verbose="error")
    found = hw.analyze(evoked, "mne", montage="biosemi128", spacing=30.0, method="sphere")
    expected = hw.montage_info(hw.template_head(), "biosemi128")
    assert found.assumptions["Electrodes"] == "montage biosemi128, on the scalp"
    for channel in (0, 64, 127):
        np.testing.assert_allclose(found.evoked.info["chs"][channel]["loc"][:3], expected["chs"][channel]["loc"][:3])
    with pytest.raises(hw.InputError, match="no positions for A1, A2"):
        hw.analyze(evoked, "mne", montage="easycap-M10")


def compensated_meg(weights: np.ndarray) -> tuple[mne.Evoked, mne.Evoked]:
    """MEG from which a share of three reference sensors is taken off, as in CTF systems, and the same uncompensated."""
    rng = np.random.default_rng(0)
    outward = rng.standard_normal((15, 3))
    outward[:, 2] = np.abs(outward[:, 2])
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    names = [f"M{number}" for number in range(12)] + ["R0", "R1", "R2"]
    info = mne.create_info(names, 100.0, "mag")
    for number, (channel, normal) in enumerate(zip(info["chs"], outward, strict=True)):
        axes = np.linalg.svd(normal[np.newaxis])[2]
        place = (0.12 if number < 12 else 0.14) * normal + [0, 0, 0.04]
        channel["loc"][:] = np.concatenate([place, axes[1], np.cross(normal, axes[1]), normal])
        channel["coil_type"] = FIFF.FIFFV_COIL_POINT_MAGNETOMETER
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform("meg", "head")
    plain = mne.EvokedArray(1e-13 * rng.standard_normal((15, 10)), info, verbose="error")
    evoked = plain.copy()
    for channel in evoked.info["chs"][:12]:
        channel["coil_type"] = int(channel["coil_type"]) | (3 << 16)
    for channel in evoked.info["chs"][12:]:
        channel["kind"] = FIFF.FIFFV_REF_MEG_CH
    table = {"nrow": 12, "ncol": 3, "row_names": names[:12], "col_names": names[12:], "data": weights}
    with evoked.info._unlock():
        evoked.info["comps"] = [
            {"kind": 3, "save_calibrated": True, "rowcals": np.ones(12), "colcals": np.ones(3), "data": table}
        ]
    return evoked, plain


def test_compensated_meg_lacks_a_share_of_its_references() -> None:
    weights = 0.2 * np.random.default_rng(1).standard_normal((12, 3))
    evoked, plain = compensated_meg(weights)
    head = hw.template_head()
    found = hw.analyze(evoked, head=head, spacing=30.0)
    gain = hw.make_leadfield(head, plain.info, spacing=30.0, within="brain").gain
    expected = gain[:12] - np.tensordot(weights, gain[12:], 1)
    np.testing.assert_allclose(found.leadfield.gain, expected, rtol=0, atol=1e-6 * np.abs(gain).max())


def test_bad_channels_of_the_noise_covariance_are_left_out(evoked: mne.Evoked) -> None:
    noise_cov = mne.make_ad_hoc_cov(evoked.info, verbose="error")
    noise_cov["bads"] = [evoked.ch_names[7], "a channel of another recording"]
    found = found_in(evoked, noise_cov=noise_cov)
    assert found.evoked.ch_names == [name for name in evoked.ch_names if name != evoked.ch_names[7]]
    expected = found_in(evoked, noise_cov=mne.make_ad_hoc_cov(evoked.info, verbose="error"), bads=evoked.ch_names[7])
    np.testing.assert_allclose(found.stc.data, expected.stc.data)


@pytest.mark.parametrize("sensors", ["all", "eeg"])
def test_the_whole_way_gives_the_numbers_of_mne(shared_data: Path, sensors: str) -> None:
    folder = shared_data / "mne-sample"
    recording = mne.read_evokeds(folder / "sample_right-auditory_right-visual-ave.fif", condition=1, verbose="error")
    noise_cov = mne.read_cov(folder / "sample_audvis_trunc-cov.fif", verbose="error")
    forward = mne.read_forward_solution(folder / "derived_sample_ico3-320bem-meg-eeg-fwd.fif", verbose="error")
    assert noise_cov["bads"]
    window = {"tmin": 0.08, "tmax": 0.13, "baseline": (None, 0.0)}
    found = hw.localize(
        recording, hw.solvers.DSPM(), forward=forward, noise_cov=noise_cov, regularize=False, sensors=sensors, **window
    )
    evoked = recording.copy().pick(["meg", "eeg"] if sensors == "all" else sensors)
    evoked.apply_baseline((None, 0), verbose="error").crop(0.08, 0.13)
    operator = mne.minimum_norm.make_inverse_operator(evoked.info, forward, noise_cov, loose=1.0, verbose="error")
    expected = mne.minimum_norm.apply_inverse(evoked, operator, 1 / 9, "dSPM", verbose="error")
    np.testing.assert_allclose(found.data, expected.data, rtol=0, atol=1e-5 * expected.data.max())
