"""Spoilt messages and floods through real sockets: nothing is left open, nobody else waits, and the next phone registers."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import random
import threading
from pathlib import Path

import pytest
from sip_running import PASSWORD, REALM, Running, a_stub

from bench.sip_anomaly import anomalies, sample, spoil
from bench.sip_draft import KINDS, Sender
from bench.sip_flood_source import flood
from bench.sip_peer import Peer, StreamPeer
from sipstub.net.limits import STREAM_LIMITS
from sipstub.registrar.failures import HOST_FAILURES
from sipstub.registrar.reason import Why

USERS = tuple(str(number) for number in range(100, 130))
EACH = 130
"Of each kind of message, over each transport."
BATCH = 13
STRANGERS = 1_200
BRIEF = dataclasses.replace(STREAM_LIMITS, first_message_s=5.0, message_s=5.0)


def descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def register(peer: Peer, sender: Sender) -> list[int]:
    """Register and leave, and return the answers."""
    sender.challenge = None
    sender.take(peer.ask(bytes(sender.draft())).www_authenticate[0])
    return [peer.ask(bytes(sender.draft(**more))).status for more in ({}, {"contact": "*", "expires": 0})]  # type: ignore[arg-type]


def a_sender(peer: Peer, port: int, user: str, mark: str) -> Sender:
    return Sender(user, PASSWORD, REALM, peer.host, peer.port, f"127.0.0.1:{port}", peer.transport, mark=mark)


def throw(transport: str, port: int) -> dict[int, int]:
    """Send a sample of all faults, and return how often each status came."""
    found: dict[int, int] = {}
    for kind in KINDS:
        shape = Sender("1", "x", REALM, "127.0.0.1", 1, "127.0.0.1:1").draft(kind)
        chosen = list(sample(anomalies(shape), EACH, random.Random(f"{transport} {kind}")))
        for number in range(0, EACH, BATCH):
            host = f"127.44.{len(transport + kind)}.{1 + number // BATCH}"
            with (Peer if transport == "UDP" else StreamPeer)(host, port) as peer:
                sender = a_sender(peer, port, USERS[number // BATCH], f"{transport}{kind}{number}-")
                assert register(peer, sender) in ([200, 200], [403, 200])
                for anomaly in chosen[number : number + BATCH]:
                    peer.send_spoilt(spoil(sender.draft(kind), anomaly))
                peer.barrier(sender.mark)
                for status, count in peer.statuses.items():
                    found[status] = found.get(status, 0) + count
    return found


async def served(transport: str, stub: Running) -> dict[int, int]:
    troubles: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: troubles.append(context))
    found = await asyncio.to_thread(throw, transport, stub.port("udp" if transport == "UDP" else "tcp"))
    assert troubles == []
    return found


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_spoilt_messages_over_sockets_leave_nothing_open(transport: str) -> None:
    async def run() -> None:
        async with a_stub(names=USERS, limits=BRIEF) as stub:
            await asyncio.to_thread(lambda: None)  # the thread that sends is there before anything is counted
            before, tasks = descriptors(), len(asyncio.all_tasks())
            found = await served(transport, stub)
            assert found.keys() >= {200, 400, 401, 480}
            await stub.until(lambda: not len(stub.server.streams))
            assert descriptors() == before
            assert len(asyncio.all_tasks()) == tasks

            def last() -> list[int]:
                with Peer("127.44.99.1", stub.port("udp")) as peer:
                    return register(peer, a_sender(peer, stub.port("udp"), "129", "last"))

            assert await asyncio.to_thread(last) == [200, 200]

    asyncio.run(run())


def test_a_flood_of_strangers_over_sockets_is_limited_journalled_and_no_bother_to_a_phone() -> None:
    async def run() -> None:
        async with a_stub(names=USERS) as stub:
            port = stub.port("udp")
            is_over = threading.Event()

            def phone() -> set[int]:
                with Peer("127.44.98.1", port) as peer:
                    sender = a_sender(peer, port, "100", "phone")
                    statuses = set()
                    while not is_over.is_set() or not statuses:
                        sender.challenge = None
                        sender.take(peer.ask(bytes(sender.draft())).www_authenticate[0])
                        statuses.add(peer.ask(bytes(sender.draft())).status)
                    return statuses

            refreshing = asyncio.create_task(asyncio.to_thread(phone))
            said = await asyncio.to_thread(flood, port, 0, STRANGERS)
            is_over.set()
            assert await refreshing == {200}
            assert said["answered"] == STRANGERS
            assert set(said["statuses"]) == {401}  # type: ignore[call-overload]
            guesses = [one for one in stub.refusals if one.why is Why.WRONG_CREDENTIALS]
            assert len(guesses) == STRANGERS // 4
            assert {change.binding.aor.partition("@")[0] for change in stub.changes} == {"sip:100"}
            assert stub.stub.registrar.location.aors == 1

    asyncio.run(run())


def test_one_host_that_guesses_for_ever_leaves_a_bounded_number_of_lines() -> None:
    def guess(port: int) -> set[int]:
        statuses = set()
        with Peer("127.44.97.1", port) as peer:
            for number in range(HOST_FAILURES + 60):
                sender = Sender(f"s{number}", "guess", REALM, peer.host, peer.port, f"127.0.0.1:{port}", mark=f"s{number}-")
                sender.take(peer.ask(bytes(sender.draft())).www_authenticate[0])
                statuses.add(peer.ask(bytes(sender.draft())).status)
        return statuses

    async def run() -> None:
        async with a_stub() as stub:
            assert await asyncio.to_thread(guess, stub.port("udp")) == {401, 403}
            assert HOST_FAILURES <= len(stub.refusals) <= HOST_FAILURES + 2

    asyncio.run(run())


def test_a_stream_that_was_broken_leaves_nothing_for_the_garbage_collector_but_its_socket() -> None:
    def talk(port: int) -> None:
        for number in range(20):
            with StreamPeer(f"127.44.96.{1 + number}", port) as peer:
                peer.send_spoilt(b"garbage " * 4_000 + b"\r\n\r\n")

    async def run() -> None:
        async with a_stub() as stub:
            await asyncio.to_thread(talk, stub.port("tcp"))
            await stub.until(lambda: not len(stub.server.streams))

    gc.collect()
    gc.disable()
    try:
        asyncio.run(run())
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = {type(one).__name__ for one in gc.garbage}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert not kinds & {"StreamConnection", "StreamFramer", "SipError", "frame", "traceback"}
