"""Which headers count where, how they are spelled, and what is malformed.  RFC 4028 sections 4 to 6."""

from __future__ import annotations

import pytest
from timer_builders import USUAL, a_callee, a_caller, a_request, answered, due, lines_of, ours, refused, sent, taken

from sipstub.session_timer.header import TimerHeaders, hear
from sipstub.session_timer.setting import LEAST_S, LONGEST_S, SUGGESTED_S, Insertion, TimerSettings
from sipstub.session_timer.timer import SessionTimer
from sipstub.sip.error import SipError

METHODS = ("ACK", "BYE", "CANCEL", "INFO", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE")


@pytest.mark.parametrize("method", METHODS)
def test_t_01_no_other_request_says_or_sets_an_interval(method: str) -> None:
    timer = a_caller("Session-Expires: 1800;refresher=uac")
    assert timer.ask(method).headers.session_expires is None and timer.ask(method).headers.min_se_s is None
    taken(timer, "Session-Expires: 90;refresher=uac", "Min-SE: 600", "Supported: timer", method=method, cseq=2, now=5.0)
    assert (timer.interval_s, timer.is_refresher, timer.min_se_s, timer.expires_at) == (1800, True, 0, 1800.0)


@pytest.mark.parametrize("status", [100, 180, 183, 199, 302, 486, 500])
def test_t_01_an_interval_in_an_answer_that_is_no_2xx_counts_for_nothing(status: int) -> None:
    timer = a_caller("Session-Expires: 1800;refresher=uac")
    request = sent(timer, timer.ask("UPDATE"), 2, 5.0)
    timer.answered(answered(request, status, "Session-Expires: 90;refresher=uas"), 6.0)
    assert (timer.interval_s, timer.expires_at) == (1800, 1800.0)


def test_t_02_ninety_seconds_is_the_smallest_interval_that_is_put_in() -> None:
    timer = SessionTimer(TimerSettings(expires_s=30, inserts=Insertion.ALWAYS))
    assert taken(timer, "Supported: timer", now=0.0).interval_s == 90 == LEAST_S
    assert TimerSettings(expires_s=89).warnings == ("an interval of 89 s is under 90: a strict peer answers 422",)


def test_t_03_the_suggested_value_is_the_default() -> None:
    assert TimerSettings().expires_s == 1800 == SUGGESTED_S


@pytest.mark.parametrize("seconds", [90, 91, 1799, 1800, 86_400, 1_000_000, 2**31, LONGEST_S])
def test_t_04_every_value_from_ninety_up_is_taken_in_requests_and_answers(seconds: int) -> None:
    assert a_callee(f"Session-Expires: {seconds}", "Supported: timer").interval_s == seconds
    assert a_caller(f"Session-Expires: {seconds};refresher=uac", "Require: timer").interval_s == seconds


def test_t_05_less_than_half_an_hour_is_put_in_only_with_a_warning() -> None:
    assert TimerSettings(expires_s=1800).warnings == () == TimerSettings(expires_s=None).warnings
    assert TimerSettings(expires_s=1799).warnings == ("an interval of 1799 s should not be put in, being under 1800",)


def test_t_06_without_the_header_nothing_expires() -> None:
    for timer in (a_callee(), a_caller(), a_callee("Supported: timer", settings=TimerSettings(expires_s=None))):
        assert not timer.is_running and timer.next_timer is None and timer.expires_at is None
        assert timer.on_timer(1e9) is None


@pytest.mark.parametrize(
    "line",
    [
        "Session-Expires: 300;refresher=uas",
        "x: 300;refresher=uas",
        "X: 300 ; refresher=UAS",
        "SESSION-EXPIRES: 00300;vendor=1;Refresher=uas;flag",
        'Session-Expires:\r\n 300;note="a, b";refresher="uas"',
    ],
)
def test_t_07_long_and_compact_form_any_case_and_unknown_parameters_are_understood(line: str) -> None:
    reply = taken(SessionTimer(USUAL), line, "k: timer", now=0.0)
    assert lines_of(reply.headers) == ["Session-Expires: 300;refresher=uas", "Supported: timer", "Require: timer"]


def test_t_07_the_compact_form_of_ours_is_x() -> None:
    request = ours(headers=TimerHeaders(expires_s=90, refresher="uac", is_supported=True))
    assert b"\r\nx: 90;refresher=uac\r\nk: timer\r\n" in request.to_bytes(compact=True)


@pytest.mark.parametrize("stated", [1, 30, 89, 90])
def test_t_08_min_se_of_ours_is_never_under_ninety(stated: int) -> None:
    settings = TimerSettings(min_se_s=stated, sends_min_se=True)
    assert a_caller(settings=settings).ask("INVITE").headers.min_se_s == 90
    assert refused(SessionTimer(settings), "Session-Expires: 40", "Supported: timer").headers == (("Min-SE", 90),)


def test_t_08_a_minimum_under_ninety_is_warned_of() -> None:
    assert "Min-SE of 89 s cannot be said: it goes out as 90" in TimerSettings(min_se_s=89).warnings
    assert TimerSettings(min_se_s=90).warnings == () == TimerSettings(min_se_s=0).warnings


def test_t_09_without_min_se_ninety_counts_and_smaller_ones_count_as_ninety() -> None:
    assert hear(a_request()).least_s == 90 == hear(a_request("Min-SE: 30")).least_s
    assert hear(a_request("Min-SE: 91")).least_s == 91


def test_t_10_answers_but_422_say_no_min_se_and_theirs_counts_for_nothing() -> None:
    settings = TimerSettings(min_se_s=300, sends_min_se=True)
    timer = SessionTimer(settings)
    assert taken(timer, "Session-Expires: 600", "Min-SE: 400", "Supported: timer", now=0.0).headers.min_se_s is None
    caller = a_caller("Session-Expires: 1800;refresher=uac", "Min-SE: 900")
    assert caller.min_se_s == 0 and caller.ask("UPDATE").headers.min_se_s is None
    assert hear(answered(ours(), 200, "Session-Expires: 90;refresher=uac", "Min-SE: 900")).min_se_s is None
    assert hear(answered(ours(), 422, "Min-SE: 900")).min_se_s == 900


@pytest.mark.parametrize(
    "lines",
    [
        ("Session-Expires: 1800", "x: 1800"),
        ("x: 90", "x: 1800"),
        ("Session-Expires: 1800, 90",),
        ("Session-Expires:",),
        ("Session-Expires: ;refresher=uac",),
        ("Session-Expires: -90",),
        ("Session-Expires: +90",),
        ("Session-Expires: 90.5",),
        ("Session-Expires: 0x90",),
        ("Session-Expires: ninety",),
        ("Session-Expires: 90 90",),
        (f"Session-Expires: {LONGEST_S + 1}",),
        ("Session-Expires: " + "9" * 2000,),
        ("Session-Expires: 1800;refresher",),
        ("Session-Expires: 1800;refresher=",),
        ("Session-Expires: 1800;refresher=proxy",),
        ("Session-Expires: 1800;refresher=uac;refresher=uas",),
        ("Session-Expires: 1800;;refresher=uac",),
        ("Session-Expires: 1800;refresher=uac;",),
        ("Session-Expires: \u0661\u0668\u0660\u0660",),
        ("Min-SE: 90", "Min-SE: 120"),
        ("Min-SE: 90, 120",),
        ("Min-SE:",),
        ("Min-SE: soon",),
        (f"Min-SE: {LONGEST_S + 1}",),
        ("Supported: ti mer",),
        ('Require: "timer"',),
    ],
)
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_malformed_header_is_refused_with_400_and_changes_nothing(lines: tuple[str, ...], method: str) -> None:
    timer = a_callee("Session-Expires: 600;refresher=uac", "Supported: timer")
    assert refused(timer, *lines, method=method).status == 400
    assert (timer.interval_s, timer.is_refresher, timer.min_se_s) == (600, False, 0)


@pytest.mark.parametrize(
    "line", ["Session-Expires: soon", "Session-Expires: 90;refresher=none", "Session-Expires: 9;refresher=uac"]
)
def test_a_2xx_whose_interval_cannot_be_used_is_a_2xx_without_one(line: str) -> None:
    assert not a_caller(line, "Require: timer").is_running


def test_a_422_whose_minimum_cannot_be_read_is_no_reason_to_try_again() -> None:
    timer = a_caller("Session-Expires: 1800;refresher=uac")
    _, send = due(timer)
    assert timer.answered(answered(sent(timer, send, 2, 900.0), 422, "Min-SE: much"), 900.0) is None


@pytest.mark.parametrize("before", [None, "replaces", "replaces, timer", "TIMER, 100rel"])
def test_the_option_tag_joins_the_others_and_stands_once(before: str | None) -> None:
    request = ours()
    if before is not None:
        request.headers.add("Supported", before)
    request.headers.add("x", "1")
    TimerHeaders(expires_s=90, is_supported=True).put_on(request)
    assert [word.lower() for word in request.supported].count("timer") == 1
    assert request.headers.all("Session-Expires") == ["90"]
    TimerHeaders().put_on(request)
    assert "timer" not in [word.lower() for word in request.supported] and "Session-Expires" not in request.headers
    assert ("Supported" in request.headers) == (before is not None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"refresher": "me"},
        {"answer_refresher": ""},
        {"expires_s": 0},
        {"expires_s": LONGEST_S + 1},
        {"min_se_s": -1},
        {"longest_s": 89},
        {"longest_s": 200, "min_se_s": 300},
        {"refresh_share": 1.0},
        {"refresh_share": 0.0},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        TimerSettings(**wrong)  # type: ignore[arg-type]


def test_settings_against_themselves_are_warned_of() -> None:
    contradiction = TimerSettings(expires_s=100, min_se_s=300, sends_min_se=True)
    assert "the interval 100 s is under Min-SE: it goes out as 300" in contradiction.warnings
    assert any("Require: timer" in line for line in TimerSettings(requires=True).warnings)


def test_what_is_read_is_an_error_only_where_it_counts() -> None:
    with pytest.raises(SipError):
        hear(a_request("Session-Expires: soon"))
    assert hear(a_request("Session-Expires: soon", "Min-SE: now", method="BYE")).expires_s is None
    for status in (183, 302, 486):
        assert hear(answered(ours(), status, "Session-Expires: soon", "Min-SE: now")).expires_s is None
    assert hear(answered(ours(), 200, "Session-Expires: 90", "Min-SE: now")).min_se_s is None
