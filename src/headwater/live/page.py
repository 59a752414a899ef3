"""A page in the browser: the sources as they come, from a small server of this computer."""

from __future__ import annotations

import base64
import contextlib
import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

import mne
import numpy as np
from scipy.spatial import ConvexHull, cKDTree

from headwater._utils.errors import InputError
from headwater.head.model import Head
from headwater.live.loop import LiveEstimate
from headwater.live.ports import EstimateSink
from headwater.live.summary import Anatomy
from headwater.report import regions

LOCAL = ("127.0.0.1", "localhost", "::1")
SHOWN = 6  # regions in the list
LEAST_INTERVAL = 0.04  # s between two pictures
BYTE = 255


class Page(EstimateSink):
    """Serve a page that follows the estimates; pictures are sent as server-sent events.

    Parameters
    ----------
    title : str
    anatomy : Anatomy
    head : Head | None
        Draws the outline of the brain; None: that of the sources.
    unit : str
        Of the amplitudes.
    host, port
        Where to listen; port 0 chooses a free one. Only this computer can see the page at 127.0.0.1.
    """

    def __init__(
        self, title: str, anatomy: Anatomy, head: Head | None, unit: str, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._anatomy = anatomy
        self._listeners: list[queue.Queue[bytes]] = []
        self._last = -np.inf
        self._skipped = 0
        self.closed = False
        described = {"title": title, "unit": unit, **_geometry(anatomy, head)}
        texts = {"/": ("text/html", _template()), "/scene": ("application/json", json.dumps(described))}
        self.contents = {path: (kind, text.encode()) for path, (kind, text) in texts.items()}
        self.only_local = host in LOCAL
        try:
            self._server = _Server((host, port), self)
        except OSError as error:
            raise InputError(
                f"The page cannot be served at {host}:{port} ({error.strerror or error}); choose another `port`."
            ) from error
        self.address = f"http://{host}:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def send(self, estimate: LiveEstimate) -> None:
        """Put a picture into the queue of each listener; one that is too slow misses pictures."""
        self._skipped += estimate.skipped
        if not self._listeners or 0 <= estimate.time - self._last < LEAST_INTERVAL:
            return
        self._last = estimate.time
        event = f"data: {json.dumps(self._picture(estimate))}\n\n".encode()
        for listener in list(self._listeners):
            with contextlib.suppress(queue.Full):
                listener.put_nowait(event)

    def close(self) -> None:
        """Stop serving."""
        self.closed = True
        self._server.shutdown()
        self._server.server_close()

    @contextlib.contextmanager
    def listening(self) -> Iterator[queue.Queue[bytes]]:
        """Yield a queue of pictures for one listener."""
        listener: queue.Queue[bytes] = queue.Queue(maxsize=2)
        self._listeners.append(listener)
        try:
            yield listener
        finally:
            self._listeners.remove(listener)

    def _picture(self, estimate: LiveEstimate) -> dict[str, object]:
        amplitude, sd = estimate.amplitude, estimate.sd
        scale = float(amplitude.max()) or 1.0
        strongest = self._anatomy.strongest(estimate)
        order = np.argsort(-amplitude[strongest])[:SHOWN] if len(strongest) else np.empty(0, int)
        peak = int(amplitude.argmax())
        rows = [(regions.plain(self._anatomy.region_at(peak)) or "peak", peak)]
        rows += [(regions.plain(self._anatomy.regions[index]), int(strongest[index])) for index in order]
        return {
            "time": estimate.time,
            "level": round(estimate.level, 2),
            "skipped": self._skipped,
            "scale": scale,
            "amplitude": _bytes(amplitude / scale),
            "sure": None if sd is None else _bytes(np.where(amplitude > 2 * sd, 1.0, 0.0)),
            "rows": [(name, float(amplitude[at]), None if sd is None else float(sd[at]), at) for name, at in rows],
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], page: Page) -> None:
        self.page = page
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    """Answer one browser."""

    server: _Server

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        """Send the page, the scene, or pictures until the browser leaves."""
        page = self.server.page
        asked = self.headers.get("Host", "").rsplit(":", 1)[0].strip("[]")
        if page.only_local and asked not in LOCAL:  # a foreign page that calls itself this computer
            self.send_error(403)
        elif self.path == "/events":
            self._send_events(page)
        elif self.path in page.contents:
            kind, content = page.contents[self.path]
            self._begin(kind, len(content))
            self.wfile.write(content)
        else:
            self.send_error(404)

    def _send_events(self, page: Page) -> None:
        self._begin("text/event-stream", None)
        with page.listening() as pictures, contextlib.suppress(OSError):
            while not page.closed:
                try:
                    self.wfile.write(pictures.get(timeout=1.0))
                except queue.Empty:
                    self.wfile.write(b": still here\n\n")
                self.wfile.flush()

    def _begin(self, kind: str, length: int | None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Cache-Control", "no-store")
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _template() -> str:
    return files("headwater.live").joinpath("page.html").read_text(encoding="utf-8")


def _bytes(values: np.ndarray) -> str:
    """Return numbers from 0 to 1 as bytes, in base64."""
    return base64.b64encode(np.round(BYTE * np.clip(values, 0, 1)).astype(np.uint8).tobytes()).decode()


def _geometry(anatomy: Anatomy, head: Head | None) -> dict[str, object]:
    """Positions in mm, and the outline of the brain from the left, from behind and from above."""
    around = anatomy.pos_mm if head is None else _in_frame(head, anatomy.frame)
    faces = {name: around[:, axes] for name, axes in (("left", [1, 2]), ("behind", [0, 2]), ("above", [0, 1]))}
    return {
        "pos": np.round(anatomy.pos_mm, 1).tolist(),
        "spacing": _spacing(anatomy.pos_mm),
        "frame": anatomy.frame,
        "outlines": {name: np.round(face[ConvexHull(face).vertices], 1).tolist() for name, face in faces.items()},
    }


def _in_frame(head: Head, frame: str) -> np.ndarray:
    """Return the inner skull in mm of the frame."""
    pos = mne.transforms.apply_trans(head.mri_head_t, head.inner_skull.rr)
    if frame == "mni305":
        return 1e3 * head.to_mni(pos)
    return 1e3 * (head.inner_skull.rr if frame == "mri" else pos)


def _spacing(pos_mm: np.ndarray) -> float:
    """Return the typical distance of neighbouring sources."""
    return float(np.median(cKDTree(pos_mm).query(pos_mm, k=2)[0][:, 1]))
