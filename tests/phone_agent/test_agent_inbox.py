"""What the phone answers to requests that come in."""

from __future__ import annotations

import pytest
from phone_wire import OFFER, Registrar, Wire, a_phone, a_request

from sipstub.phone.agent.event import MessagesWaiting, Resync
from sipstub.sip.message import Response
from sipstub.sip.reader import parse_message
from sipstub.transaction.sending import Hop

FROM_SERVER = Hop("UDP", "127.0.0.2", 5060, 5060)


def a_wire(*changes: dict[str, str]) -> Wire:
    return Wire(a_phone({"account.1.nat.udp_update_enable": "0"}, *changes), Registrar(is_open=True)).start()


def status(wire: Wire, method: str, **given: str) -> Response:
    body = given.pop("body", "").encode()
    found = wire.give(a_request(method, wire, body=body, **given))[-1].message
    assert isinstance(found, Response)
    return found


def test_options_is_answered_with_what_the_phone_can_do() -> None:
    found = status(a_wire(), "OPTIONS")
    assert found.status == 200
    assert found.allow[0] == "INVITE" and len(found.allow) == 14
    assert found.user_agent == "Yealink SIP-T46G 28.80.0.60"
    assert found.to.tag


@pytest.mark.parametrize(
    ("mode", "event", "wanted"),
    [
        ("0", "check-sync", Resync(False)),
        ("0", "check-sync;reboot=true", Resync(True)),
        ("0", "check-sync;reboot=false", Resync(False)),
        ("1", "check-sync", Resync(True)),
        ("1", "check-sync;reboot=false", Resync(True)),
        ("", "check-sync", Resync(True)),
        ("2", "check-sync;reboot=true", None),
    ],
)
def test_check_sync_is_answered_and_obeyed_as_the_file_says(mode: str, event: str, wanted: Resync | None) -> None:
    wire = a_wire({"sip.notify_reboot_enable": mode})
    assert status(wire, "NOTIFY", Event=event).status == 200
    assert [found for found in wire.events if isinstance(found, Resync)] == ([wanted] if wanted else [])


def test_a_repeated_check_sync_is_obeyed_once() -> None:
    wire = a_wire()
    request = a_request("NOTIFY", wire, Event="check-sync")
    first, second = wire.give(request), wire.give(request)
    assert first[0].data == second[0].data
    assert len([found for found in wire.events if isinstance(found, Resync)]) == 1


def test_a_message_summary_out_of_the_blue_is_taken() -> None:
    wire = a_wire()
    assert status(wire, "NOTIFY", Event="message-summary", body="Messages-Waiting: no\r\n").status == 200
    assert wire.events[-1] == MessagesWaiting(1, "Messages-Waiting: no\r\n")


@pytest.mark.parametrize(
    ("method", "given", "wanted"),
    [
        ("NOTIFY", {"Event": "presence"}, 489),
        ("NOTIFY", {}, 489),
        ("NOTIFY", {"Event": "reg"}, 481),
        ("SUBSCRIBE", {"Event": "dialog"}, 489),
        ("REGISTER", {}, 405),
        ("PUBLISH", {"Event": "presence"}, 405),
        ("REFER", {}, 405),
        ("BYE", {}, 481),
        ("UPDATE", {}, 481),
        ("INFO", {}, 481),
        ("PRACK", {}, 481),
        ("OPTIONS", {"to_tag": "unknown"}, 481),
        ("MESSAGE", {}, 200),
        ("DANCE", {}, 501),
        ("CANCEL", {}, 481),
        ("INVITE", {"uri": "sip:9999@127.0.0.9:5060"}, 404),
        ("INVITE", {"uri": "tel:+4930"}, 416),
        ("OPTIONS", {"Require": "nonsense"}, 420),
        ("INVITE", {"Require": "timer"}, 420),
        ("OPTIONS", {"Contact_": "x"}, 200),
    ],
)
def test_each_request_gets_its_status(method: str, given: dict[str, str], wanted: int) -> None:
    assert status(a_wire(), method, **given).status == wanted


def test_a_refusal_says_what_is_not_understood() -> None:
    assert status(a_wire(), "OPTIONS", Require="nonsense, replaces").unsupported == ("nonsense",)
    assert status(a_wire(), "REGISTER").allow
    assert status(a_wire(), "NOTIFY", Event="presence").headers.get("Allow-Events") == "talk,hold,conference,refer,check-sync"


def test_what_cannot_be_read_is_dropped_and_counted() -> None:
    wire = a_wire()
    before = len(wire.seen)
    for data in (b"nonsense", b"OPTIONS sip:x SIP/2.0\r\n\r\n", b"\xff\xfe\r\n\r\n", b"\r\n\r\n", b"\0\0\0\0", b""):
        wire.phone.receive(data, FROM_SERVER, wire.now)
    wire.carry()
    assert wire.phone.broken == 2
    assert len(wire.seen) == before


def test_a_broken_header_is_answered_400() -> None:
    wire = a_wire()
    request = a_request("OPTIONS", wire)
    request.headers.set("Contact", "<<<")
    assert wire.give(request)[-1].data.startswith(b"SIP/2.0 400 ")


def test_a_flood_of_invented_requests_leaves_the_phone_bounded() -> None:
    wire = a_wire()
    for number in range(2_000):
        request = a_request("INVITE", wire, body=OFFER, call_id=f"flood-{number}")
        request.headers.set("Via", f"SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bKflood{number}")
        wire.phone.receive(parse_message(request.to_bytes()), FROM_SERVER, wire.now)
        wire.phone.to_send()
    assert len(wire.phone.lines[0].calls) <= 8
    assert len(wire.phone.lines[0].layer) <= 256 + 1  # and its own REGISTER
    wire.run(700)
    assert wire.phone.is_registered
    assert len(wire.phone.lines[0].layer) <= 1


def test_a_request_finds_its_account_by_line_or_user() -> None:
    second = {
        "account.2.enable": "1",
        "account.2.user_name": "1002",
        "account.2.sip_server.1.address": "127.0.0.2",
    }
    wire = a_wire(second)
    by_user = a_request("OPTIONS", wire, uri="sip:1002@127.0.0.9")
    assert b"<sip:1002@" in wire.give(by_user)[-1].data
    mark = wire.phone.lines[1].shape.line
    by_line = a_request("OPTIONS", wire, uri=f"sip:anything@127.0.0.9;line={mark}")
    assert b"<sip:1002@" in wire.give(by_line)[-1].data


def test_a_call_whose_routes_cannot_be_read_is_refused_before_it_rings() -> None:
    wire = a_wire({"account.1.auto_answer": "1"})
    assert status(wire, "INVITE", Record_Route="<<>>", body=OFFER.decode()).status == 400
    assert wire.run(10).phone.lines[0].calls == []
