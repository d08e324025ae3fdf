"""Endpoints and messages that the tests of sipstub.trace share."""

from __future__ import annotations

from sipstub.trace.record import Endpoint, RecordedMessage

STUB = Endpoint("udp", "127.0.0.1", 5060)
PHONE = Endpoint("udp", "127.0.5.1", 5062)


def a_request(
    method: str = "REGISTER",
    *,
    cseq: int = 1,
    call_id: str = "one@example",
    via: str = "127.0.5.1:5062",
    branch: str = "z9hG4bKa",
    transport: str = "UDP",
    contact: str | None = "<sip:101@127.0.5.1:5062>",
    extra: tuple[str, ...] = (),
    body: bytes = b"",
) -> bytes:
    lines = [
        f"{method} sip:127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/{transport} {via};branch={branch}",
        "Max-Forwards: 70",
        "From: <sip:101@127.0.0.1>;tag=f",
        "To: <sip:101@127.0.0.1>",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        *([f"Contact: {contact}"] if contact else []),
        *extra,
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def a_response(
    status: int = 200,
    method: str = "REGISTER",
    *,
    cseq: int = 1,
    call_id: str = "one@example",
    via: str = "127.0.5.1:5062",
    branch: str = "z9hG4bKa",
    transport: str = "UDP",
    extra: tuple[str, ...] = (),
    body: bytes = b"",
) -> bytes:
    lines = [
        f"SIP/2.0 {status} Fine",
        f"Via: SIP/2.0/{transport} {via};branch={branch}",
        "From: <sip:101@127.0.0.1>;tag=f",
        "To: <sip:101@127.0.0.1>;tag=t",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        *extra,
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


NONCE = 'nonce="6f1c"'
CHALLENGE = f'WWW-Authenticate: Digest realm="stub", {NONCE}, qop="auth"'
CREDENTIALS = (
    f'Authorization: Digest username="101", realm="stub", {NONCE}, uri="sip:127.0.0.1", '
    'response="0123456789abcdef0123456789abcdef", qop=auth, nc=00000001, cnonce="c0ffee"'
)


def a_registration(phone: Endpoint = PHONE, stub: Endpoint = STUB, *, at: float = 1_700_000_000.0) -> list[RecordedMessage]:
    """Return REGISTER, 401, REGISTER with credentials, 200."""
    said = [
        (True, a_request(extra=("Expires: 3600",))),
        (False, a_response(401, extra=(CHALLENGE,))),
        (True, a_request(cseq=2, branch="z9hG4bKb", extra=(CREDENTIALS, "Expires: 3600"))),
        (False, a_response(200, cseq=2, branch="z9hG4bKb", extra=("Contact: <sip:101@127.0.5.1:5062>;expires=600",))),
    ]
    times = (0.0, 0.004, 0.061, 0.065)
    return [
        RecordedMessage(number, at + after, is_inbound, stub, phone, data)
        for number, (after, (is_inbound, data)) in enumerate(zip(times, said, strict=True), 1)
    ]
