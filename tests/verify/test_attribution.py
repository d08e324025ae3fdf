"""Whose message is whose, and which account's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from verify_builders import ROOT, Talk, expect

from sipstub.trace.record import RecordedMessage
from sipstub.verify.assignment import assign
from sipstub.verify.attribution import attribute
from sipstub.verify.expectation import Expectations, Subject
from sipstub.verify.facts import Facts, keepalive_kind


def phone(name: str, user: str, *, mac: str = "", agent: str = "SIP-T46G", addresses: tuple[str, ...] = ()) -> Expectations:
    return expect(("account-enabled", "on"), ("user-name", user), subject=Subject(name, mac, agent=agent, addresses=addresses))


def together(*talks: Talk) -> list[RecordedMessage]:
    found = sorted((message for talk in talks for message in talk.messages), key=lambda message: message.at)
    return [replace(message, number=number) for number, message in enumerate(found, 1)]


def counts(*phones: Expectations, of: list[RecordedMessage]) -> list[int]:
    return [len(mine) for mine in attribute(of, phones)]


def test_two_phones_behind_one_address_are_told_apart_by_user() -> None:
    one, two = Talk(user="101", phone_port=40001).register(), Talk(user="102", phone_port=40002).register().keepalive()
    assert counts(phone("a", "101"), phone("b", "102"), of=together(one, two)) == [4, 5]


def test_a_phone_that_is_called_and_only_answers_is_not_taken_for_another_one_behind_its_address() -> None:
    one = Talk(user="101", phone_port=40001).register()
    two = Talk(user="102", phone_port=40002).asked()
    assert counts(phone("a", "101"), phone("b", "102"), of=together(one, two)) == [4, len(two.messages)]


def test_a_keepalive_from_another_port_goes_with_its_host() -> None:
    one = Talk(user="101").register()
    one.phone_port = 7000
    assert counts(phone("a", "101"), of=together(one.keepalive())) == [5]


def test_a_mac_outweighs_a_user() -> None:
    mac = "001565000009"
    talk = Talk(user="101", agent="Yealink SIP-T46G 28.80.0.60 00:15:65:00:00:09").register()
    assert counts(phone("a", "101"), phone("b", "102", mac=mac), of=together(talk)) == [0, 4]


def test_a_phone_with_a_wrong_user_is_known_by_the_address_it_fetched_from() -> None:
    talk = Talk(user="wrong", agent="x").register()
    assert counts(phone("a", "101", addresses=(talk.phone,)), phone("b", "102"), of=together(talk)) == [4, 0]


def test_an_address_that_two_phones_fetched_from_says_nothing() -> None:
    talk = Talk(user="wrong", agent="x").register()
    both = (phone("a", "101", addresses=(talk.phone,)), phone("b", "102", addresses=(talk.phone,)))
    assert counts(*both, of=together(talk)) == [0, 0]


def test_a_phone_with_a_wrong_user_is_known_by_its_model_if_no_other_could_be_meant() -> None:
    talk = Talk(user="wrong").register()
    assert counts(phone("a", "101"), of=together(talk)) == [4]
    assert counts(phone("a", "101"), phone("b", "102"), of=together(talk)) == [0, 0]
    assert counts(phone("a", "101", agent="SIP-T23G"), of=together(talk)) == [0]


def test_one_user_on_two_phones_is_told_apart_by_model() -> None:
    one, two = Talk(phone="10.1.0.1").register(), Talk(phone="10.1.0.2", agent="Yealink SIP-T23G 44.80.0.60").register()
    assert counts(phone("a", "101"), phone("b", "101", agent="SIP-T23G"), of=together(one, two)) == [4, 4]


@pytest.mark.parametrize("server", ["PBX.example", "10.1.0.9", "2001:db8::1"])
def test_one_user_at_two_servers_is_told_apart_by_the_server(server: str) -> None:
    host = f"[{server}]" if ":" in server else server
    talk = Talk(user="101").register(headers={"From": f"<sip:101@{host}:5070>;tag=a"})
    here, there = (
        expect(
            ("account-enabled", "on"), ("user-name", "101"), ("server-address", address), subject=Subject(name, agent="SIP-T46G")
        )
        for name, address in (("here", server), ("there", "elsewhere.example"))
    )
    assert counts(there, here, of=together(talk)) == [0, 4]
    assert counts(there, there, of=together(talk)) == [0, 0]


def test_nobody_gets_what_nobody_can_claim() -> None:
    stranger = Talk(user="555", phone="10.9.9.9", agent="Else 1").register()
    assert counts(phone("a", "101"), of=together(Talk().register(), stranger)) == [4]


def test_accounts_share_a_connection_and_are_told_apart_by_from() -> None:
    talk = Talk(user="101").register()
    talk.user = "102"
    talk.register().invite()
    both = expect(("1/account-enabled", "on"), ("1/user-name", "101"), ("2/account-enabled", "on"), ("2/user-name", "102"))
    found = assign(talk.facts(), both)
    assert [request.method for request in found.of(1).requests] == ["REGISTER", "REGISTER"]
    assert [request.method for request in found.of(2).requests] == ["REGISTER", "REGISTER", "INVITE", "ACK"]


def test_an_anonymous_call_goes_to_the_account_of_its_contact() -> None:
    talk = Talk(user="101").register()
    talk.invite(headers={"From": '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=a'})
    found = assign(talk.facts(), expect(("account-enabled", "on"), ("user-name", "101")))
    assert [request.method for request in found.of(1).requests] == ["REGISTER", "REGISTER", "INVITE", "ACK"]


def test_a_request_to_the_phone_goes_to_the_account_it_names() -> None:
    talk = Talk(user="101").register().notify_check_sync()
    found = assign(talk.facts(), expect(("account-enabled", "on"), ("user-name", "101")))
    assert [(request.method, request.status) for request in found.of(1).received] == [("NOTIFY", 200)]


def test_copies_are_folded_and_answers_stand_with_their_request() -> None:
    facts = Talk().register(status=0, is_challenged=False, copies=(0.5, 1.0)).register().facts()
    assert [(len(request.copies), request.status) for request in facts.requests] == [(2, 0), (0, 401), (0, 200)]
    assert facts.requests[2].final is not None
    assert facts.requests[2].final.granted_s == 600
    assert facts.is_registered == "udp"


def test_headers_that_cannot_be_read_count_as_missing_and_are_named() -> None:
    facts = Talk().register(headers={"Contact": "<sip:broken", "Expires": "60"}, status=0, is_challenged=False).facts()
    assert facts.requests[0].contacts == ()
    assert facts.requests[0].faults


def test_what_is_no_sip_is_a_keepalive_a_stun_question_or_nothing() -> None:
    stun = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"t" * 12
    assert [keepalive_kind(data) for data in (b"", b"\0", b"\r\n\r\n", b"\0" * 8, b"jaK", stun, b"x" * 40)] == [
        "datagram", "datagram", "datagram", "datagram", "datagram", "stun", "",
    ]  # fmt: skip


def test_a_flood_is_bounded_and_counted(monkeypatch: object) -> None:
    import sipstub.verify.facts as module

    limit = module.MAX_MESSAGES
    module.MAX_MESSAGES = 3
    try:
        facts = Facts.of(Talk().register().register().messages)
    finally:
        module.MAX_MESSAGES = limit
    assert (facts.messages, facts.unread) == (3, 5)


CAPTURES = sorted((ROOT / "tests" / "corpus" / "sip" / "captures").glob("*.sip"))


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_requests_of_foreign_phones_give_facts_without_a_fault(path: Path) -> None:
    talk = Talk()
    talk.record(path.read_bytes())
    (request,) = talk.facts().requests
    assert request.faults == ()
    assert request.user
    assert (request.asked_s is not None) == (request.method == "REGISTER")
    assert (request.offer is not None) == (request.method == "INVITE")
    assert (request.credentials is not None) == path.stem.endswith("auth")
