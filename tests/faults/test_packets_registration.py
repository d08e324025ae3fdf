"""Packets lost, doubled, overtaken and late, each in turn and two at a time: a registration ends as it would without."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping

import pytest
from faulty_wire import AOR, FAULTS, Network, a_phone, a_stub
from phone_wire import START

from sipstub.phone.agent.event import MessagesWaiting, Registered, RegistrationFailed, Unregistered
from sipstub.registrar.binding import Change

PHONE = "127.0.0.9"
QUIET_S = 70.0
"Longer than any transaction, and than the pause after a failure."


def a_network(faults: Mapping[int, str], **changes: str) -> Network:
    settings = {f"account.1.{name}".replace("__", "."): value for name, value in changes.items()}
    return Network({PHONE: a_phone(PHONE, settings)}, a_stub(), faults)


def shifted(faults: Mapping[int, str], by: int) -> dict[int, str]:
    return {number + by: fault for number, fault in faults.items()}


def is_quiet(network: Network) -> bool:
    """Return whether no transaction of either side is left."""
    assert network.stub is not None
    return network.stub.core.layer.is_empty and all(not len(line.layer) for line in network.phones[PHONE].lines)


def register(faults: Mapping[int, str]) -> Network:
    network = a_network(faults)
    network.phones[PHONE].start(START)
    network.run(QUIET_S)
    assert network.stub is not None
    assert network.phones[PHONE].is_registered
    assert len(network.stub.registrar.bindings(AOR, network.now)) == 1
    assert [change.change for change in network.changes] == [Change.CREATED]
    assert [type(event) for event in network.events[PHONE]] == [Registered]
    assert is_quiet(network)
    return network


def refresh(faults: Mapping[int, str]) -> Network:
    network = a_network({}, sip_server__1__expires="600")
    network.phones[PHONE].start(START)
    network.run(100.0)
    before = network.count
    network.faults = shifted(faults, before)
    network.run(200.0 + QUIET_S)
    assert network.stub is not None
    (binding,) = network.stub.registrar.bindings(AOR, network.now)
    assert network.phones[PHONE].is_registered and binding.remaining_s(network.now) > 600 - QUIET_S
    kinds = [change.change for change in network.changes]
    assert kinds[0] is Change.CREATED and Change.EXPIRED not in kinds and kinds[-1] is Change.REFRESHED
    assert kinds.count(Change.REFRESHED) == 1
    assert not any(isinstance(event, RegistrationFailed) for event in network.events[PHONE])
    network.count -= before
    assert is_quiet(network)
    return network


def subscribe(faults: Mapping[int, str]) -> Network:
    network = a_network({}, subscribe_mwi="1", subscribe_mwi_expires="3600")
    network.phones[PHONE].start(START)
    network.faults = faults
    network.run(QUIET_S)
    assert network.stub is not None
    assert network.phones[PHONE].is_registered
    assert len(network.stub.others.notifier) == 1
    assert sum(isinstance(event, MessagesWaiting) for event in network.events[PHONE]) >= 1
    assert [change.change for change in network.changes] == [Change.CREATED]
    assert is_quiet(network)
    return network


def leave(faults: Mapping[int, str]) -> Network:
    network = a_network({})
    network.phones[PHONE].start(START)
    network.run(100.0)
    before = network.count
    network.faults = shifted(faults, before)
    network.phones[PHONE].leave(network.now)
    network.run(QUIET_S)
    assert network.stub is not None
    assert network.stub.registrar.bindings(AOR, network.now) == ()
    assert [change.change for change in network.changes] == [Change.CREATED, Change.UNREGISTERED]
    assert isinstance(network.events[PHONE][-1], Unregistered)
    assert not any(lane.is_registered for lane in network.phones[PHONE].lines[0].registrations)
    network.count -= before
    assert is_quiet(network)
    return network


Scenario = Callable[[Mapping[int, str]], Network]
SCENARIOS: tuple[Scenario, ...] = (register, refresh, subscribe, leave)


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("fault", FAULTS)
def test_each_packet_in_turn(scenario: Scenario, fault: str) -> None:
    count = scenario({}).count
    assert count >= 2
    for number in range(count):
        assert scenario({number: fault}).count >= count - 1, number


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_two_packets(scenario: Scenario) -> None:
    count = scenario({}).count + 2  # repetitions count too
    for first, second in itertools.combinations(range(count), 2):
        for one, other in (("lost", "lost"), ("lost", "very late"), ("doubled", "lost"), ("very late", "very late")):
            scenario({first: one, second: other})


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("seed", range(8))
def test_a_fifth_of_all_packets_has_some_fault(scenario: Scenario, seed: int) -> None:
    source = random.Random(seed)
    scenario({number: source.choice(FAULTS) for number in range(200) if source.random() < 0.2})


def test_a_network_that_is_down_for_a_minute_is_survived_and_said() -> None:
    network = a_network(dict.fromkeys(range(11), "lost"))
    network.phones[PHONE].start(START)
    network.run(200.0)
    assert [type(event) for event in network.events[PHONE]] == [RegistrationFailed, Registered]
    assert [change.change for change in network.changes] == [Change.CREATED]


def test_a_phone_that_cannot_refresh_is_forgotten_in_time_and_comes_back() -> None:
    network = a_network({}, sip_server__1__expires="120")
    network.phones[PHONE].start(START)
    network.run(10.0)
    network.faults = dict.fromkeys(range(network.count, network.count + 60), "lost")
    network.run(1_000.0)
    assert network.stub is not None
    kinds = [change.change for change in network.changes]
    assert kinds[:3] == [Change.CREATED, Change.EXPIRED, Change.CREATED]
    assert network.phones[PHONE].is_registered and len(network.stub.registrar.bindings(AOR, network.now)) == 1
