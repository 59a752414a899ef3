"""Samples on disk: a Zarr group, written shard by shard, by any number of processes, and resumed where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import zarr

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_folder
from headwater._utils.progress import track
from headwater.forward.leadfield import LeadField
from headwater.simulation.currents import DenseCurrents, Patches, SparseCurrents
from headwater.simulation.preset_files import preset_to_yaml
from headwater.simulation.presets import Preset
from headwater.simulation.samples import Samples, Truth
from headwater.simulation.simulator import Simulator, check_request
from headwater.simulation.workers import in_processes, on_cluster

FORMAT = "headwater samples 1"
SHARD_BYTES = 2**26  # of recordings and dense currents, about
PER_ENTRY = ("component", "source", "coefficient", "direction")  # ragged: one group of arrays for each shard
TRUTH = tuple(one.name for one in fields(Truth))


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
    """Simulate recordings into a Zarr group; what is there already is kept, so an interrupted run goes on.

    Parameters
    ----------
    path : path
    leadfield : LeadField
    preset : Preset
    n, seed : int
        As for `simulate`, which gives the same samples.
    workers : int
        Local processes.
    cluster : str | None
        Address of a Dask scheduler, whose workers do the work instead and must see ``path`` (extra ``cluster``).
    overwrite : bool
        Replace samples that were made with other settings.
    """
    path = Path(path)
    check_request(n, seed)
    if workers < 1:
        raise InputError(f"workers is {workers}; give at least one.")
    simulator = Simulator(leadfield, preset)
    _prepare(path, simulator, leadfield, n, seed, overwrite=overwrite)
    group = _open(path, mode="r")
    todo = np.flatnonzero(~group["done"][:]).tolist()
    finished: Iterator[int]
    if cluster is not None:
        finished = on_cluster(_write_shard, path, leadfield, preset, todo, cluster)
    elif workers == 1 or len(todo) < 2:
        finished = (_write_shard(path, simulator, shard) for shard in todo)
    else:
        finished = in_processes(_write_shard, path, leadfield, preset, todo, workers)
    for _ in track(finished, f"simulating {preset.name}", total=len(todo)):
        pass


def _open(path: Path, mode: Literal["r", "r+"]) -> Any:
    """Open a group; its type is left open because an item may be an array or a group."""
    return zarr.open_group(path, mode=mode)


def _prepare(path: Path, simulator: Simulator, leadfield: LeadField, n: int, seed: int, *, overwrite: bool) -> None:
    """Create the group, or check that the one there is what would be written."""
    settings = _settings(simulator, leadfield, n, seed)
    found = found_settings(path)
    if found == settings:
        return
    if found is not None and not overwrite:
        different = sorted(key for key in settings if found.get(key) != settings[key])
        raise InputError(
            f"{path} holds samples made with other settings ({', '.join(different)}); "
            "choose another path, or overwrite it."
        )
    first = simulator.chunk(seed, 0)[:1]
    shard = settings["shard_size"]
    with atomic_folder(path, overwrite=overwrite) as temporary:
        group = zarr.create_group(temporary, attributes=settings)
        for name, value in _regular(first).items():
            shape = (n, *value.shape[1:])
            group.create_array(name, shape=shape, chunks=(min(shard, n), *shape[1:]), dtype=value.dtype)
        group.create_array("done", shape=(-(-n // shard),), chunks=(1,), dtype=bool, fill_value=False)


def found_settings(path: Path) -> dict[str, Any] | None:
    """Return the settings of the samples at a path, None where there is nothing; anything else is refused."""
    if not path.exists():
        return None
    try:
        found = dict(_open(path, mode="r").attrs)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise InputError(f"{path} exists and is no Zarr group; choose another path.") from error
    if not str(found.get("format")).startswith("headwater samples"):
        raise InputError(
            f"{path} is a Zarr group that headwater did not write, and is left alone; choose another path."
        )
    return found


def count_written(path: str | Path) -> int:
    """Return how many samples of a group, finished or not, are on disk."""
    settings = found_settings(Path(path))
    if settings is None:
        return 0
    done = np.flatnonzero(_open(Path(path), mode="r")["done"][:])
    size = settings["shard_size"]
    return int((np.minimum((done + 1) * size, settings["n"]) - done * size).sum())


def _settings(simulator: Simulator, leadfield: LeadField, n: int, seed: int) -> dict[str, Any]:
    """Everything the samples follow from, as attributes of the group."""
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


def _write_shard(path: Path, simulator: Simulator, shard: int) -> int:
    """Simulate and write one shard; it counts only once its mark in ``done``, written last, is there."""
    group = _open(path, mode="r+")
    settings: dict[str, Any] = dict(group.attrs)
    size, chunk_size = settings["shard_size"], settings["chunk_size"]
    start, stop = shard * size, min((shard + 1) * size, settings["n"])
    chunks = range(start // chunk_size, -(-stop // chunk_size))
    samples = Samples.concatenate([simulator.chunk(settings["seed"], index) for index in chunks])[: stop - start]
    for name, value in _regular(samples).items():
        group[name][start:stop] = value
    patches = samples.currents.patches
    if patches is not None:
        entries = group.require_group(f"entries/{shard:06d}")
        for name in PER_ENTRY:
            values = getattr(patches, name).cpu().numpy()
            entries.create_array(name, data=values, overwrite=True)
    group["done"][shard] = True
    return shard


def read_samples(path: str | Path, start: int = 0, stop: int | None = None) -> Samples:
    """Read samples ``start`` to ``stop`` (all of them by default) of a Zarr group, equal to those simulated."""
    try:
        group = _open(Path(path), mode="r")
    except (FileNotFoundError, ValueError) as error:
        raise InputError(f"{path} is no Zarr group of samples.") from error
    settings: dict[str, Any] = dict(group.attrs)
    if settings.get("format") != FORMAT:
        raise InputError(f"{path} was not written by this version of headwater; simulate the samples anew.")
    missing = int((~group["done"][:]).sum())
    if missing:
        raise InputError(
            f"{path} lacks {missing} of {group['done'].shape[0]} parts: its simulation was interrupted; run it again."
        )
    start, stop, _ = slice(start, stop).indices(settings["n"])
    if stop <= start:
        raise InputError(f"{path} holds {settings['n']} samples; none lie between {start} and {stop}.")
    read = {name: torch.from_numpy(group[name][start:stop]) for name in group.array_keys() if name != "done"}
    truth = Truth(**{name: read[name] for name in TRUTH})
    patches = _read_patches(group, settings, start, stop) if "entries" in group else None
    if settings["sparse"]:
        assert patches is not None  # noqa: S101 - written together
        return Samples(read["y"], SparseCurrents(patches, read["courses"]), truth, settings["sfreq"])
    return Samples(read["y"], DenseCurrents(read["x"], patches), truth, settings["sfreq"])


def _read_patches(group: Any, settings: dict[str, Any], start: int, stop: int) -> Patches:
    """Put the ragged arrays of the shards together."""
    size = settings["shard_size"]
    parts = []
    for shard in range(start // size, -(-stop // size)):
        rows = slice(shard * size, min((shard + 1) * size, settings["n"]))
        entries = group[f"entries/{shard:06d}"]
        parts.append(
            Patches(
                **{name: torch.from_numpy(group[name][rows]) for name in TRUTH if name != "snr_db"},
                **{name: torch.from_numpy(entries[name][:]) for name in PER_ENTRY},
                n_sources=settings["n_sources"],
            )
        )
    first = start // size * size
    return Patches.concatenate(parts)[start - first : stop - first]
