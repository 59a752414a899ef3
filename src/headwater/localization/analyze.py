"""The one call: recording, head and solver in; source estimate, peaks and what they rest on out."""

from __future__ import annotations

from pathlib import Path

import mne

from headwater.localization.finish import finish
from headwater.localization.options import AnalysisOptions, with_options
from headwater.localization.prepare import prepared_by
from headwater.localization.reading import read_recording
from headwater.localization.result import Localization
from headwater.localization.segment import Recording
from headwater.localization.solver_choice import check_snr, default_solver, named_solver, with_snr


@with_options(AnalysisOptions)
def analyze(recording: Recording | str | Path, options: AnalysisOptions) -> Localization:
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
    reject : "auto" | "autoreject" | dict | None
        Leave out trials whose peak-to-peak value exceeds thresholds: given as in MNE-Python, or found from the data:
        from the spread over trials, or by cross-validation with the package autoreject.
    sensors : str
        ``"all"``, ``"eeg"``, ``"meg"``, ``"mag"`` or ``"grad"``.
    bads : tuple of str
        Additional bad channels.
    find_bads : bool
        Leave out channels that are flat or that the others contradict; ``assumptions["Bad channels"]`` names them.
    montage : str | path-like | mne.channels.DigMontage | None
        Positions of the electrodes: a montage of MNE-Python by name, or measured ones.
    space : str
        ``"volume"``, ``"cortex"`` or ``"mixed"``; without ``forward`` only.
    spacing : float or str or (str, float) | None
        Distance of sources in mm, or ``"ico3"``, ``"ico4"``, ``"ico5"`` on the cortex, or both of a mixed space,
        ``("ico4", 3.0)``; None: the default of the space.
    method : str | FEM
        How the lead field is computed, as for `headwater.make_leadfield`: ``"bem"``, ``"fem"``, ``"openmeeg"`` or
        ``"sphere"``; without ``forward`` only.
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

    Examples
    --------
    >>> import mne
    >>> import numpy as np
    >>> import headwater as hw
    >>> head = hw.template_head()
    >>> info = hw.montage_info(head, "biosemi32", sfreq=100.0)
    >>> leadfield = hw.make_leadfield(head, info, spacing=20.0, method="sphere")
    >>> data = 1e-7 * np.random.default_rng(0).standard_normal((32, 60))
    >>> data[:, 50] += 50e-9 * leadfield.gain[:, 100, 2]  # 50 nAm, upwards
    >>> evoked = mne.EvokedArray(data, info, tmin=-0.4, nave=30, verbose="error")
    >>> found = hw.analyze(evoked, "eloreta", head=head, forward=leadfield)
    >>> int(found.peak_sources[0]), float(found.peaks["time_s"][0])
    (100, 0.1)
    """
    return _analyzed(recording, options)


@with_options(AnalysisOptions)
def localize(recording: Recording | str | Path, options: AnalysisOptions) -> mne.BaseSourceEstimate:
    """Localise a recording and return MNE-Python's source estimate.

    Takes the arguments of :func:`analyze`, which returns the peaks and all assumptions as well.
    """
    return _analyzed(recording, options).stc


def _analyzed(recording: Recording | str | Path, options: AnalysisOptions) -> Localization:
    snr = options.snr
    solver = None if options.solver is None else named_solver(options.solver)
    if snr is not None:
        check_snr(snr)
        solver = None if solver is None else with_snr(solver, snr)
    with mne.utils.use_log_level(options.verbose):
        read = read_recording(recording) if isinstance(recording, str | Path) else recording
        prepared = prepared_by(read, options)
        if solver is None:
            solver = default_solver(prepared) if snr is None else with_snr(default_solver(prepared), snr)
        return finish(prepared, solver, pick_ori=options.pick_ori)
