"""From bytes to a message: one datagram, or one frame of a stream.

Raises SipError and nothing else, in time linear in the input.  Lines end with CRLF and nothing else: a lone CR or LF in the head
is refused, since others would see other headers than we do.  NUL is taken only behind a backslash in a quoted string.
Headers are looked at no closer than their names, except Content-Length; `examine` judges the whole.  RFC 3261 7 and 18.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from sipstub.sip.error import SipError
from sipstub.sip.headers import MAX_HEADERS, Field, Headers
from sipstub.sip.message import MAX_STATUS, MIN_STATUS, VERSION, Message, Request, Response
from sipstub.sip.names import KEYS, header_key
from sipstub.sip.scanner import LWS
from sipstub.sip.uri import SipUri

_STATUS_LINE = re.compile(r"SIP/([0-9]+\.[0-9]+) ([0-9]+)(?: (.*))?\Z", re.IGNORECASE)
_VERSION = re.compile(r"SIP/([0-9]+)\.([0-9]+)\Z", re.IGNORECASE)
_LONE_NUL = re.compile("(?:^|[^\\\\])(?:\\\\\\\\)*\0")
MAX_KNOWN_LINES = 512
MAX_KNOWN_LINE = 128
"So many header lines of at most this length are not cut again: most of what a phone says it has said before."

_field = tuple.__new__  # the constructor of a NamedTuple costs twice as much


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a message may be; larger is answered 513, a larger body 413."""

    message_bytes: int = 65_535
    head_bytes: int = 32_768
    body_bytes: int = 60_000
    headers: int = MAX_HEADERS
    line_bytes: int = 16_384


LIMITS = Limits()


def parse_message(data: bytes, *, limits: Limits = LIMITS, is_stream: bool = False) -> Message:
    """Return the message that stands at the beginning of these bytes; `raw` keeps just what belongs to it.

    What follows Content-Length in a datagram is ignored (RFC 3261 section 18.3); a stream must say Content-Length.
    The error of a message whose head could be read has it as `partial`.
    """
    if len(data) > limits.message_bytes:
        raise SipError(f"{len(data)} bytes, at most {limits.message_bytes} are taken", status=513)
    if data[:1] in (b"\r", b"\n"):
        data = data.lstrip(b"\r\n")
    head, blank, rest = data.partition(b"\r\n\r\n")
    if not blank:
        raise SipError(_no_end(data))
    if len(head) > limits.head_bytes:
        raise SipError(f"headers of {len(head)} bytes, at most {limits.head_bytes} are taken", status=513)
    text = head.decode("utf-8", "surrogateescape")
    _refuse_lone_ends(text)
    start, _, lines = text.partition("\r\n")
    headers = _read_headers(lines, limits)
    message = _read_start(start, headers)
    try:
        size = _body_size(headers, len(rest), is_stream)
        if size > limits.body_bytes:
            raise SipError(f"body of {size} bytes, at most {limits.body_bytes} are taken", status=413)
        if size > len(rest):
            raise SipError(f"Content-Length says {size}, but {len(rest)} bytes follow")
    except SipError as error:
        error.partial = message
        raise
    message._body = rest[:size]
    message._raw = data if size == len(rest) else data[: len(head) + 4 + size]
    message._as_read = headers.version
    return message


def _no_end(data: bytes) -> str:
    if not data:
        return "empty"
    return "lines end with LF alone, not with CRLF" if b"\n\n" in data else "no empty line after the headers"


def _refuse_lone_ends(text: str) -> None:
    ends = text.count("\r\n")
    if text.count("\n") != ends or text.count("\r") != ends:
        raise SipError("a line ends with CR or LF alone")
    if "\0" in text and _LONE_NUL.search(text):
        raise SipError("NUL outside of a quoted pair")


def _read_headers(text: str, limits: Limits) -> Headers:
    if not text:
        return Headers()
    lines = text.split("\r\n")
    if "\r\n " in text or "\r\n\t" in text or text[0] in LWS:
        lines = _join_folded(lines)
    if len(lines) > limits.headers:
        raise SipError(f"{len(lines)} headers, at most {limits.headers} are taken", status=513)
    fields: list[Field] = []
    by_key: dict[str, list[str]] = {}
    longest = limits.line_bytes
    for line in lines:
        if len(line) > MAX_KNOWN_LINE:
            if len(line) > longest:
                raise SipError(f"a header of {len(line)} characters, at most {longest} are taken", status=513)
            field = _read_line(line)
        else:
            field = _known_line(line)
        fields.append(field)
        key = field[0]
        if key in by_key:
            by_key[key].append(field[2])
        else:
            by_key[key] = [field[2]]
    return Headers.read(fields, by_key)


def _read_line(line: str) -> Field:
    name, colon, value = line.partition(":")
    if not colon:
        raise SipError(f"a header without a colon: {line!r}")
    if "\r" in value:
        value = " ".join(part.strip(LWS) for part in value.split("\r\n"))
    return _field(Field, (KEYS.get(name) or header_key(name), name, value.strip(LWS), line))


_known_line = lru_cache(MAX_KNOWN_LINES)(_read_line)


def _join_folded(lines: list[str]) -> list[str]:
    """Return one text per header: lines that begin with a blank belong to the one before."""
    groups: list[list[str]] = []
    for line in lines:
        if line[:1] and line[0] in LWS:
            if not groups:
                raise SipError("the first header begins with a blank")
            groups[-1].append(line)
        else:
            groups.append([line])
    return ["\r\n".join(group) for group in groups]


def _read_start(line: str, headers: Headers) -> Message:
    if line[:4].upper() == "SIP/":
        return _read_status_line(line, headers)
    words = line.split(" ")
    if len(words) != 3:
        raise SipError(f"not a request line of three words: {line!r}")
    method, uri, version = words
    if version != VERSION:
        match = _VERSION.match(version)
        if match is None:
            raise SipError(f"not SIP: {version!r}")
        if (int(match[1][:4]), int(match[2][:4])) != (2, 0):
            raise SipError(f"version {version}", status=505)
    request = Request(method, uri, headers)
    if "?" in uri and isinstance(request.uri, SipUri) and request.uri.headers:
        raise SipError(f"headers in the Request-URI: {uri!r}")
    return request


def _read_status_line(line: str, headers: Headers) -> Response:
    match = _STATUS_LINE.match(line)
    if match is None:
        raise SipError(f"not a status line: {line!r}")
    version, status, reason = match.groups()
    if version != "2.0":
        raise SipError(f"version SIP/{version}", status=505)
    if len(status) != 3 or not MIN_STATUS <= int(status) <= MAX_STATUS:
        raise SipError(f"not a status: {status!r}")
    return Response(int(status), reason or "", headers)


def _body_size(headers: Headers, available: int, is_stream: bool) -> int:
    stated = headers.lines("content-length")
    if not stated:
        if is_stream:
            raise SipError("no Content-Length on a stream")
        return available
    if len(stated) > 1:
        raise SipError(f"Content-Length stands {len(stated)} times")
    text = stated[0]
    if not (text.isascii() and text.isdigit()) or len(text) > 20:
        raise SipError(f"Content-Length is not a number: {text!r}")
    return int(text)
