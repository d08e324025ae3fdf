"""Calls to a phone and from it, in simulated time: they come up, they end, and nothing of them is left."""

from __future__ import annotations

import pytest
from stimulus_lab import AT_REST_S, SECOND, Desk

from sipstub.phone.agent.event import CallState as PhoneCallState
from sipstub.phone.agent.incoming import Answering
from sipstub.sip.message import Request, Response
from sipstub.sip.sdp import Sdp
from sipstub.stimulus.act import numbered
from sipstub.stimulus.call import CallState
from sipstub.stimulus.director import StimulusProblem
from sipstub.stimulus.placed_call import PlacedCall, Ringing
from sipstub.stimulus.refusal import UNAVAILABLE
from sipstub.verify.stimulus import Stimulus


def answering(how: Answering = Answering.ANSWER, transport: str = "udp") -> Desk:
    desk = Desk(SECOND, transport=transport).boot(30.0)
    assert desk.lab.agent is not None
    desk.lab.agent.answering = how
    return desk


def call(desk: Desk, how: Ringing | None = None) -> PlacedCall:
    found = desk.director.call(desk.aor(), desk.now, how or Ringing(is_secure=True))
    assert found is not None
    return found


def wire(desk: Desk, call_id: str) -> list[str]:
    """Return what was said in a call, `>` to the phone and `<` from it."""
    found = []
    for record in desk.lab.recorder.messages():
        message = record.message
        if record.call_id == call_id and message is not None:
            what = message.method if isinstance(message, Request) else f"{message.status} {message.cseq.method}"
            found.append(f"{'<' if record.is_inbound else '>'} {what}")
    return found


def messages(desk: Desk, call_id: str) -> list[Request | Response]:
    found = [record.message for record in desk.lab.recorder.messages() if record.call_id == call_id]
    return [message for message in found if isinstance(message, Request | Response)]


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_a_phone_that_picks_up_is_talked_to_and_hung_up(transport: str) -> None:
    desk = answering(transport=transport)
    placed = call(desk, Ringing(is_secure=True, hold_s=5.0))
    desk.lab.run(4.0)
    assert placed.state is CallState.ANSWERED
    desk.lab.run(4.0)
    assert (placed.state, placed.status, placed.ended_by) == (CallState.ENDED, 200, "BYE of the stub")
    said = wire(desk, placed.call_id)
    assert [one for one in said if "100 " not in one] == [
        "> INVITE",
        "< 180 INVITE",
        "< 200 INVITE",
        "> ACK",
        "> BYE",
        "< 200 BYE",
    ]
    assert [one.what for one in desk.director.acts.all()] == ["call to the phone: BYE of the stub"]
    desk.lab.run(AT_REST_S)
    assert desk.is_as_before


def test_an_offer_of_the_stub_is_answered_by_the_codecs_of_the_phone() -> None:
    desk = answering()
    placed = call(desk)
    desk.lab.run(2.0)
    invite, answer = (
        next(one for one in messages(desk, placed.call_id) if one.body and kind(one)) for kind in (_is_invite, _is_200)
    )
    assert [codec.name for codec in Sdp.parse(invite.body).media[0].codecs] == ["PCMU", "PCMA", "G722", "G729", "telephone-event"]
    media = Sdp.parse(answer.body).media[0]
    assert media.protocol == "RTP/SAVP" and [one.suite for one in media.cryptos] == ["AES_CM_128_HMAC_SHA1_80"]


def _is_invite(message: Request | Response) -> bool:
    return isinstance(message, Request) and message.method == "INVITE"


def _is_200(message: Request | Response) -> bool:
    return isinstance(message, Response) and message.status == 200


def test_without_an_offer_the_phone_makes_one_and_the_ack_answers_it() -> None:
    desk = answering()
    placed = call(desk, Ringing(has_offer=False))
    desk.lab.run(2.0)
    assert placed.state is CallState.ANSWERED
    ack = next(one for one in messages(desk, placed.call_id) if isinstance(one, Request) and one.method == "ACK")
    media = Sdp.parse(ack.body).media[0]
    assert [codec.name for codec in media.codecs] == ["G722", "telephone-event"]
    assert media.own_direction == "recvonly"


def test_a_phone_that_nobody_picks_up_stops_ringing() -> None:
    desk = answering(Answering.RING)
    placed = call(desk, Ringing(is_secure=True, ring_s=8.0))
    desk.lab.run(7.0)
    assert placed.state is CallState.RINGING
    desk.lab.run(3.0)
    assert (placed.state, placed.status, placed.ended_by) == (CallState.ENDED, 487, "cancelled")
    assert wire(desk, placed.call_id)[-4:] == ["> CANCEL", "< 200 CANCEL", "< 487 INVITE", "> ACK"]
    assert not [call for line in desk.lab.agent.lines for call in line.calls]  # type: ignore[union-attr]


def test_a_busy_phone_ends_the_call_by_itself() -> None:
    desk = answering(Answering.BUSY)
    placed = call(desk)
    desk.lab.run(2.0)
    assert (placed.status, placed.ended_by) == (486, "refused with 486")


def test_nobody_calls_a_phone_in_a_call_or_does_anything_else_to_it() -> None:
    desk = answering()
    call(desk)
    desk.lab.run(2.0)
    for disturb in (
        lambda: desk.director.call(desk.aor(), desk.now),
        lambda: desk.director.check_sync(desk.aor(), desk.now),
        lambda: desk.director.silence(desk.aor(), 10, desk.now),
        lambda: desk.director.refuse(desk.aor(), [], desk.now),
    ):
        with pytest.raises(StimulusProblem, match="in a call"):
            disturb()
    assert desk.director.gate.is_idle


def test_a_phone_that_is_not_registered_cannot_be_called() -> None:
    desk = Desk()
    assert desk.director.call(desk.aor(), desk.now) is None
    assert desk.director.check_sync(desk.aor(), desk.now) is False


def test_closing_hangs_up_what_is_answered_and_cancels_what_rings() -> None:
    desk = answering()
    first = call(desk, Ringing(is_secure=True, hold_s=1000.0))
    desk.lab.run(2.0)
    desk.lab.agent.answering = Answering.RING  # type: ignore[union-attr]
    second = desk.director.call(desk.aor(2), desk.now, Ringing(ring_s=1000.0))
    assert second is not None
    desk.lab.run(2.0)
    desk.director.close(desk.now)
    desk.lab.run(2.0)
    assert (first.ended_by, second.ended_by) == ("BYE of the stub", "cancelled")
    assert not [call for line in desk.lab.agent.lines for call in line.calls]  # type: ignore[union-attr]
    assert desk.is_as_before


# From the phone


def test_a_call_from_the_phone_is_answered_only_while_it_is_waited_for() -> None:
    desk = Desk().boot(30.0)
    agent = desk.lab.agent
    assert agent is not None
    desk.director.expect_call(desk.aor(), desk.now, 60.0)
    first = agent.call(1, "100", desk.now)
    desk.lab.run(3.0)
    assert first is not None and first.state is PhoneCallState.ANSWERED
    (taken,) = desk.director.calls.open
    assert taken.state is CallState.ANSWERED
    first.hang_up(desk.now)
    desk.lab.run(1.0)
    assert (taken.state, taken.ended_by) == (CallState.ENDED, "BYE of the phone")
    desk.lab.run(60.0)
    second = agent.call(1, "100", desk.now)
    desk.lab.run(3.0)
    assert desk.director.calls.open == [] and second is not None


def test_a_call_rings_reliably_where_the_phone_can_and_waits_for_its_prack() -> None:
    desk = Desk().boot(30.0)
    desk.director.expect_call(desk.aor(), desk.now, 60.0)
    assert desk.lab.agent is not None
    desk.lab.agent.call(1, "100", desk.now)
    desk.lab.run(3.0)
    (taken,) = desk.director.calls.open
    assert wire(desk, taken.call_id) == [
        "< INVITE",
        "> 401 INVITE",
        "< ACK",
        "< INVITE",
        "> 180 INVITE",
        "< PRACK",
        "> 200 PRACK",
        "> 200 INVITE",
        "< ACK",
    ]


def test_a_caller_without_the_password_is_not_answered() -> None:
    desk = Desk(disobey=("wrong-password",)).boot(30.0)
    desk.director.expect_call(desk.aor(), desk.now, 60.0)
    assert desk.lab.agent is not None
    desk.lab.agent.call(1, "100", desk.now)
    desk.lab.run(3.0)
    assert desk.director.calls.open == [] and desk.director.acts.all() == ()


def test_a_call_that_the_phone_gives_up_is_cancelled() -> None:
    desk = Desk().boot(30.0)
    desk.director.calls.ring_s = 30.0
    desk.director.expect_call(desk.aor(), desk.now, 60.0)
    assert desk.lab.agent is not None
    mine = desk.lab.agent.call(1, "100", desk.now)
    desk.lab.run(3.0)
    (taken,) = desk.director.calls.open
    assert taken.state is CallState.RINGING and mine is not None
    mine.hang_up(desk.now)
    desk.lab.run(1.0)
    assert (taken.state, taken.status, taken.ended_by) == (CallState.ENDED, 487, "CANCEL of the phone")


def test_a_200_is_repeated_until_its_ack_and_given_up_with_bye() -> None:
    desk = Desk(disobey=("never-acknowledges",)).boot(30.0)
    desk.director.expect_call(desk.aor(), desk.now, 60.0)
    assert desk.lab.agent is not None
    desk.lab.agent.call(1, "100", desk.now)
    desk.lab.run(40.0)
    act = next(act for act in desk.director.acts.all() if act.kind is Stimulus.CALL_OUT)
    said = wire(desk, act.call_id)
    assert said.count("> 200 INVITE") > 5 and said[-2:] == ["> BYE", "< 200 BYE"]
    assert desk.is_as_before


def test_a_digit_in_the_call_is_kept_and_told() -> None:
    desk = Desk().boot(30.0)
    desk.director.expect_call(desk.aor(), desk.now, 60.0)
    assert desk.lab.agent is not None
    mine = desk.lab.agent.call(1, "100", desk.now)
    desk.lab.run(3.0)
    (taken,) = desk.director.calls.open
    assert mine is not None
    mine.press("7", desk.now)
    desk.lab.run(1.0)
    assert [(info.content_type, info.body[:8]) for info in taken.infos] == [("application/dtmf-relay", b"Signal=7")]
    assert wire(desk, taken.call_id)[-2:] == ["< INFO", "> 200 INFO"]
    assert Stimulus.DIGIT in {act.kind for act in desk.director.acts.all()}


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("MESSAGE", 200), ("REFER", 603), ("UPDATE", 200)])
def test_everything_in_a_call_is_answered(method: str, status: int) -> None:
    desk = Desk().boot(30.0)
    desk.director.expect_call(desk.aor(), desk.now, 60.0)
    assert desk.lab.agent is not None
    mine = desk.lab.agent.call(1, "100", desk.now)
    desk.lab.run(3.0)
    assert mine is not None
    mine.send(method, desk.now)
    desk.lab.run(1.0)
    (taken,) = desk.director.calls.open
    assert wire(desk, taken.call_id)[-2:] == [f"< {method}", f"> {status} {method}"]
    assert taken.state is CallState.ANSWERED


def test_a_hold_by_re_invite_is_answered_with_the_other_direction() -> None:
    desk = Desk().boot(30.0)
    desk.director.expect_call(desk.aor(), desk.now, 60.0)
    assert desk.lab.agent is not None
    mine = desk.lab.agent.call(1, "100", desk.now)
    desk.lab.run(3.0)
    assert mine is not None and mine._description is not None
    held = mine._writer.again(mine._description, "inactive")
    mine.send("INVITE", desk.now, [("Content-Type", "application/sdp")], held.body)
    desk.lab.run(0.4)
    call_id = mine.call_id
    answers = [one for one in messages(desk, call_id) if isinstance(one, Response) and one.cseq.method == "INVITE" and one.body]
    assert [Sdp.parse(one.body).media[0].own_direction for one in answers] == ["recvonly", "inactive"]
    assert [Sdp.parse(one.body).origin.version for one in answers] == ["1", "2"]


def test_what_was_done_can_be_found_in_the_recording() -> None:
    desk = answering()
    desk.director.check_sync(desk.aor(), desk.now)
    desk.director.refuse(desk.aor(), [UNAVAILABLE], desk.now)
    desk.lab.run(90.0)
    call(desk)
    desk.lab.run(10.0)
    recorded = desk.lab.recorder.messages()
    lines = {
        act.kind: next(one for one in recorded if one.number == act.number).data.split(b"\r\n")[0][:11]
        for act in numbered(desk.director.acts.all(), recorded)
    }
    assert lines == {Stimulus.CHECK_SYNC: b"NOTIFY sip:", Stimulus.REFUSE: b"SIP/2.0 503", Stimulus.CALL_IN: b"INVITE sip:"}


def test_an_offer_of_srtp_is_answered_with_srtp() -> None:
    desk = Desk().boot(30.0)
    desk.director.expect_call(desk.aor(), desk.now, 60.0)
    assert desk.lab.agent is not None
    mine = desk.lab.agent.call(1, "100", desk.now)
    desk.lab.run(3.0)
    assert mine is not None
    answer = next(one for one in messages(desk, mine.call_id) if _is_200(one) and one.cseq.method == "INVITE")
    media = Sdp.parse(answer.body).media[0]
    assert (media.protocol, media.port, media.own_direction) == ("RTP/SAVP", 9, "recvonly")
    assert [(one.tag, one.suite) for one in media.cryptos] == [(1, "AES_CM_128_HMAC_SHA1_80")]
