"""Read samples back from a Zarr group."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from headwater._utils.errors import InputError
from headwater.simulation.currents import Currents, DenseCurrents, Patches, SparseCurrents
from headwater.simulation.samples import Samples, Truth
from headwater.simulation.store.layout import CONTINUE, PER_ENTRY, TRUTH, Store, open_store


def read_samples(path: str | Path, start: int = 0, stop: int | None = None) -> Samples:
    """Read samples of a Zarr group, equal to those simulated.

    Every part that is read is compared with its checksum.

    Parameters
    ----------
    path : path-like
        Written by `write_samples` or ``headwater simulate``.
    start, stop : int
        The first sample, and the one after the last; None: up to the end.

    Returns
    -------
    samples : Samples

    Examples
    --------
    >>> import headwater as hw
    >>> hw.read_samples("samples.zarr", 0, 100).y.shape  # doctest: +SKIP
    """
    store = open_store(Path(path))
    missing = int((~store.finished()).sum())
    if missing:
        raise InputError(
            f"{path} lacks {missing} of {store.n_parts} parts because its simulation was interrupted; {CONTINUE}."
        )
    n = store.settings["n"]
    start, stop, _ = slice(start, stop).indices(n)
    if stop <= start:
        raise InputError(f"{path} holds {n} samples; none lie between {start} and {stop}.")
    read, patches = _gather(store, start, stop)
    if not store.has_checksums:
        read["noise_rms"] = torch.full_like(read["snr_db"], torch.nan)
    truth = Truth(**{name: read[name] for name in TRUTH})
    currents: Currents
    if patches is not None and "courses" in read:
        currents = SparseCurrents(patches, read["courses"])
    else:
        currents = DenseCurrents(read["x"], patches)
    return Samples(read["y"], currents, truth, store.settings["sfreq"])


def _gather(store: Store, start: int, stop: int) -> tuple[dict[str, torch.Tensor], Patches | None]:
    """Concatenate the rows ``start`` to ``stop`` of the parts: arrays with one row per sample, and patches."""
    joined: dict[str, np.ndarray] = {}
    patches = []
    size = store.settings["shard_size"]
    for part in range(start // size, -(-stop // size)):
        arrays = store.read(part)
        rows = store.rows(part)
        wanted = slice(max(start - rows.start, 0), min(stop, rows.stop) - rows.start)
        target = slice(rows.start + wanted.start - start, rows.start + wanted.stop - start)
        if "component" in arrays:
            patches.append(_patches(arrays, store.settings["n_sources"])[wanted])
        for name in store.regular():
            if name not in joined:
                joined[name] = np.empty((stop - start, *arrays[name].shape[1:]), arrays[name].dtype)
            joined[name][target] = arrays[name][wanted]
    tensors = {name: torch.from_numpy(array) for name, array in joined.items()}
    return tensors, Patches.concatenate(patches) if patches else None


def _patches(arrays: dict[str, np.ndarray], n_sources: int) -> Patches:
    names = ("centers", "amplitude", "extent_mm", "orientation", *PER_ENTRY)
    return Patches(**{name: torch.from_numpy(arrays[name]) for name in names}, n_sources=n_sources)
