"""A real browser on a real report: Chromium of the system, driven by Playwright, without a network."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_window import Opened, Windows

for _name in ("verify", "net", "stimulus", "scenario"):
    _folder = str(Path(__file__).parent.parent / _name)
    if _folder not in sys.path:
        sys.path.append(_folder)

ARGUMENTS = ["--no-sandbox", "--disable-gpu"]
"Tests may run as root, where Chromium has no sandbox; what it opens is our own page."


@pytest.fixture(scope="module")
def report_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report of two phones, one of which breaks session timers; each has more than sixty messages."""
    from browser_report import written

    path = tmp_path_factory.mktemp("browser") / "report.html"
    path.write_text(written(), "utf-8")
    return path


@pytest.fixture(scope="module")
def windows(report_file: Path) -> Iterator[Windows]:
    """Return a browser with the report."""
    import shutil

    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        try:
            page = browser.new_context(offline=True).new_page()
            opened = Opened(page)
            page.on("request", lambda request: opened.requests.append(request.url))
            yield Windows(opened, report_file.as_uri())
        finally:
            browser.close()
