"""A page in a real browser; the fixture ``browser`` is in ``conftest.py``."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

needs_browser = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this computer"),
    # Playwright's event loop outlives the test that started it.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

SOFTWARE_GL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox")
PATIENCE_MS = 120_000


class Watched:
    """A page, and everything it said or asked for."""

    def __init__(self, browser, path, width):
        self.page = browser.new_page(viewport={"width": width, "height": 900})
        self.page.set_default_timeout(PATIENCE_MS)
        self.said, self.asked = [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    @property
    def asked_outside(self):
        return [url for url in self.asked if not url.startswith(("file:", "data:", "blob:"))]

    def pixels(self, selector):
        return self.page.evaluate(
            "(selector) => [...document.querySelectorAll(selector)].map((canvas) => canvas.toDataURL())", selector
        )
