import numpy as np
import pytest

from headwater import InputError, solvers
from headwater.live import LiveEstimate, LiveLoop, LiveOptions, WindowEstimator, calibrate
from headwater.live.causal import CausalFilter
from headwater.solvers.inputs.whitening import whiten
from live.streams import SFREQ, Small, pieces


def options(small: Small, **more: object) -> LiveOptions:
    return LiveOptions(**{"forward": small.leadfield, "head": small.head, "find_bads": False, **more})


def open_loop(small: Small, *, window: int = 1, hop: int = 10) -> LiveLoop:
    """A loop without a filter, whose estimates are those of the solver."""
    cov = np.diag(np.full(16, 4e-12))
    solver = solvers.MinimumNorm(lambda2=1 / 9).fit(small.leadfield, cov)
    estimator = WindowEstimator(solver, whiten(small.leadfield, cov))
    return LiveLoop(estimator, range(16), window=window, hop=hop, band=CausalFilter(None, None, SFREQ))


def played(loop: LiveLoop, data: np.ndarray, sizes: list[int]) -> list[LiveEstimate]:
    times = np.arange(data.shape[1]) / SFREQ
    found = [loop.push(data[:, piece], times[piece]) for piece in pieces(data.shape[1], sizes)]
    return [one for one in found if one is not None]


def test_estimates_are_those_of_the_solver(head16: Small) -> None:
    data = head16.noise(100)
    estimates = played(open_loop(head16), data, [5])
    assert [round(one.time * SFREQ) for one in estimates] == list(range(9, 100, 10))
    solver = solvers.MinimumNorm(lambda2=1 / 9).fit(head16.leadfield, np.diag(np.full(16, 4e-12)))
    posterior = solver.posterior(data[:, [9]])
    np.testing.assert_allclose(
        estimates[0].amplitude, 1e9 * np.linalg.norm(solver.estimate(data[:, [9]])[..., 0], axis=1)
    )
    own = 1e9 * np.sqrt(np.mean(posterior.sd[..., 0] ** 2, axis=1))
    calibrated = solver.posterior_calibration().calibrated(
        posterior, whiten(head16.leadfield, np.diag(np.full(16, 4e-12))), data[:, [9]]
    )
    np.testing.assert_allclose(estimates[0].sd, 1e9 * np.sqrt(np.mean(calibrated.sd[..., 0] ** 2, axis=1)))
    assert not np.allclose(estimates[0].sd, own)


def test_pieces_do_not_matter(head16: Small) -> None:
    data = head16.noise(200)
    small_pieces, large_pieces = (played(open_loop(head16), data, sizes) for sizes in ([1], [10]))
    assert len(small_pieces) == len(large_pieces) == 20
    for one, other in zip(small_pieces, large_pieces, strict=True):
        np.testing.assert_allclose(one.amplitude, other.amplitude)


def test_a_loop_that_is_late_skips_windows(head16: Small) -> None:
    estimates = played(open_loop(head16), head16.noise(100), [50])
    assert [one.skipped for one in estimates] == [4, 4]
    assert [round(one.time * SFREQ) for one in estimates] == [49, 99]


@pytest.mark.parametrize("fault", ["gap", "nan"])
def test_no_window_reaches_across_a_fault(head16: Small, fault: str) -> None:
    loop = open_loop(head16, window=20)
    data, times = head16.noise(100), np.arange(100) / SFREQ
    if fault == "gap":
        times[60:] += 2.0
    else:
        data[3, 59] = np.nan
    found = [loop.push(data[:, piece], times[piece]) for piece in pieces(100, [5])]
    last_samples = [piece.stop for piece, one in zip(pieces(100, [5]), found, strict=True) if one is not None]
    assert last_samples == [20, 30, 40, 50, 80, 90, 100] if fault == "nan" else [20, 30, 40, 50, 60, 80, 90, 100]
    assert loop.n_gaps == 1


def test_a_source_is_found_where_it_is_and_nothing_is_fitted(head16: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = calibrate(head16.info, head16.noise(1500), options(head16)).loop
    monkeypatch.setattr(solvers.ELORETA, "fit", None)
    monkeypatch.setattr(solvers.ELORETA, "fit_whitened", None)
    course = np.sin(2 * np.pi * 10 * np.arange(500) / SFREQ)
    quiet = played(loop, head16.noise(500, seed=1), [10])[-1]
    responses = played(loop, head16.noise(500, seed=2) + np.outer(head16.dipole(60.0), course), [10])
    loud = max(responses, key=lambda one: one.level)
    assert quiet.level == pytest.approx(1.0, abs=0.5)
    assert loud.level > 3
    place = head16.leadfield.pos
    assert np.linalg.norm(place[loud.amplitude.argmax()] - place[head16.source]) < 0.03
    assert loud.amplitude.max() > 2 * loud.sd[loud.amplitude.argmax()]
    assert quiet.amplitude.max() < 0.3 * loud.amplitude.max()


def test_flat_and_named_channels_are_left_out(head16: Small) -> None:
    noise = head16.noise(1500)
    noise[2] = 0.0
    loop = calibrate(head16.info, noise, options(head16, bads=(head16.info["ch_names"][5],), find_bads=True)).loop
    left = set(head16.info["ch_names"]) - set(loop.estimator.leadfield.ch_names)
    assert left == {head16.info["ch_names"][2], head16.info["ch_names"][5]}
    assert loop.push(noise[:, :10], np.arange(10) / SFREQ) is not None


def test_too_few_samples_are_refused_with_what_is_enough(head16: Small) -> None:
    with pytest.raises(InputError, match="`calibrate=2`"):
        calibrate(head16.info, head16.noise(60), options(head16))
    calibrate(head16.info, head16.noise(500), options(head16))


@pytest.mark.parametrize("wrong", [{"rate": 0.0}, {"calibrate": -1.0}, {"window": np.nan}, {"calibrate": 1e4}])
def test_impossible_options_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        LiveOptions(**wrong)


def test_a_rate_above_the_sampling_frequency_is_refused(head16: Small) -> None:
    with pytest.raises(InputError, match="250 samples per second"):
        calibrate(head16.info, head16.noise(500), options(head16, rate=500.0))


def test_solvers_without_posterior_have_no_uncertainty(head16: Small) -> None:
    loop = calibrate(head16.info, head16.noise(500), options(head16, solver="dspm")).loop
    estimate = played(loop, head16.noise(20), [10])[-1]
    assert estimate.sd is None
    assert loop.estimator.unit == "F"
