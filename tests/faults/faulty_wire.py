"""A network in simulated time between phones and our registrar; what happens to each packet stands in a list."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from phone_wire import PASSWORD, REALM, SERVER, START, T46G, settings

from sipstub.core.compose import Stub, compose
from sipstub.core.places import Place as Listening
from sipstub.core.places import Places
from sipstub.phone.agent.agent import PhoneAgent
from sipstub.phone.agent.event import PhoneEvent
from sipstub.phone.agent.incoming import Answering
from sipstub.phone.agent.place import Place
from sipstub.phone.identity import PhoneIdentity
from sipstub.registrar.binding import Binding, BindingChange
from sipstub.registrar.policy import Policy
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import RegistrarUser, Users
from sipstub.sip.framing import is_keep_alive
from sipstub.transaction.sending import Hop

DELAY_S = 0.010
LATE = {"lost": (), "doubled": (DELAY_S, DELAY_S), "overtaken": (4.5 * DELAY_S,), "late": (0.75,), "very late": (4.0,),
        "doubled late": (DELAY_S, 4.0)}  # fmt: skip
"What can happen to a packet: when its copies arrive.  A late one comes after its repetition, none later than T4."
FAULTS = tuple(LATE)
FLUSH_S = 1.0
"Of `provisioner serve`.  A REGISTER does not wait for a disk."
AOR = "sip:1001@registrar.invalid"


def a_phone(host: str, changes: Mapping[str, str], mac: str = "001565aabbcc") -> PhoneAgent:
    """Return a phone at an address of its own."""
    identity = PhoneIdentity.of(mac, T46G)
    return PhoneAgent(identity, settings(changes), source=random.Random(mac), place=Place(host))


class Keeper:
    """Keeps bindings as the served registrar does: what is younger than FLUSH_S is not on the disk yet."""

    def __init__(self) -> None:
        self._changes: list[BindingChange] = []

    def load(self) -> list[Binding]:
        found: dict[str, Binding | None] = {}
        for change in self._changes:
            found[change.binding.id] = None if change.is_removal else change.binding
        return [binding for binding in found.values() if binding is not None]

    def save(self, changes: tuple[BindingChange, ...]) -> None:
        self._changes += changes

    def after(self, now: float, *, is_killed: bool) -> Keeper:
        """Return what is left of it after a restart."""
        found = Keeper()
        found._changes = [change for change in self._changes if not is_killed or change.at <= now - FLUSH_S]
        return found


@dataclass
class Network:
    """Phones by host, and perhaps the registrar; `faults` says what happens to the packet of that number, from 0."""

    phones: dict[str, PhoneAgent]
    stub: Stub | None = None
    faults: Mapping[int, str] = field(default_factory=dict)
    now: float = START
    count: int = 0
    "Packets sent."
    events: dict[str, list[PhoneEvent]] = field(default_factory=dict)
    changes: list[BindingChange] = field(default_factory=list)
    restarts: Mapping[int, bool] = field(default_factory=dict)
    "With the packet of that number the registrar is started anew; True kills it, and its last second is lost."
    store: Keeper | None = None

    def __post_init__(self) -> None:
        self._flying: list[tuple[float, int, str, str, bytes]] = []
        self._order = itertools.count()
        if self.stub is not None:
            self.stub.registering.watch(self.changes.append)

    def run(self, seconds: float) -> Network:
        """Let time pass."""
        self.settle()
        end = self.now + seconds
        while (due := self._next()) is not None and due <= end:
            self.now = max(self.now, due)
            while self._flying and self._flying[0][0] <= self.now:
                _, _, source, target, data = heapq.heappop(self._flying)
                self._deliver(source, target, data)
                self.settle()
            if self.stub is not None:
                self.stub.core.on_timer(self.now)
            for phone in self.phones.values():
                phone.on_timer(self.now)
            self.settle()
        self.now = end
        return self

    def settle(self) -> None:
        """Put on the wire what anybody wants to send; call it after making one of them do something."""
        parties = [(SERVER, self.stub.core)] if self.stub is not None else []
        for host, party in (*parties, *self.phones.items()):
            for sending in party.to_send():
                if not is_keep_alive(sending.data):
                    self._fly(host, sending.hop.host, sending.data)
        for host, phone in self.phones.items():
            while (event := phone.next_event()) is not None:
                self.events.setdefault(host, []).append(event)

    def _fly(self, source: str, target: str, data: bytes) -> None:
        if self.count in self.restarts and self.store is not None:
            self.store = self.store.after(self.now, is_killed=self.restarts[self.count])
            self.stub = a_stub(self.store, self.now)
            self.stub.registering.watch(self.changes.append)
        delays: Iterable[float] = (DELAY_S,)
        if (fault := self.faults.get(self.count)) is not None:
            delays = LATE[fault]
        self.count += 1
        for delay in delays:
            heapq.heappush(self._flying, (self.now + delay, next(self._order), source, target, data))

    def _deliver(self, source: str, target: str, data: bytes) -> None:
        if target in self.phones:
            self.phones[target].receive(data, Hop("UDP", source, 5060, 5060), self.now)
        elif self.stub is not None and target == SERVER:
            self.stub.core.receive(data, Hop("UDP", source, 5060, 1), self.now)

    def _next(self) -> float | None:
        times = [self._flying[0][0] if self._flying else None, *(phone.next_timer for phone in self.phones.values())]
        if self.stub is not None:
            times.append(self.stub.core.next_timer)
        return min((time for time in times if time is not None), default=None)


def a_stub(store: Keeper | None = None, now: float = START) -> Stub:
    """Return a registrar that knows the phone of `phone_wire`, with the bindings of its store."""
    users = Users([RegistrarUser.of("1001", PASSWORD, REALM, auth_name="auth-1001")])
    stub = compose(Registrar(users, Policy(REALM), b"k" * 32, store, since=now))
    stub.core.places = Places((Listening("UDP", SERVER, 5060),))
    if store is not None:
        stub.registrar.restore(store.load(), now)
    return stub


def between_phones(faults: Mapping[int, str], answering: Answering) -> Network:
    """Return two phones that call each other without a registrar: the second stands where the first has its server."""
    caller = a_phone("127.0.0.9", {"account.1.register_mac": "0"})
    callee = a_phone(SERVER, {"account.1.user_name": "2002", "account.1.sip_server.1.address": "127.0.0.9"}, "001565aabbdd")
    callee.answering = answering
    return Network({"127.0.0.9": caller, SERVER: callee}, faults=faults)
