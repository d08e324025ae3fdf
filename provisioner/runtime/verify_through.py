"""Phones that are judged through an SBC: whose messages are on which leg, and what was predicted beside what was seen.

Sends nothing and reads no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provisioner.runtime.sip_sbc import SbcChoice
from provisioner.runtime.verify_subject import Tested
from sipstub.sbc.predict.comparison import compare
from sipstub.sbc.predict.phone import accounts_of
from sipstub.sbc.predict.registered import compare_registration
from sipstub.sbc.predict.roles import Roles
from sipstub.sbc.predict.rules import LegRules, TimerRules
from sipstub.sbc.predict.sides import sides
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.trace.record import RecordedMessage
from sipstub.trace.recording import Recording
from sipstub.verify.compared import Compared
from sipstub.verify.report.document import PhoneReport
from sipstub.verify.run import Verified

if TYPE_CHECKING:
    from sipstub.trace.record import Endpoint

SBC, FAR = "SBC", "registrar"
"What both are called in ladders."
NO_CALLS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Through:
    """The SBC between phones and registrar."""

    phone: LegRules
    far: LegRules
    rules: TimerRules
    notes: tuple[str, ...] = ()
    "What was changed about the file so that it can stand here."

    @classmethod
    def of(cls, settings: SbcSettings, phone_group: str | None, far_group: str | None, notes: Sequence[str] = ()) -> Through:
        """Return it; SideProblem for an IP Group that is not there."""
        here, there = (LegRules.of(settings, group) for group in sides(settings, phone_group, far_group))
        return cls(here, there, TimerRules(settings), tuple(notes))

    @property
    def set_to(self) -> tuple[str, ...]:
        """Return the settings that differ from how the device comes, and the session timer's mode of both sides."""
        words = [self.rules.named(parameter.name) for parameter in self.rules.settings.changed()]
        words += [f"{side.group}: {side.named('SBCSessionExpiresMode')}" for side in (self.phone, self.far)]
        return tuple(word.partition(" (")[0] for word in words)

    @classmethod
    def standing(cls, choice: SbcChoice) -> Through:
        """Return the SBC that stands here; SbcProblem if it cannot."""
        stands = choice.stands(choice.read())
        return cls.of(stands.settings, stands.phones, stands.far, stands.notes)

    def judged(
        self,
        verified: Verified,
        phones: Sequence[Tested],
        messages: Sequence[RecordedMessage],
        roles: Roles | None,
        played: Mapping[str, str] = NO_CALLS,
    ) -> Verified:
        """Return findings, made of the phones' legs, with both legs of each phone and what they showed beside the prediction.

        `played` is what calls were made for, by Call-ID.
        """
        if roles is None:
            return verified
        both: dict[str, tuple[RecordedMessage, ...]] = {}
        names: dict[str, str] = {}
        found: list[PhoneReport] = []
        by_name = {phone.name: phone for phone in phones}
        calls = roles.by_call(messages)
        for report in verified.report.phones:
            mine = both[report.name] = roles.both_legs(verified.messages[report.name], calls)
            names |= _names(mine, roles)
            tested = by_name.get(report.name)
            rows = self._compared(tested, mine, roles, played) if tested is not None else ()
            found.append(replace(report, compared=rows))
        whole = replace(verified.report, phones=tuple(found), through=self.set_to)
        return replace(verified, report=whole, both=both, parties=names)

    def _compared(
        self, phone: Tested, messages: Sequence[RecordedMessage], roles: Roles, played: Mapping[str, str]
    ) -> tuple[Compared, ...]:
        if phone.expectations is None:
            return ()
        recording = Recording(tuple(messages), is_own=True)
        accounts = accounts_of(phone.expectations)
        rows = [
            row
            for account in accounts
            for row in (
                *compare_registration(account, self.phone, self.rules, messages, roles),
                *compare(account, self.phone, self.far, self.rules, recording, roles=roles, played=played),
            )
        ]
        numbers: dict[str, str] = {}  # over all accounts
        for row in rows:
            if row.call:
                numbers.setdefault(row.call_id, str(len(numbers) + 1))
        return tuple(replace(row, call=numbers[row.call_id]) if row.call else row for row in rows)


def far_ends(told: Collection[Sequence[object]]) -> frozenset[tuple[str, int]]:
    """Return the addresses that the SIP process told of, as it wrote them into its job."""
    return frozenset((str(host), int(str(port))) for host, port in told)


def phone_leg(messages: Sequence[RecordedMessage], far: Collection[tuple[str, int]]) -> list[RecordedMessage]:
    """Return the messages that phones sent or got: all but those that the SBC and the far end sent each other."""
    return [one for one in messages if (one.peer.host, one.peer.port) not in far]


def held_on_phone_leg(held: Mapping[str, Collection[str]], roles: Roles) -> dict[str, list[str]]:
    """Return the calls that were kept up, by MAC, with the Call-IDs of all their legs."""
    return {mac: [one for call_id in calls for one in sorted(roles.legs.of(call_id))] for mac, calls in held.items()}


def _names(messages: Sequence[RecordedMessage], roles: Roles) -> dict[str, str]:
    ends: set[Endpoint] = {end for one in messages for end in (one.source, one.target)}
    told = {1: SBC, 2: FAR}
    return {end.address: told[side] for end in ends if (side := roles.side(end)) in told}
