"""Messages through real connections of the relay's engine: both ways, at each one's pace, and everything given back."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from msrp_clients import a_certificate, anybody
from msrp_lab import A_PATH, a_send, an_ok, terms

from sipstub.media.fingerprint import read_fingerprint
from sipstub.media.msrp_end import MAX_WAITING, MsrpEnd
from sipstub.media.msrp_flow import HIGH_WATER
from sipstub.media.port import PortRange
from sipstub.media.relay_engine import RelayEngine
from sipstub.media.stream_link import GONE_MS, READ_BYTES, Source
from sipstub.media.stream_sockets import MAX_LEAVING

RANGE = PortRange(17_400, 17_999)
PATIENCE_S = 10
LONG = 6 * 1024 * 1024
"More than all buffers between two sides hold."


class Speaker:
    """One side: it listens, or connects, and both its path and what it hears are text."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.host, self.reader, self.writer = host, reader, writer

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def hears(self, transaction: str) -> bytes:
        """Return what comes, up to the end of a frame."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.readuntil(f"-------{transaction}$\r\n".encode())

    async def is_left(self) -> bytes:
        """Return what comes until the connection ends."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read(-1)
            except ConnectionError:
                return b""

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


class Call:
    """Two ends; a connects to one, the other connects to b."""

    def __init__(self, engine: RelayEngine, near: MsrpEnd, far: MsrpEnd, arrivals: asyncio.Queue[Speaker], path: str) -> None:
        self.engine, self.near, self.far, self.arrivals, self.b_path = engine, near, far, arrivals, path

    async def a(self, host: str = "") -> Speaker:
        reader, writer = await asyncio.open_connection(host or self.near.port.host, self.near.port.port, limit=2**24)
        return Speaker(self.near.port.host, reader, writer)

    async def b(self) -> Speaker:
        """Return b with the connection of the relay, whose first request it has answered."""
        async with asyncio.timeout(PATIENCE_S):
            found = await self.arrivals.get()
            first = await found.reader.readuntil(b"$\r\n")
        transaction = first.split(b" ")[1].decode()
        assert f"MSRP {transaction} SEND\r\nTo-Path: {self.b_path}\r\nFrom-Path: {self.far.uri}\r\n".encode() in first
        found.say(an_ok(transaction, self.far.uri, self.b_path))
        return found

    async def up(self) -> tuple[Speaker, Speaker]:
        a, b = await self.a(), await self.b()
        a.say(a_send("first", self.near.uri, A_PATH))
        assert await b.hears("first") == a_send("first", self.b_path, self.far.uri)
        return a, b


@contextlib.asynccontextmanager
async def a_call(host: str = "127.0.0.1") -> AsyncIterator[Call]:
    """Yield a call that is up; afterwards no socket of it is left."""
    engine = RelayEngine(RANGE)
    engine.start()
    arrivals: asyncio.Queue[Speaker] = asyncio.Queue()

    def arrived(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrivals.put_nowait(Speaker(host, reader, writer))

    server = await asyncio.start_server(arrived, host, 0, limit=2**24)
    port = server.sockets[0].getsockname()[1]
    named = f"[{host}]" if ":" in host else host
    path = f"msrp://{named}:{port}/bsession;tcp"
    near, far = engine.open_stream(host), engine.open_stream(host)
    assert near is not None and far is not None
    near.tie(far)
    near.name(terms(A_PATH, connects=False))
    far.name(terms(path, connects=True))
    near.begin()
    far.begin()
    call = Call(engine, near, far, arrivals, path)
    try:
        yield call
        near.close()
        far.close()
        assert engine.sockets == 0
        for end in (near, far):
            with socket.create_server((host, end.port.port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
                pass
    finally:
        engine.close()
        server.close()
        assert engine.sockets == 0


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not what():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_messages_pass_both_ways_and_everything_is_given_back(host: str) -> None:
    async def run() -> None:
        async with a_call(host) as call:
            a, b = await call.up()
            b.say(an_ok("first", call.far.uri, call.b_path) + a_send("backw", call.far.uri, call.b_path, "grüße"))
            assert await a.hears("first") == an_ok("first", A_PATH, call.near.uri)
            assert await a.hears("backw") == a_send("backw", A_PATH, call.near.uri, "grüße")
            assert (call.near.received, call.far.received, call.near.connections, call.far.connections) == (1, 2, 1, 1)
            await a.close()
            assert await b.is_left() == b""
            await b.close()

    asyncio.run(run())


def test_a_long_message_comes_through_a_slow_reader_and_is_kept_nowhere() -> None:
    async def run() -> None:
        async with a_call() as call:
            a, b = await call.up()
            body = "0123456789abcdef" * (LONG // 16)
            whole = a_send("long1", call.near.uri, A_PATH, body)
            b.reader._transport.pause_reading()  # type: ignore[attr-defined]
            a.say(whole)
            far = call.far._bound
            assert far is not None
            await until(lambda: far.link.waiting >= HIGH_WATER)
            b.say(a_send("quick", call.far.uri, call.b_path))
            assert await a.hears("quick"), "the other way is free"
            assert far.link.waiting <= HIGH_WATER + 2 * READ_BYTES
            near = call.near._bound
            assert near is not None and len(near.reader) <= 2 * READ_BYTES
            b.reader._transport.resume_reading()  # type: ignore[attr-defined]
            assert await b.hears("long1") == a_send("long1", call.b_path, call.far.uri, body)
            await a.close()
            await b.close()

    asyncio.run(run())


def test_a_flood_of_one_call_is_read_no_faster_than_allowed_and_another_one_goes_on() -> None:
    async def run() -> None:
        async with a_call() as flooded, a_call() as calm:
            a, b = await flooded.up()
            c, d = await calm.up()
            a.say(a_send("flood", flooded.near.uri, A_PATH, "x" * LONG))
            for number in range(20):
                c.say(a_send(f"calm{number}", calm.near.uri, A_PATH))
                assert await d.hears(f"calm{number}")
            assert len(await b.hears("flood")) > LONG
            for one in (a, b, c, d):
                await one.close()

    asyncio.run(run())


def test_strangers_who_connect_and_say_nothing_take_nothing_from_who_belongs() -> None:
    async def run() -> None:
        async with a_call() as call:
            strangers = [await call.a() for _ in range(5 * MAX_WAITING)]
            a, b = await call.up()
            assert call.engine.sockets <= 2 + 2 + MAX_WAITING
            wrong = await call.a()
            wrong.say(a_send("guess", "msrp://127.0.0.1:9/guess;tcp", A_PATH))
            assert b" 481 " in await wrong.is_left()
            await wrong.close()
            second = await call.a()
            second.say(a_send("again", call.near.uri, A_PATH))
            assert b" 506 " in await second.is_left()
            await second.close()
            http = await call.a()
            http.say(b"GET / HTTP/1.1\r\nHost: there\r\n\r\n")
            assert await http.is_left() == b""
            await http.close()
            for one in (a, b, *strangers):
                await one.close()

    asyncio.run(run())


def test_strangers_who_hear_that_they_are_and_stay_are_few_at_a_time() -> None:
    async def run() -> None:
        async with a_call() as call:
            a, b = await call.up()
            strangers = []
            for number in range(3 * MAX_LEAVING):
                strangers.append(await call.a())
                strangers[-1].say(a_send("guess", "msrp://127.0.0.1:9/guess;tcp", A_PATH))
                assert b" 481 " in await strangers[-1].hears("guess")
                assert call.engine.sockets <= 2 + 2 + min(number + 1, MAX_LEAVING)
            a.say(a_send("still", call.near.uri, A_PATH))
            assert await b.hears("still")
            for one in (a, b, *strangers):
                await one.close()

    asyncio.run(run())


def test_who_resets_the_connection_in_the_middle_of_a_frame_ends_both_sides_and_may_come_back() -> None:
    async def run() -> None:
        async with a_call() as call:
            a, b = await call.up()
            a.say(a_send("half1", call.near.uri, A_PATH, "x" * 5000)[:-500])
            await until(lambda: call.near.octets > 4000)
            sock = a.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            await a.close()
            assert (await b.is_left()).endswith(b"\r\n-------half1#\r\n")
            await b.close()
            back = await call.a()
            back.say(a_send("back1", call.near.uri, A_PATH))
            again = await call.b()
            assert await again.hears("back1") == a_send("back1", call.b_path, call.far.uri)
            await back.close()
            await again.close()

    asyncio.run(run())


def test_a_side_that_refuses_connections_leaves_nobody_waiting() -> None:
    async def run() -> None:
        async with a_call() as call:
            one, other = await call.up()
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port = probe.getsockname()[1]
            call.far.name(terms(f"msrp://127.0.0.1:{port}/gone;tcp", connects=True))
            call.far.begin()
            a = await call.a()
            a.say(a_send("again", call.near.uri, A_PATH))
            assert await a.is_left() == b""
            assert call.far.failed >= 1
            for each in (a, one, other):
                await each.close()

    asyncio.run(run())


def test_who_connects_while_there_are_no_descriptors_waits_and_is_taken_later(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with a_call() as call:
            listener = call.near.port
            assert isinstance(listener, Source)
            refused, accepts = [], socket.socket.accept

            def accept(sock: socket.socket) -> object:
                if sock is not listener.socket:
                    return accepts(sock)
                refused.append(sock)
                raise OSError(errno.EMFILE, "no descriptors")

            with monkeypatch.context() as patched:
                patched.setattr(socket.socket, "accept", accept)
                a = await call.a()
                await until(lambda: refused)
                assert listener.sockets.is_resting(listener), "it is not asked again and again"
            b = await call.b()
            a.say(a_send("first", call.near.uri, A_PATH))
            assert await b.hears("first")
            for one in (a, b):
                await one.close()

    asyncio.run(run())


def test_the_system_asks_whether_who_is_silent_is_still_there() -> None:
    async def run() -> None:
        async with a_call() as call:
            a, b = await call.up()
            for end in (call.near, call.far):
                assert end._bound is not None and isinstance(end._bound.link, Source)
                sock = end._bound.link.socket
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == GONE_MS
            for one in (a, b):
                await one.close()

    asyncio.run(run())


def test_without_descriptors_there_is_no_end_over_tls_until_there_are_some_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(name: str) -> int:
        raise OSError(errno.EMFILE, name)

    async def run() -> None:
        engine = RelayEngine(RANGE)
        engine.start()
        try:
            with monkeypatch.context() as patched:
                patched.setattr(os, "memfd_create", refuses)
                assert engine.open_stream("127.0.0.1", is_secure=True) is None
            assert (engine.sockets, engine.refused) == (0, 1)
            end = engine.open_stream("127.0.0.1", is_secure=True)
            assert end is not None and end.uri.is_secure
        finally:
            engine.close()

    asyncio.run(run())


def test_there_are_no_more_ends_than_allowed_and_none_without_an_engine() -> None:
    async def run() -> None:
        engine = RelayEngine(RANGE, stream_limit=1)
        assert engine.open_stream("127.0.0.1") is None
        engine.start()
        assert engine.open_stream("127.0.0.1") is not None
        assert engine.open_stream("127.0.0.1") is None and engine.refused == 1
        engine.close()
        assert engine.sockets == 0

    asyncio.run(run())


# Over TLS


@contextlib.asynccontextmanager
async def a_secure_side(folder: Path) -> AsyncIterator[tuple[asyncio.Queue[Speaker], str, str]]:
    """Yield who connected, the path and the fingerprint of a side that listens with a certificate that openssl made."""
    context, shown = a_certificate(folder)
    arrivals: asyncio.Queue[Speaker] = asyncio.Queue()

    def arrived(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrivals.put_nowait(Speaker("127.0.0.1", reader, writer))

    server = await asyncio.start_server(arrived, "127.0.0.1", 0, ssl=context, limit=2**24)
    path = f"msrps://127.0.0.1:{server.sockets[0].getsockname()[1]}/bsession;tcp"
    yield arrivals, path, shown
    server.close()


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("is_right", [True, False], ids=["its own certificate", "another certificate"])
def test_over_tls_messages_pass_to_who_has_the_certificate_that_its_description_names(is_right: bool, tmp_path: Path) -> None:
    async def run() -> None:
        engine = RelayEngine(RANGE)
        engine.start()
        async with a_secure_side(tmp_path) as (arrivals, b_path, shown):
            near, far = (engine.open_stream("127.0.0.1", is_secure=True) for _ in range(2))
            assert near is not None and far is not None
            near.tie(far)
            a_path = A_PATH.replace("msrp:", "msrps:")
            named = read_fingerprint(shown if is_right else near.port.fingerprint)
            assert named is not None
            near.name(terms(a_path, connects=False))
            far.name(replace(terms(b_path, connects=True), fingerprints=(named,)))
            near.begin()
            far.begin()
            reader, writer = await asyncio.open_connection("127.0.0.1", near.port.port, ssl=anybody(), limit=2**24)
            a = Speaker("127.0.0.1", reader, writer)
            shown_to_a = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            ours = read_fingerprint(near.port.fingerprint)
            assert ours is not None and hashlib.sha256(shown_to_a).digest() == ours[1]
            a.say(a_send("first", near.uri, a_path, "x" * 100_000))
            if is_right:
                call = Call(engine, near, far, arrivals, b_path)
                b = await call.b()
                assert await b.hears("first") == a_send("first", b_path, far.uri, "x" * 100_000)
                b.say(a_send("backw", far.uri, b_path))
                assert await a.hears("backw") == a_send("backw", a_path, near.uri)
                await a.close()
                assert await b.is_left() == b""
                await b.close()
            else:
                assert await a.is_left() == b"" and far.failed >= 1 and far.connections == 0
                await a.close()
                async with asyncio.timeout(PATIENCE_S):
                    others = [await arrivals.get()]
                others += [arrivals.get_nowait() for _ in range(arrivals.qsize())]
                for b in others:
                    assert await b.is_left() == b"", "nothing is said to another"
                    await b.close()
            near.close()
            far.close()
            assert engine.sockets == 0
            engine.close()

    asyncio.run(run())


def test_who_speaks_no_tls_where_it_is_wanted_is_a_stranger() -> None:
    async def run() -> None:
        engine = RelayEngine(RANGE)
        engine.start()
        end = engine.open_stream("127.0.0.1", is_secure=True)
        assert end is not None
        end.name(terms(A_PATH.replace("msrp:", "msrps:"), connects=False))
        for data in (a_send("plain", end.uri, A_PATH), b"\x16\x03\x01\x00\x05hello", bytes(20_000)):
            reader, writer = await asyncio.open_connection("127.0.0.1", end.port.port)
            writer.write(data)
            speaker = Speaker("127.0.0.1", reader, writer)
            assert b"MSRP" not in await speaker.is_left()
            await speaker.close()
        assert (end.foreign, end.links) == (3, 0)
        end.close()
        assert engine.sockets == 0
        engine.close()

    asyncio.run(run())
