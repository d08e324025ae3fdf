"""Who is who in a recording of both legs: the SBC, the phones, and the far end; and which Call-IDs are legs of one call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sipstub.trace.ladder.legs import Legs, legs_of
from sipstub.trace.ladder.party import Parties
from sipstub.trace.record import Endpoint, RecordedMessage
from sipstub.trace.recording import Recording

PHONE, SBC, FAR = 0, 1, 2
"From left to right."

Calls = Mapping[str, Sequence[RecordedMessage]]
"Messages by the Call-ID of the first leg: made once for all phones, of whom there may be hundreds."


@dataclass(frozen=True, slots=True)
class Roles:
    """Both sides of an SBC."""

    legs: Legs
    side: Callable[[Endpoint], int]
    "PHONE, SBC or FAR."
    is_known: bool = False
    "Whether the sides are told by addresses; else by who calls whom, and who calls is on the left."

    @classmethod
    def guessed(cls, recording: Recording) -> Roles | None:
        """Return who passes things on, as far as the messages themselves show it; None where nobody does."""
        parties = Parties(recording.messages, is_own=recording.is_own)
        legs = legs_of(recording.messages, parties.column)
        order = legs.order(len(parties.parties))
        if order is None or legs.middle is None:
            return None
        middle = legs.middle
        left = frozenset(order[: list(order).index(middle)])

        def side(endpoint: Endpoint) -> int:
            column = parties.column(endpoint)
            return SBC if column == middle else PHONE if column in left else FAR

        return cls(legs, side)

    @classmethod
    def known(cls, messages: Sequence[RecordedMessage], far: Collection[tuple[str, int]]) -> Roles:
        """Return the roles where the SBC itself recorded, and the addresses of the far end are known."""
        own = {message.local for message in messages}

        def side(endpoint: Endpoint) -> int:
            return FAR if (endpoint.host, endpoint.port) in far else SBC if endpoint in own else PHONE

        return cls(legs_of(messages, side), side, is_known=True)

    def is_sbc(self, endpoint: Endpoint) -> bool:
        """Return whether that is the SBC."""
        return self.side(endpoint) == SBC

    def is_phone(self, endpoint: Endpoint) -> bool:
        """Return whether a phone may be there."""
        return not self.is_known or self.side(endpoint) == PHONE

    def of_phones(self, messages: Iterable[RecordedMessage]) -> tuple[RecordedMessage, ...]:
        """Return the messages between phones and the SBC."""
        return tuple(one for one in messages if PHONE in (self.side(one.source), self.side(one.target)))

    def by_call(self, messages: Iterable[RecordedMessage]) -> Calls:
        """Return the messages of each call or registration, on all its legs, by the Call-ID of the first one."""
        found: dict[str, list[RecordedMessage]] = {}
        for one in messages:
            if (call_id := one.call_id) is not None:
                found.setdefault(self.legs.root(call_id), []).append(one)
        return found

    def both_legs(self, own: Sequence[RecordedMessage], calls: Calls) -> tuple[RecordedMessage, ...]:
        """Return the messages of a phone with those of the other legs of its calls and registrations, by number."""
        found = {one.number: one for one in own}
        for root in {self.legs.root(one.call_id) for one in own if one.call_id is not None}:
            found |= {one.number: one for one in calls.get(root, ())}
        return tuple(found[number] for number in sorted(found))
