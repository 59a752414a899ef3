"""Read a recording in any format that MNE-Python reads."""

from __future__ import annotations

import warnings
from pathlib import Path

import mne

from headwater._utils.errors import InputError
from headwater._utils.progress import working
from headwater.localization.guards import refuse_bomb, refuse_crash
from headwater.localization.segment import Recording


def read_recording(path: Path | str) -> Recording:
    """Read a recording.

    Parameters
    ----------
    path : path-like
        FIF files may hold raw data, epochs, averages or an ICA; every other format that ``mne.io.read_raw`` or
        ``mne.read_epochs_eeglab`` knows is accepted.

    Returns
    -------
    recording : mne.io.BaseRaw | mne.BaseEpochs | list of mne.Evoked | mne.preprocessing.ICA
        Data in V, T and T/m, loaded into memory.

    Examples
    --------
    >>> import headwater as hw
    >>> raw = hw.read_recording("my-recording.edf")  # doctest: +SKIP
    >>> stc = hw.localize(raw, condition="spike")  # doctest: +SKIP
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"The recording {path} does not exist; check the path.")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"The recording {path} is empty; export or copy it again.")
    try:
        # Readers warn about unfamiliar file names and the like, which changes nothing for what follows.
        refuse_bomb(path)
        with warnings.catch_warnings(), mne.utils.use_log_level("ERROR"), working(f"Reading {path.name}"):
            warnings.simplefilter("ignore")
            return _read(path)
    except InputError:
        raise
    except Exception as error:  # readers of some forty formats raise anything at all on a damaged file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"The recording {path} cannot be read ({reason[:200]}); it may be truncated, or of a format that "
            "MNE-Python does not know."
        ) from error


def _read(path: Path) -> Recording:
    if path.name.endswith((".fif", ".fif.gz")):
        content = mne.what(path)
        if content == "evoked":
            return mne.read_evokeds(path)
        if content == "epochs":
            return mne.read_epochs(path)
        if content == "ica":
            return mne.preprocessing.read_ica(path)
        if content == "unknown":
            raise ValueError("no measurement was found in it")
        if content != "raw":
            raise InputError(
                f"{path} holds {content}, not a recording, or is truncated; give a file of raw data, epochs, averages "
                "or an ICA."
            )
    if path.suffix.lower() == ".set":
        refuse_crash(path)
        try:
            return mne.read_epochs_eeglab(path)
        except ValueError:  # a continuous EEGLAB data set
            pass
    raw = mne.io.read_raw(path, preload=True)
    if path.suffix.lower() in (".edf", ".bdf"):
        _refuse_cut_off(path, raw)
    return raw


def _refuse_cut_off(path: Path, raw: mne.io.BaseRaw) -> None:
    """Refuse an EDF or BDF file that is shorter than its header says: MNE-Python reads what is left."""
    with path.open("rb") as file:
        file.seek(236)
        n_records, duration = int(file.read(8)), float(file.read(8))
    n_times = round(n_records * duration * raw.info["sfreq"])  # -1 records: unknown, the recording was never stopped
    if raw.n_times < n_times:
        raise InputError(
            f"The recording {path} is truncated: it holds {raw.n_times} of {n_times} samples; export or copy it again."
        )
