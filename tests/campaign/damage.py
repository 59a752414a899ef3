"""Bytes that went wrong on their way: what a broken disk, a full one or an interrupted copy leaves of a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

Damage = Callable[[bytearray, np.random.Generator], bytes | bytearray]


def truncate(content: bytearray, rng: np.random.Generator) -> bytes | bytearray:
    """Keep only the beginning."""
    return content[: int(rng.integers(0, len(content)))]


def flip(content: bytearray, rng: np.random.Generator) -> bytes | bytearray:
    """Invert some bits anywhere."""
    for at in rng.integers(0, len(content), int(rng.integers(1, 40))):
        content[at] ^= 1 << int(rng.integers(8))
    return content


def flip_header(content: bytearray, rng: np.random.Generator) -> bytes | bytearray:
    """Change bytes near the beginning, where formats keep their sizes."""
    for at in rng.integers(0, min(2000, len(content)), int(rng.integers(1, 8))):
        content[at] = int(rng.integers(256))
    return content


def zero(content: bytearray, rng: np.random.Generator) -> bytes | bytearray:
    """Blank a block, as a file system does that lost it."""
    start = int(rng.integers(0, len(content)))
    stop = min(len(content), start + int(rng.integers(1, 5000)))
    content[start:stop] = bytes(stop - start)
    return content


def drop(content: bytearray, rng: np.random.Generator) -> bytes | bytearray:
    """Leave out a block, so that the rest is in the wrong place."""
    start = int(rng.integers(0, len(content)))
    del content[start : start + int(rng.integers(1, 500))]
    return content


def repeat(content: bytearray, rng: np.random.Generator) -> bytes | bytearray:
    """Insert a block twice."""
    start = int(rng.integers(0, len(content)))
    content[start:start] = content[start : start + int(rng.integers(1, 500))]
    return content


DAMAGES: tuple[Damage, ...] = (truncate, flip, flip_header, zero, drop, repeat)


def damage_file(path: Path, rng: np.random.Generator) -> str:
    """Damage a file in place; say how."""
    chosen = DAMAGES[rng.integers(len(DAMAGES))]
    path.write_bytes(chosen(bytearray(path.read_bytes()), rng))
    return f"{chosen.__name__} {path.name}"
