"""Refuse data that no source estimate can be trusted on, in one sentence each."""

from __future__ import annotations

import mne
import numpy as np

from headwater._utils.errors import InputError

# Fewer channels than this cannot tell two lobes apart, whatever the method.
MIN_CHANNELS = 8

# A channel that moves less than this share of its kind's median is dead; filters leave a dead one some rounding error.
FLAT_SHARE = 1e-6

# Standard deviation over time beyond which values cannot be in SI units: brain signals are about 1e-5 V, 1e-12 T and
# 1e-11 T/m; data written in uV, fT or fT/cm exceed these limits by orders of magnitude.
MAX_STD = {"eeg": (1e-2, "V"), "mag": (1e-8, "T"), "grad": (1e-6, "T/m")}


def pick_sensors(evoked: mne.Evoked, sensors: str, bads: tuple[str, ...] = ()) -> mne.Evoked:
    """Return the good channels of the chosen sensor types ("all", "eeg", "meg", "mag" or "grad")."""
    unknown = [name for name in bads if name not in evoked.ch_names]
    if unknown:
        raise InputError(f"Bad channels {', '.join(unknown)} are not in the recording; check `bads`.")
    evoked = evoked.copy()
    evoked.info["bads"] = sorted({*evoked.info["bads"], *bads})
    wanted: dict[str, dict[str, bool | str]] = {
        "all": {"meg": True, "eeg": True},
        "eeg": {"meg": False, "eeg": True},
        "meg": {"meg": True, "eeg": False},
        "mag": {"meg": "mag", "eeg": False},
        "grad": {"meg": "grad", "eeg": False},
    }
    if sensors not in wanted:
        raise InputError(f"Unknown sensors {sensors!r}; choose one of {', '.join(wanted)}.")
    picks = mne.pick_types(evoked.info, ref_meg=False, exclude="bads", **wanted[sensors])
    if len(picks) == 0 and len(all_bad := mne.pick_types(evoked.info, ref_meg=False, exclude=(), **wanted[sensors])):
        raise InputError(
            f"All {len(all_bad)} channels of the chosen sensors are marked as bad; clear info['bads'] where they are "
            "good, or choose other `sensors`."
        )
    if len(picks) == 0:
        present = ", ".join(sorted(set(evoked.get_channel_types())))
        raise InputError(
            f"The recording has no good {'EEG or MEG' if sensors == 'all' else sensors.upper()} channels (it has: "
            f"{present}); set the channel types with MNE-Python, or choose other `sensors`."
        )
    evoked.pick(picks)
    if len(picks) < MIN_CHANNELS:
        raise InputError(
            f"Only {len(picks)} good channels ({', '.join(evoked.ch_names)}): source localisation needs at least "
            f"{MIN_CHANNELS}."
        )
    return evoked


def check_data(evoked: mne.Evoked) -> None:
    """Refuse channels with NaN, flat channels, values in other units than SI, and averages of nothing."""
    if not evoked.nave > 0:
        raise InputError(
            f"The recording says that it is an average of {evoked.nave:g} trials, on which its noise depends; set "
            "evoked.nave to their true number."
        )
    invalid = [name for name, row in zip(evoked.ch_names, evoked.data, strict=True) if not np.isfinite(row).all()]
    if invalid:
        raise InputError(f"NaN or infinite values in {_few(invalid)}; {_as_bad(invalid)}.")
    if len(evoked.times) > 1:
        kinds, spread = np.array(evoked.get_channel_types()), np.ptp(evoked.data, axis=1)
        typical = {kind: np.median(spread[kinds == kind]) for kind in set(kinds)}
        flat = [
            name
            for name, kind, size in zip(evoked.ch_names, kinds, spread, strict=True)
            if size <= FLAT_SHARE * typical[kind]
        ]
        if flat:
            raise InputError(f"The signal is flat in {_few(flat)}; {_as_bad(flat)} (a reference electrode, too).")
    for kind, (limit, unit) in MAX_STD.items():
        picks = [i for i, other in enumerate(evoked.get_channel_types()) if other == kind]
        if not picks:
            continue
        data = evoked.data[picks]
        size = float(np.median(data.std(axis=1) if data.shape[1] > 1 else np.abs(data)))
        if size > limit:
            raise InputError(
                f"The {kind.upper()} values are about {size:.2g} {unit}, far beyond any brain signal: they were "
                f"probably written in micro- or femto-units; scale them to {unit} before saving the recording."
            )


def check_channels_known(ch_names: list[str], known: list[str]) -> None:
    """Refuse channels that the forward solution lacks."""
    missing = [name for name in ch_names if name not in set(known)]
    if missing:
        raise InputError(
            f"The forward solution lacks {len(missing)} of the {len(ch_names)} good channels ({_few(missing)}); "
            "mark them as bad with `bads`, or compute the forward solution for this recording."
        )


def _as_bad(names: list[str]) -> str:
    return f"mark what is wrong as bad, for example `bads={tuple(names[:8])!r}`"


def _few(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
