"""The SIP process before there is anything to know phones by."""

from __future__ import annotations

import asyncio

from provisioner.delivery.snapshot import Snapshot
from provisioner.expectations.observables import Observables
from provisioner.runtime.sip import _first_generation
from provisioner.services.sip_users import FleetUsers


class Source:
    """Has no generation for the first few questions, or never."""

    def __init__(self, asked_before: int | None) -> None:
        self.asked_before = asked_before

    def current(self) -> Snapshot | None:
        if self.asked_before is None:
            return None
        self.asked_before -= 1
        return Snapshot(1) if self.asked_before < 0 else None


def users(asked_before: int | None) -> FleetUsers:
    return FleetUsers(Source(asked_before), "realm", Observables(()))


def test_nobody_is_answered_before_there_is_a_generation() -> None:
    known = users(3)
    asyncio.run(_first_generation(known, asyncio.Event()))
    assert known.look()


def test_a_stop_does_not_wait_for_one() -> None:
    async def scenario() -> None:
        ended = asyncio.Event()
        ended.set()
        await asyncio.wait_for(_first_generation(users(None), ended), 5)

    asyncio.run(scenario())
