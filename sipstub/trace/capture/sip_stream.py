"""SIP out of one direction of a TCP connection, if it speaks SIP; found again after a hole or an error.

Of a connection whose beginning was captured, the first bytes decide; of another, the first segment that begins with a message.
"""

from __future__ import annotations

import enum
import re

from sipstub.sip.framing import PING, PONG, Frame, KeepAlive, StreamFramer
from sipstub.trace.capture.tcp_stream import Chunk
from sipstub.trace.recording import Notes

MAX_UNDECIDED_BYTES = 2_048
"So many bytes may come without a start line, from the beginning of a segment."
MAX_SKIPPED_BYTES = 256 * 1024
"So many bytes are searched for a first message in the middle of a connection."
MAX_BREAKS = 16
"Errors of one direction before it counts as broken for good."

START = re.compile(rb"(?<![^\r\n])(?:SIP/2\.0 [1-6][0-9]{2}[ \r]|[A-Za-z]{2,20} (?:sips?|tel|urn):[^\s]{1,1024} SIP/2\.0\r\n)")
_MAYBE = re.compile(rb"[A-Za-z]{1,20}(?:\Z|[ /])")
_TLS = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]")


class _State(enum.Enum):
    SEARCHING = enum.auto()
    SPEAKING = enum.auto()
    OTHER = enum.auto()


class SipStream:
    """Feed it the chunks of one direction."""

    def __init__(self, chunk: Chunk, notes: Notes) -> None:
        way = chunk.way
        self._name = f"tcp {way.source}:{way.source_port} to {way.target}:{way.target_port}"
        self._notes = notes
        self._must_match = chunk.is_from_start
        self._state = _State.SEARCHING
        self._framer = StreamFramer()
        self._head = b""
        "What came since the beginning of a segment and is too short to tell."
        self._skipped = 0
        self._missed = 0
        self._breaks = 0
        self._was_sip = False

    @property
    def is_sip(self) -> bool:
        """Return whether a message was found so far."""
        return self._was_sip

    def feed(self, chunk: Chunk) -> list[bytes]:
        """Return the messages and keep-alives that are complete now."""
        if chunk.missing:
            self._missed += chunk.missing
            self._lose_track()
        if self._state is _State.OTHER:
            return []
        return self._framed(chunk.data) if self._state is _State.SPEAKING else self._search(chunk.data)

    def finish(self) -> None:
        """Note what the capture lacks of this direction."""
        if self._missed and self._was_sip:
            self._notes.add(f"{self._missed} bytes are missing in {self._name}")
        if self._state is _State.SPEAKING and self._framer.pending_bytes > len(PING):
            self._notes.add(f"the last message of {self._name} is not complete")

    def _lose_track(self) -> None:
        if self._state is not _State.OTHER:
            self._state = _State.SEARCHING
        self._must_match = False
        self._head = b""
        self._framer = StreamFramer()

    def _search(self, data: bytes) -> list[bytes]:
        head = self._head + data
        text = head.lstrip(b"\r\n")
        if START.match(text):
            self._state, self._was_sip, self._head = _State.SPEAKING, True, b""
            return self._framed(head)
        is_open = not text or (len(text) < MAX_UNDECIDED_BYTES and b"\r\n" not in text and _MAYBE.match(text) is not None)
        if is_open and len(head) < MAX_UNDECIDED_BYTES:
            self._head = head
            return []
        if self._was_sip and (found := START.search(head)):
            self._state, self._head = _State.SPEAKING, b""
            return self._framed(head[found.start() :])
        if _TLS.match(head):
            self._notes.add(f"tls between {_hosts(self._name)} is encrypted: nothing of it can be read")
            self._state = _State.OTHER
        self._skipped += len(head)
        self._head = b""
        if self._must_match or self._skipped > MAX_SKIPPED_BYTES:
            self._state = _State.OTHER
        return []

    def _framed(self, data: bytes) -> list[bytes]:
        found: list[bytes] = []
        while True:
            for frame in self._framer.feed(data):
                if isinstance(frame, Frame):
                    found.append(frame.data)
                else:
                    found.append(PING if frame is KeepAlive.PING else PONG)
            error = self._framer.error
            if error is None:
                return found
            self._breaks += 1
            self._notes.add(f"{self._name}: {error.fact}")
            if error.partial is not None and error.partial.raw:
                found.append(error.partial.raw)
            if self._breaks > MAX_BREAKS:
                self._state = _State.OTHER
                return found
            again = START.search(data, 1)
            self._lose_track()
            if again is None:
                return found
            self._state = _State.SPEAKING
            data = data[again.start() :]


def _hosts(name: str) -> str:
    return name.removeprefix("tcp ").replace(" to ", " and ")
