"""Calls with a session timer, as their messages tell them: each 2xx with Session-Expires begins a term, which the next renews.

A term is renewed, ended by BYE, or left alone until it expires.  Whoever waits for the refresh of the other side gives up some
time before that (RFC 4028 section 10).  Calls without a timer are not looked at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from sipstub.session_timer.header import REFRESHING, hear_leniently
from sipstub.session_timer.setting import lead_s
from sipstub.sip.error import SipError
from sipstub.sip.message import Message, Request, Response
from sipstub.trace.ladder.party import Parties
from sipstub.trace.record import RecordedMessage

MAX_SESSIONS = 20
"Of one flow; later ones are not looked at."
MAX_OPEN = 2_000
"Requests without their 2xx that are remembered; the oldest are forgotten first."
MAX_TERMS = 400
"Of one session."
MAX_TRIES = 50
"Refreshes within one term."


@dataclass(frozen=True, slots=True)
class Try:
    """An INVITE or UPDATE within a term: the refresh that renewed it, or one that did not."""

    number: int
    at: float
    method: str
    party: int
    "Column of who sent it."


@dataclass(frozen=True, slots=True)
class Term:
    """What one 2xx agreed on, and what came of it."""

    number: int
    "Of the 2xx."
    at: float
    method: str
    interval_s: int | None
    "None where this 2xx switched the timer off."
    refresher: int
    "Column of who has to refresh."
    until: float
    "When the next 2xx came, or BYE, or the last message that was seen at all."
    is_renewed: bool
    tries: tuple[Try, ...] = ()

    @property
    def half_at(self) -> float:
        """Return when the refresh is due: half of the interval (RFC 4028 section 7.2)."""
        return self.at + (self.interval_s or 0) / 2

    @property
    def given_up_at(self) -> float:
        """Return when the side that waits says BYE (section 10)."""
        interval_s = self.interval_s or 0
        return self.at + interval_s - lead_s(interval_s)

    @property
    def expires_at(self) -> float:
        """Return when the session is over."""
        return self.at + (self.interval_s or 0)


@dataclass(frozen=True, slots=True)
class Session:
    """One call that had a session timer."""

    number: int
    "Of the message that answered its INVITE."
    began_at: float
    terms: tuple[Term, ...]
    bye: Try | None
    left_out: int = 0
    "Terms beyond MAX_TERMS."

    @property
    def refreshes(self) -> int:
        """Return how often it was renewed."""
        return sum(term.is_renewed for term in self.terms) + self.left_out


@dataclass(slots=True)
class _Asked:
    tried: Try
    to: int
    refresher: str | None


@dataclass(slots=True)
class _Draft:
    answers: list[tuple[RecordedMessage, _Asked, int | None, str | None]] = field(default_factory=list)
    tries: list[Try] = field(default_factory=list)
    bye: Try | None = None
    left_out: int = 0


_TELLING = re.compile(rb"\ncseq[ \t]*+:[^\r\n]*(?:INVITE|UPDATE|BYE)", re.IGNORECASE)
"Whether a message may matter, without parsing it."

_Dialog = tuple[str, frozenset[str]]


def sessions_of(messages: Iterable[RecordedMessage], parties: Parties) -> tuple[Session, ...]:
    """Return the calls with a session timer in the order of their answers; what cannot be read is passed over."""
    reader = _Reader(parties)
    last_at = 0.0
    for message in messages:
        last_at = message.at
        if not _TELLING.search(message.data) or message.message is None:
            continue
        try:
            reader.read(message, message.message)
        except SipError:
            continue
    return tuple(islice(reader.finish(last_at), MAX_SESSIONS))


class _Reader:
    def __init__(self, parties: Parties) -> None:
        self._parties = parties
        self._asked: dict[tuple[str, str, int, str], _Asked] = {}
        self._answered: set[tuple[_Dialog, str, int, str]] = set()
        self._drafts: dict[_Dialog, _Draft] = {}

    def read(self, recorded: RecordedMessage, message: Message) -> None:
        """Take one message, in order; raises SipError where a header that is needed cannot be read."""
        method = message.cseq.method
        if method not in (*REFRESHING, "BYE"):
            return
        tags = frozenset(tag for tag in (message.from_.tag, message.to.tag) if tag)
        dialog = (message.call_id or "", tags)
        key = (dialog[0], message.from_.tag or "", message.cseq.number, method)
        if isinstance(message, Request):
            self._request(recorded, message, dialog, key)
        elif isinstance(message, Response) and method in REFRESHING and 200 <= message.status < 300:
            self._success(recorded, message, dialog, key)

    def _request(self, recorded: RecordedMessage, request: Request, dialog: _Dialog, key: tuple[str, str, int, str]) -> None:
        if request.method == "ACK" or key in self._asked:
            return
        column = self._parties.column
        tried = Try(recorded.number, recorded.at, request.method, column(recorded.source))
        draft = self._drafts.get(dialog)
        if request.method == "BYE":
            if draft is not None and draft.bye is None:
                draft.bye = tried
            return
        if draft is not None and len(draft.tries) < MAX_TERMS + MAX_TRIES:
            draft.tries.append(tried)
        expires = request.session_expires
        if len(self._asked) >= MAX_OPEN:
            del self._asked[next(iter(self._asked))]
        self._asked[key] = _Asked(tried, column(recorded.target), expires.refresher if expires is not None else None)

    def _success(self, recorded: RecordedMessage, response: Response, dialog: _Dialog, key: tuple[str, str, int, str]) -> None:
        asked = self._asked.get(key)
        seen = (dialog, *key[1:])
        if asked is None or seen in self._answered or len(dialog[1]) != 2:
            return
        draft = self._drafts.get(dialog)
        if draft is None:
            if key[3] != "INVITE" or len(self._drafts) >= MAX_OPEN:
                return
            draft = self._drafts[dialog] = _Draft()
        if len(draft.answers) >= MAX_TERMS:
            draft.left_out += 1
            return
        self._answered.add(seen)
        heard = hear_leniently(response)
        draft.answers.append((recorded, asked, heard.expires_s, heard.refresher or asked.refresher))

    def finish(self, last_at: float) -> Iterable[Session]:
        """Yield what was found; watching ended with the last message."""
        for draft in self._drafts.values():
            if all(expires_s is None for _, _, expires_s, _ in draft.answers):
                continue
            ended_at = draft.bye.at if draft.bye is not None else last_at
            terms = []
            for at, (recorded, asked, expires_s, word) in enumerate(draft.answers):
                is_renewed = at + 1 < len(draft.answers)
                until = draft.answers[at + 1][0].at if is_renewed else max(ended_at, recorded.at)
                end = draft.answers[at + 1][0].number if is_renewed else draft.bye.number if draft.bye is not None else math.inf
                mine = tuple(tried for tried in draft.tries if recorded.number < tried.number < end)[:MAX_TRIES]
                refresher = asked.to if word == "uas" else asked.tried.party
                terms.append(
                    Term(recorded.number, recorded.at, asked.tried.method, expires_s, refresher, until, is_renewed, mine)
                )
            first = draft.answers[0][0]
            yield Session(first.number, first.at, tuple(terms), draft.bye, draft.left_out)
