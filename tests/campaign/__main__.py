"""The whole campaign: ``python -m campaign [KIND] [--n N] [--only K] [--out FILE]``, from the folder ``tests``."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from campaign.outcomes import CRASH, FAILURES, HANG, KINDS, Outcome

NUMBERS = {"recordings": 800, "configurations": 1000, "kills": 50}
HANG_S = {"recordings": 300, "configurations": 200, "kills": 900}
PROCESSES = 2


def run_kind(kind: str, numbers: range, log: Path) -> list[Outcome]:
    """Run attacks in processes that are replaced when they crash or hang."""
    start, outcomes = numbers.start, []
    while start < numbers.stop:
        log.unlink(missing_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "campaign.worker", kind, str(start), str(numbers.stop), str(log)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        said = ThreadPoolExecutor(1).submit(process.stderr.read)  # type: ignore[union-attr]
        hung = _wait(process, log, HANG_S[kind])
        lines = log.read_text().splitlines() if log.exists() else []
        done = [Outcome(**json.loads(line)) for line in lines if line.startswith("{")]
        outcomes += done
        start += len(done)
        if start < numbers.stop:
            words = f"signal {signal.Signals(-process.returncode).name}" if process.returncode < 0 else ""
            error = said.result().decode(errors="replace")[-300:]
            outcomes.append(Outcome(f"{start}", HANG if hung else CRASH, f"{words} {error}"))
            start += 1
    return outcomes


def _wait(process: subprocess.Popen[bytes], log: Path, limit_s: float) -> bool:
    """Wait for a worker; kill it, and return True, once its log has not grown for so many seconds."""
    size, changed = -1, time.monotonic()
    while process.poll() is None:
        time.sleep(0.5)
        grown = log.stat().st_size if log.exists() else 0
        if grown != size:
            size, changed = grown, time.monotonic()
        if time.monotonic() - changed > limit_s:
            process.kill()
            process.wait()
            return True
    return False


def table(results: dict[str, list[Outcome]], minutes: float) -> str:
    """Return the table of the campaign as Markdown, with every failure in words."""
    lines = ["# Campaign", "", "`make campaign`: seeded attacks on the command line (`tests/campaign`).", ""]
    lines += [f"| attacks | number | {' | '.join(KINDS)} |", "|---|---|" + "---|" * len(KINDS)]
    for kind, outcomes in results.items():
        counts = Counter(one.kind for one in outcomes)
        lines.append(f"| {kind} | {len(outcomes)} | {' | '.join(str(counts[name]) for name in KINDS)} |")
    failures = [(kind, one) for kind, outcomes in results.items() for one in outcomes if one.kind in FAILURES]
    lines += ["", f"{minutes:.0f} minutes with {PROCESSES} processes. Failures: {len(failures)}.", ""]
    lines += [f"- {kind} {one.case}: **{one.kind}**: {' '.join(one.words.split())}" for kind, one in failures]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", nargs="?", choices=NUMBERS, help="default: all")
    parser.add_argument("--n", type=int, help="number of attacks of each kind")
    parser.add_argument("--only", type=int, help="number of one attack")
    parser.add_argument("--out", type=Path, help="file for the table")
    given = parser.parse_args()
    began, results = time.monotonic(), {}
    for kind in [given.kind] if given.kind else NUMBERS:
        number = given.n or NUMBERS[kind]
        parts = [range(number * k // PROCESSES, number * (k + 1) // PROCESSES) for k in range(PROCESSES)]
        if given.only is not None:
            parts = [range(given.only, given.only + 1)]
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(PROCESSES) as pool:
            logs = [Path(folder) / f"{k}.jsonl" for k in range(len(parts))]
            found = list(pool.map(run_kind, [kind] * len(parts), parts, logs))
        results[kind] = [one for part in found for one in part]
    text = table(results, (time.monotonic() - began) / 60)
    print(text)
    if given.out:
        given.out.write_text(text)
    sys.exit(any(one.kind in FAILURES for outcomes in results.values() for one in outcomes))


if __name__ == "__main__":
    main()
