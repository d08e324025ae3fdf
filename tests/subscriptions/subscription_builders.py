"""Watchers for tests."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.registrar.policy import Policy
from sipstub.registrar.reginfo import CONTENT_TYPE, reginfo
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import RegistrarUser, Users
from sipstub.sip.message import Request
from sipstub.sip.reader import parse_message
from sipstub.sip.uri import SipUri, Uri
from sipstub.subscriptions.dialog_info import dialog_info
from sipstub.subscriptions.message_summary import Mailbox, message_summary
from sipstub.subscriptions.notifier import Notifier
from sipstub.subscriptions.other_methods import OtherMethods
from sipstub.subscriptions.package import News, Package

START = 1_700_000_000.0
POLICY = Policy("example.com", domains=("example.com", "127.0.0.1"))


@dataclass(frozen=True)
class At:
    """An endpoint."""

    transport: str = "udp"
    host: str = "127.0.0.1"
    port: int = 5062


HERE = At()


class Bench:
    """A notifier with a registrar behind it, as a program would put them together."""

    def __init__(self, *, is_open: bool = True, users: tuple[str, ...] = ("100", "101")) -> None:
        known = Users([RegistrarUser.of(name, f"secret{name}", "example.com") for name in users])
        self.registrar = Registrar(known, POLICY, b"a key of a test, long enough")
        self.mailboxes: dict[str, Mailbox] = {}
        packages = (
            message_summary(lambda resource: self.mailboxes.get(resource, Mailbox())),
            dialog_info(),
            Package("reg", CONTENT_TYPE, self._reginfo, default_expires_s=3761, is_private=True),
        )
        self.notifier = Notifier(
            packages,
            self._resource_of,
            lambda watcher: f"sip:example.com:5060;transport={watcher.transport}",
            None if is_open else self.registrar.authorise,
        )
        self.other = OtherMethods(self.notifier, lambda uri: isinstance(uri, SipUri) and POLICY.serves(uri))

    def _resource_of(self, uri: Uri) -> str | None:
        return POLICY.aor_key(uri) if isinstance(uri, SipUri) and POLICY.serves(uri) else None

    def _reginfo(self, news: News) -> bytes:
        live = self.registrar.bindings(news.resource, news.now)
        return reginfo(news.resource, live, news.details, news.version, news.now)  # type: ignore[arg-type]


def a_request(
    method: str = "SUBSCRIBE",
    *,
    uri: str = "sip:100@example.com",
    user: str = "100",
    to_tag: str | None = None,
    call_id: str = "watch-1",
    cseq: int = 1,
    event: str | None = "message-summary",
    expires: int | str | None = 3600,
    contact: str | None = "<sip:100@127.0.0.1:5062>",
    headers: tuple[tuple[str, str], ...] = (),
) -> Request:
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bK-{call_id}-{cseq};rport",
        f'From: "Phone" <sip:{user}@example.com>;tag=theirs',
        f"To: <{uri}>" + (f";tag={to_tag}" if to_tag else ""),
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        "Max-Forwards: 70",
        *([f"Contact: {contact}"] if contact else []),
        *([f"Event: {event}"] if event else []),
        *([] if expires is None else [f"Expires: {expires}"]),
        *(f"{name}: {value}" for name, value in headers),
        "Content-Length: 0",
    ]
    found = parse_message("\r\n".join(lines).encode() + b"\r\n\r\n")
    assert isinstance(found, Request)
    return found
