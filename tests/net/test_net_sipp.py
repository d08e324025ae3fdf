"""Scenarios of SIPp, one file each under `sipp/`, and sipsak: clients that do what a phone should and what it should not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from foreign_phone import free_port
from sip_running import PASSWORD, a_program, a_stub

from sipstub.registrar.binding import Change
from sipstub.registrar.reason import Why

SCENARIOS = {
    # file: the reason in the journal, if it is refused
    "register": None,
    "register_and_unregister": None,
    "no_contact": None,
    "wrong_password": Why.WRONG_CREDENTIALS,
    "too_brief": Why.TOO_BRIEF,
    "star_with_expires": Why.STAR_WITHOUT_ZERO,
    "unknown_extension": Why.UNKNOWN_EXTENSION,
}
FOLDER = Path(__file__).parent / "sipp"
SIPP_TRANSPORT = {"udp": "u1", "tcp": "t1"}


def test_every_scenario_is_run() -> None:
    assert {path.stem for path in FOLDER.glob("*.xml")} == set(SCENARIOS)


@pytest.mark.needs("sipp")
@pytest.mark.parametrize("transport", SIPP_TRANSPORT)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_of_sipp_ends_as_it_should(name: str, transport: str, tmp_path: Path) -> None:
    password = "wrong" if name == "wrong_password" else PASSWORD
    users = tmp_path / "users.csv"
    users.write_text(f"SEQUENTIAL\n100;[authentication username=100 password={password}]\n")

    async def run() -> None:
        async with a_stub() as stub:
            command = ["sipp", "-sf", str(FOLDER / f"{name}.xml"), "-inf", str(users), "-t", SIPP_TRANSPORT[transport]]
            command += ["-i", "127.0.0.1", "-p", str(free_port()), "-m", "1", "-timeout", "15", "-timeout_error", "-nostdin"]
            command += ["-trace_err", "-error_file", "errors.txt", f"127.0.0.1:{stub.port(transport)}"]
            async with a_program(*command, home=tmp_path) as sipp:
                code = await sipp.ends()
            errors = tmp_path / "errors.txt"
            assert code == 0, errors.read_text() if errors.exists() else sipp.output[-2000:]
            assert {one.why for one in stub.refusals} == ({SCENARIOS[name]} - {None})
            kinds = [one.change for one in stub.changes]
            if name == "register_and_unregister":
                assert kinds == [Change.CREATED, Change.REFRESHED, Change.UNREGISTERED] or kinds == [
                    Change.CREATED,
                    Change.UNREGISTERED,
                ]
            else:
                assert kinds == ([Change.CREATED] if name == "register" else [])

    asyncio.run(run())


@pytest.mark.needs("sipsak")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_sipsak_gets_an_answer_to_options(transport: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with a_stub() as stub:
            command = ("sipsak", "-v", "-E", transport, "-s", f"sip:100@127.0.0.1:{stub.port(transport)}")
            async with a_program(*command, home=tmp_path) as sipsak:
                assert await sipsak.ends() == 0, sipsak.output
            assert [one.data.split(b"\r\n")[0] for one in stub.messages(inbound=False)] == [b"SIP/2.0 200 OK"]

    asyncio.run(run())


@pytest.mark.needs("sipsak")
def test_sipsak_registers_with_digest(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_stub() as stub:
            where = f"sip:100@127.0.0.1:{stub.port('udp')}"
            command = ("sipsak", "-U", "-C", "sip:100@127.0.0.1:5555", "-x", "60", "-u", "100", "-a", PASSWORD, "-s", where)
            async with a_program(*command, home=tmp_path) as sipsak:
                made = await stub.change(Change.CREATED, "100", "udp")
                assert await sipsak.ends() == 0, sipsak.output
            assert made.binding.contact == "sip:100@127.0.0.1:5555"

    asyncio.run(run())
