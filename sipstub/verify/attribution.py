"""Which messages are which phone's: by MAC, known address, address of record and User-Agent; then by connection and host.

Several phones may stand behind one address, one phone may use several connections.  What nobody can claim is left out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from sipstub.sip.error import SipError
from sipstub.sip.message import Request
from sipstub.sip.name_addr import NameAddr
from sipstub.trace.record import Endpoint, RecordedMessage, plain_host
from sipstub.verify.expectation import Expectations
from sipstub.verify.request_fact import user_of

MAC_POINTS, ADDRESS_POINTS, USER_POINTS, AGENT_POINTS = 1000, 100, 10, 1
"How much each sign says; one of a kind outweighs all of the next, however often that is seen."

_MAC = re.compile(r"(?<![0-9A-Fa-f])([0-9A-Fa-f]{2}(?:[:.-]?[0-9A-Fa-f]{2}){5})(?![0-9A-Fa-f])")

Flow = Endpoint
"The phone's side of a connection or of datagrams."


def attribute(messages: Iterable[RecordedMessage], phones: Sequence[Expectations]) -> list[list[RecordedMessage]]:
    """Return the messages of each phone, in the order of `phones`."""
    records = list(messages)
    signs = [_Signs(phone, phones) for phone in phones]
    flow_points: dict[Flow, dict[tuple[int, str], int]] = defaultdict(dict)
    agents: dict[Flow, set[str]] = defaultdict(set)
    for record in records:
        found = flow_points[record.peer]
        message = record.message if record.is_inbound else None
        request = message if isinstance(message, Request) else None
        if request is not None and request.user_agent:
            agents[record.peer].add(request.user_agent.lower())
        for at, sign in enumerate(signs):
            for kind, points in sign.points(record, request):
                found[(at, kind)] = points
    owner = {flow: _best(points) for flow, points in flow_points.items()}
    _claim_by_agent(owner, agents, signs)
    _claim_by_host(owner)
    mine: list[list[RecordedMessage]] = [[] for _ in phones]
    for record in records:
        found_owner = owner.get(record.peer)
        if found_owner is not None:
            mine[found_owner].append(record)
    return mine


class _Signs:
    """What gives one phone away."""

    def __init__(self, phone: Expectations, others: Sequence[Expectations]) -> None:
        self.mac = phone.subject.mac.lower()
        shared = {plain_host(host) for other in others if other is not phone for host in other.subject.addresses}
        self.addresses = {plain_host(host) for host in phone.subject.addresses} - shared
        self.users = {item.value for item in phone.items if item.setting == "user-name" and item.value}
        self.agent = phone.subject.agent.lower()

    def points(self, record: RecordedMessage, request: Request | None) -> Iterable[tuple[str, int]]:
        if self.addresses and plain_host(record.peer.host) in self.addresses:
            yield "address", ADDRESS_POINTS
        if request is None:
            return
        if self.mac and self.mac in _macs(request):
            yield "mac", MAC_POINTS
        if self.users and _user(request) in self.users:
            yield "user", USER_POINTS
            if self.is_agent(request.user_agent or ""):
                yield "agent", AGENT_POINTS

    def is_agent(self, text: str) -> bool:
        return bool(self.agent) and self.agent in re.split(r"[\s/]+", text.lower())


def _macs(request: Request) -> set[str]:
    texts = [*request.headers.all("user-agent"), *request.headers.all("mac"), *request.headers.all("contact")]
    return {re.sub("[:.-]", "", found).lower() for text in texts for found in _MAC.findall(text)}


def _user(request: Request) -> str:
    try:
        address: NameAddr = request.from_
    except SipError:
        return ""
    return user_of(address)


def _best(points: dict[tuple[int, str], int]) -> int | None:
    sums: dict[int, int] = defaultdict(int)
    for (at, _), value in points.items():
        sums[at] += value
    if not sums:
        return None
    top = max(sums.values())
    best = [at for at, value in sums.items() if value == top]
    return best[0] if len(best) == 1 else None


def _claim_by_agent(owner: dict[Flow, int | None], agents: dict[Flow, set[str]], signs: list[_Signs]) -> None:
    """Give a phone that nothing points to the one unclaimed host that calls itself like its model."""
    taken_hosts = {flow.host for flow, at in owner.items() if at is not None}
    for at, sign in enumerate(signs):
        if at in owner.values() or sum(other.agent == sign.agent for other in signs) > 1 or sign.addresses:
            continue
        flows = [flow for flow, names in agents.items() if owner[flow] is None and any(sign.is_agent(name) for name in names)]
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
