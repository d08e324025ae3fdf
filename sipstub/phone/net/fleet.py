"""Many virtual phones in one process, switched on so many at a time: a storm, as after a power cut."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from sipstub.phone.net.running import RunningPhone

AT_ONCE = 200
"Phones that boot at the same moment."


class RunningFleet:
    """Runs phones until it is closed."""

    def __init__(self, phones: Iterable[RunningPhone], *, at_once: int = AT_ONCE) -> None:
        self.phones = list(phones)
        self._gate = asyncio.Semaphore(at_once)
        self._on: list[RunningPhone] = []

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.TaskGroup() as group:
                for phone in self.phones:
                    group.create_task(self._switch_on(phone))
        except BaseException:
            await self._switch_off()
            raise
        return self

    async def _switch_on(self, phone: RunningPhone) -> None:
        async with self._gate:
            await phone.__aenter__()
            self._on.append(phone)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._switch_off()

    async def _switch_off(self) -> None:
        await asyncio.gather(*(phone.__aexit__(None, None, None) for phone in self._on), return_exceptions=True)
        self._on.clear()

    async def registered(self, seconds: float) -> int:
        """Wait until every phone is registered, or the time is up; return how many are."""
        return sum(await asyncio.gather(*(phone.registered(seconds) for phone in self.phones)))

    async def leave(self, seconds: float) -> int:
        """Take all registrations back; return how many servers agreed in time."""
        return sum(await asyncio.gather(*(phone.leave(seconds) for phone in self.phones)))
