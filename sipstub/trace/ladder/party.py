"""Who takes part: ends that Via and Contact prove to be one party share a column.

A phone that sends from a port of the moment names its own one in Via and Contact; a proxy listens on one port and sends from
another.  An address in a header counts only if it is that of the sender, or one that was itself seen on the wire: behind two NATs
the same private address stands for two phones.  What only passes through (more than one Via) says nothing about who passes it on.
All addresses of a stub are one party, unless they talk to each other: then an SBC and the registrar behind it share a process.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sipstub.sip.error import SipError
from sipstub.sip.message import Message, Request
from sipstub.sip.uri import DEFAULT_PORTS, SipUri
from sipstub.trace.record import Endpoint, RecordedMessage, plain_host

MAX_PARTIES = 8
"Columns; whoever comes later shares the last one."
MAX_ENDPOINTS = 16
"Of one party, as listed; a phone on TCP may have had many."
MAX_NAME = 32
MAX_CLAIMS = 50
"Messages of one endpoint that are read for what it says about itself; it says the same in all of them."
STUB, OTHERS = "stub", "others"

End = tuple[str, int]
_LOCAL: End = ("", 0)
"Stands for the stub itself, which may have many addresses."
_BEHIND: End = ("", 1)
"Stands for another stub of the same process, which the first one talks to."


@dataclass(frozen=True, slots=True)
class Party:
    """One column."""

    name: str
    "What it is called: given by the caller, or the user that it registers, or nothing."
    endpoints: tuple[Endpoint, ...]
    "In the order in which they were seen."
    is_local: bool

    @property
    def title(self) -> str:
        """Return name and address."""
        if self.name == OTHERS or not self.endpoints:
            return self.name
        address = self.endpoints[0].address
        return f"{self.name} {address}" if self.name else address


class Parties:
    """All parties of some messages, found once."""

    def __init__(
        self,
        messages: Sequence[RecordedMessage],
        *,
        is_own: bool = False,
        names: Mapping[str, str] | None = None,
        limit: int = MAX_PARTIES,
    ) -> None:
        self._above: dict[End, End] = {}
        self._columns: dict[End, int] = {}
        ends = {_end(endpoint) for message in messages for endpoint in (message.local, message.peer)}
        behind = _behind(messages) if is_own else frozenset()
        for endpoint in {message.local: None for message in messages}:
            self._merge_local(_end(endpoint), is_own=is_own, above=_BEHIND if _end(endpoint) in behind else _LOCAL)
        telling = _telling(messages)
        for message in telling:
            self._merge_claims(message, ends)
        found: dict[End, list[Endpoint]] = {}
        users: dict[End, set[str]] = {}
        seen = {endpoint: None for message in messages for endpoint in (message.source, message.target)}  # in their order
        for endpoint in seen:
            listed = found.setdefault(self._root(_end(endpoint)), [])
            if len(listed) < MAX_ENDPOINTS:
                listed.append(endpoint)
        local = {self._root(_end(message.local)) for message in messages}
        for message in telling:
            user = _registered_user(message)
            if user:
                users.setdefault(self._root(_end(message.source)), set()).add(user)
        if not is_own:
            local -= {self._root(_end(message.peer)) for message in messages}  # a proxy stands on both sides
        roots = sorted(found, key=local.__contains__) if len(found) == 2 else list(found)
        kept = roots if len(roots) <= limit else roots[: limit - 1]
        parties = []
        for column, root in enumerate(kept):
            self._columns[root] = column
            is_stub = is_own and root == self._root(_LOCAL)
            name = _given(found[root], names or {}) or (STUB if is_stub else _only(users.get(root)))
            parties.append(Party(name[:MAX_NAME], tuple(found[root]), root in local))
        if len(kept) < len(roots):
            rest = [endpoint for root in roots[limit - 1 :] for endpoint in found[root]]
            parties.append(Party(OTHERS, tuple(rest[:MAX_ENDPOINTS]), False))
        self._parties = tuple(parties)

    @property
    def parties(self) -> tuple[Party, ...]:
        """Return the columns from left to right: two with the stub or server on the right, more as they
        come up, until arranged.
        """
        return self._parties

    def arrange(self, order: Sequence[int]) -> None:
        """Put the columns into that order; not where the last one is shared."""
        if self._parties and self._parties[-1].name != OTHERS:
            places = {column: place for place, column in enumerate(order)}
            self._columns = {root: places[column] for root, column in self._columns.items()}
            self._parties = tuple(self._parties[column] for column in order)

    def column(self, endpoint: Endpoint) -> int:
        """Return the place of an endpoint's column, from 0."""
        return self._columns.get(self._root(_end(endpoint)), len(self._parties) - 1)

    def _merge_local(self, local: End, *, is_own: bool, above: End) -> None:
        if is_own:
            self._join(local, above)
        elif not _is_loopback(local[0]):  # on a loopback address many parties may live, elsewhere a server is one machine
            self._join(local, (local[0], 0))

    def _merge_claims(self, message: RecordedMessage, ends: set[End]) -> None:
        source, target = _end(message.source), _end(message.target)
        parsed = message.message
        if parsed is None:
            return
        for host, port in _claims(parsed):
            claimed = (plain_host(host), port)
            if self._root(claimed) == self._root(target):
                continue  # who says that it is the one it talks to is wrong, or lies
            if claimed in ends or claimed[0] == source[0]:
                self._join(source, claimed)

    def _root(self, end: End) -> End:
        path = []
        while (above := self._above.get(end, end)) != end:
            path.append(end)
            end = above
        for below in path:
            self._above[below] = end
        return end

    def _join(self, one: End, two: End) -> None:
        one, two = self._root(one), self._root(two)
        if one != two:
            self._above[one] = two


def _behind(messages: Sequence[RecordedMessage]) -> frozenset[End]:
    """Return the ends of a stub that another stub of the same record turned to; who speaks first stands before the other."""
    local = {message.local for message in messages}
    sides: dict[End, bool] = {}
    for message in messages:
        if message.peer not in local:
            continue
        source, target = _end(message.source), _end(message.target)
        if source != target:
            is_answer = sides.get(source) is True or sides.get(target) is False
            sides.setdefault(source, is_answer)
            sides.setdefault(target, not is_answer)
    return frozenset(end for end, is_behind in sides.items() if is_behind)


def _telling(messages: Sequence[RecordedMessage]) -> list[RecordedMessage]:
    """Return the first requests of each endpoint."""
    counts: Counter[Endpoint] = Counter()
    found = []
    for message in messages:
        source = message.source
        if counts[source] < MAX_CLAIMS and not message.data.startswith(b"SIP/2.0 ") and not message.is_keep_alive:
            counts[source] += 1
            found.append(message)
    return found


def _claims(message: Message) -> Iterator[tuple[str, int]]:
    """Yield the addresses that the sender of a message says are its own."""
    try:
        if isinstance(message, Request):
            vias = message.vias
            default = DEFAULT_PORTS["sips"] if vias[0].transport.upper() == "TLS" else DEFAULT_PORTS["sip"]
            yield vias[0].host, vias[0].port or default
            if len(vias) > 1:
                return
            for contact in message.contacts.addresses:
                if isinstance(contact.uri, SipUri) and plain_host(contact.uri.host) == plain_host(vias[0].host):
                    yield contact.uri.host, contact.uri.effective_port
    except SipError:
        return


def _registered_user(message: RecordedMessage) -> str | None:
    parsed = message.message if message.data.startswith(b"REGISTER ") else None
    if not isinstance(parsed, Request):
        return None
    try:
        uri = parsed.to.uri
        return uri.username if isinstance(uri, SipUri) and len(parsed.vias) == 1 else None
    except SipError:
        return None


def _given(endpoints: Iterable[Endpoint], names: Mapping[str, str]) -> str:
    for endpoint in endpoints:
        for key in (endpoint.address, endpoint.host):
            if key in names:
                return names[key]
    return ""


def _only(users: set[str] | None) -> str:
    return next(iter(users)) if users and len(users) == 1 else ""


def _end(endpoint: Endpoint) -> End:
    return plain_host(endpoint.host), endpoint.port


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
