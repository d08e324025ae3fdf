"""Which messages are which phone's: by MAC, address, address of record, User-Agent, who is called; then by connection and host.

Several phones may stand behind one address, one phone may use several connections.  What nobody can claim is left out.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from sipstub.sip.error import SipError
from sipstub.sip.message import Request
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.uri import SipUri
from sipstub.trace.record import Endpoint, RecordedMessage, plain_host
from sipstub.verify.expectation import Expectations
from sipstub.verify.request_fact import user_of

MAC_POINTS, ADDRESS_POINTS, USER_POINTS, SERVER_POINTS, CALLED_POINTS, AGENT_POINTS = 1000, 100, 10, 3, 2, 1
"How much each sign says; one of a kind outweighs all of the next, however often that is seen."
RESPONSE = b"SIP/"
"How an answer begins."

_MAC = re.compile(r"(?<![0-9A-Fa-f])([0-9A-Fa-f]{2}(?:[:.-]?[0-9A-Fa-f]{2}){5})(?![0-9A-Fa-f])")

Flow = Endpoint
"The phone's side of a connection or of datagrams."


def attribute(messages: Iterable[RecordedMessage], phones: Sequence[Expectations]) -> list[list[RecordedMessage]]:
    """Return the messages of each phone, in the order of `phones`."""
    records = list(messages)
    signs = _Signs(phones)
    flow_points: dict[Flow, dict[tuple[int, str], int]] = defaultdict(dict)
    agents: dict[Flow, set[str]] = defaultdict(set)
    for record in records:
        found = flow_points[record.peer]
        message = record.message if record.is_inbound else None
        request = message if isinstance(message, Request) else None
        if request is not None and request.user_agent:
            agents[record.peer].add(request.user_agent.lower())
        for at, kind, points in signs.points(record, request):
            found[(at, kind)] = points
    owner = {flow: _best(points) for flow, points in flow_points.items()}
    _claim_by_agent(owner, agents, signs.agents, signs.addressed)
    _claim_by_host(owner)
    mine: list[list[RecordedMessage]] = [[] for _ in phones]
    for record in records:
        found_owner = owner.get(record.peer)
        if found_owner is not None:
            mine[found_owner].append(record)
    return mine


class _Signs:
    """What gives phones away: each sign to the phones that have it."""

    def __init__(self, phones: Sequence[Expectations]) -> None:
        self.macs: dict[str, list[int]] = defaultdict(list)
        self.users: dict[str, list[int]] = defaultdict(list)
        self.servers = [
            {plain_host(item.value) for item in phone.items if item.setting == "server-address" and item.value}
            for phone in phones
        ]
        self.agents = [phone.subject.agent.lower() for phone in phones]
        addresses: dict[str, list[int]] = defaultdict(list)
        for at, phone in enumerate(phones):
            if phone.subject.mac:
                self.macs[phone.subject.mac.lower()].append(at)
            for user in {item.value for item in phone.items if item.setting == "user-name" and item.value}:
                self.users[user].append(at)
            for host in {plain_host(host) for host in phone.subject.addresses}:
                addresses[host].append(at)
        self.addresses = {host: found[0] for host, found in addresses.items() if len(found) == 1}
        "Only those that one phone alone has."
        self.addressed = frozenset(self.addresses.values())

    def points(self, record: RecordedMessage, request: Request | None) -> Iterable[tuple[int, str, int]]:
        """Yield phone, kind of sign, and how much it says."""
        at = self.addresses.get(plain_host(record.peer.host))
        if at is not None:
            yield at, "address", ADDRESS_POINTS
        if request is None:
            # A phone that is called may say nothing but answers for as long as it is watched.
            for at in self.users.get(_called(record), ()):
                yield at, "called", CALLED_POINTS
            return
        for mac in _macs(request):
            for at in self.macs.get(mac, ()):
                yield at, "mac", MAC_POINTS
        for at in self.users.get(_user(request), ()):
            yield at, "user", USER_POINTS
            if _host(request) in self.servers[at]:
                yield at, "server", SERVER_POINTS
            if _is_agent(self.agents[at], request.user_agent or ""):
                yield at, "agent", AGENT_POINTS


def _is_agent(model: str, text: str) -> bool:
    return bool(model) and model in re.split(r"[\s/]+", text.lower())


def _macs(request: Request) -> set[str]:
    texts = [*request.headers.all("user-agent"), *request.headers.all("mac"), *request.headers.all("contact")]
    return {re.sub("[:.-]", "", found).lower() for text in texts for found in _MAC.findall(text)}


def _user(request: Request) -> str:
    try:
        address: NameAddr = request.from_
    except SipError:
        return ""
    return user_of(address)


def _called(record: RecordedMessage) -> str:
    """Return whom a request to the phone is meant for; empty for anything else."""
    request = record.message if not record.is_inbound and not record.data.startswith(RESPONSE) else None
    try:
        return user_of(request.to) if isinstance(request, Request) else ""
    except SipError:
        return ""


def _host(request: Request) -> str:
    """Return the host of the address of record: phones of two sites may be called alike, each at its own server."""
    try:
        uri = request.from_.uri
    except SipError:
        return ""
    return plain_host(uri.host) if isinstance(uri, SipUri) else ""


def _best(points: dict[tuple[int, str], int]) -> int | None:
    sums: dict[int, int] = defaultdict(int)
    for (at, _), value in points.items():
        sums[at] += value
    if not sums:
        return None
    top = max(sums.values())
    best = [at for at, value in sums.items() if value == top]
    return best[0] if len(best) == 1 else None


def _claim_by_agent(
    owner: dict[Flow, int | None], agents: dict[Flow, set[str]], models: Sequence[str], addressed: frozenset[int]
) -> None:
    """Give a phone that nothing points to the one unclaimed host that calls itself like its model."""
    taken = {at for at in owner.values() if at is not None}
    taken_hosts = {flow.host for flow, at in owner.items() if at is not None}
    count = Counter(models)
    for at, model in enumerate(models):
        if at in taken or count[model] > 1 or at in addressed:
            continue
        flows = [flow for flow, names in agents.items() if owner[flow] is None and any(_is_agent(model, name) for name in names)]
        hosts = {flow.host for flow in flows}
        if len(hosts) == 1 and not hosts & taken_hosts:
            owner.update(dict.fromkeys(flows, at))


def _claim_by_host(owner: dict[Flow, int | None]) -> None:
    """Give flows that nothing points to the phone that has all other flows of their host."""
    by_host: dict[str, set[int]] = defaultdict(set)
    for flow, at in owner.items():
        if at is not None:
            by_host[flow.host].add(at)
    for flow, at in owner.items():
        if at is None and len(by_host[flow.host]) == 1:
            owner[flow] = next(iter(by_host[flow.host]))
