"""What was done to phones, and when: the record that rules and reports quote.  Bounded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sipstub.trace.record import RecordedMessage
from sipstub.verify.stimulus import Stimulus

MAX_ACTS = 1_000
"Kept; the oldest are forgotten first."
CLOCK_S = 2.0
"A message may be recorded so long before or after it was decided on."


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that was done."""

    id: int
    kind: Stimulus
    aor: str
    "Key of the address of record whose phone it was done to."
    what: str
    "For people: `503 to REGISTER`."
    at: float
    "When it began."
    until: float | None = None
    "When it was over; None while it goes on."
    call_id: str = ""
    "Of the message that it was done by or to; empty where there is none."
    line: str = ""
    "How that message begins, in the stub's own words: `SIP/2.0 503`, `NOTIFY `; empty for one that came from the phone."
    number: int = 0
    "Of that message in a recording; 0 until `numbered` has found it."


class Acts:
    """The record of one director."""

    def __init__(self) -> None:
        self._acts: OrderedDict[int, Act] = OrderedDict()
        self._last = 0

    def __len__(self) -> int:
        return len(self._acts)

    def begin(self, kind: Stimulus, aor: str, what: str, now: float, *, call_id: str = "", line: str = "") -> int:
        """Note something that begins now and return its number."""
        self._last += 1
        self._acts[self._last] = Act(self._last, kind, aor, what, now, None, call_id, line)
        if len(self._acts) > MAX_ACTS:
            self._acts.popitem(last=False)
        return self._last

    def end(self, id: int, now: float, what: str = "") -> None:
        """Note that it is over, once, and perhaps what came of it."""
        act = self._acts.get(id)
        if act is not None and act.until is None:
            self._acts[id] = replace(act, until=now, what=what or act.what)

    def note(self, kind: Stimulus, aor: str, what: str, now: float, *, call_id: str = "", line: str = "") -> None:
        """Note something that takes no time."""
        self.end(self.begin(kind, aor, what, now, call_id=call_id, line=line), now)

    def of(self, aors: Iterable[str], since: float = 0.0) -> tuple[Act, ...]:
        """Return what was done to these addresses since a moment, in order."""
        wanted = frozenset(aors)
        return tuple(act for act in self._acts.values() if act.aor in wanted and (act.until is None or act.until >= since))

    def all(self) -> tuple[Act, ...]:
        """Return everything that is kept, in order."""
        return tuple(self._acts.values())


def numbered(acts: Sequence[Act], messages: Iterable[RecordedMessage]) -> tuple[Act, ...]:
    """Return the acts with the numbers of the recorded messages that they were done by or to."""
    by_call: dict[str, list[RecordedMessage]] = {}
    wanted = {act.call_id for act in acts if act.call_id}
    for message in messages:
        call_id = message.call_id
        if call_id in wanted:
            by_call.setdefault(call_id or "", []).append(message)
    return tuple(replace(act, number=_number(act, by_call.get(act.call_id, ()))) for act in acts)


def _number(act: Act, messages: Iterable[RecordedMessage]) -> int:
    for message in messages:
        is_meant = message.is_inbound if not act.line else not message.is_inbound and message.data.startswith(act.line.encode())
        if is_meant and abs(message.at - act.at) <= CLOCK_S:
            return message.number
    return 0
