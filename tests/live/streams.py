"""A small head in 16 channels, and a stream of it without LSL."""

from collections.abc import Iterator
from dataclasses import dataclass

import mne
import numpy as np

import headwater as hw
from headwater.forward.leadfield import LeadField
from headwater.live import SampleSource

SFREQ = 250.0
NOISE = 2e-6  # V


@dataclass(frozen=True)
class Small:
    leadfield: LeadField
    head: hw.Head

    @property
    def info(self) -> mne.Info:
        return self.leadfield.info

    def noise(self, n_times: int, seed: int = 0) -> np.ndarray:
        return NOISE * np.random.default_rng(seed).standard_normal((16, n_times))

    @property
    def source(self) -> int:
        """The source that the electrodes see best."""
        return int(np.linalg.norm(self.leadfield.gain[:, :, 2], axis=0).argmax())

    def dipole(self, current_nam: float) -> np.ndarray:
        """Topography of a dipole of some nA m at the source along z, shape (16,)."""
        return 1e-9 * current_nam * self.leadfield.gain[:, self.source, 2]


def small() -> Small:
    head = hw.template_head()
    info = hw.montage_info(head, "biosemi16", sfreq=SFREQ)
    leadfield = hw.make_leadfield(head, info, spacing=25.0, method="sphere")
    with leadfield.info._unlock():
        leadfield.info["sfreq"] = SFREQ
    return Small(leadfield, head)


class Played(SampleSource):
    """Play an array in pieces; its clock is that of the newest sample that was read."""

    def __init__(self, info: mne.Info, data: np.ndarray, piece: int = 10) -> None:
        self.info, self.data, self.piece = info, data, piece
        self.n_read = 0

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        start, self.n_read = self.n_read, min(self.n_read + self.piece, self.data.shape[1])
        return self.data[:, start : self.n_read], np.arange(start, self.n_read) / self.info["sfreq"]

    def clock(self) -> float:
        return (self.n_read - 1) / float(self.info["sfreq"]) + 0.004


def pieces(n_times: int, sizes: list[int]) -> Iterator[slice]:
    """Cut a range into pieces of these sizes, again and again."""
    start = 0
    while start < n_times:
        for size in sizes:
            yield slice(start, min(start + size, n_times))
            start += size
            if start >= n_times:
                return
