"""Provisional answers that a side confirms by PRACK: those of the other leg, and those that the SBC makes reliable itself.

All that answer one INVITE are numbered in one row, wherever they come from (RFC 3262 section 3).  Those of the other leg are
repeated by it until the PRACK is there, others by the SBC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sipstub.dialog.refusal import Refusal
from sipstub.dialog.reliable import MAX_FIRST_RSEQ, ReliableAnswers
from sipstub.sip.message import Request, Response
from sipstub.transaction.timing import Timing

if TYPE_CHECKING:
    from sipstub.sbc.leg import Leg

MAX_RELIABLE = 64
"Answers of the other leg without PRACK that are remembered."


class PassedOn(NamedTuple):
    """A reliable answer of the other leg."""

    leg: Leg
    rseq: int
    cseq: int
    has_session: bool


class ReliableSide:
    """That of one leg."""

    __slots__ = ("_answers", "_cseq", "_passed")

    def __init__(self) -> None:
        self._answers: ReliableAnswers | None = None
        self._cseq = 0
        "Of the INVITE that these answer."
        self._passed: dict[tuple[int, int], PassedOn] = {}
        "By RSeq and CSeq as this side knows them."

    def pass_on(self, invite: Request, leg: Leg, response: Response, timing: Timing) -> int | None:
        """Return the RSeq by which this side gets an answer of that leg.

        None for one that is not to be passed on: confirmed already, out of order (RFC 3262 section 4), or there are too many.
        """
        ours = self.waiting(leg, response)
        if ours is not None:
            return ours
        answers = self._answers_to(invite, timing, response.rseq or 1)
        rack = None if len(self._passed) >= MAX_RELIABLE else leg.order.follow(response)
        if rack is None:
            return None
        ours = answers.number()
        self._passed[ours, invite.cseq.number] = PassedOn(leg, rack.rseq, rack.cseq.number, bool(response.body))
        return ours

    def waiting(self, leg: Leg, response: Response) -> int | None:
        """Return the RSeq of an answer that this side has got already and not confirmed; None where it is none such."""
        rseq, cseq = response.rseq, response.cseq.number
        return next((ours for (ours, _), one in self._passed.items() if one[:3] == (leg, rseq, cseq)), None)

    def send(self, invite: Request, response: Response, timing: Timing, now: float) -> Response | None:
        """Return an answer of the SBC's own made reliable; None if it has to wait for another, or too many wait."""
        answers = self._answers_to(invite, timing, 1)
        return answers.send(response, now) if answers.has_room else None

    def passed(self, prack: Request) -> PassedOn | None:
        """Return the answer of the other leg that a PRACK is for, once."""
        rack = prack.rack
        return None if rack is None else self._passed.pop((rack.rseq, rack.cseq.number), None)

    def receive(self, prack: Request, now: float) -> Response | Refusal | None:
        """Take a PRACK for an answer of the SBC's own; return why there is none such, or what is to be sent next."""
        if self._answers is None:
            return Refusal(481, "PRACK for no answer that is open")
        return self._answers.receive(prack, now)

    @property
    def has_open_session(self) -> bool:
        """Return whether a 2xx has to wait: a description of the SBC's own making has no PRACK yet."""
        return self._answers is not None and self._answers.has_open_session

    @property
    def next_timer(self) -> float | None:
        """Return when `on_timer` has to be called."""
        return None if self._answers is None else self._answers.next_timer

    def on_timer(self, now: float) -> Response | Refusal | None:
        """Return the answer to send again, or the refusal of the INVITE."""
        return None if self._answers is None else self._answers.on_timer(now)

    def end(self) -> None:
        """The final answer goes out: nothing is repeated any more."""
        if self._answers is not None:
            self._answers.end()

    def _answers_to(self, invite: Request, timing: Timing, first_rseq: int) -> ReliableAnswers:
        if self._answers is None or self._cseq != invite.cseq.number:
            self._answers = ReliableAnswers(invite, timing, first_rseq if first_rseq <= MAX_FIRST_RSEQ else 1)
            self._cseq = invite.cseq.number
            self._passed.clear()  # the INVITE before has its final answer, and nobody confirms those of it any more
        return self._answers
