"""IP-to-IP routing: from source group, method and dialled user to a destination, the first row that fits, others in reserve."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from sipstub.sbc.http_service import HttpService
from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.matching import is_fitting
from sipstub.sip.message import Request
from sipstub.sip.uri import Uri
from sipstub.transaction.sending import Hop

MAX_ALTERNATIVES = 8
"Rows that one request may try."


class Trigger(enum.StrEnum):
    """Why an INVITE is routed."""

    INITIAL = "initial"
    REFER = "refer"
    REDIRECT = "3xx"


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """One row; what it does not say, it does not ask."""

    destination: IpGroup | None
    "None where an address or the Request-URI says it."
    address: Hop | None = None
    "Where it goes past all groups."
    source: IpGroup | None = None
    methods: frozenset[str] = frozenset()
    source_prefix: str = ""
    source_host: str = ""
    prefix: str = ""
    host: str = ""
    triggers: frozenset[Trigger] = frozenset()
    is_alternative: bool = False
    "Whether it is tried only after the row above it failed."
    ignores_inputs: bool = False
    "Whether an alternative is tried whatever it says of the request."
    service: HttpService | None = None
    "The routing server that says it."
    follows_uri: bool = False
    "Whether the Request-URI says where it goes."

    def matches(self, request: Request, source: IpGroup, uri: Uri, trigger: Trigger) -> bool:
        """Return whether a request goes this way."""
        if self.source is not None and self.source is not source:
            return False
        if self.methods and request.method not in self.methods:
            return False
        if self.triggers and trigger not in self.triggers:
            return False
        return is_fitting(request.from_.uri, self.source_prefix, self.source_host) and is_fitting(uri, self.prefix, self.host)


class Routing:
    """The table."""

    def __init__(self, rules: tuple[RoutingRule, ...]) -> None:
        self._rules = rules

    def rows(self, request: Request, source: IpGroup, uri: Uri, trigger: Trigger = Trigger.INITIAL) -> Iterator[RoutingRule]:
        """Return the row for a request, then those that take over when it fails."""
        found = 0
        for rule in self._rules:
            if rule.is_alternative and not found:
                continue
            if found and not rule.is_alternative:
                return
            if (found and rule.ignores_inputs) or rule.matches(request, source, uri, trigger):
                yield rule
                found += 1
                if found >= MAX_ALTERNATIVES:
                    return
