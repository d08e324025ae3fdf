"""What calls do with their ports, in simulated time: descriptions name them, both sides' words decide, every end frees them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from media_lab import Ledger, agreed
from stimulus_lab import SECOND, Desk

from sipstub.media.place import MediaPlace
from sipstub.media.report import MediaReport
from sipstub.phone.agent.call import Call as PhoneCall
from sipstub.phone.agent.incoming import Answering
from sipstub.sip.message import Request, Response
from sipstub.sip.sdp import Sdp
from sipstub.stimulus.call import Call, CallState
from sipstub.stimulus.media import MediaTalk
from sipstub.stimulus.placed_call import PlacedCall, Ringing

PLAIN = {"account.1.srtp_encryption": "0"}


def a_desk(
    *,
    answering: Answering = Answering.ANSWER,
    media: MediaPlace | None = None,
    transport: str = "udp",
    disobey: tuple[str, ...] = (),
) -> tuple[Desk, Ledger]:
    ledger = Ledger()
    desk = Desk(SECOND, PLAIN, transport=transport, disobey=disobey, media=media or ledger).boot(30.0)
    assert desk.lab.agent is not None
    desk.lab.agent.answering = answering
    return desk, ledger


def placed(desk: Desk, how: Ringing = Ringing(hold_s=5.0), seconds: float = 2.0) -> PlacedCall:  # noqa: B008 - a frozen value
    call = desk.director.call(desk.aor(), desk.now, how)
    assert call is not None
    desk.lab.run(seconds)
    return call


def dialled(desk: Desk, seconds: float = 3.0) -> tuple[PhoneCall, Call | None]:
    desk.director.expect_call(desk.aor(), desk.now, 60.0)
    assert desk.lab.agent is not None
    mine = desk.lab.agent.call(1, "100", desk.now)
    desk.lab.run(seconds)
    assert mine is not None
    return mine, next(iter(desk.director.calls.open), None)


def bodies(desk: Desk, call_id: str) -> list[tuple[bool, Sdp]]:
    """Return the descriptions of a call, and whether they came from the phone."""
    found = []
    for record in desk.lab.recorder.messages():
        message = record.message
        if record.call_id == call_id and isinstance(message, Request | Response) and message.body[:2] == b"v=":
            found.append((record.is_inbound, Sdp.parse(message.body)))
    return found


def test_an_offer_names_the_port_and_both_sides_are_gone_by() -> None:
    desk, ledger = a_desk()
    call = placed(desk)
    (line,) = ledger.lines
    (_, offer), (_, answer) = bodies(desk, call.call_id)
    assert (offer.media[0].port, offer.connection) == (line.port, line.host)
    (agreement,) = line.agreements
    assert agreement.target == (answer.connection, answer.media[0].port)
    assert (agreement.codec, agreement.ptime_ms, agreement.sends, agreement.receives) == ("PCMA", 20, True, True)
    assert line.near == answer.connection
    desk.lab.run(10.0)
    assert (call.media, ledger.taken) == (MediaReport(sent=1), 0)
    assert desk.director.acts.all()[-1].what == f"call to the phone: BYE of the stub; {call.media}"


def test_an_answer_takes_what_we_can_speak_and_sends_both_ways() -> None:
    desk, ledger = a_desk()
    mine, taken = dialled(desk)
    assert taken is not None and taken.state is CallState.ANSWERED
    (_, offer), (_, answer) = bodies(desk, mine.call_id)[-2:]
    assert offer.media[0].codecs[0].name == "G722", "the phone's first choice, which we do not speak"
    assert [codec.name for codec in answer.media[0].codecs] == ["PCMA", "telephone-event"]
    assert (answer.media[0].own_direction, answer.media[0].port) == ("sendrecv", ledger.lines[0].port)
    assert [one.codec for one in ledger.lines[0].agreements] == ["PCMA"]


def test_without_an_offer_the_answer_in_the_ack_is_gone_by() -> None:
    desk, ledger = a_desk()
    placed(desk, Ringing(has_offer=False, hold_s=5.0))
    assert [one.codec for one in ledger.lines[0].agreements] == ["PCMA"]


def test_nothing_is_agreed_on_while_it_rings() -> None:
    desk, ledger = a_desk(answering=Answering.RING)
    placed(desk)
    desk.director.calls.ring_s = 10.0
    assert [line.agreements for line in ledger.lines] == [[]]
    assert ledger.taken == 1


def test_hold_and_resume_by_re_invite_are_followed() -> None:
    desk, ledger = a_desk()
    mine, _ = dialled(desk)
    assert mine._description is not None
    for direction in ("sendonly", "inactive", "sendrecv"):
        body = mine._writer.again(mine._description, direction).body
        mine.send("INVITE", desk.now, [("Content-Type", "application/sdp")], body)
        desk.lab.run(1.0)
    assert [(one.sends, one.receives) for one in ledger.lines[0].agreements] == [
        (True, True),
        (False, True),
        (False, False),
        (True, True),
    ]
    said = {sdp.origin.version: sdp.media[0].own_direction for is_theirs, sdp in bodies(desk, mine.call_id) if not is_theirs}
    assert list(said.values()) == ["sendrecv", "recvonly", "inactive", "sendrecv"]
    assert len({sdp.media[0].port for is_theirs, sdp in bodies(desk, mine.call_id) if not is_theirs}) == 1


def test_srtp_is_spoken_with_one_key_for_the_call() -> None:
    ledger = Ledger()
    desk = Desk(SECOND, media=ledger).boot(30.0)  # its file wants SRTP
    mine, taken = dialled(desk)
    assert taken is not None and mine._description is not None
    body = mine._writer.again(mine._description, "sendonly").body
    mine.send("INVITE", desk.now, [("Content-Type", "application/sdp")], body)
    desk.lab.run(1.0)
    first, second = ledger.lines[0].agreements
    assert (first.is_secure, first.codec, first.why_silent) == (True, "PCMA", "")
    assert first.keys is not None and first.keys == second.keys
    assert first.keys[0] != first.keys[1]


# However a call ends


def _rejected(status: int) -> Callable[[], tuple[Desk, Ledger]]:
    def end() -> tuple[Desk, Ledger]:
        desk, ledger = a_desk(answering=Answering.BUSY)
        placed(desk)
        return desk, ledger

    return end


def _bye_of_the_phone() -> tuple[Desk, Ledger]:
    desk, ledger = a_desk()
    mine, _ = dialled(desk)
    mine.hang_up(desk.now)
    return desk, ledger


def _cancel_of_the_phone() -> tuple[Desk, Ledger]:
    desk, ledger = a_desk()
    desk.director.calls.ring_s = 30.0
    mine, _ = dialled(desk)
    mine.hang_up(desk.now)
    return desk, ledger


def _nobody_picks_up() -> tuple[Desk, Ledger]:
    desk, ledger = a_desk(answering=Answering.RING)
    placed(desk, Ringing(ring_s=8.0), 20.0)
    return desk, ledger


def _no_ack() -> tuple[Desk, Ledger]:
    desk, ledger = a_desk(disobey=("never-acknowledges",))
    dialled(desk, 40.0)
    return desk, ledger


def _the_phone_is_gone() -> tuple[Desk, Ledger]:
    desk, ledger = a_desk()
    desk.lab.agent = None
    placed(desk, Ringing(ring_s=5.0), 60.0)
    return desk, ledger


def _nothing_in_common() -> tuple[Desk, Ledger]:
    desk, ledger = a_desk()
    placed(desk, Ringing(is_secure=True))
    return desk, ledger


def _the_director_closes() -> tuple[Desk, Ledger]:
    desk, ledger = a_desk()
    placed(desk, Ringing(hold_s=1000.0))
    desk.lab.agent.answering = Answering.RING  # type: ignore[union-attr]
    assert desk.director.call(desk.aor(2), desk.now, Ringing(ring_s=1000.0)) is not None
    desk.lab.run(1.0)
    assert ledger.taken == 2
    desk.director.close(desk.now)
    return desk, ledger


def _its_time_is_over() -> tuple[Desk, Ledger]:
    desk, ledger = a_desk()
    desk.director.calls.talk_s = 5.0
    dialled(desk, 10.0)
    return desk, ledger


def _the_connection_is_gone() -> tuple[Desk, Ledger]:
    desk, ledger = a_desk(transport="tcp")
    call = placed(desk, Ringing(hold_s=1000.0))
    assert ledger.taken == 1
    desk.director.on_flow_closed(call.hop, desk.now)
    return desk, ledger


@pytest.mark.parametrize(
    "end",
    [
        _rejected(486),
        _bye_of_the_phone,
        _cancel_of_the_phone,
        _nobody_picks_up,
        _no_ack,
        _the_phone_is_gone,
        _nothing_in_common,
        _the_director_closes,
        _its_time_is_over,
        _the_connection_is_gone,
    ],
    ids=lambda end: end.__name__.strip("_").replace("_", " "),
)
def test_every_end_gives_the_ports_back(end: Callable[[], tuple[Desk, Ledger]]) -> None:
    desk, ledger = end()
    desk.lab.run(40.0)
    assert ledger.lines, "there were ports"
    assert ledger.taken == 0
    assert desk.director.calls.open == []


def test_an_invite_that_is_refused_at_once_keeps_no_ports() -> None:
    desk, ledger = a_desk()
    desk.director.expect_call(desk.aor(), desk.now, 60.0)
    assert desk.lab.agent is not None
    for line in desk.lab.agent.lines:
        made = line.shape.invite

        def strange(*words: object, made: Callable[..., Request] = made, **more: object) -> Request:
            request = made(*words, **more)
            request.set_body(request.body.replace(b"RTP/AVP", b"UDPTL/X"), "application/sdp")
            return request

        line.shape.invite = strange  # type: ignore[method-assign]
    desk.lab.agent.call(1, "100", desk.now)
    desk.lab.run(5.0)
    statuses = [one.message.status for one in desk.lab.recorder.messages() if isinstance(one.message, Response)]
    assert 488 in statuses
    assert (len(ledger.lines), ledger.taken, desk.director.calls.open) == (1, 0, [])


def test_a_call_goes_on_without_media_where_no_port_is_free() -> None:
    desk, _ = a_desk(media=Ledger(0))
    call = placed(desk, seconds=10.0)
    assert call.status == 200
    assert str(call.media) == "RTP: 0 sent (no port was free), 0 received"
    assert [sdp.media[0].port for is_theirs, sdp in bodies(desk, call.call_id) if not is_theirs] == [9]


def test_what_cannot_be_read_changes_nothing() -> None:
    ledger = Ledger()
    talk = MediaTalk("127.0.0.1", place=ledger)
    talk.answered(b"v=0\r\n")
    assert ledger.lines == []
    talk.offer()
    talk.begin()
    for body in (
        b"",
        b"nonsense",
        b"v=0\r\nm=audio x RTP/AVP 0\r\n",
        b"v=0\r\n",
        b"v=0\r\nm=audio 4000 RTP/AVP 0\r\na=rtpmap:x y\r\n",
    ):
        talk.answered(body)
    assert ledger.lines[0].agreements == []
    talk.end()
    assert talk.end() is not None, "twice does no harm"
    talk.answered(bytes(Sdp.build(address="192.0.2.1", session=1, version=1, media=())))
    assert agreed().speaks
