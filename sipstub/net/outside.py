"""The sockets of what an SBC asks servers that are not SIP: RADIUS by datagrams, HTTP by one connection each, never blocking."""

from __future__ import annotations

import asyncio
import contextlib

from sipstub.net.http_post import post
from sipstub.net.radius_client import ask_radius
from sipstub.net.server import SipServer
from sipstub.sbc.outside import HttpAsk, Outside, Question, Reply

MAX_AT_ONCE = 64
"Sockets in use; further questions wait for one, and their time runs."


class OutsideAsker:
    """Asks what is new whenever its server has settled."""

    def __init__(self, outside: Outside, server: SipServer) -> None:
        self._outside = outside
        self._server = server
        server.settled = self
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(MAX_AT_ONCE)

    def __call__(self) -> None:
        """Begin to ask."""
        for question in self._outside.take():
            task = asyncio.get_running_loop().create_task(self._ask(question))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop all that is on its way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, question: Question) -> None:
        reply: Reply | None = None
        with contextlib.suppress(OSError, ValueError, TimeoutError):
            async with asyncio.timeout(question.seconds), self._free:
                ask = question.ask
                reply = await (post(ask) if isinstance(ask, HttpAsk) else ask_radius(ask))
        question.answer(reply, self._server.now)
        self._server.burst_ended()
