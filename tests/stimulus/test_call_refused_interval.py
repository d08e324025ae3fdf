"""A phone that wants a longer session interval than the stub asks for is called once more, as RFC 4028 section 7.3 has it."""

from __future__ import annotations

import pytest
from test_stimulus_hostile import SDP, Far, an_answer

from sipstub.scenario.conduct import Conduct
from sipstub.session_timer.setting import UAS, TimerSettings
from sipstub.session_timer.timer import MAX_RAISES
from sipstub.sip.message import Request
from sipstub.stimulus.call import CallState
from sipstub.stimulus.placed_call import PlacedCall, Ringing

KEPT = Ringing(conduct=Conduct(TimerSettings(expires_s=90, refresher=UAS), turns=(), lasts_s=900.0))
CONTACT = ("Contact", "<sip:100@127.0.0.9:5060>")


def again(far: Far, invite: Request, *more: tuple[str, str]) -> list[Request]:
    """Return the INVITEs that follow a 422."""
    return [one for one in far.give(an_answer(invite, 422, *more)) if one.method == "INVITE"]


def called(how: Ringing = KEPT) -> tuple[Far, PlacedCall, Request]:
    far = Far()
    return far, *far.call(how)


def test_the_second_try_has_the_interval_that_is_wanted_and_the_next_cseq_and_is_the_same_call() -> None:
    far, placed, invite = called()
    (second,) = again(far, invite, ("Min-SE", "300"))
    assert (str(second.session_expires), second.min_se and second.min_se.seconds) == ("300;refresher=uas", 300)
    assert (second.call_id, str(second.from_), str(second.to)) == (invite.call_id, str(invite.from_), str(invite.to))
    assert second.cseq.number == invite.cseq.number + 1 and second.via.branch != invite.via.branch
    assert second.body == invite.body
    agreed = [("Session-Expires", "300;refresher=uas"), ("Require", "timer"), CONTACT]
    (ack,) = far.give(an_answer(second, 200, *agreed, body=SDP))
    assert (ack.method, ack.cseq.number) == ("ACK", second.cseq.number)
    assert placed.state is CallState.ANSWERED and placed.keeper is not None and placed.keeper.timer.interval_s == 300


@pytest.mark.parametrize("more", [(), (("Min-SE", "soon"),), (("Min-SE", "90"), ("Min-SE", "300")), (("Min-SE", "9" * 40),)])
def test_a_422_that_does_not_say_what_is_wanted_is_the_end(more: tuple[tuple[str, str], ...]) -> None:
    far, placed, invite = called()
    assert again(far, invite, *more) == []
    assert placed.is_ended and placed.status == 422 and far.director.calls.open == []


def test_a_phone_that_wants_more_each_time_is_not_followed_for_ever() -> None:
    far, placed, invite = called()
    tries = 0
    while found := again(far, invite, ("Min-SE", str(1_000 + tries))):
        (invite,) = found
        tries += 1
    assert tries == MAX_RAISES and placed.is_ended


def test_the_same_minimum_twice_is_the_end() -> None:
    far, placed, invite = called()
    (second,) = again(far, invite, ("Min-SE", "300"))
    assert again(far, second, ("Min-SE", "300")) == [] and placed.is_ended


def test_a_refusal_that_a_scenario_wants_to_see_is_left_alone() -> None:
    far, placed, invite = called(Ringing(conduct=KEPT.conduct, tries_again=False))
    assert again(far, invite, ("Min-SE", "300")) == [] and placed.status == 422


def test_a_call_that_is_given_up_meanwhile_is_not_placed_again() -> None:
    far, placed, invite = called()
    far.give(an_answer(invite, 180, CONTACT))
    placed.hang_up(far.now)
    assert again(far, invite, ("Min-SE", "300")) == [] and placed.is_ended
