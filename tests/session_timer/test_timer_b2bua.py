"""A B2BUA between two user agents: a leg of its own on either side, each with its timer, in simulated time."""

from __future__ import annotations

import pytest
from timer_calls import Peer, Wire, a_call

from sipstub.session_timer.header import hear
from sipstub.session_timer.leg import carried_settings
from sipstub.session_timer.setting import UAC, UAS, Insertion, RefreshMethod, TimerSettings
from sipstub.session_timer.step import Reason
from sipstub.sip.message import Request


class TwoLegs:
    """Caller and callee, and between them a B2BUA, whose two sides are the callee of one wire and the caller of the other."""

    def __init__(self, caller: TimerSettings, ours: TimerSettings, callee: TimerSettings) -> None:
        self.first = a_call(caller, ours)
        self.first.run(0.1)
        invite = next(message for _, _, message in self.first.seen if isinstance(message, Request))
        self.second = a_call(carried_settings(ours, hear(invite)), callee)

    def run(self, until: float) -> TwoLegs:
        """Let time pass on both legs; when one ends, our side of the other hangs up."""
        for now in range(1, int(until) + 1):
            for wire in (self.first, self.second):
                wire.run(float(now))
            legs = (self.first.callee, self.second.caller)
            for leg, other in (legs, legs[::-1]):
                if leg.is_up and not other.is_up and leg.keeper is not None:
                    leg.send(leg.keeper.hang_up(), float(now))
        return self

    @property
    def peers(self) -> tuple[Peer, ...]:
        """Return everybody from the caller to the callee."""
        return self.first.caller, self.first.callee, self.second.caller, self.second.callee

    @property
    def is_up(self) -> list[bool]:
        """Return who thinks that the call goes on."""
        return [peer.is_up for peer in self.peers]


def refreshes(wire: Wire) -> set[str]:
    return {name for _, name in wire.requests("UPDATE")}


def wants(expires_s: int | None, refresher: str | None = None, **more: object) -> TimerSettings:
    return TimerSettings(expires_s=expires_s, refresher=refresher, **more)  # type: ignore[arg-type]


def test_two_timers_of_different_length_and_role_run_side_by_side() -> None:
    call = TwoLegs(wants(600, UAC), wants(180, UAS, longest_s=600), wants(1800)).run(1000)
    assert call.is_up == [True] * 4
    intervals = [peer.keeper.timer.interval_s for peer in call.peers if peer.keeper is not None]
    assert intervals == [600, 600, 180, 180]
    assert refreshes(call.first) == {"caller"} and refreshes(call.second) == {"callee"}


def test_the_leg_to_a_caller_without_timers_is_refreshed_by_the_b2bua_as_long_as_that_lasts() -> None:
    call = TwoLegs(TimerSettings(is_on=False), wants(180, UAC, inserts=Insertion.ALWAYS), wants(1800)).run(600)
    assert call.is_up == [True] * 4 and refreshes(call.first) == {"callee"} and refreshes(call.second) == {"caller"}
    assert [when for when, _ in call.first.requests("UPDATE")] == pytest.approx([90], abs=0.1)


def test_a_callee_without_timers_that_vanishes_is_noticed_where_the_b2bua_refreshes_alone() -> None:
    call = TwoLegs(
        wants(1800, UAC), wants(90, UAC, refreshes_alone=True, method=RefreshMethod.UPDATE), TimerSettings(is_on=False)
    )
    call.second.callee.at(100, lambda peer, now: setattr(peer, "is_silent", True))
    call.run(250)
    assert call.second.caller.keeper is not None and call.second.caller.keeper.ended is Reason.FAILED
    assert call.is_up[:3] == [False] * 3 and len(call.first.requests("BYE")) == 1


@pytest.mark.parametrize("side", [0, 3])
def test_silence_on_one_leg_ends_both(side: int) -> None:
    call = TwoLegs(wants(90, UAC), wants(90, UAS), wants(90))
    call.peers[side].at(100, lambda peer, now: setattr(peer, "is_silent", True))
    call.run(200)
    living = [up for number, up in enumerate(call.is_up) if number != side]
    assert living == [False] * 3


def test_min_se_of_the_caller_holds_on_the_other_leg() -> None:
    call = TwoLegs(wants(600, min_se_s=300, sends_min_se=True), wants(180), wants(1800)).run(10)
    assert call.second.messages("INVITE")[0].headers.get("Session-Expires") == "300"
