"""Run attacks of one kind, a line of the log for each: what crashes or hangs takes only this process with it."""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

from campaign import configurations, kills, recordings

ATTACKS = {"recordings": recordings.attack, "configurations": configurations.attack, "kills": kills.attack}


def work(kind: str, numbers: range, log: Path) -> None:
    """Append one line for each attack; a line with the number alone says that it has begun."""
    warnings.simplefilter("ignore")
    with log.open("a") as lines:
        for number in numbers:
            print(number, file=lines, flush=True)
            with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
                print(ATTACKS[kind](number, Path(folder)).to_json(), file=lines, flush=True)


if __name__ == "__main__":
    work(sys.argv[1], range(int(sys.argv[2]), int(sys.argv[3])), Path(sys.argv[4]))
