"""RTP with programs that we did not write: baresip speaks and hears, SIPp echoes, tshark counts what was on the wire.

Calls last seconds of real time, so those that can go side by side do.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import wave
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
from foreign_phone import BARESIP_MODULES, free_port, linphone
from media_lab import RANGE, an_engine
from sip_running import PASSWORD, Running, a_program, a_stub

from sipstub.media.g711 import samples_of
from sipstub.media.place import NO_MEDIA, MediaPlace
from sipstub.media.report import MediaReport
from sipstub.media.sound import TONE_HZ, TONE_PEAK, Sound
from sipstub.registrar.binding import Binding, Change
from sipstub.sip.params import NO_PARAMS
from sipstub.sip.uri import SipUri
from sipstub.stimulus.director import Director
from sipstub.stimulus.placed_call import PlacedCall, Ringing

BARESIP = (
    "sip_listen 127.0.0.1:0\nnet_interface 127.0.0.1\nmodule_path {modules}\nmodule srtp.so\n"
    "module g711.so\nmodule aubridge.so\nmodule sndfile.so\n"
    "snd_path {home}\nmodule_app account.so\nmodule_app menu.so\naudio_source aubridge,a\naudio_player aubridge,a\n"
    "audio_alert aubridge,a\nrtp_timeout {patience_s}\n"
)
"It plays what it hears into a bridge and speaks what comes out there; what it has decoded is written to a file too."
HEARD_S = 2.0
PER_S = 50
AT_LEAST = int(HEARD_S * PER_S * 0.4)
"Packets of such a call on a busy machine."


@contextlib.asynccontextmanager
async def baresip(
    stub: Running, name: str, home: Path, codec: str = "PCMU", *, patience_s: int = 30, is_secure: bool = False
) -> AsyncIterator[None]:
    """Run a baresip that picks up by itself, from its registration on."""
    home.mkdir(exist_ok=True)
    text = BARESIP.format(modules=BARESIP_MODULES, home=home, patience_s=patience_s)
    (home / "config").write_text(text)
    more = ";mediaenc=srtp-mand" if is_secure else ""
    (home / "accounts").write_text(
        f"<sip:{name}@127.0.0.1:{stub.port('udp')};transport=udp>;auth_pass={PASSWORD};regint=60;mwi=no"
        f";answermode=auto;audio_codecs={codec}{more}\n"
    )
    async with a_program("baresip", "-f", str(home), home=home):
        await stub.change(Change.CREATED, name, "udp")
        yield


def place(stub: Running, director: Director, name: str, hold_s: float = HEARD_S, **more: bool) -> PlacedCall:
    how = Ringing(ring_s=15.0, hold_s=hold_s, **more)
    call = director.call(director.aor(name), stub.server.now, how)
    stub.server.burst_ended()
    assert call is not None
    return call


async def report_of(stub: Running, call: PlacedCall) -> MediaReport:
    await stub.until(lambda: call.is_ended)
    assert (call.status, call.ended_by) == (200, "BYE of the stub")
    assert call.media is not None
    return call.media


def flows(report: MediaReport, codec: str) -> None:
    """Hold that a call of HEARD_S had media both ways, and nothing else."""
    assert report.sent >= AT_LEAST and report.received >= AT_LEAST, str(report)
    assert (report.codec, report.heard) == (codec, (codec.split()[0],))
    assert (report.lost, report.foreign, report.strange, report.dropped) == (0, 0, 0, 0), str(report)


@pytest.mark.needs("baresip")
@pytest.mark.parametrize(
    ("codec", "has_offer", "is_secure"),
    [("PCMU", True, False), ("PCMA", True, False), ("PCMA", False, False), ("PCMU", True, True), ("PCMA", False, True)],
)
def test_baresip_hears_our_tone_and_speaks_with_us(codec: str, has_offer: bool, is_secure: bool, tmp_path: Path) -> None:
    async def run() -> None:
        async with an_engine(Sound.TONE) as engine, a_stub() as stub:
            director = Director(stub.stub, media=engine)
            async with baresip(stub, "100", tmp_path, codec, is_secure=is_secure):
                call = place(stub, director, "100", has_offer=has_offer, is_secure=is_secure)
                flows(await report_of(stub, call), codec + (" over SRTP" if is_secure else ""))
            acts = director.acts.all()
            assert acts[-1].what == f"call to the phone: BYE of the stub; {call.media}"

    asyncio.run(run())
    with wave.open(str(next(tmp_path.glob("*-dec.wav")))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        heard = samples_of(file.readframes(file.getnframes()))
    # what it decoded is our tone: its height, its loudness, and no click or gap within any second
    voiced = heard[8000 // 2 :][:8000]
    assert len(voiced) == 8000
    ups = sum(before < 0 <= after for before, after in pairwise(voiced))
    assert abs(ups - TONE_HZ) <= 4, ups
    assert 0.95 * TONE_PEAK < max(voiced) < 1.05 * TONE_PEAK
    assert -1.05 * TONE_PEAK < min(voiced) < -0.95 * TONE_PEAK


@pytest.mark.needs("baresip")
def test_a_phone_that_hangs_up_when_it_hears_nothing_keeps_our_call_and_no_other(tmp_path: Path) -> None:
    async def call(place_of_media: MediaPlace, stub: Running, name: str) -> PlacedCall:
        director = Director(stub.stub, media=place_of_media)
        async with baresip(stub, name, tmp_path / name, patience_s=2):
            found = place(stub, director, name, hold_s=5.0)
            await stub.until(lambda: found.is_ended)
        return found

    async def run() -> None:
        async with an_engine() as engine, a_stub() as one, a_stub() as two:
            ours, silent = await asyncio.gather(call(engine, one, "100"), call(NO_MEDIA, two, "101"))
        assert (ours.status, ours.ended_by) == (200, "BYE of the stub")
        assert (silent.status, silent.ended_by) == (200, "BYE of the phone")
        assert silent.media is None

    asyncio.run(run())


@pytest.mark.needs("linphone-daemon")
def test_linphone_stays_in_a_call_as_long_as_it_hears_something(tmp_path: Path) -> None:
    async def call(place_of_media: MediaPlace, stub: Running, home: Path) -> PlacedCall:
        home.mkdir()
        director = Director(stub.stub, media=place_of_media)
        phone = linphone(home, "udp", stub.port("udp"), home / "no-authority")
        with (home / "rc").open("a") as file:
            file.write("\n[rtp]\nnortp_timeout=2\naudio_rtp_port=-1\n")
        async with a_program(*phone.command, "--auto-answer", home=home, goodbye=phone.goodbye):
            await stub.change(Change.CREATED, "100", "udp")
            found = place(stub, director, "100", hold_s=6.0)
            await stub.until(lambda: found.is_ended)
        return found

    async def run() -> None:
        async with an_engine() as engine, a_stub() as one, a_stub() as two:
            ours, silent = await asyncio.gather(call(engine, one, tmp_path / "one"), call(NO_MEDIA, two, tmp_path / "two"))
        assert (ours.status, ours.ended_by) == (200, "BYE of the stub"), str(ours.media)
        assert ours.media is not None and ours.media.sent > 200  # it has no microphone: what it sends is STUN
        assert (silent.status, silent.ended_by) == (200, "BYE of the phone")

    asyncio.run(run())


@contextlib.asynccontextmanager
async def an_echo(stub: Running, home: Path, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Run a SIPp at address 100 that picks up and sends back what it hears; yield its port of media."""
    port, media_port = free_port(), free_port()
    now = stub.server.now
    at = f"[{host}]" if ":" in host else host
    contact, flow = f"sip:100@{at}:{port}", f"udp {at}:{port}"
    aor = stub.stub.registrar.policy.aor_key(SipUri("host", "100"))
    binding = Binding(aor, "one", contact, NO_PARAMS, "call", 1, now, now, now + 3600.0, flow=flow)
    assert stub.stub.registrar.restore([binding], now)
    uas = ("sipp", "-sn", "uas", "-rtp_echo", "-i", host, "-mi", host, "-p", str(port), "-mp", str(media_port), "-m", "1")
    async with a_program(*uas, "-timeout", "15", "-timeout_error", "-nostdin", home=home) as sipp:
        yield media_port
    assert b"Aborting" not in sipp.output, sipp.output[-2000:]


@pytest.mark.needs("sipp")
def test_media_over_ipv6(tmp_path: Path) -> None:
    async def run() -> None:
        async with an_engine() as engine, a_stub(host="::1") as stub, an_echo(stub, tmp_path, "::1"):
            director = Director(stub.stub, media=engine)
            flows(await report_of(stub, place(stub, director, "100")), "PCMU")
            invite = next(iter(stub.messages(inbound=False, starts=b"INVITE ")))
            assert b"c=IN IP6 ::1\r\n" in invite.data

    asyncio.run(run())


@pytest.mark.needs("sipp", "tcpdump", "tshark")
def test_tshark_counts_on_the_wire_what_we_say_and_sipp_echoes_it(tmp_path: Path) -> None:
    file = tmp_path / "call.pcap"

    async def run() -> MediaReport:
        async with an_engine() as engine, a_stub() as stub, an_echo(stub, tmp_path) as port:
            director = Director(stub.stub, media=engine)
            watch = ("tcpdump", "-i", "lo", "-U", "--immediate-mode", "-w", str(file), "udp", "port", str(port))
            async with a_program(*watch, home=tmp_path) as tcpdump:
                await tcpdump.says(b"listening on lo")
                return await report_of(stub, place(stub, director, "100"))

    report = asyncio.run(run())
    flows(report, "PCMU")
    ways = ("-d", "udp.port==1-65535,rtp", "-q", "-z", "rtp,streams")
    said = subprocess.run(["tshark", "-r", str(file), *ways], capture_output=True, text=True, check=True, timeout=60).stdout
    # SSRC, payload, packets, lost: one row for each way
    rows = [line[line.index("0x") :].split()[1:5] for line in said.splitlines() if "0x" in line]
    assert sorted(rows, key=lambda row: -int(row[1])) == [
        ["g711U", str(report.sent), "0", "(0.0%)"],
        ["g711U", str(report.received), "0", "(0.0%)"],
    ], said


@pytest.mark.needs("baresip", "tcpdump", "tshark")
def test_reports_of_both_sides_are_whole_and_say_that_nothing_was_lost(tmp_path: Path) -> None:
    """Real time by nature: a side reports each five seconds."""
    file = tmp_path / "call.pcap"

    async def run() -> tuple[MediaReport, int]:
        async with an_engine() as engine, a_stub() as stub, baresip(stub, "100", tmp_path):
            director = Director(stub.stub, media=engine)
            watch = ("tcpdump", "-i", "lo", "-U", "--immediate-mode", "-w", str(file), "udp", "portrange", str(RANGE))
            async with a_program(*watch, home=tmp_path) as tcpdump:
                await tcpdump.says(b"listening on lo")
                call = place(stub, director, "100", hold_s=6.0)
                await stub.until(lambda: engine.lines)
                port = engine.lines[0].port
                return await report_of(stub, call), port

    report, port = asyncio.run(run())
    assert report.told_lost == 0 and "the other side lost 0" in str(report), str(report)
    command = ["tshark", "-r", str(file), "-d", "udp.port==1-65535,rtcp", "-Y", f"udp.port=={port + 1}", "-T", "fields"]
    for name in ("udp.srcport", "rtcp.pt", "rtcp.ssrc.cum_nr", "rtcp.length_check", "_ws.malformed"):
        command += ["-e", name]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    rows = [line.split("\t") for line in said.splitlines()]
    ours = [row for row in rows if row[0] == str(port + 1)]
    assert ours and ours[0][1] == "200,202", said
    assert len(rows) > len(ours), "baresip reports too"
    assert {row[2] for row in ours} == {"0"}
    assert {row[4] for row in ours} == {""}, "malformed"
    assert {row[3] for row in ours} <= {"1", "True"}, "the lengths of its packets add up"
