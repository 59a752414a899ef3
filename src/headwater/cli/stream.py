"""``headwater stream``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.app import console
from headwater.cli.localize import Method
from headwater.cli.options import Forward, Space, Spacing, Subject, SubjectsDir, Trans, chosen_head, parsed_spacing

if TYPE_CHECKING:
    from headwater.live import Calibrated, EstimateSink


def stream(
    name: Annotated[str | None, typer.Argument(help="Name of the LSL stream [default: the only one there is].")] = None,
    source_id: Annotated[str | None, typer.Option(help="Its source id, which no other stream has.")] = None,
    solver: Annotated[
        str, typer.Option(help="See `headwater list solvers` and `list weights`; linear ones are fast.")
    ] = "eloreta",
    snr: Annotated[
        float | None, typer.Option(help="Signal-to-noise ratio that sets lambda2 = 1/snr^2 [default: 3].")
    ] = None,
    calibrate: Annotated[
        float, typer.Option(help="Seconds at rest from which noise covariance and bad channels are found.")
    ] = 10.0,
    rate: Annotated[float, typer.Option(help="Estimates per second.")] = 25.0,
    window: Annotated[float, typer.Option(help="Seconds that solvers see which need several time points.")] = 0.064,
    highpass: Annotated[float, typer.Option(help="High-pass filter, in Hz; 0: none.")] = 1.0,
    lowpass: Annotated[float, typer.Option(help="Low-pass filter, in Hz; 0: none.")] = 40.0,
    unit: Annotated[
        str | None, typer.Option(help="Unit of the channels, for example uV, if the stream says none.")
    ] = None,
    montage: Annotated[
        str | None, typer.Option(help="Electrode positions: a montage of MNE-Python by name, or a file.")
    ] = None,
    bads: Annotated[str, typer.Option(help="Bad channels, separated by commas.")] = "",
    find_bads: Annotated[bool, typer.Option(help="Find further bad channels in the calibration.")] = True,
    noise_cov: Annotated[Path | None, typer.Option(help="Noise covariance [default: from the calibration].")] = None,
    forward: Forward = None,
    subject: Subject = None,
    subjects_dir: SubjectsDir = None,
    trans: Trans = None,
    space: Annotated[Space, typer.Option(help="Source space.")] = Space.volume,
    spacing: Spacing = "10",
    method: Annotated[Method, typer.Option(help="How the lead field is computed.")] = Method.bem,
    out: Annotated[str | None, typer.Option(help="Name of the stream of sources [default: NAME-sources].")] = None,
    page: Annotated[bool, typer.Option(help="Show the sources in a browser.")] = True,
    host: Annotated[str, typer.Option(help="Where the page is served; 127.0.0.1 is seen by this computer only.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port of the page; 0: any free one.")] = 8642,
    duration: Annotated[float | None, typer.Option(help="Stop after so many seconds [default: Ctrl-C].")] = None,
) -> None:
    """Localise a stream of Lab Streaming Layer as it comes."""
    from headwater.live import LiveOptions, run_live
    from headwater.live.lsl import LslSink, LslSource
    from headwater.live.page import Page
    from headwater.live.summary import Anatomy

    options = LiveOptions(
        solver=solver,
        snr=snr,
        calibrate=calibrate,
        rate=rate,
        window=window,
        highpass=highpass or None,
        lowpass=lowpass or None,
        head=chosen_head(subject, subjects_dir, trans),
        forward=forward,
        noise_cov=noise_cov,
        bads=tuple(one.strip() for one in bads.split(",") if one.strip()),
        find_bads=find_bads,
        montage=montage,
        space=space.value,
        spacing=parsed_spacing(spacing),
        method=method.value,
    )
    source = LslSource(name, source_id, unit=unit)
    console.print(f"Stream {source.name}: calibrating for {calibrate:g} s; sit still with eyes open.", soft_wrap=True)

    def sinks(calibrated: Calibrated) -> Sequence[EstimateSink]:
        anatomy, unit = Anatomy.of(calibrated.prepared), calibrated.loop.estimator.unit
        name = out or f"{source.name}-sources"
        opened: list[EstimateSink] = [LslSink(name, anatomy, unit)]
        console.print(
            f"Sources: stream {name} (LSL). Bad channels: {calibrated.prepared.assumptions['Bad channels']}.",
            soft_wrap=True,
        )
        if page:
            shown = Page(source.name, anatomy, calibrated.prepared.head, unit, host=host, port=port)
            opened.append(shown)
            console.print(f"Open {shown.address} in a browser; Ctrl-C ends.", soft_wrap=True)
        return opened

    console.print(run_live(source, options, sinks, duration=duration).in_words(), soft_wrap=True)
