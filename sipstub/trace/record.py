"""What went over the wire, message by message, bounded by time, size and phone.

A phone is the host of its endpoint: its ports change with every connection.  The oldest go first and are counted.  Not for
several threads: the loop that records also reads.  Nothing is parsed before somebody asks, and what was parsed is kept by who
asked, not here.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, get_args

from sipstub.sip.error import SipError
from sipstub.sip.framing import is_keep_alive
from sipstub.sip.message import Message
from sipstub.sip.reader import parse_message
from sipstub.trace.masking import mask

MAX_AGE_S = 3600.0
"Older messages are forgotten with the next one recorded."
LOOK_S = 1.0
"So often, while messages come, it is looked for older ones."
MAX_MESSAGES = 200_000
MAX_BYTES = 64 * 2**20
MAX_PHONE_MESSAGES = 2_000
"Of one host; a phone that floods pushes out its own past before that of others."
MAX_PHONE_BYTES = 2 * 2**20
MAX_LISTENERS = 64
MAX_TEXT = 80
"Longest text of an endpoint that is read back."

Transport = Literal["udp", "tcp", "tls"]
TRANSPORTS: tuple[Transport, ...] = get_args(Transport)

_log = logging.getLogger(__name__)
_CALL_ID = re.compile(rb"(?:\n|\A)(?:call-id|i)[ \t]*+:(?:[ \t]|\r\n[ \t])*+([^\r\n]*+)", re.IGNORECASE)
_ENDPOINT = re.compile(r"(udp|tcp|tls) (?:\[([0-9A-Fa-f:.]+(?:%[\w.\-]+)?)\]|([^\s\[\]:]+)):([0-9]{1,5})\Z")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a connection or of datagrams."""

    transport: Transport
    host: str
    "An address without brackets."
    port: int

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Return what `str` gave; raises SipError for anything else."""
        match = _ENDPOINT.match(text) if len(text) <= MAX_TEXT else None
        if match is None or int(match[4]) > 65_535:
            raise SipError(f"not an endpoint: {text!r}")
        return cls(match[1], match[2] or match[3], int(match[4]))  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"{self.transport} {self.address}"

    @property
    def address(self) -> str:
        """Return host and port, IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """One message as it stood on the wire: a datagram, a frame of a stream, or a keep-alive."""

    number: int
    "From 1, in the order in which one recorder saw them."
    at: float
    "Unix time in seconds."
    is_inbound: bool
    "Towards the stub; of a capture made elsewhere, towards the server's side."
    local: Endpoint
    peer: Endpoint
    data: bytes = field(repr=False)
    "As on the wire, digests included: mask before it leaves the house."
    _parsed: Message | SipError | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def source(self) -> Endpoint:
        """Return who sent it."""
        return self.peer if self.is_inbound else self.local

    @property
    def target(self) -> Endpoint:
        """Return who it was sent to."""
        return self.local if self.is_inbound else self.peer

    @property
    def message(self) -> Message | None:
        """Return the message, parsed once; None for what is none, and then `error` says why."""
        parsed = self._parse()
        return parsed if isinstance(parsed, Message) else None

    @property
    def error(self) -> SipError | None:
        """Return why this could not be read; its `partial` holds what could."""
        parsed = self._parse()
        return parsed if isinstance(parsed, SipError) else None

    @property
    def is_keep_alive(self) -> bool:
        """Return whether this is no message but CRLFs or zeros that hold a path open."""
        return is_keep_alive(self.data)

    @property
    def call_id(self) -> str | None:
        """Return the Call-ID without parsing the message, so also of one that cannot be read."""
        return call_id_of(self.data)

    def masked(self) -> RecordedMessage:
        """Return the same without digests, passwords and media keys."""
        return replace(self, data=mask(self.data))

    def _parse(self) -> Message | SipError:
        if self._parsed is None:
            found: Message | SipError
            try:
                found = parse_message(self.data)
            except SipError as error:
                found = error
            object.__setattr__(self, "_parsed", found)
            return found
        return self._parsed


Listener = Callable[[RecordedMessage], None]
_Row = tuple[int, float, bool, Endpoint, Endpoint, bytes]


@dataclass(slots=True)
class Forgotten:
    """How many messages went, by what they were over."""

    by_age: int = 0
    by_size: int = 0
    by_phone: int = 0

    @property
    def total(self) -> int:
        """Return how many went in all."""
        return self.by_age + self.by_size + self.by_phone


@dataclass(slots=True)
class _Phone:
    numbers: deque[int] = field(default_factory=deque)
    size_bytes: int = 0


class Recorder:
    """The transcript of one stub."""

    def __init__(
        self,
        *,
        max_age_s: float = MAX_AGE_S,
        max_messages: int = MAX_MESSAGES,
        max_bytes: int = MAX_BYTES,
        max_phone_messages: int = MAX_PHONE_MESSAGES,
        max_phone_bytes: int = MAX_PHONE_BYTES,
    ) -> None:
        self._max_age_s = max_age_s
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._max_phone_messages = max_phone_messages
        self._max_phone_bytes = max_phone_bytes
        self._rows: OrderedDict[int, _Row] = OrderedDict()
        self._phones: dict[str, _Phone] = {}
        self._last = 0
        self._looked_at = float("-inf")
        self.size_bytes = 0
        "Of the messages held now."
        self.forgotten = Forgotten()
        self._listeners: list[Listener] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def last_number(self) -> int:
        """Return the number of the newest message: `messages(since=...)` later gives what came after."""
        return self._last

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call this with every message from now on, until the callable returned is called; who raises is logged and dropped."""
        if len(self._listeners) >= MAX_LISTENERS:
            raise RuntimeError(f"more than {MAX_LISTENERS} listeners: somebody does not stop listening")
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def record(self, is_inbound: bool, local: Endpoint, peer: Endpoint, data: bytes, now: float) -> RecordedMessage:
        """Keep one message, tell who listens, and return it."""
        self.keep(is_inbound, local, peer, data, now)
        return RecordedMessage(self._last, now, is_inbound, local, peer, data)

    def keep(self, is_inbound: bool, local: Endpoint, peer: Endpoint, data: bytes, now: float) -> None:
        """Keep one message, and tell who listens."""
        self._last += 1
        number, size = self._last, len(data)
        self._rows[number] = (number, now, is_inbound, local, peer, data)
        self.size_bytes += size
        phone = self._phones.get(peer.host)
        if phone is None:
            phone = self._phones[peer.host] = _Phone()
        phone.numbers.append(number)
        phone.size_bytes += size
        numbers = phone.numbers
        while len(numbers) > self._max_phone_messages or phone.size_bytes > self._max_phone_bytes:
            self._forget_oldest_of(peer.host, phone)
            self.forgotten.by_phone += 1
        while len(self._rows) > self._max_messages or self.size_bytes > self._max_bytes:
            self._forget_oldest()
            self.forgotten.by_size += 1
        if now - self._looked_at >= LOOK_S or now < self._looked_at:
            self.expire(now)
        if self._listeners:
            self._tell(RecordedMessage(number, now, is_inbound, local, peer, data))

    def expire(self, now: float) -> None:
        """Forget what is too old; `record` does it too."""
        self._looked_at = now
        before = now - self._max_age_s
        while self._rows:
            first = next(iter(self._rows.values()))
            if first[1] >= before:
                return
            self._forget_oldest()
            self.forgotten.by_age += 1

    def messages(self, since: int = 0, peer: Endpoint | str | None = None, call_id: str | None = None) -> list[RecordedMessage]:
        """Return the messages numbered over `since`, oldest first; of one peer (endpoint or host), of one Call-ID."""
        if peer is not None:
            host = peer if isinstance(peer, str) else peer.host
            phone = self._phones.get(host)
            numbers = list(phone.numbers) if phone else []
            rows = [self._rows[number] for number in numbers if number > since]
            if isinstance(peer, Endpoint):
                rows = [row for row in rows if row[4] == peer]
        else:
            rows = self._newer_than(since)
        if call_id is not None:
            rows = [row for row in rows if call_id_of(row[5]) == call_id]
        return [RecordedMessage(*row) for row in rows]

    def _newer_than(self, since: int) -> list[_Row]:
        found = []
        for row in reversed(self._rows.values()):  # who polls wants the newest few
            if row[0] <= since:
                break
            found.append(row)
        found.reverse()
        return found

    def _tell(self, message: RecordedMessage) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(message)
            except Exception:  # a reader's mistake must not stop the wire
                _log.exception("listener dropped: it raised on message %d", message.number)
                if listener in self._listeners:
                    self._listeners.remove(listener)

    def _forget_oldest(self) -> None:
        row = next(iter(self._rows.values()))
        self._forget_oldest_of(row[4].host, self._phones[row[4].host])

    def _forget_oldest_of(self, host: str, phone: _Phone) -> None:
        row = self._rows.pop(phone.numbers.popleft())
        size = len(row[5])
        self.size_bytes -= size
        phone.size_bytes -= size
        if not phone.numbers:
            del self._phones[host]


def call_id_of(data: bytes) -> str | None:
    """Return the first Call-ID in raw bytes, or None."""
    match = _CALL_ID.search(data)
    return match[1].strip().decode("utf-8", "surrogateescape") if match else None


@lru_cache(4096)
def plain_host(host: str) -> str:
    """Return one spelling per address: no zone, IPv4 out of its IPv6 coat, IPv6 in short form; a name in lower case."""
    bare = host.strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return bare.lower()
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
