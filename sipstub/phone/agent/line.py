"""One account at work: its registrations, subscriptions, keep-alives and calls, over transactions with its own timers."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sipstub.phone.agent.account import Account
from sipstub.phone.agent.asking import Asker
from sipstub.phone.agent.call import Call, CallTools
from sipstub.phone.agent.incoming import Answering, IncomingCall
from sipstub.phone.agent.keepalive import KeepAlive
from sipstub.phone.agent.offer import MediaWriter
from sipstub.phone.agent.outgoing import OutgoingCall
from sipstub.phone.agent.place import Target, addresses_of, lanes_of
from sipstub.phone.agent.registration import Registration
from sipstub.phone.agent.shape import REGINFO_TYPE, SUMMARY_TYPE, WATCHER_TYPES, Pairs, Shape
from sipstub.phone.agent.stun import Address, StunQuery
from sipstub.phone.agent.subscription import REG_EXPIRES_S, Subscription
from sipstub.phone.agent.surroundings import LINE_DIGITS, Surroundings
from sipstub.sip.answer import answer
from sipstub.sip.message import Request
from sipstub.sip.via import Via
from sipstub.transaction.event import Cancelled, RequestArrived, ResponseArrived, TransactionFailed
from sipstub.transaction.layer import TransactionLayer
from sipstub.transaction.machine import ClientTransaction, ServerTransaction
from sipstub.transaction.sending import Hop
from sipstub.transaction.timing import Timing

if TYPE_CHECKING:
    from sipstub.phone.agent.inbox import Inbox

MAX_CALLS = 8
"Of one account at a time."
MAX_TRANSACTIONS = 256
MAX_HELD_BYTES = 256 * 1024
RTP_PORTS_PER_CALL = 2


class Line:
    """An account that is switched on."""

    def __init__(self, around: Surroundings, account: Account, inbox: Inbox) -> None:
        self.account = account
        self._around = around
        self._inbox = inbox
        # a file may ask for T1 over T2; then nothing doubles
        self.timing = Timing(account.t1_s, max(account.t1_s, account.t2_s), account.t4_s)
        self.layer = TransactionLayer(
            self.timing,
            max_servers=MAX_TRANSACTIONS,
            max_clients=MAX_TRANSACTIONS,
            max_held_bytes=MAX_HELD_BYTES,
            token=around.identifiers.branch,
        )
        self.shape = Shape(around.identity, account, around.conduct, around.place, around.identifiers.hex(LINE_DIGITS))
        self._writer = MediaWriter(account, around.identifiers, around.place)
        self._tools = CallTools(around, account, self.shape, self._writer, self)
        socket = around.place.port(account.listen_port)
        self.registrations = [
            Registration(around, account, self.shape, self, targets, self._settled)
            for targets in lanes_of(account, around.names, socket)
        ]
        self._keepalives = [
            KeepAlive(around, account, self.shape, self, self.send_raw, lambda lane=lane: lane.target)  # type: ignore[misc]
            for lane in self.registrations
            if lane.targets
        ]
        self.subscriptions: list[Subscription] = []
        if account.subscribes_reg:
            self.subscriptions.append(self._subscription("reg", REGINFO_TYPE, account.user, REG_EXPIRES_S))
        if account.subscribes_mwi:
            kind = self._subscription("message-summary", SUMMARY_TYPE, account.mwi_user, account.mwi_expires_s)
            self.subscriptions.append(kind)
        for watched in account.watched:
            accept = WATCHER_TYPES[account.watch_package]
            self.subscriptions.append(self._subscription(account.watch_package, accept, watched, account.watch_expires_s))
        self._calls: dict[str, Call] = {}
        self._ports_used = 0
        stun = addresses_of(account.stun_server, around.names) if account.stun_server else ()
        self._stun = (
            StunQuery(around, Hop("UDP", stun[0], account.stun_port, socket), self.send_raw, self._register) if stun else None
        )

    def _subscription(self, package: str, accept: str, user: str, expires_s: int) -> Subscription:
        return Subscription(
            self._around,
            self.account,
            self.shape,
            self,
            self._serving_target,
            package=package,
            accept=accept,
            user=user,
            expires_s=expires_s,
        )

    def _serving_target(self) -> Target:
        lanes = [lane for lane in self.registrations if lane.targets]
        return next((lane for lane in lanes if lane.is_registered), lanes[0]).target

    @property
    def can_ask(self) -> bool:
        """Return whether there is anywhere to send requests to."""
        return any(lane.targets for lane in self.registrations)

    @property
    def calls(self) -> list[Call]:
        """Return the calls that go on."""
        return list(self._calls.values())

    # What it does

    def start(self, now: float) -> None:
        """Ask the STUN server if there is one, and register."""
        if self._stun is not None:
            self._stun.ask(now)
        else:
            self._register(None, now)

    def take_stun(self, data: bytes, now: float) -> None:
        """Take a datagram that is STUN."""
        if self._stun is not None:
            self._stun.take(data, now)

    def _register(self, mapped: Address | None, now: float) -> None:
        self.shape.mapped = mapped
        if mapped is not None:
            self._writer.host = mapped[0]
        for lane in self.registrations:
            lane.start(now)

    def leave(self, now: float) -> None:
        """Take registrations back."""
        self.stop()
        for lane in self.registrations:
            lane.leave(now)

    def stop(self) -> None:
        """Do nothing more by itself."""
        parts: list[Registration | Subscription | KeepAlive] = [*self.registrations, *self.subscriptions, *self._keepalives]
        for part in parts:
            part.stop()

    def _settled(self, lane: Registration, now: float) -> None:
        for keepalive in self._keepalives:
            keepalive.begin(now)
        for subscription in self.subscriptions:
            subscription.begin(now)

    def call(self, number: str, now: float) -> Call | None:
        """Place a call; None where there are too many, or nowhere to send it."""
        if len(self._calls) >= MAX_CALLS or not self.can_ask:
            return None
        target = self._serving_target()
        call = OutgoingCall(self._tools, self._next_port(), target=target, number=number)
        self.keep_call(call)
        call.begin(now)
        return call

    def take_call(self, request: Request, transaction: ServerTransaction, answering: Answering, now: float) -> None:
        """Take an INVITE that begins a call."""
        if len(self._calls) >= MAX_CALLS or request.call_id in self._calls:
            self.respond(request, transaction, 486, now)
            return
        call = IncomingCall(self._tools, self._next_port(), request=request, transaction=transaction)
        self.keep_call(call)
        transaction.user = call
        call.begin(answering, now)

    def _next_port(self) -> int:
        port = self.account.rtp_port + RTP_PORTS_PER_CALL * self._ports_used
        self._ports_used = (self._ports_used + 1) % MAX_CALLS
        return port

    def call_of(self, request: Request) -> Call | None:
        """Return the call that a request belongs to."""
        call = self._calls.get(request.call_id)
        return call if call is not None and call.leg is not None and call.leg.is_of(request) else None

    def has_call(self, call_id: str) -> bool:
        """Return whether there is a call with that Call-ID."""
        return call_id in self._calls

    def keep_call(self, call: Call) -> None:
        """Know a call by its Call-ID from now on."""
        self._calls[call.call_id] = call

    def forget_call(self, call: Call) -> None:
        """Drop a call that has ended."""
        if self._calls.get(call.call_id) is call:
            del self._calls[call.call_id]

    # Sending

    def ask(self, request: Request, hop: Hop, asker: Asker, now: float) -> ClientTransaction:
        """Send a request; the asker hears of its answer."""
        via = self.shape.via(hop.transport)
        transaction = self.layer.request(request, hop, via, now, compact=self.account.is_compact)
        transaction.user = asker
        return transaction

    ask_call = ask

    def cancel(self, transaction: ClientTransaction, now: float) -> None:
        """Cancel an INVITE."""
        self.layer.cancel(transaction, now)

    def send_ack(self, ack: Request, hop: Hop, via: Via) -> bytes:
        """Send an ACK to a 2xx."""
        return self.layer.send_outside(ack, hop, via, compact=self.account.is_compact)

    def send_raw(self, data: bytes, hop: Hop) -> None:
        """Send bytes as they are."""
        self.layer.send_again(data, hop)

    def respond(
        self,
        request: Request,
        transaction: ServerTransaction,
        status: int,
        now: float,
        more: Pairs | None = None,
        body: bytes = b"",
    ) -> None:
        """Answer a request."""
        tag = None if status == 100 else transaction.to_tag
        response = answer(request, status, to_tag=tag)
        for name, value in more or []:
            response.headers.add(name, value)
        response.headers.add("User-Agent", self.shape.agent)
        response.set_body(body)
        response.headers.set("Content-Length", len(body))
        self.layer.respond(transaction, response, now)

    # Receiving

    def take_events(self, now: float) -> None:
        """Act on what the transactions have to tell."""
        while (event := self.layer.next_event()) is not None:
            match event:
                case ResponseArrived(response=response, transaction=transaction):
                    if transaction.user is not None:
                        cast(Asker, transaction.user).answered(response, transaction, now)
                case TransactionFailed(transaction=transaction):
                    if isinstance(transaction, ClientTransaction) and transaction.user is not None:
                        cast(Asker, transaction.user).failed(event.status, now)
                case Cancelled(transaction=transaction):
                    if isinstance(transaction.user, IncomingCall):
                        transaction.user.cancelled(now)
                case RequestArrived():
                    self._inbox.take(self, event, now)
