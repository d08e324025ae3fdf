"""The words of session timers in a message: what is written, and what is read.

Session-Expires counts in INVITE, UPDATE and their 2xx alone, Min-SE in those requests and in 422 (RFC 4028, table 1); elsewhere
both are ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sipstub.session_timer.setting import LEAST_S, TimerSettings
from sipstub.sip.error import SipError
from sipstub.sip.interval import SessionExpires
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.params import Params

OPTION = "timer"
REFRESHING = ("INVITE", "UPDATE")
Pairs = tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class TimerHeaders:
    """What a message of ours says about the session timer."""

    expires_s: int | None = None
    refresher: str | None = None
    min_se_s: int | None = None
    is_supported: bool = False
    is_required: bool = False
    is_proxy_required: bool = False
    is_unsupported: bool = False

    @property
    def session_expires(self) -> SessionExpires | None:
        """Return Session-Expires, or None."""
        if self.expires_s is None:
            return None
        return SessionExpires(self.expires_s, Params((("refresher", self.refresher),)) if self.refresher else Params())

    @property
    def pairs(self) -> Pairs:
        """Return names and values, in the order in which phones write them."""
        found: list[tuple[str, object]] = []
        if (expires := self.session_expires) is not None:
            found.append(("Session-Expires", expires))
        if self.min_se_s is not None:
            found.append(("Min-SE", self.min_se_s))
        return (*found, *((name, OPTION) for name in self._tagged))

    @property
    def values(self) -> Pairs:
        """Return Session-Expires and Min-SE alone, for who writes its option tags itself."""
        return tuple(pair for pair in self.pairs if pair[0] in ("Session-Expires", "Min-SE"))

    def put_on(self, message: Message) -> None:
        """Write into a message: intervals in place of others, option tags beside others."""
        headers = message.headers
        for name in ("Session-Expires", "Min-SE"):
            headers.remove(name)
        for name in ("Supported", "Require", "Proxy-Require"):
            _without_option(message, name)
        for name, value in self.pairs:
            before = ", ".join(word for line in headers.all(name) if (word := line.strip()))
            headers.set(name, f"{before}, {value}" if before else value)

    @property
    def _tagged(self) -> tuple[str, ...]:
        tags = (
            ("Supported", self.is_supported),
            ("Require", self.is_required),
            ("Proxy-Require", self.is_proxy_required),
            ("Unsupported", self.is_unsupported),
        )
        return tuple(name for name, is_said in tags if is_said)


NOTHING = TimerHeaders()


def request_headers(settings: TimerSettings, min_se_s: int, expires_s: int | None, refresher: str | None) -> TimerHeaders:
    """Return what an INVITE or UPDATE says; `min_se_s` is the largest Min-SE heard so far, 0 for none.

    Session-Expires is never under the Min-SE beside it (section 7.1); the option tags are the same each time (section 7.4).
    """
    if not settings.is_on:
        return NOTHING
    least = max(min_se_s, settings.minimum_s) if settings.sends_min_se else min_se_s
    return TimerHeaders(
        expires_s=None if expires_s is None else max(expires_s, least),
        refresher=None if expires_s is None else refresher,
        min_se_s=least or None,
        is_supported=True,
        is_required=settings.requires,
        is_proxy_required=settings.proxy_requires,
    )


class Heard(NamedTuple):
    """What a message of the peer says about the session timer."""

    expires_s: int | None
    refresher: str | None
    min_se_s: int | None
    "As it stands; see `least_s`."
    is_supported: bool
    is_required: bool

    @property
    def least_s(self) -> int:
        """Return Min-SE as it counts: 90 if it is missing or says less."""
        return max(self.min_se_s or 0, LEAST_S)


def hear(message: Message) -> Heard:
    """Return what a message says; raises SipError where a header that counts is malformed, stands twice or under two names."""
    return _hear(message, getattr)


def _hear(message: Message, read: Callable[[Message, str], Any]) -> Heard:
    is_request = isinstance(message, Request)
    status = message.status if isinstance(message, Response) else 0
    counts = message.cseq.method in REFRESHING
    expires = read(message, "session_expires") if counts and (is_request or 200 <= status < 300) else None
    minimum = read(message, "min_se") if counts and (is_request or status == 422) else None
    return Heard(
        expires_s=None if expires is None else expires.seconds,
        refresher=None if expires is None else expires.refresher,
        min_se_s=None if minimum is None else minimum.seconds,
        is_supported=_has_option(read(message, "supported") or ()),
        is_required=_has_option(read(message, "require") or ()),
    )


def _or_nothing(message: Message, name: str) -> Any:
    try:
        return getattr(message, name)
    except SipError:
        return None


def hear_leniently(response: Response) -> Heard:
    """Return what a response says; a malformed header, which nobody can refuse, says nothing."""
    try:
        return hear(response)
    except SipError:
        return _hear(response, _or_nothing)


def allowed_methods(message: Message) -> frozenset[str] | None:
    """Return what Allow names, or None where there is none that can be read."""
    try:
        return frozenset(word.upper() for word in message.allow) if "Allow" in message.headers else None
    except SipError:
        return None


def _has_option(words: tuple[str, ...]) -> bool:
    return OPTION in words or (bool(words) and any(word.lower() == OPTION for word in words))


def _without_option(message: Message, name: str) -> None:
    lines = message.headers.all(name)
    words = [word for line in lines for part in line.split(",") if (word := part.strip())]
    left = [word for word in words if word.lower() != OPTION]
    if len(left) == len(words):
        return
    if left:
        message.headers.set(name, ", ".join(left))
    else:
        message.headers.remove(name)
