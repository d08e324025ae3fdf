"""The calling side: what INVITEs ask, what a 2xx means, what a 422 leads to.  RFC 4028 sections 7.1 to 7.3."""

from __future__ import annotations

import pytest
from timer_builders import USUAL, a_caller, a_request, answered, due, lines_of, ours, sent, taken

from sipstub.session_timer.offer import Offer
from sipstub.session_timer.reply import Body
from sipstub.session_timer.setting import UAC, UAS, TimerSettings
from sipstub.session_timer.step import Send
from sipstub.session_timer.timer import MAX_RAISES, SessionTimer

REFRESHES = "Session-Expires: 1800;refresher=uac"
METHODS = ("INVITE", "UPDATE", "BYE", "CANCEL", "PRACK", "INFO", "OPTIONS", "REFER", "NOTIFY", "MESSAGE", "SUBSCRIBE", "REGISTER")


def asked(settings: TimerSettings) -> list[str]:
    return lines_of(Offer(settings).send.headers)


@pytest.mark.parametrize("method", METHODS)
def test_t_12_supported_timer_stands_in_every_request(method: str) -> None:
    for timer in (a_caller(REFRESHES), a_caller(), SessionTimer(USUAL)):
        assert timer.ask(method).headers.is_supported


def test_t_12_but_not_in_ack() -> None:
    assert a_caller(REFRESHES).ask("ACK").headers.pairs == ()


def test_t_13_supported_timer_stands_also_where_no_timer_is_asked_for() -> None:
    assert asked(TimerSettings(expires_s=None)) == ["Supported: timer"]
    assert lines_of(a_caller(settings=TimerSettings(expires_s=None)).ask("INVITE").headers) == ["Supported: timer"]


def test_a_side_without_the_extension_says_nothing_of_it() -> None:
    settings = TimerSettings(is_on=False, requires=True, sends_min_se=True)
    assert asked(settings) == []
    timer = a_caller("Session-Expires: 90;refresher=uas", settings=settings)
    assert not timer.is_running and timer.ask("INVITE").headers.pairs == () == timer.ask("BYE").headers.pairs


def test_t_14_t_17_require_may_insist_and_supported_stays_beside_it() -> None:
    assert asked(TimerSettings(requires=True))[1:] == ["Supported: timer", "Require: timer"]


def test_t_15_t_17_proxy_require_may_insist_and_supported_stays_beside_it() -> None:
    assert asked(TimerSettings(proxy_requires=True))[1:] == ["Supported: timer", "Proxy-Require: timer"]


def test_t_16_nobody_insists_by_default() -> None:
    assert asked(USUAL) == ["Session-Expires: 1800", "Supported: timer"]


def test_t_18_min_se_may_stand_in_the_first_invite() -> None:
    assert "Min-SE: 120" in asked(TimerSettings(sends_min_se=True, min_se_s=120))


@pytest.mark.parametrize("seconds", [30, 89, 90, 91, 1800, 7200, 2**32 - 1])
def test_t_19_the_first_invite_asks_for_the_wanted_interval(seconds: int) -> None:
    assert asked(TimerSettings(expires_s=seconds))[0] == f"Session-Expires: {seconds}"


def test_t_20_the_interval_is_never_under_the_min_se_beside_it() -> None:
    settings = TimerSettings(expires_s=100, min_se_s=300, sends_min_se=True)
    assert asked(settings)[:2] == ["Session-Expires: 300", "Min-SE: 300"]
    lines = lines_of(a_caller("Session-Expires: 100;refresher=uac", settings=settings).ask("UPDATE").headers)
    assert lines[:2] == ["Session-Expires: 300;refresher=uac", "Min-SE: 300"]


@pytest.mark.parametrize("role", [UAC, UAS])
def test_t_21_the_caller_may_say_who_refreshes(role: str) -> None:
    assert asked(TimerSettings(expires_s=90, refresher=role))[0] == f"Session-Expires: 90;refresher={role}"


def test_t_22_the_caller_leaves_it_open_by_default() -> None:
    assert Offer(USUAL).send.headers.refresher is None


def test_t_23_require_timer_in_the_2xx_comes_with_an_interval_that_is_looked_up() -> None:
    timer = a_caller("Require: timer", "Session-Expires: 600;refresher=uac")
    assert (timer.interval_s, timer.is_refresher, timer.peer_has_timer) == (600, True, True)
    assert not a_caller("Require: timer", settings=TimerSettings(refreshes_alone=True)).is_running  # promised, and not said


def test_t_24_an_interval_that_nobody_asked_for_holds() -> None:
    timer = a_caller("Session-Expires: 600;refresher=uac", "Require: timer", settings=TimerSettings(expires_s=None))
    assert (timer.interval_s, timer.is_refresher) == (600, True)


@pytest.mark.parametrize("asked_for", [None, UAC, UAS])
@pytest.mark.parametrize("said", [UAC, UAS])
def test_t_25_who_refreshes_is_what_the_2xx_says(asked_for: str | None, said: str) -> None:
    timer = a_caller(f"Session-Expires: 600;refresher={said}", settings=TimerSettings(refresher=asked_for))
    assert timer.is_refresher is (said == UAC)


@pytest.mark.parametrize(("asked_for", "is_ours"), [(UAS, False), (UAC, True), (None, True)])
def test_a_2xx_that_does_not_say_who_refreshes_leaves_it_as_asked_or_else_to_us(asked_for: str | None, is_ours: bool) -> None:
    assert a_caller("Session-Expires: 600", settings=TimerSettings(refresher=asked_for)).is_refresher is is_ours


def test_t_26_a_peer_without_timers_may_be_refreshed_all_the_same() -> None:
    settings = TimerSettings(expires_s=300, refreshes_alone=True, refresher=UAS)
    timer = a_caller(settings=settings)
    assert (timer.interval_s, timer.is_refresher, timer.peer_has_timer) == (300, True, False)
    now, send = due(timer)
    assert (now, lines_of(send.headers)) == (150.0, ["Session-Expires: 300;refresher=uac", "Supported: timer"])
    timer.answered(answered(sent(timer, send, 2, now), 200), now)
    assert (timer.interval_s, timer.is_refresher, timer.expires_at) == (300, True, 450.0)


def test_t_27_a_2xx_without_an_interval_means_no_expiry() -> None:
    timer = a_caller()
    assert not timer.is_running and timer.next_timer is None


def test_t_27_a_2xx_without_an_interval_ends_a_running_timer() -> None:
    timer = a_caller(REFRESHES)
    now, send = due(timer)
    timer.answered(answered(sent(timer, send, 2, now), 200), now)
    assert not timer.is_running and timer.next_timer is None and not timer.is_over


def test_t_28_the_latest_2xx_decides_also_if_it_raises_or_lowers_what_was_asked() -> None:
    timer = a_caller(REFRESHES)
    for cseq, said in ((2, 600), (3, 7200), (4, 60)):
        timer.answered(
            answered(sent(timer, timer.ask("UPDATE"), cseq, 10.0), 200, f"Session-Expires: {said};refresher=uac"), 10.0
        )
        assert (timer.interval_s, timer.expires_at) == (said, 10.0 + said)


def test_t_28_each_fork_has_a_timer_of_its_own() -> None:
    offer = Offer(USUAL)
    invite = ours(headers=offer.send.headers)
    offer.asked(invite)
    first, second, third = (offer.timer(0.0) for _ in range(3))
    first.answered(answered(invite, 200, "Session-Expires: 600;refresher=uac"), 1.0)
    second.answered(answered(invite, 200, "Session-Expires: 90;refresher=uas"), 2.0)
    third.answered(answered(invite, 200), 3.0)
    assert [(one.interval_s, one.is_refresher) for one in (first, second, third)] == [(600, True), (90, False), (None, False)]
    assert [one.expires_at for one in (first, second, third)] == [601.0, 92.0, None]


def test_t_28_an_early_dialog_may_have_a_timer_and_the_2xx_to_the_invite_sets_it_anew() -> None:
    offer = Offer(USUAL)
    invite = ours(headers=offer.send.headers)
    offer.asked(invite)
    early, other = offer.timer(0.0), offer.timer(0.0)
    early.answered(answered(invite, 183, "Session-Expires: 90;refresher=uas"), 1.0)
    assert not early.is_running
    taken(early, "Session-Expires: 300;refresher=uac", "Supported: timer", "Min-SE: 120", method="UPDATE", now=2.0)
    assert (early.interval_s, early.is_refresher, early.expires_at) == (300, False, 302.0)
    early.answered(answered(invite, 200, "Session-Expires: 1800;refresher=uac"), 5.0)
    assert (early.interval_s, early.is_refresher, early.expires_at, early.min_se_s) == (1800, True, 1805.0, 120)
    assert not other.is_running and other.min_se_s == 0


def test_a_repeated_2xx_does_not_start_the_clock_anew() -> None:
    timer = a_caller(REFRESHES)
    timer.answered(answered(ours(), 200, REFRESHES), 700.0)
    timer.answered(answered(ours(), 200, "Session-Expires: 90;refresher=uas"), 700.0)
    assert (timer.expires_at, timer.is_refresher) == (1800.0, True)


def test_answers_that_come_in_another_order_than_their_requests_count_each() -> None:
    timer = a_caller(REFRESHES)
    first, second = (sent(timer, timer.ask(method), cseq, 10.0) for cseq, method in ((2, "INVITE"), (3, "UPDATE")))
    timer.answered(answered(second, 200, "Session-Expires: 600;refresher=uac"), 11.0)
    timer.answered(answered(first, 200, "Session-Expires: 900;refresher=uas"), 12.0)
    assert (timer.interval_s, timer.is_refresher, timer.expires_at) == (900, False, 912.0)


def test_a_proxy_that_lowers_the_interval_on_the_way_is_obeyed() -> None:
    timer = a_caller("Session-Expires: 120;refresher=uac", "Require: timer", settings=TimerSettings(expires_s=7200))
    now, send = due(timer)
    assert (now, send.headers.expires_s) == (60.0, 120)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_t_31_a_request_sent_for_another_reason_refreshes_as_well(method: str) -> None:
    timer = a_caller(REFRESHES)
    send = timer.ask(method)
    assert lines_of(send.headers) == ["Session-Expires: 1800;refresher=uac", "Supported: timer"]
    assert not send.is_refresh and send.body is Body.NEW
    timer.answered(answered(sent(timer, send, 2, 800.0), 200, REFRESHES), 801.0)
    assert (timer.expires_at, timer.next_timer) == (2601.0, 1701.0)


def test_t_32_a_422_may_be_answered_by_trying_again() -> None:
    offer = Offer(TimerSettings(expires_s=90))
    again = offer.refused(answered(ours(), 422, "Min-SE: 180"))
    assert again is not None and lines_of(again.headers) == ["Session-Expires: 180", "Min-SE: 180", "Supported: timer"]


def test_t_33_the_retry_keeps_call_id_from_and_to_and_is_one_higher() -> None:
    offer = Offer(TimerSettings(expires_s=90, refresher=UAC))
    invite = ours(cseq=7, headers=offer.send.headers, body="v=0\r\n")
    invite.headers.add("Authorization", 'Digest username="100"')
    offer.asked(invite)
    assert offer.refused(answered(invite, 422, "Min-SE: 180")) is not None
    again = offer.again(invite)
    for name in ("Call-ID", "From", "To"):
        assert again.headers.all(name) == invite.headers.all(name)
    assert str(again.cseq) == "8 INVITE" and again.body == invite.body and again.uri_text == invite.uri_text
    assert "Via" not in again.headers and "Authorization" not in again.headers
    assert again.headers.all("Session-Expires") == ["180;refresher=uac"] and again.headers.all("Min-SE") == ["180"]


def test_t_34_later_refreshes_insist_as_the_first_did() -> None:
    settings = TimerSettings(requires=True, proxy_requires=True)
    timer = a_caller(REFRESHES, "Require: timer", settings=settings)
    tags = ["Supported: timer", "Require: timer", "Proxy-Require: timer"]
    assert asked(settings)[1:] == tags
    for method in ("UPDATE", "INVITE"):
        assert lines_of(timer.ask(method).headers)[1:] == tags


def test_t_35_min_se_is_said_once_a_422_came_in_the_dialog() -> None:
    timer = a_caller(REFRESHES)
    now, send = due(timer)
    assert send.headers.min_se_s is None
    again = timer.answered(answered(sent(timer, send, 2, now), 422, "Min-SE: 2400"), now)
    assert isinstance(again, Send)
    assert lines_of(again.headers) == ["Session-Expires: 2400;refresher=uac", "Min-SE: 2400", "Supported: timer"]
    timer.answered(answered(sent(timer, again, 3, now), 200, "Session-Expires: 2400;refresher=uac"), now)
    assert timer.ask("INVITE").headers.min_se_s == 2400


def test_t_35_min_se_is_said_once_the_peer_said_it_in_a_refresh() -> None:
    timer = a_caller(REFRESHES)
    request = a_request("Session-Expires: 1800;refresher=uas", "Min-SE: 300", "Supported: timer", method="UPDATE")
    timer.receive(request)
    assert timer.ask("UPDATE").headers.min_se_s == 300


def test_t_36_without_a_dialog_min_se_is_said_once_a_422_came_for_the_call_id() -> None:
    offer = Offer(TimerSettings(expires_s=None))
    assert offer.send.headers.min_se_s is None
    again = offer.refused(answered(ours(), 422, "Min-SE: 180"))
    assert again is not None and lines_of(again.headers) == ["Min-SE: 180", "Supported: timer"]
    assert Offer(USUAL).send.headers.min_se_s is None  # another Call-ID


def test_t_37_the_largest_min_se_is_said() -> None:
    offer = Offer(TimerSettings(expires_s=90))
    for said in (120, 300):
        offer.refused(answered(ours(), 422, f"Min-SE: {said}"))
    assert offer.refused(answered(ours(), 422, "Min-SE: 200")) is None and offer.send.headers.min_se_s == 300
    timer = a_caller(REFRESHES)
    for said in (300, 900, 200):
        timer.receive(a_request("Session-Expires: 1800", f"Min-SE: {said}", "Supported: timer"))
    assert timer.ask("UPDATE").headers.min_se_s == 900


def test_t_37_a_smaller_minimum_of_a_later_422_takes_nothing_back() -> None:
    timer = a_caller(REFRESHES)
    for cseq, said in ((2, 2400), (3, 2000)):
        timer.answered(answered(sent(timer, timer.ask("UPDATE"), cseq, 1.0), 422, f"Min-SE: {said}"), 1.0)
        assert timer.ask("UPDATE").headers.min_se_s == 2400 == timer.ask("UPDATE").headers.expires_s


def test_t_38_a_policy_of_ours_may_raise_min_se_further() -> None:
    timer = a_caller(REFRESHES, settings=TimerSettings(min_se_s=600, sends_min_se=True))
    timer.receive(a_request("Session-Expires: 1800", "Min-SE: 300", "Supported: timer"))
    assert timer.ask("UPDATE").headers.min_se_s == 600


@pytest.mark.parametrize("minimum", ["Min-SE: 30", "Min-SE: 90", "Retry-After: 1"])
def test_a_422_that_wants_nothing_new_ends_the_attempts(minimum: str) -> None:
    offer = Offer(TimerSettings(expires_s=1800, sends_min_se=True))
    assert offer.refused(answered(ours(), 422, minimum)) is None


def test_a_422_to_more_than_the_file_allows_ends_the_attempts() -> None:
    assert Offer(TimerSettings(longest_s=3600)).refused(answered(ours(), 422, "Min-SE: 3601")) is None


def test_a_422_after_a_proxy_lowered_the_interval_is_met_by_min_se() -> None:
    again = Offer(USUAL).refused(answered(ours(), 422, "Min-SE: 600"))
    assert again is not None and lines_of(again.headers)[:2] == ["Session-Expires: 1800", "Min-SE: 600"]


def test_a_loop_of_422_ends() -> None:
    offer = Offer(TimerSettings(expires_s=90))
    tries = 0
    while offer.refused(answered(ours(), 422, f"Min-SE: {100 + tries}")) is not None:
        tries += 1
    assert tries == MAX_RAISES
    timer = a_caller(REFRESHES)
    now, step = due(timer)
    tries = 0
    while isinstance(
        step := timer.answered(answered(sent(timer, step, 2 + tries, now), 422, f"Min-SE: {2000 + tries}"), now), Send
    ):
        tries += 1
    assert tries == MAX_RAISES


def test_what_other_refusals_of_an_invite_mean_is_not_for_the_timer_to_say() -> None:
    assert Offer(USUAL).refused(answered(ours(), 486, "Min-SE: 180")) is None
