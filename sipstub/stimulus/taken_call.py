"""A call from a phone that the stub answers: 180, a PRACK where the phone can, 200 until its ACK comes.

RFC 3261 section 13.3, RFC 3262 section 3.
"""

from __future__ import annotations

from collections.abc import Callable

from sipstub.core.core import Core
from sipstub.dialog.dialog import dialog_of_server
from sipstub.dialog.refusal import Refusal
from sipstub.dialog.reliable import OPTION, ReliableAnswers
from sipstub.scenario.conduct import PLAIN, Conduct
from sipstub.session_timer.reply import Reply, TimerRefusal
from sipstub.session_timer.timer import SessionTimer
from sipstub.sip.answer import answer
from sipstub.sip.message import Request, Response
from sipstub.stimulus.call import ALLOW, Call, CallState
from sipstub.stimulus.media import SDP_TYPE, MediaTalk
from sipstub.transaction.machine import ServerTransaction

RING_S = 1.0
"From 180 to 200."
TALK_S = 60.0
"From the 200 until the stub hangs up."
KNOWN = frozenset({OPTION, "timer"})
"Option tags that an INVITE may require."


class TakenCall(Call):
    """One call of a phone."""

    is_from_phone = True

    def __init__(
        self,
        core: Core,
        aor: str,
        media: MediaTalk,
        changed: Callable[[Call, float], None],
        *,
        request: Request,
        transaction: ServerTransaction,
        ring_s: float = RING_S,
        talk_s: float = TALK_S,
        conduct: Conduct = PLAIN,
    ) -> None:
        super().__init__(core, transaction.source, aor, media, changed, conduct)
        self._timer = SessionTimer(conduct.timer)
        self._reply: Reply | None = None
        self.call_id = request.call_id
        self._request = request
        self.transaction = transaction
        self._ring_s = ring_s
        self._talk_s = conduct.lasts_s or talk_s
        self._answer_body: bytes | None = None
        self._answers_at: float | None = None
        self._reliable: ReliableAnswers | None = None

    def begin(self, now: float) -> Response | None:
        """Ring; or return the refusal of a call that cannot be taken."""
        request = self._request
        strange = [tag for tag in request.require if tag.lower() not in KNOWN]
        if strange:
            refused = answer(request, 420, to_tag=self.transaction.to_tag)
            refused.headers.add("Unsupported", ", ".join(strange))
            return refused
        reply = self._timer.receive(request)
        if isinstance(reply, TimerRefusal):
            return reply.answer_to(request, to_tag=self.transaction.to_tag)
        self._reply = reply
        self._answer_body = self._media.answer(request.body) if request.body else self._media.offer()
        if self._answer_body is None:
            return answer(request, 488, to_tag=self.transaction.to_tag)
        self.dialog = dialog_of_server(request, self.transaction.to_tag, is_accepted=False)
        self._negotiation.receive("INVITE", has_offer=bool(request.body), chance=0.5)
        ringing: Response | None = answer(request, 180, to_tag=self.transaction.to_tag)
        assert ringing is not None
        ringing.headers.add(*self.contact())
        ringing.headers.add("Allow", ALLOW)
        if OPTION in {tag.lower() for tag in (*request.supported, *request.require)}:
            self._reliable = ReliableAnswers(request, self._core.layer.timing)
            ringing = self._reliable.send(ringing, now)
        if ringing is not None:
            self._core.respond(self.transaction, ringing, now)
        self._answers_at = now + self._ring_s
        self.became(CallState.RINGING, now)
        return None

    def receive(self, request: Request, transaction: ServerTransaction | None, now: float) -> Response | None:
        """Return the answer to a request in the dialog; a BYE while it rings ends the INVITE too (RFC 3261 section 15.1.2)."""
        found = super().receive(request, transaction, now)
        if self.is_ended and self._answers_at is not None:
            self._close(487, now)
        return found

    def take_prack(self, request: Request, now: float) -> Response:
        """Return the answer to a PRACK; an offer in it is answered."""
        found = self._reliable.receive(request, now) if self._reliable is not None else Refusal(481, "nothing to confirm")
        if isinstance(found, Refusal):
            return found.answer_to(request)
        body = self._media.answer(request.body) if request.body else b""
        response = answer(request, 200 if body is not None else 488)
        if body:
            response.set_body(body, "application/sdp")
        return response

    def cancelled(self, now: float) -> None:
        """Take a CANCEL: 487 to the INVITE."""
        self._refuse(487, now, "CANCEL of the phone")

    def hang_up(self, now: float) -> None:
        """Refuse before the answer, BYE after it."""
        if self.state is CallState.RINGING and self._answers_at is not None:
            self._refuse(480, now, "refused by the stub")
        else:
            super().hang_up(now)

    def _refuse(self, status: int, now: float, why: str) -> None:
        if self.is_ended or self._answers_at is None:
            return
        self._close(status, now)
        self.became(CallState.ENDED, now, why)

    def _close(self, status: int, now: float) -> None:
        self._answers_at = None
        if self._reliable is not None:
            self._reliable.end()
        self._core.respond(self.transaction, answer(self._request, status, to_tag=self.transaction.to_tag), now)
        if self.dialog is not None:
            self.dialog.end()
        self.status = status

    def _accept(self, now: float) -> None:
        assert self.dialog is not None and self._answer_body is not None and self._reply is not None
        self._answers_at = None
        if self._reliable is not None:
            self._reliable.end()
        response = answer(self._request, 200)
        for name, value in (self.contact(), ("Allow", ALLOW)):
            response.headers.add(name, value)
        self._reply.headers.put_on(response)
        response.set_body(self._answer_body, SDP_TYPE)
        response.headers.set("To", self.dialog.local)
        self.keep(self.dialog, self._timer, self._answer_body)
        self._timer.replied(self._request, self._reply, now)
        self.dialog.accepted()
        self._negotiation.received_done("INVITE", is_offer_in_answer=not self._request.body)
        self.status = 200
        self.ends_at = now + self._talk_s
        self._media.begin()
        self._core.respond(self.transaction, response, now)
        self.repeat(self.transaction, response, self._request, now)

    def next_timer(self) -> float | None:
        """Return when `on_timer` wants to be called."""
        is_waiting = self._reliable is not None and self._reliable.is_open
        reliable = self._reliable.next_timer if self._reliable is not None else None
        times = [super().next_timer(), reliable, None if is_waiting else self._answers_at]
        return min((time for time in times if time is not None), default=None)

    def on_timer(self, now: float) -> None:
        """Ring again without a PRACK, answer, and what every call does."""
        if self._reliable is not None:
            due = self._reliable.on_timer(now)
            if isinstance(due, Refusal):
                self._refuse(due.status, now, due.fact)
            elif due is not None:
                self._core.respond(self.transaction, due, now)
        is_waiting = self._reliable is not None and self._reliable.is_open
        if self._answers_at is not None and now >= self._answers_at and not is_waiting:
            self._accept(now)
        super().on_timer(now)
