"""Phones of SIPp, honest and faulty, as caller and as callee: real time, real sockets, all at once, each found by its rule.

90 s is the shortest honest interval, so that this takes two and a half minutes; nearly all of it is waiting.
"""

from __future__ import annotations

import asyncio

import pytest
from sipp_clients import CALLERS, CLIENTS, SippClient
from timer_bench import Outcome, play_all

from sipstub.scenario.all import SCENARIOS
from sipstub.scenario.scenario import Caller
from sipstub.stimulus.run import StepEnd
from sipstub.verify.rules import RULES

pytestmark = pytest.mark.needs("sipp")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    return asyncio.run(play_all(list(CLIENTS.values()), tmp_path_factory.mktemp("sipp")))


@pytest.mark.parametrize("client", CLIENTS.values(), ids=lambda client: f"{client.name}: {client.what}")
def test_what_a_client_does_is_told_by_the_rule_about_it_and_by_no_other(client: SippClient, played: dict[str, Outcome]) -> None:
    found = played[client.name]
    assert not found.problem, found.problem + found.ladder
    told = {rule: verdict for rule, (verdict, _) in found.bad.items()}
    assert told == {rule: verdict for rule, (verdict, _) in client.bad.items()}, found.ladder
    for rule, (_, seen) in client.bad.items():
        assert seen in found.bad[rule][1]
    assert {rule: found.said[rule][0] for rule in client.good} == dict.fromkeys(client.good, "PASS"), found.ladder
    assert [result.end for result in found.run.results] == [StepEnd.DONE]


def test_both_roles_are_there_honest_and_faulty() -> None:
    for callers in (True, False):
        some = [client for client in CLIENTS.values() if client.dials == callers]
        assert len([client for client in some if not client.bad]) >= 4 <= len([client for client in some if client.bad])
    assert {name for name, one in SCENARIOS.items() if one.caller is Caller.PHONE} >= CALLERS
    assert {rule for client in CLIENTS.values() for rule in (*client.bad, *client.good)} <= set(RULES)
