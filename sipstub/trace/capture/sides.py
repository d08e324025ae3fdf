"""Who in a capture is the server's side: a capture says who spoke to whom, not whose side it was taken on.

Who gets REGISTER is the server, who sends it the phone; a proxy in between is the server of one and the phone of the other.
Where nobody registers, the end with a port of SIP is the server; if both have one or none, the one that got the first request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sipstub.trace.record import Endpoint, plain_host

SIP_PORTS = frozenset({5060, 5061})
_REGISTER = b"REGISTER "
_REQUEST = re.compile(rb"[A-Za-z]{2,20} [^\s]+ SIP/2\.0")

End = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Said:
    """One message and its two ends, before anybody knows which of them is ours."""

    at: float
    source: Endpoint
    target: Endpoint
    data: bytes
    is_inbound: bool | None = None
    "Known for a file of ours."
    number: int | None = None


class Sides:
    """Built from all messages of a capture."""

    def __init__(self, said: Iterable[Said], *, phone: str | None = None) -> None:
        self._phone = plain_host(phone) if phone else None
        self._got: set[End | str] = set()
        self._sent: set[End | str] = set()
        self._first: dict[tuple[End, End], End] = {}
        for one in said:
            source, target = _end(one.source), _end(one.target)
            if one.data.startswith(_REGISTER):
                self._sent |= {source, source[0]}
                self._got |= {target, target[0]}
            if _REQUEST.match(one.data):
                self._first.setdefault((min(source, target), max(source, target)), target)

    def is_inbound(self, source: Endpoint, target: Endpoint) -> bool:
        """Return whether this goes towards the server's side."""
        one, two = _end(source), _end(target)
        if self._phone is not None and (one[0] == self._phone) != (two[0] == self._phone):
            return one[0] == self._phone
        for ours, theirs in ((one, two), (one[0], two[0])):  # on one machine the ports tell, between two the hosts
            mine, others = self._score(ours), self._score(theirs)
            if mine != others:
                return others > mine
        if (one[1] in SIP_PORTS) != (two[1] in SIP_PORTS):
            return two[1] in SIP_PORTS
        return self._first.get((min(one, two), max(one, two)), two) == two

    def _score(self, who: End | str) -> int:
        return (who in self._got) - (who in self._sent)


def _end(endpoint: Endpoint) -> End:
    return plain_host(endpoint.host), endpoint.port
