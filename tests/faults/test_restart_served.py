"""The SIP process of `provisioner serve` dies in the middle of many registrations: bindings are there again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from runtime_folder import Folder, Running, until

from bench.sip_draft import Sender
from bench.sip_peer import Peer, StreamPeer

USERS = 12
KILLS = 2
BETWEEN = 20
"Registrations between two kills."
KEPT_S = 1.0
"What was granted so long before a kill is on the disk,"
SLOW_S = 2.0
"give or take what a busy machine needs to write it."
REALM = "provisioner"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Running]:
    folder = Folder(tmp_path)
    for number in range(USERS):
        folder.phone(f"p{number}", f"0015650001{number:02x}", "T42G", "office", str(500 + number))
    running = Running(folder, "--sip", "127.0.0.1:0", "--http", "off", "--tftp", "off")
    yield running
    running.kill()


def sip_pid(server: Running, before: int = 0) -> int:
    """Return the SIP process: with HTTP and TFTP off it is started between the loader and that for people."""
    children = list(server.children())
    return children[1] if not before else children[-1]


def a_sender(peer: Peer, server: Running, number: int, mark: str) -> Sender:
    target = f"127.0.0.1:{server.facts['sip']['port']}"
    return Sender(str(500 + number), f"pass-{500 + number}", REALM, peer.host, peer.port, target, peer.transport, mark=mark)


def register(peer: Peer, sender: Sender, contact: str, expires: int = 600) -> float:
    """Register, and return when it was granted."""
    for _ in range(3):
        response = peer.ask(bytes(sender.draft(contact=contact, expires=expires)))
        if response.status != 401:
            break
        sender.take(response.www_authenticate[0])
    assert response.status == 200, bytes(response)
    return time.monotonic()


def listed(peer: Peer, sender: Sender) -> str:
    """Return what the registrar says is bound."""
    draft = sender.draft()
    asking = type(draft)(draft.start, tuple(line for line in draft.lines if not line.startswith((b"Contact", b"Expires"))))
    response = peer.ask(bytes(asking))
    if response.status == 401:
        sender.take(response.www_authenticate[0])
        return listed(peer, sender)
    assert response.status == 200
    return " ".join(response.headers.lines("contact"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_a_process_that_dies_in_the_middle_of_registrations_loses_no_binding_that_was_written(
    number: signal.Signals, served: Running
) -> None:
    granted: dict[str, tuple[int, float]] = {}
    kills: list[float] = []
    pid = sip_pid(served)
    with Peer("127.0.0.1", served.facts["sip"]["port"]) as peer:
        senders = [a_sender(peer, served, user, f"k{user}-") for user in range(USERS)]
        for kill in range(KILLS + 1):
            for at in range(BETWEEN):
                user, port = (kill * BETWEEN + at) % USERS, 20_000 + kill * 1000 + at
                contact = f"<sip:{senders[user].user}@127.0.0.1:{port}>"
                granted[f":{port}>"] = user, register(peer, senders[user], contact)
            if kill < KILLS:
                if number is signal.SIGKILL:  # all but what follows is older than a second then
                    last = max(at for _, at in granted.values())
                    until(lambda last=last: time.monotonic() > last + KEPT_S + SLOW_S)
                for at in range(3):
                    register(peer, senders[at], f"<sip:{senders[at].user}@127.0.0.1:{30_000 + kill}>")
                kills.append(time.monotonic())
                os.kill(pid, number)
                old, pid = pid, 0
                until(lambda old=old: old not in served.children() and len(served.children()) >= 3, 40)
                pid = list(served.children())[-1]
        found = [listed(peer, sender) for sender in senders]
    lost = [port for port, (user, _) in granted.items() if port not in found[user]]
    assert lost == []
    if number is signal.SIGTERM:
        assert all(f":{30_000 + kill}>" in found[user] for kill in range(KILLS) for user in range(3))
    assert len(kills) == KILLS and served.log.read_text().count("sip ended") == KILLS


@pytest.mark.parametrize("kind", [Peer, StreamPeer], ids=["udp", "tcp"])
def test_a_registered_phone_refreshes_at_once_after_a_kill_and_is_asked_once_more(
    kind: Callable[..., Peer], served: Running
) -> None:
    port = served.facts["sip"]["port"]
    with kind("127.0.0.1", port) as peer:
        sender = a_sender(peer, served, 0, "r-")
        register(peer, sender, "<sip:500@127.0.0.1:9>")
        nonce = sender.challenge
        pid = sip_pid(served)
        os.kill(pid, signal.SIGKILL)
        until(lambda: pid not in served.children())
    with kind("127.0.0.1", port) as peer:  # the connection went with the process
        sender.port = peer.port
        register(peer, sender, "<sip:500@127.0.0.1:9>")
        assert sender.challenge != nonce and sender.challenge.is_stale, "no user has to type a password"
        assert ":9>" in listed(peer, sender)
