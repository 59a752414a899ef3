"""How late a live estimate is: from the last sample of its window to its arrival in another program.

    python benchmarks/bench_live.py --out benchmarks/results/live.md

Three processes on this computer: a player sends 250 samples per second in pieces of five, stamped with the time of
sending (MNE-LSL's own player stamps them a piece ahead); `headwater.live` estimates, and serves its page to a
listener; a third process receives the stream of sources and compares the clock with the time stamp of the last sample.
What the causal filter delays is not part of it.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import threading
import time
import urllib.request
import warnings
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path

import mne
import numpy as np
import pandas as pd
from record import recorded

import headwater as hw
from headwater.live import Calibrated, EstimateSink, LiveOptions, run_live
from headwater.live.lsl import LslSink, LslSource
from headwater.live.page import Page
from headwater.live.summary import Anatomy

SFREQ, PIECE, LIMIT_MS = 250.0, 5, 50.0
SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Case:
    """What is measured."""

    solver: str
    montage: str
    spacing: float
    rate: float = 25.0


CASES = (
    Case("eloreta", "biosemi32", 10.0),
    Case("eloreta", "biosemi32", 10.0, rate=50.0),
    Case("eloreta", "biosemi64", 7.0),
    Case("mne", "biosemi64", 7.0),
    Case("piunet", "biosemi32", 10.0, rate=10.0),
    Case("relevance", "biosemi32", 10.0, rate=2.0),
)


def play(source_id: str, montage: str, stop: Event) -> None:
    """Send a recording again and again: sensor noise and alpha oscillations of one source."""
    from mne_lsl.lsl import StreamInfo, StreamOutlet, local_clock

    head = hw.template_head()
    info = hw.montage_info(head, montage, sfreq=SFREQ)
    leadfield = hw.make_leadfield(head, info, spacing=25.0, method="sphere")
    times = np.arange(round(20 * SFREQ)) / SFREQ
    data = 5e-6 * np.random.default_rng(0).standard_normal((len(info["ch_names"]), len(times)))
    data += 50e-9 * np.outer(leadfield.gain[:, leadfield.n_sources // 2, 2], np.sin(2 * np.pi * 10 * times))
    described = StreamInfo(source_id, "eeg", len(data), SFREQ, "float32", source_id)
    described.set_channel_info(info)
    described.set_channel_units("volts")
    outlet, begin = StreamOutlet(described, chunk_size=PIECE), local_clock()
    pieces = itertools.cycle(np.split(np.ascontiguousarray(data.T, dtype=np.float32), len(times) // PIECE))
    for number, piece in enumerate(pieces):
        if stop.wait(max(0.0, begin + number * PIECE / SFREQ - local_clock())):
            return
        outlet.push_chunk(piece, timestamp=local_clock())


def receive(source_id: str, stop: Event, answer: Connection) -> None:
    """Compare the clock with the time stamps of the stream of sources."""
    from mne_lsl.lsl import StreamInlet, local_clock, resolve_streams

    found: list = []
    while not found and not stop.is_set():
        found = resolve_streams(2.0, source_id=source_id)
    inlet, late = StreamInlet(found[0]), []
    inlet.open_stream()
    answer.send("ready")
    while not stop.is_set():
        _, stamp = inlet.pull_sample(timeout=0.2)
        if stamp is not None:
            late.append(local_clock() - stamp)
    answer.send(late)


def follow(address: str) -> None:
    """Read the pictures of the page, as a browser does."""
    with urllib.request.urlopen(f"{address}events") as answer:
        while answer.readline():
            pass


def measured(case: Case, seconds: float) -> dict[str, object]:
    """Run one case."""
    source_id = f"bench-live-{time.time_ns()}"
    stop, (ours, theirs) = SPAWN.Event(), SPAWN.Pipe()
    player = SPAWN.Process(target=play, args=(source_id, case.montage, stop))
    receiver = SPAWN.Process(target=receive, args=(f"{source_id}-out", stop, theirs))
    player.start()
    n_sources = 0

    def sinks(calibrated: Calibrated) -> list[EstimateSink]:
        nonlocal n_sources
        n_sources = calibrated.prepared.leadfield.n_sources
        anatomy, unit = Anatomy.of(calibrated.prepared), calibrated.loop.estimator.unit
        page = Page("benchmark", anatomy, calibrated.prepared.head, unit)
        opened = [LslSink(f"{source_id}-out", anatomy, unit), page]
        receiver.start()
        threading.Thread(target=follow, args=(page.address,), daemon=True).start()
        assert ours.recv() == "ready"
        return opened

    source = _opened(source_id)
    options = LiveOptions(
        solver=case.solver, spacing=case.spacing, rate=case.rate, calibrate=5.0, find_bads=False, method="sphere"
    )
    latency = run_live(source, options, sinks, duration=seconds)
    stop.set()
    late_ms = 1e3 * np.array(ours.recv())
    receiver.join()
    player.join()
    return {
        "solver": case.solver,
        "electrodes": len(source.info["ch_names"]),
        "sources": n_sources,
        "windows/s": case.rate,
        "received": len(late_ms),
        "skipped": latency.n_skipped,
        "median ms": round(float(np.median(late_ms)), 1),
        "95 % ms": round(float(np.percentile(late_ms, 95)), 1),
        f"within {LIMIT_MS:.0f} ms": f"{np.mean(late_ms < LIMIT_MS):.1%}",
    }


def _opened(source_id: str) -> LslSource:
    """Open the stream of the player, which takes a moment to start."""
    for _ in range(20):
        try:
            return LslSource(None, source_id)
        except hw.InputError:
            continue
    raise SystemExit("The player has not started.")


def main() -> None:
    """Measure all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--out", type=Path, help="Markdown file.")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    mne.set_log_level("error")
    with recorded(arguments.out, "Latency of live estimates"):
        print(pd.DataFrame([measured(case, arguments.seconds) for case in CASES]).to_string(index=False))


if __name__ == "__main__":
    main()
