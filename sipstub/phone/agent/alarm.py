"""What has to be done later: calls of functions, in order of time."""

from __future__ import annotations

from collections.abc import Callable

from sipstub.transaction.timer import Timer, TimerQueue

Due = Callable[[float], None]
"Called with the time when it is due."
Alarm = Timer[Due, None]


class Alarms:
    """All alarms of one phone."""

    def __init__(self) -> None:
        self._queue: TimerQueue[Due, None] = TimerQueue()

    def after(self, delay_s: float, due: Due, now: float, before: Alarm | None = None) -> Alarm:
        """Set an alarm in the place of one that was set before."""
        self.stop(before)
        return self._queue.start(delay_s, due, None, now)

    def stop(self, alarm: Alarm | None) -> None:
        """Stop an alarm, if there is one."""
        if alarm is not None:
            self._queue.stop(alarm)

    @property
    def next_timer(self) -> float | None:
        """Return when the next one is due."""
        return self._queue.next_timer

    def ring(self, now: float) -> None:
        """Call all that are due."""
        while (found := self._queue.take_due(now)) is not None:
            found[0](now)
