"""A phone behind a NAT asks a STUN server first."""

from __future__ import annotations

import struct

import pytest
from phone_wire import Registrar, Wire, a_phone

from sipstub.phone.agent.stun import COOKIE, binding_request, is_stun, mapped_address
from sipstub.transaction.sending import Hop

STUN = {"account.1.nat.nat_traversal": "1", "account.1.nat.stun_server": "127.0.0.5", "account.1.nat.stun_port": "3479"}
SERVER = Hop("UDP", "127.0.0.5", 3479, 5060)


def an_answer(request: bytes, kind: int = 0x0020, family: int = 1) -> bytes:
    port, address = 40000, 0xCB007107  # 203.0.113.7
    if kind == 0x0020:
        port, address = port ^ (COOKIE >> 16), address ^ COOKIE
    software = struct.pack("!HH", 0x8022, 3) + b"abc\0"
    body = software + struct.pack("!HHBBHI", kind, 8, 0, family, port, address)
    return struct.pack("!HHI", 0x0101, len(body), COOKIE) + request[8:20] + body


@pytest.mark.parametrize("kind", [0x0020, 0x0001])
def test_the_address_that_the_server_saw_stands_in_contact_and_sdp(kind: int) -> None:
    wire = Wire(a_phone(STUN), Registrar(is_open=True)).start()
    assert [seen.hop for seen in wire.seen] == [SERVER]
    wire.phone.receive(an_answer(wire.seen[0].data, kind), SERVER, wire.now)
    wire.carry()
    assert "@203.0.113.7:40000;line=" in str(wire.requests("REGISTER")[0].contacts)
    wire.phone.call(1, "2002", wire.now)
    wire.carry()
    assert b"c=IN IP4 203.0.113.7" in wire.requests("INVITE")[0].body


def test_a_silent_server_is_asked_three_times_and_then_done_without() -> None:
    wire = Wire(a_phone(STUN)).start().run(10)
    assert [seen.at - wire.seen[0].at for seen in wire.seen[:4]] == [0, 0.5, 1.5, 3.5]
    assert "@127.0.0.9:5060;" in str(wire.requests("REGISTER")[0].contacts)


def test_strange_answers_are_no_answers() -> None:
    request = binding_request(b"x" * 12)
    assert is_stun(request) and not is_stun(b"REGISTER sip:a SIP/2.0\r\n\r\n")
    assert mapped_address(an_answer(request), b"y" * 12) is None
    assert mapped_address(an_answer(request, family=2), b"x" * 12) is None
    assert mapped_address(an_answer(request)[:-3], b"x" * 12) is None
    assert mapped_address(request, b"x" * 12) is None


@pytest.mark.parametrize("off", [{"account.1.nat.nat_traversal": "0"}, {"account.1.nat.stun_server": ""}])
def test_without_switch_or_server_nobody_is_asked(off: dict[str, str]) -> None:
    assert Wire(a_phone(STUN, off)).start().run(1).raw() == []
