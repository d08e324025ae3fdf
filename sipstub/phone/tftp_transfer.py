"""The reading side of one TFTP transfer (RFC 1350, options RFC 2347 and 2348).  Pure: time and packets are arguments.

Whether V80 phones use options is not known, so none is asked for unless the caller says so.  The first answer fixes the
peer's transfer id; packets from elsewhere get error 5 and change nothing.  A repeated block is acknowledged again and
stored once.  Block numbers wrap around after 65535.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

from sipstub.phone.outcome import DEFAULT_LIMITS, Fetched, FetchLimits, Outcome

DEFAULT_BLOCK_BYTES = 512
MIN_BLOCK_BYTES = 8
MAX_BLOCK_BYTES = 65464
"RFC 2348."
MAX_RETRANSMIT_S = 8.0
"The doubling of the wait ends here."
MAX_ERROR_CHARACTERS = 120
MAX_OPTION_BYTES = 512
"A longer option acknowledgement is not read."

Peer = tuple[str, int]


class Code(enum.IntEnum):
    """Packet kinds, RFC 1350 section 5 and RFC 2347."""

    READ = 1
    DATA = 3
    ACK = 4
    ERROR = 5
    OPTIONS = 6


@dataclass(frozen=True, slots=True)
class Send:
    """A packet to send now."""

    data: bytes
    "The datagram."

    peer: Peer
    "Where to."


class TftpTransfer:
    """One file being read."""

    def __init__(self, name: str, server: Peer, *, block_bytes: int | None = None, limits: FetchLimits = DEFAULT_LIMITS) -> None:
        """Prepare to read `name` from `server`; with `block_bytes` the option blksize is asked for."""
        self.result: Fetched | None = None
        self._limits = limits
        self._server = server
        self._peer: Peer | None = None
        self._asked_bytes = block_bytes
        self._block_bytes = DEFAULT_BLOCK_BYTES
        self._expected = 1
        self._blocks: list[bytes] = []
        self._size = 0
        request = struct.pack("!H", Code.READ) + name.encode() + b"\0octet\0"
        if block_bytes is not None:
            request += b"blksize\0" + str(block_bytes).encode() + b"\0"
        self._last = request
        self._sends = 0
        self._wait_s = limits.retransmit_s
        self._deadline = 0.0
        self._end = 0.0
        self._is_retransmitted = False

    @property
    def deadline(self) -> float:
        """When `poll` wants to be called next."""
        return min(self._deadline, self._end)

    def start(self, *, now: float) -> list[Send]:
        """Return the read request."""
        self._end = now + self._limits.total_s
        return self._sent(self._last, now)

    def poll(self, *, now: float) -> list[Send]:
        """Return the last packet again where its wait is over; the last wait ends the transfer."""
        if self.result is not None or now < self.deadline:
            return []
        if self._sends >= self._limits.sends or now >= self._end:
            self._finish(Outcome.TIMED_OUT, f"no answer to {self._sends} packets" if now < self._end else "took too long")
            return []
        self._is_retransmitted = True
        self._wait_s = min(self._wait_s * 2, max(MAX_RETRANSMIT_S, self._limits.retransmit_s))
        return self._again(now)

    def receive(self, data: bytes, peer: Peer, *, now: float) -> list[Send]:
        """Take one datagram and return what to send for it."""
        if self.result is not None or peer[0] != self._server[0] or len(data) < 4:
            return []
        if self._peer is not None and peer != self._peer:
            return [Send(_error(5, "unknown transfer id"), peer)]  # RFC 1350 section 4: a stranger, the transfer goes on
        code, number = struct.unpack_from("!HH", data)
        if code == Code.ERROR:
            self._refused(number, data[4:])
            return []
        if code == Code.OPTIONS and self._asked_bytes is not None and self._expected == 1 and not self._blocks:
            return self._options(data[2:], peer, now)
        if code != Code.DATA:
            return []
        if number == self._expected & 0xFFFF:
            return self._block(data[4:], peer, now)
        if self._peer is not None and number == (self._expected - 1) & 0xFFFF and self._expected > 1:
            self._sends += 1
            return [Send(self._last, self._peer)]  # our acknowledgement was lost
        return []

    def _block(self, block: bytes, peer: Peer, now: float) -> list[Send]:
        self._peer = peer
        if len(block) > self._block_bytes:
            self._finish(Outcome.BROKEN, f"a block of {len(block)} bytes where {self._block_bytes} were agreed")
            return [Send(_error(4, "block too long"), peer)]
        self._size += len(block)
        if self._size > self._limits.size_bytes:
            self._finish(Outcome.TOO_LARGE, f"more than {self._limits.size_bytes} bytes")
            return [Send(_error(3, "file too large"), peer)]
        self._blocks.append(block)
        acknowledgement = struct.pack("!HH", Code.ACK, self._expected & 0xFFFF)
        self._expected += 1
        if len(block) < self._block_bytes:
            self.result = Fetched(Outcome.RECEIVED, b"".join(self._blocks), is_retransmitted=self._is_retransmitted)
        return self._fresh(acknowledgement, now)

    def _options(self, data: bytes, peer: Peer, now: float) -> list[Send]:
        self._peer = peer
        fields = data[:MAX_OPTION_BYTES].split(b"\0")
        agreed = dict(zip((name.lower() for name in fields[::2]), fields[1::2], strict=False))
        text = agreed.get(b"blksize", b"")
        asked = self._asked_bytes or 0
        # RFC 2348: the server may only lower the size.  An acknowledgement without blksize leaves the 512.
        if text and not (text.isdigit() and len(text) <= 5 and MIN_BLOCK_BYTES <= int(text) <= asked):
            self._finish(Outcome.BROKEN, "the server agreed to a block size that was not asked for")
            return [Send(_error(8, "bad blksize"), peer)]
        self._block_bytes = int(text) if text else DEFAULT_BLOCK_BYTES
        return self._fresh(struct.pack("!HH", Code.ACK, 0), now)

    def _refused(self, number: int, rest: bytes) -> None:
        shown = rest.partition(b"\0")[0].decode("utf-8", "replace")[:MAX_ERROR_CHARACTERS]
        text = "".join(character if character.isprintable() else "?" for character in shown)
        outcome = {1: Outcome.NOT_FOUND, 2: Outcome.REFUSED}.get(number, Outcome.BROKEN)
        self._finish(outcome, f"TFTP error {number}: {text}", number)

    def _finish(self, outcome: Outcome, detail: str, status: int | None = None) -> None:
        self._blocks.clear()
        self.result = Fetched(outcome, b"", detail, status, self._is_retransmitted)

    def _fresh(self, packet: bytes, now: float) -> list[Send]:
        self._sends = 0
        self._wait_s = self._limits.retransmit_s
        return self._sent(packet, now)

    def _sent(self, packet: bytes, now: float) -> list[Send]:
        self._last = packet
        return self._again(now)

    def _again(self, now: float) -> list[Send]:
        self._sends += 1
        self._deadline = now + self._wait_s
        return [Send(self._last, self._peer or self._server)]


def _error(number: int, text: str) -> bytes:
    return struct.pack("!HH", Code.ERROR, number) + text.encode() + b"\0"
