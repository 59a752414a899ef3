"""The recordings of the protocol ``real``: tuned by hand on the cortex and in a volume, and with all defaults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import headwater.benchmark.defaults as defaults
from headwater.benchmark.recordings import (
    Answered,
    median_nerve,
    right_arm,
    right_auditory,
    right_visual,
    seizure,
)


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording with a known answer.

    Attributes
    ----------
    name, title : str
    folder : str
        Of the reference data.
    training : str | None
        Name of the training set of the hyper-parameters; recordings may share one. None: solvers keep their own.
    load : callable
        ``load(data, spacing)`` reads it from the folder of the reference data; ``spacing`` is that of a grid, in mm.
    by_hand : str | None
        For a recording that is localised with all defaults: the name of the same recording, tuned by hand.
    """

    name: str
    title: str
    folder: str
    training: str | None
    load: Callable[[Path, float], Answered]
    by_hand: str | None = None


def _on_cortex(load: Callable[..., Answered], *arguments: str) -> Callable[[Path, float], Answered]:
    """Load a recording with its own lead field, without a grid."""
    return lambda data, _spacing: load(data, *arguments)


def _in_volume(load: Callable[..., Answered], *arguments: str) -> Callable[[Path, float], Answered]:
    """Load a recording for a grid in the volume of the template."""
    return lambda data, spacing: load(data, *arguments, spacing)


def _at_latency(time: float) -> Callable[[Path, float], Answered]:
    return lambda data, spacing: median_nerve(data, time, spacing)


def _by_default(load: Callable[[Path], Answered], space: str | None = None) -> Callable[[Path, float], Answered]:
    """Load a recording with nothing but the question, and the source space if it is not the default one."""

    def loaded(data: Path, _spacing: float) -> Answered:
        answered = load(data)
        return answered if space is None else replace(answered, options={**answered.options, "space": space})

    return loaded


@dataclass(frozen=True, eq=False)
class _Question:
    """A recording, as `headwater.benchmark.defaults` loads it; its name is that of the one tuned by hand, if any."""

    name: str
    title: str
    folder: str
    load: Callable[[Path], Answered]


PEOPLE = {"A1974": 71, "A1999": 73}  # electrodes

SPACES = {"volume": "in the volume", "cortex": "on the cortex", "mixed": "on the cortex and in deep structures"}
JOINT = ("visual-joint-volume", "auditory-joint-volume")

_BY_DEFAULT = (
    *(
        _Question(f"{name}-{kind}-volume", f"{stimulus}, {words}: {area}", "mne-sample", partial(load, sensors=sensors))
        for name, stimulus, area, load, kinds in (
            (
                "visual",
                "right visual field",
                "left V1",
                defaults.visual,
                {"eeg": ("60 EEG", "eeg"), "meg": ("305 MEG", "meg"), "joint": ("305 MEG and 60 EEG", "all")},
            ),
            (
                "auditory",
                "right ear",
                "left auditory cortex",
                defaults.auditory,
                {"meg": ("305 MEG", "meg"), "joint": ("305 MEG and 60 EEG", "all")},
            ),
        )
        for kind, (words, sensors) in kinds.items()
    ),
    _Question("sep-20", "median nerve at 20 ms, 256 EEG: left hand area", "spharapy-sep", defaults.median_nerve),
    *(
        _Question(
            f"sep-{person}",
            f"right arm at 22-26 ms, {n} EEG ({person}): left hand area",
            "fecnn-sep",
            partial(defaults.right_arm, person=person),
        )
        for person, n in PEOPLE.items()
    ),
    _Question("seizure-volume", "seizure, 72 EEG: resected area", "deepsif", defaults.seizure),
)

_ALL = (
    Recording(
        "visual-eeg",
        "right visual field, 59 EEG: left V1",
        "mne-sample",
        "sample-eeg",
        _on_cortex(right_visual, "eeg"),
    ),
    Recording(
        "visual-meg",
        "right visual field, 305 MEG: left V1",
        "mne-sample",
        "sample-meg",
        _on_cortex(right_visual, "meg"),
    ),
    Recording(
        "auditory-meg",
        "right ear, 305 MEG: left auditory cortex",
        "mne-sample",
        "sample-meg",
        _on_cortex(right_auditory, "meg"),
    ),
    Recording("sep-20", "median nerve at 20 ms, 254 EEG: left hand area", "spharapy-sep", "sep", _at_latency(0.02)),
    Recording(
        "sep-29.5", "median nerve at 29.5 ms, 254 EEG: left hand area", "spharapy-sep", "sep", _at_latency(0.0295)
    ),
    *(
        Recording(
            f"sep-{person}",
            f"right arm at 22-26 ms, {n} EEG ({person}): left hand area",
            "fecnn-sep",
            f"sep-{person}",
            _in_volume(right_arm, person),
        )
        for person, n in PEOPLE.items()
    ),
    Recording("seizure", "seizure, 75 EEG: resected area", "deepsif", "seizure", _on_cortex(seizure)),
    Recording(
        "visual-eeg-volume",
        "right visual field, 59 EEG, template: left V1",
        "mne-sample",
        "sample-eeg-volume",
        _in_volume(right_visual, "eeg"),
    ),
    Recording(
        "visual-meg-volume",
        "right visual field, 305 MEG, template: left V1",
        "mne-sample",
        "sample-meg-volume",
        _in_volume(right_visual, "meg"),
    ),
    Recording(
        "auditory-meg-volume",
        "right ear, 305 MEG, template: left auditory cortex",
        "mne-sample",
        "sample-meg-volume",
        _in_volume(right_auditory, "meg"),
    ),
    Recording(
        "seizure-volume",
        "seizure, 72 EEG, template: resected area",
        "deepsif",
        "seizure-volume",
        _in_volume(seizure),
    ),
    *(
        Recording(
            f"{one.name}-defaults", f"{one.title}, all defaults", one.folder, None, _by_default(one.load), one.name
        )
        for one in _BY_DEFAULT
        if one.name not in JOINT
    ),
    *(
        Recording(
            f"{one.name.removesuffix('-volume')}-{space}-defaults",
            f"{one.title}, {words}, all else defaults",
            one.folder,
            None,
            _by_default(one.load, space),
        )
        for one in _BY_DEFAULT
        for space, words in SPACES.items()
        if space != "volume" or one.name in JOINT
    ),
)

RECORDINGS = {one.name: one for one in _ALL}
