"""From a BIDS data set of eight simulated subjects to the group's report, killed half-way and resumed.

    python benchmarks/bench_pipeline.py --out benchmarks/results/pipeline.md

Every subject has a head of its own (`Head.varied`), a source within 4 mm of the same place in MNI305, ongoing activity,
blinks, a muscle and a bad channel; the pipeline assumes the template, scaled to the digitised electrodes. It is
killed (SIGKILL) when three subjects are done, and called again.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from record import recorded

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from pipeline.datasets import BAD, TRUTH_MM, write_dataset  # noqa: E402

N_SUBJECTS, KILLED_AFTER = 8, 3
SETTINGS = {"localisation": {"spacing": 10.0, "method": "bem", "tmin": 0.05, "tmax": 0.2}}


def command(root: Path, settings: Path, workers: int) -> list[str]:
    """Return the command line of the pipeline."""
    program = [sys.executable, "-m", "headwater.cli", "pipeline", str(root)]
    return [*program, "--settings", str(settings), "--workers", str(workers)]


def done(out: Path) -> list[Path]:
    """Return the subjects that are done."""
    return sorted(path.parent for path in out.glob("sub-*/headwater.json"))


def killed(root: Path, settings: Path, out: Path) -> int:
    """Begin, and kill the program when some subjects are done; return how many."""
    running = subprocess.Popen(command(root, settings, 1), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(done(out)) < KILLED_AFTER and running.poll() is None:
        time.sleep(0.2)
    running.send_signal(signal.SIGKILL)
    running.wait()
    return len(done(out))


def rows(out: Path) -> pd.DataFrame:
    """Describe what was done to each subject, and how far its peak is from the truth."""
    found = []
    for folder in done(out):
        content = json.loads((folder / "headwater.json").read_text())
        peak = content["conditions"]["touch"][0]
        place = np.array([peak[f"{axis}_mm"] for axis in "xyz"])
        components = content["components"]
        found.append(
            {
                "subject": folder.name,
                "bad channels found": content["steps"]["Bad channels found"],
                "components removed": ", ".join(one["label"] for one in components if one["removed"]) or "none",
                "trials": content["steps"]["Trials"],
                "error mm": round(float(np.linalg.norm(place - TRUTH_MM)), 1),
            }
        )
    return pd.DataFrame(found)


def measure(root: Path, workers: int) -> None:
    """Write the data set, run, kill, resume, and print."""
    out, settings = root / "derivatives" / "headwater", root.parent / "settings.yaml"
    write_dataset(root, N_SUBJECTS)
    settings.write_text(yaml.safe_dump(SETTINGS))
    n_killed = killed(root, settings, out)
    before = {folder: (folder / "headwater.json").stat().st_mtime_ns for folder in done(out)}
    said = subprocess.run(command(root, settings, workers), capture_output=True, text=True, check=True).stdout
    same = sum((folder / "headwater.json").stat().st_mtime_ns == when for folder, when in before.items())
    (peak,) = json.loads((out / "group" / "headwater.json").read_text())["peaks"]
    place = np.array([peak[f"{axis}_mm"] for axis in "xyz"])
    print(f"killed after {n_killed} of {N_SUBJECTS} subjects; resumed: {said.splitlines()[0]}")
    print(f"subjects done before that were left untouched: {same} of {n_killed}")
    print(f"unfinished folders left: {len(list(out.glob('.part-*')))}")
    print(rows(out).to_string(index=False))
    print(f"bad channel of the simulation: {BAD}")
    print(
        f"group: {1e3 * peak['time_s']:.0f} ms (truth: 100 ms), {peak['region']}, error "
        f"{np.linalg.norm(place - TRUTH_MM):.1f} mm"
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, help="Markdown file.")
    arguments = parser.parse_args()
    with recorded(arguments.out, "From BIDS to reports"), tempfile.TemporaryDirectory() as folder:
        measure(Path(folder) / "bids", arguments.workers)


if __name__ == "__main__":
    main()
