"""How fast SIP is read and written here, as a ratio against sipmessage in the same run.

    python -m bench sip_parse

CPU microseconds per REGISTER with credentials, best of several rounds, the readers taking turns.  Messages differ as a
phone's do: user, tags, branch, Call-ID, nonce and digest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import sipmessage

from bench.line import Line
from sipstub.sip.examine import demand, examine
from sipstub.sip.message import Request
from sipstub.sip.reader import parse_message

MESSAGES, ROUNDS = 2000, 7


def a_register(number: int) -> bytes:
    """Return the REGISTER of one phone, 700 bytes or so."""
    user, host = f"{1000 + number}", "pbx.example.com"
    lines = [
        f"REGISTER sip:{host} SIP/2.0",
        f"Via: SIP/2.0/UDP 10.1.{number // 250}.{number % 250 + 1}:5060;branch=z9hG4bK{number:010d};rport",
        f'From: "Phone {user}" <sip:{user}@{host}>;tag={number * 7919:08x}',
        f'To: "Phone {user}" <sip:{user}@{host}>',
        f"Call-ID: 0_{number * 104729}@10.1.{number // 250}.{number % 250 + 1}",
        "CSeq: 2 REGISTER",
        f"Contact: <sip:{user}@10.1.{number // 250}.{number % 250 + 1}:5060;line={number:015x}>",
        f'Authorization: Digest username="{user}", realm="{host}", nonce="{number * 15485863:040x}", uri="sip:{host}", '
        f'response="{number * 32452843:032x}", algorithm=MD5, cnonce="{number:08x}", qop=auth, nc=00000001',
        "Allow: INVITE, INFO, PRACK, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REGISTER, SUBSCRIBE, REFER, PUBLISH, UPDATE, MESSAGE",
        "Max-Forwards: 70",
        "User-Agent: Yealink SIP-T46G 28.80.0.60",
        "Expires: 3600",
        "Allow-Events: talk,hold,conference,refer,check-sync",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def ours_parsed(data: bytes) -> Any:
    """Parse alone."""
    return parse_message(data)


def ours_typed(data: bytes) -> Any:
    """Parse, and every typed header that a registrar wants."""
    message = parse_message(data)
    _ = message.vias, message.from_, message.to, message.call_id, message.cseq, message.contacts, message.expires
    _ = message.authorization, message.max_forwards
    return message


def ours_examined(data: bytes) -> Any:
    """Parse, and the whole verdict: every header that is typed, and the rules between them."""
    message = parse_message(data)
    examine(message)
    assert isinstance(message, Request)
    demand(message)
    return message


def ours_written(message: Any) -> bytes:
    """Write a message out whose headers were touched."""
    message.headers.version += 1
    return bytes(message.to_bytes())


def theirs_parsed(data: bytes) -> Any:
    """Parse alone."""
    return sipmessage.Message.parse(data)


def theirs_typed(data: bytes) -> Any:
    """Parse, and the same typed headers."""
    message: Any = sipmessage.Message.parse(data)
    _ = message.via, message.from_address, message.to_address, message.call_id, message.cseq, message.contact, message.expires
    _ = message.authorization, message.max_forwards
    return message


def theirs_written(message: Any) -> bytes:
    """Write a message out."""
    return bytes(message)


def measure(calls: Sequence[tuple[str, Callable[[Any], Any], Sequence[Any]]], rounds: int) -> dict[str, float]:
    """Return the best CPU microseconds per call for each name, the calls taking turns."""
    best = dict.fromkeys((name for name, _, _ in calls), float("inf"))
    for _ in range(rounds):
        for name, call, things in calls:
            begun = time.process_time()
            for thing in things:
                call(thing)
            best[name] = min(best[name], (time.process_time() - begun) / len(things) * 1e6)
    return best


def run(count: int = MESSAGES, rounds: int = ROUNDS) -> list[Line]:
    """Return our times and their ratios to sipmessage's, of REGISTERs with credentials."""
    messages = [a_register(number) for number in range(count)]
    ours = [parse_message(data) for data in messages]
    theirs = [sipmessage.Message.parse(data) for data in messages]
    best = measure(
        [
            ("ours: parse", ours_parsed, messages),
            ("sipmessage: parse", theirs_parsed, messages),
            ("ours: parse and type", ours_typed, messages),
            ("sipmessage: parse and type", theirs_typed, messages),
            ("ours: parse and examine", ours_examined, messages),
            ("ours: write", ours_written, ours),
            ("sipmessage: write", theirs_written, theirs),
        ],
        rounds,
    )
    lines = []
    for what in ("parse", "parse and type", "write"):
        mine, other = best[f"ours: {what}"], best[f"sipmessage: {what}"]
        detail = f"{mine:.1f} / {other:.1f} us"
        lines.append(Line(f"REGISTER of {len(messages[0])} bytes: {what}, to sipmessage", mine / other, "x", "", True, detail))
    lines.append(Line("the same: parse and examine as a registrar does", best["ours: parse and examine"], "us", "", True))
    return lines
