"""A 200 to INVITE that is sent again and again until its ACK comes.  RFC 3261 section 13.3.1.4."""

from __future__ import annotations

from sipstub.dialog.repeater import Repeater, Turn
from sipstub.phone.agent.alarm import Alarm, Alarms, Due
from sipstub.transaction.timing import Timing


class Repeating:
    """The last 200 of one call."""

    def __init__(self, alarms: Alarms, timing: Timing, give_up: Due) -> None:
        self._alarms = alarms
        self._timing = timing
        self._give_up = give_up
        self._alarm: Alarm | None = None
        self._repeater: Repeater | None = None

    def begin(self, send: Due, now: float) -> None:
        """Send it, and repeat it; what was repeated before is not any more."""
        self._repeater = Repeater(self._timing, now)
        send(now)
        self._wait(send, now)

    def stop(self) -> None:
        """Repeat it no more: it is acknowledged, or the call is over."""
        self._repeater = None
        self._alarms.stop(self._alarm)

    def _wait(self, send: Due, now: float) -> None:
        due = None if self._repeater is None else self._repeater.next_timer
        if due is not None:
            self._alarm = self._alarms.after(max(0.0, due - now), lambda at: self._due(send, at), now, self._alarm)

    def _due(self, send: Due, now: float) -> None:
        turn = Turn.NOTHING if self._repeater is None else self._repeater.on_timer(now)
        if turn is Turn.GIVE_UP:
            self._give_up(now)
            return
        if turn is Turn.SEND:
            send(now)
        self._wait(send, now)
