"""Who is called: the INVITEs of one call, batch by batch, until somebody answers or no place is left."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sipstub.sbc.branch import Branch
from sipstub.sbc.errand import Errand, Steps
from sipstub.sbc.leg_session import NOT_HERE, told_status
from sipstub.sbc.loop import LAST_WORDS
from sipstub.sip.message import Response

if TYPE_CHECKING:
    from sipstub.sbc.call import Call

MAX_PARALLEL = 5
"Legs to contacts of one user at the same time."
MAX_TRIES = 16
"INVITEs that one call may lead to, alternatives and redirections included."
NO_ROUTE = 404
"Where no rule fits, or the user is not registered [choice]."
NOWHERE = 480
"What the caller gets for a 3xx without a Contact that the SBC was to follow itself [choice]."
NO_ANSWER = 408
"What the caller gets when SBCAlertTimeout ran out [choice: no source names the code]."


class Hunt:
    """That of one call."""

    __slots__ = ("_batches", "_best", "_call", "_is_called_off", "branches", "has_rung", "tries")

    def __init__(self, call: Call) -> None:
        self._call = call
        self.branches: list[Branch] = []
        "Those that nobody has refused."
        self.tries = 0
        self.has_rung = False
        "Whether somebody of this batch rings."
        self._batches: Steps = iter(())
        self._is_called_off = False
        self._best: tuple[int, Response | None] | None = None

    def begin(self, batches: Steps, now: float) -> None:
        """Call the first places."""
        self._batches = batches
        self._next(now)

    def try_also(self, batches: Steps, now: float) -> None:
        """Go on with other places before those that are left, as after a redirection."""
        rest = self._batches

        def all_of_them() -> Steps:
            yield from batches
            yield from rest

        self._batches = all_of_them()
        if not self.branches:
            self._next(now)

    def failed(self, branch: Branch, status: int, response: Response | None, now: float) -> None:
        """Take a final refusal, or that there is no answer: the next places, or the caller is told."""
        self.branches.remove(branch)
        call = self._call
        if call.is_connected or call.is_over:
            call.finish(now)
            return
        if response is not None and 300 <= status < 400 and call.sbc.redirection.follow(call, response, now):
            return
        if response is not None and 300 <= status < 400 and call.sbc.redirection.is_ours(call):
            status, response = NOWHERE, None  # it named no place, and is not for the caller to see
        if told_status(status, call.caller.session.mode, branch.target.group.profile.session_mode) != status:
            status, response = NOT_HERE, None
        if self._best is None or _rank(status) < _rank(self._best[0]):
            self._best = (status, response)
        if status >= 600:
            for one in self.branches:
                one.cancel(now)
        if status >= 600 or status in LAST_WORDS:
            self._batches = iter(())
        if not self.branches:
            self._next(now)

    def found(self, branch: Branch, now: float) -> None:
        """Somebody answered: the others are called off."""
        for one in self.branches:
            if one is not branch:
                one.cancel(now, 'SIP;cause=200;text="Call completed elsewhere"')

    def call_off(self, now: float, reason: str | None) -> None:
        """Want nobody any more."""
        self._is_called_off = True
        for branch in self.branches:
            branch.cancel(now, reason)

    def timed_out(self, now: float) -> None:
        """Nobody of these answered in time."""
        for branch in self.branches:
            branch.cancel(now)
        self._best = self._best or (NO_ANSWER, None)
        self._next(now)

    @property
    def is_open(self) -> bool:
        """Return whether one that was called has not given its last word."""
        return any(not branch.is_done for branch in self.branches)

    def _next(self, now: float) -> None:
        call = self._call
        while not call.is_over and not self._is_called_off and self.tries < MAX_TRIES:
            batch = next(self._batches, None)
            if batch is None:
                break
            if not isinstance(batch, tuple):
                call.ends_at = None
                batch.begin(partial(self._errand_done, batch), now)
                return
            self.has_rung = False
            for target in batch[:MAX_PARALLEL]:
                if call.is_over:  # the media of one before could not pass
                    return
                self.tries += 1
                branch = Branch(call, target)
                self.branches.append(branch)
                branch.begin(now)
            if self.branches:
                call.alert(now)
                return
        status, response = self._best or (NO_ROUTE, None)
        call.refuse(status, response, now)

    def _errand_done(self, errand: Errand, now: float) -> None:
        if errand.status and self._best is None:
            self._best = (errand.status, None)
        self._next(now)


def _rank(status: int) -> tuple[int, int]:
    """Return how good a refusal is to tell the caller: 6xx, then challenges, then others, then what only says `no answer`."""
    if status >= 600:
        return 0, status
    if status in (401, 407):
        return 1, status
    return (3, status) if status in (408, 503) else (2, status)
