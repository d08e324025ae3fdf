"""An SBC that is read from a file as the command reads it, real programs around it, and what must be free when they are gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from sbc_world import QUIET_S
from sip_running import Program, a_program
from sipp_script import Part, xml

from sipstub.media.port import PortRange
from sipstub.media.relay_engine import DEFAULT_RANGE, RelayEngine
from sipstub.net.address import ListenAddress, bind_both, bind_tcp
from sipstub.net.certificate import Certificates
from sipstub.net.outside import OutsideAsker
from sipstub.net.sbc_file import read_sbc_file
from sipstub.net.server import Listening, SipServer
from sipstub.net.tls import client_context, server_context
from sipstub.sbc.compose import TIMING, compose_sbc
from sipstub.sbc.media.anchored import AnchoredMedia
from sipstub.sbc.media.dsp import MAX_DSPS, DspPool
from sipstub.sbc.media.rules import MediaRules
from sipstub.sbc.service import Sbc
from sipstub.sbc.site import site_of
from sipstub.sip.message import Request
from sipstub.trace.record import Recorder
from sipstub.transaction.timing import Timing

PATIENCE_S = 25.0
SIPP_S = 15
"Longest life of a SIPp; it ends with an error then."
LASTING = ("_Bound", "KeepAlive")
"What an SBC without calls may wait for: registrations that end, and the next OPTIONS to a proxy."


@dataclass
class Bench:
    """One SBC that runs, where it listens, and what it said."""

    sbc: Sbc
    server: SipServer
    told: list[str]
    recorder: Recorder
    relays: RelayEngine
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def port(self, transport: str = "udp") -> int:
        """Return where it listens."""
        return next(one.port for one in self.server.locals if one.transport == transport)

    def wake(self) -> None:
        """Have whoever waits look again."""
        self._woken.set()

    async def until(self, what: Callable[[], object], limit_s: float = PATIENCE_S) -> None:
        """Wait until something about the SBC is true."""
        async with asyncio.timeout(limit_s):
            while not what():
                self._woken.clear()
                await self._woken.wait()

    def sent(self, method: str, host: str) -> list[Request]:
        """Return the requests that the SBC sent to an address, each once."""
        found: dict[bytes, Request] = {}
        for one in self.recorder.messages():
            message = one.message
            if not one.is_inbound and one.peer.host == host and isinstance(message, Request) and message.method == method:
                found.setdefault(one.data, message)
        return list(found.values())

    @property
    def is_free(self) -> bool:
        """Whether nothing is left of any call, and no port or connection of media and messages is held."""
        return not self.sbc.relays and self.sbc.dialogs == 0 and not self.relays.sockets


@contextlib.asynccontextmanager
async def an_sbc(
    text: str, folder: Path, *, certificates: Certificates | None = None, timing: Timing = TIMING
) -> AsyncIterator[Bench]:
    """Yield an SBC of a file with this text; when it is left, no call, dialog, transaction or port may be."""
    file = folder / "sbc.toml"
    file.write_text(text)
    told: list[str] = []
    settings = read_sbc_file(file, told.append)
    relays = RelayEngine(PortRange.parse(DEFAULT_RANGE))
    dsps = DspPool(MAX_DSPS)
    media = AnchoredMedia(MediaRules.of(settings), relays, dsps=dsps, tell=lambda text, now: told.append(text))
    sbc = compose_sbc(site_of(settings), 0.0, media=media, tell=lambda text, now: told.append(text), timing=timing)
    listening = [Listening(sock) for sock in bind_both(ListenAddress("127.0.0.1", 0))]
    context = None
    if certificates is not None:
        listening.append(Listening(bind_tcp(ListenAddress("127.0.0.1", 0)), is_tls=True))
        context = server_context(certificates.server)
    recorder = Recorder()
    server = SipServer(
        sbc.core,
        listening,
        recorder=recorder,
        server_tls=context,
        client_tls=client_context(),
    )
    bench = Bench(sbc, server, told, recorder, relays)
    asker = OutsideAsker(sbc.outside, server)
    asks = server.settled

    def settled() -> None:
        asks()
        bench.wake()

    server.settled = settled
    media.serve(server.burst_ended, lambda: server.now)
    relays.start()
    await server.start()
    is_well = False
    try:
        yield bench
        await bench.until(lambda: bench.is_free)
        is_well = True
    finally:
        if not is_well:
            print(ladder(recorder))
        now = server.now
        await asker.close()
        await server.close()
        relays.close()
    assert_free(sbc, now)
    assert dsps.taken == 0


def ladder(recorder: Recorder) -> str:
    """Return what came and went, a line for each message."""
    lines = []
    for one in recorder.messages():
        arrow = f"{one.peer} -> SBC" if one.is_inbound else f"SBC -> {one.peer}"
        calls = [line.decode("latin-1") for line in one.data.split(b"\r\n") if line.lower().startswith((b"call-id", b"cseq"))]
        lines.append(f"{one.at:.3f} {arrow}: {one.data.partition(bytes([13]))[0].decode('latin-1')} {' '.join(calls)}")
    return "\n".join(lines)


def assert_free(sbc: Sbc, now: float) -> None:
    """Let the time pass that transactions may last, with nobody there, and fail if anything of a call is left then."""
    core, end = sbc.core, now + QUIET_S
    core.to_send()
    while (at := core.next_timer) is not None and at <= end:
        now = max(now, at)
        core.on_timer(now)
        core.to_send()
    assert not sbc.relays, [(relay.why, relay.legs) for relay in sbc.relays]
    assert sbc.dialogs == 0
    assert not [entry for entry in sbc.agenda.entries if not type(entry).__name__.startswith(LASTING)]
    if not any(health.next_at is not None for health in sbc.health.values()):  # OPTIONS to proxies never end
        assert sbc.core.layer.is_empty, "a transaction is left"


@dataclass
class Sipp:
    """One SIPp that runs a script of ours."""

    program: Program
    home: Path
    name: str
    patience_s: float = PATIENCE_S

    async def ends_well(self) -> None:
        """Wait for its end; it must have heard what its script says, and nothing else."""
        code = await self.program.ends(self.patience_s)
        errors = self.home / "errors.txt"
        told = errors.read_text(errors="replace")[-3000:] if errors.exists() else ""
        assert code == 0, f"{self.name}: exit code {code}\n{told or self.program.output[-2000:].decode(errors='replace')}"


@contextlib.asynccontextmanager
async def a_sipp(
    folder: Path,
    name: str,
    host: str,
    port: int,
    sbc_port: int,
    *parts: Part,
    calls: int = 1,
    more: tuple[str, ...] = (),
    server: str = "127.0.0.1",
    lasts_s: int = SIPP_S,
) -> AsyncIterator[Sipp]:
    """Yield a SIPp at an address of its own, with one script that lasts no longer."""
    home = folder / name
    home.mkdir()
    (home / "script.xml").write_text(xml(name, *parts))
    command = ("sipp", "-sf", "script.xml", "-s", name, "-i", host, "-p", str(port), "-m", str(calls), "-nostdin", "-nd")
    command += (
        "-timeout",
        str(lasts_s),
        "-timeout_error",
        "-trace_err",
        "-error_file",
        "errors.txt",
        "-cid_str",
        "%u-%p-" + name,
    )
    async with a_program(*command, *more, f"{server}:{sbc_port}", home=home) as program:
        yield Sipp(program, home, name, lasts_s + PATIENCE_S - SIPP_S)


async def all_end_well(*sipps: Sipp) -> None:
    """Wait for all of them."""
    await asyncio.gather(*(sipp.ends_well() for sipp in sipps))
