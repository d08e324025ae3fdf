"""Whose message is whose, and which count: nobody is blamed for a neighbour, or for what was said under another file."""

from __future__ import annotations

from dataclasses import replace

from provisioner.runtime.verify_judge import Watching, judge_phones
from provisioner.runtime.verify_subject import Tested as Phone
from sipstub.trace.record import Endpoint, RecordedMessage
from sipstub.verify.expectation import Expectation, Expectations, Subject
from sipstub.verify.facts import Fetch
from sipstub.verify.verdict import Verdict

LOCAL = Endpoint("udp", "192.0.2.1", 5060)


def a_register(number: int, at: float, user: str, port: int, expires: int) -> RecordedMessage:
    text = (
        f"REGISTER sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:{port};branch=z9hG4bK{number};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:{user}@192.0.2.1>;tag=1\r\nTo: <sip:{user}@192.0.2.1>\r\nCall-ID: {user}\r\n"
        f"CSeq: {number} REGISTER\r\n"
        f"Contact: <sip:{user}@192.0.2.9:{port}>\r\nExpires: {expires}\r\nContent-Length: 0\r\n\r\n"
    )
    return RecordedMessage(number, at, True, LOCAL, Endpoint("udp", "192.0.2.9", port), text.encode())


def a_phone(name: str, user: str, expires: str, hashes: tuple[str, ...] = ("a",), delivered_at: float = 0.0) -> Phone:
    items = (
        Expectation("account-enabled", "on", "account.1.enable", account=1),
        Expectation("user-name", user, "account.1.user_name", account=1),
        Expectation("register-expiry", expires, "account.1.sip_server.1.expires", account=1, index="1"),
    )
    mac = f"0015650000{user[-2:]}"
    return Phone(mac, name, "T46G", Expectations(Subject(name, mac), items), "", hashes, delivered_at)


def verdict(phone: Phone, messages: list[RecordedMessage], others: list[Expectations], watching: Watching) -> Verdict:
    (report,) = judge_phones([phone], others, messages, watching, program="test").report.phones
    return next(finding.verdict for finding in report.findings if finding.rule == "register-expiry")


def test_a_neighbour_behind_the_same_address_is_nobody_else_s_fault() -> None:
    anna, ben = a_phone("anna", "101", "600"), a_phone("ben", "102", "60")
    messages = [a_register(1, 10.0, "101", 5060, 600), a_register(2, 11.0, "102", 5062, 60)]
    assert ben.expectations is not None
    watching = Watching(0.0, 20.0)
    assert verdict(anna, messages, [ben.expectations], watching) is Verdict.PASS
    (report,) = judge_phones([anna], [ben.expectations], messages, watching, program="test").report.phones
    assert report.messages == 1
    assert verdict(anna, messages[1:], [ben.expectations], watching) is Verdict.INCONCLUSIVE


def test_what_a_phone_said_before_it_fetched_another_file_does_not_count() -> None:
    messages = [a_register(1, 10.0, "101", 5060, 3600), a_register(2, 15.0, "101", 5060, 600)]
    anna = a_phone("anna", "101", "600", ("new",), delivered_at=12.0)
    assert verdict(anna, messages, [], Watching(5.0, 20.0, hashes={anna.mac: ("old",)})) is Verdict.PASS
    assert verdict(anna, messages, [], Watching(5.0, 20.0, hashes={anna.mac: ("new",)})) is Verdict.FAIL


def test_a_phone_without_a_file_is_inconclusive_with_the_reason_as_its_state() -> None:
    never = Phone("001565000009", "new", "T46G", None, "never fetched")
    anna = a_phone("anna", "101", "600")
    found = judge_phones([never, anna], [], [a_register(1, 10.0, "101", 5060, 600)], Watching(0.0, 20.0), program="test")
    first, second = found.report.phones
    assert (first.name, first.verdict, first.state) == ("new", Verdict.INCONCLUSIVE, "never fetched")
    assert second.verdict is Verdict.PASS and found.report.exit_code == 4


DOORS = [("udp", "192.0.2.1", 5060), ("tls", "192.0.2.1", 5061)]


def a_phone_at(port: str, transport: str = "udp") -> Phone:
    phone = a_phone("anna", "101", "600")
    assert phone.expectations is not None
    name = "account.1.sip_server.1."
    file = f"{phone.mac}.cfg"
    more = (
        Expectation("server-address", "192.0.2.1", name + "address", account=1, index="1", file=file),
        Expectation("server-port", port, name + "port", account=1, index="1", file=file),
        Expectation("transport", transport, name + "transport_type", account=1, index="1", file=file),
    )
    items = tuple(replace(item, file=file) for item in phone.expectations.items)
    return replace(phone, expectations=Expectations(phone.expectations.subject, items + more))


def account_of(phone: Phone, fetch: Fetch, until: float, doors: list[tuple[str, str, int]]) -> Verdict:
    watching = Watching(0.0, until, fetches={phone.mac: [fetch]}, doors=doors)
    (report,) = judge_phones([phone], [], [], watching, program="test").report.phones
    return next(finding.verdict for finding in report.findings if finding.rule == "account-enabled")


def test_a_phone_that_has_its_file_and_never_registers_fails_where_it_would_have_been_heard() -> None:
    phone = a_phone_at("5060")
    fetched = Fetch(1.0, f"{phone.mac}.cfg", is_delivered=True)
    assert account_of(phone, fetched, 60.0, DOORS) is Verdict.FAIL
    assert account_of(phone, fetched, 10.0, DOORS) is Verdict.INCONCLUSIVE  # it had no time to
    assert account_of(phone, replace(fetched, is_delivered=False), 60.0, DOORS) is Verdict.INCONCLUSIVE
    assert account_of(phone, fetched, 60.0, []) is Verdict.INCONCLUSIVE


def test_a_server_at_another_port_or_transport_of_the_same_address_is_somebody_else_s() -> None:
    for port, transport in (("5062", "udp"), ("5060", "tcp"), ("5060", "tls")):
        phone = a_phone_at(port, transport)
        assert account_of(phone, Fetch(1.0, f"{phone.mac}.cfg", is_delivered=True), 60.0, DOORS) is Verdict.INCONCLUSIVE
    phone = a_phone_at("", "tls")
    assert account_of(phone, Fetch(1.0, f"{phone.mac}.cfg", is_delivered=True), 60.0, DOORS) is Verdict.FAIL
