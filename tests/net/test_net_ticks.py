"""Timers of many calls wake the server together, and none of them early."""

from __future__ import annotations

import asyncio
import math

from sipstub.core.compose import compose
from sipstub.core.service import Service
from sipstub.net.server import TICK_S, SipServer
from sipstub.registrar.policy import Policy
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import Users
from sipstub.transaction.event import RequestArrived

PATIENCE_S = 5.0


class Sleeper:
    """A service that wants to be woken at times."""

    methods = ()

    def __init__(self) -> None:
        self.wanted: list[float] = []
        self.woken: list[tuple[float, int]] = []
        "When, and how many were due."
        self.done = asyncio.Event()

    def handle(self, arrived: RequestArrived, now: float) -> None:
        """There is nothing to answer."""

    def next_timer(self) -> float | None:
        return min(self.wanted, default=None)

    def on_timer(self, now: float) -> None:
        self.woken.append((now, sum(at <= now for at in self.wanted)))
        self.wanted = [at for at in self.wanted if at > now]
        if not self.wanted:
            self.done.set()


def test_timers_within_a_tick_are_one_awakening_that_comes_after_the_last_of_them() -> None:
    async def scenario() -> None:
        stub = compose(Registrar(Users([]), Policy("stub"), b"k" * 32))
        sleeper: Sleeper = Sleeper()
        service: Service = sleeper
        stub.core.add(service)
        server = SipServer(stub.core, [])
        await server.start()
        try:
            begin = (math.ceil(server.now / TICK_S) + 3) * TICK_S
            last = begin + 0.75 * TICK_S
            sleeper.wanted = [begin + share * TICK_S for share in (0.25, 0.5)] + [last]
            server.burst_ended()
            await asyncio.wait_for(sleeper.done.wait(), PATIENCE_S)
        finally:
            await server.close()
        assert [due for _, due in sleeper.woken] == [3]
        assert sleeper.woken[0][0] >= last

    asyncio.run(scenario())
