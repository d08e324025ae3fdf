"""The rows of a ladder: messages as arrows, retransmissions folded into the first, the middle of long flows left out.

Equal bytes between the same ends within FOLD_S are one message sent again.  Keep-alives fold for as long as nothing else is said.
What one part of a program sends to another stands in its record as sent and as received: that is one message.
A flow is at most `max_rows` long; arrows with findings stay before others do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sipstub.trace.ladder.gist import KEEP_ALIVE, Gist, Gists, plain
from sipstub.trace.ladder.legs import Legs, legs_of
from sipstub.trace.ladder.party import Parties, Party
from sipstub.trace.ladder.session import Session, sessions_of
from sipstub.trace.record import Endpoint, RecordedMessage
from sipstub.trace.recording import Recording

MAX_ROWS = 400
FOLD_S = 35.0
"A little more than 64*T1, after which no transaction sends again (RFC 3261 section 17)."
BOTH_ENDS = 2
"Parties of a call that nobody passes on."
MAX_PINS = 8
"On one arrow."
MAX_PIN_TEXT = 200
WORST_FIRST = ("FAIL", "WARN", "INCONCLUSIVE", "SKIPPED", "INFO", "PASS")


@dataclass(frozen=True, slots=True)
class Pin:
    """A finding that belongs to a message."""

    number: int
    "Of the message."
    verdict: str
    "PASS, FAIL, WARN, ..."
    rule: str
    detail: str = ""
    "Expected and seen, in words."

    @property
    def text(self) -> str:
        """Return verdict and rule."""
        return plain(f"{self.verdict} {self.rule}", MAX_PIN_TEXT)


@dataclass(frozen=True, slots=True)
class Arrow:
    """One message, and those that repeat it."""

    number: int
    at: float
    after_s: float
    "Since the first message of the flow."
    gap_s: float
    "Since the arrow before."
    source: int
    "Column."
    target: int
    kind: str
    label: str
    note: str
    transport: str
    repeats: int
    "How many times it was sent: 1 or more."
    last_at: float
    pins: tuple[Pin, ...] = ()
    leg: str = ""
    "`1a` and `1b`: legs of one call whose Call-IDs differ; empty for a call of one leg."

    @property
    def text(self) -> str:
        """Return what stands on the arrow."""
        return self.label if self.repeats == 1 else f"{self.label} x{self.repeats}"

    @property
    def remark(self) -> str:
        """Return what stands beside it."""
        again = ""
        if self.repeats > 1:
            span = self.last_at - self.at
            again = f"every {span / (self.repeats - 1):.3g} s" if self.kind == KEEP_ALIVE else f"sent again for {span:.3g} s"
        return ", ".join(part for part in (f"leg {self.leg}" if self.leg else "", again, self.note) if part)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that stands for arrows that are not drawn."""

    count: int


@dataclass(frozen=True, slots=True)
class Flow:
    """A ladder, before it is drawn."""

    parties: tuple[Party, ...]
    rows: tuple[Arrow | LeftOut, ...]
    began_at: float
    "Unix time of the first message."
    messages: int
    "How many it was made of."
    notes: tuple[str, ...] = ()
    sessions: tuple[Session, ...] = ()
    "Calls with a session timer, at most MAX_SESSIONS of them."

    @property
    def summary(self) -> str:
        """Return in one sentence who took part and how it went on."""
        lasted = max((row.last_at for row in self.rows if isinstance(row, Arrow)), default=self.began_at) - self.began_at
        who = ", ".join(party.title for party in self.parties)
        return f"{self.messages} messages in {lasted:.3f} s between {who}" if self.messages else "no messages"


@dataclass(slots=True)
class _Draft:
    message: RecordedMessage
    gap_s: float
    last_at: float = 0.0
    pins: list[Pin] = field(default_factory=list)
    copies: list[int] = field(default_factory=lambda: [0, 0])
    "How often it was recorded by who sent it, and by who received it."

    @property
    def repeats(self) -> int:
        """Return how often it was sent."""
        return max(self.copies)

    def take(self, message: RecordedMessage) -> None:
        """Count the message itself, or one more like it."""
        before = self.repeats
        self.copies[message.is_inbound] += 1
        if self.repeats > before:
            self.last_at = message.at


_Key = tuple[Endpoint, Endpoint, bytes]


def flow_of(
    recording: Recording,
    pins: Iterable[Pin] = (),
    names: Mapping[str, str] | None = None,
    *,
    max_rows: int = MAX_ROWS,
) -> Flow:
    """Return the flow of a recording; `names` calls parties by their host or `host:port`."""
    messages = recording.messages
    parties = Parties(messages, is_own=recording.is_own, names=names)
    legs = legs_of(messages, parties.column) if len(parties.parties) > BOTH_ENDS else Legs()
    if (order := legs.order(len(parties.parties))) is not None:
        parties.arrange(order)
    names_of_legs = legs.names(message.call_id for message in messages if message.call_id) if legs.first else {}
    drafts = _folded(messages, pins)
    began_at = messages[0].at if messages else 0.0
    gists = Gists()  # only what is drawn is parsed
    rows = [
        row
        if isinstance(row, LeftOut)
        else _arrow(row, gists.of(row.message), parties, began_at, names_of_legs.get(row.message.call_id or "", ""))
        for row in _bounded(drafts, max_rows)
    ]
    sessions = sessions_of(messages, parties)
    return Flow(parties.parties, tuple(rows), began_at, sum(draft.repeats for draft in drafts), recording.notes, sessions)


def both_legs(recording: Recording, call_id: str) -> Recording:
    """Return only the messages of that call, on every leg of it."""
    parties = Parties(recording.messages, is_own=recording.is_own)
    return recording.of_calls(legs_of(recording.messages, parties.column).of(call_id))


def _folded(messages: Iterable[RecordedMessage], pins: Iterable[Pin]) -> list[_Draft]:
    """Return one draft per message that is not a repetition; a finding goes to the draft that its message is in."""
    wanted: dict[int, list[Pin]] = {}
    for pin in pins:
        wanted.setdefault(pin.number, []).append(pin)
    drafts: list[_Draft] = []
    seen: dict[_Key, _Draft] = {}
    quiet: dict[frozenset[Endpoint], list[_Key]] = {}
    for message in messages:
        key = (message.source, message.target, message.data)
        ends = frozenset(key[:2])
        draft = seen.get(key)
        if message.is_keep_alive:
            quiet.setdefault(ends, []).append(key)
        else:
            for silent in quiet.pop(ends, ()):  # something is said: the next keep-alive gets an arrow of its own
                seen.pop(silent, None)
            if draft is not None and message.at - draft.message.at > FOLD_S:
                draft = None
        if draft is None:
            draft = seen[key] = _Draft(message, message.at - drafts[-1].message.at if drafts else 0.0)
            drafts.append(draft)
        draft.take(message)
        draft.pins += wanted.get(message.number, ())
    return drafts


def _arrow(draft: _Draft, gist: Gist, parties: Parties, began_at: float, leg: str) -> Arrow:
    message = draft.message
    pins = sorted(draft.pins, key=_weight)
    return Arrow(
        number=message.number,
        at=message.at,
        after_s=message.at - began_at,
        gap_s=draft.gap_s,
        source=parties.column(message.source),
        target=parties.column(message.target),
        kind=gist.kind,
        label=gist.label,
        note=gist.note,
        transport=message.source.transport,
        repeats=draft.repeats,
        last_at=draft.last_at,
        pins=tuple(pins[:MAX_PINS]),
        leg=leg,
    )


def _bounded(drafts: list[_Draft], limit: int) -> list[_Draft | LeftOut]:
    """Return the beginning, the end, and what has findings in between; the worst of them if even those are too many."""
    if len(drafts) <= limit:
        return list(drafts)
    side = limit // 4
    pinned = [place for place in range(side, len(drafts) - side) if drafts[place].pins]
    pinned.sort(key=lambda place: min(_weight(pin) for pin in drafts[place].pins))
    kept = {*range(side), *range(len(drafts) - side, len(drafts)), *pinned[: limit - 2 * side]}
    for place in range(side, len(drafts)):  # what room is left shows more of the beginning
        if len(kept) >= limit:
            break
        kept.add(place)
    rows: list[_Draft | LeftOut] = []
    missing = 0
    for place, draft in enumerate(drafts):
        if place not in kept:
            missing += 1
            continue
        if missing:
            rows.append(LeftOut(missing))
            missing = 0
        rows.append(draft)
    return rows


def _weight(pin: Pin) -> int:
    return WORST_FIRST.index(pin.verdict) if pin.verdict in WORST_FIRST else 0
