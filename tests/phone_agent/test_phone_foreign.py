"""The phone is honest towards foreign code: Kamailio as its registrar and proxy."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from kamailio_server import HOST, PASSWORD, kamailio
from phone_wire import T46G, settings

from sipstub.net.certificate import keep_certificates
from sipstub.phone.agent.event import CallChanged, CallState, Registered, Unregistered
from sipstub.phone.agent.incoming import Answering
from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.memory import PhoneMemory
from sipstub.phone.net.running import RunningPhone, RunOptions
from sipstub.phone.virtual import Phone
from sipstub.sip.message import Request, Response
from sipstub.trace.record import Recorder

PATIENCE_S = 15.0


def a_running(mac: str, changes: dict[str, str], **options: object) -> RunningPhone:
    identity = PhoneIdentity.of(mac, T46G)
    phone = Phone(identity, memory=PhoneMemory(effective=settings(changes)))
    return RunningPhone(phone, None, RunOptions(seed=int(mac[-2:], 16), recorder=Recorder(), **options))  # type: ignore[arg-type]


def at(port: int, user: str = "1001", **more: str) -> dict[str, str]:
    return {
        "account.1.user_name": user,
        "account.1.auth_name": f"auth-{user}",
        "account.1.password": PASSWORD,
        "account.1.sip_server.1.address": HOST,
        "account.1.sip_server.1.port": str(port),
        "account.1.reg_fail_retry_interval": "1",
        **{f"account.1.{name}".replace("__", "."): value for name, value in more.items()},
    }


def sent(running: RunningPhone, method: str) -> list[Request]:
    recorder = running.options.recorder
    assert recorder is not None
    found = [one.message for one in recorder.messages() if one.is_inbound]
    return [message for message in found if isinstance(message, Request) and message.method == method]


def statuses(running: RunningPhone) -> list[int]:
    recorder = running.options.recorder
    assert recorder is not None
    found = [one.message for one in recorder.messages() if not one.is_inbound]
    return [message.status for message in found if isinstance(message, Response)]


@pytest.mark.needs("kamailio")
@pytest.mark.parametrize("transport", ["0", "1", "2"], ids=["udp", "tcp", "tls"])
def test_the_phone_registers_at_kamailio_and_leaves(transport: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        certificate = keep_certificates(tmp_path, (HOST,), now=time.time()).server if transport == "2" else None
        async with kamailio(tmp_path, certificate=certificate) as server:
            port = server.tls_port if transport == "2" else server.port
            async with a_running("001565aa0001", at(port, sip_server__1__transport_type=transport)) as running:
                assert await running.registered(PATIENCE_S)
                assert await running.leave(PATIENCE_S)
                assert [type(event) for event in running.events if not hasattr(event, "status")] == [Registered, Unregistered]
                assert statuses(running)[-3:] == [401, 200, 200]
                kinds = {one.peer.transport for one in running.options.recorder.messages()}  # type: ignore[union-attr]
                assert kinds == {("udp", "tcp", "tls")[int(transport)]}

    asyncio.run(scenario())


@pytest.mark.needs("kamailio")
def test_the_phone_takes_the_shorter_time_that_kamailio_grants(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            kamailio(tmp_path, max_expires=2) as server,
            a_running("001565aa0002", at(server.port, sip_server__1__expires="3600")) as running,
        ):
            assert await running.until(lambda: sum(isinstance(event, Registered) for event in running.events) >= 3, PATIENCE_S)
            renewals = [event for event in running.events if isinstance(event, Registered)]
            assert [(event.granted_s, event.is_renewal) for event in renewals[:3]] == [(2, False), (2, True), (2, True)]

    asyncio.run(scenario())


@pytest.mark.needs("kamailio")
def test_one_phone_calls_another_through_kamailio(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with kamailio(tmp_path) as server:
            callee = a_running("001565aa0004", at(server.port, "1004"), answering=Answering.ANSWER)
            async with a_running("001565aa0003", at(server.port, "1003")) as caller, callee:
                assert await caller.registered(PATIENCE_S) and await callee.registered(PATIENCE_S)
                assert caller.agent is not None
                call = caller.agent.call(1, "1004", caller.now)
                caller.settle()
                assert call is not None
                assert await caller.until(lambda: call.state is CallState.ANSWERED, PATIENCE_S)
                assert await callee.until(lambda: CallState.ANSWERED in ends(callee), PATIENCE_S)
                call.hang_up(caller.now)
                caller.settle()
                assert await callee.until(lambda: CallState.ENDED in ends(callee), PATIENCE_S)
                assert [request.method for request in sent(caller, "BYE")] == ["BYE"]

    asyncio.run(scenario())


def ends(running: RunningPhone) -> list[CallState]:
    return [event.state for event in running.events if isinstance(event, CallChanged)]
