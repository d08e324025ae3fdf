"""The session timer of one dialog: what to ask, what was agreed, when to refresh and when to hang up.  RFC 4028.

    timer = Offer(settings).timer(now)                     the calling side, one for each dialog
    timer = SessionTimer(settings)                         the called side
    timer.receive(request), timer.replied(request, reply, now)    a request of the peer, and the 2xx that went out
    timer.ask("INVITE"), timer.asked(request, send, now)   a request of ours
    timer.answered(response, now, chance), timer.refused(request, status, now)
    timer.next_timer, timer.on_timer(now)                  what is due

Each 2xx to INVITE or UPDATE, in either direction, decides anew: interval, and who refreshes.  Whoever sends the refresh is
the UAC of it, so `uac` in the 2xx means its receiver, whoever began the call.  Nothing but a 2xx puts the end off.
"""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.dialog.dialog import ENDING
from sipstub.dialog.negotiation import retry_after_glare_s
from sipstub.session_timer.header import (
    REFRESHING,
    Heard,
    TimerHeaders,
    allowed_methods,
    hear,
    hear_leniently,
    request_headers,
)
from sipstub.session_timer.reply import NO_TIMER, Body, Reply, TimerRefusal, malformed, reply_to
from sipstub.session_timer.setting import (
    LEAST_S,
    SHORTEST_TAKEN_S,
    UAC,
    UAS,
    RefreshMethod,
    Role,
    TimerSettings,
    lead_s,
)
from sipstub.session_timer.step import End, Reason, Send, Step
from sipstub.sip.error import SipError
from sipstub.sip.message import Message, Request, Response

MAX_OPEN = 8
"Requests of ours without a final answer that are remembered."
MAX_RAISES = 4
"How often a request is repeated for 422: each server on the way may want a longer interval than the one before."
MAX_CHALLENGES = 2
"How often a refresh is repeated with credentials."
MAX_GLARES = 8
"How often in a row a refresh is repeated for 491; then it counts as any other error."
MAX_TRIES = 5
"How often in a row a refresh is repeated for other errors."
SHORTEST_RETRY_S = 2.0
OTHER_METHOD = frozenset({405, 501})
"Answers that say: try the other method."
TIMED_OUT = frozenset({408, 481})


@dataclass(frozen=True, slots=True)
class _Open:
    """A request of ours without a final answer."""

    send: Send
    sent_at: float


class SessionTimer:
    """One dialog, as one side has it; a call that forks has one for each."""

    __slots__ = (
        "_glares",
        "_heard_description",
        "_is_changing",
        "_methods",
        "_no_update",
        "_open",
        "_refresh_at",
        "_started_at",
        "_tries",
        "_wanted_s",
        "interval_s",
        "is_over",
        "is_owner",
        "is_refresher",
        "min_se_s",
        "peer_has_timer",
        "settings",
    )

    def __init__(self, settings: TimerSettings, *, is_owner: bool = False, min_se_s: int = 0) -> None:
        self.settings = settings
        "May be replaced in mid dialog; counts from the next request."
        self.is_owner = is_owner
        "Whether this side made the Call-ID: it waits longer after 491."
        self.min_se_s = min_se_s
        "The largest Min-SE that came in this dialog, 0 for none."
        self.interval_s: int | None = None
        "Agreed; None while no timer runs."
        self.is_refresher = False
        self.is_over = False
        self.peer_has_timer = False
        "Whether the peer is known to have the extension."
        self._started_at = 0.0
        self._refresh_at: float | None = None
        self._wanted_s = settings.expires_s
        self._is_changing = False
        self._open: dict[int, _Open] = {}
        self._methods: frozenset[str] | None = None
        self._no_update = False
        self._heard_description = b""
        self._glares = 0
        self._tries = 0

    @property
    def is_running(self) -> bool:
        """Return whether the session expires at all."""
        return self.interval_s is not None

    @property
    def can_refresh(self) -> bool:
        """Return whether the peer, as far as it is known, takes a request that it could be refreshed by."""
        return self._method() is not None

    @property
    def expires_at(self) -> float | None:
        """Return the end of the session if no refresh is accepted any more."""
        return None if self.interval_s is None else self._started_at + self.interval_s

    # Requests of ours

    def ask(self, method: str, *, role: Role = Role.KEEP) -> Send:
        """Return what a request of ours in this dialog has to say, whatever it is sent for; ACK says nothing (section 7.1)."""
        return Send(method, self._headers(method, role))

    def change(self, expires_s: int | None) -> Step:
        """Return a refresh that asks for another interval, or for none: then nothing expires once it is accepted."""
        self._wanted_s, self._is_changing = expires_s, True
        return self._refresh()

    def asked(self, request: Request, send: Send, now: float) -> None:
        """Take note that a request went out."""
        if request.method not in REFRESHING:
            return
        if len(self._open) >= MAX_OPEN:
            del self._open[next(iter(self._open))]
        self._open[request.cseq.number] = _Open(send, now)

    def asked_again(self, before: Request, again: Request) -> None:
        """Take note that a request went out again with a password, under another CSeq."""
        found = self._open.pop(before.cseq.number, None)
        if found is not None:
            self._open[again.cseq.number] = found

    def postpone(self, delay_s: float, now: float) -> None:
        """Take back the refresh that was due and could not be sent now, an INVITE being on its way."""
        self._later(now + delay_s)

    def leave(self, now: float) -> None:
        """Leave the refresh that is due to somebody else, whose request will pass here; the question comes again."""
        end = self.expires_at
        if end is not None and self._refresh_at is not None and now >= self._refresh_at:
            self._refresh_at = now + max(SHORTEST_RETRY_S, (end - now) / 4)

    def answered(self, response: Response, now: float, *, chance: float = 0.5) -> Step:
        """Take an answer to a request of ours; `chance` from 0 up to 1 chooses how long to wait after 491.

        Provisional ones and repetitions mean nothing.
        """
        self._learn(response)
        if response.status < 300:
            self._heard_description = response.body or self._heard_description
        if response.status < 200 or self.is_over or response.cseq.method not in REFRESHING:
            return None
        found = self._open.pop(response.cseq.number, None)
        if found is None:
            return None
        if response.status < 300:
            self._accepted(found.send, hear_leniently(response), now)
            return None
        return self._failed(found, response.status, response, now, chance)

    def refused(self, request: Request, status: int, now: float) -> Step:
        """Take that a request of ours came to nothing: 408 for no answer, 503 where it could not be sent."""
        found = None if self.is_over else self._open.pop(request.cseq.number, None)
        return None if found is None else self._failed(found, status, None, now, 0.5)

    # Requests of the peer

    def receive(self, request: Request) -> Reply | TimerRefusal:
        """Return what a request of the peer gets: the timer's part of its 2xx, or a refusal; `replied` is for the 2xx only."""
        try:
            heard = hear(request)
        except SipError as error:
            return malformed(error)
        self._learn(request)
        reply = reply_to(heard, self.settings, least_s=self.min_se_s, can_refresh=self.can_refresh)
        if isinstance(reply, TimerRefusal):
            return reply
        if request.method not in REFRESHING:
            if request.method == "ACK":  # it may bring the answer to an offer of ours
                self._heard_description = request.body or self._heard_description
            return NO_TIMER
        if heard.min_se_s is not None and self.settings.is_on:
            self.min_se_s = max(self.min_se_s, heard.least_s)
        return Reply(reply.headers, reply.interval_s, reply.is_refresher, self._body_for(request))

    def replied(self, request: Request, reply: Reply, now: float) -> None:
        """Take note that the 2xx went out for the first time."""
        if request.method not in REFRESHING or self.is_over:
            return
        self._heard_description = request.body or self._heard_description
        self._start(reply.interval_s, reply.is_refresher, now)

    # Time

    @property
    def next_timer(self) -> float | None:
        """Return when `on_timer` has to be called."""
        return min((time for time in (self._end_at, self._refresh_at) if time is not None), default=None)

    def on_timer(self, now: float) -> Step:
        """Return what is due now."""
        end = self._end_at
        if end is not None and now >= end:
            return self._end(Reason.EXPIRED if self.is_refresher else Reason.SILENCE)
        if self._refresh_at is None or now < self._refresh_at:
            return None
        self._refresh_at = None
        return self._refresh()

    def end(self) -> None:
        """Stop: the call is over."""
        self.is_over = True
        self.interval_s = self._refresh_at = None
        self._open.clear()

    @property
    def _end_at(self) -> float | None:
        """Who refreshes has until the very end; who waits for the peer says BYE some time before it (section 10)."""
        if self.interval_s is None or self.is_over:
            return None
        return self._started_at + self.interval_s - (0.0 if self.is_refresher else lead_s(self.interval_s))

    # What requests say

    def _refresh(self) -> Step:
        method = self._method()
        if method is None:  # it takes no UPDATE any more: nobody can keep the session up, so there is no clock here
            self._start(None, False, self._started_at)
            return None
        body = Body.NONE if method == "UPDATE" else Body.SAME
        return Send(method, self._headers(method, Role.KEEP), body, is_refresh=True)

    def _method(self) -> str | None:
        wanted, is_allowed = self.settings.method, "UPDATE" in (self._methods or ())
        takes_update = wanted is RefreshMethod.UPDATE or (wanted is RefreshMethod.BY_ALLOW and is_allowed)
        if takes_update and not self._no_update:
            return "UPDATE"
        return "INVITE" if self.settings.takes_reinvite else None

    def _headers(self, method: str, role: Role) -> TimerHeaders:
        settings = self.settings
        if not settings.is_on or method == "ACK":
            return TimerHeaders()
        if method not in REFRESHING:
            return TimerHeaders(is_supported=True)
        is_new = self.interval_s is None or self._is_changing
        expires = self._wanted_s if is_new else max(self.interval_s or 0, LEAST_S)
        return request_headers(settings, self.min_se_s, expires, self._role_word(role))

    def _role_word(self, role: Role) -> str | None:
        if self.interval_s is None:
            return self.settings.refresher
        if role is Role.OPEN:
            return None
        is_ours = self.is_refresher
        if role is Role.SWAP and (self.peer_has_timer or not is_ours):
            is_ours = not is_ours
        return UAC if is_ours else UAS

    # What answers mean

    def _accepted(self, send: Send, heard: Heard, now: float) -> None:
        """Take a 2xx: what it says counts, also where it should not say so (section 7.2)."""
        self._is_changing = False
        said = heard.expires_s
        if not self.settings.is_on or (said is not None and said < SHORTEST_TAKEN_S):
            self._start(None, False, now)
        elif said is not None:
            # without its refresher, which must be there, the one we asked for holds; else we refresh, which harms nobody
            self._start(said, (heard.refresher or send.headers.refresher or UAC) == UAC, now)
        elif send.headers.expires_s is not None and not heard.is_required and self.settings.refreshes_alone:
            self._start(send.headers.expires_s, True, now)
        else:
            self._start(None, False, now)

    def _start(self, interval_s: int | None, is_refresher: bool, now: float) -> None:
        if is_refresher and not self.can_refresh:
            interval_s, is_refresher = None, False
        self.interval_s, self.is_refresher, self._started_at = interval_s, is_refresher, now
        self._refresh_at = now + interval_s * self.settings.refresh_share if interval_s is not None and is_refresher else None
        self._glares = self._tries = 0

    def _failed(self, found: _Open, status: int, response: Response | None, now: float, chance: float) -> Step:
        send = found.send
        if status in TIMED_OUT or status in ENDING:
            return self._end(Reason.FAILED)
        if status == 422 and response is not None and self._raise(send, response):
            return send.raised(self._headers(send.method, _role_of(send, self)))
        if not send.is_refresh:
            return None  # whatever else it was sent for is not for the timer to repeat
        if self.is_running and self._started_at > found.sent_at:
            return None  # the peer refreshed meanwhile
        if status in (401, 407) and response is not None and send.challenges < MAX_CHALLENGES:
            return send.challenged()
        if status in OTHER_METHOD and send.method == "UPDATE":
            self._no_update = True
            return self._refresh()
        if status == 491 and self._glares < MAX_GLARES:
            self._glares += 1
            self._later(now + retry_after_glare_s(is_owner=self.is_owner, chance=chance))
        elif self._tries < MAX_TRIES and self.interval_s is not None:
            self._tries += 1
            left = self._started_at + self.interval_s - now
            pause = _retry_after_s(response)
            self._later(now + max(SHORTEST_RETRY_S, left / 3 if pause is None else pause))
        return None

    def _raise(self, send: Send, response: Response) -> bool:
        """Take a 422; return whether the request may be sent again with the interval that it wants."""
        heard = hear_leniently(response)
        if heard.min_se_s is None or not self.settings.is_on:
            return False
        grew = heard.least_s > (send.headers.min_se_s or 0)
        self.min_se_s = max(self.min_se_s, min(heard.least_s, self.settings.longest_s))
        return grew and heard.least_s <= self.settings.longest_s and send.raises < MAX_RAISES

    def _later(self, when: float) -> None:
        if self._is_changing or (self.is_running and self.is_refresher):
            self._refresh_at = when

    def _end(self, reason: Reason) -> End:
        self.end()
        return End(reason)

    def _learn(self, message: Message) -> None:
        methods = allowed_methods(message)
        if methods is not None:
            self._methods = methods
        if not self.peer_has_timer:
            try:
                self.peer_has_timer = any(word.lower() == "timer" for word in (*message.supported, *message.require))
            except SipError:
                return

    def _body_for(self, request: Request) -> Body:
        if request.body:  # where o= is the same nothing else may differ (RFC 3264 section 8); if it does, it is a change
            return Body.SAME if request.body == self._heard_description else Body.NEW
        if request.method == "UPDATE":
            return Body.NONE
        return Body.SAME if self._heard_description else Body.NEW


def _retry_after_s(response: Response | None) -> float | None:
    try:
        found = None if response is None else response.retry_after
    except SipError:
        return None
    return None if found is None else float(found.seconds)


def _role_of(send: Send, timer: SessionTimer) -> Role:
    """Return the role that a repetition asks for: what the request asked for that was refused."""
    if send.headers.refresher is None:
        return Role.OPEN
    return Role.KEEP if (send.headers.refresher == UAC) == timer.is_refresher else Role.SWAP
