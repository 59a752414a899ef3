"""The one call: recording, head and solver in; source estimate, peaks and what they rest on out."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import mne
import numpy as np
import pandas as pd
from mne.io.constants import FIFF

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.head.fit import fit_head, is_digitised
from headwater.head.model import Head
from headwater.head.sensors import info_with_standard_positions, positions_missing
from headwater.head.template import template_head
from headwater.localization.checks import check_channels_known, check_data, pick_sensors
from headwater.localization.filtering import Band
from headwater.localization.noise import has_baseline, noise_covariance
from headwater.localization.peaks import find_peaks, peaks_table
from headwater.localization.recording import Recording, check_window, select_segment
from headwater.localization.result import Localization
from headwater.solvers import ELORETA
from headwater.solvers.base import Solver
from headwater.solvers.inputs.recording import eeg_average_projection, make_average_projection

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
    _check_types(solver, head, forward, noise_cov)
    band = Band(highpass, lowpass)
    evoked, epochs, origin = select_segment(recording, condition, tmin, tmax, band)
    measured = evoked.info.copy()
    bads = (bads,) if isinstance(bads, str) else tuple(bads)
    evoked = pick_sensors(evoked, sensors, (*bads, *_bad_in(noise_cov, evoked.ch_names)))
    check_data(evoked)
    start, stop = _window(evoked, tmin, tmax)
    assumptions = {"Data": f"{origin}; {start:.3f} to {stop:.3f} s", "Filter": str(band)}
    assumptions["Baseline"] = _baseline(evoked)
    _average_reference(evoked)
    noise_cov, assumptions["Noise covariance"] = noise_covariance(evoked, epochs, noise_cov)
    if forward is None:
        head, assumptions["Head"] = _place(evoked, head)
        leadfield = make_leadfield(head, _with_references(evoked, measured), space, spacing=spacing)
    else:
        leadfield = _known_leadfield(forward, head, evoked)
    # The recording's info knows its projections and Maxwell filtering, which the rank of the noise depends on.
    leadfield = replace(leadfield, info=evoked.info.copy())
    evoked.crop(start, stop)
    # A copy: the user's solver may serve other recordings, whose results must not change this one.
    solver = copy(solver or _default_solver(evoked, leadfield)).fit(leadfield, noise_cov)
    stc = solver.apply(evoked, pick_ori=pick_ori)
    magnitude, unit = _magnitude(stc, solver)
    sources, table = _peaks(magnitude, unit, evoked.times, leadfield, head)
    return Localization(
        stc=stc,
        magnitude=magnitude,
        unit=unit,
        peaks=table,
        peak_sources=sources,
        evoked=evoked,
        leadfield=leadfield,
        head=head,
        solver=solver,
        noise_cov=noise_cov,
        assumptions={
            **{name.capitalize(): words for name, words in leadfield.assumptions.items()},
            **assumptions,
            "Sensors": _describe_sensors(evoked),
            "EEG reference": "average of the good electrodes" if "eeg" in evoked else "no EEG used",
            "Projections": ", ".join(proj["desc"] for proj in evoked.info["projs"]) or "none",
            "Solver": repr(solver),
        },
    )


def _check_types(solver: object, head: object, forward: object, noise_cov: object) -> None:
    """Refuse names, paths, classes and arrays where objects belong."""
    wanted = {
        "solver": (solver, Solver, "a solver, such as hw.solvers.DSPM()"),
        "head": (head, Head, "hw.template_head() or hw.head_from_subject(...)"),
        "forward": (forward, LeadField | mne.Forward, "mne.read_forward_solution(...) or hw.LeadField.load(...)"),
        "noise_cov": (noise_cov, mne.Covariance, "an mne.Covariance, such as mne.read_cov(...)"),
    }
    for name, (given, kind, advice) in wanted.items():
        if given is not None and not isinstance(given, kind):
            raise InputError(f"{name} is {str(given)[:60]!r}, which cannot be used; give {advice}.")


def _bad_in(noise_cov: mne.Covariance | None, ch_names: list[str]) -> list[str]:
    """Channels that whoever estimated the noise found bad, as in MNE-Python."""
    return [] if noise_cov is None else [name for name in noise_cov["bads"] if name in ch_names]


def _default_solver(evoked: mne.Evoked, leadfield: LeadField) -> Solver:
    if leadfield.is_free_grid:
        from headwater.weights.catalogue import load_network  # loads PyTorch, which classical solvers do without

        return load_network()
    snr = SNR_AVERAGE if evoked.nave > 1 else SNR_SINGLE
    return ELORETA(lambda2=1 / snr**2)


def _magnitude(stc: mne.BaseSourceEstimate, solver: Solver) -> tuple[np.ndarray, str]:
    """Length of the source vectors, shape (n_sources, n_times), and its unit."""
    data = np.linalg.norm(stc.data, axis=1) if stc.data.ndim == 3 else np.abs(stc.data)
    if not np.isfinite(data).all():
        raise InputError(
            f"{type(solver).__name__} gave values that are not finite; some sources may be invisible to these sensors, "
            "so check the forward solution, or choose another solver."
        )
    return (1e9 * data, "nAm") if solver.unit == "Am" else (data, solver.unit)


def _peaks(
    magnitude: np.ndarray, unit: str, times: np.ndarray, leadfield: LeadField, head: Head | None
) -> tuple[np.ndarray, pd.DataFrame]:
    sources, samples = find_peaks(magnitude, leadfield.pos)
    pos_mm, frame = _peak_positions(leadfield, head, sources)
    regions = leadfield.region_of(sources)
    return sources, peaks_table(times[samples], pos_mm, frame, regions, magnitude[sources, samples], unit)


def _window(evoked: mne.Evoked, tmin: float | None, tmax: float | None) -> tuple[float, float]:
    first, last = float(evoked.times[0]), float(evoked.times[-1])
    start = (max(first, 0.0) if last >= 0 else first) if tmin is None else tmin
    stop = last if tmax is None else tmax
    check_window(start, stop, first, last)
    return max(start, first), min(stop, last)


def _baseline(evoked: mne.Evoked) -> str:
    """Subtract the mean before time zero, unless the recording has been corrected already."""
    if evoked.baseline is not None:
        return f"corrected in the recording ({evoked.baseline[0]:.3f} to {evoked.baseline[1]:.3f} s)"
    if not has_baseline(evoked.times):
        return "none"
    evoked.apply_baseline((None, 0), verbose="ERROR")
    return f"mean of {evoked.times[0]:.3f} to 0 s subtracted"


def _place(evoked: mne.Evoked, head: Head | None) -> tuple[Head, str]:
    """Bring head and sensors into one frame; say how."""
    missing = positions_missing(evoked.info)
    words = "" if head is None else head.name
    if head is None and missing and not is_digitised(evoked.info):
        head, words = template_head(), "template (fsaverage)"
    elif head is None:
        head = fit_head(template_head(), evoked.info)
        words = "template (fsaverage), scaled to the digitised positions"
    if missing:
        n_electrodes = evoked.get_channel_types().count("eeg")
        evoked.info = info_with_standard_positions(evoked.info, head)
        which = "electrodes" if len(missing) == n_electrodes else ", ".join(missing)
        words += f"; {which} placed by name (10-05 system)"
    return head, words


def _with_references(evoked: mne.Evoked, measured: mne.Info) -> mne.Info:
    """Info with the reference sensors of compensated MEG (CTF, 4D): a share of their field is taken off the rest."""
    if not evoked.compensation_grade:
        return evoked.info
    references = [measured.ch_names[pick] for pick in mne.pick_types(measured, meg=False, ref_meg=True, exclude=[])]
    picks = [measured.ch_names.index(name) for name in [*evoked.ch_names, *references]]
    info = mne.pick_info(measured, picks)
    for channel, placed in zip(info["chs"], evoked.info["chs"], strict=False):
        channel["loc"] = placed["loc"].copy()
    return info


def _average_reference(evoked: mne.Evoked) -> None:
    """Project the mean out of EEG and apply all projections, as every inverse method here expects."""
    if "eeg" in evoked and not eeg_average_projection(evoked.info["projs"]):
        evoked.add_proj(make_average_projection(evoked.info), verbose="ERROR")
    with evoked.info._unlock():  # whatever reference there was, it is gone
        evoked.info["custom_ref_applied"] = FIFF.FIFFV_MNE_CUSTOM_REF_OFF
    evoked.apply_proj(verbose="ERROR")


def _known_leadfield(forward: LeadField | mne.Forward, head: Head | None, evoked: mne.Evoked) -> LeadField:
    leadfield = forward if isinstance(forward, LeadField) else LeadField.from_forward(forward, head)
    check_channels_known(evoked, leadfield.ch_names)
    return leadfield.pick(evoked.ch_names)


def _peak_positions(leadfield: LeadField, head: Head | None, sources: np.ndarray) -> tuple[np.ndarray, str]:
    """Positions in mm: MNI305 where the head is made from the template, the subject's own MRI, or head coordinates."""
    pos = leadfield.pos[sources]
    if head is not None and head.reference == template_head().name:
        return head.to_mni(pos) * 1e3, "mni305"
    mri_head_t = head.mri_head_t if head is not None else leadfield.mri_head_t
    if mri_head_t is None:
        return pos * 1e3, "head"
    return mne.transforms.apply_trans(mne.transforms.invert_transform(mri_head_t), pos) * 1e3, "mri"


def _describe_sensors(evoked: mne.Evoked) -> str:
    kinds = evoked.get_channel_types()
    names = {"eeg": "EEG", "mag": "magnetometers", "grad": "gradiometers"}
    return ", ".join(f"{kinds.count(kind)} {names[kind]}" for kind in names if kind in kinds)
