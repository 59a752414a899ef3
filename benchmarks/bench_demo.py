"""How long a new user waits: the import, the demo with an empty cache, and the demo again.

    python benchmarks/bench_demo.py [--out benchmarks/results/demo.md]

Each figure is the time of a whole process: on the clock, and of the processor, which hardly depends on other programs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import recorded


def seconds(*arguments: str, cache: str) -> tuple[float, float]:
    """Time of one Python process: on the clock, and of the processor."""
    start, used = time.perf_counter(), processor_time()
    environment = {**os.environ, "HEADWATER_CACHE": cache}
    subprocess.run([sys.executable, *arguments], check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start, processor_time() - used


def processor_time() -> float:
    """Of all processes that have ended so far, in s."""
    ended = os.times()
    return ended.children_user + ended.children_system


def main() -> None:
    """Print the measured times and their limits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="also write everything to this Markdown file")
    with recorded(parser.parse_args().out, "How long a new user waits"):
        print_times()


def print_times() -> None:
    """Run each command in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        demo = ("-m", "headwater.cli", "demo", "--out", str(Path(folder) / "demo"), "--overwrite")
        rows = [
            ("python -c pass", seconds("-c", "pass", cache=folder), None),
            ("import mne, for comparison", seconds("-c", "import mne", cache=folder), None),
            ("import headwater", seconds("-c", "import headwater", cache=folder), 1),
            ("headwater demo, cold cache", seconds(*demo, cache=folder), 90),
            ("headwater demo, warm cache", seconds(*demo, cache=folder), 15),
        ]
    print(f"{'':30} {'clock':>8} {'processor':>10}")
    for name, (clock, processor), limit in rows:
        print(f"{name:30} {clock:6.2f} s {processor:8.2f} s" + (f"   limit {limit} s" if limit else ""))


if __name__ == "__main__":
    main()
