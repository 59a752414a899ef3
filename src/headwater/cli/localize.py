"""``headwater localize``."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from headwater._utils.errors import InputError
from headwater.cli.app import called_as, console
from headwater.cli.options import Forward, Space, Spacing, Subject, SubjectsDir, chosen_head, parsed_spacing

if TYPE_CHECKING:
    import pandas as pd

    from headwater.solvers import Solver


class Sensors(StrEnum):
    """Which sensor types are used."""

    all = "all"
    eeg = "eeg"
    meg = "meg"
    mag = "mag"
    grad = "grad"


def localize(
    recording: Annotated[Path, typer.Argument(help="Raw data, epochs or averages, in any format MNE-Python reads.")],
    out: Annotated[Path | None, typer.Option(help="Results folder [default: RECORDING-headwater].")] = None,
    condition: Annotated[
        str | None, typer.Option(help="Average (name or number), kind of epochs, or annotation.")
    ] = None,
    tmin: Annotated[float | None, typer.Option(help="Start of the window, in s.")] = None,
    tmax: Annotated[float | None, typer.Option(help="End of the window, in s.")] = None,
    solver: Annotated[
        str | None,
        typer.Option(
            help="See `headwater list solvers` and `list weights`, or a .safetensors file [default: piunet in a "
            "volume, eloreta elsewhere]."
        ),
    ] = None,
    morph: Annotated[
        bool, typer.Option("--morph", help="Let a network of one lead field work on another head or montage.")
    ] = False,
    snr: Annotated[
        float | None, typer.Option(help="Signal-to-noise ratio of a classical solver; lambda2 = 1/snr^2.")
    ] = None,
    sensors: Annotated[Sensors, typer.Option(help="Sensor types to use.")] = Sensors.all,
    bads: Annotated[str, typer.Option(help="Further bad channels, separated by commas.")] = "",
    highpass: Annotated[float | None, typer.Option(help="High-pass filter, in Hz.")] = None,
    lowpass: Annotated[float | None, typer.Option(help="Low-pass filter, in Hz.")] = None,
    forward: Forward = None,
    subject: Subject = None,
    subjects_dir: SubjectsDir = None,
    noise_cov: Annotated[Path | None, typer.Option(help="Noise covariance [default: from the baseline].")] = None,
    regularize: Annotated[
        bool, typer.Option(help="Shrink the noise covariance as far as its number of samples requires.")
    ] = True,
    space: Annotated[Space, typer.Option(help="Source space.")] = Space.volume,
    spacing: Spacing = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier results folder.")] = False,
) -> None:
    """Localise a recording: source estimate, table of peaks, report."""
    from headwater.localization import analyze, read_recording
    from headwater.localization.leadfield_file import read_leadfield
    from headwater.localization.noise import read_noise_cov
    from headwater.report.results import refuse_foreign, write_results

    out = out or Path(f"{_stem(recording)}-headwater")
    refuse_foreign(out, overwrite=overwrite)
    method = _morphed(solver, snr) if morph else _solver(solver, snr)
    head = chosen_head(subject, subjects_dir)
    localization = analyze(
        read_recording(recording),
        method,
        head=head,
        forward=None if forward is None else read_leadfield(forward, head),
        noise_cov=None if noise_cov is None else read_noise_cov(noise_cov),
        regularize=regularize,
        condition=condition,
        tmin=tmin,
        tmax=tmax,
        sensors=sensors.value,
        bads=tuple(name.strip() for name in bads.split(",") if name.strip()),
        space=space.value,
        spacing=parsed_spacing(spacing),
        highpass=highpass,
        lowpass=lowpass,
    )
    _print_peaks(localization.peaks)
    write_results(localization, out, command=called_as(), overwrite=overwrite)
    console.print(f"Results in {out}: open {out / 'report.html'} in a browser.", soft_wrap=True)


def _stem(recording: Path) -> str:
    """File name without suffixes such as ``.fif.gz``."""
    return recording.name.removesuffix(".gz").rsplit(".", 1)[0] or recording.name


def _solver(name: str | None, snr: float | None) -> Solver | None:
    """Return the solver that was asked for; None leaves it, with its SNR, to the kind of recording."""
    if name is None and snr is None:
        return None
    name = name or "eloreta"
    from headwater.localization.analyze import SNR_AVERAGE
    from headwater.solvers import SOLVERS

    if name not in SOLVERS:
        from headwater.weights import load_network

        _check_network(name, snr)
        return load_network(name)
    if snr is not None and not 0 < snr < float("inf"):
        raise InputError(f"An SNR of {snr} makes no sense; give a positive number, such as {SNR_AVERAGE:g}.")
    make: Callable[..., Solver] = SOLVERS[name]
    if snr is None:
        return make()
    if "lambda2" not in make().get_params():
        raise InputError(f"The solver {name!r} is not regularised by an SNR; leave out --snr.")
    return make(lambda2=1 / snr**2)


def _check_network(name: str, snr: float | None) -> None:
    """Refuse what is no trained network, and settings for it."""
    from headwater.solvers import SOLVERS
    from headwater.weights import shipped
    from headwater.weights.files import WEIGHTS

    known = shipped()
    if name not in known and Path(name).suffix != WEIGHTS:
        raise InputError(
            f"Unknown solver {name!r}; choose one of {', '.join([*SOLVERS, *known])}, or a {WEIGHTS} file."
        )
    if snr is not None:
        raise InputError("A network has learnt its signal-to-noise ratios; leave out --snr.")


def _morphed(name: str | None, snr: float | None) -> Solver:
    """Return a network for a head or montage that it was not trained for."""
    from headwater.solvers import SOLVERS
    from headwater.training.morph import morphed_network

    if name is None or name in SOLVERS:
        raise InputError("Only networks of one lead field are morphed; name one with --solver, or leave out --morph.")
    _check_network(name, snr)
    return morphed_network(name)


def _print_peaks(peaks: pd.DataFrame) -> None:
    frame, unit = peaks.loc[0, ["frame", "unit"]] if len(peaks) else ("", "")
    table = Table(title=f"Peaks, strongest first (positions in mm, frame {frame})")
    for column in ("ms", "x", "y", "z", f"amplitude ({unit})"):
        table.add_column(column, justify="right")
    table.add_column("region", overflow="fold")
    for peak in peaks.itertuples(index=False):
        place = (f"{peak.x_mm:.0f}", f"{peak.y_mm:.0f}", f"{peak.z_mm:.0f}")
        table.add_row(f"{1e3 * peak.time_s:.0f}", *place, f"{peak.amplitude:.3g}", peak.region or "not known")
    console.print(table)
