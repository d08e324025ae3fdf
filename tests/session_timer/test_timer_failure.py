"""Refreshes that are refused or lost, and peers that fall silent.  RFC 4028 section 10."""

from __future__ import annotations

import itertools

import pytest
from timer_builders import USUAL, a_callee, a_caller, answered, due, lines_of, ours, sent, taken

from sipstub.dialog.negotiation import OTHER_RETRY_S, OWNER_RETRY_S
from sipstub.session_timer.reply import Body
from sipstub.session_timer.setting import RefreshMethod, TimerSettings, lead_s
from sipstub.session_timer.step import End, Reason, Send, Step
from sipstub.session_timer.timer import MAX_CHALLENGES, MAX_GLARES, MAX_OPEN, MAX_TRIES, SessionTimer

WE = "Session-Expires: 300;refresher=uac"
THEY = "Session-Expires: 300;refresher=uas"
KNOWS = "Supported: timer"
UPDATE = TimerSettings(method=RefreshMethod.UPDATE)


def refreshed(timer: SessionTimer, status: int, *lines: str, cseq: int = 2, chance: float = 0.5) -> tuple[float, Step]:
    """Return what follows when the refresh that is due is answered so."""
    now, send = due(timer)
    return now, timer.answered(answered(sent(timer, send, cseq, now), status, *lines), now, chance=chance)


@pytest.mark.parametrize("status", [100, 300, 401, 403, 422, 480, 486, 488, 491, 500, 503, 603])
def test_t_97_nothing_but_a_2xx_puts_the_end_off(status: int) -> None:
    timer = a_caller(WE)
    refreshed(timer, status, "Min-SE: 900", "Session-Expires: 900;refresher=uac")
    assert (timer.interval_s, timer.expires_at) == (300, 300.0)


@pytest.mark.parametrize("timer", [a_caller(WE), a_callee(THEY, KNOWS)])
def test_t_98_no_answer_to_a_refresh_ends_the_call(timer: SessionTimer) -> None:
    now, send = due(timer)
    assert timer.refused(sent(timer, send, 2, now), 408, now + 32) == End(Reason.FAILED) and timer.is_over


@pytest.mark.parametrize("status", [408, 481])
def test_t_98_408_and_481_end_the_call(status: int) -> None:
    assert refreshed(a_caller(WE), status)[1] == End(Reason.FAILED)
    assert refreshed(a_callee(THEY, KNOWS), status)[1] == End(Reason.FAILED)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_t_98_they_do_so_for_a_request_sent_for_another_reason(method: str) -> None:
    timer = a_caller(THEY)
    request = sent(timer, timer.ask(method), 2, 10.0)
    assert timer.answered(answered(request, 481), 10.0) == End(Reason.FAILED)


@pytest.mark.parametrize("status", [404, 410, 482, 604])
def test_an_answer_that_says_the_dialog_is_gone_ends_the_call(status: int) -> None:
    assert refreshed(a_caller(WE), status)[1] == End(Reason.FAILED)


@pytest.mark.parametrize("status", [401, 407])
def test_t_99_a_challenge_is_answered_at_once_and_not_for_ever(status: int) -> None:
    timer = a_caller(WE)
    now, step = refreshed(timer, status)
    for cseq in range(MAX_CHALLENGES):
        assert isinstance(step, Send) and step.needs_credentials and step.is_refresh
        assert lines_of(step.headers) == [WE, KNOWS]
        step = timer.answered(answered(sent(timer, step, 3 + cseq, now), status), now)
    assert step is None and timer.expires_at == 300.0


def test_t_99_a_challenge_that_cannot_be_answered_counts_as_any_error() -> None:
    timer = a_caller(WE)
    now, send = due(timer)
    assert timer.refused(sent(timer, send, 2, now), 401, now) is None and timer.next_timer == now + 50


def test_t_99_422_raises_the_interval_at_once() -> None:
    _, step = refreshed(a_caller(WE), 422, "Min-SE: 1000")
    assert isinstance(step, Send) and step.is_refresh and step.method == "INVITE" and step.body is Body.SAME
    assert lines_of(step.headers) == ["Session-Expires: 1000;refresher=uac", "Min-SE: 1000", KNOWS]


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.99])
def test_t_99_491_waits_as_the_owner_of_the_call_id_or_the_other_has_to(chance: float) -> None:
    for timer, (low, high) in ((a_caller(WE), OWNER_RETRY_S), (a_callee(THEY, KNOWS), OTHER_RETRY_S)):
        now, step = refreshed(timer, 491, chance=chance)
        assert step is None and timer.next_timer is not None and now + low <= timer.next_timer <= now + high
        assert due(timer)[1].is_refresh


def test_t_99_retry_after_is_waited_for() -> None:
    timer = a_caller(WE)
    now, _ = refreshed(timer, 500, "Retry-After: 7 (busy)")
    assert timer.next_timer == now + 7


@pytest.mark.parametrize("status", [405, 501])
def test_t_99_a_peer_without_update_is_refreshed_by_reinvite_from_then_on(status: int) -> None:
    timer = a_caller(WE, settings=UPDATE)
    now, step = refreshed(timer, status)
    assert isinstance(step, Send) and (step.method, step.body, step.is_refresh) == ("INVITE", Body.SAME, True)
    timer.answered(answered(sent(timer, step, 3, now), 200, WE), now)
    assert due(timer)[1].method == "INVITE"


@pytest.mark.parametrize("status", [403, 480, 486, 488, 500, 503, 603])
def test_t_100_the_same_error_is_not_met_for_ever_and_the_end_stands(status: int) -> None:
    timer, tries, step = a_caller(WE), 0, None
    pauses = []
    while step is None:
        now = timer.next_timer
        assert now is not None
        step = timer.on_timer(now)
        if isinstance(step, Send):
            pauses.append(now)
            tries += 1
            step = timer.answered(answered(sent(timer, step, 1 + tries, now), status), now)
    assert (step, now, tries) == (End(Reason.EXPIRED), 300.0, 1 + MAX_TRIES)
    assert all(later - sooner >= 2 for sooner, later in itertools.pairwise(pauses))


def test_t_100_nor_is_491() -> None:
    timer, tries = a_caller("Session-Expires: 7200;refresher=uac"), 0
    while isinstance(step := timer.on_timer(now := timer.next_timer or 0.0), Send):
        tries += 1
        timer.answered(answered(sent(timer, step, 1 + tries, now), 491), now)
    assert tries == 1 + MAX_GLARES + MAX_TRIES and step == End(Reason.EXPIRED)


def test_a_request_that_could_not_be_sent_is_tried_again() -> None:
    timer = a_caller(WE)
    now, send = due(timer)
    assert timer.refused(sent(timer, send, 2, now), 503, now) is None and timer.next_timer == now + 50


def test_other_errors_of_other_requests_are_not_for_the_timer_to_repeat() -> None:
    timer = a_caller(WE)
    for cseq, status in enumerate((401, 488, 491, 500), 2):
        request = sent(timer, timer.ask("INVITE"), cseq, 10.0)
        assert timer.answered(answered(request, status), 10.0) is None
    assert timer.next_timer == 150.0


def test_but_422_to_one_says_how_to_repeat_it() -> None:
    timer = a_caller(THEY)
    request = sent(timer, timer.ask("INVITE"), 2, 10.0)
    step = timer.answered(answered(request, 422, "Min-SE: 900"), 10.0)
    assert isinstance(step, Send) and not step.is_refresh and step.body is Body.NEW
    assert lines_of(step.headers)[:2] == ["Session-Expires: 900;refresher=uas", "Min-SE: 900"]


@pytest.mark.parametrize("seconds", [10, 60, 90, 96, 97, 300, 1800])
def test_t_101_who_sees_no_refresh_hangs_up_before_the_end(seconds: int) -> None:
    for timer in (
        a_caller(f"Session-Expires: {seconds};refresher=uas", now=7.0),
        a_callee(f"Session-Expires: {seconds};refresher=uac", KNOWS, settings=TimerSettings(refuses_short=False), now=7.0),
    ):
        when = 7 + seconds - min(32, seconds / 3)
        assert timer.next_timer == when and timer.on_timer(when - 0.001) is None
        assert timer.on_timer(when) == End(Reason.SILENCE) and timer.is_over


def test_t_102_the_lead_is_32_seconds_or_a_third() -> None:
    assert [lead_s(seconds) for seconds in (90, 93, 96, 97, 180, 1800)] == [30, 31, 32, 32, 32, 32]


def test_an_answer_that_comes_after_the_end_means_nothing() -> None:
    timer = a_caller(WE)
    now, send = due(timer)
    request = sent(timer, send, 2, now)
    assert timer.on_timer(300.0) == End(Reason.EXPIRED)
    assert timer.answered(answered(request, 200, WE), 301.0) is None and timer.refused(request, 408, 301.0) is None
    assert not timer.is_running and timer.next_timer is None and timer.on_timer(400.0) is None


def test_a_refusal_of_a_refresh_that_the_peer_made_needless_is_let_go() -> None:
    timer = a_callee(THEY, KNOWS)
    now, send = due(timer)
    request = sent(timer, send, 2, now)
    timer.replied(ours(), timer.receive(ours(headers=a_caller(WE).ask("UPDATE").headers)), now + 1)  # type: ignore[arg-type]
    assert timer.answered(answered(request, 491), now + 2) is None
    assert timer.next_timer == now + 1 + 300 - 32


def test_nor_does_it_bring_the_next_refresh_forward() -> None:
    timer = a_callee(THEY, KNOWS)
    now, send = due(timer)
    request = sent(timer, send, 2, now)
    taken(timer, THEY, KNOWS, now=now + 1, cseq=2)
    assert timer.is_refresher and timer.answered(answered(request, 500, "Retry-After: 3"), now + 2) is None
    assert timer.next_timer == now + 1 + 150


def test_attempts_are_counted_anew_after_each_success() -> None:
    timer, cseq = a_caller(WE), 2
    for _ in range(2 * MAX_GLARES):
        now, step = refreshed(timer, 491, cseq=cseq)
        assert step is None and timer.next_timer is not None and timer.next_timer - now < 5
        now, send = due(timer)
        timer.answered(answered(sent(timer, send, cseq + 1, now), 200, WE), now)
        cseq += 2


def test_a_422_that_wants_no_more_than_was_said_is_no_reason_to_try_again() -> None:
    timer = a_caller(WE)
    now, step = refreshed(timer, 422, "Min-SE: 900")
    assert isinstance(step, Send)
    assert timer.answered(answered(sent(timer, step, 3, now), 422, "Min-SE: 900"), now) is None


def test_a_repeated_refusal_counts_once() -> None:
    timer = a_caller(WE)
    now, send = due(timer)
    response = answered(sent(timer, send, 2, now), 500, "Retry-After: 5")
    assert timer.answered(response, now) is None and timer.answered(response, now + 3) is None
    assert timer.next_timer == now + 5


def test_requests_that_are_never_answered_do_not_pile_up() -> None:
    timer = SessionTimer(USUAL)
    first, *_, last = (sent(timer, timer.ask("UPDATE"), cseq, 0.0) for cseq in range(1, 10 * MAX_OPEN))
    timer.answered(answered(first, 200, WE), 1.0)
    assert not timer.is_running
    timer.answered(answered(last, 200, WE), 1.0)
    assert timer.is_running


def test_a_timer_that_was_ended_does_nothing_more() -> None:
    timer = a_caller(WE)
    timer.end()
    assert timer.is_over and timer.next_timer is None and timer.on_timer(1e9) is None and timer.expires_at is None
