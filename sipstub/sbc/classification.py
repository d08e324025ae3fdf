"""Whose request this is: the source IP Group, by registered user, by Proxy Set, by rule, in that order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.matching import is_fitting
from sipstub.sip.message import Request
from sipstub.transaction.sending import Hop


@dataclass(frozen=True, slots=True)
class ClassificationRule:
    """One row of the table; what it does not say, it does not ask."""

    group: IpGroup | None
    "None denies."
    address: str = ""
    "Where the request came from; a star at the end is any rest."
    transport: str = ""
    socket: int = 0
    "Of the SIP Interface that it came in by; known of UDP alone, so that other transports fit any."
    source_prefix: str = ""
    source_host: str = ""
    prefix: str = ""
    host: str = ""

    def matches(self, request: Request, source: Hop) -> bool:
        """Return whether a request is meant."""
        if self.address.endswith("*"):
            if not source.host.startswith(self.address[:-1]):
                return False
        elif self.address and self.address != source.host:
            return False
        if self.transport and self.transport != source.transport:
            return False
        if self.socket and not source.is_reliable and self.socket != source.socket:
            return False
        return is_fitting(request.from_.uri, self.source_prefix, self.source_host) and is_fitting(
            request.uri, self.prefix, self.host
        )


class Classifier:
    """The steps in their order."""

    def __init__(self, groups: Iterable[IpGroup], rules: Iterable[ClassificationRule]) -> None:
        self._rules = tuple(rules)
        self._exact: dict[tuple[str, int], IpGroup] = {}
        self._by_host: dict[str, IpGroup] = {}
        for group in groups:
            if group.proxy_set is not None and group.is_classified_by_proxy_set:
                for hop in group.proxy_set.addresses:
                    self._exact.setdefault((hop.host, hop.port), group)
                    self._by_host.setdefault(hop.host, group)

    def group_of(self, request: Request, source: Hop, user_group: Callable[[Request, Hop], IpGroup | None]) -> IpGroup | None:
        """Return the group, or None; a REGISTER is not looked up among users, of whom it may be the first word.

        Of several Proxy Sets at one host the one with the very port counts.  The port alone may differ (a proxy that sends from
        another one) only where no rule says better [choice].
        """
        if request.method != "REGISTER":
            found = user_group(request, source)
            if found is not None:
                return found
        exact = self._exact.get((source.host, source.port))
        if exact is not None:
            return exact
        for rule in self._rules:
            if rule.matches(request, source):
                return rule.group
        return self._by_host.get(source.host)
