"""What a recording shows of one leg of a call or registration: intervals that were said, refreshes, the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sipstub.sbc.predict.end import Said
from sipstub.session_timer.header import REFRESHING, hear_leniently
from sipstub.sip.error import SipError
from sipstub.sip.message import Message, Request, Response
from sipstub.trace.record import Endpoint, RecordedMessage

MAX_CHANGES = 1_000
"Refreshes of one leg; later ones are not looked at."
_ORIGIN = re.compile(rb"(?:\A|\n)o=([^\r\n]*)")


@dataclass(frozen=True, slots=True)
class Refresh:
    """A request in the call that changes nothing."""

    at: float
    by_end: bool
    "Whether the end sent it, not the SBC."
    method: str
    asks_offer: bool = False
    "Whether it is a re-INVITE without a description, which has the other side make one."


@dataclass(slots=True)
class LegSeen:
    """One leg."""

    invites: list[Said] = field(default_factory=list)
    finals: list[tuple[int, Said]] = field(default_factory=list)
    up_at: float | None = None
    last_at: float = 0.0
    refreshes: list[Refresh] = field(default_factory=list)
    bye_at: float | None = None
    is_ended_by_end: bool = False
    from_user: str = ""
    to_user: str = ""
    allows_update: bool | None = None
    "Whether the end's Allow has UPDATE; None where it said nothing."
    end_says_timer: bool = False
    _challenged: set[int] = field(default_factory=set)
    _asked: set[tuple[bool, str, int, str]] = field(default_factory=set)
    _origins: set[tuple[bool, bytes]] = field(default_factory=set)

    def refreshed(self) -> tuple[float, Refresh] | None:
        """Return the first refresh, with the seconds since the answer."""
        if self.up_at is None or not self.refreshes:
            return None
        return self.refreshes[0].at - self.up_at, self.refreshes[0]

    def lasted_s(self) -> float:
        """Return how long it was seen after the answer."""
        return (self.bye_at or self.last_at) - (self.up_at if self.up_at is not None else self.last_at)


def see(messages: Iterable[RecordedMessage], is_sbc: Callable[[Endpoint], bool]) -> LegSeen:
    """Return what the messages of one leg show; what cannot be read is passed over."""
    leg = LegSeen()
    for recorded in messages:
        if (message := recorded.message) is None:
            continue
        try:
            _take(leg, recorded, message, by_end=not is_sbc(recorded.source))
        except SipError:
            continue
    return leg


def _take(leg: LegSeen, recorded: RecordedMessage, message: Message, *, by_end: bool) -> None:
    leg.last_at = recorded.at
    heard = hear_leniently(message) if isinstance(message, Response) else None
    if isinstance(message, Request):
        _request(leg, recorded.at, message, by_end=by_end)
    elif isinstance(message, Response) and heard is not None and message.cseq.method == "INVITE" and leg.up_at is None:
        if message.status in (401, 407):
            _challenged(leg, message.cseq.number)
        elif message.status >= 200:
            said = Said(heard.expires_s, heard.refresher, heard.min_se_s, heard.is_supported or heard.is_required)
            if not leg.finals or leg.finals[-1] != (message.status, said):
                leg.finals.append((message.status, said))
        if 200 <= message.status < 300:
            leg.up_at = recorded.at
    if by_end:
        allow = message.headers.get("allow")
        leg.allows_update = ("UPDATE" in allow.upper()) if allow is not None else leg.allows_update
        leg.end_says_timer |= "timer" in message.supported or "timer" in message.require
    if (origin := _ORIGIN.search(message.body)) is not None:
        leg._origins.add((by_end, origin[1]))


def _challenged(leg: LegSeen, number: int) -> None:
    """Forget an INVITE that a password was asked for: it comes again with one, and says the same."""
    if number not in leg._challenged and leg.invites and len(leg._challenged) < MAX_CHANGES:
        leg._challenged.add(number)
        leg.invites.pop()


def _request(leg: LegSeen, at: float, request: Request, *, by_end: bool) -> None:
    key = (by_end, request.call_id or "", request.cseq.number, request.method)
    if key in leg._asked:
        return
    if len(leg._asked) < MAX_CHANGES:
        leg._asked.add(key)
    if request.method == "BYE" and leg.bye_at is None:
        leg.bye_at, leg.is_ended_by_end = at, by_end
    if request.method not in REFRESHING:
        return
    expires = request.session_expires
    if leg.up_at is None and request.method == "INVITE" and request.to.tag is None:
        least = request.min_se
        has_timer = "timer" in request.supported or "timer" in request.require
        role = None if expires is None else expires.refresher
        seconds, minimum = (None if one is None else one.seconds for one in (expires, least))
        leg.invites.append(Said(seconds, role, minimum, has_timer))
        leg.from_user, leg.to_user = (str(one.uri).partition(":")[2].partition("@")[0] for one in (request.from_, request.to))
    elif leg.up_at is not None and len(leg.refreshes) < MAX_CHANGES:
        origin = _ORIGIN.search(request.body)
        if origin is None or (by_end, origin[1]) in leg._origins:
            leg.refreshes.append(Refresh(at, by_end, request.method, request.method == "INVITE" and origin is None))
