"""One end of a relay of MSRP: a port of one side of a call, and its connections, tied to an end of the other side.

Pure: connections and time are arguments.  Frames pass as they come, with the paths of the other side; each side hears of nobody
but us (a back-to-back agent, RFC 4975 sections 5.4 and 7, RFC 6135).  A connection belongs to the session by its first request;
who names another session, or speaks no MSRP, is sent away.  When one side's connection is gone the other's is closed [choice].
"""

from __future__ import annotations

from typing import Protocol

from sipstub.media.agreement import Address
from sipstub.media.fingerprint import Fingerprint
from sipstub.media.msrp_flow import Flow, StreamLink
from sipstub.media.msrp_frame import End, FrameProblem, Head, Piece, first_request
from sipstub.media.msrp_path import MsrpUri
from sipstub.media.msrp_terms import MsrpTerms

MAX_WAITING = 4
"Connections of an end that have not said yet whose they are; one more, and the oldest has to go."
BIND_S = 10.0
"How long such a one may take."
OPEN_S = 10.0
"How long a connection of ours may take to be opened."
PARTNER_S = 32.0
"How long one side's connection waits for the other side's."
RETRY_S = 1.0
"Between two attempts of ours."
NO_SESSION, BOUND_ALREADY = (481, "No such session"), (506, "Session already bound")


class StreamPort(Protocol):
    """The listening socket of an end."""

    host: str
    port: int
    fingerprint: str
    "Of our certificate, as a description says it; empty without TLS."

    def connect(self, address: Address, end: MsrpEnd) -> StreamLink | None:
        """Begin to connect; the end is told by `connected` or `ended`.  None if that fails at once."""

    def wake(self, end: MsrpEnd) -> None:
        """Have `on_timer` called soon."""

    def close(self) -> None:
        """Give the port back, once or more often."""


class MsrpEnd:
    """One of them."""

    def __init__(self, port: StreamPort, session: str) -> None:
        self.port = port
        self.uri = MsrpUri.build(port.host, port.port, session, is_secure=bool(port.fingerprint))
        "As the side is told it."
        self.peer: MsrpEnd | None = None
        self.connections = 0
        "Those that belonged to the session."
        self.received = self.sent = 0
        "Frames."
        self.octets = 0
        "Bytes that came in frames of the session and passed."
        self.foreign = 0
        "Connections of strangers: those that named another session, came a second time, said nothing, or were too many."
        self.strange = 0
        "What was no MSRP, and frames for another session."
        self.failed = 0
        "Connections of ours that came to nothing."
        self._terms: MsrpTerms | None = None
        self._bound: Flow | None = None
        self._opening: Flow | None = None
        self._waiting: list[Flow] = []
        self._is_begun = self._wants = self._is_closed = False
        self._next_try = 0.0
        self._tries = 0
        self._alone_since: float | None = None

    # What was agreed on

    @property
    def is_on(self) -> bool:
        """Return whether frames may pass: not before the first description, nor while the line is refused."""
        return self._terms is not None

    @property
    def fingerprints(self) -> tuple[Fingerprint, ...]:
        """Return what the certificate of who we connect to may be told by."""
        return self._terms.fingerprints if self._terms is not None else ()

    @property
    def account(self) -> str:
        """Return what came of it, in a line for people; nothing where nothing came."""
        counts = {
            "connections": self.connections,
            "frames in": self.received,
            "frames out": self.sent,
            "bytes in": self.octets,
            "strangers": self.foreign,
            "frames refused": self.strange,
            "failed attempts": self.failed,
        }
        found = ", ".join(f"{what} {count}" for what, count in counts.items() if count)
        return f"messages at port {self.port.port}: {found}" if found else ""

    @property
    def links(self) -> int:
        """Return how many connections there are."""
        return len(self._waiting) + (self._bound is not None) + (self._opening is not None)

    def name(self, terms: MsrpTerms | None) -> None:
        """Take what the side's description says; None where it refuses the line.  With the same path connections stay."""
        is_same = terms is not None and self._terms is not None and terms.path == self._terms.path
        self._terms = terms
        if not is_same:
            for flow in (self._bound, self._opening):
                if flow is not None:
                    self._lose(flow)
        self.port.wake(self)

    def tie(self, other: MsrpEnd) -> None:
        """Have frames go from one to the other, both ways."""
        for one, new in ((self, other), (other, self)):
            if one.peer is not new and one._bound is not None:
                one._bound.leave()
            one.peer = new

    def begin(self) -> None:
        """Connect, if that is ours to do: the call is up."""
        if not self._is_closed:
            self._is_begun = self._wants = True
            self.port.wake(self)

    def close(self) -> None:
        """Give the port and all connections back."""
        if self._is_closed:
            return
        self._is_closed = True
        self._terms = self.peer = None
        for flow in (self._bound, self._opening, *self._waiting):
            if flow is not None:
                flow.leave()
                flow.link.abort()
        self._bound = self._opening = None
        self._waiting.clear()
        self.port.close()

    # Connections

    def accepted(self, link: StreamLink, now: float) -> None:
        """Take a connection that somebody opened."""
        if self._is_closed:
            link.abort()
            return
        if len(self._waiting) >= MAX_WAITING:
            self._stranger(self._waiting[0])
        self._waiting.append(Flow(link, now))

    def connected(self, link: StreamLink, now: float) -> None:
        """Know that one of ours is open: it says at once whose it is (section 5.4), and counts when that is answered.

        So nothing of the other side comes to who does not speak MSRP: a description may name any address.
        """
        flow = self._opening
        if flow is None or flow.link is not link or self._terms is None:
            self._opening = None if flow is not None and flow.link is link else flow
            link.abort()
            return
        self._tries += 1
        flow.hello = f"{self.uri.session[:12]}{self._tries}".encode()
        link.send(first_request(flow.hello, self._terms.to, str(self.uri)))

    def received_from(self, link: StreamLink, data: bytes, now: float) -> None:
        """Take bytes of a connection."""
        flow = self._flow(link)
        if flow is not None:
            flow.reader.feed(data)
            self._pump(flow, now)

    def drained(self, link: StreamLink, now: float) -> None:
        """Know that a slow reader has caught up."""
        peer = self.peer
        if peer is not None and peer._bound is not None:
            peer._pump(peer._bound, now)

    def ended(self, link: StreamLink, now: float) -> None:
        """Know that nothing more comes, or that one of ours could not be opened."""
        if self._opening is not None and self._opening.link is link:
            self._fail(now)
            return
        flow = self._flow(link)
        if flow is not None:
            flow.is_ended = True
            self._pump(flow, now)
            if flow in self._waiting:
                self._stranger(flow)

    def on_timer(self, now: float) -> None:
        """Give up what takes too long; go on with what waited for a description, for the other side, or for its turn."""
        for flow in tuple(self._waiting):
            if now - flow.since >= BIND_S:
                self._stranger(flow)
            else:
                self._pump(flow, now)
        if self._opening is not None and now - self._opening.since >= OPEN_S:
            self._fail(now)
        if self._bound is not None:
            self._pump(self._bound, now)
        if self._bound is not None and (self.peer is None or self.peer._bound is None):
            self._alone_since = now if self._alone_since is None else self._alone_since
            if now - self._alone_since >= PARTNER_S:
                self._lose(self._bound)
        else:
            self._alone_since = None
        if self._wants:
            self._connect(now)

    def _flow(self, link: StreamLink) -> Flow | None:
        known = (self._bound, self._opening, *self._waiting)
        return next((flow for flow in known if flow is not None and flow.link is link), None)

    def _connect(self, now: float) -> None:
        terms = self._terms
        if self._bound is not None or self._opening is not None or terms is None or not terms.connects:
            self._wants = False
        if not self._wants or not self._is_begun or self._is_closed or terms is None or now < self._next_try:
            return
        self._wants, self._next_try = False, now + RETRY_S
        link = self.port.connect(terms.target, self) if terms.target is not None else None
        if link is None:
            self._fail(now)
        else:
            self._opening = Flow(link, now)

    def _fail(self, now: float) -> None:
        """Nobody is there: the other side is not to wait for it."""
        self.failed += 1
        flow, self._opening = self._opening, None
        if flow is not None:
            flow.link.abort()
        if self.peer is not None and self.peer._bound is not None:
            self.peer._lose(self.peer._bound)

    def _stranger(self, flow: Flow, answer: bytes = b"") -> None:
        self.foreign += 1
        self._waiting.remove(flow)
        if answer:
            flow.link.send(answer)
            flow.link.close()
        else:
            flow.link.abort()

    def _take(self, flow: Flow, now: float) -> None:
        """Have the session bound to a connection; one of ours that is not answered yet is not needed any more."""
        opening, self._opening = self._opening, None
        if opening is not None and opening is not flow:
            opening.link.abort()
        self._bound, self._alone_since = flow, None
        peer = self.peer
        if peer is None:
            return
        if peer._bound is None:
            peer._wants = True
            peer._connect(now)
        else:
            peer._pump(peer._bound, now)

    def _lose(self, flow: Flow) -> None:
        """Close the connection of the session, and the other side's with it."""
        flow.leave()
        if flow is self._opening:
            self._opening = None
            flow.link.abort()
        elif flow is self._bound:
            self._bound = None
            flow.link.close()
            peer = self.peer
            if peer is not None and peer._bound is not None:
                peer._lose(peer._bound)
        elif flow in self._waiting:
            self._stranger(flow)

    # Frames

    def _pump(self, flow: Flow, now: float) -> None:
        """Pass on what came of it, as far as the other side takes it."""
        try:
            while flow is self._bound or flow is self._opening or flow in self._waiting:
                sink = self.peer._bound if self.peer is not None else None
                is_bound = flow is self._bound
                if is_bound and sink is None and flow.is_ended:
                    self._lose(flow)
                    return
                if self._terms is None or (is_bound and (sink is None or sink.is_full)) or not flow.may_pass(now):
                    flow.link.pause()
                    return
                item, flow.first = flow.first or flow.reader.next(), None
                if item is None:
                    if flow.is_ended:
                        self._lose(flow)
                    else:
                        flow.link.resume()
                    return
                if flow is self._opening:
                    self._greet(flow, item, now)
                elif sink is None or not is_bound:
                    self._bind(flow, item, now)
                else:
                    self._pass(flow, sink, item)
        except FrameProblem:
            self.strange += 1
            if flow is self._opening:
                self._fail(now)
            else:
                self._lose(flow)

    def _belongs(self, head: Head) -> bool:
        """Return whether a frame is of this session: told by what stands in both paths (RFC 6714 section 4.3 has no more)."""
        if head.to[0].session != self.uri.session:
            return False
        return not head.method or (self._terms is not None and head.source[-1].session == self._terms.path[-1].session)

    def _greet(self, flow: Flow, item: Head | Piece | End, now: float) -> None:
        """Take the answer to our first request, or a request by which who is there shows that it knows the session."""
        head = item if isinstance(item, Head) else None
        is_asked = head is not None and bool(head.method) and self._belongs(head)
        is_answer = head is not None and not head.method and head.transaction == flow.hello and 200 <= head.status < 300
        if not is_answer and not is_asked:
            self._fail(now)
            return
        self.connections += 1
        if is_asked:
            flow.first = head
        self._take(flow, now)

    def _bind(self, flow: Flow, item: Head | Piece | End, now: float) -> None:
        if not isinstance(item, Head) or not item.method or not self._belongs(item):
            refusal = NO_SESSION
        elif self._bound is not None:
            refusal = BOUND_ALREADY
        else:
            self._waiting.remove(flow)
            flow.first = item
            self.connections += 1
            self._take(flow, now)
            return
        wants = isinstance(item, Head) and item.wants_failure
        self._stranger(flow, item.answer(*refusal, str(item.to[0])) if wants and isinstance(item, Head) else b"")

    def _pass(self, flow: Flow, sink: Flow, item: Head | Piece | End) -> None:
        peer = self.peer
        if isinstance(item, Head):
            self._head(flow, sink, item)
        elif flow.sink is sink and peer is not None:
            sink.link.send(item.data)
            self.octets += len(item.data)
            if isinstance(item, End):
                flow.sink = None
                peer.sent += 1
                sink.written()
        elif isinstance(item, End) and flow.answer:
            flow.say(flow.answer)
            flow.answer = b""

    def _head(self, flow: Flow, sink: Flow, head: Head) -> None:
        peer = self.peer
        if not head.method and flow.hello and head.transaction == flow.hello:
            if not 200 <= head.status < 300:
                raise FrameProblem(f"{head.status} to the first request")
            return
        if not self._belongs(head) or peer is None or peer._terms is None:
            self.strange += 1
            flow.answer = head.answer(*NO_SESSION, str(head.to[0])) if head.wants_failure else b""
            return
        to = peer._terms.to if head.method else str(peer._terms.path[0])  # an answer goes one step (section 7.2)
        data = head.worded(to, str(peer.uri))
        sink.link.send(data)
        sink.open, flow.sink = head.transaction, sink
        self.received += 1
        self.octets += len(data)
