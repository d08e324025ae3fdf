"""A stub that runs in this event loop, and foreign clients beside it; waits on events, never on time alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from sipstub.core.compose import Stub, compose
from sipstub.net.address import ListenAddress, bind_both, bind_tcp
from sipstub.net.certificate import Certificates
from sipstub.net.limits import STREAM_LIMITS, StreamLimits
from sipstub.net.server import Listening, NetEvent, SipServer
from sipstub.net.tls import client_context, server_context
from sipstub.registrar.binding import BindingChange, Change
from sipstub.registrar.policy import Policy
from sipstub.registrar.reason import RegistrarEvent
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import RegistrarUser, Users
from sipstub.trace.record import RecordedMessage, Recorder

REALM = "sipstub"
PASSWORD = "correct-horse"
NAMES = ("100", "101", "102")
PATIENCE_S = 40.0
"Longest wait for a client that is a whole program."
GOODBYE_S = 5.0
"To end by itself; then it is killed."


@dataclass
class Running:
    """The stub and all that it told."""

    stub: Stub
    server: SipServer
    recorder: Recorder
    changes: list[BindingChange] = field(default_factory=list)
    refusals: list[RegistrarEvent] = field(default_factory=list)
    net_events: list[NetEvent] = field(default_factory=list)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def port(self, transport: str) -> int:
        return next(endpoint.port for endpoint in self.server.locals if endpoint.transport == transport)

    def wake(self, *_: object) -> None:
        self._woken.set()

    async def until(self, what: Callable[[], object], limit_s: float = PATIENCE_S) -> None:
        async with asyncio.timeout(limit_s):
            while not what():
                self._woken.clear()
                await self._woken.wait()

    async def change(self, kind: Change, name: str, transport: str = "", *, limit_s: float = PATIENCE_S) -> BindingChange:
        def found() -> list[BindingChange]:
            return [
                one
                for one in self.changes
                if one.change is kind and f":{name}@" in one.binding.aor and one.binding.flow.startswith(transport)
            ]

        await self.until(found, limit_s)
        return found()[0]

    def messages(self, *, inbound: bool, starts: bytes = b"") -> list[RecordedMessage]:
        return [one for one in self.recorder.messages() if one.is_inbound is inbound and one.data.startswith(starts)]


@contextlib.asynccontextmanager
async def a_stub(
    *,
    host: str = "127.0.0.1",
    certificates: Certificates | None = None,
    limits: StreamLimits = STREAM_LIMITS,
    policy: Policy | None = None,
    names: tuple[str, ...] = NAMES,
    tls_minimum: str = "1.2",
) -> AsyncIterator[Running]:
    """Yield a stub on free ports of `host`; with certificates it speaks TLS too."""
    users = Users(RegistrarUser.of(name, PASSWORD, REALM) for name in names)
    stub = compose(Registrar(users, policy or Policy(REALM), b"k" * 32))
    datagrams, streams = bind_both(ListenAddress(host, 0))
    listening = [Listening(datagrams), Listening(streams)]
    context = None
    if certificates is not None:
        listening.append(Listening(bind_tcp(ListenAddress(host, 0)), is_tls=True))
        context = server_context(certificates.server, minimum=tls_minimum)
    recorder = Recorder()
    net_events: list[NetEvent] = []

    def tell(event: NetEvent) -> None:
        net_events.append(event)
        for wake in woken:
            wake()

    woken: list[Callable[[], None]] = []
    server = SipServer(
        stub.core,
        listening,
        recorder=recorder,
        limits=limits,
        server_tls=context,
        client_tls=client_context(),
        tell=tell,
        settled=lambda: [wake() for wake in woken] and None,
    )
    running = Running(stub, server, recorder, net_events=net_events)
    woken.append(running.wake)
    stub.registering.watch(running.changes.append, running.refusals.append)
    recorder.listen(running.wake)
    await server.start()
    try:
        yield running
    finally:
        await server.close()


class Program:
    """A foreign program and what it prints."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.output = b""
        self._more = asyncio.Event()
        self.reading = asyncio.create_task(self._read())

    async def says(self, text: bytes, limit_s: float = PATIENCE_S) -> None:
        """Wait until it has said that; what ends before will never say it, and what it did say tells why."""
        async with asyncio.timeout(limit_s):
            while text not in self.output:
                assert not self.reading.done(), self.output[-3000:].decode(errors="replace")
                self._more.clear()
                await self._more.wait()

    async def ends(self, limit_s: float = PATIENCE_S) -> int:
        async with asyncio.timeout(limit_s):
            await self.reading
            return await self.process.wait()

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while data := await self.process.stdout.read(65_536):
            self.output = (self.output + data)[-1_000_000:]
            self._more.set()
        asyncio.get_running_loop().call_soon(self._more.set)  # when this task is done


@contextlib.asynccontextmanager
async def a_program(*command: str, home: Path, goodbye: bytes = b"") -> AsyncIterator[Program]:
    """Yield a foreign program with a home of its own; it is ended by `goodbye` on its stdin or by SIGTERM."""
    private = dict.fromkeys(("HOME", "TMPDIR", "XDG_RUNTIME_DIR"), str(home))
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=home,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **private},
        start_new_session=True,
    )
    program = Program(process)
    assert process.stdin is not None
    try:
        yield program
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError, ConnectionError):
                if goodbye:
                    process.stdin.write(goodbye)
                    await process.stdin.drain()
                else:
                    process.terminate()
            try:
                await asyncio.wait_for(process.wait(), GOODBYE_S)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        process.stdin.close()
        await program.ends()
