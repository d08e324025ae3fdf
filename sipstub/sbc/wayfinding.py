"""Where requests go: by the routing table, to servers, to registered users, to where a URI or a routing server says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sipstub.sbc.errand import Steps
from sipstub.sbc.ip_group import ForkingMode, IpGroup
from sipstub.sbc.leg import is_address
from sipstub.sbc.marks import without_mark
from sipstub.sbc.push import Wakening
from sipstub.sbc.route_server import RouteQuestion
from sipstub.sbc.routing import Trigger
from sipstub.sbc.target import Batch, Target
from sipstub.sbc.user_table import User
from sipstub.sip.message import Request
from sipstub.sip.uri import SipUri, Uri
from sipstub.transaction.sending import Hop

if TYPE_CHECKING:
    from sipstub.sbc.service import Sbc


class Wayfinding:
    """What an SBC asks before it sends."""

    def __init__(self, sbc: Sbc) -> None:
        self._sbc = sbc

    def steps(self, request: Request, source: IpGroup, trigger: Trigger, uri: Uri | None = None) -> Steps:
        """Return the places to try for a request, in order; those of one batch at the same time."""
        sbc = self._sbc
        marked = uri or request.uri
        wanted = without_mark(marked)
        for rule in sbc.routing.rows(request, source, marked, trigger):
            group = rule.destination
            if rule.service is not None:
                question = RouteQuestion(sbc, rule.service, request, source, trigger, wanted)
                yield question
                for route in question.routes:
                    named = next((one for one in sbc.site.groups if one.name == route.group), None)
                    if route.address is not None:
                        yield (Target(named or self._group_at(route.address) or source, route.address, route.uri or wanted),)
                    elif named is not None:
                        yield from self._to_group(route.uri or wanted, named)
            elif rule.address is not None:
                yield (Target(self._group_at(rule.address) or source, rule.address, wanted),)
            elif group is None or rule.follows_uri:
                yield from self._where_it_says(wanted)
            else:
                yield from self._to_group(wanted, group)

    def _to_group(self, uri: Uri, group: IpGroup) -> Steps:
        if group.is_user:
            yield from self._to_users(uri, group)
            return
        for hop in self._sbc.hops_of(group):
            yield (Target(group, hop, self._sbc.rewriting.uri(uri, group, hop)),)

    def _to_users(self, uri: Uri, group: IpGroup) -> Steps:
        sbc = self._sbc
        found = sbc.users.find(uri, whole=sbc.settings["SBCDBRoutingSearchMode"] == 1)
        if len(found) == 1 and sbc.settings["SBCSendInviteToAllContacts"]:
            found = sbc.users.of_aor(found[0].aor.uri, whole=True)
        found = [user for user in found if user.group is group]
        if group.forking_mode is ForkingMode.PARALLEL:
            wakening = self._wakening(found)
            if wakening is not None:
                yield wakening
            targets = tuple(_target(user) for user in found if wakening is None or wakening.is_awake(user))
            if targets:
                yield targets
            return
        busy = sbc.busy_hops() if group.forking_mode is ForkingMode.SEQUENTIAL_AVAILABLE else set()
        for user in found:
            if user.hop[:3] in busy:
                continue
            wakening = self._wakening([user])
            if wakening is not None:
                yield wakening
            if wakening is None or wakening.is_awake(user):
                yield (_target(user),)

    def _wakening(self, users: list[User]) -> Wakening | None:
        asleep = [user for user in users if self._sbc.pushes.service_of(user) is not None]
        return Wakening(self._sbc, asleep) if asleep else None

    def _where_it_says(self, uri: Uri) -> Iterator[Batch]:
        if isinstance(uri, SipUri) and is_address(uri.host):
            hop = Hop(uri.transport or ("TLS" if uri.scheme == "sips" else "UDP"), uri.host.strip("[]"), uri.effective_port)
            group = self._group_at(hop)
            if group is not None:
                yield (Target(group, hop, uri),)

    def _group_at(self, hop: Hop) -> IpGroup | None:
        """Return the group whose Proxy Set has the host of a hop; what is reached past all groups has none."""
        groups = self._sbc.site.groups
        found = [
            (one.port != hop.port, number)
            for number, group in enumerate(groups)
            for one in (group.proxy_set.addresses if group.proxy_set is not None else ())
            if one.host == hop.host
        ]
        return groups[min(found)[1]] if found else None


def _target(user: User) -> Target:
    """Return where a user is now."""
    return Target(user.group, user.hop, user.contact)
