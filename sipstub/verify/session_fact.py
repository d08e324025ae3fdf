"""Calls with their session timers as they were agreed on, 2xx by 2xx, from the recorded requests of one account.  RFC 4028.

Each 2xx to INVITE or UPDATE decides anew: its interval, and who refreshes.  Nothing here knows what was expected.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sipstub.verify.assignment import AccountFacts
from sipstub.verify.request_fact import AnswerFact, RequestFact

OPTION = "timer"
REFRESHING = ("INVITE", "UPDATE")
MAX_SESSIONS = 500
"Calls of one account that are looked at."


@dataclass(frozen=True, slots=True)
class Term:
    """What one 2xx agreed on, and until when that held."""

    request: RequestFact
    answer: AnswerFact
    is_from_phone: bool
    "Whether the phone sent the request."
    until: float
    "When the next 2xx came, or the call ended, or watching did."
    is_last: bool

    @property
    def at(self) -> float:
        """Return when it began to hold."""
        return self.answer.at

    @property
    def interval_s(self) -> int | None:
        """Return the session interval; None where the session does not expire."""
        return self.answer.session_expires.seconds if self.answer.session_expires is not None else None

    @property
    def is_phones(self) -> bool:
        """Return whether the phone has to refresh: `uac` is who sent the request; without a word, who asked to."""
        said = self.answer.session_expires
        asked = self.request.session_expires
        word = (said.refresher if said is not None else None) or (asked.refresher if asked is not None else None) or "uac"
        return (word == "uac") == self.is_from_phone


@dataclass(frozen=True, slots=True)
class Session:
    """One call that came up."""

    invite: RequestFact
    "That made it; its answer is a 2xx."
    is_from_phone: bool
    phone: tuple[RequestFact, ...]
    "Requests of the phone in the dialog, without ACK."
    peer: tuple[RequestFact, ...]
    "Requests to the phone in the dialog, without ACK."
    terms: tuple[Term, ...]
    until: float
    "When it ended, or watching did."
    bye: RequestFact | None
    is_phones_bye: bool = False

    @property
    def call_id(self) -> str:
        """Return the Call-ID."""
        return self.invite.call_id

    @property
    def refreshes(self) -> tuple[RequestFact, ...]:
        """Return what the phone sent that renews the session and changes no media."""
        return tuple(request for request in self.phone if request.method in REFRESHING and not self.is_change(request))

    @property
    def asked(self) -> tuple[RequestFact, ...]:
        """Return each INVITE and UPDATE to the phone in the dialog."""
        return tuple(request for request in self.peer if request.method in REFRESHING)

    def described(self, at: float, *, by_phone: bool) -> bytes:
        """Return the last session description of one side before a moment; empty if there was none."""
        found: list[tuple[float, bytes]] = []
        for request, is_phones in self._all():
            if request.body and is_phones == by_phone:
                found.append((request.at, request.body))
            found += [
                (answer.at, answer.body)
                for answer in request.answers
                if answer.body and is_phones != by_phone and answer.status < 300
            ]
        return max(((when, body) for when, body in found if when < at), default=(0.0, b""))[1]

    def is_change(self, request: RequestFact) -> bool:
        """Return whether a request of the phone describes other media than before: hold, resume, another codec."""
        before = self.described(request.at, by_phone=True)
        return bool(request.body and before) and media_of(request.body) != media_of(before)

    def _all(self) -> Iterator[tuple[RequestFact, bool]]:
        yield self.invite, self.is_from_phone
        yield from ((request, True) for request in self.phone)
        yield from ((request, False) for request in self.peer)


def media_of(body: bytes) -> list[bytes]:
    """Return the lines of a session description but for `o=`, which says whether the others changed."""
    return [line.strip() for line in body.splitlines() if line.strip() and not line.startswith(b"o=")]


def origin_of(body: bytes) -> bytes:
    """Return the `o=` line."""
    return next((line.strip() for line in body.splitlines() if line.startswith(b"o=")), b"")


def sessions_of(account: AccountFacts, until: float) -> list[Session]:
    """Return the calls of an account that were answered with 2xx, in order; watching ended at `until`."""
    found = []
    for requests, others, is_phones in ((account.requests, account.received, True), (account.received, account.requests, False)):
        for invite in requests:
            if invite.method == "INVITE" and invite.is_initial and invite.final is not None and invite.status < 300:
                mine, its = (requests, others) if is_phones else (others, requests)
                found.append(_session(invite, is_phones, mine, its, until))
    return sorted(found, key=lambda session: session.invite.at)[:MAX_SESSIONS]


def _session(
    invite: RequestFact, is_from_phone: bool, phone: list[RequestFact], peer: list[RequestFact], until: float
) -> Session:
    assert invite.final is not None
    tags = {invite.from_.tag if invite.from_ is not None else None, invite.final.to_tag}

    def inside(requests: list[RequestFact]) -> tuple[RequestFact, ...]:
        return tuple(
            request
            for request in requests
            if request.call_id == invite.call_id
            and request.method != "ACK"
            and request.from_ is not None
            and request.to is not None
            and {request.from_.tag, request.to.tag} == tags
        )

    own, others = inside(phone), inside(peer)
    byes = [(request.at, request, is_phones) for is_phones, all_ in ((True, own), (False, others)) for request in _byes(all_)]
    ended_at, bye, is_phones = min(byes, key=lambda one: one[0], default=(until, None, False))
    agreed = [(invite, is_from_phone)]
    agreed += [(one, True) for one in own if one.method in REFRESHING]
    agreed += [(one, False) for one in others if one.method in REFRESHING]
    answered = sorted(
        (
            (final.at, request, final, who)
            for request, who in agreed
            if (final := request.final) is not None and final.status < 300
        ),
        key=lambda one: one[0],
    )
    terms = []
    for at, (_, request, final, who) in enumerate(answered):
        is_last = at + 1 == len(answered)
        terms.append(Term(request, final, who, ended_at if is_last else answered[at + 1][0], is_last))
    return Session(invite, is_from_phone, own, others, tuple(terms), ended_at, bye, is_phones)


def _byes(requests: tuple[RequestFact, ...]) -> list[RequestFact]:
    return [request for request in requests if request.method == "BYE"]
