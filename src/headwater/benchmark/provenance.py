"""What was run, with what, and where."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from headwater.benchmark.protocol import Protocol, Settings

PACKAGES = ("headwater", "mne", "numpy", "scipy", "torch")
INCIDENTAL = ("command", "machine")  # may differ when a run is resumed


def provenance(
    protocol: Protocol, settings: Settings, methods: list[str], cases: Sequence[str] | None, command: str | None
) -> dict[str, Any]:
    """Return what the results depend on."""
    return {
        "protocol": protocol.name,
        "size": settings.size,
        "solvers": methods,
        "seeds": list(protocol.seeds(settings)),
        "inverse crime": settings.inverse_crime,
        **({} if settings.samples is None else {"samples": settings.samples}),
        "versions": {name: version(name) for name in PACKAGES},
        "commit": _commit(),
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "command": command,
        **({} if cases is None else {"cases": list(cases)}),
    }


def _commit() -> str:
    """Return the commit of a source checkout, with ``+`` for uncommitted changes; empty for an installed package."""
    here = Path(__file__).parent
    try:
        commit = _git(here, "rev-parse", "--short", "HEAD")
        changes = _git(here.parent, "status", "--porcelain", "--untracked-files=no", "--", ".")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit + ("+" if changes else "")


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
