"""What real ends hear through `sipstub serve --sbc`: a tone on connect in baresip's own recording, and packets that a
network lost, doubled and mixed up.  Seconds of real time; calls are placed side by side.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import math
import socket
import sys
import wave
from collections.abc import AsyncIterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path

import pytest
from foreign_phone import BARESIP_MODULES
from media_world import HEADER
from msrp_clients import PATIENCE_S, SipCall, SipSide, body, description, header
from ports import free_port
from sip_running import Program, a_program
from test_sbc_media_wire import CALLER, SITE, sockets_of

from sipstub.media.g711 import PCMA, encode, samples_of

LOW = 19_000
RATE_HZ = 8000
TONE_HZ, VOICE_HZ = 1000, 400
TONE_S = 1.0
BLOCK_S = 0.1
BARESIP = (
    "sip_listen 127.0.0.1:{port}\nnet_interface 127.0.0.1\nmodule_path {modules}\nmodule g711.so\nmodule aubridge.so\n"
    "module sndfile.so\nsnd_path {home}\nmodule_app account.so\nmodule_app menu.so\naudio_source aubridge,a\n"
    "audio_player aubridge,a\naudio_alert aubridge,a\nringback_disable yes\n"
)


def sine(hz: int, seconds: float) -> array.array[int]:
    return array.array("h", [round(8000 * math.sin(2 * math.pi * hz * at / RATE_HZ)) for at in range(round(RATE_HZ * seconds))])


def heard(home: Path) -> list[int]:
    """Return what a recording of baresip has, tenth of a second by tenth of a second: its frequency, 0 for silence."""
    with wave.open(str(next(home.glob("*-dec.wav")))) as file:
        samples = samples_of(file.readframes(file.getnframes()))
    step = round(RATE_HZ * BLOCK_S)
    blocks = [samples[at : at + step] for at in range(0, len(samples) - step + 1, step)]
    return [
        round(sum(one < 0 <= other for one, other in pairwise(block)) / BLOCK_S) if max(block) > 2000 else 0 for block in blocks
    ]


def runs(blocks: Sequence[int]) -> list[tuple[int, int]]:
    """Return the frequencies that lasted for more than a moment, and how many tenths of a second each lasted."""
    near = [next((hz for hz in (TONE_HZ, VOICE_HZ) if abs(block - hz) <= 30), 0) for block in blocks]
    found = [(hz, len(list(group))) for hz, group in groupby(near)]
    return [(hz, count) for hz, count in found if hz and count > 1]


@contextlib.asynccontextmanager
async def serving(folder: Path, low: int, callee: int, settings: str, *more: str) -> AsyncIterator[tuple[Program, int]]:
    """Yield the command, and its port."""
    folder.mkdir(exist_ok=True)
    sip = free_port()
    (folder / "sbc.toml").write_text(SITE.format(settings=settings, profile="", low=low, high=low + 99, port=callee))
    serve = (
        "-W",
        "error",
        "-c",
        "from sipstub.cli import main; main()",
        "serve",
        "--sbc",
        "sbc.toml",
        "--sip",
        f"127.0.0.1:{sip}",
    )
    async with a_program(sys.executable, *serve, *more, home=folder) as server:
        await server.says(b"listening on")
        yield server, sip


@contextlib.asynccontextmanager
async def a_baresip(home: Path, port: int, *more: str) -> AsyncIterator[Program]:
    """Yield one that is called at that port, picks up, and records what it hears."""
    home.mkdir()
    (home / "config").write_text(BARESIP.format(port=port, modules=BARESIP_MODULES, home=home))
    (home / "accounts").write_text(f"<sip:200@127.0.0.1:{port}>;regint=0;mwi=no;answermode=auto;audio_codecs=PCMA\n")
    async with a_program("baresip", "-f", str(home), *more, home=home) as program:
        await program.says(b"baresip is ready")
        yield program


def a_caller(folder: Path) -> Path:
    """Write a script of SIPp that speaks for two seconds and a half."""
    (folder / "voice").write_bytes(encode(sine(VOICE_HZ, 1.0), PCMA))
    scenario = CALLER.format(formats=8, payload=8, name="PCMA", file="voice", spoken_ms=2500)
    (folder / "caller.xml").write_text(scenario)
    return folder / "caller.xml"


async def called_with_a_tone(folder: Path, tone: Path) -> list[tuple[int, int]]:
    """Return what baresip hears whom SIPp calls."""
    folder.mkdir()
    port = free_port()
    async with serving(folder, LOW, port, "", "--connect-tone", f"dst:{tone}") as (server, sip):
        idle = sockets_of(server.process.pid)
        async with a_baresip(folder / "phone", port):
            uac = (
                "sipp",
                "-sf",
                str(a_caller(folder)),
                "-i",
                "127.0.0.1",
                "-p",
                str(free_port()),
                "-mp",
                str(free_port()),
                "-m",
                "1",
            )
            async with a_program(
                *uac, "-nostdin", "-timeout", "20", "-timeout_error", f"127.0.0.1:{sip}", home=folder
            ) as calling:
                assert await calling.ends() == 0, calling.output[-3000:]
        assert sockets_of(server.process.pid) == idle
    return runs(heard(folder / "phone"))


async def calling_with_a_tone(folder: Path, tone: Path) -> list[tuple[int, int]]:
    """Return what baresip hears that calls somebody who says nothing, and hangs up after a second and a half."""
    folder.mkdir()
    callee, media = SipSide("callee"), a_socket()
    async with contextlib.AsyncExitStack() as running:
        running.callback(callee.close)
        running.callback(media.close)
        serve = serving(folder, LOW + 100, callee.port, "", "--connect-tone", f"src:{tone}")
        _, sip = await running.enter_async_context(serve)
        async with a_baresip(folder / "phone", free_port(), "-e", f"/dial sip:200@127.0.0.1:{sip}"):
            answer = body(description(f"m=audio {media.getsockname()[1]} RTP/AVP 8\n"))
            contact = f"Contact: <sip:200@127.0.0.1:{callee.port}>"
            callee.say(f"SIP/2.0 200 OK\n{kept(await callee.hears('INVITE '))};tag=theirs\n{contact}\n{answer}", sip)
            await callee.hears("ACK ")
            for _ in range(round(50 * (TONE_S + 0.5))):  # what it says itself tells how long it has been in the call
                await hears_packet(media)
        callee.say(f"SIP/2.0 200 OK\n{kept(await callee.hears('BYE '))}\nContent-Length: 0\n\n", sip)
    return runs(heard(folder / "phone"))


def kept(asked: str) -> str:
    """Return what an answer has of the request, To last."""
    return "\n".join(header(asked, name) for name in ("Via", "From", "Call-ID", "CSeq", "To"))


def a_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


async def hears_packet(sock: socket.socket) -> bytes:
    """Return the next packet of RTP."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            data = await asyncio.get_running_loop().sock_recv(sock, 2048)
            if len(data) > 12 and data[1] & 0x7F == 8:
                return data


@pytest.mark.needs("baresip", "sipp")
def test_baresip_hears_the_tone_on_connect_before_anything_else_whichever_side_it_is(tmp_path: Path) -> None:
    tone = tmp_path / "tone.wav"
    with wave.open(str(tone), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(sine(TONE_HZ, TONE_S).tobytes())

    async def run() -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        return await asyncio.gather(called_with_a_tone(tmp_path / "dst", tone), calling_with_a_tone(tmp_path / "src", tone))

    as_called, as_caller = asyncio.run(run())
    (first, tenths), *rest = as_called
    assert first == TONE_HZ and 7 <= tenths <= 11, as_called
    assert {hz for hz, _ in rest} == {VOICE_HZ}, "then it hears who called"
    assert as_caller[0][0] == TONE_HZ and 7 <= as_caller[0][1] <= 11, as_caller


def test_without_the_file_of_the_tone_a_call_is_ended_or_goes_on_as_set(tmp_path: Path) -> None:
    async def run(value: int) -> None:
        caller, callee = SipSide("caller"), SipSide("callee")
        missing = ("--connect-tone", f"dst:{tmp_path / 'missing.wav'}")
        settings = f"PlayToneOnConnectFailureBehavior = {value}"
        try:
            async with serving(tmp_path / str(value), LOW + 200 + 100 * value, callee.port, settings, *missing) as (server, sip):
                idle = sockets_of(server.process.pid)
                call = SipCall(caller, callee, sip)
                await call.invite(description("m=audio 7000 RTP/AVP 8\n"), description("m=audio 7002 RTP/AVP 8\n"))
                if value:
                    await call.end()
                else:
                    for side in (callee, caller):
                        asked = await side.hears("BYE ")
                        side.say(f"SIP/2.0 200 OK\n{kept(asked)}\nContent-Length: 0\n\n", sip)
                assert sockets_of(server.process.pid) == idle
        finally:
            caller.close()
            callee.close()

    async def both() -> None:
        await asyncio.gather(run(0), run(1))

    asyncio.run(both())


def a_packet(number: int) -> bytes:
    """Return 20 ms that tell their number."""
    head = HEADER.pack(0x80, 8, number % 65_536, 160 * number % 2**32, 0xABCDEF)
    return head + (number % 65_536).to_bytes(2, "big") * 80


def test_packets_that_a_network_lost_doubled_and_mixed_up_pass_as_they_came_and_gaps_stay_gaps(tmp_path: Path) -> None:
    """Both ways at once; the numbers go past their end, and a stranger's packets are in between."""
    order = [65_530, 65_531, 65_533, 65_532, 65_532, 65_536, 65_535, 65_540, 65_541, 65_539, 65_560, 65_561]
    sources = {"mediated": "TranscodingMode = 0", "forwarded": "TranscodingMode = 2"}

    async def run(name: str, low: int) -> None:
        caller, callee = SipSide("caller"), SipSide("callee")
        async with contextlib.AsyncExitStack() as running:
            a, b, stranger = (running.enter_context(contextlib.closing(a_socket())) for _ in range(3))
            for side in (caller, callee):
                running.callback(side.close)
            server, sip = await running.enter_async_context(serving(tmp_path / name, low, callee.port, sources[name]))
            idle = sockets_of(server.process.pid)
            call = SipCall(caller, callee, sip)
            lines = [f"m=audio {sock.getsockname()[1]} RTP/AVP 8\n" for sock in (a, b)]
            asked, told = await call.invite(description(lines[0]), description(lines[1]))
            to_a, to_b = (("127.0.0.1", port_in(text)) for text in (told, asked))
            for sock, peer, at in ((a, b, to_a), (b, a, to_b)):
                sock.sendto(a_packet(order[0]), at)
                first = await hears_packet(peer)
                for number in order[1:]:
                    sock.sendto(a_packet(number), at)
                    stranger.sendto(a_packet(number + 7), at)
                found = [first] + [await hears_packet(peer) for _ in order[1:]]
                said = [int.from_bytes(data[12:14], "big") for data in found]
                assert said == [number % 65_536 for number in order], "each as it came, nothing of the stranger"
                heads = [HEADER.unpack_from(data) for data in found]
                begin = heads[0]
                assert [(head[2] - begin[2]) % 65_536 for head in heads] == [number - order[0] for number in order]
                assert [(head[3] - begin[3]) % 2**32 for head in heads] == [160 * (number - order[0]) for number in order]
                assert ({head[4] for head in heads} == {0xABCDEF}) is (name == "forwarded")
            await call.end()
            assert sockets_of(server.process.pid) == idle

    async def both() -> None:
        await asyncio.gather(run("mediated", LOW + 400), run("forwarded", LOW + 500))

    asyncio.run(both())


def port_in(text: str) -> int:
    """Return the port of the first line."""
    return int(text.partition("m=audio ")[2].partition(" ")[0])
