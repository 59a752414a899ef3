"""The package as a user gets it: build, check, install in an empty environment, use in an empty folder.

    python benchmarks/bench_package.py [--out benchmarks/results/package.md]

Any command that does not end as it should ends the benchmark with an error. PyTorch is taken away at the end: eLORETA
needs none.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from record import recorded

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ("--constraint", str(ROOT / "constraints.txt"))


class Environment:
    """A new environment and an empty folder to work in.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        venv.create(folder / "env", with_pip=True)
        self.bin = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
        self.work = folder / "work"
        self.work.mkdir()
        clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        self.variables = {**clean, "HEADWATER_CACHE": str(folder / "cache")}

    def run(self, *command: str, code: int = 0) -> tuple[str, str]:
        """Return what a program of the environment prints, and how long it took: on the clock, and the processor."""
        start, used = time.perf_counter(), processor_time()
        done = subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            cwd=self.work,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != code:
            sys.exit(f"{' '.join(command)} ended with {done.returncode} instead of {code}:\n{done.stdout}")
        return done.stdout, f"{time.perf_counter() - start:.1f} s, {processor_time() - used:.1f} s of the processor"

    def megabytes(self) -> float:
        """Return the size of everything that is installed, pip included."""
        files = (path for path in self.bin.parent.rglob("*") if path.is_file() and not path.is_symlink())
        return sum(path.stat().st_size for path in files) / 1e6


def main() -> None:
    """Print sizes and times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="also write everything to this Markdown file")
    with recorded(parser.parse_args().out, "The package as a user gets it"), tempfile.TemporaryDirectory() as folder:
        wheel = build(Path(folder))
        use(Environment(Path(folder)), wheel)


def build(folder: Path) -> Path:
    """Build sdist and wheel, check what an index would say to them, and return the wheel."""
    dist = folder / "dist"
    module = [sys.executable, "-m"]
    subprocess.run([*module, "build", "--outdir", dist, ROOT], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*module, "twine", "check", "--strict", *dist.iterdir()], check=True, stdout=subprocess.DEVNULL)
    (wheel,) = dist.glob("*.whl")
    for path in sorted(dist.iterdir()):
        show("wheel" if path == wheel else "sdist", f"{path.stat().st_size / 1e6:.1f} MB")
    return wheel


def use(environment: Environment, wheel: Path) -> None:
    """Install the wheel, localise, and do so again without PyTorch."""
    run = environment.run
    run("python", "-m", "pip", "install", "--quiet", str(wheel), *CONSTRAINTS)
    show("installed, with PyTorch", f"{environment.megabytes():.0f} MB")
    assert "piunet" in run("headwater", "list", "recipes")[0]
    show("first result of a fresh install (demo)", run("headwater", "demo")[1])
    said, _ = run("headwater", "train", "piunet", code=2)
    assert "pip install 'headwater[train]'" in said, said

    run("python", "-m", "pip", "uninstall", "--quiet", "--yes", "torch", "sympy", "networkx", "fsspec", "filelock")
    show("installed, without PyTorch", f"{environment.megabytes():.0f} MB")
    localize = ("headwater", "localize", "headwater-demo/demo-ave.fif", "--condition", "visual")
    said, _ = run(*localize, "--out", "default", code=2)
    assert "pip install torch" in said, said
    _, took = run(*localize, "--solver", "eloreta", "--out", "eloreta")
    show("eLORETA without PyTorch, with its report", took)


def processor_time() -> float:
    """Of all processes that have ended so far, in s."""
    ended = os.times()
    return ended.children_user + ended.children_system


def show(what: str, value: str) -> None:
    """Print one row."""
    print(f"{what:45}{value}", flush=True)


if __name__ == "__main__":
    main()
