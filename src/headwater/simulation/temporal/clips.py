"""Time courses drawn from a library of recorded or simulated clips."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from headwater._utils.errors import InputError
from headwater.simulation.distributions import check_instance, check_number
from headwater.simulation.spikes.spike_library import SpikeLibrary
from headwater.simulation.temporal.base import TimeCourse


@dataclass(frozen=True)
class Clips(TimeCourse):
    """Waveforms drawn from a library with replacement, each with its mean removed and a peak of one.

    Windows shorter than the clips are cut so that the clip's peak lies at a random position in them.

    Parameters
    ----------
    spikes : SpikeLibrary | array of shape (n_clips, n_clip_times) | path | None
        A path is the folder of a `SpikeLibrary` or a ``.npy`` file of such an array. None: the few hundred neural-mass
        spikes of `default_spikes`.
    seed : int
        Of the default spikes. Train with another seed than the 0 of the benchmark, whose clips are then new.
    sfreq : float
        Sampling rate of an array's clips, Hz; a `SpikeLibrary` has its own.
    by_source : bool
        Whether a patch centred on source k gets a clip of region k of a `SpikeLibrary`: for lead fields whose sources
        are the regions of the connectome, as in DeepSIF.
    """

    spikes: SpikeLibrary | np.ndarray | str | Path | None = None
    sfreq: float = 250.0
    by_source: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        check_number(self, "sfreq", above=0.0)
        check_number(self, "seed", at_least=0)
        check_instance(self, "seed", int, "1")
        check_instance(self, "by_source", bool, "True")
        kinds = (SpikeLibrary, np.ndarray, str, Path, type(None))
        check_instance(self, "spikes", kinds, "an array of shape (n_clips, n_times)")
        if isinstance(self.spikes, np.ndarray):
            _check(self.spikes)

    def draw(self, centers: torch.Tensor, n_times: int, sfreq: float, generator: torch.Generator) -> torch.Tensor:
        """Draw, cut, centre and scale."""
        pool = self.pool
        if pool.sfreq != sfreq:
            raise InputError(
                f"The clips of Clips.spikes are sampled at {pool.sfreq:g} Hz, the preset at {sfreq:g} Hz; set the "
                "preset's sfreq to that of the clips."
            )
        clips = pool.draw(centers.flatten() if self.by_source else None, centers.numel(), n_times, generator)
        clips = clips - clips.mean(1, keepdim=True)
        return (clips / clips.abs().amax(1, keepdim=True).clamp(min=1e-30)).reshape(*centers.shape, n_times)

    @cached_property
    def pool(self) -> Pool:
        """The clips, loaded when they are first needed."""
        library = self.spikes
        if library is None:
            from headwater.simulation.spikes.default import default_spikes

            return Pool.from_array(*default_spikes(self.seed))
        if isinstance(library, str | Path):
            library = SpikeLibrary.open(library) if Path(library).is_dir() else _read(Path(library))
        if isinstance(library, np.ndarray):
            return Pool.from_array(_check(library), self.sfreq)
        return Pool.from_library(library)


@dataclass(frozen=True, eq=False)
class Pool:
    """Clips in memory, grouped by region.

    Attributes
    ----------
    clips : array of shape (n_clips, n_clip_times)
    peaks : int array of shape (n_clips,)
        Where each clip departs furthest from its mean.
    first, count : int arrays of shape (n_regions,)
        The clips of region k are ``clips[first[k] : first[k] + count[k]]``.
    sfreq : float
    """

    clips: np.ndarray
    peaks: np.ndarray
    first: np.ndarray
    count: np.ndarray
    sfreq: float

    @classmethod
    def from_array(cls, clips: np.ndarray, sfreq: float) -> Pool:
        """Use clips that belong to no region."""
        return cls._make(clips, np.array([0]), np.array([len(clips)]), sfreq)

    @classmethod
    def from_library(cls, library: SpikeLibrary) -> Pool:
        """Use the activity of the target regions."""
        clips = np.concatenate([library.clips[row, :count, 0] for row, count in enumerate(library.counts)])
        count = np.zeros(library.regions.max() + 1, dtype=int)
        count[library.regions] = library.counts
        return cls._make(_check(clips), np.cumsum(count) - count, count, library.sfreq)

    @classmethod
    def _make(cls, clips: np.ndarray, first: np.ndarray, count: np.ndarray, sfreq: float) -> Pool:
        wide = clips.astype(np.float32)
        peaks = np.abs(wide - wide.mean(1, keepdims=True)).argmax(1)
        return cls(clips, peaks, first, count, float(sfreq))

    def draw(self, regions: torch.Tensor | None, n: int, n_times: int, generator: torch.Generator) -> torch.Tensor:
        """Draw ``n`` windows (n, n_times): of any clip, or of clips of the given regions (n,)."""
        length, device = self.clips.shape[1], generator.device
        if n_times > length:
            raise InputError(
                f"The clips of Clips.spikes have {length} time points, fewer than the {n_times} of a sample; "
                "reduce n_times."
            )
        unit = torch.rand((2, n), generator=generator, device=device)
        if regions is None:
            chosen = (unit[0] * len(self.clips)).long()
        else:
            chosen = self._of_regions(regions, unit[0])
        peaks = torch.as_tensor(self.peaks, device=device)[chosen]
        earliest, latest = (peaks - n_times + 1).clamp(min=0), peaks.clamp(max=length - n_times)
        starts = earliest + (unit[1] * (latest - earliest + 1)).long()
        times = starts[:, None] + torch.arange(n_times, device=device)
        return torch.as_tensor(self.clips, device=device)[chosen[:, None], times].float()

    def _of_regions(self, regions: torch.Tensor, unit: torch.Tensor) -> torch.Tensor:
        first, count = (torch.as_tensor(one, device=regions.device) for one in (self.first, self.count))
        within = regions.clamp(min=0, max=len(count) - 1)
        lacking = (regions >= 0) & ((regions != within) | (count[within] == 0))
        if lacking.any():
            raise InputError(
                f"Clips.spikes has no clip of region {int(regions[lacking][0])}, on which a source is centred; "
                "simulate more regions, or set by_source to False."
            )
        return torch.where(regions >= 0, first[within] + (unit * count[within]).long(), 0)


def _read(path: Path) -> np.ndarray:
    """Read an array after checking the size in its header against that of the file."""
    try:
        return np.array(np.lib.format.open_memmap(path, mode="r"))
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"Clips.spikes: cannot read {path} as a .npy file ({error}).") from error


def _check(clips: np.ndarray) -> np.ndarray:
    if clips.ndim != 2 or not clips.size or not np.isfinite(clips).all():
        raise InputError(f"Clips.spikes has shape {clips.shape}; it must be finite, of shape (n_clips, n_times).")
    return clips
