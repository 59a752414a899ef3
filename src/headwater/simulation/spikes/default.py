"""Default spikes: small libraries, each simulated once and kept in the cache."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from headwater._utils.cache import cached_arrays, content_hash
from headwater.simulation.spikes.connectome import distance_rule_connectome
from headwater.simulation.spikes.generation import LibraryPlan, make_spike_library

N_REGIONS = 200  # of the simulated brain
N_TARGETS = 32  # regions that spike, evenly spread
BRAIN_RADIUS = 0.065  # m
PLAN = LibraryPlan(n_clips=12, n_neighbors=0)


def default_spikes(seed: int = 0) -> tuple[np.ndarray, float]:
    """Return 384 clips of neural-mass spikes, shape (n_clips, 500) in mV, and their sampling rate in Hz.

    The regions of the simulated brain are distributed evenly on a sphere and are connected by the distance rule. The
    simulation takes about half a minute; afterwards the clips come from the cache.

    Parameters
    ----------
    seed : int
        Another seed simulates the same brain with other noise, so that no clip is the same.
    """
    plan = replace(PLAN, seed=seed)
    key = content_hash(repr(plan), N_REGIONS, N_TARGETS, BRAIN_RADIUS)
    clips = cached_arrays("spikes", key, lambda: _simulate(plan), shapes={"clips": (None, plan.rules.clip)})["clips"]
    return clips, plan.sfreq


def _simulate(plan: LibraryPlan) -> dict[str, np.ndarray]:
    connectome = distance_rule_connectome(BRAIN_RADIUS * fibonacci_sphere(N_REGIONS))
    targets = np.linspace(0, N_REGIONS - 1, N_TARGETS).astype(int)
    with tempfile.TemporaryDirectory() as folder:
        library = make_spike_library(Path(folder) / "spikes", connectome, regions=targets, plan=plan)
        clips = [library.clips[row, :count, 0] for row, count in enumerate(library.counts)]
        return {"clips": np.concatenate(clips)}


def fibonacci_sphere(n: int) -> np.ndarray:
    """Nearly even points on the unit sphere, shape (n, 3)."""
    k = np.arange(n) + 0.5
    polar, azimuth = np.arccos(1 - 2 * k / n), np.pi * (1 + 5**0.5) * k
    return np.stack([np.cos(azimuth) * np.sin(polar), np.sin(azimuth) * np.sin(polar), np.cos(polar)], axis=1)
