"""Draw the picture of the README and of `docs/report.md`: the first screen of the report that `make demo` writes.

    python tools/build_picture.py [REPORT]

Needs Playwright and a Chromium on the path. Writes ``docs/report.png``.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

REPORT = Path("headwater-demo/visual/report.html")
PICTURE = Path(__file__).parents[1] / "docs" / "report.png"
WEBGL = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
DRAWN_MS = 6000  # until the cortex is drawn without a graphics card


def main() -> None:
    """Open the report and save what is seen without scrolling."""
    report = Path(sys.argv[1]) if len(sys.argv) > 1 else REPORT
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=WEBGL)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(report.resolve().as_uri())
        page.wait_for_timeout(DRAWN_MS)
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
