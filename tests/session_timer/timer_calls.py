"""Two user agents of ours with session timers, in simulated time, over a wire that may lose, double and delay."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sipstub.dialog.dialog import Dialog, dialog_of_server
from sipstub.dialog.forks import InviteForks
from sipstub.dialog.repeater import Repeater, Turn
from sipstub.session_timer.keeper import Keeper
from sipstub.session_timer.offer import Offer
from sipstub.session_timer.reply import TimerRefusal
from sipstub.session_timer.setting import TimerSettings
from sipstub.session_timer.timer import SessionTimer
from sipstub.sip.answer import answer
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.reader import parse_message
from sipstub.sip.via import Via
from sipstub.transaction.event import RequestArrived, ResponseArrived, TransactionFailed
from sipstub.transaction.layer import TransactionLayer
from sipstub.transaction.machine import ClientTransaction, ServerTransaction
from sipstub.transaction.sending import Hop
from sipstub.transaction.timing import USUAL

TRIP_S = 0.01
ALL = "INVITE, ACK, CANCEL, BYE, UPDATE"
Plan = Callable[["Peer", float], None]


@dataclass
class Peer:
    """One side."""

    name: str
    own: Hop
    other: Hop
    settings: TimerSettings
    allow: str = ALL
    chances: Iterator[float] = field(default_factory=lambda: itertools.cycle((0.1, 0.9, 0.5)))
    layer: TransactionLayer = field(default_factory=TransactionLayer)
    version: int = 1
    keeper: Keeper | None = None
    offer: Offer | None = None
    forks: InviteForks | None = None
    repeated: tuple[Repeater, ServerTransaction, Response] | None = None
    answers_with: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    "By method: statuses, each with a line, that requests in the dialog get in turn instead of what the engine says."
    is_silent: bool = False
    "Whether it neither says nor hears anything."
    is_up: bool = False
    plans: list[tuple[float, Plan]] = field(default_factory=list)
    lasts_s: float | None = None
    status: int = 0
    password: str = ""

    @property
    def via(self) -> Via:
        return Via.parse(f"SIP/2.0/UDP {self.own.host}:5060;rport")

    @property
    def description(self) -> bytes:
        return f"v=0\r\no=- {self.own.port} {self.version} IN IP4 {self.own.host}\r\ns=-\r\nt=0 0\r\n".encode()

    @property
    def headers(self) -> tuple[tuple[str, object], ...]:
        return ("Contact", f"<sip:{self.name}@{self.own.host}:5060>"), ("Allow", self.allow)

    def describe(self, offered: bytes) -> bytes:
        return self.description

    def sign(self, request: Request, response: Response) -> bool:
        request.headers.add("Authorization", f'Digest username="{self.password}"')
        return True

    def at(self, when: float, plan: Plan) -> None:
        self.plans.append((when, plan))
        self.plans.sort(key=lambda item: item[0])

    # The first INVITE

    def call(self, now: float) -> None:
        self.offer = Offer(self.settings)
        invite = Request("INVITE", f"sip:peer@{self.other.host}")
        for name, value in (
            ("From", f"<sip:{self.name}@{self.own.host}>;tag=caller"),
            ("To", f"<sip:peer@{self.other.host}>"),
            ("Call-ID", f"call@{self.own.host}"),
            ("CSeq", "1 INVITE"),
            *self.headers,
        ):
            invite.headers.add(name, value)
        invite.set_body(self.description, "application/sdp")
        self.offer.send.headers.put_on(invite)
        self._invite(invite, now)

    def _invite(self, invite: Request, now: float) -> None:
        assert self.offer is not None
        self.offer.asked(invite)
        self.forks = InviteForks(invite, USUAL)
        self.layer.request(invite, self.other, self.via, now)

    def _keep(self, dialog: Dialog, timer: SessionTimer) -> Keeper:
        sign = self.sign if self.password else None
        return Keeper(dialog, timer, self.describe, headers=self.headers, description=self.description, sign=sign)

    def _first_answer(self, request: Request, response: Response, now: float) -> None:
        assert self.offer is not None and self.forks is not None
        if response.status >= 300:
            self.status = response.status
            if self.offer.refused(response) is not None:
                self._invite(self.offer.again(request), now)
            return
        fork = self.forks.receive(response, now)
        if fork.dialog is None:
            return
        if fork.is_confirmed or fork.is_repeated:
            self.layer.send_outside(fork.dialog.request("ACK", cseq=request.cseq.number), self.other, self.via)
        if fork.is_confirmed:
            timer = self.offer.timer(now)
            timer.answered(response, now)
            self.keeper, self.is_up, self.status = self._keep(fork.dialog, timer), True, response.status

    def _first_request(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        timer = SessionTimer(self.settings)
        reply = timer.receive(request)
        if isinstance(reply, TimerRefusal):
            self.layer.respond(transaction, reply.answer_to(request, to_tag=transaction.to_tag), now)
            return
        dialog = dialog_of_server(request, transaction.to_tag, is_accepted=True)
        response = answer(request, 200, to_tag=transaction.to_tag)
        for name, value in self.headers:
            response.headers.add(name, value)
        reply.headers.put_on(response)
        response.set_body(self.description, "application/sdp")
        self.keeper, self.is_up = self._keep(dialog, timer), True
        self._respond(transaction, response, now)
        timer.replied(request, reply, now)

    # In the dialog

    def _respond(self, transaction: ServerTransaction, response: Response, now: float) -> None:
        self.layer.respond(transaction, response, now)
        if transaction.method == "INVITE" and 200 <= response.status < 300:
            self.repeated = (Repeater(USUAL, now), transaction, response)

    def send(self, requests: list[Request], now: float) -> None:
        for request in requests:
            if request.method == "ACK":
                self.layer.send_outside(request, self.other, self.via)
            else:
                self.layer.request(request, self.other, self.via, now)
            if request.method == "BYE":
                self.is_up = False

    def turn(self, now: float) -> None:
        while (event := self.layer.next_event()) is not None:
            if isinstance(event, ResponseArrived):
                self._answered(event.transaction, event.response, now)
            elif isinstance(event, RequestArrived):
                self._asked(event, now)
            elif isinstance(event, TransactionFailed) and isinstance(event.transaction, ClientTransaction):
                request = event.transaction.request
                if self.keeper is not None and request.method in ("INVITE", "UPDATE"):
                    self.send(self.keeper.failed(request, event.status, now), now)

    def _answered(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        request = transaction.request
        if request.to.tag is None:
            self._first_answer(request, response, now)
        elif self.keeper is not None and request.method in ("INVITE", "UPDATE"):
            self.send(self.keeper.answered(request, response, now, chance=next(self.chances)), now)

    def _asked(self, event: RequestArrived, now: float) -> None:
        request, transaction, keeper = event.request, event.transaction, self.keeper
        if transaction is None:
            if self.repeated is not None and self.repeated[2].cseq.number == request.cseq.number and keeper is not None:
                self.repeated[0].confirm()
                keeper.acknowledged(request)
            return
        if request.to.tag is None:
            self._first_request(request, transaction, now)
            return
        if keeper is None:
            self.layer.respond(transaction, answer(request, 481, to_tag=transaction.to_tag), now)
            return
        planned = self.answers_with.get(request.method)
        refusal = keeper.dialog.receive_request(request)
        if refusal is not None:
            self.layer.respond(transaction, refusal.answer_to(request), now)
        elif planned:
            status, line = planned.pop(0)
            response = answer(request, status)
            if line:
                response.headers.add(*line.split(": ", 1))
            self.layer.respond(transaction, response, now)
        elif request.method == "BYE":
            self.layer.respond(transaction, answer(request, 200), now)
            keeper.dialog.request_answered(request, 200)
            keeper.timer.end()
            self.is_up = False
        else:
            self._respond(transaction, keeper.receive(request, now, chance=next(self.chances)), now)

    # Time

    @property
    def next_timer(self) -> float | None:
        times = [self.layer.next_timer, *(when for when, _ in self.plans[:1])]
        if self.keeper is not None:
            times.append(self.keeper.next_timer)
        if self.repeated is not None:
            times.append(self.repeated[0].next_timer)
        return min((time for time in times if time is not None), default=None)

    def on_timer(self, now: float) -> None:
        self.layer.on_timer(now)
        while self.plans and self.plans[0][0] <= now:
            self.plans.pop(0)[1](self, now)
        if self.repeated is not None:
            repeater, transaction, response = self.repeated
            turn = repeater.on_timer(now)
            if turn is Turn.SEND:
                self.layer.respond(transaction, response, now)
            elif turn is Turn.GIVE_UP and self.keeper is not None:
                self.send(self.keeper.hang_up(), now)
        if self.keeper is not None:
            self.send(self.keeper.on_timer(now), now)


Fate = Callable[[float, Peer, Message], tuple[float, ...]]
"From time, sender and message to how long each copy of it travels; none for a message that is lost."


def in_order(now: float, sender: Peer, message: Message) -> tuple[float, ...]:
    """Return what happens on a good wire."""
    return (TRIP_S,)


@dataclass
class Wire:
    """Both peers, and what goes over."""

    caller: Peer
    callee: Peer
    fate: Fate = in_order
    now: float = 0.0
    seen: list[tuple[float, str, Message]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    trips: list[tuple[float, int, Peer, Message]] = field(default_factory=list)
    "What is on its way: when it arrives, its number, who sent it."

    def run(self, until: float) -> Wire:
        """Let time pass."""
        numbers, trips = self.numbers, self.trips
        peers = (self.caller, self.callee)
        if self.now == 0.0:
            self.caller.call(0.0)
        while True:
            for peer in peers:
                if peer.is_silent:
                    peer.layer.to_send()
                    continue
                peer.on_timer(self.now)
                peer.turn(self.now)
                for sending in peer.layer.to_send():
                    message = parse_message(sending.data)
                    self.seen.append((round(self.now, 3), peer.name, message))
                    trips += [(self.now + trip, next(numbers), peer, message) for trip in self.fate(self.now, peer, message)]
            times = [peer.next_timer for peer in peers if not peer.is_silent]
            later = [time for time in (*times, *(trip[0] for trip in trips)) if time is not None]
            if not later or min(later) > until:
                self.now = until
                return self
            self.now = max(self.now, min(later))
            for trip in sorted(trip for trip in trips if trip[0] <= self.now):
                trips.remove(trip)
                taker = self.callee if trip[2] is self.caller else self.caller
                if not taker.is_silent:
                    taker.layer.receive(parse_message(trip[3].to_bytes()), taker.other, self.now)

    def requests(self, method: str, *, copies: bool = False) -> list[tuple[float, str]]:
        """Return when requests of a method went out, and from whom; repetitions only on demand."""
        found, branches = [], set()
        for when, name, message in self.seen:
            if isinstance(message, Request) and message.method == method:
                if copies or message.via.branch not in branches:
                    found.append((when, name))
                branches.add(message.via.branch)
        return found

    def messages(self, method: str) -> list[Request]:
        """Return the requests of a method, repetitions too."""
        return [message for _, _, message in self.seen if isinstance(message, Request) and message.method == method]

    def statuses(self, method: str) -> list[int]:
        """Return the statuses of all answers to a method."""
        return [message.status for _, _, message in self.seen if isinstance(message, Response) and message.cseq.method == method]


def a_call(caller: TimerSettings, callee: TimerSettings, fate: Fate = in_order, *, allow: str = ALL) -> Wire:
    """Return a call that begins when time passes."""
    hops = (Hop("UDP", "10.0.0.1", 5060, 1), Hop("UDP", "10.1.1.1", 5060, 2))
    first, second = Peer("caller", hops[0], hops[1], caller, allow), Peer("callee", hops[1], hops[0], callee, allow)
    first.version, second.version = 1, 7
    return Wire(first, second, fate)
