"""Record the output of a benchmark, with everything needed to reproduce it."""

import contextlib
import io
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("headwater", "numpy", "scipy", "torch", "mne")


@contextlib.contextmanager
def recorded(path: str | Path | None, title: str) -> Iterator[None]:
    """Also write the output of the block to a Markdown file, below its command, commit, machine and versions.

    Nothing is written without a path or if the block ends with an error.
    """
    if path is None:
        yield
        return
    began, load = datetime.now(UTC), os.getloadavg()[0]
    copy = _Copy(sys.stdout)
    with contextlib.redirect_stdout(copy):
        yield
    facts = {
        "command": f"`{_command()}`",
        "commit": _commit(),
        "date": f"{began:%Y-%m-%d %H:%M} UTC, {(datetime.now(UTC) - began).total_seconds():.0f} s",
        "machine": f"{_cores()} cores, {_processor()}, {platform.system()}; load before the run {load:.1f}",
        "versions": f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    }
    lines = [f"# {title}", "", *(f"- {name}: {fact}" for name, fact in facts.items()), "", "```text"]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("\n".join(lines) + "\n" + copy.getvalue().rstrip() + "\n```\n", encoding="utf-8")


class _Copy(io.StringIO):
    """Text that is both shown and recorded."""

    def __init__(self, shown: io.TextIOBase):
        super().__init__()
        self.shown = shown

    def write(self, text: str) -> int:
        self.shown.write(text)
        self.shown.flush()
        return super().write(text)


def _command() -> str:
    """Return the command, without folders that are specific to this machine."""
    script, *arguments = sys.argv
    shown = Path(script).resolve().relative_to(Path(__file__).resolve().parent.parent)
    return shlex.join(["python", str(shown), *(_relative(one) for one in arguments)])


def _relative(argument: str) -> str:
    return Path(argument).name if os.path.isabs(argument) else argument


def _commit() -> str:
    """Return the commit, and whether the code differs from it."""
    folder = Path(__file__).parent.parent
    run = ["git", "-C", str(folder)]
    try:
        commit = subprocess.run([*run, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        code = [*run, "status", "--porcelain", "--untracked-files=no", "src", "benchmarks/*.py"]
        changed = subprocess.run(code, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown (no Git repository)"
    return commit.stdout.strip() + (" with uncommitted changes" if changed.stdout.strip() else "")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
