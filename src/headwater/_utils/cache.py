"""Expensive results (BEM solutions, lead fields) kept on disk under the hash of everything they depend on."""

import hashlib
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import platformdirs

from headwater._utils.files import atomic_file


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


def cached_arrays(name: str, key: str, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Arrays from the cache, or computed and then kept there.

    A damaged file is computed anew. A cache that cannot be written only costs time, so it never stops the work.
    """
    path = cache_dir() / f"{name}-{key}.npz"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):  # truncated, or not an npz file at all
        path.unlink(missing_ok=True)
    arrays = compute()
    try:
        with atomic_file(path) as temporary, temporary.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)
    except OSError:
        pass
    return arrays
