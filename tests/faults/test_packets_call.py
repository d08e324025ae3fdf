"""Packets lost, doubled, overtaken and late in a call: both sides agree in the end, and nothing of it is left."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping

import pytest
from faulty_wire import FAULTS, SERVER, Network, between_phones

from sipstub.phone.agent.event import CallChanged, CallState
from sipstub.phone.agent.incoming import Answering

CALLER = "127.0.0.9"
QUIET_S = 120.0
FOREVER_S = 700.0
A, R, S, E = CallState.ANSWERED, CallState.RINGING, CallState.CALLING, CallState.ENDED


def states(network: Network, host: str) -> list[CallState]:
    return [event.state for event in network.events.get(host, []) if isinstance(event, CallChanged)]


def statuses(network: Network, host: str) -> list[int]:
    return [event.status for event in network.events.get(host, []) if isinstance(event, CallChanged)]


def is_over(network: Network) -> bool:
    """Return whether neither side knows of a call or a transaction."""
    return not any(line.calls or len(line.layer) for phone in network.phones.values() for line in phone.lines)


def a_call(faults: Mapping[int, str], answering: Answering = Answering.ANSWER) -> Network:
    network = between_phones(faults, answering)
    assert network.phones[CALLER].call(1, "2002", network.now) is not None
    return network


def hangs_up(network: Network, host: str) -> None:
    for call in network.phones[host].lines[0].calls:
        call.hang_up(network.now)
    network.settle()


def caller_ends(faults: Mapping[int, str]) -> Network:
    network = a_call(faults).run(QUIET_S)
    assert states(network, CALLER)[-1] is A and states(network, SERVER) == [R, A]
    hangs_up(network, CALLER)
    network.run(QUIET_S)
    assert states(network, CALLER)[-2:] == [A, E] and states(network, SERVER) == [R, A, E]
    return network


def callee_ends(faults: Mapping[int, str]) -> Network:
    network = a_call(faults).run(QUIET_S)
    hangs_up(network, SERVER)
    network.run(QUIET_S)
    assert states(network, CALLER)[-2:] == [A, E] and states(network, SERVER) == [R, A, E]
    return network


def busy(faults: Mapping[int, str]) -> Network:
    network = a_call(faults, Answering.BUSY).run(QUIET_S)
    assert (states(network, CALLER)[-1], statuses(network, CALLER)[-1]) == (E, 486)
    assert states(network, SERVER) in ([E], [])
    return network


def cancelled(faults: Mapping[int, str]) -> Network:
    network = a_call(faults, Answering.RING).run(20.0)
    assert states(network, SERVER) == [R]
    hangs_up(network, CALLER)
    network.run(QUIET_S)
    assert (states(network, CALLER)[-1], statuses(network, CALLER)[-1]) == (E, 487)
    assert states(network, SERVER) == [R, E]
    return network


Scenario = Callable[[Mapping[int, str]], Network]
SCENARIOS: tuple[Scenario, ...] = (caller_ends, callee_ends, busy, cancelled)


def check(scenario: Scenario, faults: Mapping[int, str]) -> Network:
    network = scenario(faults)
    network.run(QUIET_S)
    assert is_over(network), faults
    return network


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("fault", FAULTS)
def test_each_packet_of_a_call_in_turn(scenario: Scenario, fault: str) -> None:
    for number in range(check(scenario, {}).count):
        check(scenario, {number: fault})


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_two_packets_of_a_call(scenario: Scenario) -> None:
    count = check(scenario, {}).count + 2
    for first, second in itertools.combinations(range(count), 2):
        for one, other in (("lost", "lost"), ("lost", "very late"), ("doubled", "lost"), ("very late", "very late")):
            check(scenario, {first: one, second: other})


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("seed", range(8))
def test_a_fifth_of_all_packets_of_a_call_has_some_fault(scenario: Scenario, seed: int) -> None:
    source = random.Random(seed)
    check(scenario, {number: source.choice(FAULTS) for number in range(300) if source.random() < 0.2})


def test_a_line_that_is_cut_in_the_middle_ends_the_call_on_both_sides() -> None:
    for cut in range(12):
        network = a_call(dict.fromkeys(range(cut, 500), "lost")).run(QUIET_S)
        hangs_up(network, CALLER)
        hangs_up(network, SERVER)
        network.run(FOREVER_S)
        assert is_over(network), cut
