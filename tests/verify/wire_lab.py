"""A phone, the wire and our own stub in simulated time: everything is real but sockets and the clock.

The wire is looked at beside the phone, as a mirrored switch port would show it: packets to places where nobody listens are
recorded too, and get no answer.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from verify_builders import CATALOGUE, OBSERVABLES

from provisioner.expectations.build import Delivered, build_expectations, read_cfg_files, subject_of
from sipstub.core.compose import Stub, compose
from sipstub.media.place import NO_MEDIA, MediaPlace
from sipstub.phone.agent.agent import PhoneAgent
from sipstub.phone.agent.call import Call
from sipstub.phone.agent.event import Resync
from sipstub.phone.agent.place import Place
from sipstub.phone.format.cfg import parse_cfg
from sipstub.phone.format.effective import Effective, apply_files
from sipstub.phone.identity import PhoneIdentity, PhoneModel
from sipstub.registrar.policy import Policy
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import RegistrarUser, Users
from sipstub.sip.answer import answer
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.reader import parse_message
from sipstub.trace.record import Endpoint, Recorder, Transport
from sipstub.transaction.event import RequestArrived
from sipstub.transaction.layer import TransactionLayer
from sipstub.transaction.sending import Hop
from sipstub.verify.expectation import Expectations
from sipstub.verify.facts import Facts, Fetch

START = 1_750_000_000.0
PHONE_HOST = "127.66.1.7"
HOP_S = 0.002
"What a packet takes on the wire."
REALM = "lab"
GRANTED_S = 120
"Longest that the registrar gives, so that refreshes come soon."
BOOT_S, RESTART_S, FETCH_S = 2.0, 40.0, 0.2
"From the last file to the first REGISTER, from a restart to the first file, and between files."
WATCHED = tuple(f"127.0.0.{number}" for number in range(2, 6))
"Servers, proxy and STUN server."
LISTENING = (5060, 5061)
MIN_EXPIRES_S = 7200
"What the registrar wants at least when it answers 423."
MAX_PACKETS = 20_000
_WIRE: dict[str, Transport] = {"UDP": "udp", "TCP": "tcp", "TLS": "tls"}
_SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 30000 RTP/AVP 9 0 8 18 106 101\r\n"
    b"a=rtpmap:106 iLBC/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)

Gate = Callable[[Request, Hop], "int | None"]
"What the far side does instead of its usual: a status, 0 for silence, or None for nothing unusual."


class Callee:
    """Answers calls of phones at once, reliably where that is offered."""

    methods = ("INVITE", "ACK", "BYE", "INFO", "PRACK", "UPDATE")

    def __init__(self, address: str = "127.0.0.2:5060") -> None:
        self._contact = f"<sip:far@{address}>"

    def handle(self, arrived: RequestArrived, now: float) -> Response | None:
        if arrived.transaction is None:
            return None
        request = arrived.request
        found = answer(request, 200, to_tag=arrived.transaction.to_tag)
        if request.method == "INVITE":
            found.headers.add("Contact", self._contact)
            found.headers.add("Content-Type", "application/sdp")
            found.set_body(_SDP)
        found.headers.set("Content-Length", len(found.body))
        return found

    def next_timer(self) -> float | None:
        return None

    def on_timer(self, now: float) -> None:
        pass


@dataclass
class Lab:
    """One phone with its files, and our stub."""

    files: Sequence[Delivered]
    model: PhoneModel
    mac: str
    disobey: tuple[str, ...] = ()
    seed: int = 1
    media: MediaPlace = NO_MEDIA
    "Of the phone's calls."
    lost: float = 0.0
    "Share of datagrams that never arrive."
    doubled: float = 0.0
    "Share of datagrams that arrive twice."
    now: float = START
    gate: Gate = lambda request, hop: None
    boots: list[float] = field(default_factory=list)
    fetches: list[Fetch] = field(default_factory=list)
    packets: int = 0

    def __post_init__(self) -> None:
        self.identity = PhoneIdentity.of(self.mac, self.model)
        self.settings: Effective = apply_files(Effective(), [(file.name, parse_cfg(file.body)) for file in self.files])
        subject = subject_of(self.model.name, self.mac, CATALOGUE.models[self.model.name], firmware=self.identity.firmware)
        self.expectations: Expectations = build_expectations(read_cfg_files(self.files), OBSERVABLES, subject, CATALOGUE)
        self.recorder = Recorder(max_age_s=1e9, max_phone_messages=MAX_PACKETS, max_phone_bytes=2**28)
        self._random = random.Random(self.seed)
        self._dice = random.Random(self.seed)
        self._tokens = itertools.count(1)
        self.stub: Stub = compose(
            Registrar(self._users(), Policy(REALM, max_expires_s=GRANTED_S, default_expires_s=GRANTED_S), b"k" * 32),
            TransactionLayer(token=lambda: f"stub{next(self._tokens)}"),
        )
        self.stub.core.add(Callee())
        self.agent: PhoneAgent | None = None
        self._locals: list[Endpoint] = []
        self._streams: dict[tuple[str, str, int], int] = {}
        self._ways: dict[int, Hop] = {}
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._is_told = False
        "Whether a check-sync is being obeyed: another one changes nothing."

    def _users(self) -> Users:
        found, said = [], self.expectations
        for account in said.accounts:
            user, password = said.text("user-name", account), said.text("password", account)
            if user:
                login = said.text("auth-name", account) or user
                found.append(RegistrarUser.of(user, password, REALM, auth_name=login))
        return Users(found)

    # -- time

    def run(self, seconds: float) -> Lab:
        """Let time pass, and everything happen that is due."""
        end = self.now + seconds
        self._carry()
        while (due := self._next()) is not None and due <= end:
            self.now = max(self.now, due)
            for item in [item for item in self._later if item[0] <= self.now]:
                self._later.remove(item)
                item[1]()
            if self.agent is not None:
                self.agent.on_timer(self.now)
            self.stub.core.on_timer(self.now)
            self._carry()
        self.now = max(self.now, end)
        return self

    def _next(self) -> float | None:
        times = [self.stub.core.next_timer, *(at for at, _ in self._later)]
        times.append(self.agent.next_timer if self.agent is not None else None)
        return min((at for at in times if at is not None), default=None)

    # -- the phone

    def boot(self) -> Lab:
        """Switch the phone on: it fetches its files and does what they say."""
        if self.agent is not None:
            self.agent.stop()
        self.agent = None
        self.boots.append(self.now)
        self._fetch(is_boot=True)
        self._later.append((self.now + BOOT_S, self._switch_on))
        return self

    def _fetch(self, *, is_boot: bool) -> None:
        self._is_told = False
        for file in self.files:
            self.now += FETCH_S
            self.fetches.append(Fetch(self.now, file.name, is_boot, is_delivered=True))

    def _switch_on(self) -> None:
        self.agent = PhoneAgent(
            self.identity,
            self.settings,
            source=self._random,
            place=Place(PHONE_HOST),
            disobey=self.disobey,
            media=self.media,
        )
        self.agent.start(self.now)

    def _told(self) -> None:
        while self.agent is not None and (event := self.agent.next_event()) is not None:
            if isinstance(event, Resync) and not self._is_told:
                self._is_told = True
                what = self.boot if event.is_reboot else lambda: self._fetch(is_boot=False)
                self._later.append((self.now + (RESTART_S if event.is_reboot else FETCH_S), what))  # type: ignore[arg-type]

    # -- what is done to it

    def call_out(self, account: int, number: str = "2002", digits: str = "5") -> Lab:
        """Have it call, press digits and hang up."""
        assert self.agent is not None
        call: Call | None = self.agent.call(account, number, self.now)
        self.run(1.0)
        for digit in digits if call is not None else "":
            call.press(digit, self.now)  # type: ignore[union-attr]
            self.agent.on_timer(self.now)
            self.run(1.0)
        self.run(15.0)
        if call is not None:
            call.hang_up(self.now)
            self.agent.on_timer(self.now)
        return self.run(1.0)

    def ask(self, method: str, accounts: int = 16, **headers: str) -> Lab:
        """Send a request to the contact of each account, or of the first few."""
        for account in self.expectations.enabled[:accounts]:
            user = self.expectations.text("user-name", account)
            binding = next(iter(self.stub.registrar.bindings(f"sip:{user}@registrar.invalid", self.now)), None)
            if binding is None:
                continue
            number = next(self._tokens)
            request = Request(
                method,
                str(binding.uri),
                [
                    ("From", f"<sip:lab@127.0.0.2>;tag=lab{number}"),
                    ("To", f"<sip:{user}@127.0.0.2>"),
                    ("Call-ID", f"lab-{number}"),
                    ("CSeq", f"1 {method}"),
                    ("Contact", "<sip:lab@127.0.0.2:5060>"),
                    ("Max-Forwards", "70"),
                    *((name.replace("_", "-"), value) for name, value in headers.items()),
                ],
            )
            request.headers.add("Content-Length", 0)
            self.stub.core.request(request, self.stub.core.hop_to(binding), self.now)
            self._carry()
        return self

    # -- the wire

    def _carry(self) -> None:
        while True:
            self._told()
            out = self.agent.to_send() if self.agent is not None else []
            back = self.stub.core.to_send()
            if not out and not back:
                return
            for sending in out:
                self._from_phone(sending.data, sending.hop)
            for sending in back:
                self._to_phone(sending.data, sending.hop)

    def _arrivals(self, hop: Hop) -> int:
        """Return how often a packet arrives."""
        if hop.is_reliable or not (self.lost or self.doubled):
            return 1
        drawn = self._dice.random()
        return 0 if drawn < self.lost else 2 if drawn < self.lost + self.doubled else 1

    def _from_phone(self, data: bytes, hop: Hop) -> None:
        self.now += HOP_S
        for _ in range(self._arrivals(hop)):
            self._arrive(data, hop)

    def _arrive(self, data: bytes, hop: Hop) -> None:
        local = Endpoint(_WIRE[hop.transport], hop.host, hop.port)
        if local not in self._locals:
            self._locals.append(local)
        port = hop.socket
        if hop.is_reliable:
            port = self._streams.setdefault((hop.transport, hop.host, hop.port), 40_001 + len(self._streams))
        source = Hop(hop.transport, PHONE_HOST, port, self._locals.index(local) + 1)
        self._ways[port] = source
        self._record(True, local, source, data)
        message = _message(data)
        if hop.port not in LISTENING:
            return
        if isinstance(message, Request) and (status := self.gate(message, hop)) is not None:
            if status:
                response = answer(message, status, to_tag="gate")
                if status == 423:
                    response.headers.add("Min-Expires", MIN_EXPIRES_S)
                response.headers.add("Content-Length", 0)
                self._to_phone(response.to_bytes(), source)
            return
        self.stub.core.receive(data, source, self.now)

    def _to_phone(self, data: bytes, hop: Hop) -> None:
        way = hop if hop.socket else self._ways.get(hop.port, hop)
        if not way.socket or self.agent is None:
            return
        local = self._locals[way.socket - 1]
        self._record(False, local, way, data)
        back = Hop(hop.transport, local.host, local.port, 0 if hop.is_reliable else way.port)
        for _ in range(self._arrivals(hop)):
            self.agent.receive(data, back, self.now)

    def _record(self, is_inbound: bool, local: Endpoint, hop: Hop, data: bytes) -> None:
        self.packets += 1
        assert self.packets < MAX_PACKETS, "this never ends"
        self.now += HOP_S
        self.recorder.record(is_inbound, local, Endpoint(_WIRE[hop.transport], hop.host, hop.port), data, self.now)

    # -- afterwards

    def facts(self) -> Facts:
        """Return what there was to see."""
        return Facts.of(self.recorder.messages(), boots=self.boots, fetches=self.fetches, hosts=WATCHED, until=self.now)


def _message(data: bytes) -> Message | None:
    return parse_message(data) if data[:1].isalpha() else None
