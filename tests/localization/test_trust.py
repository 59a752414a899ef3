"""The verdict on an answer: what it rests on, and that each doubt is found in a recording that deserves it."""

from dataclasses import replace

import mne
import numpy as np
import pytest

import headwater as hw
from headwater.forward.leadfield import LeadField
from headwater.localization import Localization
from headwater.localization.findings import Findings, Fit, Opinion
from headwater.localization.finish import finish, peaks_only
from headwater.localization.prepare import prepare
from headwater.localization.trust import LIMITS, Status, falls_short, judge
from headwater.localization.trust_findings import at_far_edge
from headwater.localization.trust_signal import LEVEL, Evidence, evidence_of_signal
from headwater.solvers import DSPM, ELORETA, Solver

N_TRIALS, RATE = 40, 100.0
TIMES = np.arange(-40, 31) / RATE
AUTO = ELORETA(lambda2="auto")


@pytest.fixture(scope="module")
def leadfield() -> LeadField:
    """48 electrodes on an upper hemisphere, sources on a grid of 15 mm inside it, in an unbounded conductor."""
    step = np.arange(48) + 0.5
    polar, turn = np.arccos(1 - 1.1 * step / 48), np.pi * (1 + 5**0.5) * step
    place = 0.09 * np.column_stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)])
    side = np.arange(-4, 5) * 0.015
    pos = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
    pos = pos[np.linalg.norm(pos, axis=1) < 0.068]
    info = mne.create_info([f"E{number:02d}" for number in range(48)], RATE, "eeg")
    for channel, where in zip(info["chs"], place, strict=True):
        channel["loc"][:3] = where
    away = place[:, np.newaxis] - pos
    gain = away / np.linalg.norm(away, axis=2, keepdims=True) ** 3 / (4 * np.pi * 0.3)
    return LeadField.from_arrays(gain, pos, info=info)


def recording(leadfield: LeadField, strength: float, *, source: int | None = None, seed: int = 0) -> mne.EpochsArray:
    """Trials with white noise of 10 uV and one source 100 ms after time zero."""
    rng = np.random.default_rng(seed)
    source = int(np.linalg.norm(leadfield.pos - [-0.03, 0.015, 0.045], axis=1).argmin()) if source is None else source
    topography = leadfield.gain[:, source] @ [0.6, 0.0, 0.8]
    topography *= strength * 1e-5 / np.sqrt(N_TRIALS) / np.sqrt(np.mean((topography - topography.mean()) ** 2))
    course = np.exp(-0.5 * ((TIMES - 0.1) / 0.02) ** 2)
    noise = 1e-5 * rng.standard_normal((N_TRIALS, leadfield.n_channels, len(TIMES)))
    return mne.EpochsArray(noise + np.outer(topography, course), leadfield.info, tmin=TIMES[0], verbose="error")


def analysed(leadfield: LeadField, trials: object, solver: Solver = AUTO, **settings: object) -> Localization:
    return hw.analyze(trials, solver, forward=leadfield, **settings)


def test_a_clear_response_is_good(leadfield: LeadField) -> None:
    found = analysed(leadfield, recording(leadfield, 6.0))
    assert found.trust.verdict.reasons == ()
    assert found.trust.verdict.status is Status.GOOD
    findings = found.trust.findings
    assert findings.evidence.p_value < LEVEL
    assert 20 * np.log10(6.0) - 2 < findings.snr_db < 20 * np.log10(6.0) + 2
    assert findings.fit.shape > 0.8
    assert findings.dipole.distance_mm <= 15
    assert np.isclose(found.eloreta["x_mm"].iloc[0], found.peaks["x_mm"].iloc[0])


@pytest.mark.parametrize("kind", ["trials", "average", "one segment"])
def test_noise_is_nothing(leadfield: LeadField, kind: str) -> None:
    called = []
    for seed in range(12):
        trials = recording(leadfield, 0.0, seed=seed)
        if kind == "average":
            inst: object = trials.average()
        elif kind == "one segment":
            inst = mne.io.RawArray(np.hstack(list(trials.get_data(copy=True)[:3])), leadfield.info, verbose="error")
        else:
            inst = trials
        called.append(analysed(leadfield, inst).trust.verdict.status)
    assert called.count(Status.NOTHING) >= 11


@pytest.mark.parametrize("kind", ["average", "one segment"])
def test_a_response_is_found_without_trials(leadfield: LeadField, kind: str) -> None:
    average = recording(leadfield, 8.0).average()
    inst = average if kind == "average" else mne.io.RawArray(average.data, leadfield.info, verbose="error")
    verdict = analysed(leadfield, inst).trust.verdict
    assert verdict.status is Status.DOUBTFUL
    assert ("independent samples" if kind == "average" else "assumed") in verdict.sentence


def test_one_spoiled_channel_carries_the_result(leadfield: LeadField) -> None:
    trials = recording(leadfield, 3.0)
    data = trials.get_data(copy=True)
    data[:, 7, 45:56] += 3e-5
    spoiled = mne.EpochsArray(data, trials.info, tmin=TIMES[0], verbose="error")
    verdict = analysed(leadfield, spoiled, find_bads=False).trust.verdict
    assert verdict.status is Status.DOUBTFUL
    assert any("E07 carries the result" in reason for reason in verdict.reasons)


def test_a_source_elsewhere_than_the_model_has_is_not_explained(leadfield: LeadField) -> None:
    """Electrodes in another order than the lead field's: nothing fits, and it is said."""
    trials = recording(leadfield, 8.0)
    shuffled = trials.get_data(copy=True)[:, np.random.default_rng(0).permutation(48)]
    wrong = mne.EpochsArray(shuffled, trials.info, tmin=TIMES[0], verbose="error")
    found = analysed(leadfield, wrong)
    assert found.trust.verdict.status is Status.DOUBTFUL
    assert found.trust.findings.dipole.goodness < 0.6


def test_the_edge_of_the_window_is_said(leadfield: LeadField) -> None:
    verdict = analysed(leadfield, recording(leadfield, 8.0), tmin=0.12, tmax=0.2).trust.verdict
    assert "edge of the time window" in verdict.sentence


def test_maps_without_unit_have_no_fit_of_their_own(leadfield: LeadField) -> None:
    findings = analysed(leadfield, recording(leadfield, 8.0), DSPM()).trust.findings
    assert findings.fit is None
    assert findings.eloreta.goodness > 0.8


def test_estimates_along_unknown_orientations_have_no_fit_of_their_own(leadfield: LeadField) -> None:
    beamformer = hw.solvers.LCMV(pick_ori="max-power", weight_norm=None)
    found = analysed(leadfield, recording(leadfield, 3.0), beamformer)
    assert found.trust is not None
    assert found.trust.findings.fit is None


def test_goodness_of_fit_is_the_explained_share(leadfield: LeadField) -> None:
    found = analysed(leadfield, recording(leadfield, 8.0))
    fit = found.trust.findings.fit
    assert len(fit.times) <= len(found.evoked.times)
    moment = int(np.abs(found.evoked.times - found.peaks["time_s"].iloc[0]).argmin())
    data = found.evoked.data[:, moment]
    predicted = leadfield.matrix @ found.solver.estimate(data[:, np.newaxis]).reshape(-1)
    predicted -= predicted.mean()  # the reference of the data
    np.testing.assert_allclose(fit.residual, data - predicted, atol=1e-12)
    whitener = mne.cov.compute_whitener(found.noise_cov, found.evoked.info, verbose="error")[0]
    left, total = (np.sum((whitener @ one) ** 2) for one in (fit.residual, data))
    assert fit.peak == pytest.approx(1 - left / total, abs=1e-3)
    assert fit.shape >= fit.peak


def test_the_bottom_of_the_brain_is_far_from_electrodes(leadfield: LeadField) -> None:
    lowest, highest = leadfield.pos[:, 2].argmin(), leadfield.pos[:, 2].argmax()
    middle = np.linalg.norm(leadfield.pos, axis=1).argmin()
    assert at_far_edge(leadfield, int(lowest))
    assert not at_far_edge(leadfield, int(highest))
    assert not at_far_edge(leadfield, int(middle))


def findings_of(**changes: object) -> Findings:
    """Findings against which nothing speaks."""
    fit = Fit(np.zeros(1), np.ones(1), window=0.9, peak=0.9, shape=0.9, unexplained=0.1, residual=np.zeros(3))
    one = Opinion("eLORETA", 0, 1e-9, 0.0, fit, 0.9)
    clean = Findings(
        evidence=Evidence(0.001, "against noise"),
        snr_db=12.0,
        fit=fit,
        eloreta=one,
        dipole=replace(one, solver="a single dipole", fit=None),
        stable=1.0,
        one_dipole_near=1.0,
        steady_mm=0.0,
        one_dipole_left=0.0,
        uncertainty_mm=5.0,
        moved_mm=0.0,
        channel="E01",
        at_window_edge=False,
        at_brain_edge=False,
        n_noise=500.0,
        rank=47,
        noise_measured=True,
    )
    return replace(clean, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"noise_measured": False}, "assumed"),
        ({"n_noise": 20.0}, "20 independent samples, fewer than the 47"),
        ({"moved_mm": LIMITS.moved_mm + 1}, "E01 carries the result"),
        ({"stable": 0.1, "snr_db": -5.0}, "the peak stays there in 10% of draws with new noise"),
        ({"at_window_edge": True}, "edge of the time window"),
        ({"at_brain_edge": True}, "edge of the brain"),
    ],
)
def test_every_doubt_has_its_reason(changes: dict[str, object], said: str) -> None:
    assert judge(findings_of()).status is Status.GOOD
    verdict = judge(findings_of(**changes))
    assert verdict.status is Status.DOUBTFUL
    (reason,) = verdict.reasons
    assert said in reason


def test_noise_outweighs_every_other_finding() -> None:
    verdict = judge(findings_of(evidence=Evidence(0.2, "against noise"), at_window_edge=True))
    assert verdict.status is Status.NOTHING
    assert "p = 0.2" in verdict.sentence


def test_an_estimate_that_explains_much_less_than_eloreta_does_not_come_first() -> None:
    clean = findings_of()
    poor = findings_of(fit=replace(clean.fit, peak=0.02, shape=0.05, unexplained=0.9))
    assert falls_short(poor)
    assert not falls_short(clean)
    assert "eLORETA's 90%" in judge(poor).sentence
    weak = findings_of(fit=replace(clean.fit, peak=0.3))  # a small amplitude alone is no fault
    assert not falls_short(weak)


def test_disagreement_is_measured_from_the_peak() -> None:
    clean = findings_of()
    apart = findings_of(dipole=replace(clean.dipole, distance_mm=LIMITS.distance_mm + 5))
    assert "a single dipole by 20 mm" in judge(apart).sentence


def test_the_scale_of_a_given_covariance_does_not_stop_the_test_against_the_baseline(leadfield: LeadField) -> None:
    average = recording(leadfield, 8.0).average()
    size = leadfield.n_channels
    absurd = mne.Covariance(np.full(size, 1e150), leadfield.ch_names, [], [], nfree=1000)
    trust = analysed(leadfield, average, noise_cov=absurd).trust
    assert trust is not None
    assert np.isfinite(trust.findings.evidence.p_value)


def test_an_artefact_at_time_zero_is_no_evidence(leadfield: LeadField) -> None:
    """The sample at zero is not part of the baseline, whose mean would carry the artefact into every other sample."""
    trials = recording(leadfield, 0.0)
    trials.get_data(copy=False)[:, :, np.abs(TIMES).argmin()] += 1e-3 * np.random.default_rng(0).standard_normal(48)
    assert evidence_of_signal(prepare(trials, forward=leadfield, tmin=0.05)).p_value > LEVEL


def test_peaks_alone_are_those_of_the_whole_localisation(leadfield: LeadField) -> None:
    prepared = prepare(recording(leadfield, 5.0), forward=leadfield)
    alone = peaks_only(prepared, AUTO)
    assert alone.equals(finish(prepared, AUTO).peaks[alone.columns])
    assert len(alone)
