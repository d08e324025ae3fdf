"""Every page can be found from docs/README.md, and no link of any page leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_every_page_is_linked_from_the_front_of_the_documentation() -> None:
    text = (ROOT / "docs/README.md").read_text("utf-8")
    linked = {(ROOT / "docs" / link).resolve() for link in LINK.findall(text)}
    left_out = [page for page in PAGES if page.parent.name in ("howto", "reference") and page.resolve() not in linked]
    assert not left_out, f"not linked: {[str(page.relative_to(ROOT)) for page in left_out]}"


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_no_link_leads_nowhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text("utf-8")) if not link.startswith(("http:", "https:", "mailto:"))]
    dead = [link for link in links if not (page.parent / link).exists()]
    assert not dead, f"{page.relative_to(ROOT)}: {dead}"
