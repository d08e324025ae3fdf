"""Requests and responses.  Headers raw and typed on access, bytes kept as they came, byte-exact again while untouched.

A message that was changed keeps order and spelling of all other lines; Content-Length always says the truth then.
RFC 3261 section 7.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sipstub.sip.contact import Contacts
from sipstub.sip.credentials import AuthenticationInfo, Challenge, Credentials
from sipstub.sip.cseq import CSeq, RAck
from sipstub.sip.date import SipDate
from sipstub.sip.error import SipError
from sipstub.sip.event import Event, SubscriptionState
from sipstub.sip.headers import Headers
from sipstub.sip.interval import MinSE, RetryAfter, SessionExpires
from sipstub.sip.media_type import Disposition, MediaType
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.reason import reason_phrase
from sipstub.sip.replaces import Replaces
from sipstub.sip.scanner import is_token, refuse_injection
from sipstub.sip.typed import Needed, Typed
from sipstub.sip.uri import Uri, parse_uri
from sipstub.sip.via import Via

Pairs = Iterable[tuple[str, object]]
"Names and values; values are written with str()."

VERSION = "SIP/2.0"
MIN_STATUS, MAX_STATUS = 100, 699

_CONTENT_LENGTH = "content-length"
_URI_TEXT = re.compile(r"[!#-;=?-~]+\Z")


class Message:
    """What requests and responses have in common."""

    __slots__ = ("_as_read", "_body", "_raw", "headers")

    vias = Needed[tuple[Via, ...]]("via")
    from_ = Needed[NameAddr]("from")
    to = Needed[NameAddr]("to")
    call_id = Needed[str]("call-id")
    cseq = Needed[CSeq]("cseq")
    contacts = Typed[Contacts]("contact", Contacts())
    max_forwards = Typed[int | None]("max-forwards", None)
    content_length = Typed[int | None]("content-length", None)
    content_type = Typed[MediaType | None]("content-type", None)
    content_disposition = Typed[Disposition | None]("content-disposition", None)
    expires = Typed[int | None]("expires", None)
    min_expires = Typed[int | None]("min-expires", None)
    session_expires = Typed[SessionExpires | None]("session-expires", None)
    min_se = Typed[MinSE | None]("min-se", None)
    retry_after = Typed[RetryAfter | None]("retry-after", None)
    flow_timer = Typed[int | None]("flow-timer", None)
    event = Typed[Event | None]("event", None)
    subscription_state = Typed[SubscriptionState | None]("subscription-state", None)
    refer_to = Typed[NameAddr | None]("refer-to", None)
    referred_by = Typed[NameAddr | None]("referred-by", None)
    replaces = Typed[Replaces | None]("replaces", None)
    target_dialog = Typed[Replaces | None]("target-dialog", None)
    rack = Typed[RAck | None]("rack", None)
    rseq = Typed[int | None]("rseq", None)
    date = Typed[SipDate | None]("date", None)
    routes = Typed[tuple[NameAddr, ...]]("route", ())
    record_routes = Typed[tuple[NameAddr, ...]]("record-route", ())
    paths = Typed[tuple[NameAddr, ...]]("path", ())
    service_routes = Typed[tuple[NameAddr, ...]]("service-route", ())
    accept = Typed[tuple[MediaType, ...]]("accept", ())
    supported = Typed[tuple[str, ...]]("supported", ())
    require = Typed[tuple[str, ...]]("require", ())
    proxy_require = Typed[tuple[str, ...]]("proxy-require", ())
    unsupported = Typed[tuple[str, ...]]("unsupported", ())
    content_encoding = Typed[tuple[str, ...]]("content-encoding", ())
    allow = Typed[tuple[str, ...]]("allow", ())
    allow_events = Typed[tuple[str, ...]]("allow-events", ())
    authorization = Typed[tuple[Credentials, ...]]("authorization", ())
    proxy_authorization = Typed[tuple[Credentials, ...]]("proxy-authorization", ())
    www_authenticate = Typed[tuple[Challenge, ...]]("www-authenticate", ())
    proxy_authenticate = Typed[tuple[Challenge, ...]]("proxy-authenticate", ())
    authentication_info = Typed[AuthenticationInfo | None]("authentication-info", None)

    def __init__(self, headers: Headers | Pairs = (), body: bytes = b"", *, raw: bytes | None = None) -> None:
        if not isinstance(headers, Headers):
            headers = Headers((name, str(value)) for name, value in headers)
        self.headers = headers
        self._body = body
        self._raw = raw
        self._as_read = headers.version if raw is not None else -1

    @property
    def start_line(self) -> str:
        """Return the first line, without its end."""
        raise NotImplementedError

    @property
    def via(self) -> Via:
        """Return the topmost Via."""
        return self.vias[0]

    @property
    def raw(self) -> bytes | None:
        """Return the bytes that this was read from, whatever happened to it since; None for a message of ours."""
        return self._raw

    @property
    def is_untouched(self) -> bool:
        """Return whether nothing changed since it was read."""
        return self._as_read == self.headers.version

    @property
    def body(self) -> bytes:
        """Return the body."""
        return self._body

    @property
    def user_agent(self) -> str | None:
        """Return User-Agent as written."""
        return self.headers.get("user-agent")

    def set_body(self, body: bytes, content_type: str | None = None) -> None:
        """Put in a body and its type; Content-Length follows when the message goes out."""
        if content_type is not None:
            self.headers.set("Content-Type", content_type)
        self._body = body
        self._as_read = -1

    def to_bytes(self, *, compact: bool = False) -> bytes:
        """Return the message for the wire: the very bytes it came from if nothing was changed, else with a true Content-Length.

        `compact` writes one-letter names where there are any.
        """
        if self._raw is not None and self.is_untouched and not compact:
            return self._raw
        lines = [self.start_line]
        stated = self.headers.lines(_CONTENT_LENGTH)
        if stated != [str(len(self._body))]:
            self.headers.set("Content-Length", len(self._body))
        lines += self.headers.texts(compact=compact)
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self._body

    def __bytes__(self) -> bytes:
        return self.to_bytes()

    def __eq__(self, other: object) -> bool:
        """Whether both say the same in the same order; folding, spelling and Content-Length do not count."""
        if not isinstance(other, Message):
            return NotImplemented
        return self._sense() == other._sense()

    __hash__ = None  # type: ignore[assignment]  # it can change

    def _sense(self) -> tuple[str, list[tuple[str, str]], bytes]:
        return self.start_line, [pair for pair in self.headers.pairs() if pair[0] != _CONTENT_LENGTH], self._body


class Request(Message):
    """A request."""

    __slots__ = ("_uri", "method", "uri_text")

    def __init__(
        self,
        method: str,
        uri: Uri | str,
        headers: Headers | Pairs = (),
        body: bytes = b"",
        *,
        raw: bytes | None = None,
    ) -> None:
        super().__init__(headers, body, raw=raw)
        if not is_token(method):
            raise SipError(f"not a method: {method!r}")
        self.method = method
        self._set_uri(uri)

    @property
    def uri(self) -> Uri:
        """Return the Request-URI."""
        return self._uri

    @uri.setter
    def uri(self, uri: Uri | str) -> None:
        self._set_uri(uri)
        self._as_read = -1

    def _set_uri(self, uri: Uri | str) -> None:
        text = str(uri)
        if not _URI_TEXT.match(text):
            raise SipError(f"not a Request-URI: {text!r}")
        self._uri = parse_uri(text) if isinstance(uri, str) else uri
        self.uri_text = text
        "As written."

    @property
    def start_line(self) -> str:
        """Return the request line."""
        return f"{self.method} {self.uri_text} {VERSION}"

    def __repr__(self) -> str:
        return f"<Request {self.method} {self._uri.masked()}>"


class Response(Message):
    """A response."""

    __slots__ = ("reason", "status")

    def __init__(
        self,
        status: int,
        reason: str | None = None,
        headers: Headers | Pairs = (),
        body: bytes = b"",
        *,
        raw: bytes | None = None,
    ) -> None:
        super().__init__(headers, body, raw=raw)
        if not MIN_STATUS <= status <= MAX_STATUS:
            raise SipError(f"not a status: {status}")
        self.status = status
        self.reason = reason_phrase(status) if reason is None else refuse_injection(reason)

    @property
    def start_line(self) -> str:
        """Return the status line."""
        return f"{VERSION} {self.status} {self.reason}"

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason}>"
