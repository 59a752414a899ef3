"""Choose the channels to localise from."""

from __future__ import annotations

import mne

from headwater._utils.errors import InputError
from headwater.localization.channels import in_words, recognised
from headwater.localization.values import few

# Fewer channels than this cannot tell two lobes apart, whatever the method.
MIN_CHANNELS = 8

KINDS: dict[str, dict[str, bool | str]] = {
    "all": {"meg": True, "eeg": True},
    "eeg": {"meg": False, "eeg": True},
    "meg": {"meg": True, "eeg": False},
    "mag": {"meg": "mag", "eeg": False},
    "grad": {"meg": "grad", "eeg": False},
}


def pick_sensors(evoked: mne.Evoked, sensors: str, bads: tuple[str, ...] = ()) -> mne.Evoked:
    """Return the good channels of the chosen sensor types ("all", "eeg", "meg", "mag" or "grad").

    Channels of type EEG whose names say that they record something else are left out.
    """
    unknown = [name for name in bads if name not in evoked.ch_names]
    if unknown:
        raise InputError(f"Bad channels {', '.join(unknown)} are not in the recording; check `bads`.")
    if sensors not in KINDS:
        raise InputError(f"Unknown sensors {sensors!r}; choose one of {', '.join(KINDS)}.")
    evoked = evoked.copy()
    evoked.info["bads"] = sorted({*evoked.info["bads"], *bads})
    others = recognised(evoked.info)
    left_out = {name for names in others.values() for name in names}
    picks = [
        pick
        for pick in mne.pick_types(evoked.info, ref_meg=False, exclude="bads", **KINDS[sensors])
        if evoked.ch_names[pick] not in left_out
    ]
    if len(picks) < MIN_CHANNELS:
        raise InputError(_too_few(evoked, sensors, picks, others))
    return evoked.pick(picks)


def without_bad(evoked: mne.Evoked, bad: dict[str, str]) -> mne.Evoked:
    """Leave out bad channels; ``bad`` says what is wrong with each, in words."""
    good = [name for name in evoked.ch_names if name not in bad]
    if len(good) < MIN_CHANNELS:
        found = few([f"{name} ({wrong})" for name, wrong in bad.items()])
        raise InputError(
            f"Only {len(good)} good channels are left, and source localisation needs at least {MIN_CHANNELS}: {found}; "
            "check the recording, or set `find_bads=False`."
        )
    return evoked.copy().pick(good) if bad else evoked


def _too_few(evoked: mne.Evoked, sensors: str, picks: list[int], others: dict[str, list[str]]) -> str:
    """Say why there are too few channels."""
    if others:
        return (
            f"The recording has {len(picks)} good channels of the chosen sensors, and source localisation needs at "
            f"least {MIN_CHANNELS}; by their names, others record something else ({in_words(others)}): give EEG with "
            "a common reference."
        )
    if picks:
        names = ", ".join(evoked.ch_names[pick] for pick in picks)
        return f"Only {len(picks)} good channels ({names}): source localisation needs at least {MIN_CHANNELS}."
    if all_bad := len(mne.pick_types(evoked.info, ref_meg=False, exclude=(), **KINDS[sensors])):
        return (
            f"All {all_bad} channels of the chosen sensors are marked as bad; clear info['bads'] where they are good, "
            "or choose other `sensors`."
        )
    present = ", ".join(sorted(set(evoked.get_channel_types())))
    return (
        f"The recording has no good {'EEG or MEG' if sensors == 'all' else sensors.upper()} channels (it has: "
        f"{present}); set the channel types with MNE-Python, or choose other `sensors`."
    )


def check_channels_known(ch_names: list[str], known: list[str]) -> None:
    """Refuse channels that the forward solution lacks."""
    missing = [name for name in ch_names if name not in set(known)]
    if missing:
        raise InputError(
            f"The forward solution lacks {len(missing)} of the {len(ch_names)} good channels ({few(missing)}); "
            "mark them as bad with `bads`, or compute the forward solution for this recording."
        )
