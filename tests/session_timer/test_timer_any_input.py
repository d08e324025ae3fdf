"""Whatever a request says and whatever the settings are, no rule of the called side is broken."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
from timer_builders import a_caller, a_request, answered, due, ours, sent

from sipstub.session_timer.reply import Reply, TimerRefusal
from sipstub.session_timer.setting import LONGEST_S, UAC, UAS, Insertion, TimerSettings
from sipstub.session_timer.step import End, Send
from sipstub.session_timer.timer import SessionTimer
from sipstub.sip.error import SipError

INTERVALS = (None, 0, 9, 10, 60, 89, 90, 91, 299, 300, 1800, LONGEST_S)
MINIMA = (None, 0, 30, 90, 91, 300, 1800, LONGEST_S)
WORDS = (None, UAC, UAS)
SETTINGS = [
    TimerSettings(min_se_s=least, longest_s=longest, answer_refresher=word, inserts=inserts, expires_s=wanted)
    for least, longest, word, inserts, wanted in itertools.product(
        (0, 120, 300), (300, LONGEST_S), (UAC, UAS), (Insertion.NEVER, Insertion.ALWAYS), (None, 30, 600)
    )
]


def check(asked: int | None, least: int | None, knows: bool, word: str | None, wants: TimerSettings) -> None:
    lines = [f"Session-Expires: {asked}" + (f";refresher={word}" if word else "")] if asked is not None else []
    lines += [f"Min-SE: {least}"] if least is not None else []
    lines += ["Supported: timer"] if knows else []
    found = SessionTimer(wants).receive(a_request(*lines))
    if isinstance(found, TimerRefusal):
        minimum = dict(found.headers)["Min-SE"]
        assert found.status == 422 and knows and asked is not None
        assert isinstance(minimum, int) and minimum >= 90 and asked < minimum
        return
    said = found.headers.expires_s
    assert found.headers.min_se_s is None and said == found.interval_s
    if said is None:
        assert found.headers.refresher is None and not found.headers.is_required and not found.is_refresher
        return
    if asked is not None:
        assert said <= asked
        assert said == asked or said >= max(least or 0, 90, wants.minimum_s)
    else:
        assert said >= max(least or 0, 90, wants.minimum_s)
    assert found.headers.refresher in ((UAS,) if not knows else (word,) if word and asked is not None else (UAC, UAS))
    assert found.headers.is_required == knows and found.is_refresher == (found.headers.refresher == UAS)


def test_t_84_t_85_t_86_t_88_t_89_t_91_t_92_hold_for_every_request_under_all_settings() -> None:
    for asked, least, knows, word, wants in itertools.product(INTERVALS, MINIMA, (False, True), WORDS, SETTINGS):
        check(asked, least, knows, word, wants)


TEXT = st.text(st.sampled_from("0189;=, \t\"'()<>xtimeruasc+-.\\%\u00e9"), max_size=24)


@settings(max_examples=300, deadline=None)
@given(TEXT, TEXT, TEXT, st.sampled_from(["INVITE", "UPDATE", "BYE"]))
def test_no_text_in_the_headers_breaks_the_called_side(expires: str, least: str, supported: str, method: str) -> None:
    timer = SessionTimer(TimerSettings())
    try:
        request = a_request(f"x: {expires}", f"Min-SE: {least}", f"Supported: {supported}", method=method)
    except SipError:
        return
    found = timer.receive(request)
    if isinstance(found, Reply):
        assert found.interval_s is None or 10 <= found.interval_s <= LONGEST_S
        timer.replied(request, found, 0.0)
    else:
        assert found.status in (400, 422)
        assert not timer.is_running


@settings(max_examples=300, deadline=None)
@given(st.integers(200, 699), TEXT, TEXT, TEXT)
def test_no_answer_to_a_refresh_breaks_the_calling_side(status: int, expires: str, least: str, retry: str) -> None:
    timer = a_caller("Session-Expires: 300;refresher=uac")
    now, send = due(timer)
    request = sent(timer, send, 2, now)
    try:
        response = answered(request, status, f"x: {expires}", f"Min-SE: {least}", f"Retry-After: {retry}")
    except SipError:
        return
    step = timer.answered(response, now)
    assert isinstance(step, Send | End | None)
    assert timer.next_timer is None or timer.next_timer > now
    if isinstance(step, Send):
        assert step.headers.expires_s is not None and step.headers.expires_s >= max(300, step.headers.min_se_s or 0)
    assert timer.interval_s is None or timer.interval_s >= 10
    assert timer.answered(answered(ours(cseq=2), 200, "x: 90;refresher=uac"), now) is None
