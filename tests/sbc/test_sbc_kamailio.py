"""Phones behind the SBC, Kamailio as the far registrar and proxy: nothing of it knows where the phones are."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from kamailio_server import HOST, PASSWORD, kamailio
from phone_wire import T46G, settings
from sbc_served import a_served_sbc
from sbc_world import a_site

from sipstub.phone.agent.event import CallChanged, CallState
from sipstub.phone.agent.incoming import Answering
from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.memory import PhoneMemory
from sipstub.phone.net.running import RunningPhone, RunOptions
from sipstub.phone.virtual import Phone
from sipstub.sbc.site import Site

PATIENCE_S = 15.0
SBC_HOST = "127.0.0.1"


def a_phone(mac: str, user: str, port: int, transport: str = "0", **options: object) -> RunningPhone:
    """Return a phone whose server is the SBC; the password is that of Kamailio."""
    changes = {
        "account.1.user_name": user,
        "account.1.auth_name": f"auth-{user}",
        "account.1.password": PASSWORD,
        "account.1.sip_server.1.address": SBC_HOST,
        "account.1.sip_server.1.port": str(port),
        "account.1.sip_server.1.transport_type": transport,
        "account.1.reg_fail_retry_interval": "1",
    }
    phone = Phone(PhoneIdentity.of(mac, T46G), memory=PhoneMemory(effective=settings(changes)))
    return RunningPhone(phone, None, RunOptions(seed=int(mac[-2:], 16), **options))  # type: ignore[arg-type]


def a_site_before(port: int) -> Site:
    """Return a site of phones and a Kamailio."""
    groups = {
        "phones": {"Type": "user", "profile": {"SBCSessionExpiresMode": 3}},
        "pbx": {"proxies": [f"{HOST}:{port}"]},
    }
    routes = ({"SrcIPGroupName": "phones", "DestIPGroupName": "pbx"}, {"SrcIPGroupName": "pbx", "DestIPGroupName": "phones"})
    return a_site({}, groups, routes, ({"SrcIPGroupName": "phones"},))


def states(running: RunningPhone) -> list[CallState]:
    """Return how its calls went."""
    return [event.state for event in running.events if isinstance(event, CallChanged)]


@pytest.mark.needs("kamailio")
@pytest.mark.parametrize("transport", ["0", "1"], ids=["udp", "tcp"])
def test_phones_register_at_kamailio_and_call_each_other_through_the_sbc(transport: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with contextlib.AsyncExitStack() as running:
            server = await running.enter_async_context(kamailio(tmp_path))
            sbc, _, port = await running.enter_async_context(a_served_sbc(a_site_before(server.port)))
            caller = a_phone("001565aa0003", "1003", port, transport)
            callee = a_phone("001565aa0004", "1004", port, transport, answering=Answering.ANSWER)
            for phone in (caller, callee):
                await running.enter_async_context(phone)
                assert await phone.registered(PATIENCE_S)
            assert len(sbc.users) == 2
            assert caller.agent is not None
            call = caller.agent.call(1, "1004", caller.now)
            caller.settle()
            assert call is not None
            assert await caller.until(lambda: call.state is CallState.ANSWERED, PATIENCE_S)
            assert await callee.until(lambda: CallState.ANSWERED in states(callee), PATIENCE_S)
            assert len(sbc.relays) == 2 and sbc.dialogs == 4, "one call to Kamailio, and one of it to the other phone"
            call.hang_up(caller.now)
            caller.settle()
            assert await callee.until(lambda: CallState.ENDED in states(callee), PATIENCE_S)
            assert await callee.until(lambda: not sbc.relays and sbc.dialogs == 0, PATIENCE_S)
            assert await caller.leave(PATIENCE_S)
            assert await callee.until(lambda: len(sbc.users) == 1, PATIENCE_S)

    asyncio.run(scenario())
