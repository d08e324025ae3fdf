"""Where a phone is known to be: only where nobody else is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioner.catalogue import load_catalogue
from provisioner.expectations.observables import load_observables
from provisioner.runtime.verify_subject import Subjects
from provisioner.state.phone_state import LastFetch
from provisioner.state.publication import Content

TEMPLATES = Path(__file__).parents[2] / "templates"
ANNA, BEN = "001565000001", "001565000002"
Fetches = dict[str, dict[str, LastFetch]]


def a_fetch(mac: str, peer: str, at: float, kind: str = "mac") -> LastFetch:
    file = f"{mac}.cfg"
    return LastFetch(mac, kind, at, "http", peer, None, None, None, "ok", 200, file, "h", "", "h", file, at)


class Stored:
    """What the journal and the published store would say."""

    def __init__(self, fetches: Fetches) -> None:
        self.fetches = fetches

    def last_fetches(self) -> Fetches:
        return self.fetches

    def refresh(self) -> None:
        return None

    def content(self, sha256: str) -> Content:
        return Content("name", sha256, b"#!version:1.0.0.1\naccount.1.enable = 1\naccount.1.user_name = 1001\n", None)


@pytest.mark.parametrize(
    ("fetches", "wanted"),
    [
        ([a_fetch(ANNA, "10.0.0.1", 1), a_fetch(BEN, "10.0.0.2", 2)], [("10.0.0.1",), ("10.0.0.2",)]),
        ([a_fetch(ANNA, "10.0.0.1", 1), a_fetch(BEN, "10.0.0.1", 2)], [(), ()]),
        (
            [a_fetch(ANNA, "10.0.0.1", 1, "common"), a_fetch(ANNA, "10.0.0.3", 3), a_fetch(BEN, "10.0.0.1", 2)],
            [("10.0.0.3",), ("10.0.0.1",)],
        ),
    ],
    ids=["one each", "behind one address", "one that moved on"],
)
def test_an_address_that_two_phones_have_says_nothing_about_either(
    fetches: list[LastFetch], wanted: list[tuple[str, ...]]
) -> None:
    kinds: Fetches = {}
    for fetch in fetches:
        kinds.setdefault(fetch.mac, {})[fetch.kind] = fetch
    stored: Any = Stored(kinds)
    subjects = Subjects(stored, stored, load_observables(TEMPLATES), load_catalogue(TEMPLATES))
    found = [phone.expectations for phone in subjects.look([ANNA, BEN])]
    assert [phone.subject.addresses for phone in found if phone is not None] == wanted
