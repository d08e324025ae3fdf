"""An SBC between peers that are told what to say, in simulated time and with real messages: what tests of `sipstub.sbc` share.

A peer is an address.  What is sent to it waits in its inbox until a test takes it; nothing answers by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

from sbc_proof import named as named

from sipstub.core.core import Core
from sipstub.core.places import Place, Places
from sipstub.dialog.dialog import Dialog, dialog_of_client, dialog_of_server
from sipstub.sbc.compose import TIMING
from sipstub.sbc.service import Sbc
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.site import Site, site_of
from sipstub.sip.answer import answer
from sipstub.sip.cseq import CSeq
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.reader import parse_message
from sipstub.transaction.layer import TransactionLayer
from sipstub.transaction.sending import Hop
from sipstub.transaction.timing import Timing

SBC_HOST = "10.0.0.1"
SBC_IPV6 = "2001:db8::1"
OFFER = b"v=0\r\no=- 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
ANSWER = b"v=0\r\no=- 2 1 IN IP4 10.0.2.1\r\ns=-\r\nc=IN IP4 10.0.2.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 8\r\n"
CHANGED = OFFER.replace(b"o=- 1 1", b"o=- 1 2") + b"a=sendonly\r\n"
QUIET_S = 200.0
"After so long without a word no transaction is left."


def a_site(
    values: Mapping[str, int | str] | None = None,
    groups: Mapping[str, Mapping[str, object]] | None = None,
    routes: Iterable[Mapping[str, int | str]] = (),
    rules: Iterable[Mapping[str, int | str]] = (),
    transport: int = -1,
) -> Site:
    """Return a site of settings as a device has them: groups by name with `type`, `proxies`, `profile` and other columns.

    Without routes the requests of each of two groups go to the other one.
    """
    settings = SbcSettings()
    for name, value in (values or {}).items():
        settings = settings.with_value(name, value)
    for name, what in (groups or {}).items():
        given = dict(what)
        profile: Mapping[str, int] = given.pop("profile", {})  # type: ignore[assignment]
        proxies: Iterable[str] = given.pop("proxies", ())  # type: ignore[assignment]
        pause = given.pop("keep_alive_s", 0)
        settings = settings.with_row("IpProfile", ProfileName=name, **profile)
        if proxies:
            alive = {"EnableProxyKeepAlive": 1, "ProxyKeepAliveTime": pause} if pause else {}
            settings = settings.with_row("ProxySet", ProxyName=name, **alive)  # type: ignore[arg-type]
            for number, address in enumerate(proxies):
                settings = settings.with_row(
                    "ProxyIp", ProxySetId=name, ProxyIpIndex=number, IpAddress=address, TransportType=transport
                )
            given["ProxySetName"] = name
        settings = settings.with_row("IPGroup", Name=name, ProfileName=name, **given)  # type: ignore[arg-type]
    names = list(groups or {})
    for route in routes or [{"SrcIPGroupName": one, "DestIPGroupName": two} for one, two in (names[:2], names[1::-1])]:
        settings = settings.with_row("IP2IPRouting", **route)
    for rule in rules:
        settings = settings.with_row("Classification", **rule)
    return site_of(settings)


class World:
    """One SBC with what goes to and from it."""

    def __init__(self, site: Site, *, chance: float = 0.5, timing: Timing | None = None) -> None:
        self.now = 1000.0
        layer = TransactionLayer(timing or TIMING)
        self.core = Core(layer)
        self.core.places = Places(tuple(Place(name, host, 5060) for name in ("UDP", "TCP") for host in (SBC_HOST, SBC_IPV6)))
        self.chance = chance
        self.told: list[str] = []
        self.sbc = Sbc(self.core, site, now=self.now, chance=lambda: self.chance, tell=lambda text, now: self.told.append(text))
        self.core.add(self.sbc, is_fallback=True)
        self.peers: dict[tuple[str, int], Peer] = {}
        self.log: list[tuple[float, str, str, Message]] = []
        "When, from whom, to whom, what."

    def peer(self, name: str, host: str, port: int = 5060, transport: str = "UDP") -> Peer:
        """Return a peer at an address."""
        found = Peer(self, name, Hop(transport, host, port, 0 if transport == "UDP" else len(self.peers) + 7))
        self.peers[host, port] = found
        return found

    def put(self, source: Peer, message: Message) -> None:
        """Have the SBC receive a message."""
        data = message.to_bytes()
        self.log.append((self.now, source.name, "sbc", parse_message(data)))
        self.core.receive(data, source.hop, self.now)
        self.flush()

    def flush(self) -> None:
        """Deliver what the SBC sends."""
        while sendings := self.core.to_send():
            for sending in sendings:
                peer = self.peers.get((sending.hop.host, sending.hop.port))
                message = parse_message(sending.data)
                assert isinstance(message, Request | Response)
                self.log.append((self.now, "sbc", peer.name if peer else str(sending.hop), message))
                if peer is not None:
                    peer.take(message)

    def run(self, seconds: float) -> World:
        """Let time pass."""
        end = self.now + seconds
        for _ in range(100_000):
            at = self.core.next_timer
            if at is None or at > end:
                break
            self.now = max(self.now, at)
            self.core.on_timer(self.now)
            self.flush()
        else:
            raise AssertionError("time does not pass")
        self.now = end
        return self

    def assert_both_legs_are_free(self) -> None:
        """Fail if anything of any call is left: a dialog, a call, a transaction, a timer."""
        self.run(QUIET_S)
        assert not self.sbc.relays, [relay.why for relay in self.sbc.relays]
        assert self.sbc.dialogs == 0
        assert not [entry for entry in self.sbc.agenda.entries if not type(entry).__name__.startswith(("_Bound", "KeepAlive"))]
        assert self.core.layer.is_empty, "a transaction is left"


class Peer:
    """Somebody on one side; says what it is told and keeps what it hears."""

    def __init__(self, world: World, name: str, hop: Hop) -> None:
        self.world = world
        self.name = name
        self.hop = hop
        self.inbox: list[Request | Response] = []
        self._seen: set[bytes] = set()
        self._numbers = itertools.count(1)
        self.repeated = 0
        self.extra: tuple[tuple[str, str], ...] = ()
        "Headers of every request."
        self.user = name

    def __repr__(self) -> str:
        return self.name

    def take(self, message: Request | Response) -> None:
        """Keep what was sent here; a repetition is counted alone."""
        data = message.to_bytes()
        if data in self._seen:
            self.repeated += 1
            return
        self._seen.add(data)
        self.inbox.append(message)

    # What came

    def next(self) -> Request | Response:
        """Return the next message but 100s."""
        while self.inbox:
            found = self.inbox.pop(0)
            if not (isinstance(found, Response) and found.status == 100):
                return found
        raise AssertionError(
            f"nothing came to {self.name}; the log ends {[str(line[3].start_line) for line in self.world.log[-6:]]}"
        )

    def request(self, method: str) -> Request:
        """Return the next message, which is a request of that method."""
        found = self.next()
        assert isinstance(found, Request) and found.method == method, f"{self.name} wants {method}, got {found.start_line}"
        return found

    def response(self, status: int) -> Response:
        """Return the next message, which is a response of that status."""
        found = self.next()
        assert isinstance(found, Response) and found.status == status, f"{self.name} wants {status}, got {found.start_line}"
        return found

    @property
    def heard(self) -> list[str]:
        """Return what lies in the inbox, in short."""
        return [one.method if isinstance(one, Request) else str(one.status) for one in self.inbox]

    # What is said

    def via(self) -> str:
        """Return a Via with a branch that nobody else has."""
        hop = self.hop
        return f"SIP/2.0/{hop.transport} {self.host}:{hop.port};branch=z9hG4bK-{self.name}-{next(self._numbers)};rport"

    @property
    def contact(self) -> str:
        """Return its Contact."""
        transport = "" if self.hop.transport == "UDP" else f";transport={self.hop.transport.lower()}"
        return f"<sip:{self.user}@{self.host}:{self.hop.port}{transport}>"

    @property
    def host(self) -> str:
        """Return its address as it stands in URIs."""
        return f"[{self.hop.host}]" if ":" in self.hop.host else self.hop.host

    def say(self, message: Message) -> None:
        """Send."""
        self.world.put(self, message)

    def ask(
        self,
        method: str,
        uri: str,
        *headers: tuple[str, str],
        body: bytes = b"",
        from_: str = "",
        to: str = "",
        cseq: int = 1,
        call_id: str = "",
        tag: str = "",
        forwards: int = 70,
        contact: str | None = None,
    ) -> Request:
        """Send a request outside of dialogs, and return it."""
        number = next(self._numbers)
        made = Request(method, uri)
        add = made.headers.add
        add("Via", self.via())
        add("Max-Forwards", forwards)
        add("From", f"{from_ or f'<sip:{self.user}@corp.example>'};tag={tag or f'{self.name}-{number}'}")
        add("To", to or f"<{uri}>")
        add("Call-ID", call_id or f"{self.name}-call-{number}")
        add("CSeq", CSeq(cseq, method))
        if contact != "":
            add("Contact", contact or self.contact)
        for name, value in (*self.extra, *headers):
            add(name, value)
        if body:
            made.set_body(body, "application/sdp")
        self.say(made)
        return made

    def answer(
        self,
        request: Request,
        status: int,
        *headers: tuple[str, str],
        body: bytes = b"",
        tag: str | None = None,
        contact: str = "",
    ) -> Response:
        """Answer a request, and return the answer."""
        made = answer(request, status, to_tag=(tag or f"{self.name}-tag") if status > 100 else None)
        if 100 < status < 300 and request.method in ("INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER", "REGISTER"):
            made.headers.add("Contact", contact or self.contact)
        for name, value in headers:
            made.headers.add(name, value)
        if body:
            made.set_body(body, "application/sdp")
        self.say(made)
        return made

    def send(self, dialog: Dialog, method: str, *headers: tuple[str, str], body: bytes = b"", cseq: int | None = None) -> Request:
        """Send a request in a dialog, and return it."""
        made = dialog.request(method, cseq=cseq)
        made.headers.add_first("Via", self.via())
        if method in ("INVITE", "UPDATE", "REFER", "NOTIFY", "SUBSCRIBE"):
            made.headers.add("Contact", self.contact)
        for name, value in headers:
            made.headers.add(name, value)
        if body:
            made.set_body(body, "application/sdp")
        self.say(made)
        return made


def place(
    caller: Peer,
    callee: Peer,
    uri: str = "sip:200@corp.example",
    *headers: tuple[str, str],
    answers: tuple[tuple[str, str], ...] = (),
    offer: bytes = OFFER,
    tag: str | None = None,
) -> tuple[Dialog, Dialog]:
    """Call through the SBC and be answered; return the dialogs of both ends.  Nothing is left in the inboxes."""
    invite = caller.ask("INVITE", uri, *headers, body=offer)
    arrived = callee.request("INVITE")
    callee.answer(arrived, 180, tag=tag)
    caller.response(180)
    accepted = callee.answer(arrived, 200, *answers, body=ANSWER, tag=tag)
    ours = acknowledge(caller, callee, invite, caller.response(200))
    theirs = dialog_of_server(arrived, accepted.to.tag or "", is_accepted=True)
    return ours, theirs


def acknowledge(caller: Peer, callee: Peer, invite: Request, ok: Response) -> Dialog:
    """ACK an answer, which has to reach the callee; return the caller's dialog."""
    dialog = dialog_of_client(invite, ok)
    assert dialog is not None
    caller.send(dialog, "ACK")
    callee.request("ACK")
    return dialog


def hang_up(caller: Peer, callee: Peer, dialog: Dialog) -> None:
    """End a call from the first one's side."""
    caller.send(dialog, "BYE")
    caller.response(200)
    callee.answer(callee.request("BYE"), 200)


def two_servers(
    values: Mapping[str, int | str] | None = None,
    a: Mapping[str, int] | None = None,
    b: Mapping[str, int] | None = None,
    *,
    a_more: Mapping[str, object] | None = None,
    b_more: Mapping[str, object] | None = None,
    chance: float = 0.5,
) -> tuple[World, Peer, Peer]:
    """Return a world with a caller and a callee known by address, with global settings and a profile for each side."""
    groups = {
        "a": {"proxies": ["10.0.1.1:5060"], "profile": a or {}, **(a_more or {})},
        "b": {"proxies": ["10.0.2.1:5060"], "profile": b or {}, **(b_more or {})},
    }
    world = World(a_site(values, groups), chance=chance)
    return world, world.peer("a", "10.0.1.1"), world.peer("b", "10.0.2.1")


def three_servers(
    values: Mapping[str, int | str] | None = None,
    a: Mapping[str, int] | None = None,
    b: Mapping[str, int] | None = None,
    **more: Mapping[str, object],
) -> tuple[World, Peer, Peer, Peer]:
    """Return a world of three sides: calls to numbers with 3 go to c, others from a to b and from b and c to a."""
    groups = {
        "a": {"proxies": ["10.0.1.1:5060"], "profile": a or {}, **more.get("a_more", {})},
        "b": {"proxies": ["10.0.2.1:5060"], "profile": b or {}, **more.get("b_more", {})},
        "c": {"proxies": ["10.0.3.1:5060"]},
    }
    routes = (
        {"DestUsernamePrefix": "3*", "DestIPGroupName": "c"},
        {"SrcIPGroupName": "a", "DestIPGroupName": "b"},
        {"DestIPGroupName": "a"},
    )
    world = World(a_site(values, groups, routes))
    return world, world.peer("a", "10.0.1.1"), world.peer("b", "10.0.2.1"), world.peer("c", "10.0.3.1")
