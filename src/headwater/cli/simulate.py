"""``headwater simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater._utils.errors import InputError
from headwater.cli.app import INTERRUPTED, console, errors
from headwater.cli.options import Forward, Space, Spacing, Subject, SubjectsDir, chosen_head, parsed_spacing

if TYPE_CHECKING:
    from headwater.forward.leadfield import LeadField
    from headwater.simulation.presets import Preset

MONTAGE = "easycap-M10"
N = 1000  # samples that are written by default
PICTURED = 4  # of them


def simulate(
    preset: Annotated[str, typer.Argument(help="Name (see `headwater list presets`) or YAML file.")],
    out: Annotated[Path | None, typer.Option(help="Samples, as a Zarr group; an unfinished one is continued.")] = None,
    n: Annotated[
        int | None, typer.Option("--n", help=f"Number of samples [default: {N}; pictured: {PICTURED}].")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same samples.")] = 0,
    preview: Annotated[Path | None, typer.Option(help="Picture (.png, .pdf, .svg) of the first samples.")] = None,
    space: Annotated[Space | None, typer.Option(help="Source space [default: that of the preset].")] = None,
    spacing: Spacing = None,
    montage: Annotated[
        str | None,
        typer.Option(help=f"EEG montage of MNE-Python, MEG array, or both joined by + [default: {MONTAGE}]."),
    ] = None,
    forward: Forward = None,
    subject: Subject = None,
    subjects_dir: SubjectsDir = None,
    workers: Annotated[int, typer.Option(help="Processes on this machine.")] = 1,
    cluster: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, instead of processes.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace other samples and pictures.")] = False,
) -> None:
    """Simulate recordings together with their sources."""
    from headwater.simulation.simulator import check_request

    chosen = _preset(preset)
    check_request(N if n is None else n, seed)
    n_shown = min(n or PICTURED, PICTURED) if out is not None else n or PICTURED
    _check_targets(out, preview, n_shown, overwrite=overwrite)
    leadfield = _leadfield(chosen, space, spacing, montage, forward, subject, subjects_dir)
    console.print(f"{chosen.name} on {_described(leadfield)}", highlight=False, soft_wrap=True)
    if preview is not None:
        _draw(preview, leadfield, chosen, n_shown, seed, overwrite=overwrite)
    if out is not None:
        _write(out, leadfield, chosen, n or N, seed, workers=workers, cluster=cluster, overwrite=overwrite)


def _check_targets(out: Path | None, preview: Path | None, n_shown: int, *, overwrite: bool) -> None:
    """Refuse files that cannot be written before anything is computed."""
    from headwater.simulation.preview import check_picture
    from headwater.simulation.store import check_target

    if out is None and preview is None:
        raise InputError(
            "Nothing to write: give --out FILE.zarr for samples, --preview FILE.png for a picture, or both."
        )
    if out is not None:
        check_target(out)
    if preview is not None:
        check_picture(preview, n_shown, overwrite=overwrite)


def _draw(preview: Path, leadfield: LeadField, preset: Preset, n: int, seed: int, *, overwrite: bool) -> None:
    """Draw the first samples."""
    from headwater.simulation.preview import plot_preview

    plot_preview(leadfield, preset, preview, seed, n=n, overwrite=overwrite)
    shown = f"{n} samples" if n > 1 else "one sample"
    console.print(f"Picture of {shown} in {preview}.", highlight=False, soft_wrap=True)


def _write(
    out: Path,
    leadfield: LeadField,
    preset: Preset,
    n: int,
    seed: int,
    *,
    workers: int,
    cluster: str | None,
    overwrite: bool,
) -> None:
    """Write the samples; explain how to continue after an interruption."""
    from headwater.simulation.store import count_written, write_samples

    try:
        write_samples(out, leadfield, preset, n, seed, workers=workers, cluster=cluster, overwrite=overwrite)
    except KeyboardInterrupt:
        errors.print(
            f"Stopped: {count_written(out)} of {n} samples are in {out}; the same command continues from there.",
            highlight=False,
            soft_wrap=True,
        )
        raise typer.Exit(INTERRUPTED) from None
    except OSError as error:
        raise InputError(
            f"Cannot write to {out} ({error.strerror or error}); what is finished is kept, and the same command "
            "continues from there."
        ) from error
    console.print(f"{n} samples in {out}: headwater.read_samples reads them.", highlight=False, soft_wrap=True)


def _preset(name: str) -> Preset:
    """Return a published preset, or one from a file."""
    from headwater.simulation.preset_files import read_preset
    from headwater.simulation.presets import PRESETS

    known = name.upper().replace("-", "_")
    if known in PRESETS:
        return PRESETS[known]
    if Path(name).suffix.lower() in (".yaml", ".yml"):
        return read_preset(name)
    raise InputError(f"There is no preset {name!r}; choose one of {', '.join(PRESETS)}, or give a YAML file.")


def _leadfield(
    preset: Preset,
    space: str | None,
    spacing: str | None,
    montage: str | None,
    forward: Path | None,
    subject: str | None,
    subjects_dir: Path | None,
) -> LeadField:
    """Return the requested lead field, by default that of the template in the source space of the preset."""
    from headwater.forward.make import make_leadfield
    from headwater.head.meg_arrays import sensors_info
    from headwater.head.template import template_head
    from headwater.localization.leadfield_file import read_leadfield

    head = chosen_head(subject, subjects_dir)
    if forward is not None:
        if space or spacing or montage:
            raise InputError("--forward determines sources and sensors; omit --space, --spacing and --montage.")
        return read_leadfield(forward, head)
    head = head or template_head()
    space = space or preset.sources.space
    return make_leadfield(
        head,
        sensors_info(head, montage or MONTAGE),
        str(space),
        spacing=parsed_spacing(spacing),
        orient="fixed" if space == "cortex" else "free",
    )


def _described(leadfield: LeadField) -> str:
    what = repr(leadfield).strip("<>").removeprefix("LeadField | ")
    method = leadfield.assumptions.get("forward method")
    return what + (f" | {method}" if method else "")
