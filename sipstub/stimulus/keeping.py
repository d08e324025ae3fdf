"""A step that is one scenario of session timers: a call is kept up until all that was expected has come."""

from __future__ import annotations

from dataclasses import replace

from sipstub.scenario.conduct import Conduct
from sipstub.scenario.scenario import PhoneTimer, Scenario
from sipstub.stimulus.call import Call, CallState
from sipstub.stimulus.conversation import NUMBER
from sipstub.stimulus.performance import Performance
from sipstub.stimulus.placed_call import Ringing
from sipstub.stimulus.session_plan import timer_of
from sipstub.stimulus.stage import Refused, Stage
from sipstub.stimulus.step import Step
from sipstub.verify.tolerance import TOLERANCE

RING_S = 30.0
MOST_CALLS = 3
"A phone that is called and does not pick up is called so often."
SPARE_S = 30.0
"The call itself would last so much longer than this step wants."


class Keeping(Performance):
    """One scenario, one account."""

    def __init__(self, stage: Stage, step: Step, now: float) -> None:
        super().__init__(stage, step, now)
        assert step.scenario is not None
        self._scenario: Scenario = step.scenario
        account = step.accounts[0] if step.accounts else 1
        self._account = account
        self._timer: PhoneTimer = timer_of(stage.expectations, account)
        lasts_s = self._scenario.longest_s + SPARE_S
        self._conduct: Conduct = replace(self._scenario.conduct(self._timer), lasts_s=lasts_s)
        self._call: Call | None = None
        self._up_at: float | None = None
        self._over_at: float | None = None
        self._refreshes = 0
        self._placed = 0
        self._asked_at: float | None = None

    def begin(self, now: float) -> None:
        """Call it, or answer its next call."""
        for aor in self.aors:
            if self._scenario.wants_person:
                self.stage.director.calls.conducts[aor] = self._conduct
                self.stage.director.expect_call(aor, now, self.step.limit_s)
        self.stage.call, self.stage.refused = None, None
        if not self._scenario.wants_person:
            self._place(now)

    def _place(self, now: float) -> None:
        if self._call is not None or not self.aors or self._placed >= MOST_CALLS:
            return
        is_secure = self.stage.text("srtp", self._account) == "required"
        again = not self._scenario.has_422
        how = Ringing(ring_s=RING_S, is_secure=is_secure, answers_itself=True, conduct=self._conduct, tries_again=again)
        self._call = self.stage.director.call(self.aors[0], now, how)
        if self._call is not None:
            self._placed += 1
            self.stage.held[self._call.call_id] = self._scenario.name

    def look(self, now: float) -> bool:
        """Return whether all that was expected has come, or the time for it is over."""
        if self._scenario.wants_person:
            self._take(now)
        else:
            self._place(now)
        call = self._call
        if call is None and self.stage.refused is not None:
            return self._comes_no_more(self.stage.refused, now)
        if call is None:
            dial = f"waiting for a call from the phone: dial {NUMBER} on account {self._account}"
            self.waits_for = dial if self._scenario.wants_person else "waiting for it to register"
            return False
        if self._up_at is None and call.status == 200 and call.state in (CallState.ANSWERED, CallState.ENDED):
            self._up_at = now
            if call.is_from_phone:
                self.stage.held[call.call_id] = self._scenario.name
        if self._up_at is None:
            return self._is_refused(call)
        self.is_given = True
        if call.is_ended:
            self.waits_for = "the call has ended"
            self._over_at = now if self._over_at is None else self._over_at
            return now >= self._over_at + self._scenario.linger_s
        if self._over_at is None and (now >= self._up_at + self._scenario.longest_s or self._is_enough(call)):
            self._over_at = now
        self.waits_for = self._next(call, now)
        return self._over_at is not None and now >= self._over_at + self._scenario.linger_s

    def _take(self, now: float) -> None:
        call = self.stage.call
        if self._call is None and call is not None and call.is_from_phone and call.aor in self.aors:
            self._call = call

    def _comes_no_more(self, refused: Refused, now: float) -> bool:
        """Return whether a phone that was refused had its time to call once more: that follows at once (RFC 4028 section 7.3).

        Then it is asked for OPTIONS, so that a phone that has given up is told from one that is gone.
        """
        self.is_given = True  # it called: what it said can be judged
        self.waits_for = f"its call was refused with {refused.status}; the call once more, if there is one, comes at once"
        if self._asked_at is None and now >= refused.at + TOLERANCE.absence + TOLERANCE.edge_s:
            self._asked_at = now
            self.stage.director.options(refused.aor, now)
        return self._asked_at is not None and now >= self._asked_at + self._scenario.linger_s

    def _is_refused(self, call: Call) -> bool:
        """Return whether the call came to nothing for good; one that nobody answered is placed once more."""
        self.waits_for = f"{call.state}: the phone may have to be picked up"
        if not call.is_ended:
            return False
        self.is_given = call.status in (420, 422)
        if self.is_given or self._placed >= MOST_CALLS:
            return True
        self._call = self.stage.call = None
        return False

    def _is_enough(self, call: Call) -> bool:
        if self._scenario.refreshes:
            return call.refreshes >= self._scenario.refreshes
        return bool(self._conduct.turns) and not call.is_planned

    def _next(self, call: Call, now: float) -> str:
        """Return what is expected next, and in how many seconds."""
        assert self._up_at is not None
        keeper = call.keeper
        left = max(0.0, self._up_at + self._scenario.longest_s - now)
        event, when = "the end of the call", left
        if keeper is not None and keeper.timer.interval_s is not None and keeper.timer.expires_at is not None:
            half = keeper.timer.expires_at - keeper.timer.interval_s / 2 - now
            if not keeper.timer.is_refresher and half > 0:
                event, when = "a refresh of the phone", half
            elif keeper.timer.is_refresher and call.is_planned:
                event, when = "a refresh of the stub", max(0.0, half)
            elif keeper.timer.is_refresher:
                event, when = "BYE of the phone", max(0.0, keeper.timer.expires_at - now)
        if left < when:
            event, when = "the end of the call", left
        return f"{self._scenario.name}: {event} in about {when:.0f} s"

    def end(self, now: float) -> None:
        """Hang up, and answer no more calls."""
        for aor in self.aors:
            self.stage.director.calls.conducts.pop(aor, None)
            self.stage.director.expect_no_call(aor, now)
        if self._call is not None:
            self._call.hang_up(now)
        self.stage.call = None
