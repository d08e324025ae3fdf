"""A wire in memory: one phone, a scripted far side, time by hand, messages lost by number."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sipstub.phone.agent.agent import PhoneAgent
from sipstub.phone.agent.event import PhoneEvent
from sipstub.phone.agent.place import Place
from sipstub.phone.format.cfg import parse_cfg
from sipstub.phone.format.effective import Effective, merge
from sipstub.phone.identity import PhoneIdentity, PhoneModel
from sipstub.sip.answer import answer
from sipstub.sip.digest import challenge_for, check, make_ha1
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.reader import parse_message
from sipstub.transaction.sending import Hop

T46G = PhoneModel("T46G", "SIP-T46G", "y000000000028.cfg", "28.80.0.60", codec_slots=11)
START = 1_000.0
REALM = "pbx.example"
PASSWORD = "secret-1001"
SERVER = "127.0.0.2"
BASE = {
    "account.1.enable": "1",
    "account.1.user_name": "1001",
    "account.1.auth_name": "auth-1001",
    "account.1.password": PASSWORD,
    "account.1.display_name": "Front Desk",
    "account.1.sip_server.1.address": SERVER,
    "account.1.sip_server.1.port": "5060",
}


def settings(*changes: Mapping[str, str], base: Mapping[str, str] = BASE) -> Effective:
    """Return the settings of a file with the base and these changes."""
    merged = dict(base)
    for change in changes:
        merged |= change
    text = "#!version:1.0.0.1\n" + "".join(f"{name} = {value}\n" for name, value in merged.items())
    return merge(None, parse_cfg(text.encode()), mac_name="001565aabbcc.cfg")


def a_phone(
    *changes: Mapping[str, str],
    disobey: Iterable[str] = (),
    model: PhoneModel = T46G,
    seed: int = 1,
    names: Mapping[str, tuple[str, ...]] | None = None,
) -> PhoneAgent:
    """Return a phone with the base settings and these changes."""
    identity = PhoneIdentity.of("001565aabbcc", model)
    source = random.Random(seed)
    return PhoneAgent(identity, settings(*changes), source=source, place=Place("127.0.0.9"), names=names, disobey=disobey)


@dataclass(frozen=True)
class Seen:
    """One thing that the phone sent."""

    at: float
    hop: Hop
    data: bytes

    @property
    def message(self) -> Message | None:
        return parse_message(self.data) if self.data[:1].isalpha() else None

    @property
    def method(self) -> str:
        message = self.message
        return message.method if isinstance(message, Request) else ""

    @property
    def request(self) -> Request:
        message = self.message
        assert isinstance(message, Request)
        return message


Script = Callable[[Request, Hop], list[Response]]


@dataclass
class Registrar:
    """The far side: challenges once, then takes everything; `change` may say something else."""

    is_open: bool = False
    "Whether it takes everybody without a challenge."
    granted_s: int | None = None
    min_expires_s: int = 0
    refuse: dict[str, int] = field(default_factory=dict)
    "Status by method, in place of 200."
    silent: set[str] = field(default_factory=set)
    "Hosts that do not answer."
    refused: list[str] = field(default_factory=list)
    "Why credentials were refused."
    auth_names: Mapping[str, str] = field(default_factory=lambda: {"auth-1001": PASSWORD, "1001": PASSWORD})
    _nonces: int = 0
    _used: dict[str, int] = field(default_factory=dict)

    def __call__(self, request: Request, hop: Hop) -> list[Response]:
        if hop.host in self.silent or request.method == "ACK":
            return []
        if request.method in self.refuse:
            return [self._made(request, self.refuse[request.method])]
        if not self.is_open and request.method in ("REGISTER", "SUBSCRIBE", "INVITE") and not self._is_authorized(request):
            self._nonces += 1
            found = answer(request, 401, to_tag="far")
            found.headers.add("WWW-Authenticate", challenge_for(REALM, f"nonce-{self._nonces}"))
            return [found]
        if request.method == "REGISTER" and 0 < (request.expires or 0) < self.min_expires_s:
            found = self._made(request, 423)
            found.headers.add("Min-Expires", self.min_expires_s)
            return [found]
        return [self._made(request, 200)]

    def _made(self, request: Request, status: int) -> Response:
        found = answer(request, status, to_tag="far")
        expires = request.expires
        if status == 200 and request.method in ("REGISTER", "SUBSCRIBE") and expires is not None:
            found.headers.add("Expires", expires if self.granted_s is None or not expires else self.granted_s)
        if status == 200 and request.method == "REGISTER" and expires:
            found.headers.add("Contact", f"{request.contacts.addresses[0]};expires={self.granted_s or expires}")
        if status == 200 and request.method in ("SUBSCRIBE", "INVITE"):
            found.headers.add("Contact", "<sip:far@127.0.0.2:5060>")
        return found

    def _is_authorized(self, request: Request) -> bool:
        if not request.authorization:
            return False
        found = request.authorization[0]
        password = self.auth_names.get(found.username)
        if password is None:
            self.refused.append(f"user {found.username!r}")
        elif found.realm != REALM:
            self.refused.append(f"realm {found.realm!r}")
        elif found.uri != request.uri_text:
            self.refused.append(f"uri {found.uri!r}")
        elif found.nc <= self._used.get(found.nonce, 0):
            self.refused.append(f"nc {found.nc}")
        elif not check(found, make_ha1(found.username, REALM, password), request.method, request.body):
            self.refused.append("response")
        else:
            self._used[found.nonce] = found.nc
            return True
        return False


class Wire:
    """Carries messages at once; `lost` has the numbers (from 0) of the phone's messages that never arrive."""

    def __init__(self, phone: PhoneAgent, far: Script | None = None, lost: Iterable[int] = ()) -> None:
        self.phone = phone
        self.far: Script = far or Registrar()
        self.now = START
        self.seen: list[Seen] = []
        self.events: list[PhoneEvent] = []
        self._lost = set(lost)

    def start(self) -> Wire:
        """Switch the phone on."""
        self.phone.start(self.now)
        self._carry()
        return self

    def run(self, seconds: float) -> Wire:
        """Let time pass, and everything happen that is due."""
        end = self.now + seconds
        while (due := self.phone.next_timer) is not None and due <= end:
            self.now = max(self.now, due)
            self.phone.on_timer(self.now)
            self._carry()
        self.now = end
        return self

    def give(self, message: Message, hop: Hop | None = None) -> list[Seen]:
        """Have the phone receive a message, and return what it sends on that."""
        before = len(self.seen)
        self.phone.receive(parse_message(message.to_bytes()), hop or Hop("UDP", SERVER, 5060, 5060), self.now)
        self._carry()
        return self.seen[before:]

    def carry(self) -> None:
        """Carry what the phone wants to send after it was told something."""
        self._carry()

    def _carry(self) -> None:
        while sendings := self.phone.to_send():
            for sending in sendings:
                number = len(self.seen)
                seen = Seen(self.now, sending.hop, sending.data)
                self.seen.append(seen)
                if number not in self._lost and seen.method:
                    for response in self.far(seen.request, sending.hop):
                        self.phone.receive(parse_message(response.to_bytes()), sending.hop, self.now)
        while (event := self.phone.next_event()) is not None:
            self.events.append(event)

    # Looking back

    def requests(self, method: str, host: str | None = None) -> list[Request]:
        """Return the requests of that method, repetitions included."""
        return [seen.request for seen in self.seen if seen.method == method and host in (None, seen.hop.host)]

    def times(self, method: str) -> list[float]:
        """Return when these went out, from the start."""
        return [round(seen.at - START, 3) for seen in self.seen if seen.method == method]

    def raw(self) -> list[Seen]:
        """Return what was no message."""
        return [seen for seen in self.seen if seen.message is None]


def a_request(method: str, wire: Wire, *, uri: str = "", body: bytes = b"", to_tag: str = "", **headers: str) -> Request:
    """Return a request of the far side to the phone's Contact."""
    contact = str(wire.phone.lines[0].shape.contact("UDP"))[1:-1]
    number = len(wire.seen) + 1
    request = Request(
        method,
        uri or contact,
        [
            ("Via", f"SIP/2.0/UDP {SERVER}:5060;branch=z9hG4bKfar{number}"),
            ("Max-Forwards", "70"),
            ("From", "<sip:2002@127.0.0.2>;tag=far"),
            ("To", f"<sip:1001@127.0.0.2>{f';tag={to_tag}' if to_tag else ''}"),
            ("Call-ID", headers.pop("call_id", f"far-{number}")),
            ("CSeq", f"{headers.pop('cseq', '1')} {method}"),
            ("Contact", "<sip:2002@127.0.0.2:5060>"),
            *((name.replace("_", "-"), value) for name, value in headers.items()),
        ],
        body,
    )
    request.headers.add("Content-Length", len(body))
    return request


OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n"
    b"m=audio 30000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
