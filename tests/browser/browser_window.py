"""The report in a window of any width, light and dark."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

HEIGHT = 800


@dataclass
class Opened:
    """The report in one window."""

    page: Page
    requests: list[str] = field(default_factory=list)
    "What it asked for, beside itself."

    def run(self, script: str) -> Any:
        """Return what a script says of the page."""
        return self.page.evaluate(script)


@dataclass
class Windows:
    """The report in windows of any width, light and dark: one page, which is loaded anew where its state counts."""

    opened: Opened
    url: str

    def open(self, width: int = 1280, scheme: Any = "light", media: Any = "screen", *, anew: bool = False) -> Opened:
        """Return the page, drawn for this width and these colours."""
        page = self.opened.page
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.emulate_media(media=media, color_scheme=scheme)
        if anew or page.url.partition("#")[0] != self.url:
            page.goto("about:blank")
            self.opened.requests.clear()
            page.goto(self.url)
        return self.opened
