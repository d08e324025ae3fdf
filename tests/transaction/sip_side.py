"""One side of SIP with its time in hand: what it heard, what it sent and when, what it told its user."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from sipstub.sip.answer import answer
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.reader import parse_message
from sipstub.sip.via import Via
from sipstub.transaction.event import Event, RequestArrived, ResponseArrived
from sipstub.transaction.layer import TransactionLayer
from sipstub.transaction.machine import ClientTransaction, ServerTransaction
from sipstub.transaction.sending import Hop, Sending
from sipstub.transaction.timing import USUAL, Timing

PHONE = Hop("UDP", "10.1.1.1", 5060, 1)
PHONE_TCP = Hop("TCP", "10.1.1.1", 40001, 7)
OUR_VIA = Via.parse("SIP/2.0/UDP 10.0.0.1:5060;rport")
OUR_VIA_TCP = Via.parse("SIP/2.0/TCP 10.0.0.1:5060")


def a_request(
    method: str = "REGISTER",
    *,
    branch: str | None = "z9hG4bKphone1",
    via: str | None = None,
    transport: str = "UDP",
    cseq: int = 1,
    call_id: str = "call-1@10.1.1.1",
    to_tag: str | None = None,
    from_tag: str | None = "from1",
    uri: str = "sip:200@pbx.example.com",
    extra: tuple[tuple[str, str], ...] = (),
) -> Request:
    """Return a request as a phone writes it, read from its bytes."""
    top = via or f"SIP/2.0/{transport} 10.1.1.1:5060" + (f";branch={branch}" if branch else "") + ";rport"
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: {top}",
        "From: <sip:100@pbx.example.com>" + (f";tag={from_tag}" if from_tag else ""),
        "To: <sip:200@pbx.example.com>" + (f";tag={to_tag}" if to_tag else ""),
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        "Max-Forwards: 70",
        *(f"{name}: {value}" for name, value in extra),
        "Content-Length: 0",
    ]
    found = parse_message("\r\n".join([*lines, "", ""]).encode())
    assert isinstance(found, Request)
    return found


def our_request(method: str = "OPTIONS", *, cseq: int = 1, to_tag: str | None = None) -> Request:
    """Return a request of ours, without Via."""
    return Request(
        method,
        "sip:100@10.1.1.1",
        (
            ("Max-Forwards", "70"),
            ("Route", "<sip:proxy.example.com;lr>"),
            ("From", "<sip:stub@10.0.0.1>;tag=ours"),
            ("To", "<sip:100@10.1.1.1>" + (f";tag={to_tag}" if to_tag else "")),
            ("Call-ID", "ours@10.0.0.1"),
            ("CSeq", f"{cseq} {method}"),
        ),
    )


@dataclass
class Side:
    """A layer, and the time."""

    timing: Timing = USUAL
    limits: dict[str, Any] = field(default_factory=dict)
    now: float = 0.0
    sent: list[tuple[float, str]] = field(default_factory=list)
    "When and the first line of each, since last asked."
    sendings: list[Sending] = field(default_factory=list)

    def __post_init__(self) -> None:
        numbers = itertools.count(1)
        self.layer = TransactionLayer(self.timing, token=lambda: f"ours{next(numbers)}", **self.limits)

    def hear(self, message: Message, source: Hop = PHONE) -> list[Event]:
        """Receive and return what the user is told."""
        self.layer.receive(message, source, self.now)
        return self.events()

    def events(self) -> list[Event]:
        """Collect what goes out, and return what the user is told."""
        for sending in self.layer.to_send():
            self.sent.append((round(self.now, 6), sending.data.split(b"\r\n")[0].decode().removeprefix("SIP/2.0 ")))
            self.sendings.append(sending)
        events = []
        while (event := self.layer.next_event()) is not None:
            events.append(event)
        return events

    def wait(self, seconds: float) -> list[Event]:
        """Let time pass, each timer at its time."""
        end, events = self.now + seconds, self.events()
        while (when := self.layer.next_timer) is not None and when <= end + 1e-9:
            assert when >= self.now - 1e-9
            self.now = max(when, self.now)
            self.layer.on_timer(self.now)
            events += self.events()
        self.now = end
        return events

    def sent_lines(self) -> list[str]:
        """Return the first lines of what went out since last asked."""
        lines = [line for _, line in self.sent]
        self.sent.clear()
        return lines

    def sent_times(self) -> list[float]:
        """Return when something went out since last asked."""
        times = [when for when, _ in self.sent]
        self.sent.clear()
        return times

    def last_message(self) -> Message:
        """Return what went out last."""
        return parse_message(self.sendings[-1].data)

    def asked(self, request: Request, source: Hop = PHONE) -> ServerTransaction:
        """Receive a request that must be news, and return its transaction."""
        (event,) = self.hear(request, source)
        assert isinstance(event, RequestArrived) and event.transaction is not None
        return event.transaction

    def respond(self, transaction: ServerTransaction, request: Request, status: int) -> bool:
        """Answer."""
        done = self.layer.respond(transaction, answer(request, status, to_tag=transaction.to_tag), self.now)
        self.events()
        return done

    def ask(self, request: Request, hop: Hop = PHONE) -> ClientTransaction:
        """Send a request of ours."""
        transaction = self.layer.request(request, hop, OUR_VIA_TCP if hop.is_reliable else OUR_VIA, self.now)
        assert self.events() == []
        return transaction

    def answered(
        self, transaction: ClientTransaction, status: int, *, to_tag: str = "theirs", source: Hop = PHONE
    ) -> list[Event]:
        """Receive an answer to a request of ours; return what the user is told."""
        return self.hear(an_answer(transaction, status, to_tag=to_tag), source)


def an_answer(transaction: ClientTransaction, status: int, *, to_tag: str = "theirs") -> Response:
    """Return the answer of the far end to what we sent."""
    request = parse_message(transaction.request.to_bytes())
    assert isinstance(request, Request)
    return answer(request, status, to_tag=None if status == 100 else to_tag)


def statuses(events: list[Event]) -> list[int]:
    """Return the statuses of answers the user was told of."""
    return [event.response.status for event in events if isinstance(event, ResponseArrived)]
