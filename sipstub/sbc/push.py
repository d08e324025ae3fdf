"""Phones that sleep until a push wakes them (RFC 8599): reminded before their registration ends, woken before a call is sent.

A phone says in its Contact who pushes for it (pn-provider) and as whom (pn-prid, pn-param).  The SBC asks the HTTP service of
that provider; what the question looks like is ours [choice].
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sipstub.sbc.http_service import HttpService
from sipstub.sbc.outside import HttpReply, Reply
from sipstub.sbc.user_table import User

if TYPE_CHECKING:
    from sipstub.sbc.service import Sbc

ASLEEP = 480
"What the caller gets when the phone did not wake up [choice: no source names the code]."
PROVIDER, PARAMETERS = "pn-provider", ("pn-provider", "pn-prid", "pn-param")


class Pushes:
    """All phones that are pushed to."""

    def __init__(self, sbc: Sbc) -> None:
        self._sbc = sbc
        self._waiting: dict[User, list[Wakening]] = {}

    def service_of(self, user: User) -> HttpService | None:
        """Return who pushes for a user; None for a phone that is awake always."""
        provider, prid = user.contact.params.get(PROVIDER), user.contact.params.get("pn-prid")
        return self._sbc.site.push_servers.get(provider.lower()) if provider and prid else None

    def registered(self, user: User, now: float) -> None:
        """Take note of a registration: calls go on, and the next reminder has its time."""
        if user.reminder is not None:
            self._sbc.agenda.forget(user.reminder)
            user.reminder = None
        if self.service_of(user) is not None:
            lasts = user.ends_at - now
            early = self._sbc.settings["PNSReminderPeriod"]
            user.reminder = _BoundReminder(self, user, user.ends_at - (early if lasts > early else lasts / 2))
            self._sbc.agenda.note(user.reminder)
        for one in self._waiting.pop(user, []):
            one.awake(user, now)

    def remind(self, user: User, now: float) -> None:
        """Have a phone told that its registration ends soon."""
        user.reminder = None
        service = self.service_of(user)
        if service is not None and user in self._sbc.users:
            self.push(user, service, "register", lambda reply, at: None, now)

    def push(
        self, user: User, service: HttpService, why: str, answered: Callable[[Reply | None, float], None], now: float
    ) -> None:
        """Ask a service to push."""
        said = {name: user.contact.params.get(name) or "" for name in PARAMETERS}
        body = json.dumps({"reason": why, "aor": str(user.aor.uri), **said}).encode()
        self._sbc.outside.ask(service.ask(body), service.timeout_s, answered, now)

    def wait(self, user: User, wakening: Wakening) -> None:
        """Have a wakening told of the next registration of a user."""
        self._waiting.setdefault(user, []).append(wakening)

    def is_waiting(self, user: User, wakening: Wakening) -> bool:
        """Return whether a wakening will be told."""
        return wakening in self._waiting.get(user, ())

    def wait_no_more(self, user: User, wakening: Wakening) -> None:
        """Take that back."""
        left = [one for one in self._waiting.get(user, ()) if one is not wakening]
        if left:
            self._waiting[user] = left
        else:
            self._waiting.pop(user, None)


class Wakening:
    """Users who are woken for one request; it goes on when all of them have registered, or time is up (PNSRegisterTimeout)."""

    def __init__(self, sbc: Sbc, users: Iterable[User]) -> None:
        self._sbc = sbc
        self._asleep = list(users)
        self._done: Callable[[float], None] | None = None
        self._gives_up_at: float | None = None
        self.wake_at: float | None = None
        self.status = 0

    def begin(self, done: Callable[[float], None], now: float) -> None:
        """Push at once."""
        self._done = done
        self._gives_up_at = now + self._sbc.settings["PNSRegisterTimeout"]
        self._sbc.agenda.note(self)
        pushes = self._sbc.pushes
        services = [(user, service) for user in self._asleep if (service := pushes.service_of(user)) is not None]
        self._asleep = [user for user, _ in services]
        for user in self._asleep:
            pushes.wait(user, self)
        if not services:
            self._end(now)
        for user, service in services:

            def answered(reply: Reply | None, at: float, user: User = user) -> None:
                if not (isinstance(reply, HttpReply) and reply.is_success):
                    self._sbc.tell(f"no push for {user.aor.uri}: the service did not take it", at)
                    self._lost(user, at)

            pushes.push(user, service, "call", answered, now)

    def is_awake(self, user: User) -> bool:
        """Return whether a user has registered since."""
        return user not in self._asleep

    def awake(self, user: User, now: float) -> None:
        """Take note of a registration."""
        self._asleep.remove(user)
        if not self._asleep:  # not before the phone has its 200
            self._gives_up_at = now
            self._sbc.agenda.note(self)

    def next_timer(self) -> float | None:
        """Return when time is up."""
        return self._gives_up_at

    def on_timer(self, now: float) -> None:
        """Go on without those who sleep."""
        self._end(now)

    def _lost(self, user: User, now: float) -> None:
        """Nobody will wake that one."""
        if self._done is None or user not in self._asleep:
            return
        self._sbc.pushes.wait_no_more(user, self)
        if not any(self._sbc.pushes.is_waiting(one, self) for one in self._asleep):
            self._end(now)

    def _end(self, now: float) -> None:
        done, self._done, self._gives_up_at = self._done, None, None
        self._sbc.agenda.forget(self)
        if self._asleep:
            self.status = ASLEEP
        for user in self._asleep:
            self._sbc.pushes.wait_no_more(user, self)
        if done is not None:
            done(now)


class _BoundReminder:
    """The time at which one phone is reminded, for the agenda."""

    def __init__(self, pushes: Pushes, user: User, at: float) -> None:
        self._pushes = pushes
        self._user = user
        self._at: float | None = at
        self.wake_at: float | None = None

    def next_timer(self) -> float | None:
        """Return when."""
        return self._at

    def on_timer(self, now: float) -> None:
        """Remind."""
        self._at = None
        self._pushes.remind(self._user, now)
