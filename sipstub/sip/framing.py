"""Messages out of a stream: cut by Content-Length, keep-alives told apart, everything bounded.

Pings (CRLF CRLF) and pongs (CRLF) stand between messages (RFC 5626 section 3.5.1).  After the first error the stream is dead:
where the next message begins is anybody's guess.  Time is linear in what comes in, however small the pieces.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from sipstub.sip.error import SipError
from sipstub.sip.message import Message
from sipstub.sip.reader import LIMITS, Limits, parse_message
from sipstub.sip.salvage import salvage

PING = b"\r\n\r\n"
PONG = b"\r\n"
MAX_BLANK_LINES = 64
"Most CRLF in a row that say nothing; a peer that only pings sends them in pairs, with time between."

_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*+:(?:[ \t]|\r\n[ \t])*+([^\r\n]*+)", re.IGNORECASE)


class KeepAlive(enum.Enum):
    """What a stream says between messages."""

    PING = "ping"
    "Answer with PONG."
    PONG = "pong"


@dataclass(frozen=True, slots=True)
class Frame:
    """The bytes of one message."""

    data: bytes


class StreamFramer:
    """Cuts one connection's bytes into frames; `feed` what came, in order."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._searched = 0
        "Up to where no end of the head was found."
        self._needed = 0
        "Length of the whole message, once its head is complete."
        self.expects_pong = False
        "Set it after sending a ping: then a lone CRLF is the answer, and no longer half a ping of the peer."
        self.error: SipError | None = None
        "Why the stream is dead; its `partial` can be answered before closing."

    @property
    def pending_bytes(self) -> int:
        """Return how much of an unfinished message waits: who holds it for too long is slow or hostile."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame | KeepAlive]:
        """Return what is complete now; after an error, what came before it, and `error` is set."""
        found: list[Frame | KeepAlive] = []
        if self.error is not None:
            return found
        self._buffer += data
        try:
            while self._step(found):
                pass
        except SipError as error:
            self.error = error.with_traceback(None)  # which would keep the connection and all that it received alive
            self._buffer.clear()
        return found

    def _step(self, found: list[Frame | KeepAlive]) -> bool:
        """Take one thing off the buffer; return whether there may be more."""
        buffer = self._buffer
        if not buffer:
            return False
        if not self._needed:
            if buffer[0] in PONG:
                return self._take_blank_lines(found)
            end = buffer.find(PING, self._searched)
            if end < 0:
                self._searched = max(0, len(buffer) - 3)
                if len(buffer) > self._limits.head_bytes:
                    raise SipError(f"no end of the headers in {self._limits.head_bytes} bytes", status=513)
                return False
            self._needed = end + 4 + self._length_of(bytes(buffer[:end]))
        if len(buffer) < self._needed:
            return False
        found.append(Frame(bytes(buffer[: self._needed])))
        del buffer[: self._needed]
        self._searched = self._needed = 0
        return bool(buffer)

    def _take_blank_lines(self, found: list[Frame | KeepAlive]) -> bool:
        """Take pings; hold back the beginning of one, which may also be an idle CRLF before a message (RFC 3261 section 7.5)."""
        buffer = self._buffer
        size = len(buffer) - len(buffer.lstrip(PONG))
        if buffer[:size] != (PONG * (size // 2 + 1))[:size]:
            raise SipError("between messages something else than CRLF")
        if size > 2 * MAX_BLANK_LINES:
            raise SipError(f"more than {MAX_BLANK_LINES} empty lines between messages")
        pings, rest = divmod(size, 4)
        found += [KeepAlive.PING] * pings
        is_last = size == len(buffer)
        if is_last and not (rest == 2 and self.expects_pong):
            del buffer[: pings * 4]
            return False
        if rest % 2:
            raise SipError("between messages something else than CRLF")
        if rest and self.expects_pong:
            self.expects_pong = False
            found.append(KeepAlive.PONG)
        del buffer[:size]
        return bool(buffer)

    def _length_of(self, head: bytes) -> int:
        if len(head) > self._limits.head_bytes:
            large = SipError(f"headers of {len(head)} bytes, at most {self._limits.head_bytes} are taken", status=513)
            large.partial = salvage(head + PING)
            raise large
        stated = _LENGTH.findall(head)
        text = stated[0].strip() if stated else b""
        if len(stated) == 1 and text.isdigit() and len(text) <= 20:
            size = int(text)
            if size <= self._limits.body_bytes:
                return size
            error = SipError(f"body of {size} bytes, at most {self._limits.body_bytes} are taken", status=413)
        elif not stated:
            error = SipError("no Content-Length on a stream")
        elif len(stated) > 1:
            error = SipError(f"Content-Length stands {len(stated)} times")
        else:
            error = SipError(f"Content-Length is not a number: {text[:40]!r}")
        error.partial = _head_only(head)
        raise error


def is_keep_alive(datagram: bytes) -> bool:
    """Return whether a datagram is no message but holds a NAT open: CRLFs, or zeros as some phones send them."""
    return not datagram.strip(b"\r\n\0")


def _head_only(head: bytes) -> Message | None:
    """Return the message without its body and Content-Length, if its head makes sense, to be answered with an error."""
    try:
        return parse_message(_LENGTH.sub(b"", head) + PING)
    except SipError as error:
        return error.partial
