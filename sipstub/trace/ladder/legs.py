"""Both legs of a call through a B2BUA, whose Call-IDs differ: joined by who passes on what while the first one waits.

What leaves a party while a request of the same method waits there for its final answer, from another party and for the same
users or with the same description of media, is its other leg.  So are the two sides of a REGISTER and of a SUBSCRIBE.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sipstub.sip.error import SipError
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.uri import SipUri
from sipstub.trace.record import Endpoint, RecordedMessage

METHODS = ("INVITE", "REGISTER", "SUBSCRIBE")
MAX_OPEN = 2_000
"Requests without their final answer that are remembered; the oldest are forgotten first."
LETTERS = "abcdefghijklmnopqrstuvwxyz"

_TELLING = re.compile(rb"\ncseq[ \t]*+:[^\r\n]*(?:INVITE|REGISTER|SUBSCRIBE)", re.IGNORECASE)
_ORIGIN = re.compile(rb"(?:\A|\n)o=([^\r\n]*)")

Column = Callable[[Endpoint], int]


class _Open(NamedTuple):
    call_id: str
    source: int
    target: int
    users: tuple[str, str]
    origin: bytes


@dataclass(slots=True)
class Legs:
    """Which Call-IDs belong together."""

    first: dict[str, str] = field(default_factory=dict)
    "Call-ID of another leg to that of the first one."
    votes: Counter[tuple[int, str]] = field(default_factory=Counter)
    "How often a party stood before, `left`, after, `right`, or in the `middle`."

    def root(self, call_id: str) -> str:
        """Return the Call-ID of the first leg."""
        return self.first.get(call_id, call_id)

    def of(self, call_id: str) -> frozenset[str]:
        """Return all Call-IDs of that call, its own too."""
        root = self.root(call_id)
        return frozenset({call_id, root, *(other for other, one in self.first.items() if one == root)})

    def names(self, call_ids: Iterable[str]) -> dict[str, str]:
        """Return `1a`, `1b`, `2a`, ... for the Call-IDs of joined calls, in the order given."""
        roots = dict.fromkeys(self.first.values(), 0)
        numbers: dict[str, int] = {}
        found: dict[str, str] = {}
        for call_id in call_ids:
            root = self.root(call_id)
            if root not in roots or call_id in found:
                continue
            number = numbers.setdefault(root, len(numbers) + 1)
            found[call_id] = f"{number}{LETTERS[min(roots[root], len(LETTERS) - 1)]}"
            roots[root] += 1
        return found

    @property
    def middle(self) -> int | None:
        """Return the column of who passes most of it on; None where nobody does."""
        middles = {column: count for (column, where), count in self.votes.items() if where == "middle"}
        return max(middles, key=lambda column: middles[column], default=None)

    def order(self, columns: int) -> Sequence[int] | None:
        """Return the columns from left to right with the party in the middle between both sides; None where there is none."""
        middle = self.middle
        if middle is None:
            return None

        def place(column: int) -> int:
            if column == middle:
                return 1
            return 0 if self.votes[column, "left"] > self.votes[column, "right"] else 2

        return sorted(range(columns), key=place)


def legs_of(messages: Iterable[RecordedMessage], column: Column) -> Legs:
    """Return which Call-IDs belong together, of messages in their order; `column` says whose an endpoint is."""
    legs = Legs()
    waiting: OrderedDict[tuple[str, int, str], _Open] = OrderedDict()
    for recorded in messages:
        if not _TELLING.search(recorded.data) or (message := recorded.message) is None:
            continue
        try:
            _take(message, recorded, column, waiting, legs)
        except SipError:
            continue
    return legs


def _take(
    message: Message, recorded: RecordedMessage, column: Column, waiting: OrderedDict[tuple[str, int, str], _Open], legs: Legs
) -> None:
    method, call_id = message.cseq.method, message.call_id or ""
    key = (call_id, message.cseq.number, method)
    if isinstance(message, Response):
        if message.status >= 200:
            waiting.pop(key, None)
        return
    if not isinstance(message, Request) or message.method not in METHODS or message.to.tag is not None or key in waiting:
        return
    origin = _ORIGIN.search(message.body)
    users = (_user(message.from_), _user(message.to))
    here = _Open(call_id, column(recorded.source), column(recorded.target), users, origin[1] if origin else b"")
    before = max(
        (one for (_, _, asked), one in waiting.items() if asked == method and _leads_to(one, here)),
        key=lambda one: _likeness(one, here),
        default=None,
    )
    if before is not None:
        if call_id not in legs.first:
            legs.first[call_id] = legs.root(before.call_id)
        weight = 100 if method == "REGISTER" else 1  # who registers is a phone, and where it does is a server
        legs.votes[before.source, "left"] += weight
        legs.votes[here.target, "right"] += weight
        legs.votes[here.source, "middle"] += 1
    waiting[key] = here
    if len(waiting) > MAX_OPEN:
        waiting.popitem(last=False)


def _leads_to(one: _Open, other: _Open) -> bool:
    is_through = one.target == other.source and one.source != one.target != other.target and one.call_id != other.call_id
    return is_through and any(_likeness(one, other))


def _likeness(one: _Open, other: _Open) -> tuple[bool, bool, bool]:
    same_media = bool(one.origin) and one.origin == other.origin
    return same_media, one.users[1] == other.users[1] != "", one.users[0] == other.users[0] != ""


def _user(address: NameAddr) -> str:
    return (address.uri.username or "") if isinstance(address.uri, SipUri) else ""
