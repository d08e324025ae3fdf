"""What has to be done before it is known where a request goes, and how whoever sends it waits for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from sipstub.sbc.target import Batch


class Errand(Protocol):
    """Something that takes time; the places that follow it in order are asked for when it is done."""

    status: int
    "What the sender is told if no place is found afterwards; 0 leaves that to others."

    def begin(self, done: Callable[[float], None], now: float) -> None:
        """Do it, and call `done` once, perhaps at once."""


Steps = Iterator[Batch | Errand]
"Places and errands, in order; the next step may be asked for when an errand is done."


def next_batch(steps: Steps, then: Callable[[Batch | None, int, float], None], now: float, status: int = 0) -> None:
    """Call `then` with the next places, or None, and with the status of the last errand that came to nothing."""
    step = next(steps, None)
    if step is None or isinstance(step, tuple):
        then(step, status, now)
        return
    step.begin(lambda at: next_batch(steps, then, at, step.status or status), now)
