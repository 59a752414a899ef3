"""Calibrate, then estimate until the stream ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from headwater._utils.errors import InputError
from headwater._utils.progress import progress_bar
from headwater.live.calibration import Calibrated, calibrate
from headwater.live.options import LiveOptions
from headwater.live.ports import EstimateSink, SampleSource


@dataclass
class Latency:
    """How late estimates were.

    Attributes
    ----------
    seconds : list of float
        From the last sample of each window to the end of `EstimateSink.send`.
    n_skipped : int
        Windows that were left out because newer samples had arrived.
    """

    seconds: list[float] = field(default_factory=list)
    n_skipped: int = 0

    def in_words(self) -> str:
        """Say it in one sentence."""
        if not self.seconds:
            return "No window was estimated."
        median, most = 1e3 * np.percentile(self.seconds, [50, 95])
        return (
            f"{len(self.seconds)} windows; from their last sample to their estimate: median {median:.0f} ms, 95 % "
            f"within {most:.0f} ms; {self.n_skipped} skipped."
        )


def first_samples(source: SampleSource, seconds: float) -> np.ndarray:
    """Collect the beginning of a stream, shape (n_channels, n_times)."""
    needed = max(1, round(seconds * float(source.info["sfreq"])))
    parts: list[np.ndarray] = []
    n_found = 0
    with progress_bar() as bar:
        task = bar.add_task("calibrating", total=needed)
        while n_found < needed:
            data, _ = source.read()
            if not data.shape[1]:
                raise InputError(
                    f"The stream ended after {n_found / float(source.info['sfreq']):.1f} s of its calibration; lower "
                    f"`calibrate={seconds:g}`, or let the stream run longer."
                )
            parts.append(data)
            n_found += data.shape[1]
            bar.update(task, completed=min(n_found, needed))
    return np.hstack(parts)


def run_live(
    source: SampleSource,
    options: LiveOptions,
    sinks: Callable[[Calibrated], Sequence[EstimateSink]],
    *,
    duration: float | None = None,
) -> Latency:
    """Localise a stream until it ends, or until Ctrl-C.

    Parameters
    ----------
    source : SampleSource
    options : LiveOptions
    sinks : callable
        Opens the sinks once it is known what there is to send.
    duration : float | None
        Seconds of the clock of the stream after which to stop.

    Returns
    -------
    latency : Latency

    Examples
    --------
    >>> from headwater.live import LiveOptions, run_live
    >>> run_live(source, LiveOptions(), lambda calibrated: [], duration=60.0)  # doctest: +SKIP
    """
    calibrated = calibrate(source.info, first_samples(source, options.calibrate), options)
    opened = sinks(calibrated)
    latency = Latency()
    try:
        source.read()  # what has piled up while the solver was fitted
        _estimate(source, calibrated, opened, latency, source.clock() + (duration or float("inf")))
    except KeyboardInterrupt:  # the way to end it
        pass
    finally:
        for sink in opened:
            sink.close()
    return latency


def _estimate(
    source: SampleSource, calibrated: Calibrated, sinks: Sequence[EstimateSink], latency: Latency, until: float
) -> None:
    while source.clock() < until:
        data, times = source.read()
        if not len(times):
            return
        estimate = calibrated.loop.push(data, times)
        if estimate is None:
            continue
        for sink in sinks:
            sink.send(estimate)
        latency.seconds.append(source.clock() - estimate.time)
        latency.n_skipped += estimate.skipped
