"""One request of a phone, or to it, with its copies and answers, as plain facts.

A header that cannot be read counts as missing; `faults` says so.  Nothing here knows what was expected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sipstub.session_timer.header import hear
from sipstub.sip.contact import Contact
from sipstub.sip.credentials import Challenge, Credentials
from sipstub.sip.error import SipError
from sipstub.sip.interval import SessionExpires
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.uri import DEFAULT_PORTS, SipUri, Uri
from sipstub.sip.via import Via
from sipstub.trace.record import Endpoint, RecordedMessage
from sipstub.verify.offer import Offer, read_offer

MAX_COPIES = 64
"Retransmissions kept of one request."
MAX_ANSWERS = 16

_HIDDEN = frozenset({"authorization", "proxy-authorization"})
_NONE: tuple[Any, ...] = ()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AnswerFact:
    """One response."""

    number: int
    at: float
    status: int
    granted_s: int | None = None
    "Of a 200 to REGISTER: how long the phone's own contact holds."
    min_expires_s: int | None = None
    retry_after_s: int | None = None
    is_reliable: bool = False
    "Whether a provisional response wants PRACK."
    challenges: tuple[Challenge, ...] = ()
    "Of a 401 or 407."
    times: int = 1
    "How often it was sent."
    to_tag: str = ""
    session_expires: SessionExpires | None = None
    min_se_s: int | None = None
    require: tuple[str, ...] = ()
    supported: tuple[str, ...] = ()
    timer_fault: str = ""
    "What is wrong with Session-Expires or Min-SE where they count; empty for nothing."
    body: bytes = field(default=b"", repr=False)

    @property
    def label(self) -> str:
        """Return what people call it."""
        return str(self.status)

    @property
    def is_final(self) -> bool:
        """Return whether it ends the transaction."""
        return self.status >= 200


@dataclass(frozen=True, slots=True)
class RequestFact:
    """One request."""

    number: int
    "Of the first copy."
    at: float
    method: str
    local: Endpoint
    "The stub's side."
    peer: Endpoint
    "The phone's side."
    uri: Uri | None = None
    from_: NameAddr | None = None
    to: NameAddr | None = None
    contacts: tuple[Contact, ...] = ()
    via: Via | None = None
    "The topmost."
    hops: int = 0
    "How many Vias: more than one means that a proxy stands between."
    call_id: str = ""
    cseq: int = 0
    asked_s: int | None = None
    "Expiry that is asked for: of the contact, else of the message."
    event: str = ""
    supported: tuple[str, ...] = ()
    session_expires: SessionExpires | None = None
    timer_fault: str = ""
    "As of an answer."
    credentials: Credentials | None = None
    content_type: str = ""
    offer: Offer | None = None
    body: bytes = field(default=b"", repr=False)
    names: tuple[str, ...] = ()
    "Names of the headers, as written."
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    "Values of the headers by key, credentials left out."
    faults: tuple[str, ...] = ()
    copies: tuple[float, ...] = ()
    "When it was sent again."
    answers: tuple[AnswerFact, ...] = ()

    @property
    def label(self) -> str:
        """Return what people call it."""
        return self.method

    @property
    def sent_at(self) -> tuple[float, ...]:
        """Return when each copy was sent."""
        return (self.at, *self.copies)

    @property
    def final(self) -> AnswerFact | None:
        """Return the answer that ended it."""
        return next((answer for answer in self.answers if answer.is_final), None)

    @property
    def status(self) -> int:
        """Return the status of the final answer, 0 if there was none."""
        return self.final.status if self.final is not None else 0

    @property
    def is_initial(self) -> bool:
        """Return whether it stands outside of a dialog."""
        return self.to is None or self.to.tag is None

    @property
    def is_removal(self) -> bool:
        """Return whether a REGISTER takes bindings away."""
        return self.asked_s == 0

    @property
    def user(self) -> str:
        """Return the user of From."""
        return user_of(self.from_)

    @property
    def host(self) -> str:
        """Return the host of From."""
        uri = self.from_.uri if self.from_ is not None else None
        return uri.host.lower() if isinstance(uri, SipUri) else ""

    @property
    def sip_uri(self) -> SipUri | None:
        """Return the Request-URI, if it is one of SIP."""
        return self.uri if isinstance(self.uri, SipUri) else None

    @property
    def contact_uri(self) -> SipUri | None:
        """Return the URI of the first contact."""
        uri = self.contacts[0].uri if self.contacts else None
        return uri if isinstance(uri, SipUri) else None

    def value(self, key: str) -> str | None:
        """Return the first value of a header, by its key in lower case."""
        found = self.values.get(key)
        return found[0] if found else None


def user_of(address: NameAddr | None) -> str:
    """Return the user part of an address without escapes, empty if there is none."""
    uri = address.uri if address is not None else None
    return (uri.username or "") if isinstance(uri, SipUri) else ""


def port_of(uri: SipUri, transport: str) -> int:
    """Return the port of a URI; without one the default of its scheme or of the transport in use (RFC 3261 section 19.1.2)."""
    if uri.port is not None:
        return uri.port
    return DEFAULT_PORTS["sips" if uri.scheme == "sips" or transport == "tls" else "sip"]


def request_fact(record: RecordedMessage, request: Request) -> RequestFact:
    """Return the facts of the first copy of a request."""
    faults: list[str] = []

    def get(read: Callable[[], T], missing: T) -> T:
        try:
            return read()
        except SipError as error:
            faults.append(error.fact)
            return missing

    contacts = get(lambda: request.contacts.addresses, _NONE)
    cseq = get(lambda: request.cseq.number, 0)
    media_type = get(lambda: request.content_type, None)
    content_type = media_type.essence if media_type is not None else ""
    asked = contacts[0].expires_s if contacts else None
    event = get(lambda: request.event, None)
    credentials = get(lambda: (*request.authorization, *request.proxy_authorization), _NONE)
    vias = get(lambda: request.vias, _NONE)
    fields = list(request.headers)
    values: dict[str, tuple[str, ...]] = {}
    for header in fields:
        if header.key not in _HIDDEN:
            values[header.key] = (*values.get(header.key, ()), header.value)
    return RequestFact(
        number=record.number,
        at=record.at,
        method=request.method,
        local=record.local,
        peer=record.peer,
        uri=request.uri,
        from_=get(lambda: request.from_, None),
        to=get(lambda: request.to, None),
        contacts=contacts,
        via=vias[0] if vias else None,
        hops=len(vias),
        call_id=get(lambda: request.call_id, ""),
        cseq=cseq,
        asked_s=asked if asked is not None else get(lambda: request.expires, None),
        event=event.package.lower() if event is not None else "",
        supported=tuple(word.lower() for word in get(lambda: request.supported, _NONE)),
        session_expires=get(lambda: request.session_expires, None),
        timer_fault=_timer_fault(request),
        credentials=next((found for found in credentials if found.is_digest), None),
        content_type=content_type,
        offer=read_offer(request.body, content_type),
        body=request.body,
        names=tuple(header.name for header in fields),
        values=values,
        faults=tuple(faults),
    )


def answer_fact(record: RecordedMessage, response: Response, request: RequestFact) -> AnswerFact:
    """Return the facts of a response to that request."""
    retry_after, min_se, to = _read(response, "retry_after"), _read(response, "min_se"), _read(response, "to")
    require = tuple(word.lower() for word in _read(response, "require") or ())
    return AnswerFact(
        record.number,
        record.at,
        response.status,
        _granted(response, request) if request.method == "REGISTER" and response.status < 300 else None,
        _read(response, "min_expires"),
        retry_after.seconds if retry_after is not None else None,
        100 < response.status < 200 and "100rel" in require,
        _challenges(response),
        to_tag=(to.tag or "") if to is not None else "",
        session_expires=_read(response, "session_expires"),
        min_se_s=min_se.seconds if min_se is not None else None,
        require=require,
        supported=tuple(word.lower() for word in _read(response, "supported") or ()),
        timer_fault=_timer_fault(response),
        body=response.body,
    )


def with_copy(request: RequestFact, at: float) -> RequestFact:
    """Return the request, sent once more."""
    return request if len(request.copies) >= MAX_COPIES else replace(request, copies=(*request.copies, at))


def with_answer(request: RequestFact, answer: AnswerFact) -> RequestFact:
    """Return the request with one more answer; of a repeated one the first stays, with how often it was sent."""
    known = next((known for known in request.answers if known.status == answer.status), None)
    if known is not None:
        again = replace(known, times=known.times + 1)
        return replace(request, answers=tuple(again if one is known else one for one in request.answers))
    if len(request.answers) >= MAX_ANSWERS:
        return request
    return replace(request, answers=(*request.answers, answer))


def _read(message: Message, name: str) -> Any:
    try:
        return getattr(message, name)
    except SipError:
        return None


def _timer_fault(message: Message) -> str:
    try:
        hear(message)
    except SipError as error:
        return error.fact
    return ""


def _challenges(response: Response) -> tuple[Challenge, ...]:
    if response.status not in (401, 407):
        return ()
    name = "www_authenticate" if response.status == 401 else "proxy_authenticate"
    return tuple(challenge for challenge in _read(response, name) or () if challenge.is_digest)


def _granted(response: Response, request: RequestFact) -> int | None:
    try:
        contacts = response.contacts.addresses
        general = response.expires
    except SipError:
        return None
    own = request.contacts[0].uri if request.contacts else None
    found = [contact for contact in contacts if own is not None and contact.uri.matches(own)]
    chosen = found or (list(contacts) if len(contacts) == 1 else [])
    if chosen and chosen[0].expires_s is not None:
        return chosen[0].expires_s
    return general if chosen else None
