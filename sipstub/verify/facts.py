"""From the recorded messages of one phone to plain facts.

Retransmissions are folded into their request, answers stand with it.  What is not SIP is a keep-alive, a STUN question or
nothing.  At most MAX_MESSAGES are read; the rest is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sipstub.sip.error import SipError
from sipstub.sip.message import Message, Request, Response
from sipstub.trace.record import Endpoint, RecordedMessage, plain_host
from sipstub.verify.request_fact import AnswerFact, RequestFact, answer_fact, request_fact, with_answer, with_copy

MAX_MESSAGES = 20_000
"Messages of one phone that are looked at."
MAX_KEEPALIVE_BYTES = 64
"A longer datagram that is no SIP is no keep-alive."
_STUN_COOKIE = b"\x21\x12\xa4\x42"
_STUN_HEADER = 20


@dataclass(frozen=True, slots=True)
class KeepaliveFact:
    """One packet that holds a path open, or asks for the way through a NAT."""

    number: int
    at: float
    kind: str
    "`datagram`, `options`, `notify`, or `stun`."
    local: Endpoint
    peer: Endpoint
    user: str = ""
    "Of From, where it is SIP."

    @property
    def label(self) -> str:
        """Return what people call it."""
        return {"options": "OPTIONS", "notify": "NOTIFY", "stun": "STUN request"}.get(self.kind, "datagram")


@dataclass(frozen=True, slots=True)
class Fetch:
    """One file that the phone asked for."""

    at: float
    name: str
    is_boot: bool = False
    "Whether it is known to be part of a start, not of a check in between."
    is_delivered: bool = False
    "Whether it is known that the phone has it: the whole body was sent, or 304."


@dataclass(frozen=True, slots=True)
class Lookup:
    """One DNS question of the phone."""

    at: float
    kind: str
    "NAPTR, SRV, A, AAAA."
    name: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What one phone did while it was watched."""

    requests: tuple[RequestFact, ...] = ()
    "From the phone, in order."
    received: tuple[RequestFact, ...] = ()
    "To the phone, in order."
    keepalives: tuple[KeepaliveFact, ...] = ()
    boots: tuple[float, ...] = ()
    "When it was known to start."
    fetches: tuple[Fetch, ...] = ()
    "Files asked for; None of them known is no proof that there was none unless `sees_fetches`."
    lookups: tuple[Lookup, ...] = ()
    sees_fetches: bool = False
    "Whether the provisioning server's record was looked at."
    sees_lookups: bool = False
    "Whether DNS was watched."
    hosts: tuple[str, ...] = ()
    "Addresses where everything that the phone sends would have been seen, as far as somebody knows."
    until: float = 0.0
    "When watching ended."
    messages: int = 0
    unread: int = 0
    "Messages beyond MAX_MESSAGES."
    held: frozenset[str] = frozenset()
    "Call-IDs of calls that nobody was meant to end: they were kept up for session timers."

    @classmethod
    def of(
        cls,
        messages: Iterable[RecordedMessage],
        *,
        boots: Sequence[float] = (),
        fetches: Sequence[Fetch] | None = None,
        lookups: Sequence[Lookup] | None = None,
        hosts: Sequence[str] = (),
        until: float | None = None,
        held: Iterable[str] = (),
    ) -> Facts:
        """Return the facts of one phone's messages; watching ended with the last of them unless `until` says otherwise."""
        reading = _Reading()
        for message in messages:
            reading.take(message)
        last = max((reading.last, *(fetch.at for fetch in fetches or ())), default=0.0)
        return cls(
            tuple(reading.requests.values()),
            tuple(reading.received.values()),
            tuple(reading.keepalives),
            tuple(sorted(boots)),
            tuple(sorted(fetches or (), key=lambda fetch: fetch.at)),
            tuple(sorted(lookups or (), key=lambda lookup: lookup.at)),
            fetches is not None,
            lookups is not None,
            tuple({plain_host(host): None for host in (*hosts, *reading.hosts)}),
            max(last, until or 0.0),
            reading.count,
            reading.unread,
            frozenset(held),
        )

    @property
    def registers(self) -> tuple[RequestFact, ...]:
        """Return every REGISTER, removals included."""
        return tuple(request for request in self.requests if request.method == "REGISTER")

    @property
    def is_registered(self) -> str:
        """Return the transport of the last REGISTER that got a 2xx and took nothing away; empty if there is none."""
        found = [request for request in self.registers if 200 <= request.status < 300]
        return found[-1].peer.transport if found and not found[-1].is_removal else ""

    def sees(self, host: str) -> bool:
        """Return whether what the phone sends to that address would have been seen."""
        return plain_host(host) in self.hosts

    @property
    def user_agent(self) -> str:
        """Return how the phone calls itself."""
        return next((agent for request in self.requests if (agent := request.value("user-agent"))), "")


_Key = tuple[str, int, str, str, bool]


class _Reading:
    def __init__(self) -> None:
        self.requests: dict[_Key, RequestFact] = {}
        self.received: dict[_Key, RequestFact] = {}
        self.keepalives: list[KeepaliveFact] = []
        self.hosts: dict[str, None] = {}
        self.last = 0.0
        self.count = 0
        self.unread = 0

    def take(self, record: RecordedMessage) -> None:
        self.last = max(self.last, record.at)
        if self.count >= MAX_MESSAGES:
            self.unread += 1
            return
        self.count += 1
        if record.is_inbound:
            self.hosts.setdefault(record.local.host)
        message = _message(record)
        if isinstance(message, Request):
            self._request(record, message)
        elif isinstance(message, Response):
            self._response(record, message)
        elif message is None and record.is_inbound and (kind := keepalive_kind(record.data)):
            self.keepalives.append(KeepaliveFact(record.number, record.at, kind, record.local, record.peer))

    def _request(self, record: RecordedMessage, request: Request) -> None:
        key = _key(request, record.is_inbound, request.method)
        if key is None:
            return
        table = self.requests if record.is_inbound else self.received
        known = table.get(key)
        if known is not None:
            table[key] = with_copy(known, record.at)
            return
        fact = table[key] = request_fact(record, request)
        if record.is_inbound and fact.is_initial and fact.method in ("OPTIONS", "NOTIFY"):
            kind = fact.method.lower()
            self.keepalives.append(KeepaliveFact(record.number, record.at, kind, record.local, record.peer, fact.user))

    def _response(self, record: RecordedMessage, response: Response) -> None:
        try:
            method = response.cseq.method
        except SipError:
            return
        key = _key(response, not record.is_inbound, method)
        table = self.received if record.is_inbound else self.requests
        if key is not None and (known := table.get(key)) is not None:
            answer: AnswerFact = answer_fact(record, response, known)
            table[key] = with_answer(known, answer)


def keepalive_kind(data: bytes) -> str:
    """Return what a datagram that is no SIP is for: `datagram`, `stun`, or nothing."""
    if len(data) >= _STUN_HEADER and data[4:8] == _STUN_COOKIE:
        return "stun" if data[:2] == b"\x00\x01" else ""
    if len(data) <= MAX_KEEPALIVE_BYTES and not data.strip(b"\r\n\0 \t"):
        return "datagram"
    return "datagram" if len(data) <= 4 else ""


def _message(record: RecordedMessage) -> Message | None:
    if record.message is not None:
        return record.message
    return record.error.partial if record.error is not None else None


def _key(message: Message, is_from_phone: bool, method: str) -> _Key | None:
    try:
        return message.call_id, message.cseq.number, method, message.via.branch or "", is_from_phone
    except SipError:
        return None
