"""Keeps one call up in its dialog: sends refreshes, answers INVITE and UPDATE in mid dialog, hangs up when the time is over.

    keeper = Keeper(dialog, timer, describe, headers=(("Contact", ...), ("Allow", ...)), description=sdp)
    keeper.receive(request, now)                  the answer to an INVITE or UPDATE in the dialog
    keeper.answered(request, response, now), keeper.failed(request, status, now), keeper.on_timer(now)
                                                  what to send now, in order: UPDATE, INVITE, ACK, BYE

What makes the dialog is its user's: the first INVITE with the headers of an Offer, its 2xx with those of a Reply.  So are
repetitions of a 2xx to INVITE, and all other methods.
"""

from __future__ import annotations

from collections.abc import Callable

from sipstub.dialog.dialog import Dialog
from sipstub.dialog.negotiation import Negotiation
from sipstub.dialog.refusal import Refusal
from sipstub.session_timer.header import Pairs
from sipstub.session_timer.reply import Body, TimerRefusal
from sipstub.session_timer.setting import Role
from sipstub.session_timer.step import End, Reason, Send, Step
from sipstub.session_timer.timer import SessionTimer
from sipstub.sip.answer import answer
from sipstub.sip.message import Request, Response

SDP_TYPE = "application/sdp"
POSTPONED_S = 1.0
"Pause before a refresh that met a request on its way."
CHALLENGES = frozenset({401, 407})

Describe = Callable[[bytes], bytes | None]
"From an offer, empty if there is none, to our answer or offer; None where nothing fits."
Sign = Callable[[Request, Response], bool]
"Puts credentials on a request that answers the challenge in a response; returns whether it could."


class Keeper:
    """One dialog with its timer."""

    __slots__ = (
        "_answers",
        "_describe",
        "_has_left",
        "_open",
        "_sign",
        "description",
        "dialog",
        "ended",
        "headers",
        "negotiation",
        "timer",
    )

    def __init__(
        self,
        dialog: Dialog,
        timer: SessionTimer,
        describe: Describe,
        *,
        headers: Pairs = (),
        description: bytes = b"",
        negotiation: Negotiation | None = None,
        sign: Sign | None = None,
    ) -> None:
        self.dialog = dialog
        self.timer = timer
        self.negotiation = negotiation or Negotiation()
        self.headers = headers
        "What each INVITE and UPDATE and each 2xx to them says besides."
        self.description = description
        "Our last session description, whose o= line stands for `nothing changed`."
        self.ended: Reason | None = None
        "Why the timer ended the call, if it did."
        self._describe = describe
        self._sign = sign
        self._open: set[int] = set()
        "CSeq of our INVITEs and UPDATEs that have no final answer; as many as `negotiation` allows."
        self._answers = (0, b"")
        "CSeq and body of our last ACK, for a 2xx that comes again."
        self._has_left = False

    # Requests of ours

    def change(self, expires_s: int | None, now: float) -> list[Request]:
        """Return the refresh that asks for another interval, or for none."""
        return self._do(self.timer.change(expires_s), now)

    def ask(self, method: str, now: float, body: bytes = b"", *, role: Role = Role.KEEP) -> Request | None:
        """Return an INVITE or UPDATE sent for another reason, with or without a new description; None if it has to wait."""
        if not self.negotiation.may_ask(method, has_offer=bool(body)):
            return None
        return self._request(self.timer.ask(method, role=role), body, now)

    def hang_up(self) -> list[Request]:
        """Return BYE, once."""
        self.timer.end()
        if self._has_left or (self.dialog.is_ended and self.ended is None):
            return []
        self._has_left = True
        bye = self.dialog.request("BYE")
        self.timer.ask("BYE").headers.put_on(bye)
        self.dialog.end()
        return [bye]

    def answered(self, request: Request, response: Response, now: float, *, chance: float = 0.5) -> list[Request]:
        """Take an answer to an INVITE or UPDATE of ours in the dialog; a repeated 2xx to INVITE gets its ACK again."""
        status, number = response.status, request.cseq.number
        acks: list[Request] = []
        if request.method == "INVITE" and 200 <= status < 300:
            acks.append(self._ack(request, response))
        if status < 200 or number not in self._open:
            return [*acks, *self._do(self.timer.answered(response, now), now, request)]
        self._done(request)
        self.dialog.receive_response(request, response)
        if status < 300 and request.body:
            self.description = request.body
        if status in CHALLENGES and self._sign is None:
            return self._do(self.timer.refused(request, status, now), now, request)
        return [*acks, *self._do(self.timer.answered(response, now, chance=chance), now, request, response)]

    def asked_again(self, before: Request, again: Request) -> None:
        """Take note that a request of ours went out again with a password, under another CSeq, before its challenge came here."""
        if before.cseq.number in self._open:
            self._open.discard(before.cseq.number)
            self._open.add(again.cseq.number)
            self.timer.asked_again(before, again)

    def failed(self, request: Request, status: int, now: float) -> list[Request]:
        """Take that a request of ours had no answer, 408, or could not be sent, 503."""
        self._done(request)
        return self._do(self.timer.refused(request, status, now), now, request)

    # Requests of the peer

    def receive(self, request: Request, now: float, *, chance: float = 0.5) -> Response:
        """Return the answer to an INVITE or UPDATE that the dialog has taken; the 2xx counts as sent."""
        method, has_offer = request.method, bool(request.body)
        refusal = self.negotiation.receive(method, has_offer=has_offer, chance=chance)
        if refusal is not None:
            return refusal.answer_to(request)
        reply = self.timer.receive(request)
        body = b"" if isinstance(reply, TimerRefusal) or reply.body is Body.NONE else self.description
        if not isinstance(reply, TimerRefusal) and reply.body is Body.NEW:
            body = self._describe(request.body) or b""
        if isinstance(reply, TimerRefusal) or (not body and reply.body is not Body.NONE):
            self.negotiation.received_done(method)
            refused = reply if isinstance(reply, Refusal) else Refusal(488, "nothing in common")
            return refused.answer_to(request)
        response = answer(request, 200)
        for name, value in self.headers:
            response.headers.add(name, value)
        reply.headers.put_on(response)
        if body:
            self.description = body
            response.set_body(body, SDP_TYPE)
        self.negotiation.received_done(method, is_offer_in_answer=method == "INVITE" and not has_offer)
        self.dialog.request_answered(request, 200)
        self.timer.replied(request, reply, now)
        return response

    def acknowledged(self, ack: Request) -> None:
        """Take the ACK to a 2xx of ours."""
        self.negotiation.offer_answered()
        self.timer.receive(ack)

    # Time

    @property
    def next_timer(self) -> float | None:
        """Return when `on_timer` has to be called."""
        return self.timer.next_timer

    def on_timer(self, now: float) -> list[Request]:
        """Return what is due now."""
        return self._do(self.timer.on_timer(now), now)

    def _do(self, step: Step, now: float, request: Request | None = None, response: Response | None = None) -> list[Request]:
        if isinstance(step, End):
            self.ended = step.reason
            return self.hang_up()
        if step is None:
            return []
        body = b""
        if step.body is Body.SAME:
            body = self.description
        elif step.body is Body.NEW and request is not None:
            body = request.body
        if not self.negotiation.may_ask(step.method, has_offer=bool(body)):
            self.timer.postpone(POSTPONED_S, now)
            return []
        return [self._request(step, body, now, response)]

    def _done(self, request: Request) -> None:
        if request.cseq.number in self._open:
            self._open.discard(request.cseq.number)
            self.negotiation.asked_done(request.method)

    def _ack(self, request: Request, response: Response) -> Request:
        number = request.cseq.number
        if self._answers[0] != number:
            has_offer = not request.body and bool(response.body)
            self._answers = (number, (self._describe(response.body) or b"") if has_offer else b"")
        ack = self.dialog.request("ACK", cseq=number)
        if self._answers[1]:
            ack.set_body(self._answers[1], SDP_TYPE)
        return ack

    def _request(self, send: Send, body: bytes, now: float, response: Response | None = None) -> Request:
        made = self.dialog.request(send.method, self.headers)
        send.headers.put_on(made)
        if body:
            made.set_body(body, SDP_TYPE)
        if send.needs_credentials and response is not None and self._sign is not None:
            self._sign(made, response)
        self.negotiation.ask(send.method, has_offer=bool(body))
        self._open.add(made.cseq.number)
        self.timer.asked(made, send, now)
        return made
