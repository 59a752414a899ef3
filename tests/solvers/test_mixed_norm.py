"""MxNE and irMxNE against MNE-Python's `mixed_norm`, group Lasso, and the sources that were put in."""

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers import GroupLasso, IRMxNE, MxNE

ALPHA = 0.4
METHODS = {1: MxNE, 10: IRMxNE}


def dense(stc: mne.SourceEstimate, leadfield: LeadField) -> np.ndarray:
    """Data of a sparse estimate at all sources."""
    data = np.zeros((leadfield.n_sources, *stc.data.shape[1:]))
    where = np.concatenate([np.searchsorted(s["vertno"], v) for s, v in zip(leadfield.src, stc.vertices, strict=True)])
    offset = np.repeat([0, leadfield.src[0]["nuse"]], [len(v) for v in stc.vertices])
    data[where + offset] = stc.data
    return data


def relative(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


@pytest.mark.parametrize(
    ("n_mxne_iter", "loose", "debias"),
    [(1, 0.0, True), (1, 0.2, True), (1, 1.0, False), (10, 0.0, True), (10, 0.2, False)],
)
def test_estimates_equal_mne_python(recordings, n_mxne_iter, loose, debias):
    recording = recordings["eeg"]
    parameters = {"loose": loose, "debias": debias, "tol": 1e-7}
    solver = METHODS[n_mxne_iter](alpha=ALPHA, max_iter=20_000, **parameters)
    solver.fit(recording.leadfield, recording.noise_cov)
    evoked = recording.evoked.copy().pick(solver.leadfield_.ch_names)
    evoked.data *= 100 / np.linalg.norm(solver.whitener_ @ evoked.data)  # reweighting depends on the scale of the data
    reference = mne.inverse_sparse.mixed_norm(
        evoked,
        recording.forward,
        recording.noise_cov,
        alpha=100 * ALPHA,
        n_mxne_iter=n_mxne_iter,
        maxit=20_000,
        solver="bcd",
        verbose="error",
        **parameters,
    )
    assert relative(solver.apply(evoked).data, dense(reference, recording.leadfield)) < 1e-3


def test_mxne_is_group_lasso_with_its_bias_removed(recordings):
    recording = recordings["eeg"]
    parameters = {"alpha": ALPHA, "loose": 0.2}
    lasso = GroupLasso(**parameters).fit(recording.leadfield, recording.noise_cov).apply(recording.evoked).data
    biased = MxNE(**parameters, debias=False, tol=1e-9).fit(recording.leadfield, recording.noise_cov)
    assert relative(biased.apply(recording.evoked).data, lasso) < 1e-3
    unbiased = MxNE(**parameters, tol=1e-9).fit(recording.leadfield, recording.noise_cov)
    larger = unbiased.apply(recording.evoked).data
    active = lasso.any(axis=1)
    assert np.array_equal(larger.any(axis=1), active)
    # One factor of at least one per source.
    ratio = larger[active] / lasso[active]
    assert np.allclose(ratio, ratio[:, :1], rtol=1e-2)
    assert ratio.min() > 1 - 1e-3
    assert ratio.max() > 1.2


@pytest.mark.parametrize("method", METHODS.values())
def test_few_noiseless_dipoles_are_found_exactly(noise_cov, discrete_leadfield, method):
    leadfield = discrete_leadfield.fixed()
    solver = method(alpha=0.05).fit(leadfield, noise_cov)
    chosen = [100, 600, 1100]
    currents = np.zeros((leadfield.n_sources, 1, 5))
    currents[chosen] = 1e-8 * np.random.default_rng(0).standard_normal((3, 1, 5))
    length = np.linalg.norm(solver.estimate(np.einsum("csx,sxt->ct", solver.leadfield_.gain, currents)), axis=(1, 2))
    assert set(np.argsort(length)[-3:]) == set(chosen)


def test_reweighting_finds_fewer_sources(recordings):
    recording = recordings["eeg"]
    counts = [
        method(alpha=0.2).fit(recording.leadfield, recording.noise_cov).apply(recording.evoked).data.any(axis=1).sum()
        for method in METHODS.values()
    ]
    assert 0 < counts[1] < counts[0]


def test_silence_stays_silent(recordings):
    solver = MxNE().fit(recordings["eeg"].leadfield, recordings["eeg"].noise_cov)
    assert not solver.estimate(np.zeros((solver.leadfield_.n_channels, 2))).any()


@pytest.mark.parametrize("method", METHODS.values())
def test_non_convergence_is_said_in_plain_words(recordings, method):
    recording = recordings["eeg"]
    solver = method(alpha=0.02, max_iter=1, tol=1e-10).fit(recording.leadfield, recording.noise_cov)
    with pytest.warns(RuntimeWarning, match=f"{method.__name__} has not converged for 1 of 1 samples after 1 iter"):
        solver.apply(recording.evoked)


def test_a_meaningless_penalty_is_refused_in_words(recordings):
    with pytest.raises(InputError, match="alpha is 40; it must lie between 0 and 1"):
        MxNE(alpha=40.0).fit(recordings["eeg"].leadfield, recordings["eeg"].noise_cov)
