"""Messages with session timers, and timers in a state of one's choice."""

from __future__ import annotations

from sipstub.session_timer.header import TimerHeaders
from sipstub.session_timer.offer import Offer
from sipstub.session_timer.reply import Reply, TimerRefusal
from sipstub.session_timer.setting import TimerSettings
from sipstub.session_timer.step import Send
from sipstub.session_timer.timer import SessionTimer
from sipstub.sip.answer import answer
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.reader import parse_message

USUAL = TimerSettings()
THEIRS = "v=0\r\no=- 7 7 IN IP4 10.1.1.1\r\ns=-\r\nt=0 0\r\n"
CHANGED = "v=0\r\no=- 7 8 IN IP4 10.1.1.1\r\ns=-\r\nt=0 0\r\n"


def a_request(*lines: str, method: str = "INVITE", cseq: int = 1, body: str = "") -> Request:
    """Return a request of the peer, as it comes from the wire."""
    head = [
        f"{method} sip:200@10.0.0.1 SIP/2.0",
        "Via: SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKa",
        "From: <sip:100@pbx.example.com>;tag=them",
        "To: <sip:200@pbx.example.com>;tag=us",
        "Call-ID: call-1",
        f"CSeq: {cseq} {method}",
        *lines,
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    found = parse_message("\r\n".join([*head, "", body]).encode())
    assert isinstance(found, Request)
    return found


def ours(method: str = "INVITE", cseq: int = 1, headers: TimerHeaders | None = None, body: str = "") -> Request:
    """Return a request of ours."""
    pairs = (
        ("Via", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKo"),
        ("From", "<sip:200@pbx.example.com>;tag=us"),
        ("To", "<sip:100@pbx.example.com>"),
        ("Call-ID", "call-1"),
        ("CSeq", f"{cseq} {method}"),
    )
    made = Request(method, "sip:100@10.1.1.1", pairs, body.encode())
    if headers is not None:
        headers.put_on(made)
    return made


def answered(request: Request, status: int, *lines: str) -> Response:
    """Return an answer of the peer to a request of ours."""
    made = answer(request, status, to_tag="them")
    for line in lines:
        name, _, value = line.partition(":")
        made.headers.add(name, value.strip())
    found = parse_message(made.to_bytes())
    assert isinstance(found, Response)
    return found


def a_caller(*lines: str, settings: TimerSettings = USUAL, status: int = 200, now: float = 0.0) -> SessionTimer:
    """Return the timer of a call of ours that got this 2xx."""
    offer = Offer(settings)
    invite = ours(headers=offer.send.headers)
    offer.asked(invite)
    timer = offer.timer(now)
    assert timer.answered(answered(invite, status, *lines), now) is None
    return timer


def a_callee(*lines: str, settings: TimerSettings = USUAL, now: float = 0.0, body: str = "") -> SessionTimer:
    """Return the timer of a call to us that we took."""
    timer = SessionTimer(settings)
    taken(timer, *lines, now=now, body=body)
    return timer


def taken(timer: SessionTimer, *lines: str, now: float, method: str = "INVITE", cseq: int = 1, body: str = "") -> Reply:
    """Return what a request of the peer got that we accepted."""
    request = a_request(*lines, method=method, cseq=cseq, body=body)
    reply = timer.receive(request)
    assert isinstance(reply, Reply)
    timer.replied(request, reply, now)
    return reply


def refused(timer: SessionTimer, *lines: str, method: str = "INVITE") -> TimerRefusal:
    """Return how a request of the peer was refused."""
    refusal = timer.receive(a_request(*lines, method=method))
    assert isinstance(refusal, TimerRefusal)
    return refusal


def sent(timer: SessionTimer, send: Send, cseq: int, now: float) -> Request:
    """Return the request that a step of the timer led to."""
    request = ours(send.method, cseq, send.headers)
    timer.asked(request, send, now)
    return request


def due(timer: SessionTimer) -> tuple[float, Send]:
    """Return when the timer wants its next refresh, and which."""
    now = timer.next_timer
    assert now is not None
    step = timer.on_timer(now)
    assert isinstance(step, Send), step
    return now, step


def origin_of(message: Message) -> str:
    """Return the o= line of a session description."""
    return next(line for line in message.body.decode().splitlines() if line.startswith("o="))


def lines_of(headers: TimerHeaders) -> list[str]:
    """Return headers as they are written."""
    return [f"{name}: {value}" for name, value in headers.pairs]
