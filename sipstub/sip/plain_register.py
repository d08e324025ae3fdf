"""A REGISTER in the usual shape of a phone, read with one pattern; whatever this does not know is for `reader`.

It takes a REGISTER over UDP without a body: one Via, From, To, Call-ID, CSeq and Contact, each once and in its usual spelling,
some headers that no registrar reads, and Digest credentials with qop `auth`; no folded lines, no lists, no escapes.  Where it
takes a message it reads the same as `reader` and `examine`, which find nothing wrong with it: tests ask both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sipstub.sip.contact import Contact, Contacts
from sipstub.sip.cseq import CSeq
from sipstub.sip.error import SipError
from sipstub.sip.host import MAX_PORT, host_key, parse_host
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.params import NO_PARAMS, Params
from sipstub.sip.plain_credentials import PlainCredentials, parse_plain_credentials
from sipstub.sip.reason import reason_phrase
from sipstub.sip.scanner import refuse_injection
from sipstub.sip.uri import DEFAULT_PORTS, SipUri, Uri, parse_uri

BEGIN = b"REGISTER sip:"
"So it begins."
PORT_DIGITS = 5
MAX_PLAIN_BYTES = 2_048
"Longer messages are read header by header."

_USER = r"[A-Za-z0-9\-_.+*]{1,64}+"
_PLACE = r"([A-Za-z0-9.\-]{1,64}+)(?::([1-9][0-9]{0,4}+))?"
_TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]{1,128}+"
_TEXT = r"[!-~][ -~]*+(?<! )"
_ADDRESS = rf'(?:"([ !#-\[\]-~]*+)" ?)?<sip:({_USER})@{_PLACE}>'
_HEADERS = (
    rf"Via: (SIP/2\.0/UDP {_PLACE};branch=(z9hG4bK{_TOKEN}))(;rport)?",
    rf"From: ({_ADDRESS};tag=({_TOKEN}))",
    rf"To: ({_ADDRESS})",
    r"Call-ID: ([!-+\--~]{1,255}+)",
    r"CSeq: (([0-9]{1,9}+) REGISTER)",
    rf"Contact: <(sip:(?:({_USER})@)?{_PLACE}(?:;(line|transport)=([A-Za-z0-9]{{1,64}}+))?)>",
    r"Authorization: (Digest [ -~]++)",
    r"(Allow): [A-Z, ]*+",
    r"(Max-Forwards): [0-9]{1,3}+",
    rf"User-Agent: ({_TEXT})",
    r"Expires: ([0-9]{1,9}+)",
    rf"(Allow-Events): {_TEXT}",
    r"(Line): [0-9]{1,3}+",
    r"(Content-Length): 0",
)
MAX_LINES = len(_HEADERS) + 2
"Of a message that has all of them once."
_NEEDED = 6
"So many of them have to be there."
_USUAL = re.compile(
    rf"REGISTER (sip:{_PLACE}) SIP/2\.0\r\n"
    + "".join(rf"{header}\r\n" for header in _HEADERS[:_NEEDED])
    + "".join(rf"(?:{header}\r\n)?" for header in _HEADERS[_NEEDED:])
    + r"\r\n"
)
"In the order of Yealink phones, which needs no second look; the groups are those of _PLAIN."
_PLAIN = re.compile(rf"REGISTER (sip:{_PLACE}) SIP/2\.0\r\n(?:(?:{'|'.join(_HEADERS)})\r\n){{6,14}}\r\n")


class PlainRegister:
    """What `Request` says of the same bytes, as far as a registrar asks."""

    __slots__ = (
        "_contacts", "_parts", "_via_host", "authorization", "branch", "call_id", "cseq_number", "cseq_text", "expires",
        "from_tag", "from_text", "raw", "to_text", "uri", "uri_text", "user_agent", "via_port", "via_text", "wants_rport",
    )  # fmt: skip
    method = "REGISTER"
    body = b""
    supported: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    paths: tuple[NameAddr, ...] = ()

    def __init__(self, raw: bytes, uri: Uri, authorization: tuple[PlainCredentials, ...], parts: tuple[str, ...]) -> None:
        self.uri_text, via, self._via_host, via_port, self.branch, rport = parts[0], *parts[3:8]
        self.from_text, self.from_tag, self.to_text = parts[8], parts[13], parts[14]
        self.raw = raw
        self.uri = uri
        self.authorization = authorization
        self.via_text = via if rport is None else via + rport
        self.via_port = int(via_port) if via_port else None
        self.wants_rport = rport is not None
        self.call_id, self.cseq_text, cseq_number = parts[19:22]
        self.cseq_number = int(cseq_number)
        self._parts = parts
        self._contacts: Contacts | None = None
        self.user_agent: str | None = parts[31]
        self.expires = None if parts[32] is None else int(parts[32])

    @property
    def sent_by(self) -> tuple[str, int]:
        """Return host and port of Via as transactions are told apart by them."""
        return host_key(self._via_host), self.via_port or DEFAULT_PORTS["sip"]

    @property
    def display(self) -> str:
        """Return the display name of To."""
        return self._parts[15] or ""

    @property
    def to_uri(self) -> SipUri:
        """Return the URI of To."""
        _, user, host, port = self._parts[15:19]
        return SipUri(host, user, "sip", None, int(port) if port else None)

    @property
    def to(self) -> NameAddr:
        """Return To."""
        return NameAddr(self.to_uri, self.display)

    @property
    def contact_text(self) -> str:
        """Return the URI of the one contact, as written."""
        return self._parts[22]

    @property
    def cseq(self) -> CSeq:
        """Return CSeq."""
        return CSeq(self.cseq_number, self.method)

    @property
    def contacts(self) -> Contacts:
        """Return the one contact."""
        if self._contacts is None:
            user, host, port, name, value = self._parts[23:28]
            params = Params(((name, value),)) if name else NO_PARAMS
            self._contacts = Contacts((Contact(SipUri(host, user, "sip", None, int(port) if port else None, params)),))
        return self._contacts

    @property
    def vias(self) -> tuple[str]:
        """Return the one Via."""
        return (self.via_text,)

    def seen_from(self, host: str, port: int) -> str:
        """Return Via with `received`, and `rport` if asked for, as RFC 3581 section 4 fills them in."""
        if self.wants_rport:
            return f"{self.via_text}={port};received={host}"
        return self.via_text if host == self._via_host else f"{self.via_text};received={host}"

    def answer(self, status: int, added: Iterable[tuple[str, str]], to_tag: str, via: str) -> bytes:
        """Return the answer with that Via, and those headers behind the ones that are copied."""
        more = "".join([f"{name}: {refuse_injection(value)}\r\n" for name, value in added])
        return (
            f"SIP/2.0 {status} {reason_phrase(status)}\r\nVia: {via}\r\nFrom: {self.from_text}\r\n"
            f"To: {self.to_text};tag={to_tag}\r\nCall-ID: {self.call_id}\r\nCSeq: {self.cseq_text}\r\n"
            f"{more}Content-Length: 0\r\n\r\n"
        ).encode("utf-8", "surrogateescape")


def parse_plain_register(data: bytes) -> PlainRegister | None:
    """Return the REGISTER in these bytes, or None if it is for `reader`."""
    if len(data) > MAX_PLAIN_BYTES or not data.isascii():
        return None
    text = data.decode("ascii")
    match = _USUAL.fullmatch(text)
    parts = match.groups() if match is not None else _any_order(text)
    if parts is None:
        return None
    authorization: tuple[PlainCredentials, ...] = ()
    if parts[28] is not None:
        credentials = parse_plain_credentials(parts[28])
        if credentials is None:
            return None
        authorization = (credentials,)
    try:
        uri = parse_uri(parts[0])
        for at in (4, 11, 17, 24):
            parse_host(parts[at])
            port = parts[at + 1]
            if port is not None and len(port) == PORT_DIGITS and int(port) > MAX_PORT:
                return None
    except SipError:
        return None
    return PlainRegister(data, uri, authorization, parts)


def _any_order(text: str) -> tuple[str, ...] | None:
    """Return the groups of a message whose lines stand in another order, if each that is needed is there, and none twice."""
    match = _PLAIN.fullmatch(text)
    if match is None:
        return None
    parts = match.groups()
    via, from_, to, call_id, cseq, contact = parts[3], parts[8], parts[14], parts[19], parts[20], parts[22]
    if via is None or from_ is None or to is None or call_id is None or cseq is None or contact is None:
        return None
    if text.count("\n") != MAX_LINES - parts[28:].count(None):  # one of them stands twice
        return None
    return parts
