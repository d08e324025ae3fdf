"""Calls with session timers over wires of which nothing can be relied on: at the end both sides agree, whatever happened."""

from __future__ import annotations

import random

import pytest
from timer_calls import ALL, TRIP_S, Fate, Peer, Wire, a_call

from sipstub.session_timer.setting import UAC, UAS, TimerSettings
from sipstub.sip.message import Message

BAD_UNTIL_S = 1_000.0
END_S = 2_000.0
RUNS = 40


def a_bad_wire(chance: random.Random) -> Fate:
    """Return a wire that loses, doubles and delays until BAD_UNTIL_S; some wires more than half."""
    lost = chance.choice((0.1, 0.3, 0.5, 0.65))

    def fate(now: float, sender: Peer, message: Message) -> tuple[float, ...]:
        what = chance.random() if now < BAD_UNTIL_S else 1.0
        if what < lost:
            return ()
        if what < lost + 0.1:
            return TRIP_S, chance.uniform(0.01, 35)
        return (chance.uniform(0.01, 6),) if what < lost + 0.2 else (TRIP_S,)

    return fate


def hold(peer: Peer, now: float) -> None:
    """Change the session, if that is possible now."""
    if peer.keeper is None or not peer.is_up:
        return
    peer.version += 1
    request = peer.keeper.ask("INVITE", now, peer.description)
    if request is None:
        peer.version -= 1
    else:
        peer.send([request], now)


def a_run(seed: int) -> Wire:
    chance = random.Random(seed)
    seconds = chance.choice((90, 91, 180, 300))
    caller = TimerSettings(expires_s=seconds, refresher=chance.choice((None, UAC, UAS)))
    callee = TimerSettings(min_se_s=chance.choice((0, 120)), answer_refresher=chance.choice((UAC, UAS)))
    wire = a_call(caller, callee, a_bad_wire(chance), allow=chance.choice((ALL, "INVITE, ACK, CANCEL, BYE")))
    for peer in (wire.caller, wire.callee):
        for _ in range(chance.randrange(8)):
            peer.at(chance.uniform(1, BAD_UNTIL_S), hold)
    return wire.run(END_S)


@pytest.mark.parametrize("seed", range(RUNS))
def test_both_sides_agree_in_the_end(seed: int) -> None:
    wire = a_run(seed)
    up = [peer.is_up for peer in (wire.caller, wire.callee)]
    assert up[0] == up[1], f"one side thinks that the call goes on: {up}"
    timers = [peer.keeper.timer for peer in (wire.caller, wire.callee) if peer.keeper is not None]
    if up[0]:
        first, second = timers
        assert first.interval_s == second.interval_s is not None and sorted((first.is_refresher, second.is_refresher)) == [
            False,
            True,
        ]
        assert [when for when, _ in wire.requests("UPDATE") + wire.requests("INVITE") if when > END_S - 200]
    else:
        assert all(timer.next_timer is None for timer in timers)
        assert wire.caller.layer.is_empty and wire.callee.layer.is_empty


def test_some_calls_live_through_it_and_some_do_not() -> None:
    lived = [a_run(seed).caller.is_up for seed in range(RUNS)]
    assert 5 < sum(lived) < RUNS - 2
