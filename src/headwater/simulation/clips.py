"""Time courses that were recorded or simulated before: clips drawn from a library."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch

from headwater._utils.errors import InputError
from headwater.simulation.distributions import check_instance, check_number
from headwater.simulation.temporal import TimeCourse


@runtime_checkable
class ClipLibrary(Protocol):
    """Anything that hands out recorded or simulated waveforms, as a library of neural-mass spikes does."""

    @property
    def sfreq(self) -> float:
        """Sampling rate of the clips, Hz."""

    def draw(self, centers: torch.Tensor, n_times: int, generator: torch.Generator) -> torch.Tensor:
        """Return one clip (n, n_times) for each of the sources ``centers`` (n,), -1 for none in particular."""


@dataclass(frozen=True, eq=False)
class Clips(TimeCourse):
    """Waveforms drawn from a library, each with its mean removed and a peak of one: neural-mass spikes, for one.

    Parameters
    ----------
    library : ClipLibrary | array of shape (n_clips, n_clip_times) | path of a ``.npy`` file of one
        Windows shorter than the clips of an array are cut so that the clip's peak lies at a random place in them.
    sfreq : float
        Sampling rate of an array's clips, Hz.
    """

    library: ClipLibrary | np.ndarray | str | Path
    sfreq: float = 250.0

    def __post_init__(self) -> None:
        check_number(self, "sfreq", above=0.0)
        if isinstance(self.library, np.ndarray):
            _check_clips(self.library)
        else:
            check_instance(self, "library", (str, Path, ClipLibrary), "an array of shape (n_clips, n_times)")

    def draw(self, centers: torch.Tensor, n_times: int, sfreq: float, generator: torch.Generator) -> torch.Tensor:
        """Draw, centre and scale."""
        library = self._library
        if library.sfreq != sfreq:
            raise InputError(
                f"The clips of Clips.library are sampled at {library.sfreq:g} Hz, the preset at {sfreq:g} Hz; set the "
                "preset's sfreq to that of the clips."
            )
        clips = library.draw(centers.flatten(), n_times, generator).to(centers.device, torch.float32)
        clips = clips - clips.mean(1, keepdim=True)
        return (clips / clips.abs().amax(1, keepdim=True).clamp(min=1e-30)).unflatten(0, centers.shape)

    @property
    def _library(self) -> ClipLibrary:
        if isinstance(self.library, str | Path):
            return _load_clips(self.library, self.sfreq)
        return ArrayClips(self.library, self.sfreq) if isinstance(self.library, np.ndarray) else self.library


@dataclass(frozen=True, eq=False)
class ArrayClips:
    """A library of clips held in an array (n_clips, n_clip_times), the same for all sources."""

    clips: np.ndarray
    sfreq: float

    def draw(self, centers: torch.Tensor, n_times: int, generator: torch.Generator) -> torch.Tensor:
        """Draw clips with replacement, and windows of them that contain their peak."""
        length = self.clips.shape[1]
        if n_times > length:
            raise InputError(f"The clips have {length} times, fewer than the {n_times} of a sample; shorten n_times.")
        clips = torch.as_tensor(self.clips, device=generator.device)
        chosen = torch.randint(len(clips), centers.shape, generator=generator, device=generator.device)
        peaks = clips.float().sub(clips.float().mean(1, keepdim=True)).abs().argmax(1)[chosen]
        earliest = (peaks - n_times + 1).clamp(min=0)
        latest = peaks.clamp(max=length - n_times)
        unit = torch.rand(centers.shape, generator=generator, device=generator.device)
        starts = earliest + (unit * (latest - earliest + 1)).long().minimum(latest - earliest)
        return clips[chosen[:, None], starts[:, None] + torch.arange(n_times, device=generator.device)]


@lru_cache(maxsize=4)
def _load_clips(path: str | Path, sfreq: float) -> ArrayClips:
    return ArrayClips(_check_clips(np.load(path, allow_pickle=False)), sfreq)


def _check_clips(clips: np.ndarray) -> np.ndarray:
    if clips.ndim != 2 or not clips.size or not np.isfinite(clips).all():
        raise InputError(f"Clips.library has shape {clips.shape}; it must be finite, of shape (n_clips, n_times).")
    return clips
