"""What the user of a session timer has to do next: send a request, or end the call."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from sipstub.session_timer.header import TimerHeaders
from sipstub.session_timer.reply import Body


@dataclass(frozen=True, slots=True)
class Send:
    """A request of ours, to be made in the dialog; tell the timer of it by `asked`."""

    method: str
    headers: TimerHeaders
    body: Body = Body.NEW
    "What it says about media; NEW is whatever the user wants, for a repetition what it wanted before."
    is_refresh: bool = False
    "Whether it is sent for the timer alone."
    needs_credentials: bool = False
    "Whether it answers the challenge that came; where that cannot be done, call `refused` with its status instead."
    raises: int = 0
    "How often it was repeated for a 422."
    challenges: int = 0
    "How often it was repeated for a 401 or 407."

    def raised(self, headers: TimerHeaders) -> Send:
        """Return it once more with other intervals, after 422."""
        return replace(self, headers=headers, raises=self.raises + 1, needs_credentials=False)

    def challenged(self) -> Send:
        """Return it once more with credentials."""
        return replace(self, challenges=self.challenges + 1, needs_credentials=True)


class Reason(enum.StrEnum):
    """Why a session ends."""

    SILENCE = "silence"
    "The peer should have refreshed and did not (section 10)."
    EXPIRED = "expired"
    "No refresh of ours was accepted before the end."
    FAILED = "failed"
    "A request of ours got no answer, or one that says that the dialog is gone."


@dataclass(frozen=True, slots=True)
class End:
    """Send BYE, and count the call as over; CANCEL or BYE where it is not answered yet."""

    reason: Reason


Step = Send | End | None
