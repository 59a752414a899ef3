"""Fixtures shared by all tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from browsers import CHROMIUM, PATIENCE_MS, SOFTWARE_GL

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests away from the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADWATER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real recordings and reference vectors."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the reference data folder {SHARED_DATA.name!r} does not lie beside the project")
    return SHARED_DATA


@pytest.fixture
def run_cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command line in this process; return what it printed, and fail unless it ended with ``code``."""
    from headwater.cli import main

    def run(*arguments: object, code: int = 0) -> str:
        monkeypatch.setattr("sys.argv", ["headwater", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert (ended.value.code or 0) == code, out + err
        assert "Traceback" not in err
        return out + err

    return run


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Chromium through Playwright, for tests marked with `browsers.needs_browser`."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE_GL, timeout=PATIENCE_MS)
        yield opened
        opened.close()
