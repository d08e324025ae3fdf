"""Calls with session timers over real dialogs and transactions: they stay up over many intervals, and end when they must."""

from __future__ import annotations

import itertools

import pytest
from timer_builders import origin_of
from timer_calls import ALL, TRIP_S, Peer, Wire, a_call, in_order

from sipstub.session_timer.setting import LEAST_S, UAC, UAS, Insertion, TimerSettings
from sipstub.session_timer.step import Reason
from sipstub.sip.message import Message, Request, Response

WITHOUT_UPDATE = "INVITE, ACK, CANCEL, BYE"
OFF = TimerSettings(is_on=False)


def wants(refresher: str | None = UAC, expires_s: int | None = 90, **more: object) -> TimerSettings:
    return TimerSettings(expires_s=expires_s, refresher=refresher, **more)  # type: ignore[arg-type]


def is_in_dialog(message: Message, method: str) -> bool:
    return isinstance(message, Request) and message.method == method and message.to.tag is not None


@pytest.mark.parametrize("refresher", [UAC, UAS])
@pytest.mark.parametrize(("allow", "method"), [(ALL, "UPDATE"), (WITHOUT_UPDATE, "INVITE")])
def test_t_29_t_95_a_call_stays_up_over_many_intervals(refresher: str, allow: str, method: str) -> None:
    wire = a_call(wants(refresher), TimerSettings(), allow=allow).run(10 * 90)
    assert wire.caller.is_up and wire.callee.is_up and not wire.requests("BYE")
    who = "caller" if refresher == UAC else "callee"
    refreshes = [one for one in wire.requests(method) if one[0] > 1]
    assert len(refreshes) == 19 and {name for _, name in refreshes} == {who}
    pauses = [later[0] - sooner[0] for sooner, later in itertools.pairwise(refreshes)]
    assert all(45 <= pause <= 45 + 4 * TRIP_S for pause in pauses)
    assert 45 <= refreshes[0][0] <= 45 + 4 * TRIP_S


@pytest.mark.parametrize("refresher", [UAC, UAS])
@pytest.mark.parametrize(("allow", "method"), [(ALL, "UPDATE"), (WITHOUT_UPDATE, "INVITE")])
def test_t_41_t_45_t_47_each_refresh_says_the_same_and_changes_nothing(refresher: str, allow: str, method: str) -> None:
    wire = a_call(wants(refresher), TimerSettings(), allow=allow).run(500)
    found = [request for request in wire.messages(method) if request.to.tag is not None]
    assert {request.headers.get("Session-Expires") for request in found} == {"90;refresher=uac"}
    assert {request.headers.get("Supported") for request in found} == {"timer"}
    assert all("Contact" in request.headers for request in found)
    numbers = [request.cseq.number for request in found]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    if method == "UPDATE":
        assert {request.body for request in found} == {b""}
    else:
        first = next(message for _, name, message in wire.seen if message.body and name == ("caller", "callee")[refresher == UAS])
        assert {origin_of(request) for request in found} == {origin_of(first)}
        answers = [
            message for _, _, message in wire.seen if isinstance(message, Response) and message.status == 200 and message.body
        ]
        assert len({(origin_of(message), message.to.tag) for message in answers}) <= 2


@pytest.mark.parametrize("settings", [OFF, TimerSettings(inserts=Insertion.NEVER, expires_s=None)])
def test_t_06_a_call_of_which_nobody_wants_a_timer_never_ends_by_itself(settings: TimerSettings) -> None:
    wire = a_call(settings, settings).run(1e6)
    assert wire.caller.is_up and wire.callee.is_up and len(wire.seen) == 3


def test_t_27_a_peer_without_timers_is_left_alone() -> None:
    wire = a_call(wants(), OFF).run(1e5)
    assert wire.caller.is_up and len(wire.seen) == 3


def test_t_26_or_is_refreshed_all_the_same() -> None:
    wire = a_call(wants(refreshes_alone=True), OFF).run(300)
    assert wire.caller.is_up and len(wire.requests("UPDATE")) == 6 and {who for _, who in wire.requests("UPDATE")} == {"caller"}


def test_t_90_a_caller_without_timers_is_refreshed_by_a_callee_that_puts_one_in() -> None:
    wire = a_call(OFF, wants(inserts=Insertion.ALWAYS)).run(50)
    assert wire.requests("UPDATE") == [(45.01, "callee")]
    wire.run(400)  # its 200 has no interval: from then on nothing expires
    assert wire.caller.is_up and wire.callee.is_up and len(wire.requests("UPDATE")) == 1


def test_a_caller_that_insists_on_timers_is_refused_by_a_callee_without() -> None:
    wire = a_call(wants(requires=True), OFF).run(60)
    assert not wire.caller.is_up and wire.caller.status == 420


def test_t_32_t_33_a_422_leads_to_a_call_with_the_larger_interval() -> None:
    wire = a_call(wants(), TimerSettings(min_se_s=180)).run(1000)
    first, _, second = wire.messages("INVITE")[0], *wire.messages("INVITE")[:2]
    assert wire.statuses("INVITE")[:1] == [422] and wire.caller.is_up
    assert second.headers.get("Session-Expires") == "180;refresher=uac" and second.headers.get("Min-SE") == "180"
    assert (second.call_id, second.from_.tag, second.cseq.number) == (first.call_id, first.from_.tag, 2)
    assert all(request.headers.get("Min-SE") == "180" for request in wire.messages("UPDATE"))
    assert [round(when) for when, _ in wire.requests("UPDATE")] == [90 * number for number in range(1, 12)]


def test_a_short_interval_is_refused_until_it_is_long_enough() -> None:
    wire = a_call(wants(expires_s=30), TimerSettings()).run(200)
    assert wire.statuses("INVITE")[:2] == [422, 200] and wire.caller.is_up
    assert wire.messages("UPDATE")[0].headers.get("Session-Expires") == f"{LEAST_S};refresher=uac"


def test_a_loop_of_422_in_mid_dialog_ends_and_so_does_the_session() -> None:
    wire = a_call(wants(), TimerSettings())
    wire.callee.answers_with["UPDATE"] = [(422, f"Min-SE: {number}") for number in range(100, 200)]
    wire.run(200)
    assert 1 < len(wire.requests("UPDATE")) < 20 and not wire.caller.is_up and not wire.callee.is_up
    assert wire.callee.keeper is not None and wire.callee.keeper.ended is Reason.SILENCE  # it was first, at 60


def test_t_35_a_422_in_mid_dialog_raises_the_interval_for_good() -> None:
    wire = a_call(wants(), TimerSettings())
    wire.callee.answers_with["UPDATE"] = [(422, "Min-SE: 200")]
    wire.run(600)
    said = [(request.headers.get("Session-Expires"), request.headers.get("Min-SE")) for request in wire.messages("UPDATE")]
    assert said[0] == ("90;refresher=uac", None) and set(said[1:]) == {("200;refresher=uac", "200")}
    assert wire.caller.is_up and wire.callee.is_up and len(said) == 7


# Silence


@pytest.mark.parametrize("refresher", [UAC, UAS])
def test_t_101_t_102_a_peer_that_falls_silent_is_hung_up_in_time(refresher: str) -> None:
    wire = a_call(wants(refresher), TimerSettings())
    silent, other = (wire.caller, wire.callee) if refresher == UAC else (wire.callee, wire.caller)
    silent.at(100, lambda peer, now: setattr(peer, "is_silent", True))
    wire.run(400)
    assert other.keeper is not None and other.keeper.ended is Reason.SILENCE and not other.is_up
    ((when, who),) = wire.requests("BYE")
    assert who == other.name and 90 + 60 <= when <= 90 + 60 + 0.1


@pytest.mark.parametrize(("allow", "method"), [(ALL, "UPDATE"), (WITHOUT_UPDATE, "INVITE")])
def test_t_98_a_refresh_into_silence_ends_the_call_by_bye(allow: str, method: str) -> None:
    wire = a_call(wants(UAC), TimerSettings(), allow=allow)
    wire.callee.at(10, lambda peer, now: setattr(peer, "is_silent", True))
    wire.run(300)
    assert wire.caller.keeper is not None and wire.caller.keeper.ended is Reason.FAILED
    assert [(round(when), who) for when, who in wire.requests("BYE")] == [(77, "caller")]  # 45, and 64 * T1 of waiting
    assert wire.requests(method)[-1][0] < 46


# Refusals


@pytest.mark.parametrize(("method", "status"), [("UPDATE", 481), ("INVITE", 481), ("INVITE", 408)])  # RFC 4320: no 408 to UPDATE
@pytest.mark.parametrize("refresher", [UAC, UAS])
def test_t_98_408_and_481_to_a_refresh_end_the_call_at_once(method: str, status: int, refresher: str) -> None:
    wire = a_call(wants(refresher), TimerSettings(), allow=ALL if method == "UPDATE" else WITHOUT_UPDATE)
    asked = wire.callee if refresher == UAC else wire.caller
    asked.answers_with[method] = [(status, "")]
    wire.run(200)
    assert [round(when) for when, _ in wire.requests("BYE")] == [45] and not wire.caller.is_up and not wire.callee.is_up


@pytest.mark.parametrize("refresher", [UAC, UAS])
def test_t_99_after_491_the_refresh_comes_again_and_the_call_stays(refresher: str) -> None:
    wire = a_call(wants(refresher), TimerSettings())
    asked = wire.callee if refresher == UAC else wire.caller
    asked.answers_with["UPDATE"] = [(491, ""), (491, "")]
    wire.run(300)
    low, high = (2.1, 4.0) if refresher == UAC else (0.0, 2.0)
    first, second, third, *_ = (when for when, _ in wire.requests("UPDATE"))
    assert low <= second - first <= high + 0.1 and low <= third - second <= high + 0.1
    assert wire.caller.is_up and wire.callee.is_up


def test_t_99_after_500_the_refresh_comes_again_when_it_may() -> None:
    wire = a_call(wants(), TimerSettings())
    wire.callee.answers_with["UPDATE"] = [(500, "Retry-After: 6")]
    wire.run(300)
    first, second, *_ = (when for when, _ in wire.requests("UPDATE"))
    assert 6 <= second - first <= 6.1 and wire.caller.is_up and wire.callee.is_up


def test_t_99_a_peer_that_refuses_update_is_refreshed_by_reinvite() -> None:
    wire = a_call(wants(), TimerSettings())
    wire.callee.answers_with["UPDATE"] = [(405, "Allow: INVITE, ACK, BYE")]
    wire.run(300)
    assert len(wire.requests("UPDATE")) == 1 and len(wire.requests("INVITE")) == 7 and wire.caller.is_up and wire.callee.is_up


@pytest.mark.parametrize("status", [401, 407])
def test_t_99_a_challenge_to_a_refresh_is_answered(status: int) -> None:
    wire = a_call(wants(), TimerSettings())
    wire.caller.password = "secret"
    wire.callee.answers_with["UPDATE"] = [(status, "")]
    wire.run(100)
    first, second, third = wire.messages("UPDATE")
    assert "Authorization" not in first.headers and "Authorization" in second.headers
    assert second.cseq.number == first.cseq.number + 1 and third.cseq.number == first.cseq.number + 2 and wire.caller.is_up


@pytest.mark.parametrize("status", [401, 403, 488, 503])
def test_t_97_t_100_a_refresh_that_is_always_refused_ends_with_the_session(status: int) -> None:
    wire = a_call(wants(), TimerSettings())
    wire.callee.answers_with["UPDATE"] = [(status, "")] * 100
    wire.run(400)
    assert [(round(when), who) for when, who in wire.requests("BYE")] == [(60, "callee")]
    assert not wire.caller.is_up and len(wire.requests("UPDATE")) < 10


# A bad wire


def lossy(method: str, copies: tuple[float, ...], *, first: int = 1) -> object:
    """Return a wire on which the first so many requests of a method in the dialog go like that."""
    count = iter(range(first))

    def fate(now: float, sender: Peer, message: Message) -> tuple[float, ...]:
        if is_in_dialog(message, method) and next(count, None) is not None:
            return copies
        return in_order(now, sender, message)

    return fate


@pytest.mark.parametrize("copies", [(), (0.01, 0.02), (0.01, 20.0), (3.0,), (0.01, 40.0)])
@pytest.mark.parametrize(("allow", "method"), [(ALL, "UPDATE"), (WITHOUT_UPDATE, "INVITE"), (WITHOUT_UPDATE, "ACK")])
def test_a_refresh_that_is_lost_doubled_or_late_keeps_the_call(allow: str, method: str, copies: tuple[float, ...]) -> None:
    wire = a_call(wants(), TimerSettings(), lossy(method, copies), allow=allow).run(400)  # type: ignore[arg-type]
    assert wire.caller.is_up and wire.callee.is_up and not wire.requests("BYE")


def test_an_ack_that_never_comes_ends_the_call_by_bye_of_the_answering_side() -> None:
    def fate(now: float, sender: Peer, message: Message) -> tuple[float, ...]:
        return () if now > 40 and is_in_dialog(message, "ACK") else in_order(now, sender, message)

    wire = a_call(wants(), TimerSettings(), fate, allow=WITHOUT_UPDATE).run(400)
    assert [(round(when), who) for when, who in wire.requests("BYE")] == [(77, "callee")] and not wire.caller.is_up
    assert wire.statuses("INVITE").count(200) > 8  # repeated, each with its ACK
    assert len(wire.messages("ACK")) == wire.statuses("INVITE").count(200)


@pytest.mark.parametrize(("allow", "method"), [(ALL, "UPDATE"), (WITHOUT_UPDATE, "INVITE")])
def test_a_doubled_answer_does_not_refresh_twice(allow: str, method: str) -> None:
    def fate(now: float, sender: Peer, message: Message) -> tuple[float, ...]:
        is_ok = isinstance(message, Response) and message.status == 200
        return (0.01, 3.0, 30.0) if is_ok else in_order(now, sender, message)

    wire = a_call(wants(), TimerSettings(), fate, allow=allow).run(230)
    assert [round(when) for when, _ in wire.requests(method) if when > 1] == [45, 90, 135, 180, 225]


def test_a_bye_that_crosses_a_refresh_ends_the_call_on_both_sides() -> None:
    wire = a_call(wants(), TimerSettings())
    wire.callee.at(45.02, lambda peer, now: peer.send(peer.keeper.hang_up(), now))  # type: ignore[union-attr]
    wire.run(400)
    assert not wire.caller.is_up and not wire.callee.is_up
    assert wire.statuses("BYE") == [200] and len(wire.requests("UPDATE")) == 1
    assert wire.caller.layer.is_empty and wire.callee.layer.is_empty


def test_a_late_bye_for_a_call_that_has_ended_gets_481_and_nothing_else() -> None:
    wire = a_call(wants(), TimerSettings())
    for peer in (wire.caller, wire.callee):
        peer.at(20, lambda peer, now: peer.send(peer.keeper.hang_up(), now))  # type: ignore[union-attr]
    wire.run(200)
    assert sorted(wire.statuses("BYE")) == [481, 481] and not wire.caller.is_up and not wire.callee.is_up
    assert wire.caller.layer.is_empty and wire.callee.layer.is_empty


# Glare and other requests


def hold(peer: Peer, now: float) -> None:
    assert peer.keeper is not None
    peer.version += 1
    request = peer.keeper.ask("INVITE", now, peer.description)
    if request is None:
        peer.version -= 1
        peer.at(now + 1, hold)
    else:
        peer.send([request], now)


@pytest.mark.parametrize("refresher", [UAC, UAS])
@pytest.mark.parametrize("offset", [-0.02, -0.01, 0.0, 0.01, 0.02])
@pytest.mark.parametrize("allow", [ALL, WITHOUT_UPDATE])
def test_a_refresh_that_crosses_a_reinvite_of_the_other_side_is_sorted_out(refresher: str, offset: float, allow: str) -> None:
    wire = a_call(wants(refresher), TimerSettings(), allow=allow)
    other = wire.callee if refresher == UAC else wire.caller
    other.at(45.02 + offset, hold)
    wire.run(400)
    assert wire.caller.is_up and wire.callee.is_up and not wire.requests("BYE")
    states = [peer.keeper.timer for peer in (wire.caller, wire.callee) if peer.keeper is not None]
    assert {timer.interval_s for timer in states} == {90} and sorted(timer.is_refresher for timer in states) == [False, True]


def test_t_31_a_reinvite_of_the_refresher_refreshes_and_moves_the_next_one() -> None:
    wire = a_call(wants(), TimerSettings())
    wire.caller.at(30, hold)
    wire.run(100)
    assert [round(when) for when, _ in wire.requests("UPDATE")] == [75]
    assert [request.headers.get("Session-Expires") for request in wire.messages("INVITE")][1:] == ["90;refresher=uac"]


def test_t_31_a_reinvite_of_the_other_side_refreshes_too_and_keeps_the_roles() -> None:
    wire = a_call(wants(), TimerSettings())
    wire.callee.at(30, hold)
    wire.run(100)
    assert [(round(when), who) for when, who in wire.requests("UPDATE")] == [(75, "caller")]
    assert wire.messages("INVITE")[-1].headers.get("Session-Expires") == "90;refresher=uas"


def test_t_48_a_change_is_answered_by_a_change_and_a_refresh_by_what_was_said_before() -> None:
    wire = a_call(wants(), TimerSettings(), allow=WITHOUT_UPDATE)
    wire.caller.at(30, hold)
    wire.run(200)
    origins = [origin_of(request) for request in wire.messages("INVITE")]
    assert origins[0] != origins[1] and len(set(origins[1:])) == 1 and len(origins) == 5


def test_a_timer_is_changed_switched_off_and_on_again_in_mid_dialog() -> None:
    wire = a_call(wants(), TimerSettings(inserts=Insertion.NEVER))
    for when, seconds in ((20, 200), (300, None), (5000, 120)):
        wire.caller.at(when, lambda peer, now, seconds=seconds: peer.send(peer.keeper.change(seconds, now), now))  # type: ignore[misc]
    wire.run(5100)
    assert [round(when) for when, _ in wire.requests("UPDATE")] == [20, 120, 220, 300, 5000, 5060]
    assert wire.caller.is_up and wire.callee.is_up


def test_without_credentials_a_challenge_is_met_as_any_refusal() -> None:
    wire = a_call(wants(expires_s=1800), TimerSettings())
    wire.callee.answers_with["UPDATE"] = [(401, "")]
    wire.run(1500)
    assert [round(when) for when, _ in wire.requests("UPDATE")] == [900, 1200] and wire.caller.is_up


def test_an_update_with_a_foreign_malformed_interval_is_refused_and_the_call_stays() -> None:
    wire = a_call(wants(UAS), TimerSettings())

    def spoil(peer: Peer, now: float) -> None:
        assert peer.keeper is not None
        request = peer.keeper.dialog.request("UPDATE", peer.headers)
        request.headers.add("Session-Expires", "90")
        request.headers.add("x", "1800")
        peer.send([request], now)

    wire.caller.at(20, spoil)
    wire.run(300)
    assert wire.statuses("UPDATE")[0] == 400 and wire.caller.is_up and wire.callee.is_up


def test_nothing_is_left_when_a_call_is_over() -> None:
    wire = a_call(wants(), TimerSettings())
    wire.caller.at(200, lambda peer, now: peer.send(peer.keeper.hang_up(), now))  # type: ignore[union-attr]
    wire.run(400)
    assert wire.caller.next_timer is None and wire.callee.next_timer is None
    assert wire.caller.layer.is_empty and wire.callee.layer.is_empty
    assert isinstance(wire, Wire) and wire.statuses("BYE") == [200]
