"""What the SIP process journals: the phone by its name, every change, and never more refusals than somebody can read."""

from __future__ import annotations

from typing import cast

import pytest

from provisioner.delivery.event import DeliveryEvent
from provisioner.delivery.snapshot import PhoneEntry
from provisioner.runtime.sip_journal import MAX_REFUSALS, REFUSALS_PER_S, SipJournal
from provisioner.services.sip_users import FleetUsers
from sipstub.core.allowance import Allowance
from sipstub.net.server import NetEvent
from sipstub.registrar.binding import Binding, BindingChange, Change
from sipstub.registrar.reason import RegistrarEvent, Why
from sipstub.sip.error import SipError
from sipstub.sip.message import Request
from sipstub.sip.params import Params
from sipstub.trace.record import Endpoint
from sipstub.transaction.sending import Hop

NOW = 1_700_000_000.0
ANNA = PhoneEntry("001565000001", "anna", "T46G", "y000000000028.cfg")
BINDING = Binding(
    "sip:101@a", "b", "sip:101@10.0.0.1", Params.parse(""), "c", 1, NOW, NOW, NOW + 60, flow="udp 10.0.0.1:5060"
)  # fmt: skip


class Owners:
    """Account 101 is Anna's."""

    def owner(self, name: str) -> PhoneEntry | None:
        return ANNA if name == "101" else None


class Written(list[DeliveryEvent]):
    """What was journalled."""

    def record(self, event: DeliveryEvent) -> None:
        self.append(event)


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def journal(written: Written) -> SipJournal:
    return SipJournal(written, cast(FleetUsers, Owners()))


def a_refusal(number: int = 1, at: float = NOW, aor: str = "sip:101@registrar.invalid") -> RegistrarEvent:
    flow = f"udp 10.{number >> 16}.{number >> 8 & 255}.{number & 255}:5060"
    return RegistrarEvent(Why.WRONG_CREDENTIALS, at, flow, aor, 401, "wrong password")


def test_events_of_an_account_name_its_phone(journal: SipJournal, written: Written) -> None:
    journal.change(BindingChange(Change.CREATED, BINDING, NOW))
    journal.refusal(a_refusal())
    journal.refusal(a_refusal(aor="sip:999@registrar.invalid"))
    assert [(event.name, event.phone, event.mac, event.model) for event in written] == [
        ("sip:101@a", "anna", "001565000001", "T46G"),
        ("sip:101", "anna", "001565000001", "T46G"),
        ("sip:999", None, None, None),
    ]


def test_a_phone_is_known_by_where_it_registered_from_and_by_the_account_that_it_names(written: Written) -> None:
    bound = {"udp 10.0.0.1:5060": (BINDING,), "tls 10.0.0.1:5061": (BINDING,)}
    journal = SipJournal(written, cast(FleetUsers, Owners()), lambda flow: bound.get(flow, ()))
    named, strange, unread = SipError("x"), SipError("y"), SipError("z")
    named.partial = Request("OPTIONS", "sip:a", (("From", "<sip:101@a>;tag=1"),))
    strange.partial = Request("OPTIONS", "sip:a", (("From", "<sip:999@a>;tag=1"),))
    unread.partial = Request("OPTIONS", "sip:a", (("From", "<sip:101@a"),))
    journal.malformed(SipError("no Via"), Hop("UDP", "10.0.0.1", 5060), NOW)
    journal.connection(NetEvent(NOW, Endpoint("tls", "10.0.0.1", 5061), "closed in the middle of a message"))
    for error in (named, strange, unread, SipError("no SIP")):
        journal.malformed(error, Hop("UDP", "10.0.0.9", 5060), NOW)
    assert [event.phone for event in written] == ["anna", "anna", "anna", None, None, None]
    assert [event.name for event in written] == ["sip:101@a", "sip:101@a", "sip:101@a", "", "", ""]


def test_refusals_from_ever_so_many_hosts_are_bounded_in_all_and_the_rest_is_counted(
    journal: SipJournal, written: Written
) -> None:
    for number in range(100_000):
        journal.refusal(a_refusal(number))
    journal.settle(NOW)
    assert len(written) == MAX_REFUSALS + 1
    assert (written[-1].outcome, written[-1].fact.split()[0]) == ("left-out", str(100_000 - MAX_REFUSALS))
    journal.settle(NOW + 1)
    for number in range(100_000):
        journal.refusal(a_refusal(number, NOW + 1))
    assert len(written) == MAX_REFUSALS + 1 + REFUSALS_PER_S


def test_malformed_messages_and_connections_share_the_bound_and_phones_with_a_password_do_not(
    journal: SipJournal, written: Written
) -> None:
    for _ in range(MAX_REFUSALS):
        journal.malformed(SipError("no Via"), Hop("UDP", "10.0.0.9", 5060), NOW)
        journal.connection(NetEvent(NOW, Endpoint("tls", "10.0.0.9", 5061), "TLS handshake: no cipher in common"))
    assert {(event.outcome, event.status, event.peer) for event in written} == {
        ("malformed", 400, "10.0.0.9:5060"),
        ("connection", 0, "10.0.0.9:5061"),
    }
    assert len(written) == MAX_REFUSALS
    journal.change(BindingChange(Change.CREATED, BINDING, NOW))
    assert written[-1].outcome == "created"


def test_room_comes_back_with_time_and_never_beyond_the_most() -> None:
    allowance = Allowance(2, 0.5)
    assert [allowance.takes(10.0) for _ in range(4)] == [True, True, False, False]
    assert (allowance.take_left_out(), allowance.take_left_out()) == (2, 0)
    assert [allowance.takes(at) for at in (11.0, 12.0, 12.0)] == [False, True, False]
    assert [allowance.takes(1000.0) for _ in range(3)] == [True, True, False]
