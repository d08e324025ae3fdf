"""Calls over sockets with programs that we did not write: SIPp and baresip are called, and SIPp calls the answering machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from foreign_phone import BARESIP_MODULES
from ports import free_port
from sip_running import PASSWORD, Running, a_program, a_stub

from sipstub.registrar.binding import Binding, Change
from sipstub.sip.params import NO_PARAMS
from sipstub.sip.uri import SipUri
from sipstub.stimulus.call import CallState
from sipstub.stimulus.director import Director
from sipstub.stimulus.placed_call import PlacedCall, Ringing
from sipstub.verify.stimulus import Stimulus

FOLDER = Path(__file__).parent / "sipp"
SIPP_TRANSPORT = {"udp": "u1", "tcp": "t1"}
HOUR_S = 3600.0
SHORT = Ringing(ring_s=15.0, hold_s=0.3)
OPTIONS = ("-m", "1", "-timeout", "15", "-timeout_error", "-nostdin", "-i", "127.0.0.1")


def bound(stub: Running, port: int) -> None:
    """Have a user agent that does not register at our registrar."""
    aor, now = stub.stub.registrar.policy.aor_key(SipUri("host", "100")), stub.server.now
    contact, flow = f"sip:100@127.0.0.1:{port}", f"udp 127.0.0.1:{port}"
    binding = Binding(aor, "one", contact, NO_PARAMS, "call", 1, now, now, now + HOUR_S, flow=flow)
    assert stub.stub.registrar.restore([binding], now) == 1


def place(stub: Running, director: Director, how: Ringing = SHORT) -> PlacedCall:
    call = director.call(director.aor("100"), stub.server.now, how)
    stub.server.burst_ended()
    assert call is not None
    return call


@pytest.mark.needs("sipp")
def test_sipp_is_called_answers_and_is_hung_up(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_stub() as stub:
            director = Director(stub.stub)
            port = free_port()
            bound(stub, port)
            command = ("sipp", "-sn", "uas", "-t", "u1", "-p", str(port), *OPTIONS)
            async with a_program(*command, home=tmp_path) as sipp:
                call = place(stub, director)  # repeated until SIPp is there to hear it
                await stub.until(lambda: call.is_ended)
                assert (call.status, call.ended_by) == (200, "BYE of the stub")
                assert await sipp.ends() == 0, sipp.output[-2000:]
            assert director.calls.open == []

    asyncio.run(run())


BARESIP = (
    "sip_listen 127.0.0.1:0\nnet_interface 127.0.0.1\nmodule_path {modules}\nmodule g711.so\nmodule aubridge.so\nmodule srtp.so\n"
    "module_app account.so\nmodule_app menu.so\naudio_source aubridge,a\naudio_player aubridge,a\naudio_alert aubridge,a\n"
)


@pytest.mark.needs("baresip")
@pytest.mark.parametrize(
    ("transport", "how"),
    [
        ("udp", SHORT),
        ("tcp", SHORT),
        ("udp", Ringing(ring_s=15.0, hold_s=0.3, has_offer=False)),
        ("udp", Ringing(ring_s=15.0, hold_s=0.3, is_secure=True)),
    ],
    ids=["udp", "tcp", "without an offer", "srtp"],
)
def test_baresip_is_called_answers_and_is_hung_up(transport: str, how: Ringing, tmp_path: Path) -> None:
    async def run() -> None:
        async with a_stub() as stub:
            director = Director(stub.stub)
            (tmp_path / "config").write_text(BARESIP.format(modules=BARESIP_MODULES))
            more = ";mediaenc=srtp-mand" if how.is_secure else ""
            (tmp_path / "accounts").write_text(
                f"<sip:100@127.0.0.1:{stub.port(transport)};transport={transport}>;auth_pass={PASSWORD};regint=60;mwi=no"
                f";answermode=auto{more}\n"
            )
            async with a_program("baresip", "-f", str(tmp_path), home=tmp_path) as baresip:
                await stub.change(Change.CREATED, "100", transport)
                call = place(stub, director, how)
                await stub.until(lambda: call.state is CallState.ANSWERED)
                await stub.until(lambda: call.is_ended)
                assert (call.status, call.ended_by) == (200, "BYE of the stub"), baresip.output[-2000:]
                await stub.until(
                    lambda: [one for one in stub.messages(inbound=True, starts=b"SIP/2.0 200") if b" BYE\r\n" in one.data]
                )
            assert stub.stub.core.counts.malformed == 0

    asyncio.run(run())


@pytest.mark.needs("baresip")
def test_baresip_rings_and_is_given_up(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_stub() as stub:
            director = Director(stub.stub)
            (tmp_path / "config").write_text(BARESIP.format(modules=BARESIP_MODULES))
            (tmp_path / "accounts").write_text(
                f"<sip:100@127.0.0.1:{stub.port('udp')};transport=udp>;auth_pass={PASSWORD};regint=60;mwi=no\n"
            )
            async with a_program("baresip", "-f", str(tmp_path), home=tmp_path):
                await stub.change(Change.CREATED, "100", "udp")
                call = place(stub, director, Ringing(ring_s=15.0))
                await stub.until(lambda: call.state is CallState.RINGING)
                director.close(stub.server.now)
                stub.server.burst_ended()
                await stub.until(lambda: call.is_ended)
                assert (call.status, call.ended_by) == (487, "cancelled")

    asyncio.run(run())


@pytest.mark.needs("sipp")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("name", "ended_by", "digits"),
    [
        ("call_and_digit", "BYE of the phone", 1),
        ("call_with_prack", "BYE of the phone", 0),
        ("call_cancelled", "CANCEL of the phone", 0),
        ("hung_up_by_the_stub", "BYE of the stub", 0),
    ],
)
def test_sipp_calls_the_answering_machine(name: str, ended_by: str, digits: int, transport: str, tmp_path: Path) -> None:
    users = tmp_path / "users.csv"
    users.write_text(f"SEQUENTIAL\n101;[authentication username=101 password={PASSWORD}]\n")

    async def run() -> None:
        async with a_stub() as stub:
            director = Director(stub.stub)
            director.calls.ring_s = 15.0 if name == "call_cancelled" else 0.05
            director.calls.talk_s = 0.3 if name == "hung_up_by_the_stub" else 15.0
            director.expect_call(director.aor("101"), stub.server.now)
            command = ("sipp", "-sf", str(FOLDER / f"{name}.xml"), "-inf", str(users), "-t", SIPP_TRANSPORT[transport])
            command += ("-p", str(free_port()), *OPTIONS, "-trace_err", "-error_file", "errors.txt")
            port = stub.port(transport)
            command += ("-auth_uri", f"100@127.0.0.1:{port}", f"127.0.0.1:{port}")
            async with a_program(*command, home=tmp_path) as sipp:
                errors = tmp_path / "errors.txt"
                assert await sipp.ends() == 0, errors.read_text() if errors.exists() else sipp.output[-2000:]
            acts = director.acts.all()
            assert [act.what for act in acts if act.kind is Stimulus.CALL_OUT] == [f"call from the phone: {ended_by}"]
            assert sum(act.kind is Stimulus.DIGIT for act in acts) == digits
            assert director.calls.open == []

    asyncio.run(run())


def test_every_scenario_is_called() -> None:
    assert {path.stem for path in FOLDER.glob("*.xml")} == {
        "call_and_digit",
        "call_with_prack",
        "call_cancelled",
        "hung_up_by_the_stub",
    }
