"""On-disk cache of expensive results (BEM solutions, lead fields), keyed by a hash of all their inputs."""

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import platformdirs

from headwater._utils.npz import DamagedFile, read_arrays, write_arrays

ABANDONED = 3600.0  # seconds after which an unfinished file is taken to come from a killed process


def cache_dir() -> Path:
    """Folder of the cache: ``$HEADWATER_CACHE``, or the user's cache folder of the operating system."""
    return Path(os.environ.get("HEADWATER_CACHE") or platformdirs.user_cache_dir("headwater", appauthor=False))


def content_hash(*parts: np.ndarray | str | float | int | bytes | None) -> str:
    """Hash of arrays (dtype, shape and values), strings and numbers: 32 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        else:
            digest.update(f"{type(part).__name__}:{part!r}".encode())
        digest.update(b"\0")
    return digest.hexdigest()[:32]


def cached_arrays(
    name: str,
    key: str,
    compute: Callable[[], dict[str, np.ndarray]],
    *,
    shapes: Mapping[str, tuple[int | None, ...]],
) -> dict[str, np.ndarray]:
    """Return arrays from the cache, or compute and cache them.

    Parameters
    ----------
    name, key : str
        Kind of result, and the hash of everything it depends on.
    compute : callable
        Returns the arrays by name.
    shapes : dict of str to tuple
        Names and shapes of the arrays; None for a length that only the computation determines.

    Returns
    -------
    arrays : dict of str to array
        Results of damaged or unexpected files are computed again. A cache that cannot be read or written costs only
        time and never raises an error.
    """
    arrays = stored_arrays(name, key, shapes=shapes)
    if arrays is None:
        arrays = compute()
        keep_arrays(name, key, arrays)
    return arrays


def stored_arrays(name: str, key: str, *, shapes: Mapping[str, tuple[int | None, ...]]) -> dict[str, np.ndarray] | None:
    """Return the arrays of a cached file; None unless they are finite and have the expected shapes."""
    try:
        arrays = read_arrays(cache_dir() / f"{name}-{key}.npz")
    except (FileNotFoundError, DamagedFile):
        return None
    fit = arrays.keys() == shapes.keys() and all(_fits(arrays[name], shape) for name, shape in shapes.items())
    return arrays if fit else None


def _fits(array: np.ndarray, shape: tuple[int | None, ...]) -> bool:
    lengths = len(array.shape) == len(shape) and all(
        expected in (None, found) for expected, found in zip(shape, array.shape, strict=True)
    )
    return lengths and array.dtype.kind in "iuf" and bool(np.isfinite(array).all())


def keep_arrays(name: str, key: str, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays to the cache if possible, and remove files that killed processes left there."""
    path = cache_dir() / f"{name}-{key}.npz"
    try:
        write_arrays(path, arrays)
        for leftover in path.parent.glob(".part-*"):
            if time.time() - leftover.stat().st_mtime > ABANDONED:
                leftover.unlink(missing_ok=True)
    except OSError:
        pass
