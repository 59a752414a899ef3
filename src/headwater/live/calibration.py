"""Everything that is fitted before the loop begins: from the first seconds of a stream."""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np

from headwater._utils.errors import InputError
from headwater.live.causal import CausalFilter
from headwater.live.loop import LiveLoop
from headwater.live.options import LiveOptions
from headwater.live.window import WindowEstimator
from headwater.localization.noise import read_noise_cov
from headwater.localization.prepare import Prepared, prepare
from headwater.localization.segment import MAX_RAW_SECONDS
from headwater.localization.solver_choice import named_solver, with_snr
from headwater.solvers.base import Solver
from headwater.solvers.inputs.whitening import whiten

SNR = 3.0
SETTLING = 1.0  # s: a filter that begins in the middle of a signal needs some time
LEAST_SAMPLES_PER_CHANNEL = 5


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A loop that is ready, and what it rests on."""

    loop: LiveLoop
    prepared: Prepared


def calibrate(info: mne.Info, data: np.ndarray, options: LiveOptions) -> Calibrated:
    """Fit a solver to the beginning of a stream.

    Parameters
    ----------
    info : mne.Info
        Channels of the stream.
    data : array of shape (n_channels, n_times)
        In V, T and T/m.
    options : LiveOptions

    Examples
    --------
    >>> from headwater.live import LiveOptions, calibrate
    >>> calibrated = calibrate(raw.info, raw.get_data(stop=5000), LiveOptions())  # doctest: +SKIP
    """
    sfreq = float(info["sfreq"])
    if not 0 < options.rate <= sfreq:
        raise InputError(f"`rate={options.rate:g}` exceeds the {sfreq:g} samples per second of the stream; lower it.")
    prepared = _prepared(info, data, options)
    solver = _solver(options).fit(prepared.leadfield, prepared.noise_cov)
    estimator = WindowEstimator(solver, whiten(prepared.leadfield, prepared.noise_cov))
    loop = LiveLoop(
        estimator,
        [info["ch_names"].index(name) for name in estimator.leadfield.ch_names],
        window=_window(solver, options, sfreq),
        hop=max(1, round(sfreq / options.rate)),
        band=CausalFilter(options.highpass, options.lowpass, sfreq),
    )
    loop.estimator(np.zeros((len(estimator.leadfield.ch_names), loop.window)))  # what is computed once, is now
    return Calibrated(loop, prepared)


def _prepared(info: mne.Info, data: np.ndarray, options: LiveOptions) -> Prepared:
    sfreq = float(info["sfreq"])
    filtered = CausalFilter(options.highpass, options.lowpass, sfreq)(data)
    filtered = filtered[:, min(round(SETTLING * sfreq), data.shape[1] // 5) :]
    needed = LEAST_SAMPLES_PER_CHANNEL * len(info["ch_names"])
    if options.noise_cov is None and filtered.shape[1] < needed:
        raise InputError(
            f"{filtered.shape[1]} samples are too few for the noise covariance of {len(info['ch_names'])} channels; "
            f"set `calibrate={np.ceil(1.3 * needed / sfreq + SETTLING):.0f}` or more."
        )
    raw = mne.io.RawArray(filtered, info.copy(), verbose="ERROR")
    noise_cov = options.noise_cov
    if noise_cov is None:
        noise_cov = mne.compute_raw_covariance(raw, picks=_picks(raw), verbose="ERROR")
    elif not isinstance(noise_cov, mne.Covariance):
        noise_cov = read_noise_cov(noise_cov)
    return prepare(
        raw,
        head=options.head,
        forward=options.forward,
        noise_cov=noise_cov,
        tmin=0.0,
        tmax=min(float(raw.times[-1]), MAX_RAW_SECONDS),
        bads=options.bads,
        find_bads=options.find_bads,
        montage=options.montage,
        space=options.space,
        spacing=None if options.forward is not None else options.spacing,
        method=options.method,
    )


def _picks(raw: mne.io.BaseRaw) -> list[int]:
    """Sensors that vary: a flat one has no noise, and is left out later with its reason."""
    sensors = mne.pick_types(raw.info, meg=True, eeg=True, exclude="bads")
    return [pick for pick in sensors if raw.get_data(picks=[pick]).std() > 0]


def _solver(options: LiveOptions) -> Solver:
    """Return the solver with a number as ``lambda2``."""
    solver = named_solver(options.solver)
    if options.snr is not None:
        return with_snr(solver, options.snr)
    given = solver.get_params(deep=False).get("lambda2", 0.0)
    return solver if isinstance(given, int | float) else with_snr(solver, SNR)


def _window(solver: Solver, options: LiveOptions, sfreq: float) -> int:
    """Return the number of time points that the solver needs."""
    if solver.per_time_point:
        return 1
    return int(getattr(solver, "n_times_", max(1, round(options.window * sfreq))))
