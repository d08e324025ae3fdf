"""Two equal stubs, one of them without the short way of a plain REGISTER: what one does, the other must do to the byte."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sipstub.core.compose import Stub, compose
from sipstub.registrar.binding import Binding, BindingChange
from sipstub.registrar.policy import Policy
from sipstub.registrar.reason import RegistrarEvent
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import RegistrarUser, Users
from sipstub.sip.credentials import Challenge
from sipstub.sip.digest import make_ha1, respond
from sipstub.sip.message import Response
from sipstub.sip.reader import parse_message
from sipstub.transaction.layer import TransactionLayer
from sipstub.transaction.sending import Hop, Sending

NOW = 1_800_000_000.0
REALM, PASSWORD = "stub.example", "pw"
PHONE = Hop("UDP", "127.0.0.1", 5062, 1)
USERS = ("100", "101", "a.b-c")
SERVES = ("stub.example", "127.0.0.1")


def a_policy(**more: object) -> Policy:
    return Policy(REALM, domains=SERVES, **more)  # type: ignore[arg-type]


@dataclass
class Side:
    """One stub, and what it said to those who watch."""

    stub: Stub
    changes: list[BindingChange] = field(default_factory=list)
    events: list[RegistrarEvent] = field(default_factory=list)

    @property
    def state(self) -> tuple[object, ...]:
        """Return all that lasts."""
        registrar, layer, core = self.stub.registrar, self.stub.core.layer, self.stub.core
        bindings: list[Binding] = sorted(registrar.location, key=lambda one: one.id)
        return (
            bindings, list(self.changes), list(self.events), registrar.location.next_expiry(),
            registrar.authenticator.used_nonces, registrar.authenticator.failures._counts,
            len(layer), layer.held_bytes, layer.counts, core.counts, core.next_timer,
            sorted(map(repr, layer._servers._servers)), sorted(map(repr, layer._servers._merging)),
            list(map(repr, layer._servers._answered)), layer._servers._open,
        )  # fmt: skip


class Twins:
    """The two of them, fed with the same."""

    def __init__(self, policy: Policy | None = None, users: Users | None = None) -> None:
        known = users if users is not None else Users([RegistrarUser.of(name, PASSWORD, REALM) for name in USERS])
        self.policy = policy or a_policy()
        self.sides = [Side(self._a_stub(known)) for _ in range(2)]
        for side in self.sides:
            side.stub.registering.watch(side.changes.append, side.events.append)
        self.short, self.long = (side.stub.core for side in self.sides)
        way = self.short.plain
        assert way is not None
        self.short.plain = self._counted(way)
        self.long.plain = None
        self.taken = 0
        "Messages that went the short way."
        self.now = NOW

    def _a_stub(self, users: Users) -> Stub:
        numbers = itertools.count(1)
        layer = TransactionLayer(token=lambda: f"{next(numbers):016x}")
        return compose(Registrar(users, self.policy, b"k" * 32), layer)

    def _counted(self, way: Callable[[bytes, Hop, float], bool]) -> Callable[[bytes, Hop, float], bool]:
        def take(data: bytes, source: Hop, now: float) -> bool:
            found = way(data, source, now)
            self.taken += found
            return found

        return take

    def ask(self, data: bytes, source: Hop = PHONE, after_s: float = 0.001) -> list[bytes]:
        """Return what both answer, once it is known that it is the same, and that nothing differs behind it."""
        self.now += after_s
        found: list[list[Sending]] = []
        for side in self.sides:
            side.stub.core.on_timer(self.now)
            side.stub.core.receive(data, source, self.now)
            found.append(side.stub.core.to_send())
        one, two = ([(sending.data, sending.hop, sending.transaction is None) for sending in sent] for sent in found)
        assert one == two, data
        assert self.sides[0].state == self.sides[1].state, data
        return [sending.data for sending in found[0]]

    def challenge(self, data: bytes, source: Hop = PHONE) -> Challenge:
        """Return the challenge that a REGISTER is answered with."""
        answer = parse_message(self.ask(data, source)[0])
        assert isinstance(answer, Response)
        assert answer.status == 401, answer
        return answer.www_authenticate[0]


@dataclass(frozen=True)
class Draft:
    """A REGISTER as phones write it, line by line."""

    user: str = "100"
    uri: str = "sip:stub.example"
    via: str = "127.0.0.1:5062"
    branch: str = "z9hG4bK1"
    rport: str = ";rport"
    call_id: str = "call-1"
    cseq: str = "1"
    contact: str = "<sip:100@127.0.0.1:5062>"
    expires: str = "3600"
    agent: str = "Yealink SIP-T46G 28.80.0.60"
    address: str = ""
    authorization: str = ""
    tag: str = "f1"
    more: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the lines, the last two of them empty."""
        address = self.address or f'"Phone {self.user}" <sip:{self.user}@stub.example:5060>'
        return [
            f"REGISTER {self.uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.via};branch={self.branch}{self.rport}",
            f"From: {address};tag={self.tag}",
            f"To: {address}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} REGISTER",
            f"Contact: {self.contact}",
            *([f"Authorization: {self.authorization}"] if self.authorization else []),
            "Allow: INVITE, INFO, PRACK, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REGISTER, SUBSCRIBE, REFER, PUBLISH, UPDATE, MESSAGE",
            "Max-Forwards: 70",
            f"User-Agent: {self.agent}",
            f"Expires: {self.expires}",
            "Allow-Events: talk,hold,conference,refer,check-sync",
            *self.more,
            "Content-Length: 0",
            "",
            "",
        ]

    def __bytes__(self) -> bytes:
        return "\r\n".join(self.lines()).encode("utf-8", "surrogateescape")

    def signed(self, challenge: Challenge, *, password: str = PASSWORD, nc: int = 1, login: str = "", form: str = "") -> Draft:
        """Return the next request of the same call, with credentials."""
        name = login or self.user
        credentials = respond(
            challenge, method="REGISTER", uri=self.uri, username=name, nc=nc, cnonce="c0ffee", ha1=make_ha1(name, REALM, password)
        )
        text = str(credentials).replace(", ", form) if form else str(credentials)
        number = f"{int(self.cseq) + 1}"
        return replace(self, authorization=text, cseq=number, branch=f"{self.branch}-{number}")
