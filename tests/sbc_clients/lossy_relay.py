"""A wire that loses every nth datagram: a loopback relay between two ends, one port towards each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast

Address = tuple[str, int]


class LossyRelay(asyncio.DatagramProtocol):
    """One port of the two; what comes here leaves by the other, to whoever talks there."""

    def __init__(self, every: int) -> None:
        self._every = every
        self.other: LossyRelay
        self.talks: Address | None = None
        "Who is behind this port: known from the start, or from its first datagram."
        self.came = 0
        self.lost = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.talks = addr
        self.came += 1
        if self.came % self._every == 0:
            self.lost += 1
        elif self.other.talks is not None:
            self.other.transport.sendto(data, self.other.talks)

    @property
    def port(self) -> int:
        """Return its port."""
        return int(self.transport.get_extra_info("sockname")[1])


@contextlib.asynccontextmanager
async def a_lossy_relay(near: str, far: str, target: Address, every: int) -> AsyncIterator[tuple[LossyRelay, LossyRelay]]:
    """Yield both ports: what is sent to the first, at `near`, comes to `target` from the second, at `far`."""
    loop = asyncio.get_running_loop()
    ends: list[LossyRelay] = []
    for host in (near, far):
        _, end = await loop.create_datagram_endpoint(lambda: LossyRelay(every), (host, 0))
        ends.append(end)
    first, second = ends
    first.other, second.other, second.talks = second, first, target
    try:
        yield first, second
    finally:
        for end in ends:
            end.transport.close()
