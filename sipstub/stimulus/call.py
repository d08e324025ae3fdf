"""A call between the stub and a phone, once there is a dialog: what the phone may ask in it, and how it ends.

RFC 3261 sections 12 to 15, RFC 3311, RFC 6086.  Requests to the phone go over the flow that its own came by.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sipstub.core.core import Core
from sipstub.dialog.dialog import Dialog
from sipstub.dialog.negotiation import Negotiation
from sipstub.dialog.repeater import Repeater, Turn
from sipstub.sip.answer import answer
from sipstub.sip.message import Request, Response
from sipstub.stimulus.media import SDP_TYPE, MediaTalk
from sipstub.transaction.event import ResponseArrived, TransactionFailed
from sipstub.transaction.machine import ServerTransaction
from sipstub.transaction.sending import Hop

ALLOW = "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, OPTIONS, MESSAGE, NOTIFY, REFER"
MAX_INFOS = 32
"INFOs of one call that are kept."
MAX_CALL_S = 1_800.0
"Longest call, whatever was ordered."


class CallState(enum.StrEnum):
    """How far a call has come."""

    CALLING = "calling"
    RINGING = "ringing"
    ANSWERED = "answered"
    "The 200 has its ACK."
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Info:
    """One INFO of the phone."""

    content_type: str
    body: bytes


class Call:
    """What calls of both directions have in common."""

    is_from_phone = False

    def __init__(self, core: Core, hop: Hop, aor: str, media: MediaTalk, changed: Callable[[Call, float], None]) -> None:
        self._core = core
        self._media = media
        self._changed_to = changed
        self._negotiation = Negotiation()
        self._repeated: tuple[ServerTransaction, Response, Repeater, int] | None = None
        self.hop = hop
        self.aor = aor
        self.state = CallState.CALLING
        self.status = 0
        "Of the final answer to the INVITE."
        self.ended_by = ""
        "For people; empty while it goes on."
        self.dialog: Dialog | None = None
        self.infos: deque[Info] = deque(maxlen=MAX_INFOS)
        self.ends_at: float | None = None
        "When the stub ends it."
        self.act = 0
        "Of the record."
        self.call_id = ""

    @property
    def is_ended(self) -> bool:
        """Return whether it is over."""
        return self.state is CallState.ENDED

    def owns(self, request: Request) -> bool:
        """Return whether a request is in this call's dialog."""
        dialog = self.dialog
        if dialog is None or request.call_id != dialog.id.call_id:
            return False
        return (request.to.tag or "", request.from_.tag or "") == (dialog.id.local_tag, dialog.id.remote_tag)

    def became(self, state: CallState, now: float, why: str = "") -> None:
        """Go on, and tell."""
        if self.is_ended or state is self.state:
            return
        self.state = state
        if state is CallState.ENDED:
            self.ended_by = why
            self._repeated = None
        self._changed_to(self, now)

    def hang_up(self, now: float) -> None:
        """End it: BYE."""
        if self.is_ended:
            return
        if self.dialog is not None and not self.dialog.is_ended:
            self.ask(self.dialog.request("BYE"), now)
            self.dialog.end()
        self.became(CallState.ENDED, now, "BYE of the stub")

    def ask(self, request: Request, now: float) -> None:
        """Send a request in the dialog; an answer that ends it ends the call."""

        def answered(event: ResponseArrived | TransactionFailed, at: float) -> None:
            dialog = self.dialog
            if dialog is None or self.is_ended:
                return
            if isinstance(event, TransactionFailed):
                dialog.on_no_answer(request)
            elif event.response.status >= 200:
                dialog.receive_response(request, event.response)
            if dialog.is_ended:
                self.became(CallState.ENDED, at, f"no answer to {request.method}")

        self._core.request(request, self.hop, now, answered)

    def contact(self) -> tuple[str, str]:
        """Return our Contact."""
        return "Contact", f"<{self._core.places.contact(self.hop)}>"

    # What the phone asks

    def receive(self, request: Request, transaction: ServerTransaction | None, now: float) -> Response | None:
        """Return the answer to a request in the dialog; None for ACK."""
        assert self.dialog is not None
        if transaction is None:
            self._take_ack(request, now)
            return None
        tag = transaction.to_tag
        refusal = self.dialog.receive_request(request)
        if refusal is not None:
            return refusal.answer_to(request, to_tag=tag)
        found = self._answer(request, transaction, now)
        self.dialog.request_answered(request, found.status)
        if request.method == "BYE":
            self.became(CallState.ENDED, now, "BYE of the phone")
        return found

    def _answer(self, request: Request, transaction: ServerTransaction, now: float) -> Response:
        method = request.method
        if method in ("INVITE", "UPDATE"):
            return self._take_change(request, transaction, now)
        if method == "PRACK":
            return self.take_prack(request, now)
        if method == "INFO":
            self.infos.append(Info((request.headers.get("content-type") or "").partition(";")[0].strip().lower(), request.body))
            self._changed_to(self, now)
        if method in ("BYE", "INFO", "OPTIONS", "MESSAGE", "NOTIFY"):
            found = answer(request, 200)
        else:
            found = answer(request, 603 if method == "REFER" else 405)
        if method == "OPTIONS" or found.status == 405:
            found.headers.add("Allow", ALLOW)
        return found

    def take_prack(self, request: Request, now: float) -> Response:
        """Return the answer to a PRACK: there is nothing that it could confirm."""
        return answer(request, 481)

    def _take_change(self, request: Request, transaction: ServerTransaction, now: float) -> Response:
        method, has_offer = request.method, bool(request.body)
        refusal = self._negotiation.receive(method, has_offer=has_offer, chance=0.5)
        if refusal is not None:
            return refusal.answer_to(request)
        body = self._media.answer(request.body) if has_offer else self._media.offer() if method == "INVITE" else b""
        is_open = method == "INVITE" and not has_offer and body is not None
        self._negotiation.received_done(method, is_offer_in_answer=is_open)
        if body is None:
            return answer(request, 488)
        found = self.accepted(request, body)
        if method == "INVITE":
            self.repeat(transaction, found, request, now)
        return found

    def accepted(self, request: Request, body: bytes) -> Response:
        """Return a 200 with our description, that agrees to the session timer which the phone wants to keep itself."""
        found = answer(request, 200)
        found.headers.add(*self.contact())
        found.headers.add("Allow", ALLOW)
        interval = request.session_expires
        if interval is not None and "timer" in request.supported and interval.refresher != "uas":
            found.headers.add("Supported", "timer")
            found.headers.add("Require", "timer")
            found.headers.add("Session-Expires", f"{interval.seconds};refresher=uac")
        if body:
            found.set_body(body, SDP_TYPE)
        return found

    # A 200 is repeated until its ACK (RFC 3261 section 13.3.1.4)

    def repeat(self, transaction: ServerTransaction, response: Response, request: Request, now: float) -> None:
        """Repeat a 200 to INVITE, which goes out now, until its ACK comes."""
        self._repeated = (transaction, response, Repeater(self._core.layer.timing, now), request.cseq.number)

    def _take_ack(self, ack: Request, now: float) -> None:
        if self._repeated is None or ack.cseq.number != self._repeated[3]:
            return
        self._repeated = None
        self._negotiation.offer_answered()
        self.became(CallState.ANSWERED, now)

    def next_timer(self) -> float | None:
        """Return when `on_timer` wants to be called."""
        times = [self.ends_at, self._repeated[2].next_timer if self._repeated is not None else None]
        return min((time for time in times if time is not None), default=None)

    def on_timer(self, now: float) -> None:
        """Repeat what has no ACK; end a call whose time is over."""
        if self._repeated is not None:
            transaction, response, repeater, _ = self._repeated
            turn = repeater.on_timer(now)
            if turn is Turn.SEND:
                self._core.respond(transaction, response, now)
            elif turn is Turn.GIVE_UP:
                self.hang_up(now)
        if self.ends_at is not None and now >= self.ends_at:
            self.ends_at = None
            self.hang_up(now)
