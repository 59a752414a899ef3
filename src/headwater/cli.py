"""The command line: one thin sub-command per public function."""

from __future__ import annotations

import shlex
import sys
import warnings
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from headwater._utils.errors import InputError

app = typer.Typer(
    name="headwater",
    help="Find the sources of M/EEG in millimetres.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
console = Console()
errors = Console(stderr=True)


class Sensors(StrEnum):
    """Which sensor types are used."""

    all = "all"
    eeg = "eeg"
    meg = "meg"
    mag = "mag"
    grad = "grad"


class Space(StrEnum):
    """Where sources may lie."""

    volume = "volume"
    cortex = "cortex"
    mixed = "mixed"


class Listing(StrEnum):
    """What can be listed."""

    solvers = "solvers"


@app.command()
def localize(
    recording: Annotated[Path, typer.Argument(help="Raw data, epochs or averages, in any format MNE-Python reads.")],
    out: Annotated[Path | None, typer.Option(help="Results folder [default: RECORDING-headwater].")] = None,
    condition: Annotated[str | None, typer.Option(help="Average, kind of epochs, or annotation.")] = None,
    tmin: Annotated[float | None, typer.Option(help="Start of the window, in s.")] = None,
    tmax: Annotated[float | None, typer.Option(help="End of the window, in s.")] = None,
    solver: Annotated[str, typer.Option(help="See `headwater list solvers`.")] = "eloreta",
    snr: Annotated[float | None, typer.Option(help="Signal-to-noise ratio; lambda2 = 1/snr^2.")] = None,
    sensors: Annotated[Sensors, typer.Option(help="Sensor types to use.")] = Sensors.all,
    bads: Annotated[str, typer.Option(help="Further bad channels, separated by commas.")] = "",
    highpass: Annotated[float | None, typer.Option(help="High-pass filter, in Hz.")] = None,
    lowpass: Annotated[float | None, typer.Option(help="Low-pass filter, in Hz.")] = None,
    forward: Annotated[Path | None, typer.Option(help="Forward solution (-fwd.fif) or lead field (.npz).")] = None,
    subject: Annotated[str | None, typer.Option(help="FreeSurfer subject [default: the template head].")] = None,
    subjects_dir: Annotated[Path | None, typer.Option(help="FreeSurfer's subjects folder.")] = None,
    noise_cov: Annotated[Path | None, typer.Option(help="Noise covariance [default: from the baseline].")] = None,
    space: Annotated[Space, typer.Option(help="Source space.")] = Space.volume,
    spacing: Annotated[float | None, typer.Option(help="Distance of sources, in mm.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier results folder.")] = False,
) -> None:
    """Localise a recording: source estimate, table of peaks, report."""
    from headwater._utils.files import refuse_unowned
    from headwater.localization import analyze, read_recording
    from headwater.localization.leadfield_file import read_leadfield
    from headwater.localization.noise import read_noise_cov
    from headwater.report.results import MARKER, write_results

    out = out or Path(f"{_stem(recording)}-headwater")
    refuse_unowned(out, MARKER, overwrite=overwrite)
    method = _solver(solver, snr)
    head = _head(subject, subjects_dir)
    localization = analyze(
        read_recording(recording),
        method,
        head=head,
        forward=None if forward is None else read_leadfield(forward, head),
        noise_cov=None if noise_cov is None else read_noise_cov(noise_cov),
        condition=condition,
        tmin=tmin,
        tmax=tmax,
        sensors=sensors.value,
        bads=tuple(name.strip() for name in bads.split(",") if name.strip()),
        space=space.value,
        spacing=spacing,
        highpass=highpass,
        lowpass=lowpass,
    )
    write_results(localization, out, command=_command(), overwrite=overwrite)
    _print_peaks(localization.peaks)
    console.print(f"Results in {out}: open {out / 'report.html'} in a browser.", soft_wrap=True)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Results folder.")] = Path("headwater-demo"),
    seed: Annotated[int, typer.Option(help="Another seed makes another head and other noise.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier demo.")] = False,
) -> None:
    """Simulate a visual and a somatosensory response on another head, localise both, and measure the errors."""
    from headwater.demo import run_demo

    errors_mm = run_demo(out, seed=seed, overwrite=overwrite, command=_command())
    table = Table(title="Localisation error in mm (data: another head, other conductivities)")
    table.add_column("solver")
    for response in errors_mm.columns:
        table.add_column(response, justify="right")
    for solver, row in errors_mm.iterrows():
        table.add_row(str(solver), *(f"{error:.1f}" for error in row))
    console.print(table)
    for response in errors_mm.columns:
        console.print(f"Report: {out / response / 'report.html'}", soft_wrap=True)
    console.print(
        f"Try it on the simulated recording: headwater localize {out / 'demo-ave.fif'} --condition visual",
        soft_wrap=True,
    )


@app.command("list")
def list_(what: Annotated[Listing, typer.Argument(help="What to list.")] = Listing.solvers) -> None:
    """List what can be named on the command line."""
    from headwater.solvers import SOLVERS

    table = Table(title=what.value)
    table.add_column("name")
    table.add_column("method")
    for name, solver in SOLVERS.items():
        table.add_row(name, (solver.__doc__ or "").strip().splitlines()[0])
    console.print(table)


@app.command()
def info() -> None:
    """Show versions, devices and the cache: what a bug report needs."""
    import os
    import platform
    from importlib.metadata import version

    import torch

    from headwater._utils.cache import cache_dir

    folder = cache_dir()
    size = sum(path.stat().st_size for path in folder.glob("*") if path.is_file()) if folder.is_dir() else 0
    rows = {
        "headwater": version("headwater"),
        "Python": platform.python_version(),
        **{name: version(name) for name in ("mne", "numpy", "scipy", "torch")},
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
        "GPU": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "cache": f"{folder} ({size / 1e6:.0f} MB)",
    }
    for name, value in rows.items():
        console.print(f"{name:10} {value}", highlight=False, soft_wrap=True)


def _stem(recording: Path) -> str:
    """File name without suffixes such as ``.fif.gz``."""
    return recording.name.removesuffix(".gz").rsplit(".", 1)[0] or recording.name


def _solver(name: str, snr: float | None):  # noqa: ANN202
    from headwater.localization.analyze import SNR_AVERAGE
    from headwater.solvers import SOLVERS

    if name not in SOLVERS:
        raise InputError(f"Unknown solver {name!r}; choose one of {', '.join(SOLVERS)}.")
    if snr is not None and not 0 < snr < float("inf"):
        raise InputError(f"An SNR of {snr} makes no sense; give a positive number, such as {SNR_AVERAGE:g}.")
    return SOLVERS[name]() if snr is None else SOLVERS[name](lambda2=1 / snr**2)


def _head(subject: str | None, subjects_dir: Path | None):  # noqa: ANN202
    if subject is None:
        if subjects_dir is not None:
            raise InputError("--subjects-dir needs --subject NAME.")
        return None
    if subjects_dir is None:
        raise InputError("--subject needs --subjects-dir, the folder that holds FreeSurfer's subjects.")
    from headwater.head.subject import head_from_subject

    return head_from_subject(subject, subjects_dir)


def _command() -> str:
    return shlex.join(["headwater", *sys.argv[1:]])


def _print_peaks(peaks) -> None:  # noqa: ANN001
    table = Table(title="Peaks, strongest first")
    for column in peaks.columns:
        table.add_column(column, justify="left" if column in ("frame", "region", "unit") else "right")
    for row in peaks.itertuples(index=False):
        table.add_row(*(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row))
    console.print(table)


def main() -> None:
    """Run the command line; what the user can mend is said in one sentence, with exit code 2."""
    import mne

    mne.set_log_level("ERROR")
    warnings.showwarning = _show_warning
    try:
        app()
    except InputError as error:
        errors.print(f"Error: {error}", style="red", highlight=False, soft_wrap=True)
        sys.exit(2)
    except OSError as error:
        errors.print(f"Error: {error.strerror or error} ({error.filename or 'while writing'}); nothing was kept.")
        sys.exit(2)


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:  # noqa: ANN001
    errors.print(f"Note: {message}", style="yellow", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
