"""The one call: recording, head and solver in; source estimate, peaks and what they rest on out."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import mne

from headwater.forward.leadfield import LeadField
from headwater.head.model import Head
from headwater.localization.finish import finish
from headwater.localization.montages import Montage
from headwater.localization.prepare import Baseline, prepare
from headwater.localization.reading import read_recording
from headwater.localization.rejection import Reject
from headwater.localization.result import Localization
from headwater.localization.segment import EPOCH, Recording
from headwater.localization.solver_choice import check_snr, default_solver, named_solver, with_snr
from headwater.solvers.base import Solver

P = ParamSpec("P")


def analyze(
    recording: Recording | str | Path,
    solver: Solver | str | Path | None = None,
    *,
    head: Head | None = None,
    forward: LeadField | mne.Forward | str | Path | None = None,
    noise_cov: mne.Covariance | str | Path | None = None,
    regularize: bool = True,
    condition: str | int | None = None,
    tmin: float | None = None,
    tmax: float | None = None,
    epoch: tuple[float, float] = EPOCH,
    baseline: Baseline = "auto",
    reject: Reject = None,
    sensors: str = "all",
    bads: tuple[str, ...] = (),
    montage: Montage | None = None,
    space: str = "volume",
    spacing: float | str | None = None,
    pick_ori: str | None = None,
    highpass: float | None = None,
    lowpass: float | None = None,
    snr: float | None = None,
    verbose: bool | str | int | None = None,
) -> Localization:
    """Localise a recording.

    Parameters
    ----------
    recording : path-like | mne.io.BaseRaw | mne.BaseEpochs | mne.Evoked | list of mne.Evoked | mne.preprocessing.ICA
        In V, T and T/m. Epochs are averaged; the time k (in seconds) of an ICA is its component k. Bad channels are
        left out, projections applied, and EEG is average-referenced.
    solver : Solver | str | path-like | None
        A solver, its name (``headwater list solvers``), or a file of weights. None: the bundled 3D-PIUNet for sources
        on a grid in a volume; eLORETA for other source spaces. By name and by default, ``lambda2`` follows from the
        data (``"auto"``); a solver object keeps what it was made with.
    head : Head | None
        None: the template head, scaled to the digitised positions of the recording.
    forward : LeadField | mne.Forward | path-like | None
        A forward solution to use instead of computing one for ``head``.
    noise_cov : mne.Covariance | path-like | None
        Of single trials; its bad channels are left out. None: estimated from the time before zero, or else typical
        sensor noise.
    regularize : bool
        Shrink the noise covariance as far as the number of samples behind it requires. False: use a given covariance
        exactly as it is, as MNE-Python does.
    condition : str | int | None
        Which evoked response, kind of epochs, event or component. Names of epochs and events match by tag and without
        regard to blanks: ``"S 1"`` stands for ``"Stimulus/S  1"``.
    tmin, tmax : float | None
        Window to localise, in seconds. None: from time zero on (from the start, where there is no baseline) to the end.
    epoch : tuple of float
        Window around the events of a raw recording, in seconds.
    baseline : "auto" | tuple of float | None
        Interval whose mean is subtracted, in seconds. "auto": the time before zero, unless the recording has been
        corrected already.
    reject : "auto" | dict | None
        Leave out trials whose peak-to-peak value exceeds thresholds: given as in MNE-Python, or found from the data.
    sensors : str
        ``"all"``, ``"eeg"``, ``"meg"``, ``"mag"`` or ``"grad"``.
    bads : tuple of str
        Additional bad channels.
    montage : str | path-like | mne.channels.DigMontage | None
        Positions of the electrodes: a montage of MNE-Python by name, or measured ones.
    space : str
        ``"volume"``, ``"cortex"`` or ``"mixed"``; without ``forward`` only.
    spacing : float | str | None
        Distance of sources in mm, or ``"ico3"``, ``"ico4"``, ``"ico5"`` on the cortex; None: the default of the space.
    pick_ori : str | None
        As in MNE-Python: None, ``"normal"`` or ``"vector"``.
    highpass, lowpass : float | None
        Band in Hz, filtered before anything else. Windows of an evoked response that end within 50 ms of the stimulus
        are high-pass filtered at 20 Hz by default, as somatosensory evoked potentials are in the clinic; ``highpass=0``
        leaves them as they are.
    snr : float | None
        Signal-to-noise ratio that sets ``lambda2 = 1 / snr**2`` of the solver. None: see ``solver``.
    verbose : bool | str | int | None
        Level of MNE-Python's logger, for this call.

    Returns
    -------
    localization : Localization
    """
    method = None if solver is None else named_solver(solver)
    if snr is not None:
        check_snr(snr)
        method = None if method is None else with_snr(method, snr)
    with mne.utils.use_log_level(verbose):
        if isinstance(recording, str | Path):
            recording = read_recording(recording)
        prepared = prepare(
            recording,
            head=head,
            forward=forward,
            noise_cov=noise_cov,
            regularize=regularize,
            condition=condition,
            tmin=tmin,
            tmax=tmax,
            epoch=epoch,
            baseline=baseline,
            reject=reject,
            sensors=sensors,
            bads=bads,
            montage=montage,
            space=space,
            spacing=spacing,
            highpass=highpass,
            lowpass=lowpass,
        )
        if method is None:
            method = default_solver(prepared) if snr is None else with_snr(default_solver(prepared), snr)
        return finish(prepared, method, pick_ori=pick_ori)


def _only_estimate(function: Callable[P, Localization]) -> Callable[P, mne.BaseSourceEstimate]:
    """Return a function that takes the same arguments and returns only MNE-Python's source estimate."""

    @wraps(function)
    def localize(*args: P.args, **kwargs: P.kwargs) -> mne.BaseSourceEstimate:
        return function(*args, **kwargs).stc

    localize.__name__ = localize.__qualname__ = "localize"
    localize.__doc__ = """Localise a recording and return MNE-Python's source estimate.

    Takes the arguments of :func:`analyze`, which returns the peaks and all assumptions as well.
    """
    return localize


localize = _only_estimate(analyze)
