"""Spoilt REGISTERs, INVITEs and SUBSCRIBEs at a running server: it goes on, and has afterwards what it had before.

    python -m bench sip_fuzz          (`make fuzz`)

The faults that `sip_anomaly` knows go over UDP and over TCP to `provisioner serve --sip`, in five rounds with different seeds.
A good OPTIONS behind each few messages has to be answered, and a phone registers and leaves before each of them.  After each
round it is quiet until all transactions are over; memory and descriptors after the last are those after the one before, when
the recorder and the caches, which are bounded, were full already: each round adds less, as the detail shows.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.line import Line
from bench.sip_anomaly import Anomaly, anomalies, spoil
from bench.sip_draft import KINDS, Sender
from bench.sip_peer import Peer, Silent, StreamPeer
from bench.sip_served import REALM, Served, password_of, user_of

USERS = 40
HOSTS = 4
"Of each transport; few, so that the recorder has as much of each as it keeps after the first round."
BATCH = 25
"Messages of one sender: then another user goes on, since wrong digests are not listened to for long."
EACH = 3_500
"Faults of each kind of message over each transport, in each round: half of all that there are."
STRANGERS = 17_000
"First, from as many ports: what is kept of addresses and of URIs is full before anything is counted."
ROUNDS = 5
QUIET_S = 45.0
"Longer than 64 * T1."
DRIFT = 0.05


@dataclass
class Told:
    """What came of a round."""

    sent: int = 0
    registered: int = 0
    problems: list[str] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)


def run(quiet_s: float = QUIET_S, each: int = EACH) -> list[Line]:
    """Return what was sent, and what changed by it."""
    told = Told()
    with Served(USERS) as served:
        seen = []
        _fill(served)
        for seed in range(1, ROUNDS + 1):
            for transport in ("UDP", "TCP"):
                _round(served, transport, random.Random(seed), told, each)
            time.sleep(quiet_s)
            seen.append((served.memory_kb(), served.descriptors()))
        is_alive, trouble = served.is_alive, served.trouble()
        last = _good(served, told)
    memory, descriptors = (after / before for before, after in zip(*seen[-2:], strict=True))
    answers = ", ".join(f"{count} x {status}" for status, count in sorted(told.statuses.items()))
    problems = told.problems + trouble
    detail = "MB after each: " + ", ".join(f"{kilobytes / 1024:.1f}" for kilobytes, _ in seen)
    return [
        Line("spoilt messages sent", told.sent, "", ">= 20000", told.sent >= 20_000, answers),
        Line("phones that registered in between", told.registered, "", "", True),
        Line("hangs, silence, tracebacks", len(problems), "", "<= 0", not problems, "; ".join(problems[:3])),
        Line("the SIP process lives, and a phone registers", float(is_alive and last), "", ">= 1", is_alive and last),
        Line("memory after the last round, to the one before", memory, "x", f"<= {1 + DRIFT:g}", memory <= 1 + DRIFT, detail),
        Line("descriptors likewise", descriptors, "x", "<= 1", descriptors <= 1, ", ".join(str(count) for _, count in seen)),
    ]


def _fill(served: Served) -> None:
    for number in range(STRANGERS):
        with Peer(f"127.77.0.{1 + number % HOSTS}", served.port) as peer:
            user, target = f"s{number}", f"127.0.0.1:{served.port}"
            peer.ask(bytes(Sender(user, "", REALM, peer.host, peer.port, target, mark=user).draft()))


def _round(served: Served, transport: str, source: random.Random, told: Told, each: int) -> None:
    for kind in KINDS:
        shape = Sender("1", "x", REALM, "127.0.0.1", 1, "127.0.0.1:1").draft(kind)
        found = anomalies(shape)
        source.shuffle(found)
        batches = [found[at : at + BATCH] for at in range(0, len(found[:each]), BATCH)]
        for number, batch in enumerate(batches):
            host = f"127.77.{0 if transport == 'UDP' else 1}.{1 + number % HOSTS}"
            user = number % USERS
            mark = f"{transport[0]}{kind[0]}{number}-{source.getrandbits(24):x}-"
            try:
                _batch(served, transport, kind, host, user, mark, batch, told)
            except (Silent, OSError) as error:
                told.problems.append(f"{transport} {kind} {number}: {error}")
                if len(told.problems) > 5 or not served.is_alive:
                    return


def _batch(served: Served, transport: str, kind: str, host: str, user: int, mark: str, batch: list[Anomaly], told: Told) -> None:
    with (Peer if transport == "UDP" else StreamPeer)(host, served.port) as peer:
        sender = Sender(
            user_of(user), password_of(user), REALM, host, peer.port, f"127.0.0.1:{served.port}", transport, mark=mark
        )
        told.registered += _register(peer, sender) or _register_elsewhere(served, user, mark)
        for data in _spoilt(sender, kind, batch):
            peer.send_spoilt(data)
            told.sent += 1
        peer.barrier(mark)
        _count(peer, told)


def _spoilt(sender: Sender, kind: str, batch: list[Anomaly]) -> Iterator[bytes]:
    for anomaly in batch:
        yield spoil(sender.draft(kind), anomaly)


def _register(peer: Peer, sender: Sender) -> int:
    """Register, and leave again; return 1 when both were granted, 0 where this host is not listened to for that user any more."""
    sender.challenge = None
    sender.take(peer.ask(bytes(sender.draft())).www_authenticate[0])
    statuses = [peer.ask(bytes(sender.draft())).status, peer.ask(bytes(sender.draft(contact="*", expires=0))).status]
    if statuses == [403, 403]:
        return 0
    if statuses not in ([200, 200], [403, 200]):  # 403: spoilt contacts of others took all places of that user
        raise Silent(f"a good phone was answered {statuses}")
    return 1


def _register_elsewhere(served: Served, user: int, mark: str) -> int:
    """Let the user register from a host that never gave a wrong digest."""
    with Peer("127.77.9.8", served.port) as peer:
        target = f"127.0.0.1:{served.port}"
        sender = Sender(user_of(user), password_of(user), REALM, peer.host, peer.port, target, mark=mark + "b-")
        if not _register(peer, sender):
            raise Silent("a good phone was shut out for what another host did")
    return 1


def _count(peer: Peer, told: Told) -> None:
    for status, count in peer.statuses.items():
        told.statuses[status] = told.statuses.get(status, 0) + count


def _good(served: Served, told: Told) -> bool:
    try:
        with Peer("127.77.9.9", served.port) as peer:
            sender = Sender(user_of(0), password_of(0), REALM, "127.77.9.9", peer.port, f"127.0.0.1:{served.port}", mark="last")
            return bool(_register(peer, sender))
    except (TimeoutError, Silent, OSError) as error:
        told.problems.append(f"the last phone: {error}")
        return False
