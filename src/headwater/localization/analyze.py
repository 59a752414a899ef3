"""The one call: recording, head and solver in; source estimate, peaks and what they rest on out."""

from __future__ import annotations

import mne

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.head.model import Head
from headwater.localization.finish import finish
from headwater.localization.prepare import Prepared, prepare
from headwater.localization.result import Localization
from headwater.localization.segment import Recording
from headwater.solvers import ELORETA
from headwater.solvers.base import Solver

# MNE-Python's convention: an average has an SNR of about 3, a single segment of about 1 (lambda2 = 1 / SNR**2).
SNR_AVERAGE, SNR_SINGLE = 3.0, 1.0


def localize(recording: Recording, solver: Solver | None = None, **settings: object) -> mne.BaseSourceEstimate:
    """Localise a recording and return MNE-Python's source estimate.

    Takes the parameters of :func:`analyze`, which returns the peaks and all assumptions as well.
    """
    return analyze(recording, solver, **settings).stc  # type: ignore[arg-type]


def analyze(
    recording: Recording,
    solver: Solver | None = None,
    *,
    head: Head | None = None,
    forward: LeadField | mne.Forward | None = None,
    noise_cov: mne.Covariance | None = None,
    regularize: bool = True,
    condition: str | int | None = None,
    tmin: float | None = None,
    tmax: float | None = None,
    sensors: str = "all",
    bads: tuple[str, ...] = (),
    space: str = "volume",
    spacing: float | str | None = None,
    pick_ori: str | None = None,
    highpass: float | None = None,
    lowpass: float | None = None,
) -> Localization:
    """Localise a recording.

    Parameters
    ----------
    recording : mne.io.BaseRaw | mne.BaseEpochs | mne.Evoked | list of mne.Evoked | mne.preprocessing.ICA
        In V, T and T/m. Epochs are averaged; the time k (in seconds) of an ICA is its component k. Bad channels are
        left out, projections applied, and EEG is average-referenced.
    solver : Solver | None
        None: the 3D-PIUNet that comes with the package, for sources on a grid in a volume; elsewhere eLORETA, with
        ``lambda2 = 1/9`` for averages and ``1`` for single segments.
    head : Head | None
        None: the template head, scaled to the digitised positions of the recording.
    forward : LeadField | mne.Forward | None
        A forward solution to use instead of computing one for ``head``.
    noise_cov : mne.Covariance | None
        Of single trials; its bad channels are left out. None: estimated from the time before zero, or else typical
        sensor noise.
    regularize : bool
        Shrink the noise covariance as far as the number of samples behind it requires. False: use a given covariance
        exactly as it is, as MNE-Python does.
    condition : str | int | None
        Which average, kind of epochs, annotation or component.
    tmin, tmax : float | None
        Window to localise, in seconds. None: from time zero on (from the start, where there is no baseline) to the end.
    sensors : str
        ``"all"``, ``"eeg"``, ``"meg"``, ``"mag"`` or ``"grad"``.
    bads : tuple of str
        Further bad channels.
    space : str
        ``"volume"``, ``"cortex"`` or ``"mixed"``; without ``forward`` only.
    spacing : float | str | None
        Distance of sources in mm, or ``"ico3"``, ``"ico4"``, ``"ico5"`` on the cortex; None: the default of the space.
    pick_ori : str | None
        As in MNE-Python: None, ``"normal"`` or ``"vector"``.
    highpass, lowpass : float | None
        Band in Hz, filtered before anything else.

    Returns
    -------
    localization : Localization
    """
    if solver is not None and not isinstance(solver, Solver):
        raise InputError(
            f"solver is {str(solver)[:60]!r}, which cannot be used; give a solver, such as hw.solvers.DSPM()."
        )
    prepared = prepare(
        recording,
        head=head,
        forward=forward,
        noise_cov=noise_cov,
        regularize=regularize,
        condition=condition,
        tmin=tmin,
        tmax=tmax,
        sensors=sensors,
        bads=bads,
        space=space,
        spacing=spacing,
        highpass=highpass,
        lowpass=lowpass,
    )
    return finish(prepared, solver or default_solver(prepared), pick_ori=pick_ori)


def default_solver(prepared: Prepared) -> Solver:
    """Return the bundled 3D-PIUNet for grids in a volume, and eLORETA for other source spaces."""
    if prepared.leadfield.is_free_grid:
        from headwater.weights.catalogue import load_network  # loads PyTorch, which classical solvers do without

        return load_network()
    snr = SNR_AVERAGE if prepared.evoked.nave > 1 else SNR_SINGLE
    return ELORETA(lambda2=1 / snr**2)
