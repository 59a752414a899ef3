import base64
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import numpy as np
import pytest

from headwater import InputError
from headwater.live import LiveEstimate, LiveOptions, calibrate
from headwater.live.page import Page
from headwater.live.summary import Anatomy
from headwater.report.regions import plain
from live.streams import Small


@pytest.fixture(scope="module")
def anatomy(head16: Small) -> Anatomy:
    options = LiveOptions(forward=head16.leadfield, head=head16.head, find_bads=False)
    return Anatomy.of(calibrate(head16.info, head16.noise(500), options).prepared)


@pytest.fixture
def page(anatomy: Anatomy, head16: Small) -> Iterator[Page]:
    opened = Page("amplifier <1>", anatomy, head16.head, "nAm")
    yield opened
    opened.close()


def estimate(n_sources: int, peak: int) -> LiveEstimate:
    amplitude = np.linspace(0, 1, n_sources)
    amplitude[peak] = 4.0
    return LiveEstimate(100.0, amplitude, np.full(n_sources, 0.8), 1.5, 2)


def test_pictures_hold_the_estimate(page: Page, anatomy: Anatomy) -> None:
    answer = urllib.request.urlopen(f"{page.address}events", timeout=5)
    done = threading.Event()
    peak = int(anatomy.members[0][0])

    def send() -> None:
        time = 100.0
        while not done.wait(0.02):  # until the listener is there
            one, time = estimate(len(anatomy.pos_mm), peak), time + 1.0
            page.send(LiveEstimate(time, one.amplitude, one.sd, one.level, one.skipped))

    sender = threading.Thread(target=send)
    sender.start()
    line = b""
    while not line.startswith(b"data: "):
        line = answer.readline()
    done.set()
    sender.join()
    picture = json.loads(line.removeprefix(b"data: "))
    shares = np.frombuffer(base64.b64decode(picture["amplitude"]), np.uint8)
    assert shares.argmax() == peak
    np.testing.assert_allclose(shares / 255 * picture["scale"], estimate(len(shares), peak).amplitude, atol=4 / 255)
    assert np.frombuffer(base64.b64decode(picture["sure"]), np.uint8).nonzero()[0] == [peak]
    name, value, sd, at = picture["rows"][0]
    assert (name, value, sd, at) == (plain(anatomy.regions[0]), 4.0, 0.8, peak)
    assert len(picture["rows"]) == 7
    assert picture["level"] == 1.5


def test_the_scene_holds_the_sources(page: Page, anatomy: Anatomy) -> None:
    scene = json.load(urllib.request.urlopen(f"{page.address}scene", timeout=5))
    np.testing.assert_allclose(scene["pos"], anatomy.pos_mm, atol=0.06)
    assert scene["spacing"] == pytest.approx(25.0, rel=0.15)
    above = np.array(scene["outlines"]["above"])
    assert above[:, 0].min() < anatomy.pos_mm[:, 0].min()
    assert above[:, 1].max() > anatomy.pos_mm[:, 1].max()


def test_only_this_computer_may_ask(page: Page) -> None:
    assert page.address.startswith("http://127.0.0.1:")
    assert b"headwater live" in urllib.request.urlopen(page.address, timeout=5).read()
    foreign = urllib.request.Request(f"{page.address}scene", headers={"Host": "evil.example:80"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(foreign, timeout=5)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{page.address}../etc/passwd", timeout=5)


def test_a_port_that_is_taken_is_said(page: Page, anatomy: Anatomy) -> None:
    taken = int(page.address.rstrip("/").rsplit(":", 1)[1])
    with pytest.raises(InputError, match="choose another `port`"):
        Page("second", anatomy, None, "nAm", port=taken)


def test_sending_waits_for_nobody(page: Page, anatomy: Anatomy) -> None:
    with page.listening() as pictures:
        for second in range(50):
            page.send(LiveEstimate(float(second), np.ones(len(anatomy.pos_mm)), None, 1.0, 0))
        assert pictures.qsize() == 2
