"""MSRP for tests: frames as RFC 4975 writes them, and connections that are lists."""

from __future__ import annotations

from sipstub.media.agreement import Address
from sipstub.media.msrp_end import MsrpEnd
from sipstub.media.msrp_path import read_path
from sipstub.media.msrp_terms import MsrpTerms

A_PATH, B_PATH = "msrp://10.0.1.1:7001/asession;tcp", "msrp://10.0.2.1:7002/bsession;tcp"


def a_send(transaction: str, to: object, source: object, body: str = "hello", *, flag: str = "$", more: str = "") -> bytes:
    """Return a SEND."""
    return (
        f"MSRP {transaction} SEND\r\nTo-Path: {to}\r\nFrom-Path: {source}\r\nMessage-ID: m{transaction}\r\n{more}"
        f"Byte-Range: 1-{len(body)}/{len(body)}\r\nContent-Type: text/plain\r\n\r\n{body}\r\n-------{transaction}{flag}\r\n"
    ).encode()


def an_ok(transaction: str, to: object, source: object, words: str = "200 OK") -> bytes:
    """Return a response."""
    return f"MSRP {transaction} {words}\r\nTo-Path: {to}\r\nFrom-Path: {source}\r\n-------{transaction}$\r\n".encode()


class ListLink:
    """A connection of no socket."""

    def __init__(self) -> None:
        self.sent = b""
        self.waiting = 0
        self.is_paused = self.is_closed = self.is_aborted = False

    def send(self, data: bytes) -> None:
        assert not self.is_gone
        self.sent += data

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True

    @property
    def is_gone(self) -> bool:
        return self.is_closed or self.is_aborted

    def take(self) -> bytes:
        """Return what was sent, and forget it."""
        found, self.sent = self.sent, b""
        return found


class ListPort:
    """A port of no socket: it keeps what was connected to, and who wants to be woken."""

    def __init__(self, host: str, port: int, fingerprint: str = "") -> None:
        self.host, self.port, self.fingerprint = host, port, fingerprint
        self.opened: list[tuple[Address, ListLink]] = []
        self.is_open = self.is_reachable = True
        self.wakes = 0

    def connect(self, address: Address, end: MsrpEnd) -> ListLink | None:
        if not self.is_reachable:
            return None
        self.opened.append((address, ListLink()))
        return self.opened[-1][1]

    def wake(self, end: MsrpEnd) -> None:
        self.wakes += 1

    def close(self) -> None:
        self.is_open = False


def terms(path: str, *, connects: bool) -> MsrpTerms:
    """Return what a side says."""
    uris = read_path(path)
    return MsrpTerms(uris, (uris[0].host, uris[0].port), connects)


class Pair:
    """Two ends of one call: a connects to us, and we to b."""

    def __init__(self, *, a_connects: bool = True, b_connects: bool = False) -> None:
        self.at_a, self.at_b = ListPort("10.0.0.1", 6000), ListPort("10.0.0.1", 6002)
        self.a, self.b = MsrpEnd(self.at_a, "session-for-a"), MsrpEnd(self.at_b, "session-for-b")
        self.a.tie(self.b)
        self.a.name(terms(A_PATH, connects=not a_connects))
        self.b.name(terms(B_PATH, connects=not b_connects))
        for end in (self.a, self.b):
            end.begin()
        self.tick(0.0)

    def tick(self, now: float) -> None:
        self.a.on_timer(now)
        self.b.on_timer(now)

    def accepted(self, end: MsrpEnd, data: bytes = b"", now: float = 0.0) -> ListLink:
        """Have somebody connect to an end and send that."""
        link = ListLink()
        end.accepted(link, now)
        if data:
            end.received_from(link, data, now)
        return link

    def opened(self, now: float = 0.0) -> ListLink:
        """Have our connection to b come about; return it without our first request."""
        link = self.at_b.opened[-1][1]
        self.b.connected(link, now)
        transaction = link.sent.split(b" ")[1].decode()
        hello, end, link.sent = link.sent.partition(f"-------{transaction}$\r\n".encode())
        assert end and hello.startswith(b"MSRP ") and b" SEND\r\nTo-Path: " + B_PATH.encode() in hello, hello
        self.b.received_from(link, an_ok(transaction, self.b.uri, B_PATH), now)
        return link

    def up(self) -> tuple[ListLink, ListLink]:
        """Return the connections of both sides, with nothing sent on them."""
        at_b = self.opened()
        at_a = self.accepted(self.a, a_send("first", self.a.uri, A_PATH))
        assert at_b.take() == a_send("first", B_PATH, self.b.uri)
        return at_a, at_b

    def close(self) -> None:
        for end in (self.a, self.b):
            end.close()
        assert not self.at_a.is_open and not self.at_b.is_open
        assert not self.a.links and not self.b.links
