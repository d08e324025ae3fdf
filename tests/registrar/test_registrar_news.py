"""What people hear of a registration: that it began, moved or ended, not that a phone is still there."""

from __future__ import annotations

import pytest
from registrar_builders import START, At, Phone, a_registrar

from sipstub.core.journal import Journal
from sipstub.registrar.binding import Change

USER_AGENT = "Yealink SIP-T46G 28.80.0.60"


def test_a_refresh_that_changes_nothing_is_no_news() -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    for turn in range(3):
        assert phone.register(now=START + 30 * turn, user_agent=USER_AGENT).status == 200
    assert phone.register(now=START + 120, expires=60, user_agent=USER_AGENT).status == 200
    found = [(change.change, change.is_news) for change in registrar.take_changes()]
    assert found == [
        (Change.CREATED, True),
        (Change.REFRESHED, False),
        (Change.REFRESHED, False),
        (Change.SHORTENED, False),
    ]


@pytest.mark.parametrize("what", ["flow", "firmware", "contact"])
def test_a_refresh_from_elsewhere_or_by_other_firmware_is_news(what: str) -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    phone.register(("<sip:100@Phone.example>",), now=START, user_agent=USER_AGENT)
    registrar.take_changes()
    phone.source = At(port=5099) if what == "flow" else phone.source
    agent = "Yealink SIP-T46G 28.81.0.10" if what == "firmware" else USER_AGENT
    contact = "<sip:100@phone.example>" if what == "contact" else "<sip:100@Phone.example>"
    phone.register((contact,), now=START + 30, user_agent=agent)
    assert [(change.change, change.is_news) for change in registrar.take_changes()] == [(Change.REFRESHED, True)]


def test_the_end_of_a_binding_is_news_and_the_journal_tells_just_the_news() -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    said: list[str] = []
    journal = Journal(said.append)
    phone.register(now=START)
    phone.register(now=START + 30)
    phone.register(now=START + 60, expires=0)
    for change in registrar.take_changes():
        journal.change(change)
    assert [line.split(" ")[0] for line in said] == ["created", "unregistered"]
