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
from sipstub.dialog.refusal import come_later
from sipstub.dialog.repeater import Repeater
from sipstub.dialog.repeater import Turn as Repeat
from sipstub.media.report import MediaReport
from sipstub.scenario.conduct import PLAIN, Conduct, Turn
from sipstub.session_timer.keeper import Keeper
from sipstub.session_timer.setting import Role
from sipstub.session_timer.timer import SessionTimer
from sipstub.sip.answer import answer
from sipstub.sip.message import Request, Response
from sipstub.stimulus.media import SDP_TYPE, MediaTalk
from sipstub.transaction.event import ResponseArrived, TransactionFailed
from sipstub.transaction.machine import ServerTransaction
from sipstub.transaction.sending import Hop

ALLOW = "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, OPTIONS, MESSAGE, NOTIFY, REFER"
MAX_INFOS = 32
"INFOs of one call that are kept."
LATER_S = 1.0
"Pause before a refresh that met another request."


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

    def __init__(
        self,
        core: Core,
        hop: Hop,
        aor: str,
        media: MediaTalk,
        changed: Callable[[Call, float], None],
        conduct: Conduct = PLAIN,
    ) -> None:
        self._core = core
        self.conduct = conduct
        self.keeper: Keeper | None = None
        "Of the dialog and its session timer; None until it is answered."
        self._turns = list(conduct.turns or ())
        self._turn_after = 0.0
        self._refusals = list(conduct.refusals)
        self.refreshes = 0
        "INVITEs and UPDATEs of the phone in the dialog, whatever they were answered."
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
        self.media: MediaReport | None = None
        "What was sent and heard, once it is over; None where there is no media at all."

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
            self.media = self._media.end()
        self._changed_to(self, now)

    def hang_up(self, now: float) -> None:
        """End it: BYE."""
        if self.is_ended:
            return
        if self.keeper is not None:
            for bye in self.keeper.hang_up():
                self.ask(bye, now)
        elif self.dialog is not None and not self.dialog.is_ended:
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
        if found is None:
            return None
        self.dialog.request_answered(request, found.status)
        if request.method == "BYE":
            self.became(CallState.ENDED, now, "BYE of the phone")
        return found

    def _answer(self, request: Request, transaction: ServerTransaction, now: float) -> Response | None:
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

    def _take_change(self, request: Request, transaction: ServerTransaction, now: float) -> Response | None:
        if self._refusals and self.keeper is not None:
            self.refreshes += 1
            self._changed_to(self, now)
            return self._refused(request, transaction, self._refusals.pop(0))
        if self.keeper is None:
            return self._take_early(request)
        found = self.keeper.receive(request, now, chance=0.5)
        if request.method == "INVITE" and found.status == 200:
            self.repeat(transaction, found, request, now)
        self.refreshes += 1
        self._changed_to(self, now)
        return found

    def _take_early(self, request: Request) -> Response:
        """Return the answer to an UPDATE before the call is answered (RFC 3311 section 5.2); an INVITE has to wait for that."""
        has_offer = bool(request.body)
        if request.method == "INVITE":
            return come_later("the first INVITE is not answered yet", 0.5).answer_to(request)
        refusal = self._negotiation.receive("UPDATE", has_offer=has_offer, chance=0.5)
        if refusal is not None:
            return refusal.answer_to(request)
        body = self._media.answer(request.body) if has_offer else b""
        self._negotiation.received_done("UPDATE")
        found = answer(request, 200 if body is not None else 488)
        if body is not None:
            for name, value in (self.contact(), ("Allow", ALLOW)):
                found.headers.add(name, value)
        if body:
            found.set_body(body, SDP_TYPE)
        return found

    def _refused(self, request: Request, transaction: ServerTransaction, status: int) -> Response | None:
        """Return an answer that was ordered; 0 is none.  408 goes past the transaction, which must not send it (RFC 4320)."""
        if not status:
            return None
        found = answer(request, status)
        if status != 408 or request.method == "INVITE":
            return found
        found.headers.set("Content-Length", 0)
        self._core.layer.answer_outside(request, found, transaction.source)
        return None

    # The session timer

    def keep(self, dialog: Dialog, timer: SessionTimer, description: bytes) -> None:
        """Keep the session from now on."""
        headers = (self.contact(), ("Allow", ALLOW))
        self.keeper = Keeper(
            dialog, timer, self._described, headers=headers, description=description, negotiation=self._negotiation
        )

    def _described(self, offer: bytes) -> bytes | None:
        return self._media.answer(offer) if offer else self._media.offer()

    def _send(self, requests: list[Request], now: float) -> None:
        """Send what the session timer wants."""
        for request in requests:
            if request.method == "ACK":
                self._core.layer.send_outside(request, self.hop, self._core.places.via(self.hop))
            elif request.method == "BYE":
                self.ask(request, now)
                reason = self.keeper.ended if self.keeper is not None else None
                self.became(CallState.ENDED, now, f"BYE of the stub: {reason}")
            else:
                self._core.request(request, self.hop, now, self._heard(request))

    def _heard(self, request: Request) -> Callable[[ResponseArrived | TransactionFailed, float], None]:
        def heard(event: ResponseArrived | TransactionFailed, at: float) -> None:
            keeper = self.keeper
            assert keeper is not None
            if isinstance(event, TransactionFailed):
                following = keeper.failed(request, event.status, at)
            else:
                following = keeper.answered(request, event.response, at)
                if request.body and 200 <= event.response.status < 300:
                    self._media.answered(event.response.body)
            if not self.is_ended or (following and following[0].method == "ACK"):
                self._send(following if not self.is_ended else following[:1], at)
            self._changed_to(self, at)

        return heard

    @property
    def _turn_at(self) -> float | None:
        """Return when the stub refreshes next, where it does so by plan: at half the interval, or sooner if that was ordered."""
        keeper = self.keeper
        if keeper is None or not self._turns or keeper.negotiation.ours or self.is_ended:
            return None
        interval, end = keeper.timer.interval_s, keeper.timer.expires_at
        if interval is None or end is None or not keeper.timer.is_refresher:
            return None
        after_s = self.conduct.turn_after_s
        return max(end - interval / 2 if after_s is None else end - interval + after_s, self._turn_after)

    def _take_turn(self, now: float) -> None:
        keeper = self.keeper
        assert keeper is not None
        turn = self._turns[0]
        method = "UPDATE" if turn in (Turn.UPDATE, Turn.UPDATE_SDP, Turn.SWAP) else "INVITE"
        body = keeper.description if turn in (Turn.REINVITE, Turn.UPDATE_SDP) else b""
        request = keeper.ask(method, now, body, role=Role.SWAP if turn is Turn.SWAP else Role.KEEP)
        if request is None:
            self._turn_after = now + LATER_S
            return
        self._turns.pop(0)
        self._send([request], now)

    @property
    def _kept_at(self) -> float | None:
        return None if self.keeper is None or self.is_ended else self.keeper.next_timer

    @property
    def is_planned(self) -> bool:
        """Return whether refreshes of the stub are still to come."""
        return bool(self._turns) or (self.keeper is not None and bool(self.keeper.negotiation.ours))

    # A 200 is repeated until its ACK (RFC 3261 section 13.3.1.4)

    def repeat(self, transaction: ServerTransaction, response: Response, request: Request, now: float) -> None:
        """Repeat a 200 to INVITE, which goes out now, until its ACK comes."""
        self._repeated = (transaction, response, Repeater(self._core.layer.timing, now), request.cseq.number)

    def _take_ack(self, ack: Request, now: float) -> None:
        if self._repeated is None or ack.cseq.number != self._repeated[3]:
            return
        self._repeated = None
        self._media.answered(ack.body)
        if self.keeper is not None:
            self.keeper.acknowledged(ack)
        self._negotiation.offer_answered()
        self.became(CallState.ANSWERED, now)

    def next_timer(self) -> float | None:
        """Return when `on_timer` wants to be called."""
        repeated = self._repeated[2].next_timer if self._repeated is not None else None
        times = [self.ends_at, repeated, self._turn_at if self.conduct.turns is not None else self._kept_at]
        return min((time for time in times if time is not None), default=None)

    def on_timer(self, now: float) -> None:
        """Repeat what has no ACK; end a call whose time is over."""
        if self._repeated is not None:
            transaction, response, repeater, _ = self._repeated
            turn = repeater.on_timer(now)
            if turn is Repeat.SEND:
                self._core.respond(transaction, response, now)
            elif turn is Repeat.GIVE_UP:
                self.hang_up(now)
        due = self._turn_at if self.conduct.turns is not None else self._kept_at
        if due is not None and now >= due and self.keeper is not None:
            if self.conduct.turns is not None:
                self._take_turn(now)
            else:
                self._send(self.keeper.on_timer(now), now)
        if self.ends_at is not None and now >= self.ends_at:
            self.ends_at = None
            self.hang_up(now)
