"""The process of an SBC ends with calls and registrations up, and is started again: what phones and the far side see of it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import socket
from pathlib import Path

import pytest
from ports import free_port
from real_phones import a_baresip
from sbc_clients_bench import Sipp, a_sipp, all_end_well
from sbc_process import SbcProcess, an_sbc_process
from sbc_text import sbc_text
from sip_running import PASSWORD, a_stub
from sipp_parts import asks, calls, invites, is_refused, registers
from sipp_script import Part, called

REGISTERED_S = 4
"Phones register again after nine tenths of this."
HOSTS = {"a": "127.0.0.2", "b": "127.0.0.3", "102": "127.0.0.4"}
LONGEST_S = 60
"Of a call, which has to outlive the start of a process on a busy machine."
IS_UP = "is-up"
CALL_PORTS = 4
"Of RTP and RTCP, on both legs."


def the_site(registrar: int, ports: dict[str, int]) -> str:
    """Return phones that register elsewhere and call each other, and two servers: b is called by 2 and more, a calls."""
    groups: dict[str, dict[str, object]] = {"phones": {"Type": "user"}, "pbx": {"proxies": [f"127.0.0.1:{registrar}"]}}
    groups |= {name: {"proxies": [f"{HOSTS[name]}:{ports[name]}"]} for name in ("a", "b")}
    routes = (
        {"RequestType": "register", "DestIPGroupName": "pbx"},
        {"DestUsernamePrefix": "2*", "DestIPGroupName": "b"},
        {"DestIPGroupName": "phones"},
    )
    values = {"SBCUserRegistrationTime": REGISTERED_S, "SBCRandomizeExpires": 0, "SBCKeepOriginalCallId": 1}
    return sbc_text(values, groups, routes, ({"SrcIPGroupName": "phones"},))


def woken() -> list[Part]:
    """Say that the call is up, and wait in it for a word of the test."""
    told = f'  <nop>\n    <action>\n      <exec command="touch {IS_UP}"/>\n    </action>\n  </nop>\n'
    return [told, '  <recv request="MESSAGE"/>\n']


def wake(call_id: str, host: str, port: int) -> None:
    """Say it to a SIPp."""
    head = f"MESSAGE sip:{host} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK-now\r\nMax-Forwards: 1\r\n"
    head += f"From: <sip:test@127.0.0.1>;tag=now\r\nTo: <sip:{host}>\r\nCall-ID: {call_id}\r\nCSeq: 999 MESSAGE\r\n"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(f"{head}Content-Length: 0\r\n\r\n".encode(), (host, port))


async def restarted(folder: Path, number: signal.Signals) -> None:
    """Play it all with one signal."""
    folder.mkdir()
    ports = {name: free_port(host) for name, host in HOSTS.items()}
    async with a_stub() as registrar, contextlib.AsyncExitStack() as running:
        text = the_site(registrar.port("udp"), ports)
        sbc = await running.enter_async_context(an_sbc_process(folder, free_port(), text))

        turns = itertools.count()

        async def sipp(name: str, at: str, *parts: Part) -> Sipp:
            home = folder / f"{name}-{next(turns)}"
            home.mkdir()
            made = a_sipp(home, name, HOSTS[at], ports[at], sbc.port, *parts, more=("-ap", PASSWORD), lasts_s=LONGEST_S)
            return await running.enter_async_context(made)

        one = await running.enter_async_context(a_baresip(folder / "100", "100", sbc.port))
        two = await running.enter_async_context(a_baresip(folder / "101", "101", sbc.port, transport="tcp"))
        for phone in (one, two):
            await phone.registers()
        await (await sipp("102", "102", *registers())).ends_well()
        gone = [*woken(), *asks("UPDATE", status=481)]
        b = await sipp("b", "b", *called(""), *woken(), *asks("BYE", status=481))
        a = await sipp("a", "a", *calls(), *gone)
        await one.tell("dial", f"sip:101@127.0.0.1:{sbc.port}")
        await one.says("CALL_RTPESTAB")
        await sbc.until(lambda sbc: len(sbc.udp_ports) == 1 + 2 * CALL_PORTS)
        await sbc.until(lambda _: all((one.home / IS_UP).exists() for one in (a, b)))
        # it ends, and is started again
        two.program.process.send_signal(signal.SIGSTOP)  # over TCP, a REGISTER that is refused waits half a minute
        assert await sbc.end(number) == (0 if number is signal.SIGTERM else -signal.SIGKILL)
        before = {phone: phone.events.count("REGISTER_OK") for phone in (one, two)}
        await sbc.start()
        assert sbc.udp_ports == {sbc.port}, "it knows of no call"
        await unknown_now(sbc, a, b, ports)
        a = await sipp("a", "a", *invites("sip:102@[remote_ip]:[remote_port]"), *is_refused(404))
        await a.ends_well()  # who does not register again is not there
        two.program.process.send_signal(signal.SIGCONT)
        for phone, times in before.items():
            await phone.says("REGISTER_OK", times=times + 1)
        await two.tell("hangup")
        await one.tell("hold")
        await one.says("CALL_CLOSED")
        await two.says("CALL_CLOSED")
        a = await sipp("a", "a", *calls(uri="sip:100@[remote_ip]:[remote_port]"), *asks("BYE"))
        await a.ends_well()
        await one.says("CALL_CLOSED", times=2)
        await sbc.is_free()


async def unknown_now(sbc: SbcProcess, a: Sipp, b: Sipp, ports: dict[str, int]) -> None:
    """Have both ends of a call from before ask something: 481."""
    call_id = f"1-{a.program.process.pid}-a"
    for name in ("a", "b"):
        wake(call_id, HOSTS[name], ports[name])
    await all_end_well(a, b)


@pytest.mark.needs("sipp", "baresip")
def test_calls_are_unknown_after_a_restart_and_phones_come_back(tmp_path: Path) -> None:
    """Killed or told to end, side by side; real time by nature: a phone registers again when it is time for it."""

    async def run() -> None:
        numbers = (signal.SIGKILL, signal.SIGTERM)
        await asyncio.gather(*(restarted(tmp_path / number.name, number) for number in numbers))

    asyncio.run(run())
