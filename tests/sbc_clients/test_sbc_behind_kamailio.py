"""SIPp phones registered at a Kamailio, which the SBC calls by an account of its own: forks and redirections of the far side."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from kamailio_server import HOST, PASSWORD, answers, kamailio
from ports import free_port
from sbc_clients_bench import Bench, Sipp, a_sipp, all_end_well, an_sbc
from sbc_text import sbc_text
from sipp_parts import asks, calls, hears, invites, is_called_and_says, is_refused, registers, rings_until_cancelled, second
from sipp_script import Part, called

from sipstub.sip.message import Response

pytestmark = pytest.mark.needs("sipp", "kamailio")
CALLER = "127.0.0.2"
HOSTS = {"first": "127.0.0.3", "second": "127.0.0.4", "third": "127.0.0.5"}
NUMBERS = {"first": "200", "second": "200", "third": "300"}
"The first two are phones of one user."


class FarSide:
    """A Kamailio with phones, and a SIPp that calls them through the SBC."""

    def __init__(self, folder: Path, bench: Bench, port: int, caller: int, running: contextlib.AsyncExitStack) -> None:
        self.bench = bench
        self.port = port
        self._folder = folder
        self._caller = caller
        self._running = running
        self._ports = {name: free_port(host) for name, host in HOSTS.items()}

    async def register(self, *names: str) -> None:
        """Have phones register, one after the other."""
        for name in names:
            await (await self._phone(f"{name}-registers", name, registers())).ends_well()

    async def play(self, caller: Iterable[Part], **phones: Iterable[Part]) -> None:
        """Have phones wait for calls, and the caller call."""
        sipps = [await self._phone(name, name, parts) for name, parts in phones.items()]
        a = a_sipp(self._folder, "a", CALLER, self._caller, self.bench.port(), *caller)
        await all_end_well(await self._running.enter_async_context(a), *sipps)

    async def _phone(self, folder: str, name: str, parts: Iterable[Part]) -> Sipp:
        home = self._folder / folder
        home.mkdir()
        made = [part.replace("[last_Call-ID:]", "[last_Record-Route:]\n        [last_Call-ID:]") for part in parts]
        secret = ("-ap", PASSWORD)
        sipp = a_sipp(home, NUMBERS[name], HOSTS[name], self._ports[name], self.port, *made, more=secret, server=HOST)
        return await self._running.enter_async_context(sipp)


@contextlib.asynccontextmanager
async def a_far_side(folder: Path, values: dict[str, int | str]) -> AsyncIterator[FarSide]:
    """Yield it; what comes from the caller's address goes to Kamailio, with the password of the group."""
    port, caller = free_port(HOST), free_port(CALLER)
    pbx = {"proxies": [f"{HOST}:{port}"], "AuthenticationMode": 1, "Username": "trunk", "Password": PASSWORD}
    groups = {"a": {"proxies": [f"{CALLER}:{caller}"]}, "pbx": pbx}
    text = sbc_text(values, groups, ({"DestIPGroupName": "pbx"},))
    async with an_sbc(text, folder) as bench, kamailio(folder, port=port, forks=True):
        await answers(port)
        async with contextlib.AsyncExitStack() as running:
            yield FarSide(folder, bench, port, caller, running)
            await bench.until(lambda: bench.is_free)


def told(bench: Bench, status: int) -> list[Response]:
    """Return all that the caller heard of this status."""
    said = [one.message for one in bench.recorder.messages() if not one.is_inbound and one.peer.host == CALLER]
    return [one for one in said if isinstance(one, Response) and one.status == status]


def thinks(parts: Iterable[Part]) -> list[Part]:
    """Return the parts of somebody who is called, and rings for a while before he picks up."""
    rung, ringing, *rest = parts
    return [rung, ringing, '  <pause milliseconds="300"/>\n', *rest]


@pytest.mark.parametrize("handling", [0, 1], ids=["the first fork", "each fork"])
def test_a_kamailio_that_forks_makes_one_call(handling: int, tmp_path: Path) -> None:
    """SBCForkingHandlingMode: both phones ring, the caller hears of one or of both, and talks to who picks up."""

    async def run() -> None:
        async with a_far_side(tmp_path, {"SBCForkingHandlingMode": handling}) as far:
            await far.register("first", "second")
            await far.play(
                [*calls(), *asks("BYE")],
                first=rings_until_cancelled(),
                second=[*thinks(called("")), *hears("BYE")],
            )
            assert len(told(far.bench, 180)) == 1 + handling
            heard = {one.to.tag for status in (180, 200) for one in told(far.bench, status) if one.cseq.method == "INVITE"}
            assert len(heard) == 1, "one To tag for all (SBCRemoteMultipleEarlyDialogs)"

    asyncio.run(run())


@pytest.mark.parametrize("behavior", [0, 1, 2], ids=["by the caller", "by the caller, marked", "by the SBC"])
def test_a_redirection_of_a_phone_behind_kamailio_is_followed(behavior: int, tmp_path: Path) -> None:
    """SBC3xxBehavior: the 302 names a phone at Kamailio's own address, which the caller reaches through the SBC alone."""

    async def run() -> None:
        async with a_far_side(tmp_path, {"SBC3xxBehavior": behavior}) as far:
            await far.register("first", "third")
            learns = '<ereg regexp="sip:[^&gt;]*" search_in="hdr" header="Contact:" assign_to="refer"/>'
            moved = [
                part.replace('<recv response="302"/>', f'<recv response="302">\n<action>{learns}</action>\n</recv>')
                for part in is_refused(302)
            ]
            follows = calls() if behavior == 2 else [*invites(), *moved, *second(calls(uri="[$refer]"))]
            goodbye = asks("BYE") if behavior == 2 else second(asks("BYE"))
            await far.play(
                [*follows, *goodbye],
                first=is_called_and_says("302 Moved Temporarily", f"Contact: <sip:300@{HOST}:{far.port}>"),
                third=[*called(""), *hears("BYE")],
            )
            redirected = [str(one.contacts.addresses[0].uri) for one in told(far.bench, 302)]
            own = f"sip:T~&R-_k1_300@127.0.0.1:{far.bench.port()};transport=udp"
            assert redirected == {0: [f"sip:300@{HOST}:{far.port}"], 1: [own], 2: []}[behavior]

    asyncio.run(run())
