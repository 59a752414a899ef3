"""Recompute a sample of the committed benchmark tables and compare it with their printed digits.

    python benchmarks/check_results.py [--data FOLDER] [FOLDER ...]

A cell is recomputed whole: all samples of a case and a head. Timings are not compared.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from record import recorded

from headwater.benchmark import PROTOCOLS, run_benchmark
from headwater.benchmark.protocol import Protocol
from headwater.benchmark.simulated import Simulated
from headwater.weights.catalogue import shipped

RESULTS = Path(__file__).parent / "results"
PRINTED = 3  # significant digits in table.md
DECIMALS_MM = 1  # at most, in table.md
TIMINGS = ("fit", "single", "batch", "memory")
FILE = "file:"  # a bundled network of one lead field, by the file of its weights
KEY = ["case", "solver", "seed", "metric"]


@dataclass(frozen=True)
class Sample:
    """What is recomputed of one table, on its first head."""

    cases: tuple[str, ...]
    solvers: tuple[str, ...]


CHECKS = {
    "piunet-quick": Sample(("snr-0", "width-40", "sources-5", "narrow"), ("mne", "eloreta", "lcmv", "sam")),
    "networks-piunet-quick": Sample(("snr-20",), ("sloreta", "eloreta")),
    "multi-source-quick": Sample(("random", "D"), ("wmne", "eloreta", "dspm-no-depth", "lcmv")),
    "networks-multi-source-quick": Sample(("random",), ("sloreta", f"{FILE}multi-source-convnet")),
    "networks-direct-unet-quick": Sample(("snr-10", "discs-5"), ("eloreta", f"{FILE}direct-unet")),
    "networks-spikes-quick": Sample(("patches-2", "electrodes-16"), ("sloreta", "eloreta")),
    "networks-subcortical-quick": Sample(("cortical-snr-20", "subcortical-snr-20"), ("sloreta", "eloreta")),
    "speed-quick": Sample(("61 EEG, 10 mm",), ("eloreta", "mne", "dipole-scan")),
    "real-quick": Sample(
        ("visual-eeg", "auditory-meg", "sep-20", "seizure", "visual-eeg-volume"),
        ("eloreta", "dspm", "sloreta", "lcmv", "piunet"),
    ),
    "real-paper": Sample(("sep-A1974",), ("eloreta", "piunet", "morphed:direct-unet")),
    "piunet-paper": Sample(("snr-20", "missing-5"), ("eloreta", "piunet")),
    "known-head-paper": Sample(("snr-20",), ("eloreta", "piunet")),
    "equal-minutes": Sample(("snr-10",), ("eloreta",)),
}


def main() -> int:
    """Check every table that is asked for; return 1 if a printed digit differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", help=f"Folders of benchmarks/results [default: {', '.join(CHECKS)}].")
    parser.add_argument("--data", type=Path, default=RESULTS.parents[2] / "shared" / "data", help="Real recordings.")
    parser.add_argument("--out", type=Path, help="Markdown file for what is printed.")
    arguments = parser.parse_args()
    with recorded(arguments.out, "Committed results, recomputed"):
        header = (
            f"{'table':28}  {'values':>6}  {'differ as printed':>17}  {'largest relative difference':>27}  {'s':>4}"
        )
        print(header)
        different = [check(name, arguments.data) for name in arguments.tables or CHECKS]
        for frame in different:
            if len(frame):
                print(frame.to_string(index=False))
    return int(any(len(frame) for frame in different))


def check(name: str, data: Path) -> pd.DataFrame:
    """Recompute part of a table; return the rows that differ in a printed digit."""
    sample, start = CHECKS[name], time.perf_counter()
    committed = pd.read_csv(RESULTS / name / "results.csv")
    protocol, size = PROTOCOLS[committed["protocol"][0]], committed["size"][0]
    if protocol.name == "real" and not data.is_dir():
        print(f"{name:28}  skipped: there is no folder {data}")
        return committed[:0]
    seed = int(committed["seed"][0])
    with tempfile.TemporaryDirectory() as folder:
        found = run_benchmark(
            one_head(protocol, size, seed),
            size,
            [_solver(one) for one in sample.solvers],
            Path(folder) / "run",
            data=data if protocol.name == "real" else None,
            cases=sample.cases,
            samples=_samples(RESULTS / name / "table.md"),
        )
    both = committed.merge(found, on=KEY, suffixes=("", "_now"))
    both = both[~both["metric"].isin(TIMINGS) & (both["status"] == "ok")]
    now, then = both["value_now"].to_numpy(float), both["value"].to_numpy(float)
    off = np.abs(now - then) / np.maximum(np.abs(then), 1e-12)
    printed = [_printed(one, unit) for one, unit in zip(then, both["unit"], strict=True)]
    again = [_printed(one, unit) for one, unit in zip(now, both["unit"], strict=True)]
    wrong = both[np.array(printed) != np.array(again)]
    expected = {(case, _label(one)) for case in sample.cases for one in sample.solvers}
    if missing := expected - set(zip(both["case"], both["solver"], strict=True)) - _without(committed):
        raise RuntimeError(f"{name}: nothing was compared for {sorted(missing)}")
    print(
        f"{name:28}  {len(both):6}  {len(wrong):17}  {np.nanmax(off):27.2g}  {time.perf_counter() - start:4.0f}",
        flush=True,
    )
    return wrong[[*KEY, "value", "value_now"]]


def one_head(protocol: Protocol, size: str, seed: int) -> Protocol:
    """Return a protocol with its first head only."""
    if not isinstance(protocol, Simulated):
        return protocol
    sizes = {size: replace(protocol.sizes[size], seeds=(seed,))}
    return replace(protocol, sizes=sizes)


def _without(committed: pd.DataFrame) -> set[tuple[str, str]]:
    """Cases and solvers that have no value in the committed table either."""
    best = committed.assign(ok=committed["status"] == "ok").groupby(["case", "solver"])["ok"].any()
    return {key for key, ok in best.items() if not ok}


def _samples(table: Path) -> int | None:
    found = re.search(r"^- samples: (\d+)$", table.read_text(encoding="utf-8"), re.MULTILINE)
    return int(found[1]) if found else None


def _solver(name: str) -> str:
    return str(shipped()[name.removeprefix(FILE)]) if name.startswith(FILE) else name


def _label(name: str) -> str:
    return f"{name.removeprefix('morphed:')}-morphed" if name.startswith("morphed:") else name.removeprefix(FILE)


def _printed(value: float, unit: str) -> str:
    return f"{round(value, DECIMALS_MM if unit == 'mm' else 9) + 0.0:.{PRINTED}g}"


if __name__ == "__main__":
    sys.exit(main())
