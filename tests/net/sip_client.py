"""A small SIP client of our own for tests: says exactly what it is told, over any transport, and can be slow or rude."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterable
from pathlib import Path

from sip_running import PASSWORD, REALM

from sipstub.sip.digest import make_ha1, respond
from sipstub.sip.framing import Frame, KeepAlive, StreamFramer
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.reader import parse_message

PATIENCE_S = 30.0
_numbers = iter(range(1, 10**9))


class Client:
    """One socket."""

    def __init__(self, transport: str, port: int, host: str = "127.0.0.1", ca: Path | None = None) -> None:
        self.transport = transport
        self.host = host
        self.port = port
        self._ca = ca
        self._framer = StreamFramer()
        self._waiting: list[Frame | KeepAlive] = []
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter
        self._socket: socket.socket

    async def __aenter__(self) -> Client:
        if self.transport == "udp":
            family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            self._socket.bind((self.host, 0))
            self.local_port = self._socket.getsockname()[1]
            return self
        context = None
        if self.transport == "tls":
            context = ssl.create_default_context(cafile=str(self._ca))
        self.reader, self.writer = await asyncio.open_connection(
            self.host, self.port, ssl=context, server_hostname="localhost" if context else None
        )
        self.local_port = self.writer.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.transport == "udp":
            self._socket.close()
            return
        self.writer.transport.abort()
        with contextlib.suppress(OSError, TimeoutError, ssl.SSLError):
            await asyncio.wait_for(self.writer.wait_closed(), 2)

    async def send(self, data: bytes) -> None:
        if self.transport == "udp":
            await asyncio.get_running_loop().sock_sendto(self._socket, data, (self.host, self.port))
        else:
            self.writer.write(data)
            await self.writer.drain()

    async def receive(self) -> Message | KeepAlive | None:
        """Return the next message or keep-alive, None at the end of the stream."""
        async with asyncio.timeout(PATIENCE_S):
            if self.transport == "udp":
                return parse_message(await asyncio.get_running_loop().sock_recv(self._socket, 65_535))
            while not self._waiting:
                data = await self.reader.read(65_536)
                if not data:
                    return None
                self._waiting += self._framer.feed(data)
            found = self._waiting.pop(0)
            return parse_message(found.data) if isinstance(found, Frame) else found

    async def exactly(self, size: int) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.readexactly(size)

    async def ask(self, request: Request | bytes) -> Response:
        await self.send(request if isinstance(request, bytes) else bytes(request))
        found = await self.receive()
        assert isinstance(found, Response), found
        return found

    def a_request(
        self,
        method: str = "REGISTER",
        *,
        user: str = "100",
        cseq: int = 1,
        call_id: str = "",
        headers: Iterable[tuple[str, object]] = (),
        body: bytes = b"",
        to_tag: str = "",
        rport: bool = True,
    ) -> Request:
        host = f"[{self.host}]" if ":" in self.host else self.host
        number = next(_numbers)
        return Request(
            method,
            f"sip:{host}:{self.port}" if method == "REGISTER" else f"sip:{user}@{host}:{self.port}",
            [
                ("Via", f"SIP/2.0/{self.transport.upper()} {host}:{self.local_port};branch=z9hG4bK{number}" + ";rport" * rport),
                ("Max-Forwards", 70),
                ("From", f"<sip:{user}@{host}>;tag=f{number}"),
                ("To", f"<sip:{user}@{host}>" + (f";tag={to_tag}" if to_tag else "")),
                ("Call-ID", call_id or f"call-{number}"),
                ("CSeq", f"{cseq} {method}"),
                *headers,
                ("Content-Length", len(body)),
            ],
            body,
        )

    async def ask_with_digest(self, method: str, password: str = PASSWORD, user: str = "100", **parts: object) -> Response:
        call_id = f"call-{next(_numbers)}"
        challenged = await self.ask(self.a_request(method, user=user, call_id=call_id, **parts))  # type: ignore[arg-type]
        assert challenged.status == 401
        again = self.a_request(method, user=user, call_id=call_id, cseq=2, **parts)  # type: ignore[arg-type]
        credentials = respond(
            challenged.www_authenticate[0],
            method=method,
            uri=again.uri_text,
            username=user,
            ha1=make_ha1(user, REALM, password),
            cnonce="ours",
        )
        again.headers.add("Authorization", credentials)
        return await self.ask(again)

    async def register(self, expires: int = 60, **parts: object) -> Response:
        host = f"[{self.host}]" if ":" in self.host else self.host
        contact = f"<sip:100@{host}:{self.local_port};transport={self.transport}>"
        return await self.ask_with_digest("REGISTER", headers=(("Contact", contact), ("Expires", expires)), **parts)
