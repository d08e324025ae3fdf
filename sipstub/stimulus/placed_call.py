"""A call that the stub places to a phone: INVITE to one binding, PRACK where wanted, ACK, BYE or CANCEL.

RFC 3261 section 13.2, RFC 3262.  Somebody on the way may fork it: the first phone that answers is talked to, others are hung up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sipstub.core.core import Core
from sipstub.dialog.dialog import MAX_FORWARDS, Dialog
from sipstub.dialog.dialog_id import DialogId
from sipstub.dialog.forks import InviteForks
from sipstub.dialog.reliable import ReliableOrder
from sipstub.dialog.route import allowed_in_request
from sipstub.registrar.binding import Binding
from sipstub.scenario.conduct import WITHOUT, Conduct
from sipstub.session_timer.offer import Offer
from sipstub.sip.cseq import CSeq
from sipstub.sip.message import Request, Response
from sipstub.stimulus.call import ALLOW, Call, CallState
from sipstub.stimulus.media import SDP_TYPE, MediaTalk
from sipstub.transaction.event import ResponseArrived, TransactionFailed
from sipstub.transaction.machine import ClientTransaction
from sipstub.transaction.sending import Hop

RING_S = 20.0
HOLD_S = 5.0
DISPLAY = "Test call"
USER = "test"


@dataclass(frozen=True, slots=True)
class Ringing:
    """How a call to a phone goes."""

    ring_s: float = RING_S
    "It is cancelled if nobody has answered by then."
    hold_s: float = HOLD_S
    "Time between ACK and BYE."
    has_offer: bool = True
    "Without one the phone makes it, in its answer."
    is_secure: bool = False
    "Whether SRTP is offered, and nothing else."
    answers_itself: bool = False
    "Whether the phone is asked to pick up by itself (Alert-Info and Call-Info, as most phones know them)."
    conduct: Conduct = WITHOUT
    "Of our side about session timers."
    tries_again: bool = True
    "Whether it goes out once more with the longer interval that a 422 wants (RFC 4028 section 7.3)."


class PlacedCall(Call):
    """One call to one binding."""

    def __init__(
        self,
        core: Core,
        hop: Hop,
        binding: Binding,
        media: MediaTalk,
        changed: Callable[[Call, float], None],
        *,
        how: Ringing,
        token: Callable[[], str],
    ) -> None:
        super().__init__(core, hop, binding.aor, media, changed, how.conduct)
        self._how = how
        self._offer = Offer(how.conduct.timer)
        self._request = self._invite(binding, token)
        self.call_id = self._request.call_id
        self._forks = InviteForks(self._request, core.layer.timing)
        self._orders: dict[DialogId, ReliableOrder] = {}
        self._acks: dict[DialogId, bytes] = {}
        self._client: ClientTransaction | None = None
        self.is_cancelled = False

    def _invite(self, binding: Binding, token: Callable[[], str]) -> Request:
        _, contact = self.contact()
        ours = contact.replace("<sip:", f"<sip:{USER}@", 1)
        made = Request("INVITE", allowed_in_request(binding.uri), [("Route", hop) for hop in binding.path])
        here = ours.partition(";")[0].rstrip(">")
        user = binding.aor.removeprefix("sip:").rpartition("@")[0]
        for name, value in (
            ("Max-Forwards", MAX_FORWARDS),
            ("From", f'"{DISPLAY}" {here}>;tag={token()}'),
            ("To", here.replace(f"{USER}@", f"{user}@") + ">"),
            ("Call-ID", token()),
            ("CSeq", CSeq(1, "INVITE")),
            ("Contact", ours),
            ("Allow", ALLOW),
            ("Supported", "100rel"),
        ):
            made.headers.add(name, value)
        self._offer.send.headers.put_on(made)
        if self._how.answers_itself:
            made.headers.add("Alert-Info", "<http://127.0.0.1>;info=alert-autoanswer;delay=0")
            made.headers.add("Call-Info", "<sip:127.0.0.1>;answer-after=0")
        if self._how.has_offer:
            made.set_body(self._media.offer(is_secure=self._how.is_secure), SDP_TYPE)
        return made

    def begin(self, now: float) -> None:
        """Send the INVITE."""
        self._negotiation.ask("INVITE", has_offer=self._how.has_offer)
        self.ends_at = now + self._how.ring_s
        self._client = self._core.request(self._request, self.hop, now, self._answered)

    def hang_up(self, now: float) -> None:
        """CANCEL before the answer, BYE after it."""
        if self.state in (CallState.CALLING, CallState.RINGING) and self._client is not None:
            if not self.is_cancelled:
                self.is_cancelled = True
                self._core.layer.cancel(self._client, now)  # its 487, or that none comes, ends this
        else:
            super().hang_up(now)

    # What the phone answers

    def _answered(self, event: ResponseArrived | TransactionFailed, now: float) -> None:
        if isinstance(event, TransactionFailed):
            self._ended(event.status, now)
            return
        response = event.response
        fork = self._forks.receive(response, now)
        if fork.is_repeated and fork.dialog is not None:
            self._core.layer.send_again(self._acks[fork.dialog.id], self.hop)
        elif response.status == 422 and self._goes_again(response, now):
            return
        elif response.status >= 300:
            self._ended(response.status, now)
        elif fork.dialog is None:
            return
        elif response.status >= 200:
            self._take_success(fork.dialog, response, now)
        elif not self.is_ended:
            self._take_provisional(fork.dialog, response, now)

    def _goes_again(self, response: Response, now: float) -> bool:
        if not self._how.tries_again or self.is_cancelled or self._offer.refused(response) is None:
            return False
        self._request = self._offer.again(self._request)
        self._forks = InviteForks(self._request, self._core.layer.timing)
        self._orders.clear()
        self._client = self._core.request(self._request, self.hop, now, self._answered)
        return True

    def _ended(self, status: int, now: float) -> None:
        self._negotiation.asked_done("INVITE")
        self.status = status
        why = "cancelled" if self.is_cancelled else f"refused with {status}"
        self.became(CallState.ENDED, now, why)

    def _take_provisional(self, dialog: Dialog, response: Response, now: float) -> None:
        order = self._orders.setdefault(dialog.id, ReliableOrder())
        rack = order.receive(response)
        if self._how.has_offer:
            self._media.answered(response.body)
        if rack is not None:
            self._core.request(dialog.request("PRACK", [("RAck", rack)]), self.hop, now, None)
        self.became(CallState.RINGING, now)

    def _take_success(self, dialog: Dialog, response: Response, now: float) -> None:
        body = b""
        if not self._how.has_offer and response.body:
            body = self._media.answer(response.body) or b""
        self._acks[dialog.id] = self._acknowledge(dialog, body)
        if self.dialog is not None or self.is_ended:
            self._core.request(dialog.request("BYE"), self.hop, now, None)
            dialog.end()
            return
        self._negotiation.asked_done("INVITE")
        if self._how.has_offer:
            self._media.answered(response.body)
        self._media.begin()
        self.dialog, self.status = dialog, response.status
        self._offer.asked(self._request)
        timer = self._offer.timer(now)
        timer.answered(response, now)
        self.keep(dialog, timer, self._request.body or body)
        self.ends_at = now + (self.conduct.lasts_s or self._how.hold_s)
        self.became(CallState.ANSWERED, now)
        if self.is_cancelled or (not self._how.has_offer and not body):
            self.hang_up(now)

    def _acknowledge(self, dialog: Dialog, body: bytes) -> bytes:
        ack = dialog.request("ACK", [self.contact()], b"", cseq=self._request.cseq.number)
        if body:
            ack.set_body(body, SDP_TYPE)
        return self._core.layer.send_outside(ack, self.hop, self._core.places.via(self.hop))
