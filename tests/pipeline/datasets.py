"""A BIDS data set of simulated subjects with a known source, blinks, a muscle and a bad channel."""

import warnings
from pathlib import Path

import mne
import numpy as np
from mne_bids import BIDSPath, write_raw_bids

import headwater as hw

TRUTH_MM = np.array([-42.0, -22.0, 52.0])  # MNI305
BAD = "P8"
LATENCY = 0.1  # s


def write_dataset(
    root: Path,
    n: int,
    *,
    montage: str = "biosemi32",
    n_trials: int = 40,
    sfreq: float = 200.0,
    moment_nam: float = 40.0,
) -> None:
    """Write ``n`` subjects, each with a head of its own, and a source that lies up to 4 mm from `TRUTH_MM`."""
    for seed in range(n):
        raw = simulated(seed, montage, n_trials, sfreq, moment_nam)
        path = BIDSPath(subject=f"{seed + 1:02d}", task="touch", datatype="eeg", root=root)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MNE-BIDS says that it converts
            write_raw_bids(raw, path, format="EDF", allow_preload=True, overwrite=True, verbose="ERROR")


def simulated(seed: int, montage: str, n_trials: int, sfreq: float, moment_nam: float) -> mne.io.BaseRaw:
    """Return the recording of one subject."""
    rng = np.random.default_rng(seed)
    head = hw.template_head().varied(seed)
    info = hw.montage_info(head, montage, sfreq=sfreq)
    leadfield = hw.make_leadfield(head, info, spacing=10.0, method="sphere")
    onsets = 2.0 + np.cumsum(rng.uniform(0.9, 1.2, n_trials))
    times = np.arange(round((onsets[-1] + 2.0) * sfreq)) / sfreq
    names = list(info["ch_names"])
    data = _brain(leadfield, times, rng) + 0.5e-6 * rng.standard_normal((len(names), len(times)))
    data += np.outer(_response_map(leadfield, rng), _train(times, onsets + LATENCY, 0.025)) * 1e-9 * moment_nam
    place = np.array([channel["loc"][:3] for channel in info["chs"]])
    blinks = _train(times, np.arange(1.0, times[-1], 3.7) + rng.uniform(0, 0.8), 0.08)
    data += 120e-6 * np.outer(_near(place, [0.0, 0.11, 0.01], 0.05), blinks)
    muscle = np.diff(rng.standard_normal(len(times) + 1)) * (np.sin(2 * np.pi * 0.1 * times) > 0.3)
    data += 12e-6 * np.outer(_near(place, [0.08, 0.02, 0.0], 0.02), muscle)
    data[names.index(BAD)] = 60e-6 * rng.standard_normal(len(times))
    raw = mne.io.RawArray(data, info, verbose="ERROR")
    return raw.set_annotations(mne.Annotations(onsets, 0.0, "touch"))


def _response_map(leadfield: hw.LeadField, rng: np.random.Generator) -> np.ndarray:
    """Topography of the source: tangential, as in the wall of the central sulcus."""
    place = TRUTH_MM + rng.uniform(-4, 4, 3) / np.sqrt(3)
    source = int(np.linalg.norm(1e3 * leadfield.pos_mni - place, axis=1).argmin())
    return leadfield.gain[:, source] @ (np.array([0.2, 1.0, 0.3]) / np.linalg.norm([0.2, 1.0, 0.3]))


def _brain(leadfield: hw.LeadField, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ongoing activity of 60 sources with a spectrum of 1/f, 4 uV in the mean."""
    frequency = np.fft.rfftfreq(len(times), times[1])
    spectrum = rng.standard_normal((60, len(frequency))) + 1j * rng.standard_normal((60, len(frequency)))
    courses = np.fft.irfft(spectrum / np.maximum(frequency, 0.5), len(times), axis=1)
    sources = rng.choice(leadfield.n_sources, 60, replace=False)
    data = np.einsum("cso,so->cs", leadfield.gain[:, sources], rng.standard_normal((60, 3))) @ courses
    return 4e-6 * data / data.std()


def _train(times: np.ndarray, at: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((times[:, np.newaxis] - at) / width) ** 2).sum(axis=1)


def _near(place: np.ndarray, origin: list[float], reach: float) -> np.ndarray:
    return np.exp(-0.5 * (np.linalg.norm(place - np.array(origin), axis=1) / reach) ** 2)
