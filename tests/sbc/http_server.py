"""An HTTP server of one test, on a free port of loopback: it keeps what it was asked, and answers as it is told, or never."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

Answer = Callable[[dict[str, Any]], bytes | None]
"From what was asked to the whole answer, None for silence."


@dataclass
class HttpServer:
    """What it heard."""

    port: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    "Set with each question; a test may clear it."

    @property
    def url(self) -> str:
        """Return where it is."""
        return f"http://127.0.0.1:{self.port}/ask"


def ok(body: object, status: str = "200 OK") -> bytes:
    """Return an answer with a JSON text."""
    data = json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


@contextlib.asynccontextmanager
async def http_server(answer: Answer) -> AsyncIterator[HttpServer]:
    """Yield a server that listens."""
    found = HttpServer()
    silent = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(int(line.split(":")[1]) for line in head.lower().splitlines() if line.startswith("content-length"))
            said = json.loads(await reader.readexactly(length))
            found.heads.append(head)
            found.asked.append(said)
            found.came.set()
            reply = answer(said)
            if reply is None:
                await silent.wait()
            else:
                writer.write(reply)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        silent.set()
        server.close()
        await server.wait_closed()
