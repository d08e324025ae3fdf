"""Messages in the shape of V80: which headers, in which order, spelled how.

REGISTER, INVITE and SUBSCRIBE as seen in public; where Authorization, Proxy-Require, Session-Expires and MAC stand among the
others is not known.  Via comes with the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable

from sipstub.phone.agent.account import Account, Server
from sipstub.phone.agent.conduct import Conduct
from sipstub.phone.agent.place import Place
from sipstub.phone.agent.strand import AuthHeader
from sipstub.phone.identity import PhoneIdentity
from sipstub.sip.cseq import CSeq
from sipstub.sip.message import Request
from sipstub.sip.params import Params
from sipstub.sip.scanner import quote
from sipstub.sip.uri import escape
from sipstub.sip.via import Via

METHODS = "INVITE, INFO, PRACK, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REGISTER, SUBSCRIBE, REFER, PUBLISH, UPDATE, MESSAGE"
"Allow, the same from V73 to V86."
EVENTS = "talk,hold,conference,refer,check-sync"
MAX_FORWARDS = "70"
SUMMARY_TYPE = "application/simple-message-summary"
REGINFO_TYPE = "application/reginfo+xml"
WATCHER_TYPES = {"dialog": "application/dialog-info+xml", "presence": "application/pidf+xml"}
"What is accepted of whom a busy-lamp key watches."
SDP_TYPE = "application/sdp"
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
"From of a call that hides who calls (RFC 3323 section 4.1.1.3); that V80 writes just this is inferred."

Pairs = list[tuple[str, object]]


class Shape:
    """Writes the messages of one account."""

    def __init__(self, identity: PhoneIdentity, account: Account, conduct: Conduct, place: Place, line: str) -> None:
        self._identity = identity
        self._account = account
        self._conduct = conduct
        self._place = place
        self.line = line
        "What stands in `line=` of the Contact: 15 hexadecimal digits."
        self.agent = conduct.user_agent or identity.sip_agent
        self.mapped: tuple[str, int] | None = None
        "The address that a STUN server saw."

    def local_port(self, transport: str) -> int:
        """Return the port that is listened on."""
        account = self._account
        return self._place.port(account.tls_listen_port if transport == "TLS" else account.listen_port)

    def via(self, transport: str) -> Via:
        """Return where answers come back to; the branch is the transaction's."""
        params = Params((("rport", None),)) if self._account.has_rport else Params()
        return Via(transport, self._place.text, self.local_port(transport), params)

    def contact(self, transport: str, *, has_line: bool = True) -> str:
        """Return the phone's own address in angle brackets; as seen in public, an UPDATE leaves out `line`."""
        conduct = self._conduct
        user = escape(conduct.contact_user or self._account.user)
        host, port = self._place.text, self.local_port(transport)
        if self.mapped is not None and transport == "UDP":
            host, port = self.mapped
        kind = "" if transport == "UDP" else f";transport={transport}"
        line = f";line={self.line}" if has_line else ""
        return f"<sip:{user}@{host}:{port + conduct.contact_port_offset}{line}{kind}>"

    def aor(self, server: Server, user: str | None = None, *, as_phone: bool = False) -> str:
        """Return the URI of a user at the server, without brackets; V80 writes the port even if it is 5060."""
        name = "" if user == "" else f"{self._escaped(self._account.user if user is None else user)}@"
        port = f":{server.port}" if server.port else ""
        kind = ";user=phone" if as_phone and self._account.has_user_phone else ""
        return f"sip:{name}{_host_text(server.host)}{port}{kind}"

    def from_value(self, server: Server, tag: str) -> str:
        """Return From."""
        name = self._account.display_name
        return f"{quote(name) + ' ' if name else ''}<{self.aor(server)}>;tag={tag}"

    def register(
        self, server: Server, call_id: str, tag: str, cseq: int, *, transport: str, expires_s: int, auth: AuthHeader | None
    ) -> Request:
        """Return a REGISTER."""
        account = self._account
        more: Pairs = [("Allow", METHODS), ("Max-Forwards", MAX_FORWARDS)]
        if account.proxy_require:
            more.append(("Proxy-Require", account.proxy_require))
        more += [("User-Agent", self.agent), ("Expires", expires_s), ("Allow-Events", EVENTS)]
        if account.has_mac_header:
            more.append(("MAC", self._identity.mac_colons))
        if account.line_header:
            more.append(("Line", account.line_header))
        if self._conduct.asserts_identity:
            more.append(("P-Preferred-Identity", f"<{self.aor(server)}>"))
        uri = self.aor(server, "")
        top = self._top(server, f"<{self.aor(server)}>", call_id, tag, cseq, "REGISTER", transport, auth)
        return _made("REGISTER", uri, [*top, *more])

    def subscribe(
        self,
        server: Server,
        user: str,
        call_id: str,
        tag: str,
        cseq: int,
        *,
        transport: str,
        event: str,
        accept: str,
        expires_s: int,
        auth: AuthHeader | None,
    ) -> Request:
        """Return a SUBSCRIBE outside of a dialog."""
        uri = self.aor(server, user)
        top = self._top(server, f"<{uri}>", call_id, tag, cseq, "SUBSCRIBE", transport, auth)
        return _made("SUBSCRIBE", uri, [*top, *self.subscribe_end(event, accept, expires_s)])

    def subscribe_end(self, event: str, accept: str, expires_s: int) -> Pairs:
        """Return the last headers of a SUBSCRIBE."""
        return [
            ("Accept", accept),
            ("Max-Forwards", MAX_FORWARDS),
            ("User-Agent", self.agent),
            ("Expires", expires_s),
            ("Event", event),
        ]

    def keep_alive(self, method: str, server: Server, call_id: str, tag: str, cseq: int, *, transport: str) -> Request:
        """Return the OPTIONS or NOTIFY that holds the way open; what else a NOTIFY of V80 says is not known."""
        uri = self.aor(server, "")
        more: Pairs = [("Max-Forwards", MAX_FORWARDS), ("User-Agent", self.agent)]
        if method == "NOTIFY":
            more.append(("Event", "keep-alive"))
        return _made(method, uri, [*self._top(server, f"<{uri}>", call_id, tag, cseq, method, transport, None), *more])

    def invite(
        self,
        server: Server,
        number: str,
        call_id: str,
        tag: str,
        cseq: int,
        *,
        transport: str,
        body: bytes,
        session: Pairs,
        auth: AuthHeader | None,
    ) -> Request:
        """Return an INVITE with its offer; `session` is what it says of the session timer."""
        uri = self.aor(server, number, as_phone=True)
        top = self._top(server, f"<{uri}>", call_id, tag, cseq, "INVITE", transport, auth)
        if self._account.is_anonymous:
            top[0] = ("From", f"{ANONYMOUS};tag={tag}")
        more: Pairs = [("Content-Type", SDP_TYPE), ("Allow", METHODS), ("Max-Forwards", MAX_FORWARDS)]
        if self._account.is_anonymous:
            more.append(("Privacy", "id"))
        if self._account.proxy_require:
            more.append(("Proxy-Require", self._account.proxy_require))
        more += [("User-Agent", self.agent), *session, ("Supported", self.supported), ("Allow-Events", EVENTS)]
        return _made("INVITE", uri, [*top, *more], body)

    @property
    def supported(self) -> str:
        """Return the option tags of an INVITE."""
        account = self._account
        tags = [
            ("100rel", account.has_100rel),
            ("replaces", True),
            ("timer", account.session_expires_s > 0 and self._conduct.timer.is_offer_tagged),
            ("from-change", account.shows_changes),
        ]
        return ", ".join(tag for tag, is_on in tags if is_on)

    def _top(
        self, server: Server, to: str, call_id: str, tag: str, cseq: int, method: str, transport: str, auth: AuthHeader | None
    ) -> Pairs:
        found: Pairs = [
            ("From", self.from_value(server, tag)),
            ("To", to),
            ("Call-ID", call_id),
            ("CSeq", CSeq(cseq, method)),
            ("Contact", self.contact(transport)),
        ]
        return [*found, auth] if auth is not None else found

    def _escaped(self, user: str) -> str:
        text = escape(user)
        return text if self._account.escapes_pound else text.replace("%23", "#")


def _made(method: str, uri: str, headers: Iterable[tuple[str, object]], body: bytes = b"") -> Request:
    request = Request(method, uri, headers, body)
    request.headers.add("Content-Length", len(body))
    return request


def _host_text(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
