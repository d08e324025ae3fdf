"""A strict little parser for the requests that phones send; whatever it does not know is left to gunicorn's.

It takes GET and HEAD in origin form with HTTP/1.0 or 1.1, CRLF line ends, and header fields of a short list, each at
most once.  Where it takes a request it reads the same as gunicorn's parser: a test asks both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from provisioner.services.http_limits import HEADER_FIELDS_MAX, PLAIN_HEAD_MAX_BYTES

HEAD_END = b"\r\n\r\n"

# RFC 9112 section 3.2.1.  A second slash in front, and "#", are left to the other parser.
_REQUEST_LINE = re.compile(rb"(GET|HEAD) (/(?:[!-\"$-.0->@-~][!-\"$-~]*|\?[!-\"$-~]*)?) HTTP/1\.([01])")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

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


@dataclass(frozen=True, slots=True)
class PlainHead:
    """A request that can be answered without gunicorn's parser."""

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
    if len(head) > PLAIN_HEAD_MAX_BYTES or _CONTROL.search(head):
        return None
    lines = head.split(b"\r\n")
    ends = len(lines) - 1
    if ends > HEADER_FIELDS_MAX or head.count(b"\r") != ends or head.count(b"\n") != ends:
        return None
    matched = _REQUEST_LINE.fullmatch(lines[0])
    if matched is None:
        return None
    fields: dict[bytes, bytes] = {}
    for line in lines[1:-2]:
        name, colon, value = line.partition(b":")
        known = _FIELDS.get(name) or _FIELDS.get(name.lower())
        if known is None or not colon or known in fields:
            return None
        fields[known] = value.strip(b" \t")
    method, target, minor = matched.groups()
    connection = fields.get(b"connection", b"").lower()
    if connection not in (b"", b"close", b"keep-alive"):
        return None
    return PlainHead(
        method.decode("ascii"),
        target.partition(b"?")[0],
        minor[0] - 48,
        connection == b"close" or (minor == b"0" and connection != b"keep-alive"),
        _text(fields.get(b"user-agent")),
        _text(fields.get(b"if-none-match")),
        _text(fields.get(b"range")),
        _text(fields.get(b"if-range")),
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
