"""Files that a reader does not survive are refused before they are read."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import zlib
from pathlib import Path

from headwater._utils.errors import InputError

# Recordings shrink by a factor of 2 to 5 when they are compressed; what unpacks to more than this is no recording.
LARGEST_FACTOR, SMALL_BYTES = 100, 2**28
BLOCK_BYTES = 2**22

# SciPy's reader of MATLAB files, which EEGLAB's are, can end the process on a damaged one.
READ_MATLAB = "import sys, pymatreader; pymatreader.read_mat(sys.argv[1])"
CRASHES_AFTER = 600  # s


def refuse_bomb(path: Path) -> None:
    """Refuse a ``.gz`` file that unpacks to far more than any recording of its size."""
    if path.suffix != ".gz":
        return
    most = max(SMALL_BYTES, LARGEST_FACTOR * path.stat().st_size)
    unpacked = 0
    try:
        with gzip.open(path) as stream:
            while block := stream.read(BLOCK_BYTES):
                unpacked += len(block)
                if unpacked > most:
                    raise InputError(
                        f"{path} unpacks to more than {most / 1e6:.0f} MB, {most / path.stat().st_size:.0f} times its "
                        "size, which no recording does; it is damaged or not what it seems."
                    )
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"The recording {path} cannot be unpacked ({error}); export or copy it again.") from error


def refuse_crash(path: Path) -> None:
    """Refuse a MATLAB file that ends the process which reads it, after trying in another process."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", READ_MATLAB, str(path)]
    try:
        ended = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, timeout=CRASHES_AFTER
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(f"The recording {path} is damaged: its reader does not end; export it again.") from error
    if ended.returncode < 0:
        raise InputError(f"The recording {path} is damaged and crashes its reader; export or copy it again.")
