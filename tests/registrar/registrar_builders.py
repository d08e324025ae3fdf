"""Phones and registrars for tests: valid defaults, time by hand."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from sipstub.registrar.binding import Binding
from sipstub.registrar.policy import Policy
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import RegistrarUser, Users
from sipstub.sip.digest import make_ha1, respond
from sipstub.sip.message import Request, Response
from sipstub.sip.reader import parse_message

REALM = "example.com"
KEY = b"a key of a test, long enough"
START = 1_700_000_000.0
AOR = "sip:100@example.com"
INSTANCE = "urn:uuid:00000000-0000-1000-8000-001565aabbcc"


@dataclass(frozen=True)
class At:
    """An endpoint."""

    transport: str = "udp"
    host: str = "127.0.0.1"
    port: int = 5062


HERE = At()
_BRANCHES = itertools.count(1)
"No two requests are repetitions of each other."


def some_users(*names: str, algorithms: tuple[str, ...] = ("MD5",)) -> Users:
    wanted = names or ("100", "101")
    return Users([RegistrarUser.of(name, f"secret{name}", REALM, algorithms=algorithms) for name in wanted])


def a_registrar(policy: Policy | None = None, users: Users | None = None, **more: object) -> Registrar:
    policy = policy or Policy(REALM, domains=("example.com", "127.0.0.1"))
    return Registrar(users if users is not None else some_users(), policy, KEY, **more)  # type: ignore[arg-type]


def a_register(
    contacts: tuple[str, ...] = ("<sip:100@127.0.0.1:5062>",),
    *,
    user: str = "100",
    uri: str = "sip:example.com",
    to: str | None = None,
    cseq: int = 1,
    call_id: str = "call-1",
    expires: int | str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    user_agent: str = "Yealink SIP-T46G 28.80.0.60",
    body: bytes = b"",
    method: str = "REGISTER",
) -> Request:
    """Return a REGISTER, read from bytes as a socket would have it."""
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bK-{next(_BRANCHES)};rport",
        f"From: <sip:{user}@example.com>;tag=from",
        f"To: {to or f'<sip:{user}@example.com>'}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        "Max-Forwards: 70",
        f"User-Agent: {user_agent}",
        *(f"Contact: {contact}" for contact in contacts),
        *([] if expires is None else [f"Expires: {expires}"]),
        *(f"{name}: {value}" for name, value in headers),
        f"Content-Length: {len(body)}",
    ]
    found = parse_message("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    assert isinstance(found, Request)
    return found


@dataclass
class Phone:
    """Registers as phones do: asks, is challenged, answers."""

    registrar: Registrar
    user: str = "100"
    password: str | None = None
    source: At = HERE
    auth_name: str | None = None
    call_id: str = "call-1"
    cseq: int = 0
    seen: list[Response] = field(default_factory=list)

    def signed(self, request: Request, challenge_of: Response, *, nc: int = 1, uri: str | None = None) -> Request:
        """Put credentials for a challenge onto the request."""
        challenge = challenge_of.www_authenticate[0]
        name = self.auth_name or self.user
        password = f"secret{self.user}" if self.password is None else self.password
        ha1 = make_ha1(name, challenge.realm, password, challenge.algorithm)
        credentials = respond(
            challenge,
            method=request.method,
            uri=uri or request.uri_text,
            username=name,
            ha1=ha1,
            cnonce="c0ffee",
            nc=nc,
            body=request.body,
        )
        request.headers.set("Authorization", credentials)
        return request

    def register(self, contacts: tuple[str, ...] = ("<sip:100@127.0.0.1:5062>",), now: float = START, **more: object) -> Response:
        """Return the answer to the second, authenticated request."""
        more.setdefault("user", self.user)
        more.setdefault("call_id", self.call_id)
        cseq = more.pop("cseq", None)
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        else:
            self.cseq = int(str(cseq))
        first = self.registrar.handle(a_register(contacts, cseq=cseq, **more), self.source, now)  # type: ignore[arg-type]
        if first.status != 401:
            return first
        request = a_register(contacts, cseq=cseq, **more)  # type: ignore[arg-type]
        found = self.registrar.handle(self.signed(request, first), self.source, now)
        self.seen += [first, found]
        return found


def listed(response: Response) -> dict[str, int | None]:
    """Return URI to expires, as a 200 lists them."""
    return {str(contact.uri): contact.expires_s for contact in response.contacts}


def uris(bindings: tuple[Binding, ...]) -> list[str]:
    return [binding.contact for binding in bindings]
