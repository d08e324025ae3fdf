"""Provisional answers that are confirmed by PRACK, of both sides.  RFC 3262.

One reliable answer of ours is open at a time; further ones wait, at most MAX_WAITING, and every final answer clears them.
"""

from __future__ import annotations

from collections import deque

from sipstub.dialog.refusal import Refusal
from sipstub.dialog.repeater import Repeater, Turn
from sipstub.sip.cseq import MAX_RSEQ, CSeq, RAck
from sipstub.sip.message import Request, Response
from sipstub.transaction.timing import Timing

OPTION = "100rel"
MAX_FIRST_RSEQ = 2**31 - 1
MAX_WAITING = 8


class ReliableAnswers:
    """The called side: numbers answers, repeats each until its PRACK comes."""

    __slots__ = ("_cseq", "_late", "_open", "_repeater", "_rseq", "_timing", "_waiting")

    def __init__(self, invite: Request, timing: Timing, first_rseq: int = 1) -> None:
        if not 1 <= first_rseq <= MAX_FIRST_RSEQ:
            raise ValueError(f"RSeq begins between 1 and 2**31 - 1, not at {first_rseq}")
        self._cseq: CSeq = invite.cseq
        self._timing = timing
        self._rseq = first_rseq - 1
        self._open: Response | None = None
        self._repeater: Repeater | None = None
        self._late: RAck | None = None
        self._waiting: deque[Response] = deque()

    @property
    def is_open(self) -> bool:
        """Return whether an answer waits for its PRACK; if a session is in it, no 2xx may go out until then (section 3)."""
        return self._open is not None

    @property
    def has_open_session(self) -> bool:
        """Return whether the answer that waits for its PRACK has a session in it."""
        return self._open is not None and bool(self._open.body)

    @property
    def has_room(self) -> bool:
        """Return whether one more answer may be sent, or wait."""
        return self._open is None or len(self._waiting) < MAX_WAITING

    def number(self) -> int:
        """Return the next RSeq, also for an answer that somebody else repeats: all of one INVITE count in one row."""
        self._rseq = self._rseq + 1 if self._rseq < MAX_RSEQ else 1
        return self._rseq

    def send(self, response: Response, now: float) -> Response | None:
        """Return the answer made reliable, to be sent now; None if it has to wait for a PRACK.  A 100 cannot be reliable.

        Raises ValueError when too many wait.
        """
        if not 100 < response.status < 200:
            raise ValueError(f"a {response.status} is never sent reliably")
        if self._open is not None:
            if len(self._waiting) >= MAX_WAITING:
                raise ValueError(f"{MAX_WAITING} answers wait for PRACK already")
            self._waiting.append(response)
            return None
        response.headers.set("Require", ", ".join([*(word for word in response.require if word != OPTION), OPTION]))
        response.headers.set("RSeq", self.number())
        self._open, self._repeater = response, Repeater(self._timing, now, is_capped=False)
        return response

    def receive(self, prack: Request, now: float) -> Response | Refusal | None:
        """Take a PRACK: 481 if it confirms nothing, the next answer to be sent, or None.  All but the refused get their 2xx.

        One that comes after the final answer is taken too.
        """
        rack = prack.rack
        if rack is not None and rack == self._late:
            self._late = None
            return None
        if rack is None:
            return Refusal(400, "PRACK without RAck")
        if rack != self._named:
            return Refusal(481, "PRACK for no answer that is open")
        self._open, self._repeater = None, None
        return self.send(self._waiting.popleft(), now) if self._waiting else None

    @property
    def next_timer(self) -> float | None:
        """Return when `on_timer` has to be called."""
        return None if self._repeater is None else self._repeater.next_timer

    def on_timer(self, now: float) -> Response | Refusal | None:
        """Return the answer to send again, or the refusal of the INVITE when no PRACK came for 64 * T1."""
        turn = Turn.NOTHING if self._repeater is None else self._repeater.on_timer(now)
        if turn is Turn.GIVE_UP:
            self.end()
            return Refusal(504, "a reliable answer was never confirmed by PRACK")
        return self._open if turn is Turn.SEND else None

    def end(self) -> None:
        """Forget what is open: the final answer goes out."""
        self._late = self._named
        self._open, self._repeater = None, None
        self._waiting.clear()

    @property
    def _named(self) -> RAck | None:
        """Return what the PRACK for the open answer says."""
        rseq = None if self._open is None else self._open.rseq
        return None if rseq is None else RAck(rseq, self._cseq)


class ReliableOrder:
    """The calling side, for one dialog: which answers get a PRACK; those of a later INVITE have a row of their own."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: RAck | None = None

    def receive(self, response: Response) -> RAck | None:
        """Return what the PRACK for this answer says; None if it gets none: unreliable, repeated or out of order (section 4)."""
        if not 100 < response.status < 200 or OPTION not in (word.lower() for word in response.require):
            return None
        return self.follow(response)

    def follow(self, response: Response) -> RAck | None:
        """Return the same of an answer that counts as reliable by its RSeq alone."""
        rseq, last = response.rseq, self._last
        if rseq is None or (last is not None and last.cseq == response.cseq and rseq != last.rseq + 1):
            return None
        self._last = RAck(rseq, response.cseq)
        return self._last
