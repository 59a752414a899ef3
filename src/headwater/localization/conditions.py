"""Names of conditions as people write them, and the events that they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable

import mne
import numpy as np

from headwater._utils.errors import InputError

# MNE-Python leaves out trials that touch annotations of these names, and never takes them for events.
NOT_EVENTS = re.compile(r"^(bad|edge)", re.IGNORECASE)


def matching(condition: str, known: Iterable[str]) -> list[str]:
    """Return the names that a condition stands for.

    Blanks do not matter, and a condition may be a tag, or several tags separated by slashes, of a name: ``"S 1"``
    stands for ``"S  1"`` and ``"Stimulus/S  1"``, and ``"left"`` for ``"visual/left"`` and ``"auditory/left"``. A name
    that is identical, or identical except for blanks, takes precedence over tags, and only where nothing else is found
    are capital letters taken for small ones.
    """
    names = list(known)
    if condition in names:
        return [condition]
    for simplified in (_without_blanks, lambda name: _without_blanks(name).casefold()):
        wanted = simplified(condition)
        tags = set(wanted.split("/"))
        found = [name for name in names if simplified(name) == wanted]
        found = found or [name for name in names if tags <= set(simplified(name).split("/"))]
        if found and wanted:
            return found
    return []


def _without_blanks(name: str) -> str:
    return re.sub(r"\s+", "", name)


def event_names(raw: mne.io.BaseRaw) -> list[str]:
    """Return the names of all events of a raw recording: annotations, and values of its stimulus channel."""
    return [*_annotated(raw), *(str(value) for value in np.unique(_stimuli(raw)[:, 2]))]


def events_of(raw: mne.io.BaseRaw, condition: str) -> tuple[np.ndarray, dict[str, int]]:
    """Return the events of a condition, shape (n_events, 3), and the number of each of their names."""
    if NOT_EVENTS.match(condition):
        raise InputError(
            f"{condition!r} marks what is to be left out of a recording, not events; choose another `condition`."
        )
    if names := matching(condition, _annotated(raw)):
        numbers = {name: number for number, name in enumerate(names, start=1)}
        events, event_id = mne.events_from_annotations(raw, numbers, verbose="ERROR")
        return events, event_id
    stimuli = _stimuli(raw)
    if names := matching(condition, {str(value) for value in stimuli[:, 2]}):
        value = int(names[0])
        return stimuli[stimuli[:, 2] == value], {names[0]: value}
    raise InputError(
        f"Condition {condition!r} is not among the events of the raw recording, which are "
        f"{listed(event_names(raw))}; cut epochs with MNE-Python, or localise a window with `tmin` and `tmax`."
    )


def listed(names: Iterable[str], most: int = 20) -> str:
    """Name the first few."""
    names = list(names)
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(repr(name) for name in names[:most]) + rest) or "none"


def _annotated(raw: mne.io.BaseRaw) -> list[str]:
    return [name for name in sorted(set(map(str, raw.annotations.description))) if not NOT_EVENTS.match(name)]


def _stimuli(raw: mne.io.BaseRaw) -> np.ndarray:
    """Events of the stimulus channel, shape (n_events, 3); none where there is no such channel."""
    if "stim" not in raw:
        return np.zeros((0, 3), int)
    events: np.ndarray = mne.find_events(raw, shortest_event=1, verbose="ERROR")
    return events
