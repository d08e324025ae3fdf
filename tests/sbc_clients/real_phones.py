"""Phones that other people wrote, at work behind an SBC: baresip by its remote control, linphone by its console."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import wave
from collections.abc import AsyncIterator
from pathlib import Path

from foreign_phone import BARESIP_MODULES
from ports import free_port
from sbc_clients_bench import Bench
from sbc_text import sbc_text
from sip_running import PASSWORD, REALM, Program, a_program

BARESIP = (
    "sip_listen 127.0.0.1:0\nnet_interface 127.0.0.1\n{trust}module_path {modules}\nmodule g711.so\nmodule aubridge.so\n"
    "module aufile.so\nmodule_app account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{control}\n"
    "audio_source aufile,speech.wav\naudio_player aubridge,a\naudio_alert aubridge,a\nringback_disable yes\n"
    "rtp_stats yes\n"
)
SPEECH_S = 30
"So long a baresip has something to say."
PATIENCE_S = 40.0
LOOK_S = 0.02
"Between two looks at how many packets have come: nobody tells."
_PACKETS = re.compile(rb"packets: +(\d+) +(\d+)")


def phones_and_a_pbx(registrar: int, values: dict[str, int | str] | None = None, **profile: int) -> str:
    """Return the settings of phones that register elsewhere and call each other through the SBC alone."""
    groups = {"phones": {"Type": "user", "profile": profile}, "pbx": {"proxies": [f"127.0.0.1:{registrar}"]}}
    routes = ({"RequestType": "register", "DestIPGroupName": "pbx"}, {"DestIPGroupName": "phones"})
    return sbc_text({"SBCRandomizeExpires": 0, **(values or {})}, groups, routes, ({"SrcIPGroupName": "phones"},))


class Baresip:
    """One that runs, and what happened to it."""

    def __init__(self, program: Program, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.program = program
        self.events: list[str] = []
        "Their types, in their order."
        self._writer = writer
        self._more = asyncio.Event()
        self._answers: asyncio.Queue[bool] = asyncio.Queue()
        self.reading = asyncio.create_task(self._read(reader))

    async def tell(self, command: str, params: str = "") -> None:
        """Have it do something; it must know the word."""
        text = json.dumps({"command": command, "params": params})
        self._writer.write(f"{len(text.encode())}:{text},".encode())
        async with asyncio.timeout(PATIENCE_S):
            assert await self._answers.get(), f"baresip refused {command} {params}"

    async def says(self, event: str, times: int = 1, limit_s: float = PATIENCE_S) -> None:
        """Wait for an event of this type."""
        async with asyncio.timeout(limit_s):
            while self.events.count(event) < times:
                self._more.clear()
                await self._more.wait()

    async def registers(self) -> None:
        """Wait until it is registered, which may have been before its events were listened to."""
        await self.program.says(b" binding", PATIENCE_S)

    async def packets(self, calls: int = 1) -> tuple[int, int]:
        """Return how many packets of RTP it sent and got in so many calls, when they are over."""
        async with asyncio.timeout(PATIENCE_S):
            while len(found := _PACKETS.findall(self.program.output)) < calls:
                await asyncio.sleep(LOOK_S)
        return sum(int(sent) for sent, _ in found), sum(int(got) for _, got in found)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = int((await reader.readuntil(b":"))[:-1])
                told = json.loads((await reader.readexactly(size + 1))[:-1])
                if told.get("event"):
                    self.events.append(told["type"])
                    self._more.set()
                else:
                    self._answers.put_nowait(told["ok"])


@contextlib.asynccontextmanager
async def a_baresip(
    home: Path,
    name: str,
    port: int,
    *,
    transport: str = "udp",
    ca: Path | None = None,
    regint: int = 60,
    password: str = PASSWORD,
    speech_s: int = SPEECH_S,
) -> AsyncIterator[Baresip]:
    """Yield one that registers as `name` at a port of ours, picks up by itself, and talks."""
    home.mkdir()
    control = free_port()
    trust = f"sip_cafile {ca}\n" if ca is not None else ""
    (home / "config").write_text(BARESIP.format(trust=trust, modules=BARESIP_MODULES, control=control))
    place = f"sip:127.0.0.1:{port};transport={transport}"
    account = f'<{place.replace("sip:", f"sip:{name}@")}>;outbound="{place}";auth_pass={password};regint={regint}'
    (home / "accounts").write_text(f"{account};mwi=no;answermode=auto\n")
    with wave.open(str(home / "speech.wav"), "wb") as speech:
        speech.setparams((1, 2, 8000, 0, "NONE", ""))
        speech.writeframes(bytes(2 * 8000 * speech_s))
    async with a_program("baresip", "-f", str(home), home=home) as program:
        await program.says(b"baresip is ready")
        reader, writer = await asyncio.open_connection("127.0.0.1", control)
        phone = Baresip(program, reader, writer)
        try:
            yield phone
        finally:
            writer.close()
            phone.reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await phone.reading


def linphone_home(home: Path, port: int, name: str = "101") -> Path:
    """Write the file of a linphone."""
    for part in (".local/share/linphone", ".config/linphone"):
        (home / part).mkdir(parents=True)
    (home / "rc").write_text(
        "[sip]\nsip_port=-1\nsip_tcp_port=-1\nsip_tls_port=-1\nuse_ipv6=0\ndefault_proxy=0\n\n[rtp]\naudio_rtp_port=-1\n\n"
        f"[proxy_0]\nreg_proxy=<sip:127.0.0.1:{port};transport=udp>\nreg_identity=sip:{name}@127.0.0.1\nreg_expires=60\n"
        f"reg_sendregister=1\n\n[auth_info_0]\nusername={name}\npasswd={PASSWORD}\nrealm={REALM}\n"
    )
    return home


class Linphone:
    """One that runs, with a console."""

    def __init__(self, program: Program) -> None:
        self.program = program

    async def tell(self, line: str) -> None:
        """Type a line."""
        stdin = self.program.process.stdin
        assert stdin is not None
        stdin.write(line.encode() + b"\n")
        await stdin.drain()

    async def says(self, words: str) -> None:
        """Wait for these words."""
        await self.program.says(words.encode(), PATIENCE_S)


@contextlib.asynccontextmanager
async def a_linphone(home: Path, name: str, port: int, *, is_typed: bool = False) -> AsyncIterator[Linphone]:
    """Yield one that registers as `name` at a port of ours: one that picks up by itself, or one for a person who types."""
    config = str(linphone_home(home, port, name) / "rc")
    command = ("linphonec", "-c", config) if is_typed else ("linphone-daemon", "--config", config, "--auto-answer")
    async with a_program(*command, home=home, goodbye=b"quit\n") as program:
        yield Linphone(program)


async def both_talk(bench: Bench, packets: int = 10) -> None:
    """Wait until each open media port of the SBC has got and sent so many packets more."""
    before = {end: (end.received + packets, end.sent + packets) for end in bench.relays.ends}
    assert before
    async with asyncio.timeout(PATIENCE_S):
        while any(end.received < came or end.sent < went for end, (came, went) in before.items()):
            await asyncio.sleep(LOOK_S)
