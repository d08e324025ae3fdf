"""A dialog as the phone keeps it: who, where to, and which number comes next.  RFC 3261 section 12."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.phone.agent.place import is_address
from sipstub.sip.cseq import CSeq
from sipstub.sip.error import SipError
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.uri import SipUri
from sipstub.transaction.sending import Hop

Pairs = list[tuple[str, object]]


@dataclass(slots=True)
class Leg:
    """One side of a dialog."""

    call_id: str
    local: str
    "From of our requests, with our tag."
    remote: str
    remote_tag: str | None
    target: str
    "Where the other side is reached."
    routes: tuple[str, ...]
    cseq: int
    hop: Hop
    remote_cseq: int = 0

    @classmethod
    def as_caller(cls, request: Request, response: Response, hop: Hop) -> Leg:
        """Return the dialog that an answer to a request of ours makes; raises SipError for an answer that makes none."""
        routes = tuple(str(route) for route in reversed(response.record_routes))
        to = response.to
        return cls(
            call_id=request.call_id,
            local=request.headers.lines("from")[0],
            remote=response.headers.lines("to")[0],
            remote_tag=to.tag,
            target=_target(response, request.uri_text),
            routes=routes,
            cseq=request.cseq.number,
            hop=_next_hop(routes, _target(response, ""), hop),
        )

    @classmethod
    def as_callee(cls, request: Request, tag: str, hop: Hop) -> Leg:
        """Return the dialog that our answer to a request makes."""
        routes = tuple(str(route) for route in request.record_routes)
        target = _target(request, str(request.from_.uri))
        return cls(
            call_id=request.call_id,
            local=str(request.to.with_tag(tag)),
            remote=request.headers.lines("from")[0],
            remote_tag=request.from_.tag,
            target=target,
            routes=routes,
            cseq=0,
            hop=_next_hop(routes, target, hop),
            remote_cseq=request.cseq.number,
        )

    def is_of(self, request: Request) -> bool:
        """Return whether a request belongs to this dialog."""
        own = NameAddr.parse(self.local).tag
        return request.call_id == self.call_id and request.to.tag == own and request.from_.tag == self.remote_tag

    def takes(self, request: Request) -> bool:
        """Return whether the number of a request is new, and note it."""
        if request.cseq.number < self.remote_cseq:
            return False
        self.remote_cseq = request.cseq.number
        return True

    def refresh_target(self, message: Message) -> None:
        """Take a new address of the other side, if it gives one; requests go there from then on."""
        self.target = _target(message, self.target)
        self.hop = _next_hop(self.routes, self.target, self.hop)

    def request(self, method: str, contact: str, more: Pairs, body: bytes = b"", *, cseq: int | None = None) -> Request:
        """Return a request inside of the dialog; with `cseq` it is the ACK to that INVITE."""
        if cseq is None:
            self.cseq += 1
        headers: Pairs = [("Route", route) for route in self.routes]
        headers += [("From", self.local), ("To", self.remote), ("Call-ID", self.call_id)]
        headers.append(("CSeq", CSeq(self.cseq if cseq is None else cseq, method)))
        if contact:
            headers.append(("Contact", contact))
        made = Request(method, self.target, [*headers, *more], body)
        made.headers.add("Content-Length", len(body))
        return made


def _target(message: Message, missing: str) -> str:
    try:
        contacts = message.contacts.addresses
    except SipError:
        return missing
    return str(contacts[0].uri) if contacts else missing


def _next_hop(routes: tuple[str, ...], target: str, hop: Hop) -> Hop:
    """Return where requests go: over the same connection, or to the first route or the target where that is an address."""
    if hop.is_reliable:
        return hop
    try:
        uri = NameAddr.parse(routes[0] if routes else f"<{target}>").uri
    except SipError:
        return hop
    if not isinstance(uri, SipUri) or not is_address(uri.host) or uri.transport not in (None, "UDP"):
        return hop
    return Hop("UDP", uri.host.strip("[]"), uri.effective_port, hop.socket)
