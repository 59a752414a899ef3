"""Channels that are called EEG and record something else, recognised by their names."""

from __future__ import annotations

import re
from collections import defaultdict

import mne

from headwater.head.template import standard_electrodes

# Whole names, without "EEG" before and numbers behind them.
OTHER = {
    "eye": re.compile(r"[lr]?[vh]?eog?[vhlrud]*|loc|roc|[lis]o[12]"),
    "heart": re.compile(r"e[ck]g[lr]?"),
    "muscle": re.compile(r"[lr]?emg[lr]?|chin"),
    "other": re.compile(r"gsr|eda|scr|resp|respiration|pulse|pleth|spo|photic|status|trig|trigger|marker"),
}
MASTOIDS = {"m1", "m2", "a1", "a2"}
PAIR = re.compile(r"([a-z]+\d*)\s*-\s*([a-z]+\d*)")


def recognised(info: mne.Info) -> dict[str, list[str]]:
    """Return the channels of type EEG that record something else, by what they record.

    Returns
    -------
    others : dict of str to list of str
        ``"eye"``, ``"heart"``, ``"muscle"``, ``"other"``, ``"bipolar"`` and ``"mastoid"``, where there are any.
    """
    names = [info.ch_names[pick] for pick in mne.pick_types(info, eeg=True, exclude=[])]
    others = defaultdict(list)
    for name in names:
        for kind, pattern in OTHER.items():
            if pattern.fullmatch(_bare(name)):
                others[kind].append(name)
    if bipolar := _bipolar(names):
        others["bipolar"] = bipolar
    if _is_10_05(names):
        others["mastoid"] = [name for name in names if _bare(name) in MASTOIDS]
    return {kind: found for kind, found in others.items() if found}


def in_words(others: dict[str, list[str]]) -> str:
    """Say what was recognised."""
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in others.items()) or "none"


def _bare(name: str) -> str:
    """Return the name in small letters without what surrounds it: ``"EEG VEOG-2"`` -> ``"veog"``."""
    bare = re.sub(r"[^a-z0-9]", "", _place(name))
    if bare in MASTOIDS or OTHER["eye"].fullmatch(bare):
        return bare
    return re.sub(r"(left|right|up|down|upper|lower|\d+)$", "", bare)


def _place(name: str) -> str:
    """Return what may be a place in the 10-05 system: ``"EEG M1-Ref"`` -> ``"m1"``."""
    bare = name.strip().lower().removeprefix("eeg").strip(" .-_")
    for suffix in ("-ref", "-le", "-avg", "-av"):
        bare = bare.removesuffix(suffix)
    return bare


def _bipolar(names: list[str]) -> list[str]:
    """Names such as ``"F7-T3"``, unless all have the same second electrode, which is then a common reference."""
    places = {place.lower() for place in standard_electrodes()} | {"t3", "t4", "t5", "t6"}
    pairs = {name: PAIR.fullmatch(name.strip().lower().removeprefix("eeg").strip()) for name in names}
    found = {
        name: pair[2] for name, pair in pairs.items() if pair is not None and {pair[1], pair[2]} <= places - MASTOIDS
    }
    return list(found) if len(set(found.values())) > 1 else []


def _is_10_05(names: list[str]) -> bool:
    """Whether names are those of the 10-05 system; in the systems A1 to D32 of BioSemi, A1 lies on the vertex."""
    places = {place.lower() for place in standard_electrodes()}
    return sum(_place(name) in places - MASTOIDS for name in names) >= len(names) / 2
