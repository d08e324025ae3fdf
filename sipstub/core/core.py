"""Bytes in, bytes out: reads messages, runs transactions, asks services, answers what nobody is there for.

No request but ACK goes without an answer, and no answer is sent to an answer.  Nothing here knows sockets or a clock; `now` is
seconds since 1970.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sipstub.core.challenge import Challenge, answered, examine_register
from sipstub.core.places import Places
from sipstub.core.service import Answered, Gate, Service
from sipstub.registrar.binding import Binding
from sipstub.sip.answer import answer, refuse
from sipstub.sip.error import SipError
from sipstub.sip.examine import examine
from sipstub.sip.framing import is_keep_alive
from sipstub.sip.message import Request, Response
from sipstub.sip.reader import LIMITS, Limits, parse_message
from sipstub.sip.salvage import salvage
from sipstub.sip.via import Via
from sipstub.transaction.event import Cancelled, RequestArrived, ResponseArrived, TransactionFailed
from sipstub.transaction.layer import TransactionLayer
from sipstub.transaction.machine import ClientTransaction, ServerTransaction
from sipstub.transaction.sending import Hop, Sending, mark_source

CHALLENGING = frozenset({"REGISTER", "SUBSCRIBE", "PUBLISH"})
"Methods whose first challenge is answered without a state: a repetition is challenged again, and strangers leave nothing behind."
MAX_EVENTS_AT_ONCE = 10_000
"Events handled in one go; services that answer themselves in a circle are stopped by it."


@dataclass(slots=True)
class CoreCounts:
    """What came, and what was wrong with it."""

    requests: int = 0
    responses: int = 0
    keep_alives: int = 0
    malformed: int = 0
    "Not SIP, or not whole; answered where that is possible."
    unhandled: int = 0
    "Requests of methods that nobody here takes."


class Core:
    """The services of one stub around one transaction layer."""

    def __init__(self, layer: TransactionLayer | None = None, *, limits: Limits = LIMITS) -> None:
        self.layer = TransactionLayer() if layer is None else layer  # an empty one is false
        self.counts = CoreCounts()
        self._limits = limits
        self._services: list[Service] = []
        self._by_method: dict[str, Service] = {}
        self.challenge: Challenge | None = None
        "Answers a REGISTER without credentials, if a registrar is here that challenges everybody."
        self.plain: Callable[[bytes, Hop, float], bool] | None = None
        "Takes a plain REGISTER by the short way, or leaves it alone; the service of REGISTER may set it once it is added."
        self.fallback: Service | None = None
        "Gets what no service takes; without one that is 405."
        self.gate: Gate | None = None
        "Keeps requests away from everything else, while something is tried out on a phone."
        self.places = Places()
        "Where we are reached; the shell says it when it has bound its sockets."
        self.on_malformed: Callable[[SipError, Hop, float], None] = lambda error, source, now: None
        "Called with what was wrong with a message, and who sent it."

    def add(self, service: Service, *, is_fallback: bool = False) -> None:
        """Have a service answer its methods, and as the fallback all that nobody takes; a later one replaces an earlier."""
        self._services.append(service)
        if is_fallback:
            self.fallback = service
        for method in service.methods:
            self._by_method[method] = service
            if method == "REGISTER":  # the short way is that of who had it before
                self.plain = None

    @property
    def services(self) -> Iterable[Service]:
        """Return the services, in the order they were added."""
        return tuple(self._services)

    def service_of(self, method: str) -> Service | None:
        """Return who answers that method."""
        return self._by_method.get(method, self.fallback)

    # What the shell calls

    def receive(self, data: bytes, source: Hop, now: float) -> None:
        """Take one datagram, or one frame of a stream."""
        if self.plain is not None and self.gate is None and self.plain(data, source, now):
            self.counts.requests += 1
            if self.layer.has_events:
                self._run(now)
            return
        if is_keep_alive(data):
            self.counts.keep_alives += 1
            return
        try:
            message = parse_message(data, limits=self._limits, is_stream=source.is_reliable)
            if isinstance(message, Request) and message.method == "REGISTER" and self.challenge is not None:
                examine_register(message)
            else:
                examine(message, is_complete=False)
        except SipError as error:
            if error.partial is None:
                error.partial = salvage(data)
            self.receive_broken(error, source, now)
            return
        if isinstance(message, Request):
            self.counts.requests += 1
            if self.gate is not None and self.gate(message, source, now):
                return
            if message.method == "REGISTER" and self.challenge is not None and not message.headers.lines("authorization"):
                self.layer.send_again(*answered(message, source, self.challenge, now))
                return
        else:
            self.counts.responses += 1
        self.layer.receive(message, source, now)
        self._run(now)

    def receive_broken(self, error: SipError, source: Hop, now: float) -> None:
        """Answer a request that cannot be read whole, if enough of it can; responses and ACK are dropped."""
        self.counts.malformed += 1
        self.on_malformed(error, source, now)
        request = error.partial
        if not isinstance(request, Request) or request.method == "ACK":
            return
        with contextlib.suppress(SipError):  # a Via that cannot be read goes back as it came
            mark_source(request, request.via, source)
        try:
            self.layer.answer_outside(request, refuse(request, error, to_tag=_tag_of(request)), source)
        except SipError:  # not even its Via can be read: nobody to answer to
            return

    def to_send(self) -> list[Sending]:
        """Return what has to go out, in order, each once."""
        return self.layer.to_send()

    @property
    def next_timer(self) -> float | None:
        """Return when `on_timer` has to be called."""
        found = self.layer.next_timer
        for service in self._services:
            wanted = service.next_timer()
            if wanted is not None and (found is None or wanted < found):
                found = wanted
        return found

    def on_timer(self, now: float) -> None:
        """Let time pass up to now."""
        self.layer.on_timer(now)
        for service in self._services:
            service.on_timer(now)
        self._run(now)

    def on_transport_error(self, failed: Sending, now: float) -> None:
        """What `to_send` gave could not be sent."""
        self.layer.on_transport_error(failed, now)
        transaction = failed.transaction
        # over a stream the transaction ends with its answer (timer J is zero), but the answer has a second way (18.2.2)
        if isinstance(transaction, ServerTransaction) and transaction.is_ended and failed.hop in transaction.hops[:-1]:
            self.layer.send_again(failed.data, transaction.hops[transaction.hops.index(failed.hop) + 1])
        self._run(now)

    def flow_closed(self, flow: Hop, now: float) -> None:
        """A connection is gone: services that keep flows forget it."""
        for service in self._services:
            watch = getattr(service, "on_flow_closed", None)
            if watch is not None:
                watch(flow, now)
        self._run(now)

    # What services call

    def respond(self, transaction: ServerTransaction, response: Response, now: float) -> bool:
        """Send an answer that was not given at once; return whether it went out."""
        return self.layer.respond(transaction, response, now)

    def request(
        self, request: Request, hop: Hop, now: float, answered: Answered | None = None, *, via: Via | None = None
    ) -> ClientTransaction:
        """Send a request of ours, by a Via that says where we are reached; `answered` gets what comes of it."""
        transaction = self.layer.request(request, hop, via or self.places.via(hop), now)
        transaction.user = answered
        return transaction

    def hop_to(self, binding: Binding) -> Hop:
        """Return the way to a phone: the flow that it registered over, which NAT and firewalls let through."""
        transport, _, address = binding.flow.partition(" ")
        host, _, port = address.rpartition(":")
        return Hop(transport.upper(), host.strip("[]"), int(port))

    # Events of the layer

    def _run(self, now: float) -> None:
        for _ in range(MAX_EVENTS_AT_ONCE):
            event = self.layer.next_event()
            if event is None:
                return
            if isinstance(event, RequestArrived):
                self._handle(event, now)
            elif isinstance(event, Cancelled):
                self._tell_service(event, now)
            elif isinstance(event, ResponseArrived) or isinstance(event.transaction, ClientTransaction):
                if callable(event.transaction.user):
                    event.transaction.user(event, now)
            else:
                self._tell_service(event, now)

    def _handle(self, arrived: RequestArrived, now: float) -> None:
        request, transaction = arrived.request, arrived.transaction
        service = self._by_method.get(request.method, self.fallback)
        if transaction is None:
            if service is not None:
                service.handle(arrived, now)
            return
        transaction.user = service
        response: Response | None
        try:
            if service is None:
                self.counts.unhandled += 1
                response = answer(request, 405, to_tag=transaction.to_tag)
                response.headers.add("Allow", ", ".join(self._by_method))
            else:
                response = service.handle(arrived, now)
        except SipError as error:
            response = refuse(request, error, to_tag=transaction.to_tag)
        if response is None:
            return
        is_challenge = response.status in (401, 407) and not (request.authorization or request.proxy_authorization)
        if is_challenge and request.method in CHALLENGING:
            self.layer.respond_and_forget(transaction, response, now)
        else:
            self.layer.respond(transaction, response, now)

    def _tell_service(self, event: Cancelled | TransactionFailed, now: float) -> None:
        told = getattr(event.transaction.user, "on_server_event", None)
        if told is not None:
            told(event, now)
        elif isinstance(event, Cancelled):
            invite = event.transaction
            request = event.cancel
            self.layer.respond(invite, _terminated(request, invite), now)


def _terminated(cancel: Request, invite: ServerTransaction) -> Response:
    """Return the 487 of an INVITE; CANCEL has all its headers but the method of CSeq."""
    response = answer(cancel, 487, to_tag=invite.to_tag)
    response.headers.set("CSeq", f"{cancel.cseq.number} INVITE")
    return response


def _tag_of(request: Request) -> str:
    """Return a tag that a repetition of the same request gets again (8.2.6.2), though nothing is kept."""
    headers = request.headers
    text = "\0".join(value for key in ("via", "from", "call-id", "cseq") for value in headers.lines(key)[:1])
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()
