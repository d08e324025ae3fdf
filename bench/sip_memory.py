"""Memory of 10,000 registered phones: what a binding holds on to, and what a registration does until its answer is forgotten.

    python -m bench sip_memory

Measured in a process of its own, by Python's account of its objects (tracemalloc), with the registrar, the core and the
transactions that serve phones; the record of messages has a bound of its own and is not in it.  Each phone has an address, a
Call-ID, a nonce and texts of its own, and registers twice, as the second time replaces what the first one left.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tracemalloc

from bench.line import Line, at_most
from sipstub.core.compose import Stub, compose
from sipstub.registrar.policy import Policy
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import RegistrarUser, Users
from sipstub.sip.digest import make_ha1, respond
from sipstub.sip.message import Response
from sipstub.sip.reader import parse_message
from sipstub.transaction.sending import Hop

PHONES = 10_000
REALM = "bench"
START = 1_700_000_000.0
ANSWER_S = 33.0
"Timer J is over then, and no answer is kept."
NONCE_S = 302.0
"No nonce is remembered then."
BINDING_BYTES = 4_096


def held_bytes() -> int:
    """Return what Python's objects hold in this process."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def measure() -> dict[str, float]:
    """Return bytes for each phone: right after the second registration, and when only bindings are left."""
    users = Users([RegistrarUser.of(f"{10_000 + number}", "pw", REALM) for number in range(PHONES)])
    stub = compose(Registrar(users, Policy(REALM, nonce_lifetime_s=300.0), b"k" * 32))
    for number in range(200):  # what is made once is there already
        _register(stub, number, 0, START)
    stub.core.on_timer(START + 4000)
    before = held_bytes()
    for turn in range(2):
        for number in range(PHONES):
            _register(stub, number, turn, START + 4000 + turn)
    busy = held_bytes()
    stub.core.on_timer(START + 4001 + ANSWER_S)
    _register(stub, 0, 2, START + 4001 + NONCE_S)  # nonces are looked over with the next one
    stub.core.on_timer(START + 4001 + NONCE_S + ANSWER_S)
    assert len(stub.registrar.location) == PHONES
    assert len(stub.core.layer) == 0
    return {"busy": (busy - before) / PHONES, "calm": (held_bytes() - before) / PHONES}


def _register(stub: Stub, number: int, turn: int, now: float) -> None:
    user, hop = f"{10_000 + number}", Hop("UDP", f"10.1.{number >> 8}.{number & 255}", 5060, 1)
    challenge = _answer(stub, _message(user, hop, turn, 1, ""), hop, now).www_authenticate[0]
    given = respond(
        challenge, method="REGISTER", uri="sip:pbx.example", username=user, ha1=make_ha1(user, REALM, "pw"), cnonce="c0ffee"
    )
    assert _answer(stub, _message(user, hop, turn, 2, f"Authorization: {given}\r\n"), hop, now).status == 200


def _answer(stub: Stub, data: bytes, hop: Hop, now: float) -> Response:
    stub.core.receive(data, hop, now)
    found = parse_message(stub.core.to_send()[0].data)
    assert isinstance(found, Response)
    return found


def _message(user: str, hop: Hop, turn: int, step: int, more: str) -> bytes:
    return (
        f"REGISTER sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP {hop.host}:5060;branch=z9hG4bK{user}{turn}{step};rport\r\n"
        f'From: "Phone {user}" <sip:{user}@pbx.example>;tag={user}{turn}\r\nTo: "Phone {user}" <sip:{user}@pbx.example>\r\n'
        f"Call-ID: 0_{user}@{hop.host}\r\nCSeq: {2 * turn + step} REGISTER\r\n"
        f"Contact: <sip:{user}@{hop.host}:5060;line={user}abcde>\r\n{more}"
        "Allow: INVITE, INFO, PRACK, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REGISTER, SUBSCRIBE, REFER, PUBLISH, UPDATE, MESSAGE\r\n"
        "Max-Forwards: 70\r\nUser-Agent: Yealink SIP-T46G 28.80.0.60\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def run() -> list[Line]:
    """Return bytes for each of 10,000 phones."""
    command = [sys.executable, "-m", "bench.sip_memory"]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    busy = f"memory of a registration, {PHONES} phones at once twice"
    return [
        at_most(f"memory of a binding, {PHONES} phones registered", found["calm"], "bytes", BINDING_BYTES),
        Line(busy, found["busy"], "bytes", "", True, "binding, the answers kept for 32 s, the counts of nonces"),
    ]


if __name__ == "__main__":
    tracemalloc.start()
    print(json.dumps(measure()))
