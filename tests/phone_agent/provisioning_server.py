"""HTTP with files from memory that a test may exchange, on a free port of loopback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass
class Provisioning:
    """What is served, by path."""

    files: dict[str, bytes] = field(default_factory=dict)
    url: str = ""


@contextlib.asynccontextmanager
async def provisioning() -> AsyncIterator[Provisioning]:
    """Serve until the block ends."""
    found = Provisioning()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            path = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1]
            body = found.files.get(path)
            head = "200 OK" if body is not None else "404 Not Found"
            body = body or b""
            writer.write(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=512)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield found
    finally:
        server.close()
        await server.wait_closed()
