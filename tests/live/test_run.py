import re

import numpy as np
import pytest

from headwater import InputError
from headwater.live import Calibrated, EstimateSink, LiveEstimate, LiveOptions, run_live
from live.streams import Played, Small


class Kept(EstimateSink):
    def __init__(self) -> None:
        self.estimates: list[LiveEstimate] = []
        self.closed = False

    def send(self, estimate: LiveEstimate) -> None:
        self.estimates.append(estimate)

    def close(self) -> None:
        self.closed = True


def options(small: Small, **more: object) -> LiveOptions:
    return LiveOptions(**{"forward": small.leadfield, "head": small.head, "find_bads": False, "calibrate": 2.0, **more})


def test_a_stream_is_calibrated_and_then_estimated_to_its_end(head16: Small) -> None:
    kept = Kept()

    def sinks(calibrated: Calibrated) -> list[EstimateSink]:
        assert calibrated.prepared.leadfield.n_sources == head16.leadfield.n_sources
        return [kept]

    latency = run_live(Played(head16.info, head16.noise(1010)), options(head16), sinks)
    assert len(kept.estimates) == 50  # two of four seconds, and ten samples that had piled up
    assert kept.closed
    assert latency.seconds == pytest.approx([0.004] * 50)
    assert re.fullmatch(r"50 windows; .* median 4 ms, 95 % within 4 ms; 0 skipped\.", latency.in_words())


def test_sinks_are_closed_when_one_fails(head16: Small) -> None:
    class Broken(Kept):
        def send(self, estimate: LiveEstimate) -> None:
            raise OSError("no")

    broken, kept = Broken(), Kept()
    with pytest.raises(OSError, match="no"):
        run_live(Played(head16.info, head16.noise(1000)), options(head16), lambda _: [kept, broken])
    assert kept.closed
    assert broken.closed


def test_it_stops_after_the_duration(head16: Small) -> None:
    kept = Kept()
    run_live(Played(head16.info, head16.noise(2000)), options(head16), lambda _: [kept], duration=1.0)
    assert len(kept.estimates) == pytest.approx(25, abs=1)


def test_a_stream_that_ends_too_soon_is_said(head16: Small) -> None:
    with pytest.raises(InputError, match=r"after 1\.0 s of its calibration"):
        run_live(Played(head16.info, head16.noise(250)), options(head16), lambda _: [])


def test_no_window_is_said() -> None:
    from headwater.live import Latency

    assert Latency().in_words() == "No window was estimated."
    assert np.isfinite(Latency([0.1]).seconds).all()
