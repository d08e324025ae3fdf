"""Refreshes: when, by what, with which words.  RFC 4028 sections 7.2, 7.4 and 9."""

from __future__ import annotations

import pytest
from timer_builders import CHANGED, THEIRS, USUAL, a_callee, a_caller, a_request, answered, due, lines_of, sent, taken

from sipstub.session_timer.reply import Body, Reply
from sipstub.session_timer.setting import RefreshMethod, Role, TimerSettings
from sipstub.session_timer.step import End, Reason, Send
from sipstub.session_timer.timer import SessionTimer

WE = "Session-Expires: 300;refresher=uac"
"In a 2xx to us."
THEY = "Session-Expires: 300;refresher=uas"
KNOWS = "Supported: timer"
UPDATES = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE"


def test_t_29_a_session_whose_refresh_is_never_accepted_ends_at_its_end() -> None:
    timer = a_caller(WE)
    due(timer)
    assert timer.next_timer == 300.0 and timer.on_timer(299.9) is None
    assert timer.on_timer(300.0) == End(Reason.EXPIRED) and timer.is_over and timer.next_timer is None


def test_t_29_a_session_goes_on_as_long_as_refreshes_are_accepted() -> None:
    timer, now = a_caller(WE), 0.0
    for cseq in range(2, 12):
        now, send = due(timer)
        timer.answered(answered(sent(timer, send, cseq, now), 200, WE), now + 1)
        assert timer.expires_at == now + 301
    assert now == 150.0 + 9 * 151


@pytest.mark.parametrize("seconds", [90, 91, 300, 1800, 7200])
def test_t_30_the_caller_refreshes_at_half_the_interval(seconds: int) -> None:
    now, send = due(a_caller(f"Session-Expires: {seconds};refresher=uac", now=10.0))
    assert now == 10 + seconds / 2 and send.is_refresh


@pytest.mark.parametrize("seconds", [90, 91, 300, 1800, 7200])
def test_t_96_the_callee_refreshes_at_half_the_interval(seconds: int) -> None:
    now, send = due(a_callee(f"Session-Expires: {seconds};refresher=uas", KNOWS, now=10.0))
    assert now == 10 + seconds / 2 and send.is_refresh


def test_t_95_the_callee_counts_from_its_last_2xx() -> None:
    timer = a_callee(THEY, KNOWS, now=5.0)
    assert timer.expires_at == 305.0
    due(timer)
    assert timer.on_timer(305.0) == End(Reason.EXPIRED)
    timer = a_callee(THEY, KNOWS, now=5.0)
    taken(timer, THEY, KNOWS, now=100.0, cseq=2)
    assert timer.expires_at == 400.0


def test_t_39_a_refresh_says_the_interval() -> None:
    for timer in (a_caller(WE), a_callee(THEY, KNOWS)):
        for send in (due(timer)[1], timer.ask("INVITE"), timer.ask("UPDATE")):
            assert send.headers.expires_s == 300


@pytest.mark.parametrize(
    ("current", "least", "said"), [(300, 0, 300), (300, 120, 300), (300, 600, 600), (60, 0, 90), (60, 30, 90), (60, 120, 120)]
)
def test_t_40_the_interval_stays_unless_min_se_or_ninety_is_more(current: int, least: int, said: int) -> None:
    timer = a_caller(f"Session-Expires: {current};refresher=uac")
    if least:
        timer.receive(a_request("Session-Expires: 1800", f"Min-SE: {least}", KNOWS))
    assert due(timer)[1].headers.expires_s == said


def test_t_40_another_interval_is_asked_for_on_purpose_only() -> None:
    timer = a_caller(WE)
    send = timer.change(600)
    assert send.headers.expires_s == 600 and send.is_refresh
    timer.answered(answered(sent(timer, send, 2, 50.0), 200, "Session-Expires: 600;refresher=uac"), 50.0)
    assert timer.expires_at == 650.0 and timer.ask("UPDATE").headers.expires_s == 600


def test_a_change_is_asked_for_once_and_what_the_peer_made_of_it_holds() -> None:
    timer = a_caller(WE)
    send = timer.change(600)
    timer.answered(answered(sent(timer, send, 2, 50.0), 200, "Session-Expires: 400;refresher=uac"), 50.0)
    assert due(timer)[1].headers.expires_s == 400


def test_a_timer_is_switched_off_in_mid_dialog_by_asking_for_none() -> None:
    timer = a_caller(WE)
    send = timer.change(None)
    assert lines_of(send.headers) == [KNOWS]
    timer.answered(answered(sent(timer, send, 2, 50.0), 200), 50.0)
    assert not timer.is_running and lines_of(timer.ask("INVITE").headers) == [KNOWS]


def test_a_timer_is_switched_on_in_mid_dialog() -> None:
    timer = a_caller(settings=TimerSettings(expires_s=None))
    send = timer.change(90)
    timer.answered(answered(sent(timer, send, 2, 50.0), 200, "Session-Expires: 90;refresher=uac"), 50.0)
    assert (timer.interval_s, timer.next_timer) == (90, 95.0)


def test_a_change_that_met_another_request_is_asked_for_again() -> None:
    timer = a_caller(settings=TimerSettings(expires_s=None))
    assert timer.answered(answered(sent(timer, timer.change(90), 2, 50.0), 491), 50.0, chance=0.0) is None
    assert timer.next_timer == 52.1
    step = timer.on_timer(52.1)
    assert isinstance(step, Send) and step.headers.expires_s == 90


def test_the_called_side_switches_off_by_saying_nothing() -> None:
    timer = a_callee(THEY, KNOWS)
    timer.settings = TimerSettings(is_on=False)
    assert taken(timer, THEY, KNOWS, now=10.0, cseq=2).headers.pairs == () and not timer.is_running


def test_t_41_who_refreshes_now_is_named_whoever_began_the_call() -> None:
    assert a_caller(WE).ask("UPDATE").headers.refresher == "uac"
    assert a_caller(THEY).ask("INVITE").headers.refresher == "uas"
    assert a_callee(THEY, KNOWS).ask("UPDATE").headers.refresher == "uac"
    assert a_callee(WE, KNOWS).ask("INVITE").headers.refresher == "uas"


def test_t_41_roles_change_with_the_direction_of_each_refresh() -> None:
    caller, callee = a_caller(THEY), a_callee(THEY, KNOWS)
    now, send = due(callee)
    assert lines_of(send.headers)[0] == "Session-Expires: 300;refresher=uac"
    reply = taken(caller, *lines_of(send.headers), method="UPDATE", now=now)
    assert reply.headers.refresher == "uac" and reply.headers.is_required and not caller.is_refresher
    callee.answered(answered(sent(callee, send, 1, now), 200, *lines_of(reply.headers)), now)
    assert callee.is_refresher and callee.next_timer == now + 150


def test_t_42_roles_are_swapped_only_with_a_peer_that_has_timers() -> None:
    knows, does_not = a_caller(WE, "Require: timer"), a_caller(settings=TimerSettings(refreshes_alone=True))
    assert knows.ask("UPDATE", role=Role.SWAP).headers.refresher == "uas"
    assert does_not.ask("UPDATE", role=Role.SWAP).headers.refresher == "uac"
    assert a_caller(THEY).ask("UPDATE", role=Role.SWAP).headers.refresher == "uac"


def test_t_43_the_roles_may_be_left_open_in_a_refresh() -> None:
    timer = a_caller(WE, "Require: timer")
    send = timer.ask("UPDATE", role=Role.OPEN)
    assert send.headers.refresher is None and send.headers.expires_s == 300
    timer.answered(answered(sent(timer, send, 2, 50.0), 200, THEY), 50.0)
    assert not timer.is_refresher


@pytest.mark.parametrize(
    ("lines", "method"),
    [((UPDATES,), "UPDATE"), (("Allow: invite, update",), "UPDATE"), (("Allow: INVITE, BYE",), "INVITE"), ((), "INVITE")],
)
def test_t_44_update_is_taken_where_the_peer_allows_it(lines: tuple[str, ...], method: str) -> None:
    assert due(a_caller(WE, *lines))[1].method == method
    assert due(a_callee(THEY, KNOWS, *lines))[1].method == method


def test_t_44_the_last_allow_counts_also_that_of_options() -> None:
    timer = a_caller(WE, UPDATES)
    timer.receive(a_request("Allow: INVITE", method="OPTIONS"))
    assert due(timer)[1].method == "INVITE"


@pytest.mark.parametrize("method", [RefreshMethod.UPDATE, RefreshMethod.REINVITE])
def test_the_method_may_be_fixed(method: RefreshMethod) -> None:
    for lines in ((UPDATES,), ("Allow: INVITE",), ()):
        assert due(a_caller(WE, *lines, settings=TimerSettings(method=method)))[1].method == method.value


def test_t_45_an_update_has_no_body() -> None:
    assert due(a_caller(WE, UPDATES))[1].body is Body.NONE


def test_t_46_t_47_a_reinvite_has_the_last_offer_with_the_same_o_line() -> None:
    assert due(a_caller(WE))[1].body is Body.SAME


def test_t_48_an_offer_with_the_o_line_of_before_gets_the_answer_of_before() -> None:
    timer = a_callee(WE, KNOWS, body=THEIRS)
    same = timer.receive(a_request(WE, KNOWS, cseq=2, body=THEIRS))
    changed = timer.receive(a_request(WE, KNOWS, cseq=3, body=CHANGED))
    empty = timer.receive(a_request(WE, KNOWS, cseq=4))
    update = timer.receive(a_request(WE, KNOWS, cseq=5, method="UPDATE"))
    assert [found.body for found in (same, changed, empty, update) if isinstance(found, Reply)] == [
        Body.SAME,
        Body.NEW,
        Body.SAME,
        Body.NONE,
    ]


def test_t_48_a_changed_offer_that_was_refused_is_still_a_change() -> None:
    timer = a_callee(WE, KNOWS, body=THEIRS)
    for cseq in (2, 3):
        found = timer.receive(a_request(WE, KNOWS, cseq=cseq, body=CHANGED))
        assert isinstance(found, Reply) and found.body is Body.NEW


def test_an_offer_that_changes_under_the_o_line_of_before_is_a_change() -> None:
    found = a_callee(WE, KNOWS, body=THEIRS).receive(a_request(WE, KNOWS, cseq=2, body=THEIRS + "a=sendonly\r\n"))
    assert isinstance(found, Reply) and found.body is Body.NEW


def test_t_48_the_answer_to_an_offer_of_ours_is_remembered_too() -> None:
    timer = SessionTimer(USUAL, is_owner=True)
    response = answered(sent(timer, timer.ask("INVITE"), 1, 0.0), 200, WE)
    response.set_body(THEIRS.encode(), "application/sdp")
    timer.answered(response, 0.0)
    timer.receive(a_request(method="BYE", body=CHANGED))
    found = timer.receive(a_request(THEY, KNOWS, body=THEIRS))
    assert isinstance(found, Reply) and found.body is Body.SAME
    timer.receive(a_request(method="ACK", body=CHANGED))
    found = timer.receive(a_request(THEY, KNOWS, body=CHANGED))
    assert isinstance(found, Reply) and found.body is Body.SAME


def test_a_refresh_of_the_peer_takes_back_one_of_ours_that_was_put_off() -> None:
    timer = a_callee(THEY, KNOWS)
    now, _ = due(timer)
    timer.postpone(2.0, now)
    assert timer.next_timer == now + 2
    taken(timer, WE, KNOWS, now=now + 1, cseq=2)
    assert not timer.is_refresher and timer.next_timer == now + 1 + 300 - 32


def test_a_refresh_that_could_not_go_out_is_due_again() -> None:
    timer = a_caller(WE)
    now, _ = due(timer)
    timer.postpone(0.5, now)
    again, send = due(timer)
    assert again == now + 0.5 and send.is_refresh
