"""One transfer to one phone: blocks, windows, retransmission.  Pure: no sockets, no clock.

Limits: at most one window of blocks is on the way; a packet is repeated RETRANSMISSIONS times at growing intervals, then the
transfer is given up.  RFC 1350 (lock step), RFC 1123 section 4.2.3.1 (a repeated ACK never repeats DATA), RFC 2347 (OACK), RFC
2349 (timeout), RFC 7440 (windows).
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from provisioner.services.tftp_content import Source
from provisioner.services.tftp_options import Terms
from provisioner.services.tftp_packet import HEADER, OP_ACK, OP_DATA, OP_ERROR, error_text, oack_packet

FIRST_INTERVAL_S = 1.0
"Seconds before the first retransmission, where the client did not ask for others."

MAX_INTERVAL_S = 8.0
"No interval grows beyond this, or beyond what the client asked for."

RETRANSMISSIONS = 5
"By default packets leave at 0, 1, 3, 7, 15 and 23 seconds, and the transfer is given up at 31."

DUPLICATE_WITHIN_S = 3.0
"A request that is the same as that of a transfer which moved this lately is a copy made by the network, not a new wish."

REPEAT_AFTER_S = 0.5
"A repeated request before the first ACK is answered once more only after this time: a copy made by the network comes sooner."

NOTHING: tuple[bytes, ...] = ()


class Outcome(enum.StrEnum):
    """How a transfer stands."""

    RUNNING = "running"
    OK = "ok"
    ABORTED = "aborted"


class Transfer:
    """The sending side of one file.  Every method returns the datagrams to send now; `due_at` says when `elapse` is wanted."""

    __slots__ = (
        "_acked",
        "_blksize",
        "_first_interval_s",
        "_interval_s",
        "_last",
        "_last_bytes",
        "_max_interval_s",
        "_moved_at",
        "_oack",
        "_retransmissions",
        "_sent",
        "_sent_at",
        "_source",
        "_tries",
        "_windowsize",
        "due_at",
        "fact",
        "has_ack",
        "outcome",
        "resent",
        "size_bytes",
    )

    def __init__(
        self,
        source: Source,
        terms: Terms,
        *,
        now: float,
        first_interval_s: float = FIRST_INTERVAL_S,
        retransmissions: int = RETRANSMISSIONS,
    ) -> None:
        self._source = source
        self._blksize = terms.blksize
        self._windowsize = terms.windowsize
        self._oack = oack_packet(terms.accepted) if terms.accepted else None
        self._first_interval_s = float(terms.timeout_s or first_interval_s)
        self._max_interval_s = max(MAX_INTERVAL_S, self._first_interval_s)
        self._interval_s = self._first_interval_s
        self._retransmissions = retransmissions
        self._tries = 0
        self._acked = 0  # block numbers count on without wrapping; only the wire has 16 bits
        self._sent = 0
        self._last: int | None = None
        self._last_bytes = 0
        self._sent_at = self._moved_at = now
        self.has_ack = False
        "Whether the client has acknowledged anything; until then the session is half open."
        self.due_at = now + self._interval_s
        "When `elapse` wants to be called, on the clock of `now`."
        self.outcome = Outcome.RUNNING
        "Whether the transfer is over, and how."
        self.fact = ""
        "Why it was aborted."
        self.size_bytes = 0
        "Bytes sent that were acknowledged."
        self.resent = 0
        "Datagrams that were sent more than once."

    def begin(self, now: float) -> Sequence[bytes]:
        """Return the OACK, or the first window if no option was accepted.  OSError if the file cannot be read."""
        return (self._oack,) if self._oack is not None else self._window(now)

    def receive(self, datagram: bytes, now: float) -> Sequence[bytes]:
        """Take a datagram of the phone; what makes no sense is left alone.  OSError if the file cannot be read."""
        if len(datagram) < 4:
            return NOTHING
        opcode, number = HEADER.unpack_from(datagram)
        if opcode != OP_ACK:
            if opcode == OP_ERROR:
                self.abort("the phone sent " + error_text(datagram))
            return NOTHING
        advance = (number - self._acked) & 0xFFFF
        if advance == 0 and self._oack is not None and not self.has_ack:  # ACK 0 answers the OACK (RFC 2347)
            self.has_ack = True
            return self._move(now)
        if not 0 < advance <= self._sent - self._acked:
            return NOTHING  # an old ACK, again: RFC 1123 4.2.3.1 forbids to send DATA for it
        self.has_ack = True
        self._acked += advance
        if self._acked == self._last:
            self.size_bytes = (self._acked - 1) * self._blksize + self._last_bytes
            self.outcome = Outcome.OK
            return NOTHING
        self.size_bytes = self._acked * self._blksize
        if self._acked < self._sent:  # a gap in the window: go on after the last block that arrived (RFC 7440 section 4)
            self.resent += self._sent - self._acked
        return self._move(now)

    def elapse(self, now: float) -> Sequence[bytes]:
        """Return what to send again at `due_at`, or give up.  OSError if the file cannot be read."""
        if now < self.due_at:
            return NOTHING
        if self._tries >= self._retransmissions:
            self.abort("no acknowledgement")
            return NOTHING
        self._tries += 1
        self._interval_s = min(2 * self._interval_s, self._max_interval_s)
        self.due_at = now + self._interval_s
        return self._again(now)

    def repeat(self, now: float) -> Sequence[bytes]:
        """Return the answer to the same request coming once more from the same sender (one session, not two)."""
        if self.has_ack or now - self._sent_at < REPEAT_AFTER_S:
            return NOTHING
        return self._again(now)

    def is_repeated_by_same_request(self, now: float) -> bool:
        """Return whether the same request from the same sender belongs to this transfer, rather than asking for a new one.

        It does before the first ACK.  After that, it is either a late copy or a phone that uses one port and asks again: a
        transfer that moved just now and has blocks left keeps going, any other is replaced.
        """
        if not self.has_ack:
            return True
        return self._last is None and now - self._moved_at < DUPLICATE_WITHIN_S

    def abort(self, fact: str) -> None:
        """End the transfer, saying why."""
        if self.outcome is Outcome.RUNNING:
            self.outcome = Outcome.ABORTED
            self.fact = fact

    def close(self) -> None:
        """Give back what the source holds."""
        self._source.close()

    def _move(self, now: float) -> Sequence[bytes]:
        self._tries = 0
        self._interval_s = self._first_interval_s
        self._moved_at = now
        self.due_at = now + self._interval_s
        return self._window(now)

    def _again(self, now: float) -> Sequence[bytes]:
        if self._oack is not None and not self.has_ack:
            self._sent_at = now
            self.resent += 1
            return (self._oack,)
        self.resent += self._sent - self._acked
        return self._window(now)

    def _window(self, now: float) -> Sequence[bytes]:
        """Return the blocks after the last acknowledged one."""
        self._sent_at = now
        number = self._acked + 1
        payload = self._source.block(number)
        packets = [HEADER.pack(OP_DATA, number & 0xFFFF) + payload]
        end = self._acked + self._windowsize
        while len(payload) == self._blksize and number < end:
            number += 1
            payload = self._source.block(number)
            packets.append(HEADER.pack(OP_DATA, number & 0xFFFF) + payload)
        if len(payload) < self._blksize:
            self._last, self._last_bytes = number, len(payload)
        self._sent = number
        return packets
