"""All calls between the stub and phones, as a service of the core; what is none of ours goes to who had it before."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import cast

from sipstub.core.compose import Stub
from sipstub.core.flow import flow_of_hop
from sipstub.core.service import Service
from sipstub.media.place import NO_MEDIA, MediaPlace
from sipstub.registrar.binding import Binding
from sipstub.registrar.source import flow_of
from sipstub.scenario.conduct import PLAIN, Conduct
from sipstub.sip.answer import answer
from sipstub.sip.error import SipError
from sipstub.sip.message import Request, Response
from sipstub.sip.uri import SipUri, parse_uri
from sipstub.stimulus.call import Call
from sipstub.stimulus.media import MediaTalk, random_key
from sipstub.stimulus.placed_call import PlacedCall, Ringing
from sipstub.stimulus.taken_call import RING_S, TALK_S, TakenCall
from sipstub.stimulus.wakes import Wakes
from sipstub.transaction.event import Cancelled, RequestArrived, TransactionFailed
from sipstub.transaction.layer import random_token
from sipstub.transaction.sending import Hop

ANONYMOUS = "anonymous"
"User of From where a phone hides its own (RFC 3323 section 4.1)."
MAX_CALLS = 4_096
"At a time; more are refused with 486, and not placed."


class Calls:
    """The table."""

    methods = ("INVITE", "ACK", "BYE", "PRACK", "UPDATE", "INFO", "OPTIONS", "MESSAGE", "NOTIFY", "REFER")

    def __init__(
        self,
        stub: Stub,
        changed: Callable[[Call, float], None],
        *,
        challenges: bool = True,
        token: Callable[[], str] = random_token,
        key: Callable[[], str] = random_key,
        media: MediaPlace = NO_MEDIA,
    ) -> None:
        """`changed` hears of every step of a call; `challenges` whether a phone has to show who it is; `media` has ports."""
        self._stub = stub
        self._core = stub.core
        self._changed = changed
        self._challenges = challenges
        self._token = token
        self._key = key
        self._place = media
        self._calls: dict[str, Call] = {}
        self._wakes = Wakes()
        self._others: dict[str, Service | None] = {method: stub.core.service_of(method) for method in self.methods}
        self._sessions = 0
        self.wanted: Callable[[str], bool] = lambda aor: False
        "Whether calls of an address are answered now."
        self.refused: Callable[[str, str, int, float], None] = lambda aor, call_id, status, now: None
        "Hears of every call of an address that was waited for and came to nothing at once: Call-ID, and what it was answered."
        self.conducts: dict[str, Conduct] = {}
        "How calls of an address are answered, by address; PLAIN where nothing is said."
        malformed = stub.core.on_malformed

        def on_malformed(error: SipError, source: Hop, now: float) -> None:
            malformed(error, source, now)
            self._unreadable(error, source, now)

        stub.core.on_malformed = on_malformed
        self.ring_s = RING_S
        self.talk_s = TALK_S

    @property
    def open(self) -> list[Call]:
        """Return the calls that go on."""
        return list(self._calls.values())

    def place(self, binding: Binding, how: Ringing, now: float) -> PlacedCall | None:
        """Call a phone; None where there are too many calls."""
        if len(self._calls) >= MAX_CALLS:
            return None
        hop = self._core.hop_to(binding)
        call = PlacedCall(self._core, hop, binding, self._media(hop), self._call_changed, how=how, token=self._token)
        self._calls[call.call_id] = call
        call.begin(now)
        self._set_wake(call)
        return call

    # A service of the core

    def handle(self, arrived: RequestArrived, now: float) -> Response | None:
        """Answer what belongs to a call of ours, and a call that is waited for."""
        request, transaction = arrived.request, arrived.transaction
        call = self._calls.get(request.call_id) if request.to.tag is not None else None
        if call is not None and call.owns(request):
            found = call.receive(request, transaction, now)
            self._set_wake(call)
            return found
        if request.method == "INVITE" and request.to.tag is None and transaction is not None:
            aor = self._caller(request, arrived.source)
            if aor is not None:
                return self._take(aor, arrived, now)
        return self._elsewhere(arrived, now)

    def _elsewhere(self, arrived: RequestArrived, now: float) -> Response | None:
        other = self._others.get(arrived.request.method)
        if other is None:
            return None
        if arrived.transaction is not None:
            arrived.transaction.user = other
        return other.handle(arrived, now)

    def _caller(self, request: Request, source: Hop) -> str | None:
        """Return whose call this is, if it is one that is waited for: by From, or by the flow where that is anonymous."""
        uri = request.from_.uri
        policy = self._stub.registrar.policy
        if isinstance(uri, SipUri) and policy.serves(uri) and self.wanted(policy.aor_key(uri)):
            return policy.aor_key(uri)
        if not isinstance(uri, SipUri) or (uri.username or "").lower() != ANONYMOUS:
            return None
        bindings = self._stub.registrar.location.of_flow(flow_of(flow_of_hop(source)))
        return next((binding.aor for binding in bindings if self.wanted(binding.aor)), None)

    def _unreadable(self, error: SipError, source: Hop, now: float) -> None:
        """Note a call that cannot be read, and was refused for that; only if it came the way that its address registered by."""
        request = error.partial
        if not isinstance(request, Request) or request.method != "INVITE":
            return
        with contextlib.suppress(SipError):  # its From cannot be read either
            aor = self._caller(request, source)
            bindings = self._stub.registrar.location.of_flow(flow_of(flow_of_hop(source)))
            if aor is not None and request.to.tag is None and any(binding.aor == aor for binding in bindings):
                self.refused(aor, request.call_id, error.status, now)

    def _take(self, aor: str, arrived: RequestArrived, now: float) -> Response | None:
        request, transaction = arrived.request, arrived.transaction
        assert transaction is not None
        _ = request.session_expires, request.contacts, request.record_routes, request.cseq  # read before anything is made of it
        if self._challenges:
            user = cast(SipUri, parse_uri(aor)).username or ""
            denied = self._stub.registrar.authorise(request, flow_of_hop(arrived.source), user, now, to_tag=transaction.to_tag)
            self._stub.registering.tell()
            if denied is not None:
                return denied
        if len(self._calls) >= MAX_CALLS or request.call_id in self._calls:
            return answer(request, 486, to_tag=transaction.to_tag)
        media = self._media(arrived.source)
        call = TakenCall(
            self._core,
            aor,
            media,
            self._call_changed,
            request=request,
            transaction=transaction,
            ring_s=self.ring_s,
            talk_s=self.talk_s,
            conduct=self.conducts.get(aor, PLAIN),
        )
        self._calls[call.call_id] = call
        refused = call.begin(now)
        if refused is not None:
            media.end()
            self._calls.pop(call.call_id, None)
            self.refused(aor, request.call_id, refused.status, now)
        self._set_wake(call)
        return refused

    def on_server_event(self, event: Cancelled | TransactionFailed, now: float) -> None:
        """Take a CANCEL, or that an answer of ours could not be sent."""
        call = next(
            (call for call in self._calls.values() if isinstance(call, TakenCall) and call.transaction is event.transaction), None
        )
        if call is not None:
            if isinstance(event, Cancelled):
                call.cancelled(now)
            else:
                call.hang_up(now)

    def next_timer(self) -> float | None:
        """Return when the next call wants to do something."""
        return self._wakes.first

    def on_timer(self, now: float) -> None:
        """Let time pass."""
        for call_id in self._wakes.take_due(now):
            call = self._calls.get(call_id)
            if call is not None:
                call.on_timer(now)
                self._set_wake(call)

    def on_flow_closed(self, flow: Hop, now: float) -> None:
        """End the calls of a phone whose connection is gone."""
        for call in self.open:
            if call.hop[:3] == flow[:3] and flow.is_reliable:
                call.hang_up(now)

    def _call_changed(self, call: Call, now: float) -> None:
        if call.is_ended:
            self._calls.pop(call.call_id, None)
        self._changed(call, now)
        self._set_wake(call)

    def _set_wake(self, call: Call) -> None:
        """Note when a call wants to act next: asked whenever something has happened to it, as nothing else moves its timers."""
        self._wakes.set(call.call_id, call.next_timer() if call.call_id in self._calls else None)

    def _media(self, hop: Hop) -> MediaTalk:
        self._sessions += 1
        uri = parse_uri(self._core.places.contact(hop))
        assert isinstance(uri, SipUri)
        own = self._core.places.listened(hop)
        return MediaTalk(uri.host.strip("[]"), session=self._sessions, key=self._key, place=self._place, near=hop.host, own=own)
