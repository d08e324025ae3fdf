"""The called side: what is refused, what a 2xx says, who refreshes.  RFC 4028 section 9 and its table 2."""

from __future__ import annotations

import pytest
from timer_builders import USUAL, a_callee, a_request, lines_of, refused, taken

from sipstub.session_timer.setting import LONGEST_S, UAC, UAS, Insertion, TimerSettings
from sipstub.session_timer.timer import SessionTimer

KNOWS = "Supported: timer"


def answer_to(*lines: str, settings: TimerSettings = USUAL) -> list[str]:
    return lines_of(taken(SessionTimer(settings), *lines, now=0.0).headers)


@pytest.mark.parametrize(("asked", "minimum", "said"), [(89, 0, 90), (30, 0, 90), (0, 0, 90), (90, 300, 300), (299, 300, 300)])
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_t_11_t_79_t_80_t_81_too_short_an_interval_gets_422_with_the_minimum(
    asked: int, minimum: int, said: int, method: str
) -> None:
    timer = SessionTimer(TimerSettings(min_se_s=minimum))
    refusal = refused(timer, f"Session-Expires: {asked}", KNOWS, method=method)
    response = refusal.answer_to(a_request(method=method), to_tag="us")
    assert (response.status, response.reason) == (422, "Session Interval Too Small")
    assert response.headers.all("Min-SE") == [str(said)] and "Session-Expires" not in response.headers
    assert not timer.is_running


@pytest.mark.parametrize("seconds", [90, 91, 300])
def test_t_79_an_interval_from_the_minimum_up_is_taken(seconds: int) -> None:
    assert a_callee(f"Session-Expires: {seconds}", KNOWS).interval_s == seconds


def test_t_79_a_peer_without_timers_never_gets_422() -> None:
    timer = a_callee("Session-Expires: 60", settings=TimerSettings(min_se_s=300))
    assert (timer.interval_s, timer.is_refresher) == (60, True)


def test_an_interval_under_its_own_min_se_is_too_short() -> None:
    assert refused(SessionTimer(USUAL), "Session-Expires: 100", "Min-SE: 200", KNOWS).headers == (("Min-SE", 200),)


def test_a_lax_side_takes_short_intervals_as_they_are() -> None:
    assert answer_to("Session-Expires: 30;refresher=uac", KNOWS, settings=TimerSettings(refuses_short=False))[0] == (
        "Session-Expires: 30;refresher=uac"
    )


@pytest.mark.parametrize("seconds", [0, 1, 9])
def test_an_interval_of_next_to_nothing_from_who_cannot_be_refused_starts_no_timer(seconds: int) -> None:
    timer = SessionTimer(USUAL)
    assert lines_of(taken(timer, f"Session-Expires: {seconds}", now=0.0).headers) == [KNOWS] and not timer.is_running


def test_t_82_the_interval_of_the_request_is_copied() -> None:
    for seconds in (90, 1234, LONGEST_S):
        assert answer_to(f"Session-Expires: {seconds};refresher=uas", KNOWS)[0] == f"Session-Expires: {seconds};refresher=uas"


def test_t_83_it_may_be_lowered() -> None:
    assert answer_to("Session-Expires: 7200", KNOWS, settings=TimerSettings(longest_s=1800))[0].startswith(
        "Session-Expires: 1800;"
    )


def test_t_84_but_not_under_min_se_of_the_request() -> None:
    settings = TimerSettings(longest_s=300)
    assert answer_to("Session-Expires: 7200", "Min-SE: 600", KNOWS, settings=settings)[0].startswith("Session-Expires: 600;")


def test_t_85_and_not_under_ninety() -> None:
    for minimum in ((), ("Min-SE: 20",)):
        lines = answer_to("Session-Expires: 7200", *minimum, KNOWS, settings=TimerSettings(longest_s=90))
        assert lines[0].startswith("Session-Expires: 90;")


@pytest.mark.parametrize("asked", [10, 60, 90, 200])
def test_t_86_it_is_never_raised(asked: int) -> None:
    settings = TimerSettings(min_se_s=300, expires_s=1800)
    for minimum in ((), ("Min-SE: 400",)):
        assert answer_to(f"Session-Expires: {asked}", *minimum, settings=settings)[0].startswith(f"Session-Expires: {asked};")


def test_t_87_a_caller_with_timers_that_asks_for_none_may_get_one() -> None:
    assert answer_to(KNOWS)[0] == "Session-Expires: 1800;refresher=uas"
    assert answer_to(KNOWS, settings=TimerSettings(inserts=Insertion.NEVER)) == [KNOWS]
    assert answer_to(settings=USUAL) == [KNOWS]
    assert answer_to(settings=TimerSettings(inserts=Insertion.ALWAYS)) == ["Session-Expires: 1800;refresher=uas", KNOWS]


def test_t_87_the_one_put_in_is_not_over_the_longest() -> None:
    assert answer_to(KNOWS, settings=TimerSettings(longest_s=600))[0].startswith("Session-Expires: 600;")


def test_t_88_the_one_put_in_is_not_under_min_se_of_the_request() -> None:
    settings = TimerSettings(expires_s=120)
    assert answer_to("Min-SE: 600", KNOWS, settings=settings)[0].startswith("Session-Expires: 600;")
    timer = a_callee("Min-SE: 600", KNOWS, settings=settings)
    assert taken(timer, KNOWS, now=1.0, cseq=2).interval_s == 600  # heard before in the dialog


TABLE_2 = [
    # does the caller have timers, what it asks, what a 2xx may say
    (False, None, {UAS}),
    (False, UAC, {UAS}),
    (False, UAS, {UAS}),
    (True, None, {UAC, UAS}),
    (True, UAC, {UAC}),
    (True, UAS, {UAS}),
]


@pytest.mark.parametrize(("knows", "asked", "allowed"), TABLE_2)
@pytest.mark.parametrize("choice", [UAC, UAS])
def test_t_89_t_90_t_91_who_refreshes_is_always_said_and_follows_table_2(
    knows: bool, asked: str | None, allowed: set[str], choice: str
) -> None:
    expires = "Session-Expires: 300" + (f";refresher={asked}" if asked else "")
    timer = SessionTimer(TimerSettings(answer_refresher=choice))
    headers = taken(timer, expires, *([KNOWS] if knows else []), now=0.0).headers
    assert headers.refresher == (choice if choice in allowed else next(iter(allowed)))
    assert timer.is_refresher is (headers.refresher == UAS)


def test_t_90_both_rows_with_a_choice_are_chosen_by_the_settings() -> None:
    for choice in (UAC, UAS):
        assert a_callee("x: 300", KNOWS, settings=TimerSettings(answer_refresher=choice)).is_refresher is (choice == UAS)


@pytest.mark.parametrize("supported", ["Supported: timer", "k: replaces,timer", "Supported: 100rel\r\nSupported: TIMER"])
def test_t_92_a_caller_that_has_to_refresh_is_told_by_require(supported: str) -> None:
    assert answer_to("x: 300;refresher=uac", supported)[-1] == "Require: timer"


def test_t_93_a_caller_that_may_wait_is_told_by_require_too() -> None:
    assert answer_to("x: 300;refresher=uas", KNOWS)[-1] == "Require: timer"
    assert answer_to(KNOWS)[-1] == "Require: timer"


def test_t_93_but_not_one_without_timers() -> None:
    assert answer_to("x: 300;refresher=uas") == ["Session-Expires: 300;refresher=uas", KNOWS]


def test_t_94_the_latest_2xx_decides() -> None:
    timer = a_callee("Session-Expires: 300;refresher=uas", KNOWS)
    taken(timer, "Session-Expires: 600;refresher=uac", KNOWS, now=10.0, cseq=2, method="UPDATE")
    assert (timer.interval_s, timer.is_refresher, timer.expires_at) == (600, False, 610.0)
    timer.settings = TimerSettings(inserts=Insertion.NEVER)
    taken(timer, KNOWS, now=20.0, cseq=3)
    assert not timer.is_running and timer.next_timer is None


def test_a_request_that_is_refused_for_another_reason_changes_nothing() -> None:
    timer = a_callee("Session-Expires: 300;refresher=uas", KNOWS)
    timer.receive(a_request("Session-Expires: 90;refresher=uac", KNOWS, cseq=2))  # and answered 488
    assert (timer.interval_s, timer.expires_at, timer.is_refresher) == (300, 300.0, True)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "OPTIONS", "BYE", "REFER"])
def test_a_side_without_the_extension_refuses_who_insists_on_it(method: str) -> None:
    timer = SessionTimer(TimerSettings(is_on=False))
    refusal = refused(timer, "Require: timer", "Session-Expires: 30", KNOWS, method=method)
    response = refusal.answer_to(a_request(method=method))
    assert response.status == 420 and response.headers.all("Unsupported") == ["timer"]
    assert "Min-SE" not in response.headers


def test_a_side_without_the_extension_answers_as_if_nobody_asked() -> None:
    timer = SessionTimer(TimerSettings(is_on=False))
    assert taken(timer, "Session-Expires: 30;refresher=uas", "Min-SE: 20", KNOWS, now=0.0).headers.pairs == ()
    assert not timer.is_running and timer.min_se_s == 0


def test_who_insists_on_timers_gets_one_where_there_are() -> None:
    assert answer_to("Require: timer", KNOWS, "x: 300;refresher=uac") == [
        "Session-Expires: 300;refresher=uac",
        KNOWS,
        "Require: timer",
    ]
