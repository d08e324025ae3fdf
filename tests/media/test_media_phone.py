"""The virtual phone's end: the port of its file, media both ways with the stub, and ports that come back."""

from __future__ import annotations

import asyncio
import socket

import pytest
from media_lab import Ledger, an_engine, assert_free
from phone_wire import T46G, settings
from sip_running import PASSWORD, Running, a_stub
from stimulus_lab import SECOND, Desk

from sipstub.media.sound import Sound
from sipstub.phone.agent.agent import PhoneAgent
from sipstub.phone.agent.call import Call as PhoneCall
from sipstub.phone.agent.event import CallState as PhoneState
from sipstub.phone.agent.incoming import Answering
from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.memory import PhoneMemory
from sipstub.phone.net.running import RunningPhone, RunOptions
from sipstub.phone.virtual import Phone
from sipstub.registrar.binding import Change
from sipstub.stimulus.director import Director
from sipstub.stimulus.placed_call import Ringing

PATIENCE_S = 15.0


def a_phone(stub: Running, mac: str, sound: Sound | None, **more: str) -> RunningPhone:
    changes = {
        "account.1.user_name": "100",
        "account.1.auth_name": "100",
        "account.1.password": PASSWORD,
        "account.1.sip_server.1.address": "127.0.0.1",
        "account.1.sip_server.1.port": str(stub.port("udp")),
        **{name.replace("__", "."): value for name, value in more.items()},
    }
    phone = Phone(PhoneIdentity.of(mac, T46G), memory=PhoneMemory(effective=settings(changes)))
    return RunningPhone(phone, None, RunOptions(seed=1, answering=Answering.ANSWER, media=sound))


async def agent_of(stub: Running, phone: RunningPhone) -> PhoneAgent:
    await stub.change(Change.CREATED, "100", "udp")
    assert phone.agent is not None
    return phone.agent


@pytest.mark.parametrize("is_from_phone", [False, True], ids=["to the phone", "from the phone"])
def test_both_ends_send_and_hear_at_the_ports_of_the_file(is_from_phone: bool) -> None:
    async def run() -> None:
        async with an_engine(Sound.TONE) as engine, a_stub() as stub:
            director = Director(stub.stub, media=engine)
            async with a_phone(stub, "001565ab0001", Sound.SILENCE, network__port__min_rtpport="12000") as phone:
                agent = await agent_of(stub, phone)
                if is_from_phone:
                    director.expect_call(director.aor("100"), stub.server.now)
                    director.calls.ring_s, director.calls.talk_s = 0.05, 1.0
                    mine = agent.call(1, "200", phone.now)
                    phone.settle()
                else:
                    assert director.call(director.aor("100"), stub.server.now, Ringing(hold_s=1.0)) is not None
                    stub.server.burst_ended()
                    assert await phone.until(lambda: any(line.calls for line in agent.lines), PATIENCE_S)
                    (mine,) = [call for line in agent.lines for call in line.calls]
                assert mine is not None
                await stub.until(lambda: director.calls.open)
                (ours,) = director.calls.open
                await stub.until(lambda: ours.is_ended)
                assert await phone.until(lambda: mine.is_ended, PATIENCE_S)
                assert ours.media is not None and mine.media is not None
                for report, other in ((ours.media, mine.media), (mine.media, ours.media)):
                    assert report.sent >= 10 and report.received >= 10, str(report)
                    assert (report.lost, report.foreign, report.strange) == (0, 0, 0), str(report)
                    assert other.sent - 15 <= report.received <= other.sent
                    assert report.heard == (other.codec,)
                host = phone.phone.identity.loopback
                assert_free(host, 12_000)
        assert any(b"m=audio 12000 " in one.data for one in stub.messages(inbound=True))

    asyncio.run(run())


def test_a_phone_whose_power_is_cut_in_a_call_leaves_its_ports() -> None:
    async def run() -> str:
        async with an_engine() as engine, a_stub() as stub:
            director = Director(stub.stub, media=engine)
            async with a_phone(stub, "001565ab0002", Sound.SILENCE) as phone:
                agent = await agent_of(stub, phone)
                call = director.call(director.aor("100"), stub.server.now, Ringing(hold_s=100.0))
                assert call is not None
                stub.server.burst_ended()
                assert await phone.until(
                    lambda: any(one.state is PhoneState.ANSWERED for line in agent.lines for one in line.calls), PATIENCE_S
                )
            director.close(stub.server.now)
            stub.server.burst_ended()
            assert call.is_ended
            return phone.phone.identity.loopback

    assert_free(asyncio.run(run()), 11_780)


def test_ports_that_somebody_else_has_leave_the_call_silent_and_up() -> None:
    async def run() -> None:
        async with an_engine() as engine, a_stub() as stub:
            director = Director(stub.stub, media=engine)
            phone = a_phone(stub, "001565ab0003", Sound.SILENCE)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.bind((phone.phone.identity.loopback, 11_780))
                async with phone:
                    await agent_of(stub, phone)
                    call = director.call(director.aor("100"), stub.server.now, Ringing(hold_s=0.3))
                    assert call is not None
                    stub.server.burst_ended()
                    await stub.until(lambda: call.is_ended)
            assert (call.status, call.ended_by) == (200, "BYE of the stub")
            assert call.media is not None and (call.media.received, call.media.sent > 5) == (0, True)

    asyncio.run(run())


# In simulated time


def a_desk(answering: Answering = Answering.ANSWER) -> tuple[Desk, Ledger, Ledger]:
    """Return a desk, and the ports of the stub and of the phone."""
    ours, theirs = Ledger(), Ledger()
    desk = Desk(SECOND, {"account.1.srtp_encryption": "0"}, media=ours)
    desk.lab.media = theirs
    desk.boot(30.0)
    assert desk.lab.agent is not None
    desk.lab.agent.answering = answering
    return desk, ours, theirs


def dialled(desk: Desk, seconds: float = 3.0) -> PhoneCall:
    desk.director.expect_call(desk.aor(), desk.now, 60.0)
    assert desk.lab.agent is not None
    call = desk.lab.agent.call(1, "100", desk.now)
    desk.lab.run(seconds)
    assert call is not None
    return call


@pytest.mark.parametrize("way", ["from the phone", "to the phone", "to the phone without an offer"])
def test_both_ends_come_to_the_same(way: str) -> None:
    desk, ours, theirs = a_desk()
    if way == "from the phone":
        dialled(desk)
    else:
        assert desk.director.call(desk.aor(), desk.now, Ringing(has_offer="without" not in way)) is not None
        desk.lab.run(3.0)
    (one,), (other,) = ours.lines, theirs.lines
    (mine,), (its,) = one.agreements, other.agreements
    assert (mine.codec, mine.payload_type, mine.ptime_ms) == (its.codec, its.payload_type, its.ptime_ms) == ("PCMA", 8, 20)
    assert mine.sends and mine.receives and its.sends and its.receives
    assert its.target == (one.host, one.port)
    assert other.wanted == 11_780
    assert {codec.name for codec in mine.payloads.values()} & {codec.name for codec in its.payloads.values()} >= {
        "PCMA",
        "telephone-event",
    }


def test_the_phone_follows_hold_of_the_other_side() -> None:
    desk, _, theirs = a_desk()
    assert desk.director.call(desk.aor(), desk.now, Ringing(hold_s=30.0)) is not None
    desk.lab.run(3.0)
    (call,) = desk.director.calls.open
    assert call.keeper is not None
    said = call.keeper.description
    for word in (b"a=sendonly", b"a=inactive", b"a=sendrecv"):
        request = call.keeper.ask("INVITE", desk.now, said.replace(b"a=sendrecv", word))
        assert request is not None
        call._send([request], desk.now)
        desk.lab.run(2.0)
    assert [(one.sends, one.receives) for one in theirs.lines[0].agreements] == [
        (True, True),
        (False, True),
        (False, False),
        (True, True),
    ]


@pytest.mark.parametrize("end", ["its user", "the stub", "busy", "time", "given up"])
def test_however_a_call_ends_the_phone_gives_its_ports_back(end: str) -> None:
    desk, ours, theirs = a_desk(Answering.BUSY if end == "busy" else Answering.ANSWER)
    agent = desk.lab.agent
    assert agent is not None
    if end == "busy":
        assert desk.director.call(desk.aor(), desk.now) is not None
    elif end == "given up":
        desk.director.calls.ring_s = 30.0
        dialled(desk).hang_up(desk.now)
    else:
        call = dialled(desk)
        assert (ours.taken, theirs.taken) == (1, 1)
        if end == "its user":
            call.hang_up(desk.now)
        elif end == "the stub":
            desk.director.close(desk.now)
        else:
            desk.director.calls.open[0].ends_at = desk.now + 1.0
    desk.lab.run(90.0)
    assert (ours.taken, theirs.taken) == (0, 0)
    assert len(theirs.lines) == (end != "busy")
