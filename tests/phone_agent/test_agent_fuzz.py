"""Whatever the far side sends, at whatever moment: no crash, nothing grows, and the phone still registers."""

from __future__ import annotations

import random

import pytest
from phone_wire import OFFER, Registrar, Wire, a_phone, a_request

from sipstub.phone.agent.incoming import Answering
from sipstub.sip.message import Request, Response
from sipstub.sip.reader import parse_message
from sipstub.transaction.sending import Hop

FROM_SERVER = Hop("UDP", "127.0.0.2", 5060, 5060)
EVERYTHING = {
    "account.1.subscribe_mwi": "1",
    "account.1.subscribe_register": "1",
    "account.1.session_timer.enable": "1",
    "account.1.100rel_enable": "1",
    "account.1.auto_answer": "1",
    "account.1.nat.nat_traversal": "1",
    "account.1.nat.stun_server": "127.0.0.5",
    "account.1.nat.udp_update_enable": "2",
}
HEADERS = (
    "Via From To Call-ID CSeq Contact Expires Min-Expires WWW-Authenticate Record-Route Require Supported RSeq Session-Expires "
    "Content-Type Event Subscription-State Allow Max-Forwards Retry-After Content-Length"
).split()
VALUES = (
    "",
    "*",
    "<<>>",
    "0",
    "-1",
    "4294967296",
    "99999999999999999999",
    "tel:+49",
    "<tel:+49>",
    "<sip:x@[::1]>;lr",
    "<sip:nowhere.example;lr>, <sip:127.0.0.7;lr>",
    "<http://x>",
    "Digest",
    'Digest realm="a", nonce="b", qop="auth-int"',
    'Digest realm="a", nonce="b", algorithm=MD5-sess',
    'Digest realm="a\\"", nonce="\\"", qop="auth"',
    "timer",
    "100rel",
    "90;refresher=both",
    "1 INVITE",
    "x" * 5000,
    "é\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK",
)
BODIES = (
    b"",
    OFFER,
    b"v=0\r\n",
    b"\0" * 100,
    OFFER.replace(b"8 0 101", b"999"),
    OFFER + b"a=crypto:x\r\n",
    OFFER + b"m=video 1 X 1\r\n",
)


class Hostile:
    """Answers right, but with something wrong in about every third answer."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        self._right = Registrar()

    def __call__(self, request: Request, hop: Hop) -> list[Response]:
        found = self._right(request, hop)
        for response in found:
            if self._random.random() < 0.4:
                _spoil(response, self._random)
            if self._random.random() < 0.2:
                response.status = self._random.choice(
                    [100, 180, 183, 200, 202, 299, 302, 401, 407, 408, 422, 423, 481, 491, 503, 699]
                )
        return [one for one in found for _ in range(self._random.choice([0, 1, 1, 1, 2]))]


def _spoil(message: Request | Response, source: random.Random) -> None:
    for _ in range(source.randrange(1, 4)):
        name, value = source.choice(HEADERS), source.choice(VALUES)
        act = source.randrange(3)
        if act == 0:
            message.headers.remove(name)
        elif act == 1:
            message.headers.set(name, value)
        else:
            message.headers.add(name, value)
    if source.random() < 0.3:
        message.set_body(source.choice(BODIES))


class Careless(Wire):
    """Gives bytes, so that what cannot be read is the phone's own affair."""

    def give_bytes(self, data: bytes) -> None:
        self.phone.receive(data, FROM_SERVER, self.now)
        self.carry()

    def _carry(self) -> None:
        while sendings := self.phone.to_send():
            for sending in sendings[:50]:
                if not sending.data[:1].isalpha():
                    continue

                message = parse_message(sending.data)  # what the phone sends can always be read
                if isinstance(message, Request):
                    for response in self.far(message, sending.hop):
                        self.phone.receive(response.to_bytes(), sending.hop, self.now)
        while self.phone.next_event() is not None:
            pass


@pytest.mark.parametrize("seed", range(12))
def test_nothing_that_comes_in_breaks_the_phone(seed: int) -> None:
    source = random.Random(seed)
    wire = Careless(a_phone(EVERYTHING, seed=seed), Hostile(source))
    wire.start()
    methods = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "NOTIFY", "UPDATE", "INFO", "PRACK", "REFER", "MESSAGE", "X")
    for number in range(150):
        wire.phone.answering = source.choice(list(Answering))
        request = a_request(source.choice(methods), wire, body=source.choice(BODIES), call_id=f"f-{number % 7}", cseq=str(number))
        request.headers.set("Via", f"SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK{number % 40}")
        if source.random() < 0.6:
            _spoil(request, source)
        data = request.to_bytes()
        if source.random() < 0.1:
            at = source.randrange(len(data))
            data = data[:at] + bytes([source.randrange(256)]) + data[at + 1 :]
        wire.give_bytes(data)
        if source.random() < 0.2:
            wire.phone.call(1, "2002", wire.now)
            wire.carry()
        for call in wire.phone.lines[0].calls[:1]:
            if source.random() < 0.3:
                call.press("1", wire.now)
                call.hang_up(wire.now)
                wire.phone.on_timer(wire.now)
                wire.carry()
        wire.run(source.choice([0.0, 0.1, 3.0, 40.0]))
    line = wire.phone.lines[0]
    assert len(line.calls) <= 8 and len(line.layer) <= 512
    wire.far = Registrar()
    for call in line.calls:
        call.hang_up(wire.now)
    wire.run(10_000)
    assert wire.phone.is_registered
    assert len(line.layer) <= 4
