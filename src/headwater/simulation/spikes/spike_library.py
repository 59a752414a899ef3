"""A library of simulated spikes of every brain region, on disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headwater._utils.errors import InputError
from headwater._utils.npz import DamagedFile, read_arrays


@dataclass(frozen=True, eq=False)
class SpikeLibrary:
    """Clips of spikes, by region.

    Attributes
    ----------
    regions : int array of shape (n_targets,)
        The regions that have clips, as indices into the connectome.
    members : int array of shape (n_targets, n_members)
        The regions whose activity each clip holds: the target first, then its neighbours.
    counts : int array of shape (n_targets,)
        Number of clips of each region.
    found : int array of shape (n_targets, n_attempts)
        Clips that each simulation yielded; -1 if it was not needed.
    peaks : int array of shape (n_targets, n_clips)
        Sample of each clip at which the target peaks.
    attempts : int array of shape (n_targets, n_clips)
        Simulation that each clip comes from.
    clips : array of float16, of shape (n_targets, n_clips, n_members, n_samples)
        Potentials in mV, on disk; the clips of target k are ``clips[k, :counts[k]]``.
    sfreq : float
        Sampling frequency of the clips in Hz.
    """

    regions: np.ndarray
    members: np.ndarray
    counts: np.ndarray
    found: np.ndarray
    peaks: np.ndarray
    attempts: np.ndarray
    clips: np.ndarray
    sfreq: float

    @classmethod
    def open(cls, path: str | Path) -> SpikeLibrary:
        """Open a library made by ``make_spike_library``, finished or not."""
        path = Path(path)
        try:
            plan = json.loads((path / "plan.json").read_text(encoding="utf-8"))
            clips = np.load(path / "clips.npy", mmap_mode="r", allow_pickle=False)
            return cls(**read_arrays(path / "index.npz"), clips=clips, sfreq=float(plan["sfreq"]))
        except (OSError, ValueError, EOFError, KeyError, TypeError, DamagedFile) as error:
            raise InputError(
                f"{path} is not a library of spikes, or a damaged one ({error}); make one with make_spike_library."
            ) from error

    def __post_init__(self) -> None:
        n_targets, n_clips, n_members, _ = self.clips.shape
        expected = {
            "regions": (n_targets,),
            "counts": (n_targets,),
            "members": (n_targets, n_members),
            "peaks": (n_targets, n_clips),
            "attempts": (n_targets, n_clips),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise InputError(
                    f"{name} of the spike library has shape {getattr(self, name).shape}, expected {shape}."
                )
        if (self.counts < 0).any() or (self.counts > n_clips).any() or not self.sfreq > 0:
            raise InputError("The spike library counts clips that it does not have; make it again.")

    @property
    def shortfall(self) -> dict[int, int]:
        """Regions with fewer clips than planned, and how many are missing."""
        missing = self.clips.shape[1] - self.counts
        return {int(self.regions[k]): int(missing[k]) for k in np.flatnonzero(missing)}

    def draw(self, regions: Sequence[int] | np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw one clip for each requested region, with replacement.

        Parameters
        ----------
        regions : int array of shape (n,)
        rng : numpy.random.Generator

        Returns
        -------
        clips : array of float32, of shape (n, n_members, n_samples)
            Potentials in mV; ``clips[:, 0]`` are the spikes, the rest is background.
        members : int array of shape (n, n_members)
            Regions that the rows of each clip belong to.
        """
        regions = np.asarray(regions, dtype=int)
        rows = np.searchsorted(self.regions, regions).clip(max=len(self.regions) - 1)
        absent = np.unique(regions[(self.regions[rows] != regions) | (self.counts[rows] == 0)])
        if len(absent):
            raise InputError(f"The library has no clip of region {absent[0]} ({len(absent)} such regions asked for).")
        which = rng.integers(self.counts[rows])
        return self.clips[rows, which].astype(np.float32), self.members[rows]
