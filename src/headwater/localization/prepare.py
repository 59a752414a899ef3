"""From a recording to everything that a solver needs: data, lead field and noise covariance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import mne
from mne.io.constants import FIFF
from mne.utils import logger

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.head.model import Head
from headwater.localization.channels import in_words, recognised
from headwater.localization.checks import pick_sensors
from headwater.localization.filtering import Band, default_band
from headwater.localization.leadfield_file import read_leadfield
from headwater.localization.montages import Montage, with_montage
from headwater.localization.noise import Noise, estimate_noise, has_baseline, read_noise_cov
from headwater.localization.placing import computed_leadfield, given_leadfield, place
from headwater.localization.rejection import Reject
from headwater.localization.segment import EPOCH, SLACK, Recording, check_window, select_segment, stimulus_locked
from headwater.localization.values import bridged, check_data
from headwater.solvers.inputs.recording import eeg_average_projection, make_average_projection

# An interval in s, None for no correction, or "auto": before time zero, unless that has been subtracted already.
Baseline: TypeAlias = Literal["auto"] | tuple[float | None, float | None] | None

SENSORS = {"eeg": "EEG", "mag": "magnetometers", "grad": "gradiometers"}


@dataclass(frozen=True, eq=False)
class Prepared:
    """A recording that any solver can localise.

    Attributes
    ----------
    evoked : mne.Evoked
        The window to localise: good channels only, projections applied.
    whole : mne.Evoked
        The same before it was cropped to the window, with the baseline where there is one.
    trials : mne.BaseEpochs | None
        The trials that were averaged, filtered, with all channels and without projections; None where only an average
        or a raw segment was given.
    leadfield : LeadField
        Of the channels of ``evoked``, with its projections.
    noise : Noise
        Its covariance and what that was estimated from.
    head : Head | None
        None where only a forward solution was given.
    assumptions : dict of str to str
        What was taken as given, in words.
    """

    evoked: mne.Evoked
    whole: mne.Evoked
    trials: mne.BaseEpochs | None
    leadfield: LeadField
    noise: Noise
    head: Head | None
    assumptions: dict[str, str]

    @property
    def noise_cov(self) -> mne.Covariance:
        """Noise covariance of single trials; it carries the projections."""
        return self.noise.covariance


def prepare(
    recording: Recording,
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
    highpass: float | None = None,
    lowpass: float | None = None,
) -> Prepared:
    """Reduce a recording to the data, lead field and noise covariance that solvers take.

    The parameters are those of :func:`headwater.analyze`.
    """
    forward = read_leadfield(forward, head) if isinstance(forward, str | Path) else forward
    noise_cov = read_noise_cov(noise_cov) if isinstance(noise_cov, str | Path) else noise_cov
    _check_types(head, forward, noise_cov)
    info = stimulus_locked(recording, condition)
    band = Band(highpass, lowpass) if info is None else default_band(highpass, lowpass, tmin, tmax, info["sfreq"])
    segment = select_segment(recording, condition, tmin, tmax, band, epoch=epoch, reject=reject)
    measured = segment.evoked.info
    bads = (bads,) if isinstance(bads, str) else tuple(bads)
    evoked = pick_sensors(segment.evoked, sensors, (*bads, *_bad_in(noise_cov, measured.ch_names)))
    check_data(evoked)
    start, stop = _window(evoked, tmin, tmax)
    evoked, corrected = _baseline_corrected(evoked, baseline)
    evoked = _projected(evoked)
    noise = estimate_noise(evoked, segment.trials, noise_cov, regularize=regularize)
    placed = {}
    if montage is not None:
        evoked, head, placed["Electrodes"] = with_montage(evoked, montage, head)
    if forward is None:
        head, evoked, placed["Head"] = place(evoked, head)
        leadfield = computed_leadfield(head, evoked, measured, space, spacing)
    else:
        leadfield = given_leadfield(forward, head, evoked.ch_names)
    prepared = Prepared(
        evoked=evoked.copy().crop(start, stop),
        whole=evoked,
        trials=segment.trials,
        # The recording's info knows its projections and Maxwell filtering, which the rank of the noise depends on.
        leadfield=replace(leadfield, info=evoked.info.copy()),
        noise=noise,
        head=head,
        assumptions={
            **{name.capitalize(): words for name, words in leadfield.assumptions.items()},
            "Data": f"{segment.origin}; {start:.3f} to {stop:.3f} s",
            **segment.assumptions,
            "Filter": str(band),
            "Baseline": corrected,
            "Noise covariance": noise.words,
            **placed,
            "Sensors": _describe_sensors(evoked),
            "Left out by name": in_words(recognised(segment.evoked.info)),
            "Bridged electrodes": bridged(evoked),
            "EEG reference": "average of the good electrodes" if "eeg" in evoked else "no EEG used",
            "Projections": ", ".join(proj["desc"] for proj in evoked.info["projs"]) or "none",
        },
    )
    for name, words in prepared.assumptions.items():
        logger.info("%s: %s", name, words)
    return prepared


def _check_types(head: object, forward: object, noise_cov: object) -> None:
    """Refuse names, paths, classes and arrays where objects belong."""
    wanted = {
        "head": (head, Head, "hw.template_head() or hw.head_from_subject(...)"),
        "forward": (forward, LeadField | mne.Forward, "mne.read_forward_solution(...) or hw.LeadField.load(...)"),
        "noise_cov": (noise_cov, mne.Covariance, "an mne.Covariance, such as mne.read_cov(...)"),
    }
    for name, (given, kind, advice) in wanted.items():
        if given is not None and not isinstance(given, kind):
            raise InputError(f"`{name}` is {str(given)[:60]!r}, which cannot be used; give {advice}.")


def _bad_in(noise_cov: mne.Covariance | None, ch_names: list[str]) -> list[str]:
    """Return the channels that were bad when the noise covariance was estimated, as MNE-Python does."""
    return [] if noise_cov is None else [name for name in noise_cov["bads"] if name in ch_names]


def _window(evoked: mne.Evoked, tmin: float | None, tmax: float | None) -> tuple[float, float]:
    first, last = float(evoked.times[0]), float(evoked.times[-1])
    start = (max(first, 0.0) if last >= 0 else first) if tmin is None else tmin
    stop = last if tmax is None else tmax
    check_window(start, stop, first, last)
    return max(start, first), min(stop, last)


def _baseline_corrected(evoked: mne.Evoked, baseline: Baseline) -> tuple[mne.Evoked, str]:
    """Subtract the mean of the baseline; "auto": of the time before zero, unless that has been done already."""
    if baseline is None:
        return evoked, "none"
    if baseline == "auto" and evoked.baseline is not None:
        return evoked, f"corrected in the recording ({evoked.baseline[0]:.3f} to {evoked.baseline[1]:.3f} s)"
    if baseline == "auto" and not has_baseline(evoked.times):
        return evoked, "none"
    start, stop = (None, 0.0) if baseline == "auto" else baseline
    start = float(evoked.times[0]) if start is None else start
    stop = float(evoked.times[-1]) if stop is None else stop
    if not evoked.times[0] - SLACK <= start <= stop <= evoked.times[-1] + SLACK:
        raise InputError(
            f"`baseline={baseline}` is not within the data ({evoked.times[0]:.3f} to {evoked.times[-1]:.3f} s); give "
            "its start and its end in seconds."
        )
    within = (max(start, float(evoked.times[0])), min(stop, float(evoked.times[-1])))
    return evoked.copy().apply_baseline(within, verbose="ERROR"), f"mean of {start:.3f} to {stop:.3f} s subtracted"


def _projected(evoked: mne.Evoked) -> mne.Evoked:
    """Project the mean out of EEG and apply all projections, as every inverse method here expects."""
    evoked = evoked.copy()
    if "eeg" in evoked and not eeg_average_projection(evoked.info["projs"]):
        evoked.add_proj(make_average_projection(evoked.info), verbose="ERROR")
    with evoked.info._unlock():  # whatever reference there was, it is gone
        evoked.info["custom_ref_applied"] = FIFF.FIFFV_MNE_CUSTOM_REF_OFF
    return evoked.apply_proj(verbose="ERROR")


def _describe_sensors(evoked: mne.Evoked) -> str:
    kinds = evoked.get_channel_types()
    return ", ".join(f"{kinds.count(kind)} {SENSORS[kind]}" for kind in SENSORS if kind in kinds)
