"""One connection of MSRP as an end of a relay sees it: what came and waits, and which frame is half written."""

from __future__ import annotations

from typing import Protocol

from sipstub.media.msrp_frame import FrameReader, Head, end_line

HIGH_WATER = 32 * 1024
"Bytes that wait to be taken by a slow reader before nothing more is read for it."
MAX_HELD = 4
"Answers of ours that wait for the end of a frame; further ones are not given."

PERIOD_S = 0.1
ALLOWANCE = 300
"Heads, pieces and ends that pass of one connection in PERIOD_S: 1,000 frames a second.  Small ones cost as much as large ones."


class StreamLink(Protocol):
    """A connection over TCP."""

    @property
    def waiting(self) -> int:
        """Return how many bytes the system has not taken yet."""

    def send(self, data: bytes) -> None:
        """Send as soon as possible, in order."""

    def pause(self) -> None:
        """Read no more."""

    def resume(self) -> None:
        """Read on."""

    def close(self) -> None:
        """Say goodbye behind what waits; nothing is told of it any more."""

    def abort(self) -> None:
        """Be gone at once; nothing is told of it any more."""


class Flow:
    """One of them."""

    __slots__ = (
        "_left",
        "_period_end",
        "answer",
        "first",
        "held",
        "hello",
        "is_ended",
        "link",
        "open",
        "reader",
        "since",
        "sink",
    )

    def __init__(self, link: StreamLink, since: float) -> None:
        self.link = link
        self.since = since
        self.reader = FrameReader()
        self.first: Head | None = None
        "The head that bound it, which is not passed on yet."
        self.is_ended = False
        "Whether nothing more comes."
        self.sink: Flow | None = None
        "Where the frame that is being read goes; None if it goes nowhere."
        self.answer = b""
        "What is said behind such a frame."
        self.hello = b""
        "Transaction of the first request of ours."
        self.open = b""
        "Transaction of the frame that is half written here."
        self.held: list[bytes] = []
        self._left, self._period_end = ALLOWANCE, since + PERIOD_S

    def may_pass(self, now: float) -> bool:
        """Return whether one more item of it is to be passed on now, and count it."""
        if now >= self._period_end:
            self._left, self._period_end = ALLOWANCE, now + PERIOD_S
        self._left -= 1
        return self._left >= 0

    @property
    def is_full(self) -> bool:
        """Return whether its reader is slow."""
        return self.link.waiting >= HIGH_WATER

    def say(self, data: bytes) -> None:
        """Send a frame of ours: not into the middle of another, and not to who reads nothing."""
        if self.is_full:
            return
        if not self.open:
            self.link.send(data)
        elif len(self.held) < MAX_HELD:
            self.held.append(data)

    def written(self) -> None:
        """Take note that no frame is half written any more."""
        self.open = b""
        for data in self.held:
            self.link.send(data)
        self.held.clear()

    def leave(self) -> None:
        """Pass the frame that is being read on no more; whoever has half of it is told that it is given up (section 7.1)."""
        sink, self.sink = self.sink, None
        if sink is not None and sink.open:
            sink.link.send(end_line(sink.open, b"#"))
            sink.written()
