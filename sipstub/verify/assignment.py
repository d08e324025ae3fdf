"""Which requests are which account's.

An account is known by the user of From.  Where no account has that user, signs are added up: a phone that registers a wrong
user name must be told so, and not count as silent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sipstub.trace.record import Endpoint
from sipstub.verify.expectation import Expectations
from sipstub.verify.facts import Facts, KeepaliveFact
from sipstub.verify.request_fact import RequestFact, port_of, user_of

ANONYMOUS = "anonymous"
_Group = tuple[str, str]
"User and host of From."


@dataclass(slots=True)
class AccountFacts:
    """What one account did."""

    requests: list[RequestFact] = field(default_factory=list)
    "From the phone, in order."
    received: list[RequestFact] = field(default_factory=list)
    "To the phone, in order."
    keepalives: list[KeepaliveFact] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Assignment:
    """All requests of a phone by account."""

    accounts: dict[int, AccountFacts]
    strangers: tuple[RequestFact, ...]
    "Of users that no account has, where every account is accounted for."

    def of(self, account: int | None) -> AccountFacts:
        """Return what an account did; nothing for one that is not known."""
        return self.accounts.get(account, AccountFacts()) if account is not None else AccountFacts()


def assign(facts: Facts, expectations: Expectations) -> Assignment:
    """Return the requests of each account that is spoken of."""
    groups: dict[_Group, list[RequestFact]] = defaultdict(list)
    for request in facts.requests:
        if request.user.lower() != ANONYMOUS:
            groups[(request.user, request.host)].append(request)
    owner = _owners(groups, expectations)
    by_call = {request.call_id: owner[group] for group, requests in groups.items() if group in owner for request in requests}
    found = {account: AccountFacts() for account in expectations.accounts}
    strangers = []
    for request in facts.requests:
        account = owner.get((request.user, request.host))
        if account is None and request.method != "REGISTER":
            account = by_call.get(request.call_id)
        if account is None and request.user.lower() == ANONYMOUS:
            account = _by_contact(request, groups, owner, expectations)
        if account is None:
            strangers.append(request)
        else:
            found[account].requests.append(request)
    for request in facts.received:
        target = by_call.get(request.call_id) or _target(request, groups, owner, expectations)
        if target is not None:
            found[target].received.append(request)
    _share_keepalives(facts.keepalives, groups, owner, found)
    return Assignment(found, tuple(strangers))


def _owners(groups: dict[_Group, list[RequestFact]], expectations: Expectations) -> dict[_Group, int]:
    owner: dict[_Group, int] = {}
    for group in groups:
        named = [account for account in expectations.accounts if expectations.text("user-name", account) == group[0] != ""]
        if named:
            owner[group] = max(named, key=lambda account: _score(groups[group], account, expectations))
    free = [account for account in expectations.enabled if account not in owner.values()]
    left = [group for group in groups if group not in owner and any(request.method == "REGISTER" for request in groups[group])]
    pairs = sorted(
        (
            (_score(groups[group], account, expectations), -at, group, account)
            for at, group in enumerate(left)
            for account in free
        ),
        key=lambda pair: pair[:2],
        reverse=True,
    )
    for _, _, group, account in pairs:
        if group not in owner and account not in owner.values():
            owner[group] = account
            # the same user at the account's other servers
            owner |= {other: account for other in left if other[0] == group[0] and other not in owner}
    return owner


def _score(requests: Sequence[RequestFact], account: int, expectations: Expectations) -> int:
    """Return how much speaks for these requests being that account's."""
    request = next((request for request in requests if request.method == "REGISTER"), requests[0])
    points = 0
    auth_name = expectations.text("auth-name", account)
    if auth_name and any(other.credentials is not None and other.credentials.username == auth_name for other in requests):
        points += 40
    if request.value("line") == str(account - 1):
        points += 30
    display = expectations.text("display-name", account)
    if display and request.from_ is not None and request.from_.display == display:
        points += 20
    uri = request.sip_uri
    if uri is not None and uri.host.lower() == expectations.text("server-address", account, "1").lower():
        points += 4
        if str(port_of(uri, request.peer.transport)) == expectations.text("server-port", account, "1"):
            points += 2
    if request.peer.transport == expectations.text("transport", account, "1"):
        points += 1
    return points


def _by_contact(
    request: RequestFact, groups: dict[_Group, list[RequestFact]], owner: dict[_Group, int], expectations: Expectations
) -> int | None:
    user = request.contact_uri.username if request.contact_uri is not None else None
    found = {owner[group] for group in groups if group in owner and user and group[0] == user}
    enabled = expectations.enabled
    return found.pop() if len(found) == 1 else enabled[0] if len(enabled) == 1 else None


def _target(
    request: RequestFact, groups: dict[_Group, list[RequestFact]], owner: dict[_Group, int], expectations: Expectations
) -> int | None:
    """Return the account that a request to the phone is for: by its contact, else by To."""
    uri = request.sip_uri
    for group, account in owner.items():
        for known in groups[group]:
            contact = known.contact_uri
            if uri is not None and contact is not None and known.method == "REGISTER" and contact.matches(uri):
                return account
    users = {uri.username if uri is not None else None, user_of(request.to)}
    found = {account for group, account in owner.items() if group[0] in users}
    enabled = expectations.enabled
    return found.pop() if len(found) == 1 else enabled[0] if len(enabled) == 1 else None


def _share_keepalives(
    keepalives: Iterable[KeepaliveFact],
    groups: dict[_Group, list[RequestFact]],
    owner: dict[_Group, int],
    found: dict[int, AccountFacts],
) -> None:
    """Give a keep-alive to the account of its user; one without, to all accounts of its connection."""
    flows: dict[tuple[Endpoint, int], set[int]] = defaultdict(set)
    for group, account in owner.items():
        for request in groups[group]:
            flows[(request.peer, request.local.port)].add(account)
    for packet in keepalives:
        named = {account for group, account in owner.items() if packet.user and group[0] == packet.user}
        if packet.kind == "stun":  # goes to a server of its own, from the port of the accounts that it is for
            named = {account for (peer, _), accounts in flows.items() for account in accounts if peer == packet.peer}
            named = named or set(found)
        for account in named or flows[(packet.peer, packet.local.port)]:
            found[account].keepalives.append(packet)
