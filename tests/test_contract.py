"""What every solver promises, run over the table of all of them."""

import inspect
from collections.abc import Callable

import mne
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers import SOLVERS, Solver
from headwater.solvers.linear.kernel import LinearSolver
from spheres import sphere_leadfield

N_TIMES = 40
SFREQ = 100.0


@pytest.fixture(scope="module")
def info() -> mne.Info:
    """A cap of 32 electrodes with an average reference."""
    names = mne.channels.make_standard_montage("biosemi32").ch_names
    info = mne.create_info(names, SFREQ, "eeg").set_montage("biosemi32")
    return mne.EvokedArray(np.zeros((len(names), 1)), info).set_eeg_reference("average", projection=True).info


@pytest.fixture(scope="module")
def leadfield(info) -> LeadField:
    """Sources every 25 mm in a sphere."""
    return sphere_leadfield(info, 25.0)


@pytest.fixture(scope="module")
def noise_cov(info) -> mne.Covariance:
    mixing = np.random.default_rng(1).normal(size=(32, 32)) * 1e-7 + 1e-6 * np.eye(32)
    return mne.Covariance(mixing @ mixing.T, info.ch_names, [], info["projs"], nfree=1000)


@pytest.fixture(scope="module")
def data(leadfield) -> np.ndarray:
    """Two sources in noise, two by three samples."""
    rng = np.random.default_rng(2)
    currents = np.zeros((2, 3, leadfield.n_sources, 3, N_TIMES))
    currents[:, :, [5, 40]] = 5e-8 * rng.normal(size=(2, 3, 2, 3, N_TIMES))
    signal = np.einsum("csx,...sxt->...ct", leadfield.gain, currents)
    return signal + 1e-6 * rng.normal(size=signal.shape)


@pytest.fixture(params=SOLVERS)
def make(request) -> Callable[[], Solver]:
    return SOLVERS[request.param]


@pytest.fixture
def solver(make, leadfield, noise_cov) -> Solver:
    return make().fit(leadfield, noise_cov)


def close(one: np.ndarray, other: np.ndarray, tolerance: float = 1e-6) -> bool:
    return bool(np.linalg.norm(one - other) <= tolerance * np.linalg.norm(other))


def test_parameters_are_keywords_with_defaults_and_stored_untouched(make):
    parameters = inspect.signature(make).parameters.values()
    assert all(each.kind is each.KEYWORD_ONLY and each.default is not each.empty for each in parameters)
    given = {each.name: object() for each in parameters}
    solver = make(**given)
    assert all(getattr(solver, name) is value for name, value in given.items())


def test_parameters_follow_the_contract_of_scikit_learn(make):
    names = list(inspect.signature(make).parameters)
    solver = make()
    assert list(solver.get_params()) == names
    copy = clone(solver)
    assert type(copy) is type(solver)
    assert repr(copy) == repr(solver)
    for candidate in ParameterGrid({name: [1, 2] for name in names[:2]}):
        assert solver.set_params(**candidate) is solver
        assert {name: solver.get_params()[name] for name in candidate} == candidate
    with pytest.raises(InputError, match=f"{make.__name__} has no hyper-parameter colour"):
        solver.set_params(colour=1)


def test_every_solver_has_a_title_of_its_own():
    titles = [make.title for make in SOLVERS.values()]
    assert all(titles)
    assert len(set(titles)) == len(titles)


def test_what_estimates_each_time_point_separately_says_so(solver, data):
    assert solver.per_time_point is isinstance(solver, LinearSolver)
    if solver.per_time_point:
        assert close(solver.estimate(data[0, 0][:, :1]), solver.estimate(data[0, 0])[..., :1])


def test_fit_returns_the_solver_and_leaves_parameters_alone(make, leadfield, noise_cov):
    solver = make()
    before = {name: getattr(solver, name) for name in inspect.signature(make).parameters}
    covariance, gain = noise_cov["data"].copy(), leadfield.gain.copy()
    assert solver.fit(leadfield, noise_cov) is solver
    assert all(getattr(solver, name) is value for name, value in before.items())
    assert np.array_equal(noise_cov["data"], covariance)
    assert np.array_equal(leadfield.gain, gain)


def test_fitting_again_forgets_the_first_lead_field(make, leadfield, noise_cov, data):
    fewer = leadfield.pick(leadfield.ch_names[:20])
    refitted = make().fit(fewer).fit(leadfield, noise_cov)
    assert np.array_equal(refitted.estimate(data[0, 0]), make().fit(leadfield, noise_cov).estimate(data[0, 0]))


@pytest.mark.parametrize("n_times", [N_TIMES, 1])
def test_shapes_and_precision(solver, data, leadfield, n_times):
    for shape in [(), (3,), (2, 3)]:
        sample = data[(0,) * (2 - len(shape))][..., :n_times]
        for precision in (np.float32, np.float64):
            currents = solver.estimate(sample.astype(precision))
            assert currents.dtype == precision
            assert currents.shape[: len(shape)] == shape
            assert currents.shape[len(shape)] == leadfield.n_sources
            assert currents.shape[len(shape) + 1] in (1, 3)
            assert currents.shape[-1] == n_times
            assert np.isfinite(currents).all()


def test_an_empty_batch_is_empty(solver, data):
    assert solver.estimate(data[:, :0]).shape[:2] == (2, 0)


def test_single_precision_is_close_to_double(solver, data):
    assert close(solver.estimate(data.astype(np.float32)), solver.estimate(data), 1e-3)


def test_batches_are_loops(solver, data):
    looped = np.stack([[solver.estimate(sample) for sample in row] for row in data])
    # What searches stops within its tolerance, wherever the last digits of a product lead it.
    assert close(solver.estimate(data), looped, 1e-4 if "tol" in solver.get_params() else 1e-6)


def test_data_times_k_give_sources_times_k(solver, data):
    for factor in (-1.0, 1e-3, 250.0):
        assert close(solver.estimate(factor * data), factor * solver.estimate(data))


def test_the_order_of_channels_does_not_matter(make, leadfield, noise_cov, data):
    order = np.random.default_rng(3).permutation(leadfield.n_channels)
    shuffled = make().fit(leadfield.pick([leadfield.ch_names[i] for i in order]), noise_cov)
    assert close(shuffled.estimate(data[0, 0][order]), make().fit(leadfield, noise_cov).estimate(data[0, 0]))


def evoked(data: np.ndarray, info: mne.Info) -> mne.Evoked:
    return mne.EvokedArray(data[0, 0].copy(), info, tmin=-0.1)


def test_recordings_give_source_estimates(solver, data, info, leadfield):
    stc = solver.apply(evoked(data, info))
    assert isinstance(stc, mne.VolSourceEstimate)
    assert stc.data.shape == (leadfield.n_sources, N_TIMES)
    assert np.allclose(stc.times, evoked(data, info).times)
    vectors = solver.estimate(data[0, 0])
    assert close(stc.data, np.linalg.norm(vectors, axis=1) if vectors.shape[1] == 3 else vectors[:, 0])


def test_channels_of_a_recording_are_found_by_name(solver, data, info):
    straight = evoked(data, info)
    reversed_order = straight.copy().reorder_channels(straight.ch_names[::-1])
    assert close(solver.apply(reversed_order).data, solver.apply(straight).data)


def test_bad_channels_are_left_out(make, leadfield, noise_cov, data, info):
    bads = [leadfield.ch_names[i] for i in (4, 17)]
    noise_cov = noise_cov.copy()
    noise_cov["bads"] = bads
    solver = make().fit(leadfield, noise_cov)
    assert not set(solver.leadfield_.ch_names) & set(bads)
    recording = evoked(data, info)
    clean = solver.apply(recording).data
    recording.data[[4, 17]] = 1.0
    recording.info["bads"] = bads
    assert close(solver.apply(recording).data, clean)


def test_the_average_reference_is_honoured(solver, data):
    offset = 1e-4 * np.random.default_rng(4).normal(size=N_TIMES)
    assert close(solver.estimate(data[0, 0] + offset), solver.estimate(data[0, 0]))


def test_projections_are_honoured(make, leadfield, noise_cov, data, info):
    topography = np.random.default_rng(5).normal(size=32)
    topography -= topography.mean()
    topography /= np.linalg.norm(topography)
    vectors = {"col_names": info.ch_names, "row_names": None, "data": topography[np.newaxis], "nrow": 1, "ncol": 32}
    artefact = mne.Projection(data=vectors, desc="blink", kind=1, active=True)
    noise_cov = noise_cov.copy()
    noise_cov["projs"] = [*noise_cov["projs"], artefact]
    solver = make().fit(leadfield, noise_cov)
    blink = 1e-4 * topography[:, np.newaxis] * np.sin(np.arange(N_TIMES))
    assert close(solver.estimate(data[0, 0] + blink), solver.estimate(data[0, 0]))


def test_foreign_data_are_refused_in_words(solver, data, info):
    with pytest.raises(InputError, match="fitted on 32 channels"):
        solver.estimate(data[0, 0][:-1])
    with pytest.raises(InputError, match="fitted on 32 channels"):
        solver.estimate(data[0, 0][:, 0])
    with pytest.raises(InputError, match="NaN"):
        solver.estimate(np.full((32, 2), np.nan))
    with pytest.raises(InputError, match="real numbers"):
        solver.estimate(data[0, 0] * 1j)
    foreign = evoked(data, info).rename_channels({"Fp1": "X1"})
    with pytest.raises(InputError, match="lacks 1 of the 32 channels .*Fp1"):
        solver.apply(foreign)


def test_an_unfitted_solver_is_refused_in_words(make, data, info):
    with pytest.raises(InputError, match="not been fitted"):
        make().estimate(data[0, 0])
    with pytest.raises(InputError, match="not been fitted"):
        make().apply(evoked(data, info))
