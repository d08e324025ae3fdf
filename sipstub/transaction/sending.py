"""Where messages come from and go to, and where an answer has to go.  RFC 3261 section 18.2.2, RFC 3581 section 4.

`maddr` in Via is not obeyed: it would send our answers to anybody that a stranger names, and serves multicast alone, which we
do not listen to.  Without `rport` the port of Via is believed, the address never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sipstub.sip.message import Message, Request
from sipstub.sip.uri import DEFAULT_PORTS
from sipstub.sip.via import Via

if TYPE_CHECKING:
    from sipstub.transaction.machine import Transaction

UNRELIABLE = ("UDP",)
MAX_DATAGRAM = 1300
"A longer request wants a transport with congestion control, where the path's MTU is not known (18.1.1)."


class Hop(NamedTuple):
    """The other end of one socket of ours: of a datagram, or of a connection."""

    transport: str
    "UDP, TCP or TLS."
    host: str
    "IP address without brackets."
    port: int
    socket: int = 0
    "Number of the listening socket or connection of ours, so that the answer leaves where the request came in; 0 for any."

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport} {host}:{self.port}"

    @property
    def is_reliable(self) -> bool:
        """Return whether the transport repeats what is lost."""
        return self.transport not in UNRELIABLE


class Sending(NamedTuple):
    """One message that has to go out."""

    data: bytes
    hop: Hop
    transaction: Transaction | None = None
    "Whose it is, and who is told if it cannot be sent; None for a message outside of transactions."


def answer_hops(via: Via, source: Hop) -> tuple[Hop, ...]:
    """Return where the answer to a request goes: the first place, and what to try when it cannot be reached.

    `via` is the top Via as it came.
    """
    port = via.port or DEFAULT_PORTS["sips" if source.transport == "TLS" else "sip"]
    if source.is_reliable:  # the same connection, and if that is gone a new one to where Via says it listens (18.2.2)
        return (source, Hop(source.transport, source.host, port))
    return (source,) if via.wants_rport or port == source.port else (source._replace(port=port),)


def mark_source(request: Request, via: Via, source: Hop) -> None:
    """Fill `received` and `rport` into the top Via as a server must (18.2.1, RFC 3581 section 4); `raw` stays as it came."""
    top = request.headers.lines("via")[0]
    if top.endswith(";rport") and "," not in top and via.received is None:  # as most write it: nothing need be taken apart
        request.headers.replace_first("Via", f"{top}={source.port};received={source.host}")
        return
    seen = via.seen_from(source.host, source.port)
    if seen.params is not via.params:
        request.headers.replace_first("Via", seen)


def is_too_large(message: Message, hop: Hop) -> bool:
    """Return whether this request should go by TCP instead (18.1.1); phones often do not, and neither must we."""
    return not hop.is_reliable and len(message.to_bytes()) > MAX_DATAGRAM
