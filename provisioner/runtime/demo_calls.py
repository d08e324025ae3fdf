"""Which calls of session timers each phone of the demo gets: they are shared out, so that the fleet shows most.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from provisioner.runtime.session_calls import SessionCalls
from sipstub.scenario.brief import SCENARIOS
from sipstub.stimulus.session_plan import timer_of
from sipstub.verify.expectation import Expectations

BUDGET_S = 66.0
"Of each phone: enough for one call that is kept up until something falls due, and for short ones."
CLOSER_S = 150.0
"Of a phone that was told to keep session timers wrongly: what it does shows in some of the calls only."
ACCOUNT_S = 20.0
"What else is done to each further account of a phone takes that much of its time."
SETUP_S = 3.0
"From one call to the next."

Share = list[tuple[int, str]]


def shared_out(phones: Sequence[Expectations], closely: Collection[str] = ()) -> SessionCalls:
    """Return what is played with each phone: one long call, then short ones while there is time, the least played ones first.

    `closely` has the MACs of phones that are looked at more closely.  Phones whose file has the shortest interval come first.
    """
    played: Counter[str] = Counter()
    shares: dict[str, Share] = {}
    for phone in sorted(phones, key=_first):
        budget_s = BUDGET_S - ACCOUNT_S * (len(phone.enabled) - 1)
        share = _closely(phone) if phone.subject.mac in closely else _least_played(phone, budget_s, played)
        shares[phone.subject.mac] = share
        played.update(name for _, name in share)
    return SessionCalls(shares=shares)


def _least_played(phone: Expectations, left_s: float, played: Counter[str]) -> Share:
    share: Share = []
    while fitting := _fitting(phone, left_s, share):
        has_long = any(SCENARIOS[name].intervals for _, name in share)
        long = [pair for pair in fitting if SCENARIOS[pair[1]].intervals and not has_long]
        share.append(min(long or fitting, key=lambda pair: played[pair[1]] + (pair[1] in {name for _, name in share})))
        left_s -= _costs_s(share[-1])
    return share


def _closely(phone: Expectations) -> Share:
    """Return first what feeds most rules that nothing has fed yet, of equals the shortest."""
    share: Share = []
    fed: set[str] = set()
    left_s = CLOSER_S
    while fitting := _fitting(phone, left_s, share):
        share.append(max(fitting, key=lambda pair: (len(set(SCENARIOS[pair[1]].rules) - fed), -_costs_s(pair))))
        fed |= set(SCENARIOS[share[-1][1]].rules)
        left_s -= _costs_s(share[-1])
    return share


def _fitting(phone: Expectations, left_s: float, share: Share) -> Share:
    wanted = [
        (account, one.name) for account in _accounts(phone) for one in SCENARIOS.values() if one.wants(timer_of(phone, account))
    ]
    return [pair for pair in wanted if _costs_s(pair) <= left_s and pair not in share]


def _accounts(phone: Expectations) -> list[int]:
    return [account for account in phone.enabled if phone.text("session-timer", account)]


def _first(phone: Expectations) -> tuple[float, str]:
    return min((timer_of(phone, account).expires_s for account in _accounts(phone)), default=0), phone.subject.name


def _costs_s(pair: tuple[int, str]) -> float:
    scenario = SCENARIOS[pair[1]]
    return scenario.usual_s + scenario.linger_s + SETUP_S
