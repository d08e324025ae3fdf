"""MSRP frames as they stream by: a head is read whole, what follows passes in pieces of any size.  RFC 4975 sections 7 and 9.

reader = FrameReader(); reader.feed(data)
while (item := reader.next()) is not None: ...

Bodies are never collected, so a frame without end takes no room here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipstub.errors import SipstubError
from sipstub.media.msrp_path import MsrpUri, read_path

MAX_HEAD_BYTES = 4096
"Start line and headers of one frame."
DASHES = b"-------"
FLAGS = b"$+#"
"How a frame ends: complete, to be continued, given up."
_START = re.compile(rb"MSRP ([A-Za-z0-9][A-Za-z0-9.+%=-]{3,31}) (?:([0-9]{3})(?: [^\r\n]*)?|([A-Z]{1,32}))\Z")


class FrameProblem(SipstubError):
    """Bytes that are no MSRP: nobody can say where the next frame begins."""

    code = "bad-msrp"


@dataclass(frozen=True, slots=True)
class Head:
    """Start line and headers."""

    transaction: bytes
    method: str
    "Empty in a response."
    status: int
    "0 in a request."
    to: tuple[MsrpUri, ...]
    "Where it goes, the next one first."
    source: tuple[MsrpUri, ...]
    "Where it comes from, the last one first."
    start: bytes
    rest: bytes
    "Other headers as they came, each behind its CRLF."

    @property
    def wants_failure(self) -> bool:
        """Return whether a refusal is to be sent (RFC 4975 section 7.1.1)."""
        return self.method not in ("", "REPORT") and b"\r\nfailure-report: no" not in self.rest.lower()

    def worded(self, to: str, source: str) -> bytes:
        """Return it with other paths, without the CRLF behind it."""
        return b"".join((self.start, f"\r\nTo-Path: {to}\r\nFrom-Path: {source}".encode(), self.rest))

    def answer(self, status: int, words: str, source: str) -> bytes:
        """Return the response to a request (RFC 4975 section 7.2)."""
        return frame(self.transaction, f"{status} {words}", str(self.source[0]), source)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of what stands between the head and the end-line, blank line included."""

    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The CRLF before an end-line, and the line."""

    data: bytes


def end_line(transaction: bytes, flag: bytes = b"$") -> bytes:
    """Return what ends a frame."""
    return b"\r\n" + DASHES + transaction + flag + b"\r\n"


def frame(transaction: bytes, start: str, to: str, source: str) -> bytes:
    """Return a frame without a body."""
    return b"MSRP " + transaction + f" {start}\r\nTo-Path: {to}\r\nFrom-Path: {source}".encode() + end_line(transaction)


def first_request(transaction: bytes, to: str, source: str) -> bytes:
    """Return the SEND without a body by which a connection is bound to its session (section 5.4)."""
    head = f"SEND\r\nTo-Path: {to}\r\nFrom-Path: {source}\r\nMessage-ID: {transaction.decode()}\r\nByte-Range: 1-0/0"
    return b"MSRP " + transaction + f" {head}".encode() + end_line(transaction)


class FrameReader:
    """One direction of one connection."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._end = b""
        "Of the frame that is open: CRLF and the end-line without its flag."

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self._data += data

    def next(self) -> Head | Piece | End | None:
        """Return what can be told of what came; None until more comes.  Raises FrameProblem."""
        return self._body() if self._end else self._head()

    def _head(self) -> Head | None:
        data = self._data
        first = data.find(b"\r\n", 0, MAX_HEAD_BYTES)
        if first < 0:
            return self._incomplete()
        match = _START.match(data[:first])
        if match is None:
            raise FrameProblem("not the first line of an MSRP frame")
        end = b"\r\n" + DASHES + bytes(match[1])
        found = [at for mark in (b"\r\n\r\n", end) if (at := data.find(mark, first, MAX_HEAD_BYTES)) >= 0]
        if not found:
            return self._incomplete()
        head = _head(bytes(data[: min(found)]), match)
        del data[: min(found)]
        self._end = end
        return head

    def _incomplete(self) -> Head | None:
        if len(self._data) >= MAX_HEAD_BYTES:
            raise FrameProblem(f"a head of more than {MAX_HEAD_BYTES} bytes")
        return None

    def _body(self) -> Piece | End | None:
        data, end = self._data, self._end
        at = data.find(end)
        if at < 0:
            at = max(len(data) - len(end) + 1, 0)  # what is behind may be the beginning of the end-line
        elif at == 0:
            whole = len(end) + 3
            if len(data) < whole and _could_end(data[len(end) :]):
                return None
            if _could_end(data[len(end) : whole]):
                found = End(bytes(data[:whole]))
                del data[:whole]
                self._end = b""
                return found
            at = 1  # it only looks like an end-line
        if at == 0:
            return None
        piece = Piece(bytes(data[:at]))
        del data[:at]
        return piece


def _could_end(data: bytes | bytearray) -> bool:
    """Return whether these up to three bytes go on as a flag and CRLF do."""
    return data[:1] in (b"", b"$", b"+", b"#") and b"\r\n".startswith(data[1:3])


def _head(data: bytes, match: re.Match[bytes]) -> Head:
    lines = data.split(b"\r\n")
    if len(lines) < 3 or lines[1][:9].lower() != b"to-path: " or lines[2][:11].lower() != b"from-path: ":
        raise FrameProblem("a frame does not begin with To-Path and From-Path")
    to, source = read_path(lines[1][9:].decode("latin-1")), read_path(lines[2][11:].decode("latin-1"))
    if not to or not source:
        raise FrameProblem("a path that is none")
    rest = b"".join(b"\r\n" + line for line in lines[3:])
    return Head(
        bytes(match[1]),
        bytes(match[3] or b"").decode(),
        int(match[2] or 0),
        to,
        source,
        lines[0],
        rest,
    )
