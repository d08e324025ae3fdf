"""Typed views of headers, made on access and kept until the header changes.

`One` is a header that stands once, `Many` a comma list that may go on over several lines.  RULES has every header that is typed.
A header that stands twice and may not, or whose value is wrong, raises SipError on access; its message is still a message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from sipstub.sip.contact import Contacts, lenient_expires
from sipstub.sip.credentials import AuthenticationInfo, Challenge, Credentials
from sipstub.sip.cseq import CSeq, RAck, parse_rseq
from sipstub.sip.date import SipDate
from sipstub.sip.error import SipError
from sipstub.sip.event import Event, SubscriptionState
from sipstub.sip.interval import MAX_DELTA_S, MinSE, RetryAfter, SessionExpires
from sipstub.sip.media_type import Disposition, MediaType
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.names import header_key, spelling
from sipstub.sip.replaces import Replaces
from sipstub.sip.scanner import is_token, parse_number, split, split_values
from sipstub.sip.via import Via

if TYPE_CHECKING:
    from sipstub.sip.message import Message

MAX_CONTENT_LENGTH = 2**31 - 1
MAX_FORWARDS = 255
MAX_CALL_ID = 1024
MAX_KNOWN_LISTS = 256
"Lists of tokens of one header that are not read again."
MAX_KNOWN_VALUES = 256
"Values of one header that are not read again: From, To and Contact of a dialog are the same in each of its messages."
MAX_KNOWN_LENGTH = 512
"Longer ones are."

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rule:
    """How one header is read."""

    key: str
    read: Callable[[list[str]], Any]
    "From the values of all its lines to the typed value."
    is_single: bool
    "Whether the header may stand only once."


class Typed(Generic[T]):
    """An attribute of a message that reads one header; None or nothing where the header is missing."""

    def __init__(self, key: str, missing: T) -> None:
        self.key = key
        self.missing = missing
        self.read = RULES[key].read

    @overload
    def __get__(self, message: None, owner: type) -> Typed[T]: ...
    @overload
    def __get__(self, message: Message, owner: type) -> T: ...
    def __get__(self, message: Message | None, owner: type) -> T | Typed[T]:
        if message is None:
            return self
        headers = message.headers
        found = headers.typed.get(self.key)
        if found is None:
            lines = headers.lines(self.key)
            if not lines:
                return self.missing
            try:
                found = headers.typed[self.key] = self.read(lines)
            except SipError as error:
                error.header = spelling(self.key)
                raise
        return found  # type: ignore[return-value]


class Needed(Generic[T]):
    """An attribute of a message that reads a header which must be there."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.read = RULES[key].read

    @overload
    def __get__(self, message: None, owner: type) -> Needed[T]: ...
    @overload
    def __get__(self, message: Message, owner: type) -> T: ...
    def __get__(self, message: Message | None, owner: type) -> T | Needed[T]:
        if message is None:
            return self
        headers = message.headers
        found = headers.typed.get(self.key)
        if found is None:
            lines = headers.lines(self.key)
            if not lines:
                raise SipError(f"no {spelling(self.key)}")
            try:
                found = headers.typed[self.key] = self.read(lines)
            except SipError as error:
                error.header = spelling(self.key)
                raise
        return found  # type: ignore[return-value]


def _one(name: str, parse: Callable[[str], Any], *, is_known: bool = True) -> Rule:
    """A header that stands once; with `is_known` its values are shared by the messages that say the same."""
    known = lru_cache(MAX_KNOWN_VALUES)(parse) if is_known else parse

    def read(lines: list[str]) -> Any:
        if len(lines) > 1:
            raise SipError(f"{name} stands {len(lines)} times")
        line = lines[0]
        return known(line) if len(line) <= MAX_KNOWN_LENGTH else parse(line)

    return Rule(header_key(name), read, True)


def _many(name: str, parse: Callable[[str], Any]) -> Rule:
    def read(lines: list[str]) -> Any:
        if len(lines) == 1 and "," not in lines[0]:
            return (parse(lines[0]),)
        return tuple(parse(value) for line in lines for value in split_values(line))

    return Rule(header_key(name), read, False)


def _lines(name: str, parse: Callable[[str], Any]) -> Rule:
    """A header that may stand several times, but holds one value a line although there are commas in it."""
    return Rule(header_key(name), lambda lines: tuple(parse(line) for line in lines), False)


def _words(name: str) -> Rule:
    """A list of tokens, which may be empty; a comma too many is forgiven, as nothing hangs on it."""

    def read_one(line: str) -> tuple[str, ...]:
        words = tuple(word for word in split(line) if word)
        for word in words:
            if not is_token(word):
                raise SipError(f"not a token in {name}: {word!r}")
        return words

    known = lru_cache(MAX_KNOWN_LISTS)(read_one)  # a phone writes the same Allow all its life, and so do all of its model

    def read(lines: list[str]) -> tuple[str, ...]:
        if len(lines) == 1:
            line = lines[0]
            return known(line) if len(line) <= MAX_KNOWN_LENGTH else read_one(line)
        return tuple(word for line in lines for word in read_one(line))

    return Rule(header_key(name), read, False)


def _loose_list(name: str, parse: Callable[[str], Any]) -> Rule:
    """A list that may be empty as a whole."""

    def read(lines: list[str]) -> Any:
        return tuple(parse(value) for line in lines if line for value in split_values(line))

    return Rule(header_key(name), read, False)


_known_contacts = lru_cache(MAX_KNOWN_VALUES)(lambda line: Contacts.parse_all([line]))


def _contacts(lines: list[str]) -> Contacts:
    if len(lines) == 1 and len(lines[0]) <= MAX_KNOWN_LENGTH:
        return _known_contacts(lines[0])
    return Contacts.parse_all(lines)


def _number(what: str, limit: int) -> Callable[[str], int]:
    return lambda text: parse_number(text, what, limit=limit)


def parse_call_id(text: str) -> str:
    """Return a Call-ID: one word, bounded."""
    if not text or len(text) > MAX_CALL_ID or not text.isprintable() or " " in text or "," in text:
        raise SipError(f"not a Call-ID: {text!r}")
    return text


RULES = {
    rule.key: rule
    for rule in (
        _many("Via", Via.parse),
        _one("From", NameAddr.parse),
        _one("To", NameAddr.parse),
        _one("Call-ID", parse_call_id, is_known=False),
        _one("CSeq", CSeq.parse),
        _one("Max-Forwards", _number("Max-Forwards", MAX_FORWARDS)),
        _one("Content-Length", _number("Content-Length", MAX_CONTENT_LENGTH)),
        _one("Content-Type", MediaType.parse),
        _one("Content-Disposition", Disposition.parse),
        _one("Expires", lenient_expires),
        _one("Min-Expires", _number("Min-Expires", MAX_DELTA_S)),
        _one("Session-Expires", SessionExpires.parse),
        _one("Min-SE", MinSE.parse),
        _one("Retry-After", RetryAfter.parse),
        _one("Flow-Timer", _number("Flow-Timer", MAX_DELTA_S)),
        _one("Event", Event.parse),
        _one("Subscription-State", SubscriptionState.parse),
        _one("Refer-To", NameAddr.parse),
        _one("Referred-By", NameAddr.parse),
        _one("Reply-To", NameAddr.parse),
        _one("Replaces", Replaces.parse),
        _one("Join", Replaces.parse),
        _one("Target-Dialog", Replaces.parse),
        _one("RAck", RAck.parse),
        _one("RSeq", parse_rseq),
        _one("Date", SipDate.parse),
        _one("Authentication-Info", AuthenticationInfo.parse),
        Rule("contact", _contacts, False),
        _many("Route", NameAddr.parse),
        _many("Record-Route", NameAddr.parse),
        _many("Path", NameAddr.parse),
        _many("Service-Route", NameAddr.parse),
        _many("P-Asserted-Identity", NameAddr.parse),
        _many("P-Preferred-Identity", NameAddr.parse),
        _many("Diversion", NameAddr.parse),
        _loose_list("Accept", MediaType.parse),
        _words("Supported"),
        _words("Require"),
        _words("Proxy-Require"),
        _words("Unsupported"),
        _words("Allow"),
        _words("Allow-Events"),
        _words("Content-Encoding"),
        _lines("Authorization", Credentials.parse),
        _lines("Proxy-Authorization", Credentials.parse),
        _lines("WWW-Authenticate", Challenge.parse),
        _lines("Proxy-Authenticate", Challenge.parse),
    )
}
"Key to rule, for every header that is typed."
