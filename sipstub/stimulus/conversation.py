"""Steps that are calls: from the phone, with a digit in it, and to the phone."""

from __future__ import annotations

from sipstub.stimulus.call import CallState
from sipstub.stimulus.performance import Performance
from sipstub.stimulus.placed_call import PlacedCall, Ringing
from sipstub.stimulus.stage import Stage
from sipstub.stimulus.step import Step
from sipstub.verify.tolerance import TOLERANCE

NUMBER = "100"
"What people are asked to dial; any number will do."
TALK_S = 2.0
"From the answer until the call counts as seen."
IN_INFO = ("info", "rfc2833+info")


class CallingOut(Performance):
    """The phone calls, and is answered."""

    def __init__(self, stage: Stage, step: Step, now: float, *, digit_follows: bool = False) -> None:
        super().__init__(stage, step, now)
        self._digit_follows = digit_follows
        self._up_at: float | None = None

    def begin(self, now: float) -> None:
        """Answer calls of the account from now on."""
        self.stage.refused = None
        for aor in self.aors:
            self.stage.director.expect_call(aor, now, self.step.limit_s)

    def look(self, now: float) -> bool:
        """Return whether a call has come up and was seen for a moment, or was refused and none came in its place."""
        account = self.step.accounts[0] if self.step.accounts else 1
        self.waits_for = f"waiting for a call from the phone: dial {NUMBER} on account {account}"
        call = self.stage.call
        if call is None or call.aor not in self.aors or not call.is_from_phone:
            return self._comes_no_more(now)
        self.is_given = True
        if call.status == 200 and self._up_at is None and call.state in (CallState.ANSWERED, CallState.ENDED):
            self._up_at = now
        if self._up_at is None:
            return call.is_ended and self._comes_no_more(now)
        self.waits_for = "in the call"
        return call.is_ended or now >= self._up_at + TALK_S

    def _comes_no_more(self, now: float) -> bool:
        """Return whether a phone whose call was refused had its time to call once more, which follows at once."""
        refused = self.stage.refused
        if refused is None or refused.aor not in self.aors:
            return False
        self.is_given = True  # it called: what it said can be judged
        self.waits_for = f"its call was refused with {refused.status}; the call once more, if there is one, comes at once"
        return now >= refused.at + TOLERANCE.absence + TOLERANCE.edge_s

    def end(self, now: float) -> None:
        """Answer no more calls, and hang up unless a digit is waited for."""
        for aor in self.aors:
            self.stage.director.expect_no_call(aor, now)
        call = self.stage.call
        if call is not None and call.aor in self.aors and not self._digit_follows:
            call.hang_up(now)
            self.stage.call = None


class Pressing(CallingOut):
    """A key is pressed in the call; if that call has ended, in another one."""

    def __init__(self, stage: Stage, step: Step, now: float) -> None:
        super().__init__(stage, step, now)
        call = stage.call
        if call is not None and call.is_ended:
            stage.call = None

    def look(self, now: float) -> bool:
        """Return whether a digit came, or would have come."""
        is_refused = super().look(now) and self._up_at is None
        call = self.stage.call
        if self._up_at is None or call is None:
            self.is_given = False
            return is_refused
        self.is_given = True
        self.waits_for = "waiting for a digit: press 5"
        account = self.step.accounts[0] if self.step.accounts else None
        is_info = self.stage.text("dtmf", account) in IN_INFO
        return bool(call.infos) or call.is_ended or (not is_info and now >= self._up_at + self.step.usual_s)


class CallingIn(Performance):
    """The phone is called; it rings and is given up, or it picks up and hears a BYE."""

    def begin(self, now: float) -> None:
        """Call it, if it can be reached."""
        self._call: PlacedCall | None = None
        self._place(now)

    def _place(self, now: float) -> None:
        if self._call is None and self.aors:
            account = self.step.accounts[0]
            wants_offer = self.step.wants_offer
            is_secure = not wants_offer and self.stage.text("srtp", account) == "required"
            how = Ringing(has_offer=not wants_offer, is_secure=is_secure, answers_itself=wants_offer)
            self._call = self.stage.director.call(self.aors[0], now, how)

    def look(self, now: float) -> bool:
        """Return whether the call is over."""
        self._place(now)
        if self._call is None:
            self.waits_for = "waiting for it to register"
            return False
        is_seen = self._call.status == 200 if self.step.wants_offer else self._call.state is not CallState.CALLING
        self.is_given = self.is_given or is_seen
        self.waits_for = f"{self._call.state}: the phone may be picked up"
        return self._call.is_ended

    def end(self, now: float) -> None:
        """Hang up."""
        if self._call is not None:
            self._call.hang_up(now)
