"""Simulate samples into a Zarr group, and continue where an earlier run stopped."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_folder
from headwater._utils.parallel import parallel_map
from headwater._utils.progress import track
from headwater.forward.leadfield import LeadField
from headwater.simulation.currents import SparseCurrents
from headwater.simulation.preset_files import preset_to_yaml
from headwater.simulation.presets import Preset
from headwater.simulation.samples import Samples
from headwater.simulation.simulator import Simulator, check_request
from headwater.simulation.store.layout import (
    CHECKSUM_BYTES,
    FORMAT,
    PER_ENTRY,
    TRUTH,
    Store,
    checksum,
    open_store,
    settings_checksum,
)

SHARD_BYTES = 2**26  # approximate size of the recordings and dense currents in a part


def write_samples(
    path: str | Path,
    leadfield: LeadField,
    preset: Preset,
    n: int,
    seed: int = 0,
    *,
    workers: int = 1,
    cluster: str | None = None,
    overwrite: bool = False,
) -> None:
    """Simulate recordings into a Zarr group.

    Existing parts that agree with their checksums are kept, so that an interrupted run continues and a
    damaged group is repaired.

    Parameters
    ----------
    path : path
    leadfield : LeadField
    preset : Preset
    n, seed : int
        As for `simulate`, which gives the same samples.
    workers : int
        Number of processes on this machine.
    cluster : str | None
        Address of a Dask scheduler whose workers do the work instead (extra ``cluster``). They must see ``path``.
    overwrite : bool
        Replace samples that were simulated with other settings.

    Examples
    --------
    >>> import headwater as hw
    >>> head = hw.template_head()
    >>> leadfield = hw.make_leadfield(head, hw.montage_info(head, "biosemi16"), spacing=30.0, method="sphere")
    >>> hw.write_samples("samples.zarr", leadfield, hw.presets.PIUNET, n=1000, workers=4)  # doctest: +SKIP
    """
    path = Path(path).absolute()
    check_request(n, seed)
    if workers < 1:
        raise InputError(f"`workers` is {workers}; give at least one.")
    simulator = Simulator(leadfield, preset)
    store = _prepared(path, simulator, leadfield, n, seed, overwrite=overwrite)
    todo = [part for part, kept in enumerate(store.finished()) if not (kept and _is_whole(store, part))]
    finished = parallel_map(partial(_write_part, path, simulator), todo, workers=workers, cluster=cluster)
    for _ in track(finished, f"simulating {preset.name}", total=len(todo)):
        pass


def count_written(path: str | Path) -> int:
    """Return how many samples of a group, finished or not, are on disk."""
    if not Path(path).exists():
        return 0
    store = open_store(Path(path))
    rows = [store.rows(int(part)) for part in np.flatnonzero(store.finished())]
    return sum(one.stop - one.start for one in rows)


def check_target(path: Path) -> None:
    """Refuse a path that holds something other than samples, before any work is done."""
    if path.exists() or path.is_symlink():
        open_store(path)


def _prepared(path: Path, simulator: Simulator, leadfield: LeadField, n: int, seed: int, *, overwrite: bool) -> Store:
    """Create the group, or check that the existing one has the same settings."""
    settings = _settings(simulator, leadfield, n, seed)
    check_target(path)
    if path.exists():
        found = open_store(path)
        different = sorted(key for key in settings if found.settings.get(key) != settings[key])
        if not different:
            return found
        if not overwrite:
            raise InputError(
                f"{path} holds samples simulated with other settings ({', '.join(different)}); choose another path, or "
                "set `overwrite=True`."
            )
    first = _regular(simulator.chunk(seed, 0)[:1])
    _check_space(path, n * sum(array.nbytes for array in first.values()))
    arrays = {name: [list(one.shape[1:]), str(one.dtype)] for name, one in first.items()}
    with atomic_folder(path, overwrite=overwrite, check=check_target) as temporary:
        _create(temporary, settings | {"arrays": arrays})
    return open_store(path)


def _create(folder: Path, settings: dict[str, Any]) -> None:
    """Create the group with its arrays, still empty."""
    n, size = settings["n"], settings["shard_size"]
    group = zarr.create_group(folder, attributes=settings | {"checksum": settings_checksum(settings)})
    # All chunks are written, even those that hold only zeros, so that a missing chunk is a lost one.
    config: Any = {"write_empty_chunks": True}
    for name, (shape, kind) in settings["arrays"].items():
        group.create_array(name, shape=(n, *shape), chunks=(min(size, n), *shape), dtype=kind, config=config)
    group.create_array("checksums", shape=(-(-n // size), CHECKSUM_BYTES), chunks=(1, CHECKSUM_BYTES), dtype="uint8")


def _check_space(path: Path, n_bytes: int) -> None:
    """Refuse more samples than the disk can hold; they are hardly compressible."""
    folder = next(parent for parent in path.parents if parent.exists())
    usage = shutil.disk_usage(folder)
    if usage.total and n_bytes > usage.free:  # virtual file systems have no size
        raise InputError(
            f"The samples need about {n_bytes / 1e9:.3g} GB and {folder} has {usage.free / 1e9:.3g} GB free; ask for "
            "fewer samples, or choose another path."
        )


def _settings(simulator: Simulator, leadfield: LeadField, n: int, seed: int) -> dict[str, Any]:
    """Everything that determines the samples, as attributes of the group."""
    preset = simulator.preset
    per_sample = 4 * len(simulator.sensors.ch_names) * preset.n_times
    if not simulator.is_sparse:
        per_sample += 4 * leadfield.gain[0].size * preset.n_times
    chunks = max(1, SHARD_BYTES // (per_sample * simulator.chunk_size))
    return {
        "format": FORMAT,
        "preset": preset_to_yaml(preset),
        "seed": seed,
        "n": n,
        "chunk_size": simulator.chunk_size,
        "shard_size": simulator.chunk_size * min(chunks, 16),
        "sfreq": float(preset.sfreq),
        "sparse": simulator.is_sparse,
        "n_sources": leadfield.gain.shape[1],
        "ch_names": list(simulator.sensors.ch_names),
        "leadfield": leadfield.fingerprint,
        "assumptions": dict(leadfield.assumptions),
    }


def _regular(samples: Samples) -> dict[str, np.ndarray]:
    """Arrays with one row per sample."""
    arrays = {"y": samples.y} | {name: getattr(samples.truth, name) for name in TRUTH}
    currents = samples.currents
    if isinstance(currents, SparseCurrents):
        arrays["courses"] = currents.courses
    else:
        arrays["x"] = currents.dense()
    return {name: value.cpu().numpy() for name, value in arrays.items()}


def _is_whole(store: Store, part: int) -> bool:
    """Whether a finished part can be read and agrees with its checksum."""
    try:
        store.read(part)
    except InputError:
        return False
    return True


def _write_part(path: Path, simulator: Simulator, part: int) -> int:
    """Simulate and write one part; it counts only once its checksum, written last, exists."""
    store = open_store(path, mode="r+")
    rows, chunk_size = store.rows(part), store.settings["chunk_size"]
    chunks = range(rows.start // chunk_size, -(-rows.stop // chunk_size))
    drawn = Samples.concatenate([simulator.chunk(store.settings["seed"], index) for index in chunks])
    samples = drawn[: rows.stop - rows.start]
    arrays = _regular(samples)
    for name, value in arrays.items():
        store.group[name][rows] = value
    patches = samples.currents.patches
    if patches is not None:
        entries = store.group.require_group(f"entries/{part:06d}")
        ragged = {name: getattr(patches, name).cpu().numpy() for name in PER_ENTRY}
        for name, value in ragged.items():
            entries.create_array(name, data=value, overwrite=True)
        arrays |= ragged
    store.group["checksums"][part] = checksum(arrays)
    return part
