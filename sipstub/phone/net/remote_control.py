"""The phone's listener for action URIs: dials and presses keys when somebody asks who may.  HTTP, one request a connection."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import secrets
from collections.abc import Callable
from typing import Self

from sipstub.phone.remote_access import Dial, Press, RemoteAccess, read_target

MAX_HEAD = 8_192
HEAD_S = 5.0
"For the whole head of a request."
MAX_OPEN = 16
"Connections at a time; more are closed."
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}

Obey = Callable[[Dial | Press], None]


class RemoteControl:
    """Listens until it is closed."""

    def __init__(self, access: RemoteAccess, obey: Obey) -> None:
        self._access = access
        self._obey = obey
        self._server: asyncio.Server | None = None
        self._open = 0

    @classmethod
    async def listening(cls, host: str, access: RemoteAccess, obey: Obey) -> Self:
        """Return it, listening at the phone's address; raises OSError where that cannot be."""
        made = cls(access, obey)
        made._server = await asyncio.start_server(made._serve, host, access.port, limit=MAX_HEAD)
        return made

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= MAX_OPEN:
                async with asyncio.timeout(HEAD_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                status = self._take(head, writer.get_extra_info("peername")[0])
                writer.write(_answer(status))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return
        finally:
            self._open -= 1
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _take(self, head: bytes, host: str) -> int:
        """Do what is asked; return the status."""
        if self._access.refusal(host):
            return 403
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return 400
        if words[0] != "GET":
            return 405
        given = next((line.partition(":")[2].strip() for line in lines if line.lower().startswith("authorization:")), "")
        if not self._knows(given):
            return 401
        wanted = read_target(words[1])
        if wanted is None:
            return 404
        self._obey(wanted)
        return 200

    def _knows(self, credentials: str) -> bool:
        kind, _, text = credentials.partition(" ")
        try:
            found = base64.b64decode(text, validate=True) if kind.lower() == "basic" else b""
        except (binascii.Error, ValueError):
            return False
        return secrets.compare_digest(found, f"{self._access.user}:{self._access.password}".encode())


def _answer(status: int) -> bytes:
    challenge = 'WWW-Authenticate: Basic realm="phone"\r\n' if status == 401 else ""
    return f"HTTP/1.1 {status} {_REASONS[status]}\r\n{challenge}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
