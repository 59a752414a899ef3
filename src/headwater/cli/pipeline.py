"""``headwater pipeline``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from headwater.cli.app import INTERRUPTED, called_as, console, errors

if TYPE_CHECKING:
    from headwater.pipeline.group import GroupPeak


def pipeline(
    root: Annotated[Path, typer.Argument(metavar="BIDS_ROOT", help="Data set in BIDS with EEG or MEG recordings.")],
    settings: Annotated[
        Path | None, typer.Option(help="YAML file with your choices [default: those of docs/pipeline.md].")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Derivatives [default: BIDS_ROOT/derivatives/headwater].")] = None,
    subjects: Annotated[str, typer.Option(help="Labels of subjects, separated by commas [default: all].")] = "",
    task: Annotated[str | None, typer.Option(help="Label of the task, if there are several.")] = None,
    workers: Annotated[int, typer.Option(help="Subjects at a time.")] = 1,
    cluster: Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Compute subjects again whose files or settings have changed.")
    ] = False,
) -> None:
    """Clean, average and localise all subjects of a BIDS data set; the same command resumes an interrupted run."""
    from headwater.pipeline import PipelineSettings, run_pipeline

    chosen = PipelineSettings() if settings is None else PipelineSettings.read(settings)
    given = {"subjects": tuple(one.strip() for one in subjects.split(",") if one.strip()), "task": task}
    chosen = chosen.model_copy(update={name: value for name, value in given.items() if value})
    try:
        outcome = run_pipeline(
            root, chosen, out=out, workers=workers, cluster=cluster, overwrite=overwrite, command=called_as()
        )
    except KeyboardInterrupt:
        errors.print(f"Stopped; subjects that are done are kept. Continue with: {called_as()}")
        raise typer.Exit(INTERRUPTED) from None
    console.print(f"{len(outcome.computed)} subjects computed, {len(outcome.kept)} kept from before.")
    for peak in outcome.peaks:
        console.print(_in_words(peak), soft_wrap=True)
    if outcome.computed or outcome.kept:
        console.print(f"Reports: {outcome.out / 'group' / 'report.html'} and SUBJECT/report.html", soft_wrap=True)
    if outcome.failed:
        table = Table("subject", "why it failed")
        for name, reason in sorted(outcome.failed.items()):
            table.add_row(name, reason)
        errors.print(table)
        raise typer.Exit(1)


def _in_words(peak: GroupPeak) -> str:
    return (
        f"{peak.condition}: {1e3 * peak.time_s:.0f} ms, x = {peak.x_mm:.0f}, y = {peak.y_mm:.0f}, z = {peak.z_mm:.0f} "
        f"mm (MNI305) {peak.region}; {peak.n_subjects} subjects, median distance {peak.spread_mm:.0f} mm"
    )
