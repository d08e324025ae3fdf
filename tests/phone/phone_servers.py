"""Tiny servers of one test: HTTP answers and TFTP files from memory, on loopback and a free port, in the test's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field


@dataclass
class Seen:
    """What a server saw."""

    port: int = 0
    requests: list[str] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)


Answer = bytes | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@contextlib.asynccontextmanager
async def http_server(
    answers: Mapping[str, Answer] | Callable[[str], Answer], *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Seen]:
    """Answer each path (or each whole head) with raw bytes; what is not there is 404."""
    seen = Seen()

    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        answer: Answer = b""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ")[1]
            seen.requests.append(path)
            seen.heads.append(head)
            seen.peers.append(writer.get_extra_info("peername")[0])
            answer = answers(head) if callable(answers) else answers.get(path, NOT_FOUND)
            if callable(answer):
                await answer(reader, writer)
            else:
                writer.write(answer)
                await writer.drain()
        writer.transport.abort() if callable(answer) else writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        serving.discard(task)

    server = await asyncio.start_server(serve, host, 0, ssl=tls, backlog=1024)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for _ in range(3):  # a connection that has just been accepted gets its task a few turns of the loop later
            await asyncio.sleep(0)
        if serving:
            await asyncio.wait(serving, timeout=2)


class _Sender(asyncio.DatagramProtocol):
    """One transfer, lockstep, without retransmission: the client does that."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.transport: asyncio.DatagramTransport | None = None

    def block(self, number: int) -> bytes:
        return struct.pack("!HH", 3, number) + self.body[(number - 1) * 512 : number * 512]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self.transport is not None
        code, number = struct.unpack_from("!HH", data)
        if code == 4 and number * 512 <= len(self.body):
            self.transport.sendto(self.block(number + 1), addr)
        else:
            self.transport.close()


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, files: Mapping[str, bytes], seen: Seen, host: str, drop: Collection[int]) -> None:
        self.files, self.seen, self.host, self.drop = files, seen, host, drop
        self.transport: asyncio.DatagramTransport | None = None
        self.count = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.senders: list[_Sender] = []

    async def close(self) -> None:
        """Close all sockets, those of transfers whose last block nobody acknowledged too."""
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=2)
        for one in (self, *self.senders):
            if one.transport is not None:
                one.transport.close()
        await asyncio.sleep(0)  # a closed transport gives its socket back in the next turn

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.count += 1
        if self.count in self.drop:
            return
        name = data[2:].split(b"\0")[0].decode()
        self.seen.requests.append(name)
        self.seen.peers.append(addr[0])
        task = asyncio.get_running_loop().create_task(self.answer(name, addr))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def answer(self, name: str, addr: tuple[str, int]) -> None:
        body = self.files.get(name)
        assert self.transport is not None
        if body is None:
            self.transport.sendto(b"\0\5\0\1File not found\0", addr)
            return
        sender = _Sender(body)
        loop = asyncio.get_running_loop()
        self.senders.append(sender)
        sender.transport, _ = await loop.create_datagram_endpoint(lambda: sender, local_addr=(self.host, 0))
        sender.transport.sendto(sender.block(1), addr)


@contextlib.asynccontextmanager
async def tftp_server(files: Mapping[str, bytes], *, host: str = "127.0.0.1", drop: Collection[int] = ()) -> AsyncIterator[Seen]:
    """Serve `files`; requests whose number (from 1) is in `drop` get no answer."""
    seen = Seen()
    loop = asyncio.get_running_loop()
    listener = _Listener(files, seen, host, drop)
    transport, _ = await loop.create_datagram_endpoint(lambda: listener, local_addr=(host, 0))
    seen.port = transport.get_extra_info("sockname")[1]
    try:
        yield seen
    finally:
        await listener.close()
