"""Two Kamailios, of which one goes or never was: the virtual phone registers at the other, over UDP and TCP."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from kamailio_server import HOST, PASSWORD, kamailio
from phone_wire import T46G, settings

from sipstub.phone.agent.event import Registered
from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.memory import PhoneMemory
from sipstub.phone.net.running import RunningPhone, RunOptions
from sipstub.phone.virtual import Phone

PATIENCE_S = 40.0
WIRES = pytest.mark.parametrize("transport", ["0", "1"], ids=["udp", "tcp"])


@contextlib.contextmanager
def nobody() -> Iterator[int]:
    """Yield a port at which nobody answers over UDP, and nobody takes connections over TCP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, socket.socket() as closed:
        silent.bind((HOST, 0))
        closed.bind((HOST, silent.getsockname()[1]))
        yield int(silent.getsockname()[1])


def a_running(first: int, second: int, transport: str, **more: str) -> RunningPhone:
    changes = {
        "account.1.password": PASSWORD,
        "account.1.sip_server.1.address": HOST,
        "account.1.sip_server.1.port": str(first),
        "account.1.sip_server.1.transport_type": transport,
        "account.1.sip_server.1.retry_counts": "1",
        "account.1.sip_server.2.address": HOST,
        "account.1.sip_server.2.port": str(second),
        "account.1.sip_server.2.transport_type": transport,
        "account.1.reg_fail_retry_interval": "1",
        "account.1.fallback.redundancy_type": "1",
        "account.1.advanced.timer_t1": "0.1",
        "account.1.advanced.timer_t2": "0.2",
        **{f"account.1.{name}".replace("__", "."): value for name, value in more.items()},
    }
    mac = f"001565ab{random.Random(f'{transport}{first}').randrange(1 << 16):04x}"
    phone = Phone(PhoneIdentity.of(mac, T46G), memory=PhoneMemory(effective=settings(changes)))
    return RunningPhone(phone, None, RunOptions(seed=1))


def servers(running: RunningPhone) -> list[int]:
    return [event.server for event in running.events if isinstance(event, Registered)]


@pytest.mark.needs("kamailio")
@WIRES
def test_a_phone_whose_first_server_is_not_there_registers_at_the_second_kamailio(transport: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with kamailio(tmp_path) as server:
            with nobody() as silent:
                async with a_running(silent, server.port, transport) as running:
                    assert await running.until(lambda: servers(running) == [2], PATIENCE_S), running.events
                    assert await running.leave(PATIENCE_S)

    asyncio.run(scenario())


@pytest.mark.needs("kamailio")
@WIRES
def test_a_phone_goes_over_to_the_second_kamailio_when_the_first_ends(transport: str, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()

    async def scenario() -> None:
        async with contextlib.AsyncExitStack() as first, kamailio(tmp_path / "two", max_expires=2) as second:
            server = await first.enter_async_context(kamailio(tmp_path / "one", max_expires=2))
            async with a_running(server.port, second.port, transport) as running:
                assert await running.until(lambda: servers(running)[:1] == [1], PATIENCE_S)
                await first.aclose()
                assert await running.until(lambda: servers(running)[-1:] == [2], PATIENCE_S), running.events

    asyncio.run(scenario())
