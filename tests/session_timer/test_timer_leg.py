"""Legs of a B2BUA: what one leg takes over from the other, and the clock of a leg that watches."""

from __future__ import annotations

import pytest
from timer_builders import a_request, answered, lines_of, ours

from sipstub.session_timer.header import hear
from sipstub.session_timer.leg import MAX_COUNTED, SessionWatch, carried_settings
from sipstub.session_timer.offer import Offer
from sipstub.session_timer.setting import Insertion, TimerSettings
from sipstub.session_timer.step import End, Reason
from sipstub.session_timer.timer import SessionTimer

KNOWS = "Supported: timer"


def carried(settings: TimerSettings, *lines: str) -> int | None:
    return Offer(carried_settings(settings, hear(a_request(*lines)))).send.headers.expires_s


@pytest.mark.parametrize(("asked", "own", "said"), [(600, 180, 180), (120, 180, 120), (180, 180, 180), (60, 180, 90)])
def test_t_55_t_57_the_smaller_interval_goes_on_to_the_other_leg(asked: int, own: int, said: int) -> None:
    assert carried(TimerSettings(expires_s=own), f"Session-Expires: {asked}") == said


def test_t_53_t_56_t_58_never_under_min_se_of_the_caller_or_of_the_leg() -> None:
    assert carried(TimerSettings(expires_s=180), "Session-Expires: 600", "Min-SE: 300") == 300
    assert carried(TimerSettings(expires_s=180), "Session-Expires: 100", "Min-SE: 300") == 300
    assert carried(TimerSettings(expires_s=400, min_se_s=400), "Session-Expires: 200") == 400


def test_a_leg_adds_a_timer_where_the_caller_asked_for_none() -> None:
    assert carried(TimerSettings(expires_s=180)) == 180
    assert carried(TimerSettings(expires_s=None), "Session-Expires: 200") is None


def test_two_legs_of_their_own_may_differ_in_interval_and_refresher() -> None:
    first = SessionTimer(TimerSettings(expires_s=180, inserts=Insertion.ALWAYS))
    request = a_request()
    reply = first.receive(request)
    first.replied(request, reply, 0.0)  # type: ignore[arg-type]
    offer = Offer(TimerSettings(expires_s=600, refresher="uas"))
    invite = ours(headers=offer.send.headers)
    offer.asked(invite)
    second = offer.timer(0.0)
    second.answered(answered(invite, 200, "Session-Expires: 600;refresher=uas"), 0.0)
    assert (first.interval_s, first.is_refresher) == (180, True) and (second.interval_s, second.is_refresher) == (600, False)
    assert lines_of(first.ask("INVITE").headers) == ["Session-Expires: 180;refresher=uac", KNOWS]
    assert lines_of(second.ask("INVITE").headers) == ["Session-Expires: 600;refresher=uas", KNOWS]


def watched(*lines: str, now: float = 0.0) -> SessionWatch:
    watch = SessionWatch()
    watch.passed(answered(ours(), 200, *lines), now)
    return watch


def test_a_watch_runs_out_when_nobody_refreshes() -> None:
    watch = watched("Session-Expires: 90;refresher=uas", now=5.0)
    assert watch.next_timer == 65.0 and watch.on_timer(64.9) is None
    assert watch.on_timer(65.0) == End(Reason.SILENCE) and watch.next_timer is None


def test_a_watch_starts_anew_with_a_refresh_of_either_side() -> None:
    watch = watched("Session-Expires: 90;refresher=uas")
    watch.passed(answered(ours("UPDATE", 2), 200, "Session-Expires: 90;refresher=uac"), 40.0)
    assert watch.next_timer == 100.0
    theirs = a_request(method="UPDATE", cseq=2)
    watch.passed(answered(theirs, 200, "Session-Expires: 300;refresher=uac"), 80.0)
    assert watch.next_timer == 80 + 300 - 32


def test_a_watch_stops_with_a_2xx_without_an_interval() -> None:
    watch = watched("Session-Expires: 90;refresher=uas")
    watch.passed(answered(ours("INVITE", 2), 200), 40.0)
    assert watch.next_timer is None and watch.on_timer(1e9) is None


@pytest.mark.parametrize(
    ("method", "cseq", "status"), [("INVITE", 1, 200), ("UPDATE", 2, 422), ("UPDATE", 2, 183), ("INFO", 2, 200), ("BYE", 2, 200)]
)
def test_a_watch_counts_neither_repetitions_nor_other_answers(method: str, cseq: int, status: int) -> None:
    watch = watched("Session-Expires: 90;refresher=uas")
    watch.passed(answered(ours(method, cseq), status, "Session-Expires: 900;refresher=uas", "Min-SE: 900"), 40.0)
    assert watch.next_timer == 60.0


def test_a_watch_remembers_a_bounded_number_of_answers() -> None:
    watch = watched()
    for cseq in range(2, 3 * MAX_COUNTED):
        watch.passed(answered(ours("UPDATE", cseq), 200, "Session-Expires: 90;refresher=uac"), float(cseq))
    watch.passed(answered(ours("UPDATE", cseq), 200, "Session-Expires: 90;refresher=uac"), 500.0)
    assert watch.next_timer == cseq + 60
