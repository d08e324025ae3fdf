"""A strict little parser for the requests that phones send; whatever it does not know is left to gunicorn's.

It takes GET and HEAD in origin form with HTTP/1.0 or 1.1, CRLF line ends, and header fields of a short list, each at
most once.  Where it takes a request it reads the same as gunicorn's parser: a test asks both.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from provisioner.services.http_limits import HEADER_FIELDS_MAX, PLAIN_HEAD_MAX_BYTES

USUAL_HEAD_MAX_BYTES = 512
"Longer heads are read field by field."

HEAD_END = b"\r\n\r\n"

_METHODS = {b"GET": "GET", b"HEAD": "HEAD"}
_VERSIONS = {b"HTTP/1.0": 0, b"HTTP/1.1": 1}
# RFC 9112 section 3.2: printable ASCII.  "#", which is never sent, is left to the other parser.
_TARGET = bytes(code for code in range(0x21, 0x7F) if code != 0x23)
# RFC 9110 section 5.5: what no field value holds; CR and LF are counted instead.
_CONTROL = bytes(code for code in (*range(0x20), 0x7F) if code not in (0x09, 0x0A, 0x0D))

_FIELDS = {
    name: name.lower()
    for name in (
        b"Host",
        b"User-Agent",
        b"Accept",
        b"Accept-Encoding",
        b"Accept-Language",
        b"Accept-Charset",
        b"Connection",
        b"Cache-Control",
        b"Pragma",
        b"Range",
        b"If-Range",
        b"If-None-Match",
        b"If-Modified-Since",
        b"Authorization",
        b"Cookie",
        b"Referer",
    )
}
_FIELDS.update({lower: lower for lower in list(_FIELDS.values())})


# The four fields that phones send, in any order, in the one form that needs no second look.  A repeated one is seen by the
# number of lines.
_VALUE = rb"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?"
_USUAL = re.compile(
    rb"(GET|HEAD) (/(?:[\x21\x22\x24-\x2e\x30-\x3e\x40-\x7e][\x21\x22\x24-\x3e\x40-\x7e]*)?) HTTP/1\.([01])\r\n"
    rb"(?:(Host: )" + _VALUE + rb"\r\n|User-Agent: (" + _VALUE + rb")\r\n|(Accept: )" + _VALUE + rb"\r\n"
    rb"|Connection: (close|Close|keep-alive|Keep-Alive)\r\n){0,4}\r\n"
)


class PlainHead(NamedTuple):
    """A request that can be answered without gunicorn's parser.  A tuple, since one is made per request."""

    method: str
    "GET or HEAD."

    path: bytes
    "As sent, without query."

    minor: int
    "0 or 1: HTTP/1.0 or HTTP/1.1."

    wants_close: bool
    "True if the client wants, or its version implies, that the connection ends."

    agent: str | None
    "User-Agent."

    if_none_match: str | None
    "The header's value."

    range: str | None
    "The header's value."

    if_range: str | None
    "The header's value."


def is_broken(data: bytes) -> bool:
    """Return True if a head that has not ended yet never will: it has a line end that is not CRLF (RFC 9112 section 2.2)."""
    return data.count(b"\n") != data.count(b"\r\n")


def parse_plain(head: bytes) -> PlainHead | None:
    """Return the request in `head` (which ends with an empty line), or None if it is for the other parser."""
    usual = _USUAL.fullmatch(head) if len(head) <= USUAL_HEAD_MAX_BYTES else None
    if usual is not None:
        method, path, digit, host, agent, accept, connection = usual.groups()
        fields = (host is not None) + (agent is not None) + (accept is not None) + (connection is not None)
        if head.count(b"\n") == fields + 2:
            minor = 1 if digit == b"1" else 0
            closes = minor == 0 if connection is None else connection[0] in b"cC"
            text = None if agent is None else agent.decode("ascii")
            return PlainHead(_METHODS[method], path, minor, closes, text, None, None, None)
    return _parse_any(head)


def _parse_any(head: bytes) -> PlainHead | None:
    """Return the same for every form, at three times the cost."""
    size = len(head)
    if size > PLAIN_HEAD_MAX_BYTES or len(head.translate(None, _CONTROL)) != size:
        return None
    lines = head.split(b"\r\n")
    ends = len(lines) - 1
    if ends > HEADER_FIELDS_MAX or head.count(b"\r") != ends or head.count(b"\n") != ends:
        return None
    parts = lines[0].split(b" ")
    if len(parts) != 3:
        return None
    method, minor, target = _METHODS.get(parts[0]), _VERSIONS.get(parts[2]), parts[1]
    if method is None or minor is None or target[:1] != b"/" or target[:2] == b"//" or target.translate(None, _TARGET):
        return None
    fields: dict[bytes, bytes] = {}
    for line in lines[1:-2]:
        name, colon, value = line.partition(b":")
        known = _FIELDS.get(name) or _FIELDS.get(name.lower())
        if known is None or not colon or known in fields:
            return None
        fields[known] = value.strip(b" \t")
    field = fields.get
    connection = field(b"connection", b"").lower()
    if connection not in (b"", b"close", b"keep-alive"):
        return None
    return PlainHead(
        method,
        target.partition(b"?")[0] if b"?" in target else target,
        minor,
        connection == b"close" or (minor == 0 and connection != b"keep-alive"),
        _text(field(b"user-agent")),
        _text(field(b"if-none-match")),
        _text(field(b"range")),
        _text(field(b"if-range")),
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
