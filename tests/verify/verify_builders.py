"""Phones that speak in tests: a conversation is written message by message, with a clock by hand."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from provisioner.catalogue.load import load_catalogue
from provisioner.expectations.observables import load_observables
from sipstub.sip.credentials import Challenge
from sipstub.sip.digest import challenge_for, make_ha1, respond
from sipstub.sip.sdp import Media, Sdp
from sipstub.trace.record import Endpoint, RecordedMessage
from sipstub.verify.expectation import Expectation, Expectations, Subject
from sipstub.verify.facts import Facts, Fetch, Lookup
from sipstub.verify.finding import Finding
from sipstub.verify.judge import judge
from sipstub.verify.stimulus import EVERY, Stimulus

ROOT = Path(__file__).parent.parent.parent
TEMPLATES = ROOT / "templates" / "yealink"
CATALOGUE = load_catalogue(TEMPLATES)
OBSERVABLES = load_observables(TEMPLATES)

STUB, PHONE = "10.1.0.5", "10.1.0.77"
MAC = "001565aabbcc"
SUBJECT = Subject("t46g-lobby", MAC, "T46G", "28.80.0.60", "SIP-T46G", codec_slots=11)
PASSWORD = "s3cret-word"
START = 1_750_000_000.0
ALLOW = "INVITE, INFO, PRACK, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REGISTER, SUBSCRIBE, REFER, PUBLISH, UPDATE, MESSAGE"

Headers = Mapping[str, str | None]


@dataclass
class Talk:
    """What a stub and one phone said to each other."""

    user: str = "101"
    display: str | None = "Lobby"
    server: str = STUB
    port: int = 5060
    transport: str = "udp"
    phone: str = PHONE
    phone_port: int = 5060
    auth_name: str = ""
    password: str = PASSWORD
    agent: str = "Yealink SIP-T46G 28.80.0.60"
    rport: bool = True
    contact_user: str | None = None
    contact_port: int | None = None
    via_port: int | None = None
    to_host: str | None = None
    digest_uri: str = ""
    digest_realm: str = ""
    nonce: str = ""
    "The one nonce that the stub gives; a new one each time if empty."
    local: Endpoint | None = None
    now: float = START
    messages: list[RecordedMessage] = field(default_factory=list)
    boots: list[float] = field(default_factory=list)
    fetches: list[Fetch] | None = None
    lookups: list[Lookup] | None = None
    _count: int = 0

    # -- the wire

    def wait(self, seconds: float) -> Talk:
        self.now += seconds
        return self

    def record(self, data: bytes, *, is_inbound: bool = True, local: Endpoint | None = None) -> RecordedMessage:
        peer = Endpoint(self.transport, self.phone, self.phone_port)  # type: ignore[arg-type]
        here = local or self.local or Endpoint(self.transport, STUB, self.port)  # type: ignore[arg-type]
        message = RecordedMessage(len(self.messages) + 1, round(self.now, 3), is_inbound, here, peer, data)
        self.messages.append(message)
        self.now += 0.01
        return message

    def request(
        self,
        method: str,
        uri: str | None = None,
        headers: Headers | None = None,
        body: bytes = b"",
        *,
        cseq: int = 1,
        call_id: str = "1_100@phone",
        to: str | None = None,
        names: Mapping[str, str] | None = None,
        local: Endpoint | None = None,
        copies: Iterable[float] = (),
    ) -> bytes:
        """Send a request from the phone; `copies` are gaps after which it is sent again."""
        self._count += 1
        host = self.server
        target = uri or f"sip:{host}:{self.port}"
        aor = f"sip:{self.user}@{host}:{self.port}"
        to_uri = f"sip:{self.user}@{self.to_host or host}:{self.port}"
        name = f'"{self.display}" ' if self.display else ""
        via = f"SIP/2.0/{self.transport.upper()} {self.phone}:{self.via_port or self.phone_port};branch=z9hG4bK{self._count}"
        contact_user = self.user if self.contact_user is None else self.contact_user
        contact = f"<sip:{contact_user}@{self.phone}:{self.contact_port or self.phone_port};line=abc>"
        lines: dict[str, str | None] = {
            "Via": via + (";rport" if self.rport else ""),
            "From": f"{name}<{aor}>;tag=f1",
            "To": to or f"{name}<{to_uri}>",
            "Call-ID": call_id,
            "CSeq": f"{cseq} {method}",
            "Contact": contact,
            "Max-Forwards": "70",
            "User-Agent": self.agent,
            **(headers or {}),
            "Content-Length": str(len(body)),
        }
        text = f"{method} {target} SIP/2.0\r\n" + "".join(
            f"{(names or {}).get(key, key)}: {value}\r\n" for key, value in lines.items() if value is not None
        )
        data = text.encode() + b"\r\n" + body
        self.record(data, local=local)
        for gap in copies:
            self.now += gap - 0.01
            self.record(data, local=local)
        return data

    def answer(self, request: bytes, status: int, headers: Headers | None = None, *, is_inbound: bool = False) -> None:
        """Answer what `request` sent; `is_inbound` when the phone answers."""
        kept = [
            line
            for line in request.decode().split("\r\n\r\n")[0].split("\r\n")
            if line.partition(":")[0] in ("Via", "v", "From", "f", "To", "t", "Call-ID", "i", "CSeq")
        ]
        extra = [f"{name}: {value}" for name, value in (headers or {}).items()]
        text = "\r\n".join([f"SIP/2.0 {status} X", *kept, *extra, "Content-Length: 0", "", ""])
        self.record(text.encode(), is_inbound=is_inbound)

    # -- what phones do

    def register(
        self,
        expires: int = 600,
        *,
        granted: int | None = None,
        is_challenged: bool = True,
        headers: Headers | None = None,
        status: int = 200,
        answer_headers: Headers | None = None,
        cseq: int = 0,
        **more: object,
    ) -> Talk:
        """Register: challenged, with credentials, and 200 OK."""
        lines = {"Expires": str(expires), "Allow-Events": "talk,hold,conference,refer,check-sync", **(headers or {})}
        number = cseq or self._count + 1
        first = self.request("REGISTER", headers=lines, cseq=number, **more)  # type: ignore[arg-type]
        if is_challenged:
            challenge = challenge_for("stub", self.nonce or f"nonce{number}")
            self.answer(first, 401, {"WWW-Authenticate": str(challenge)})
            lines["Authorization"] = self.credentials("REGISTER", challenge)
            first = self.request("REGISTER", headers=lines, cseq=number + 1, **more)  # type: ignore[arg-type]
        if status:
            contact = f"<sip:{self.contact_user or self.user}@{self.phone}:{self.contact_port or self.phone_port};line=abc>"
            granted_s = expires if granted is None else granted
            found = {"Contact": f"{contact};expires={granted_s}"} if status == 200 and granted_s else {}
            self.answer(first, status, {**found, **(answer_headers or {})})
        return self

    def credentials(self, method: str, challenge: Challenge) -> str:
        name = self.auth_name or self.user
        ha1 = make_ha1(name, challenge.realm, self.password)
        uri = self.digest_uri or f"sip:{self.server}:{self.port}"
        if self.digest_realm:
            challenge = challenge_for(self.digest_realm, challenge.nonce)
        return str(respond(challenge, method=method, uri=uri, username=name, ha1=ha1, cnonce="c"))

    def subscribe(self, event: str, expires: int = 3600, *, target: str = "", headers: Headers | None = None) -> Talk:
        uri = f"sip:{target or self.user}@{self.server}:{self.port}"
        lines = {"Event": event, "Expires": str(expires), **(headers or {})}
        data = self.request("SUBSCRIBE", uri, lines, to=f"<{uri}>", call_id=f"s{self._count}-{self.user}@phone")
        self.answer(data, 200, {"Expires": str(expires)})
        return self

    def invite(
        self,
        codecs: Iterable[tuple[str, str]] = (("9", "G722"), ("8", "PCMA"), ("0", "PCMU"), ("18", "G729")),
        *,
        events: str | None = "101",
        ptime: str | None = "20",
        suites: Iterable[str] = (),
        protocol: str = "RTP/AVP",
        media_port: int = 11780,
        uri: str | None = None,
        to: str | None = None,
        headers: Headers | None = None,
        status: int = 486,
        names: Mapping[str, str] | None = None,
        has_ack: bool = True,
        times: int = 1,
    ) -> Talk:
        """Call 199, and be refused."""
        formats = [(payload, name, 8000) for payload, name in codecs]
        if events is not None:
            formats.append((events, "telephone-event", 8000))
        lines = [("a", f"rtpmap:{payload} {name}/{clock}") for payload, name, clock in formats]
        lines += [("a", f"crypto:{at} {suite} inline:c2VjcmV0") for at, suite in enumerate(suites, 1)]
        if ptime is not None:
            lines.append(("a", f"ptime:{ptime}"))
        media = Media("audio", media_port, protocol, tuple(payload for payload, _, _ in formats), tuple(lines))
        body = bytes(Sdp.build(address=self.phone, session=20001, version=20001, media=(media,)))
        target = uri or f"sip:199@{self.server}:{self.port}"
        call_id = f"c{self._count}-{self.user}@phone"
        found: dict[str, str | None] = {"Content-Type": "application/sdp", "Supported": "replaces", **(headers or {})}
        data = self.request("INVITE", target, found, body, to=to or f"<{target}>", call_id=call_id, names=names)
        for _ in range(times if status else 0):
            self.answer(data, status)
        if status and has_ack:
            self.record(data.partition(b"\r\n\r\n")[0].replace(b"INVITE", b"ACK") + b"\r\n\r\n")
        return self

    def info(self, content_type: str, body: bytes = b"Signal=5\r\n") -> Talk:
        to = f"<sip:199@{self.server}>;tag=t1"
        call_id = f"c0-{self.user}@phone"
        data = self.request("INFO", f"sip:199@{self.server}", {"Content-Type": content_type}, body, to=to, call_id=call_id)
        self.answer(data, 200)
        return self

    def notify_check_sync(self, *, reboot: bool = False) -> Talk:
        event = "check-sync" + (";reboot=true" if reboot else "")
        text = (
            f"NOTIFY sip:{self.user}@{self.phone}:{self.phone_port};line=abc SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {STUB}:5060;branch=z9hG4bKn{len(self.messages)}\r\nFrom: <sip:{STUB}>;tag=x\r\n"
            f"To: <sip:{self.user}@{STUB}>\r\nCall-ID: n{len(self.messages)}\r\nCSeq: 1 NOTIFY\r\nEvent: {event}\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        self.record(text, is_inbound=False)
        self.answer(text, 200, is_inbound=True)
        return self

    def keepalive(self, data: bytes = b"\r\n\r\n") -> Talk:
        self.record(data)
        return self

    def stun(self) -> Talk:
        self.record(b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"t" * 12)
        return self

    def asked(self, method: str = "OPTIONS", *, is_answered: bool = True, times: int = 1) -> Talk:
        """Be asked something by the stub."""
        text = (
            f"{method} sip:{self.user}@{self.phone}:{self.phone_port};line=abc SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {STUB}:5060;branch=z9hG4bKq{len(self.messages)}\r\nFrom: <sip:{STUB}>;tag=x\r\n"
            f"To: <sip:{self.user}@{STUB}>\r\nCall-ID: q{len(self.messages)}\r\nCSeq: 1 {method}\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        for _ in range(times):
            self.record(text, is_inbound=False)
        if is_answered:
            self.answer(text, 200, is_inbound=True)
        return self

    def options(self) -> Talk:
        data = self.request("OPTIONS", call_id=f"o{self._count}-{self.user}@phone")
        self.answer(data, 200)
        return self

    def fetch(self, name: str, *, is_boot: bool = False) -> Talk:
        self.fetches = [*(self.fetches or []), Fetch(self.now, name, is_boot)]
        return self

    def boot(self) -> Talk:
        self.boots.append(self.now)
        return self

    def facts(self) -> Facts:
        return Facts.of(self.messages, boots=self.boots, fetches=self.fetches, lookups=self.lookups, until=self.now)


def expect(*items: tuple[str, str] | Expectation, account: int | None = 1, subject: Subject = SUBJECT) -> Expectations:
    """Return expectations; a key may be `setting`, `setting.INDEX`, `2/setting` for account 2, or `*/setting` for the phone."""
    found = [item if isinstance(item, Expectation) else _expectation(*item, account) for item in items]
    return Expectations(subject, tuple(found))


def _expectation(key: str, value: str, account: int | None) -> Expectation:
    head, slash, rest = key.partition("/")
    number = account if not slash else None if head == "*" else int(head)
    name, _, index = (rest if slash else head).partition(".")
    return Expectation(name, value, f"param.{name}", f"{MAC}.cfg", 7, number, index, "devices/groups/reception.toml:6")


ACCOUNT = (("account-enabled", "on"), ("user-name", "101"), ("server-address.1", STUB), ("server-port.1", "5060"))


def ask(
    rule: str,
    talk: Talk,
    *items: tuple[str, str] | Expectation,
    stimuli: Iterable[Stimulus] = EVERY,
    base: Iterable[tuple[str, str]] = ACCOUNT,
    subject: Subject = SUBJECT,
) -> Finding:
    """Return what one rule says of account 1 (or of the phone)."""
    keys = {item.setting if isinstance(item, Expectation) else item[0] for item in items}
    expectations = expect(*(item for item in base if item[0] not in keys), *items, subject=subject)
    found = [finding for finding in judge(expectations, talk.facts(), frozenset(stimuli)) if finding.rule == rule]
    assert found, f"{rule} was not asked"
    return found[0]


def without_answers(talk: Talk) -> Talk:
    return replace(talk, messages=[message for message in talk.messages if message.is_inbound])


def scratch() -> Path:
    return Path(tempfile.mkdtemp())
