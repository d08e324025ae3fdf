"""Via: where a request came from and where its answer goes.  RFC 3261 section 20.42, RFC 3581, RFC 5118."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from sipstub.sip.error import SipError
from sipstub.sip.host import HOST, parse_address, parse_host, parse_port
from sipstub.sip.params import NO_PARAMS, Params
from sipstub.sip.scanner import TOKEN_CLASS, parse_number

COOKIE = "z9hG4bK"
MAX_TTL = 255

_COOKIE = COOKIE.lower()

_VIA = re.compile(
    rf"([A-Za-z]++)[ \t]*+/[ \t]*+([0-9]++\.[0-9]++)[ \t]*+/[ \t]*+([{TOKEN_CLASS}]++)[ \t]++"
    rf"({HOST})(?:[ \t]*+:[ \t]*+([0-9]{{1,20}}))?[ \t]*+(;.*)?\Z",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Via:
    """One hop."""

    transport: str
    "As written: UDP, TCP, TLS, ..."
    host: str
    port: int | None = None
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> Via:
        """Return the hop, or raise SipError; `received`, `ttl` and `rport` are checked."""
        match = _VIA.match(text)
        if match is None:
            raise SipError(f"not a Via: {text!r}")
        protocol, version, transport, host, port, params = match.groups()
        if version != "2.0" or protocol.upper() != "SIP":
            raise SipError(f"Via of another protocol: {protocol}/{version}")
        found = cls(
            transport, parse_host(host), parse_port(port) if port else None, Params.parse(params) if params else NO_PARAMS
        )
        for name, value in found.params.items:
            kind = name.lower()
            if kind == "received":
                parse_address(value or "")
            elif kind == "rport" and value is not None:
                parse_port(value)
            elif kind == "ttl":
                parse_number(value or "", "ttl", limit=MAX_TTL)
        return found

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {self.sent_by}{self.params}"

    @property
    def sent_by(self) -> str:
        """Return host and port as written."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    @property
    def branch(self) -> str | None:
        """Return the branch, or None."""
        return self.params.get("branch")

    @property
    def has_transaction_id(self) -> bool:
        """Return whether the branch identifies the transaction: the cookie and something behind it (8.1.1.7)."""
        return has_transaction_id(self.branch or "")

    @property
    def received(self) -> str | None:
        """Return the address without brackets."""
        value = self.params.get("received")
        return parse_address(value) if value else None

    @property
    def wants_rport(self) -> bool:
        """Return whether the sender asks for its port (RFC 3581)."""
        return "rport" in self.params

    @property
    def rport(self) -> int | None:
        """Return the port that was filled in."""
        value = self.params.get("rport")
        return parse_port(value) if value else None

    def seen_from(self, address: str, port: int) -> Via:
        """Return the hop with `received`, and `rport` if asked for, as RFC 3581 section 4 fills them in."""
        params = self.params
        if self.wants_rport:
            params = params.set("rport", str(port)).set("received", address)
        elif address != self.host.strip("[]"):
            params = params.set("received", address)
        return self if params is self.params else replace(self, params=params)


def has_transaction_id(branch: str) -> bool:
    """Return whether a branch identifies a transaction; see `Via.has_transaction_id`."""
    return len(branch) > len(COOKIE) and branch[: len(COOKIE)].lower() == _COOKIE
