"""Recordings in, MNE-Python's source estimates out, and recordings that do not fit refused in one sentence."""

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers import DSPM, LCMV, MinimumNorm


@pytest.fixture(scope="module")
def fitted(recordings) -> MinimumNorm:
    recording = recordings["both"]
    return MinimumNorm().fit(recording.leadfield, recording.noise_cov)


def as_raw(evoked: mne.Evoked) -> mne.io.RawArray:
    return mne.io.RawArray(evoked.data, evoked.info, verbose="error")


def as_epochs(evoked: mne.Evoked, n_epochs: int = 3) -> mne.EpochsArray:
    data = np.stack([(epoch + 1) * evoked.data for epoch in range(n_epochs)])
    return mne.EpochsArray(data, evoked.info, tmin=evoked.times[0], proj=False, verbose="error")


def test_averages_epochs_and_raw_data_give_the_same_sources(recordings, fitted):
    evoked = recordings["both"].evoked
    stc = fitted.apply(evoked)
    assert isinstance(stc, mne.SourceEstimate)
    assert stc.subject == "sample"
    assert np.allclose(stc.times, evoked.times)
    for space, vertices in zip(fitted.leadfield_.src, stc.vertices, strict=True):
        assert np.array_equal(space["vertno"], vertices)
    stcs = fitted.apply(as_epochs(evoked))
    assert len(stcs) == 3
    for epoch, each in enumerate(stcs):
        assert np.allclose(each.data, (epoch + 1) * stc.data)
        assert np.allclose(each.times, evoked.times)
    raw = fitted.apply(as_raw(evoked))
    assert np.allclose(raw.data, stc.data)
    assert raw.tmin == 0


def test_channels_are_found_by_name(recordings, fitted):
    evoked = recordings["both"].evoked
    shuffled = evoked.copy().reorder_channels(sorted(evoked.ch_names, key=lambda name: name[::-1]))
    assert shuffled.ch_names != evoked.ch_names
    for convert in (lambda inst: inst, as_raw, lambda inst: as_epochs(inst, 1)):
        straight, mixed = fitted.apply(convert(evoked)), fitted.apply(convert(shuffled))
        straight, mixed = (each[0] if isinstance(each, list) else each for each in (straight, mixed))
        assert np.allclose(straight.data, mixed.data)


@pytest.mark.parametrize("pick_ori", [None, "normal", "vector"])
def test_orientations(recordings, fitted, pick_ori):
    evoked = recordings["both"].evoked
    currents = fitted.estimate(evoked.copy().pick(fitted.leadfield_.ch_names).data)
    stc = fitted.apply(evoked, pick_ori=pick_ori)
    if pick_ori is None:
        assert np.allclose(stc.data, np.sqrt((currents**2).sum(axis=1)))
    elif pick_ori == "normal":
        assert np.allclose(stc.data, (currents * fitted.leadfield_.normals[:, :, np.newaxis]).sum(axis=1))
        assert (stc.data < 0).any()
    else:
        assert isinstance(stc, mne.VectorSourceEstimate)
        assert np.allclose(stc.data, currents)


def test_fixed_sources_keep_their_sign_and_point_along_normals(recordings):
    recording = recordings["eeg"]
    solver = MinimumNorm(loose=0.0).fit(recording.leadfield, recording.noise_cov)
    signed = solver.apply(recording.evoked)
    assert (signed.data < 0).any()
    vectors = solver.apply(recording.evoked, pick_ori="vector")
    expected = signed.data[:, np.newaxis] * solver.leadfield_.normals[:, :, np.newaxis]
    assert np.allclose(vectors.data, expected)
    assert np.allclose(solver.apply(recording.evoked, pick_ori="normal").data, signed.data)


def mixed_forward(recording) -> mne.Forward:
    return sphere_forward(recording, recording.forward["src"] + volume_sources())


def volume_sources() -> mne.SourceSpaces:
    src = mne.setup_volume_source_space(sphere=mne.make_sphere_model((0, 0, 0.04), 0.09), pos=30.0, verbose="error")
    src[0]["type"] = "vol"
    src[0]["coord_frame"] = mne.io.constants.FIFF.FIFFV_COORD_HEAD
    return src


def sphere_forward(recording, src) -> mne.Forward:
    sphere = mne.make_sphere_model((0, 0, 0.04), 0.09, recording.evoked.info, verbose="error")
    info = recording.evoked.info
    return mne.make_forward_solution(info, trans=None, src=src, bem=sphere, mindist=0, meg=False, verbose="error")


@pytest.mark.parametrize("kind", ["volume", "mixed", "one hemisphere"])
def test_the_class_follows_the_source_space(recordings, kind):
    recording = recordings["eeg"]
    cortex, volume = recording.forward["src"], volume_sources()
    src, classes = {
        "volume": (volume, (mne.VolSourceEstimate, mne.VolVectorSourceEstimate)),
        "mixed": (cortex + volume, (mne.MixedSourceEstimate, mne.MixedVectorSourceEstimate)),
        "one hemisphere": (cortex[1:], (mne.SourceEstimate, mne.VectorSourceEstimate)),
    }[kind]
    leadfield = LeadField.from_forward(sphere_forward(recording, src))
    solver = DSPM().fit(leadfield, recording.noise_cov)
    for pick_ori, expected in zip((None, "vector"), classes, strict=True):
        stc = solver.apply(recording.evoked, pick_ori=pick_ori)
        assert type(stc) is expected
        assert stc.data.shape[0] == leadfield.n_sources
    if kind != "one hemisphere":
        with pytest.raises(InputError, match="no normal"):
            solver.apply(recording.evoked, pick_ori="normal")
        with pytest.raises(InputError, match="no normal"):
            MinimumNorm(loose=0.2).fit(leadfield, recording.noise_cov)


def test_loose_may_differ_between_cortex_and_volume(recordings):
    recording = recordings["eeg"]
    forward = mixed_forward(recording)
    loose = {"surface": 0.2, "volume": 1.0}
    operator = mne.minimum_norm.make_inverse_operator(
        recording.evoked.info, forward, recording.noise_cov, loose=loose, verbose="error"
    )
    reference = mne.minimum_norm.apply_inverse(recording.evoked, operator, 1 / 9, "MNE", "vector", verbose="error")
    solver = MinimumNorm(loose=loose).fit(LeadField.from_forward(forward), recording.noise_cov)
    estimate = solver.apply(recording.evoked, pick_ori="vector")
    assert np.allclose(estimate.data, reference.data, atol=1e-6 * np.abs(reference.data).max())


def test_noise_normalised_estimates_grow_with_the_number_of_averages(recordings):
    recording = recordings["eeg"]
    many = recording.evoked.copy()
    many.nave = 4 * recording.evoked.nave
    for solver, growth in ((DSPM(), 2.0), (MinimumNorm(), 1.0), (LCMV(data_cov=recording.data_cov), 1.0)):
        solver.fit(recording.leadfield, recording.noise_cov)
        assert np.allclose(solver.apply(many).data, growth * solver.apply(recording.evoked).data)


def test_units():
    assert (MinimumNorm().unit, DSPM().unit, LCMV().unit, LCMV(weight_norm=None).unit) == ("Am", "F", "F", "Am")


def test_a_solver_shows_its_parameters():
    assert repr(MinimumNorm(lambda2=1.0, depth=None)) == "MinimumNorm(lambda2=1.0, loose='auto', depth=None, rank=None)"


def with_projections(inst, projs):
    """Replace projections, even those that are applied already."""
    with inst.info._unlock():  # noqa: SLF001
        inst.info["projs"] = projs
    return inst


def without_reference(evoked):
    evoked = with_projections(evoked, [])
    evoked.data[-60:] += 1e-6 * np.arange(1, 1 + len(evoked.times))
    return evoked


def with_other_projection(evoked):
    names = evoked.copy().pick("grad").ch_names
    vector = np.ones((1, len(names)))
    data = {"col_names": names, "row_names": None, "data": vector, "nrow": 1, "ncol": len(names)}
    heartbeat = mne.Projection(data=data, desc="heartbeat", kind=1, active=True)
    return with_projections(evoked, [*evoked.info["projs"], heartbeat])


def with_bad(evoked):
    evoked.info["bads"] = ["MEG 0113"]
    return evoked


def with_nan(evoked):
    evoked.data[7, 3] = np.nan
    return evoked


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda evoked: evoked.pick("meg"), "lacks 59 of the 364 channels .*EEG 001"),
        (with_bad, "bad in the recording .*MEG 0113"),
        (with_nan, "NaN or infinite"),
        (with_other_projection, "projection 'heartbeat'"),
        (without_reference, "no average reference"),
        (lambda evoked: evoked.data, "ndarray cannot be localised"),
    ],
    ids=["missing", "bad", "nan", "projection", "reference", "array"],
)
def test_recordings_that_do_not_fit_are_refused_in_words(recordings, fitted, spoil, words):
    with pytest.raises(InputError, match=words):
        fitted.apply(spoil(recordings["both"].evoked.copy()))


def test_an_applied_average_reference_needs_no_projection(recordings):
    recording = recordings["eeg"]
    names = [name for name in recording.leadfield.ch_names if name not in recording.noise_cov["bads"]]
    solver = MinimumNorm().fit(recording.leadfield, recording.noise_cov)
    evoked = recording.evoked.copy().pick(names)
    expected = solver.apply(evoked).data
    evoked = with_projections(evoked, [])
    evoked.data += 1e-6
    referenced, _ = mne.set_eeg_reference(evoked, "average", projection=False, verbose="error")
    assert np.allclose(solver.apply(referenced).data, expected)


def test_projections_are_applied_to_data_that_have_not_had_them(recordings, fitted):
    evoked = recordings["both"].evoked
    unprojected = evoked.copy()
    for proj in evoked.info["projs"]:
        rows = [evoked.ch_names.index(name) for name in proj["data"]["col_names"]]
        size = np.abs(evoked.data[rows]).max()
        unprojected.data[rows] += 10 * size * proj["data"]["data"].T
    # Bad channels make the vectors shorter than they were, so a little of each is not projected out.
    expected = fitted.apply(evoked).data
    for projs in ([mne.Projection(**{**proj, "active": False}) for proj in evoked.info["projs"]], evoked.info["projs"]):
        estimate = fitted.apply(with_projections(unprojected, projs)).data
        assert np.linalg.norm(estimate - expected) < 1e-3 * np.linalg.norm(expected)


def test_a_solver_must_be_fitted_first(recordings):
    for use in (lambda s: s.apply(recordings["eeg"].evoked), lambda s: s.estimate(np.zeros((60, 1)))):
        with pytest.raises(InputError, match="not been fitted"):
            use(MinimumNorm())


@pytest.mark.parametrize("pick_ori", ["max", "surface"])
def test_unknown_orientations_are_refused(recordings, fitted, pick_ori):
    with pytest.raises(InputError, match="choose None, 'normal' or 'vector'"):
        fitted.apply(recordings["both"].evoked, pick_ori=pick_ori)
