"""The same recordings as ``headwater localize FILE --condition NAME`` takes them: nothing is tuned, filtered or masked.

Only what defines the question is given: which condition, which sensors, and the window of the response; and what the
command insists on.
"""

from __future__ import annotations

from pathlib import Path

import mne

import headwater.benchmark.recordings as recordings
from headwater.benchmark.recordings import Answered
from headwater.head.template import template_head
from headwater.localization.reading import read_recording


def visual(data: Path, sensors: str) -> Answered:
    """Response to the right visual field."""
    return _sample(data, recordings.right_visual(data, sensors, 0.0))


def auditory(data: Path, sensors: str) -> Answered:
    """Response to the right ear."""
    return _sample(data, recordings.right_auditory(data, sensors, 0.0))


def median_nerve(data: Path) -> Answered:
    """First cortical response to stimulation of the median nerve, with all electrodes."""
    evoked = recordings.median_nerve_evoked(data)
    evoked.info["bads"] = []
    return _hand(evoked, 0.0195, 0.0205)


def right_arm(data: Path, person: str) -> Answered:
    """First cortical response to stimulation of the arm."""
    return _hand(recordings.arm_evoked(data, person), *recordings.N20)


def seizure(data: Path) -> Answered:
    """Three seconds of a seizure, electrodes placed by name; those that have no place are left out."""
    by_hand = recordings.seizure(data, 0.0)
    return Answered(by_hand.segments, by_hand.truth, {"bads": by_hand.options["bads"]}, over_time=True)


def _sample(data: Path, by_hand: Answered) -> Answered:
    question = {name: by_hand.options[name] for name in ("condition", "sensors", "tmin", "tmax")}
    return Answered([read_recording(data / "mne-sample" / recordings.SAMPLE_EVOKED)], by_hand.truth, question)


def _hand(evoked: mne.Evoked, tmin: float, tmax: float) -> Answered:
    truth = template_head().from_mni(recordings.LEFT_HAND_MNI)
    return Answered([evoked], truth[None], {"tmin": tmin, "tmax": tmax}, mni=recordings.LEFT_HAND_MNI[None])
