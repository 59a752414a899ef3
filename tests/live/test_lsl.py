"""A stream on loopback, where MNE-LSL and its library are installed."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import numpy as np
import pytest

from headwater import InputError
from headwater.live import LiveOptions, run_live
from headwater.live.summary import Anatomy
from live.streams import SFREQ, Small

try:
    import mne_lsl.lsl as lsl
except (ImportError, RuntimeError, OSError) as error:  # without the package, or without liblsl
    lsl = None
    missing = pytest.mark.skip(reason=f"MNE-LSL cannot be used: {error}")
else:
    missing = pytest.mark.skipif(False, reason="")


@contextmanager
def sender(small: Small, *, unit: str | None = "microvolts") -> Iterator[str]:
    """Send noise and, from the second second on, a dipole; yield the source id."""
    name = f"headwater-{uuid4().hex[:8]}"
    described = lsl.StreamInfo(name, "eeg", 16, SFREQ, "float32", name)
    described.set_channel_names(small.info["ch_names"])
    described.set_channel_types("eeg")
    if unit is not None:
        described.set_channel_units(unit)
    outlets = [lsl.StreamOutlet(described, chunk_size=5)]
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set() and not outlets[0].wait_for_consumers(0.2):
            pass
        rng, begin = np.random.default_rng(0), time.perf_counter()
        for piece in range(100_000):
            if stop.wait(max(0.0, begin + piece * 5 / SFREQ - time.perf_counter())):
                return
            times = (piece * 5 + np.arange(5)) / SFREQ
            data = 2e-6 * rng.standard_normal((16, 5))
            data += np.outer(small.dipole(100.0), (times > 2) * np.sin(2 * np.pi * 10 * times))
            outlets[0].push_chunk(np.ascontiguousarray(1e6 * data.T, dtype=np.float32))

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield name
    finally:
        stop.set()
        thread.join()
        outlets.clear()


@missing
def test_a_stream_comes_in_and_a_stream_of_sources_goes_out(head16: Small) -> None:
    from headwater.live.lsl import LslSink, LslSource

    options = LiveOptions(calibrate=1.5, forward=head16.leadfield, head=head16.head, find_bads=False)
    with sender(head16) as name:
        source = LslSource(None, name)
        assert source.info.get_channel_types() == ["eeg"] * 16

        def sinks(calibrated: object) -> list[LslSink]:
            anatomy = Anatomy.of(calibrated.prepared)
            sink = LslSink(f"{name}-out", anatomy, "nAm")
            (found,) = lsl.resolve_streams(5.0, source_id=f"{name}-out")
            inlet = lsl.StreamInlet(found)
            inlet.open_stream(timeout=5.0)
            names.extend(inlet.get_sinfo().get_channel_names())
            inlets.append(inlet)
            return [sink]

        names: list[str] = []
        inlets: list[object] = []
        latency = run_live(source, options, sinks, duration=2.2)
        received, times = inlets[0].pull_chunk(timeout=0.2)
    assert names[:5] == ["peak x", "peak y", "peak z", "peak amplitude", "peak sd"]
    assert len(names) == received.shape[1]
    assert len(received) == len(latency.seconds) > 30
    assert (np.diff(times) > 0).all()
    strongest = received[received[:, 3].argmax()]
    truth = 1e3 * head16.head.to_mni(head16.leadfield.pos[head16.source])
    assert np.linalg.norm(strongest[:3] - truth) < 30
    assert strongest[3] > 1.5 * strongest[4] > 0
    assert np.nanmax(strongest[5::2]) <= strongest[3]


@missing
def test_the_unit_of_a_stream_that_says_none_must_be_given(head16: Small) -> None:
    from headwater.live.lsl import LslSource

    with sender(head16, unit=None) as name:
        with pytest.raises(InputError, match="give `unit`, for example uV"):
            LslSource(name, None)
        assert LslSource(name, None, unit="uV").read()[0].std() < 1e-5


@missing
@pytest.mark.parametrize(
    ("unit", "factor"), [("microvolts", 1e-6), ("µV", 1e-6), ("V", 1.0), ("-9", 1e-9), ("0", 1.0), ("pounds", None)]
)
def test_units_become_factors(unit: str, factor: float | None) -> None:
    from headwater.live.lsl import factor_of

    assert factor_of(unit) == pytest.approx(factor)


@missing
def test_a_stream_that_is_not_there_is_said_with_those_that_are(head16: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    from headwater.live import lsl as ours

    monkeypatch.setattr(ours, "SEARCH", 1.0)
    with sender(head16) as name, pytest.raises(InputError, match=f"choose one of .*{name}.* 16 channels"):
        ours.find_stream("no such stream", None)


def test_without_the_package_the_command_says_how_to_get_it(
    run_cli: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "headwater.live.lsl", raising=False)
    for name in [one for one in sys.modules if one.partition(".")[0] == "mne_lsl"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mne_lsl", None)
    said = " ".join(run_cli("stream", "anything", code=2).split())
    assert "Streams need MNE-LSL" in said
    assert "pip install 'headwater[live]'" in said
