"""``headwater localize``."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from headwater._utils.errors import InputError
from headwater.cli.app import called_as, console
from headwater.cli.options import Forward, Space, Spacing, Subject, SubjectsDir, Trans, chosen_head, parsed_spacing

if TYPE_CHECKING:
    import pandas as pd

    from headwater.localization import Localization
    from headwater.localization.options import Baseline
    from headwater.solvers import Solver


class Sensors(StrEnum):
    """Which sensor types are used."""

    all = "all"
    eeg = "eeg"
    meg = "meg"
    mag = "mag"
    grad = "grad"


class Method(StrEnum):
    """How a lead field is computed."""

    bem = "bem"
    openmeeg = "openmeeg"
    fem = "fem"
    sphere = "sphere"


class Rejection(StrEnum):
    """How trials with artefacts are found."""

    none = "none"
    auto = "auto"
    autoreject = "autoreject"


def localize(
    recording: Annotated[Path, typer.Argument(help="Raw data, epochs or averages, in any format MNE-Python reads.")],
    out: Annotated[Path | None, typer.Option(help="Results folder [default: RECORDING-CONDITION-headwater].")] = None,
    condition: Annotated[
        str | None, typer.Option(help="Evoked response (name or number), kind of epochs, event, or component.")
    ] = None,
    tmin: Annotated[float | None, typer.Option(help="Start of the window, in s.")] = None,
    tmax: Annotated[float | None, typer.Option(help="End of the window, in s.")] = None,
    epoch: Annotated[
        tuple[float, float], typer.Option(help="Window around the events of raw data, in s.", metavar="START END")
    ] = (-0.2, 0.5),
    baseline: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Interval to subtract, in s [default: before zero].", metavar="START END"),
    ] = None,
    no_baseline: Annotated[
        bool, typer.Option("--no-baseline", help="Subtract no baseline; `--baseline none` says the same.")
    ] = False,
    reject: Annotated[
        Rejection, typer.Option(help="Leave out trials with artefacts, by thresholds found from the data.")
    ] = Rejection.none,
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
        float | None, typer.Option(help="Signal-to-noise ratio that sets lambda2 = 1/snr^2 of a classical solver.")
    ] = None,
    sensors: Annotated[Sensors, typer.Option(help="Sensor types to use.")] = Sensors.all,
    bads: Annotated[str, typer.Option(help="Additional bad channels, separated by commas.")] = "",
    find_bads: Annotated[
        bool, typer.Option(help="Find further bad channels from the data, and leave them out.")
    ] = True,
    montage: Annotated[
        str | None, typer.Option(help="Electrode positions: a montage of MNE-Python by name, or a file.")
    ] = None,
    highpass: Annotated[
        float | None,
        typer.Option(help="High-pass filter, in Hz [default: 20 for windows within 50 ms of a stimulus]; 0: none."),
    ] = None,
    lowpass: Annotated[float | None, typer.Option(help="Low-pass filter, in Hz.")] = None,
    forward: Forward = None,
    subject: Subject = None,
    subjects_dir: SubjectsDir = None,
    trans: Trans = None,
    noise_cov: Annotated[Path | None, typer.Option(help="Noise covariance [default: from the baseline].")] = None,
    regularize: Annotated[
        bool, typer.Option(help="Shrink the noise covariance as far as its number of samples requires.")
    ] = True,
    space: Annotated[Space, typer.Option(help="Source space.")] = Space.volume,
    spacing: Spacing = None,
    method: Annotated[
        Method, typer.Option(help="How the lead field is computed; fem: finite elements with ten tissues (minutes).")
    ] = Method.bem,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier results folder.")] = False,
) -> None:
    """Localise a recording: source estimate, table of peaks, report."""
    from headwater.localization import analyze
    from headwater.report.results import refuse_foreign, write_results

    out = out or default_folder(recording, condition)
    refuse_foreign(out, overwrite=overwrite)
    localization = analyze(
        recording,
        _morphed(solver) if morph else solver,
        head=chosen_head(subject, subjects_dir, trans),
        forward=forward,
        noise_cov=noise_cov,
        regularize=regularize,
        condition=condition,
        tmin=tmin,
        tmax=tmax,
        epoch=epoch,
        baseline=_chosen_baseline(baseline, none=no_baseline),
        reject=_chosen_rejection(reject),
        sensors=sensors.value,
        bads=tuple(name.strip() for name in bads.split(",") if name.strip()),
        find_bads=find_bads,
        montage=montage,
        space=space.value,
        spacing=parsed_spacing(spacing),
        method=method.value,
        highpass=highpass,
        lowpass=lowpass,
        snr=snr,
    )
    _print_found(localization)
    write_results(localization, out, command=called_as(), overwrite=overwrite)
    console.print(f"Results in {out}: open {out / 'report.html'} in a browser.", soft_wrap=True)


def _chosen_baseline(given: tuple[float, float] | None, *, none: bool) -> Baseline:
    """Return the interval, None for no correction, or the default."""
    if none and given is not None:
        raise InputError("`baseline` is given and turned off by `no_baseline`; leave out one of them.")
    return None if none else given or "auto"


def _chosen_rejection(given: Rejection) -> Literal["auto", "autoreject"] | None:
    if given is Rejection.none:
        return None
    return "auto" if given is Rejection.auto else "autoreject"


def default_folder(recording: Path, condition: str | None) -> Path:
    """Return the results folder of a recording and a condition: ``visual.set-S-1-headwater``.

    The name of the file is kept whole, since recordings often lie beside exports of themselves to other formats.
    """
    tag = "" if condition is None else re.sub(r"[^\w.+]+", "-", condition).strip("-.")
    return Path("-".join(part for part in (recording.name, tag, "headwater") if part))


def _morphed(name: str | None) -> Solver:
    """Return a network for a head or montage that it was not trained for."""
    from headwater.localization.solver_choice import check_network_name
    from headwater.solvers import SOLVERS
    from headwater.training.morph import morphed_network

    if name is None or name in SOLVERS:
        raise InputError("Only networks of one lead field are morphed; name one with `solver`, or leave out `morph`.")
    check_network_name(name)
    return morphed_network(name)


def _print_found(localization: Localization) -> None:
    """Print status and peaks; no peaks where nothing stands out of the noise."""
    _print_trust(localization)
    if localization.trust is None or localization.trust.findings.evidence.found:
        _print_peaks(localization.peaks)
    else:
        console.print("peaks.csv lists the largest values of the estimate, which may be noise.", soft_wrap=True)


def _print_trust(localization: Localization) -> None:
    """Print the status and why, what was found, and how well it fits."""
    from headwater.report import words

    trust = localization.trust
    console.print(f"Status: {words.status(localization)}", style="bold", markup=False)
    for reason in () if trust is None else trust.verdict.reasons:
        console.print(f"  - {reason}", markup=False, soft_wrap=True)
    if localization.not_judged:
        console.print(f"  - {localization.not_judged}", markup=False, soft_wrap=True)
    if bad := words.bad_channels(localization):
        console.print(f"{bad}.", markup=False, soft_wrap=True)
    console.print(words.found(localization), markup=False, soft_wrap=True)
    if trust is not None and trust.findings.evidence.found:
        console.print(f"{words.fit(localization)} {words.other_solver(localization)}", markup=False, soft_wrap=True)
        if sure := words.certainty(localization):
            console.print(sure, markup=False, soft_wrap=True)


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
