"""Simulate until every brain region has its spikes, and store them in a library."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from scipy import sparse

from headwater._utils.cache import content_hash
from headwater._utils.errors import InputError
from headwater._utils.npz import write_arrays
from headwater._utils.progress import progress_bar
from headwater.simulation.spikes.brains import PUBLISHED_SETTINGS, Brain, Setting
from headwater.simulation.spikes.connectome import Connectome
from headwater.simulation.spikes.neural_mass import JansenRitNetwork, n_lanes
from headwater.simulation.spikes.rules import SpikeRules, cut_clips, find_clips
from headwater.simulation.spikes.spike_library import SpikeLibrary


@dataclass(frozen=True)
class LibraryPlan:
    """Content of a library of spikes, and the limits of its simulation.

    Each region is the epileptic region of its own simulated brain, repeatedly with new noise, until it has its clips or
    has used its budget. A region whose yield is too low to reach its number of clips within the budget receives more
    input (``boost``) from then on; weakly connected regions rarely spike otherwise.

    Attributes
    ----------
    n_clips : int
        Clips per region.
    n_neighbors : int
        Background regions kept with each clip: those most strongly connected with the target.
    settings : tuple of Setting
        Used in turn. Of the three published settings, only the first yields many clean spikes.
    duration : float
        Seconds of each simulation, the transient included.
    budget : float
        Simulated seconds allowed per region in total.
    boost : float
        Input, in 1/ms, added to ``Setting.target_mu`` after each simulation that yields too little.
    rules : SpikeRules
    step_ms, speed : float
        Integration step in milliseconds and conduction velocity in m/s.
    seed : int
        Of the library: noise differs between regions, between simulations and between seeds.
    """

    n_clips: int = 30
    n_neighbors: int = 32
    settings: tuple[Setting, ...] = PUBLISHED_SETTINGS[:1]
    duration: float = 25.0
    budget: float = 600.0
    boost: float = 0.002
    rules: SpikeRules = field(default_factory=SpikeRules)
    step_ms: float = 1.0
    speed: float = 3.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_clips < 1 or self.n_neighbors < 0 or not self.settings:
            raise InputError(
                "A library needs n_clips of 1 or more, n_neighbors of 0 or more, and at least one setting."
            )
        shortest = (self.rules.transient + self.rules.downsample * self.rules.clip) * self.step_ms / 1e3
        if not shortest < self.duration <= self.budget < math.inf:
            raise InputError(
                f"duration ({self.duration} s) must exceed the transient and one clip ({shortest} s), and must not "
                f"exceed the budget ({self.budget} s)."
            )

    @property
    def n_attempts(self) -> int:
        """Largest number of simulations per region."""
        return int(self.budget // self.duration)

    @property
    def sfreq(self) -> float:
        """Sampling frequency of the clips in Hz."""
        return 1e3 / (self.step_ms * self.rules.downsample)

    def setting(self, found: np.ndarray) -> Setting:
        """Return the setting of the next simulation of a region, given the clips that each earlier one found."""
        pace = self.n_clips / self.n_attempts
        setting = self.settings[len(found) % len(self.settings)]
        return replace(setting, target_mu=setting.target_mu + self.boost * int((found < pace).sum()))


def make_spike_library(
    path: str | Path,
    connectome: Connectome,
    *,
    regions: Sequence[int] | np.ndarray | None = None,
    plan: LibraryPlan | None = None,
    executor: Executor | None = None,
    device: str = "cpu",
) -> SpikeLibrary:
    """Simulate spikes and store them, or continue where an interrupted call stopped.

    Parameters
    ----------
    path : str | Path
        Folder of the library.
    connectome : Connectome
    regions : sequence of int | None
        Regions to simulate; all if None.
    plan : LibraryPlan | None
    executor : concurrent.futures.Executor | None
        Runs the simulations: a ``ProcessPoolExecutor`` with "spawn" for several cores, ``dask.distributed``'s
        ``Client.get_executor()`` for several machines. Neither changes the result. If None, they run in this process.
    device : str
        Device of the simulation: ``"cpu"``, ``"cuda"``. Results agree between devices in distribution only.

    Returns
    -------
    SpikeLibrary
        A warning names regions that used up their budget before they had all clips.

    Examples
    --------
    >>> import numpy as np
    >>> from headwater.simulation import LibraryPlan, distance_rule_connectome, make_spike_library
    >>> connectome = distance_rule_connectome(0.06 * np.random.default_rng(0).standard_normal((50, 3)))
    >>> make_spike_library("spikes", connectome, plan=LibraryPlan(n_clips=10))  # doctest: +SKIP
    """
    plan = plan or LibraryPlan()
    n = connectome.n_regions
    regions = _checked_regions(regions, n)
    library = _open_or_create(Path(path), connectome, regions, plan)
    tracts, lanes = _Tracts.of(connectome), n_lanes(torch.device(device))
    with progress_bar() as bar:
        goal = bar.add_task("Simulating spikes", total=len(regions) * plan.n_clips)
        while len(pending := np.flatnonzero((library.counts < plan.n_clips) & (library.found[:, -1] < 0))):
            tasks = [
                _Task(
                    tracts,
                    plan,
                    tuple(_next_brain(library, row, plan, n) for row in rows),
                    library.members[rows],
                    device,
                )
                for rows in np.split(pending, range(lanes, len(pending), lanes))
            ]
            for task, results in _results(tasks, executor):
                for brain, (clips, peaks) in zip(task.brains, results, strict=True):
                    _keep(library, int(np.searchsorted(regions, brain.target)), clips, peaks)
                _save(Path(path), library)
                bar.update(goal, completed=int(library.counts.sum()))
    if missing := library.shortfall:
        region, n_missing = max(missing.items(), key=lambda item: item[1])
        warnings.warn(
            f"{len(missing)} of {len(regions)} regions have fewer than {plan.n_clips} clips (region {region} lacks "
            f"{n_missing}) after {plan.budget:g} s of simulation; raise the plan's budget or boost, or ask for fewer.",
            stacklevel=2,
        )
    return SpikeLibrary.open(path)


def _checked_regions(regions: Sequence[int] | np.ndarray | None, n: int) -> np.ndarray:
    """Return the regions to simulate, each once and in order."""
    regions = np.unique(np.arange(n) if regions is None else np.asarray(regions, dtype=int))
    if not len(regions) or regions[0] < 0 or regions[-1] >= n:
        raise InputError(f"regions must be indices from 0 to {n - 1}, the regions of the connectome, and at least one.")
    return regions


@dataclass(frozen=True, eq=False)
class _Tracts:
    """The tracts of a connectome in sparse form, which is quick to send."""

    weights: sparse.csr_array
    lengths_mm: sparse.csr_array

    @classmethod
    def of(cls, connectome: Connectome) -> _Tracts:
        linked = connectome.weights != 0
        return cls(sparse.csr_array(connectome.weights), sparse.csr_array(linked * connectome.tract_lengths_mm))

    def connectome(self) -> Connectome:
        n = self.weights.shape[0]
        return Connectome(self.weights.toarray(), self.lengths_mm.toarray(), np.zeros((n, 3)), ("",) * n)


@dataclass(frozen=True, eq=False)
class _Task:
    """Brains to simulate in one batch, and the regions to keep of each. Sent to other processes and machines."""

    tracts: _Tracts
    plan: LibraryPlan
    brains: tuple[Brain, ...]
    members: np.ndarray
    device: str


def _run(task: _Task) -> list[tuple[np.ndarray, np.ndarray]]:
    """Simulate the brains of a task; return clips and peaks (within the clip) of each."""
    plan, rules = task.plan, task.plan.rules
    network = JansenRitNetwork(task.tracts.connectome(), step_ms=plan.step_ms, speed=plan.speed, device=task.device)
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the arrays of a step are too small to share; cores are used by running more tasks
    try:
        signals = network.run(task.brains, plan.duration, every=rules.downsample)
    finally:
        torch.set_num_threads(n_threads)
    results = []
    for brain, members, signal in zip(task.brains, task.members, signals, strict=True):
        settled = np.ascontiguousarray(signal[:, rules.transient // rules.downsample :])
        starts, peaks = find_clips(settled, brain.target, rules)
        results.append((cut_clips(settled, members, starts, rules.clip), peaks - starts))
    return results


def _results(
    tasks: list[_Task], executor: Executor | None
) -> Iterator[tuple[_Task, list[tuple[np.ndarray, np.ndarray]]]]:
    if executor is None:
        yield from ((task, _run(task)) for task in tasks)
        return
    futures = {executor.submit(_run, task): task for task in tasks}
    for future in as_completed(futures):
        yield futures[future], future.result()


def _next_brain(library: SpikeLibrary, row: int, plan: LibraryPlan, n_regions: int) -> Brain:
    """Return the next simulation of a region, which depends only on the plan and the region's own past."""
    past = library.found[row]
    past = past[past >= 0]
    region = int(library.regions[row])
    # Counting from an offset given by the library's seed makes all of its simulations distinct.
    start = int(np.random.SeedSequence(plan.seed).generate_state(1)[0])
    return Brain(region, plan.setting(past), seed=(start + len(past) * n_regions + region) % 2**32)


def _keep(library: SpikeLibrary, row: int, clips: np.ndarray, peaks: np.ndarray) -> None:
    """Store the yield of one simulation, up to the number of missing clips."""
    attempt = int((library.found[row] >= 0).sum())
    first = library.counts[row]
    last = min(first + len(clips), library.clips.shape[1])
    library.clips[row, first:last] = clips[: last - first]
    library.peaks[row, first:last] = peaks[: last - first]
    library.attempts[row, first:last] = attempt
    library.found[row, attempt] = len(clips)
    library.counts[row] = last


def _save(path: Path, library: SpikeLibrary) -> None:
    """Write the clips first and the index that counts them last, so that an interruption loses one task at most."""
    if isinstance(library.clips, np.memmap):
        library.clips.flush()
    names = ("regions", "members", "counts", "found", "peaks", "attempts")
    write_arrays(path / "index.npz", {name: getattr(library, name) for name in names})


def _open_or_create(path: Path, connectome: Connectome, regions: np.ndarray, plan: LibraryPlan) -> SpikeLibrary:
    """Return the library with its clips open for writing."""
    description = {
        **asdict(plan),
        "sfreq": plan.sfreq,
        "connectome": content_hash(connectome.weights, connectome.tract_lengths_mm),
        "regions": content_hash(regions),
    }
    description = json.loads(json.dumps(description))  # tuples become lists, as in the file
    if (path / "index.npz").exists():
        try:
            found = json.loads((path / "plan.json").read_text(encoding="utf-8"))
            clips = np.load(path / "clips.npy", mmap_mode="r+", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{path} holds a damaged library of spikes ({error}); choose another folder.") from error
        if found != description:
            differing = ", ".join(key for key in description if found.get(key) != description[key])
            raise InputError(
                f"{path} holds a library made with different settings ({differing}); choose another folder."
            )
        return replace(SpikeLibrary.open(path), clips=clips)
    if path.exists() and not (path.is_dir() and ((path / "plan.json").exists() or not any(path.iterdir()))):
        raise InputError(f"{path} holds something other than a library of spikes; choose another folder.")
    path.mkdir(parents=True, exist_ok=True)
    (path / "plan.json").write_text(json.dumps(description, indent=1))
    n_neighbors = min(plan.n_neighbors, connectome.n_regions - 1)
    members = np.array([[region, *connectome.strongest_inputs(region, n_neighbors)] for region in regions])
    shape = (len(regions), plan.n_clips, 1 + n_neighbors, plan.rules.clip)
    library = SpikeLibrary(
        regions=regions,
        members=members,
        counts=np.zeros(len(regions), dtype=int),
        found=np.full((len(regions), plan.n_attempts), -1),
        peaks=np.full(shape[:2], -1),
        attempts=np.full(shape[:2], -1),
        clips=np.lib.format.open_memmap(path / "clips.npy", mode="w+", dtype=np.float16, shape=shape),
        sfreq=plan.sfreq,
    )
    _save(path, library)
    return library
