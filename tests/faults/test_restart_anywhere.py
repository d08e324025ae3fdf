"""The registrar is started anew at any packet: bindings survive, phones come back, and what was granted before is not lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from faulty_wire import AOR, Keeper, Network, a_phone, a_stub
from phone_wire import START

from sipstub.phone.agent.event import MessagesWaiting, RegistrationFailed, Unregistered

PHONE = "127.0.0.9"
EXPIRES_S = 600
ENDINGS = pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "ended"])


def a_network(expires_s: int = EXPIRES_S, **changes: str) -> Network:
    settings = {f"account.1.{name}": value for name, value in changes.items()}
    settings["account.1.sip_server.1.expires"] = str(expires_s)
    store = Keeper()
    network = Network({PHONE: a_phone(PHONE, settings)}, a_stub(store), store=store)
    network.phones[PHONE].start(START)
    return network


def bindings(network: Network) -> int:
    assert network.stub is not None
    return len(network.stub.registrar.bindings(AOR, network.now))


def failures(network: Network) -> int:
    return sum(isinstance(event, RegistrationFailed) for event in network.events[PHONE])


def registering(network: Network, seconds: float) -> None:
    network.run(seconds)
    network.run(EXPIRES_S / 2 + 10)  # what was lost with the last second is made again by the next refresh
    assert network.phones[PHONE].is_registered and bindings(network) == 1 and failures(network) == 0


def leaving(network: Network, seconds: float) -> None:
    network.run(20.0)
    network.phones[PHONE].leave(network.now)
    network.run(60.0)
    assert isinstance(network.events[PHONE][-1], Unregistered) and failures(network) == 0
    network.run(EXPIRES_S)
    assert bindings(network) == 0


def subscribing(network: Network, seconds: float) -> None:
    network.run(seconds)
    network.run(EXPIRES_S * 2)
    assert network.stub is not None
    assert network.phones[PHONE].is_registered and bindings(network) == 1 and failures(network) == 0
    assert len(network.stub.others.notifier) == 1
    assert isinstance(network.events[PHONE][-1], MessagesWaiting) or any(
        isinstance(event, MessagesWaiting) for event in network.events[PHONE]
    )


CASES: tuple[tuple[Callable[[Network, float], None], dict[str, str]], ...] = (
    (registering, {}),
    (leaving, {}),
    (subscribing, {"subscribe_mwi": "1", "subscribe_mwi_expires": "300"}),
)


@ENDINGS
@pytest.mark.parametrize(("case", "changes"), CASES, ids=[case.__name__ for case, _ in CASES])
def test_a_restart_at_any_packet_is_survived(
    case: Callable[[Network, float], None], changes: dict[str, str], is_killed: bool
) -> None:
    whole = a_network(**changes)
    if case is leaving:
        case(whole, EXPIRES_S)
    assert whole.run(EXPIRES_S / 2 + 20).count > 4
    for number in range(whole.count):
        network = a_network(**changes)
        network.restarts = {number: is_killed}
        case(network, EXPIRES_S)


@ENDINGS
def test_restarts_at_every_few_packets_are_survived(is_killed: bool) -> None:
    for step in (2, 3, 5):
        network = a_network(subscribe_mwi="1", subscribe_mwi_expires="300")
        network.restarts = dict.fromkeys(range(0, 10_000, step), is_killed)
        network.run(EXPIRES_S * 5)
        network.restarts = {}
        network.run(EXPIRES_S * 2)
        assert network.phones[PHONE].is_registered and bindings(network) == 1


@ENDINGS
def test_what_was_granted_more_than_a_second_ago_is_there_at_once(is_killed: bool) -> None:
    network = a_network()
    network.run(1.1)
    assert bindings(network) == 1
    network.restarts = {network.count: is_killed}
    refresh = list(network.stub.registrar.bindings(AOR, network.now))  # type: ignore[union-attr]
    network.run(EXPIRES_S / 2 - 0.5)
    assert network.stub is not None
    after = network.stub.registrar.bindings(AOR, network.now)
    assert [one.id for one in after] == [one.id for one in refresh]
    assert after[0].cseq >= refresh[0].cseq


def test_a_clean_end_loses_nothing_and_a_kill_at_most_the_last_second() -> None:
    for is_killed, left in ((False, 1), (True, 0)):
        network = a_network()
        network.run(0.5)
        assert bindings(network) == 1
        assert network.store is not None
        assert len(network.store.after(network.now, is_killed=is_killed).load()) == left
