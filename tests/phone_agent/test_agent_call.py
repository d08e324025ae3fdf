"""Calls of the phone, calls to the phone, and how they end."""

from __future__ import annotations

import pytest
from phone_wire import OFFER, START, Registrar, Wire, a_phone, a_request

from sipstub.phone.agent.event import CallChanged, CallState
from sipstub.phone.agent.incoming import Answering
from sipstub.phone.agent.offer import read_sdp
from sipstub.sip.answer import answer
from sipstub.sip.digest import challenge_for
from sipstub.sip.message import Request, Response
from sipstub.sip.sdp import Media, Sdp
from sipstub.transaction.sending import Hop

QUIET = {"account.1.nat.udp_update_enable": "0"}
SECURE_OFFER = OFFER.replace(b"RTP/AVP", b"RTP/SAVP") + b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + b"A" * 40 + b"\r\n"


class Callee:
    """The far side of calls: gives these answers to an INVITE, one per INVITE, and 200 to the rest."""

    def __init__(self, *answers: list[Response | int]) -> None:
        self.answers = list(answers)
        self.registrar = Registrar(is_open=True)

    def __call__(self, request: Request, hop: Hop) -> list[Response]:
        if request.method != "INVITE":
            return self.registrar(request, hop)
        found = []
        for one in self.answers.pop(0) if self.answers else []:
            made = one if isinstance(one, Response) else answer(request, one, to_tag="far")
            if 100 < made.status < 300:
                made.headers.set("Contact", "<sip:far@127.0.0.2:5060>")
            if made.status == 401:
                made.headers.add("WWW-Authenticate", challenge_for("pbx", "once"))
            if made.status == 183:
                made.headers.add("Require", "100rel")
                made.headers.add("RSeq", "7")
            found.append(made)
        return found


def calling(callee: Callee, *changes: dict[str, str]) -> Wire:
    wire = Wire(a_phone(QUIET, *changes), callee).start()
    call = wire.phone.call(1, "2002", wire.now)
    assert call is not None
    wire.carry()
    return wire


def states(wire: Wire) -> list[tuple[str, int]]:
    return [(event.state.value, event.status) for event in wire.events if isinstance(event, CallChanged)]


def offer_of(*changes: dict[str, str]) -> Sdp:
    return Sdp.parse(calling(Callee([486]), *changes).requests("INVITE")[0].body)


def audio(*changes: dict[str, str]) -> Media:
    return offer_of(*changes).media[0]


# Out


def test_an_answered_call_is_acknowledged_and_ended_with_bye() -> None:
    wire = calling(Callee([100, 180, 200]))
    assert states(wire) == [("calling", 0), ("ringing", 0), ("answered", 200)]
    ack = wire.requests("ACK")[0]
    assert (ack.uri_text, ack.cseq.number, ack.to.tag) == ("sip:far@127.0.0.2:5060", 1, "far")
    wire.phone.lines[0].calls[0].hang_up(wire.now)
    wire.carry()
    assert wire.requests("BYE")[0].cseq.number == 2
    assert wire.phone.lines[0].calls == []


def test_a_challenged_call_is_placed_again_under_the_same_call_id() -> None:
    wire = calling(Callee([401], [200]))
    first, second = wire.requests("INVITE")
    assert (first.call_id, second.cseq.number) == (second.call_id, 2)
    assert second.authorization[0].uri == second.uri_text
    assert [request.cseq.number for request in wire.requests("ACK")] == [1, 2]
    assert wire.requests("ACK")[1].authorization


@pytest.mark.parametrize("status", [404, 486, 488, 503, 603])
def test_a_refused_call_ends(status: int) -> None:
    wire = calling(Callee([status]))
    assert states(wire) == [("calling", 0), ("ended", status)]
    assert len(wire.requests("ACK")) == 1


def test_a_silent_callee_ends_the_call_after_64_t1() -> None:
    wire = calling(Callee([]))
    wire.run(33)
    assert states(wire)[-1] == ("ended", 408)
    assert wire.times("INVITE") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]


def test_hanging_up_while_it_rings_cancels() -> None:
    wire = calling(Callee([180]))
    wire.phone.lines[0].calls[0].hang_up(wire.now)
    wire.phone.on_timer(wire.now)
    wire.carry()
    assert wire.requests("CANCEL")[0].cseq.number == 1


def test_a_repeated_200_gets_the_same_ack() -> None:
    wire = calling(Callee([200]))
    invite = wire.requests("INVITE")[0]
    again = answer(invite, 200, to_tag="far")
    again.headers.add("Contact", "<sip:far@127.0.0.2:5060>")
    wire.give(again)
    first, second = [seen.data for seen in wire.seen if seen.method == "ACK"]
    assert first == second


def test_a_second_branch_that_answers_is_taken_and_ended() -> None:
    wire = calling(Callee([200]))
    other = answer(wire.requests("INVITE")[0], 200, to_tag="other")
    other.headers.add("Contact", "<sip:other@127.0.0.2:5060>")
    wire.give(other)
    assert [request.to.tag for request in wire.requests("BYE")] == ["other"]
    assert len(wire.phone.lines[0].calls) == 1


@pytest.mark.parametrize(("on", "pracks"), [("0", 0), ("1", 1)])
def test_a_reliable_provisional_answer_gets_prack_if_that_is_on(on: str, pracks: int) -> None:
    wire = calling(Callee([183, 200]), {"account.1.100rel_enable": on})
    assert [str(request.rack) for request in wire.requests("PRACK")] == ["7 1 INVITE"] * pracks


def test_record_routes_are_followed_in_reverse() -> None:
    def routed(request: Request, hop: Hop) -> list[Response]:
        found = answer(request, 200, to_tag="far")
        if request.method == "INVITE":
            found.headers.add("Record-Route", "<sip:127.0.0.6;lr>, <sip:127.0.0.5:5090;lr>")
            found.headers.add("Contact", "<sip:far@127.0.0.7>")
        return [found]

    wire = Wire(a_phone(QUIET), routed).start()
    wire.phone.call(1, "2002", wire.now)
    wire.carry()
    ack = next(seen for seen in wire.seen if seen.method == "ACK")
    assert [str(route.uri) for route in ack.request.routes] == ["sip:127.0.0.5:5090;lr", "sip:127.0.0.6;lr"]
    assert ack.hop[:3] == ("UDP", "127.0.0.5", 5090)


@pytest.mark.parametrize(
    ("kind", "info", "seen"),
    [
        ("2", "1", ["application/dtmf-relay"]),
        ("2", "2", ["application/dtmf"]),
        ("3", "3", ["audio/telephone-event"]),
        ("1", "1", []),
        ("0", "1", []),
    ],
)
def test_a_digit_travels_as_told(kind: str, info: str, seen: list[str]) -> None:
    wire = calling(Callee([200]), {"account.1.dtmf.type": kind, "account.1.dtmf.info_type": info})
    wire.phone.lines[0].calls[0].press("#", wire.now)
    wire.carry()
    assert [request.headers.get("Content-Type") for request in wire.requests("INFO")] == seen


# Offers


@pytest.mark.parametrize("ptime", [0, 10, 20, 30, 40, 50, 60])
def test_ptime_is_offered_unless_it_is_0(ptime: int) -> None:
    assert audio({"account.1.ptime": str(ptime)}).ptime_ms == (ptime or None)


@pytest.mark.parametrize("payload", ["96", "101", "127"])
@pytest.mark.parametrize(("kind", "is_offered"), [("0", False), ("1", True), ("2", False), ("3", True)])
def test_telephone_event_has_the_payload_of_the_file_if_digits_are_rtp(payload: str, kind: str, is_offered: bool) -> None:
    media = audio({"account.1.dtmf.dtmf_payload": payload, "account.1.dtmf.type": kind})
    events = [codec.payload for codec in media.codecs if codec.name == "telephone-event"]
    assert events == ([payload] if is_offered else [])
    assert (payload in media.formats) is is_offered


@pytest.mark.parametrize(("srtp", "protocol", "keys"), [("0", "RTP/AVP", 0), ("1", "RTP/AVP", 3), ("2", "RTP/SAVP", 3)])
def test_srtp_is_offered_as_told(srtp: str, protocol: str, keys: int) -> None:
    media = audio({"account.1.srtp_encryption": srtp})
    assert (media.protocol, len(media.cryptos)) == (protocol, keys)
    assert len({one.key_params for one in media.cryptos}) == keys


def test_the_port_lies_in_the_range_and_is_even() -> None:
    assert audio({"network.port.min_rtpport": "20000"}).port == 20000


def test_sessions_are_numbered_from_20001() -> None:
    assert offer_of().origin.session == "20001"


# In


def ringing(wire: Wire, body: bytes = OFFER, **headers: str) -> Request:
    invite = a_request("INVITE", wire, body=body, call_id="in-1", **({"Content_Type": "application/sdp"} | headers))
    wire.give(invite)
    return invite


def statuses(wire: Wire) -> list[int]:
    return [seen.message.status for seen in wire.seen if isinstance(seen.message, Response)]


def in_dialog(wire: Wire, method: str, cseq: str, body: bytes = b"") -> Request:
    tag = next(seen.message.to.tag for seen in wire.seen if isinstance(seen.message, Response) and seen.message.status == 200)
    return a_request(method, wire, to_tag=tag or "", call_id="in-1", cseq=cseq, body=body)


def a_wire(*changes: dict[str, str], answering: Answering = Answering.ANSWER) -> Wire:
    wire = Wire(a_phone(QUIET, *changes), Registrar(is_open=True)).start()
    wire.phone.answering = answering
    return wire


def test_a_call_rings_is_answered_and_ended_by_the_other_side() -> None:
    wire = a_wire()
    ringing(wire)
    assert statuses(wire) == [180, 200]
    wire.give(in_dialog(wire, "ACK", "1"))
    assert wire.run(60) and statuses(wire) == [180, 200]
    wire.give(in_dialog(wire, "BYE", "2"))
    assert statuses(wire)[-1] == 200
    assert states(wire) == [("ringing", 0), ("answered", 200), ("ended", 0)]


def test_the_200_is_repeated_until_bye_if_the_ack_never_comes() -> None:
    wire = a_wire()
    ringing(wire)
    wire.run(40)
    times = [seen.at - START for seen in wire.seen if isinstance(seen.message, Response) and seen.message.status == 200]
    assert times == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert len(wire.requests("BYE")) == 1
    assert wire.phone.lines[0].calls == []


@pytest.mark.parametrize("delay", [1, 4])
def test_auto_answer_answers_after_its_delay(delay: int) -> None:
    wire = a_wire({"account.1.auto_answer": "1", "features.auto_answer_delay": str(delay)}, answering=Answering.RING)
    ringing(wire)
    assert statuses(wire.run(delay - 0.1)) == [180]
    assert statuses(wire.run(0.2)) == [180, 200]


def test_a_busy_phone_says_486_and_one_that_rings_can_be_cancelled() -> None:
    wire = a_wire(answering=Answering.BUSY)
    ringing(wire)
    assert statuses(wire) == [486]
    wire = a_wire(answering=Answering.RING)
    invite = ringing(wire)
    cancel = a_request("CANCEL", wire, uri=invite.uri_text, call_id="in-1")
    cancel.headers.set("Via", invite.via)
    wire.give(cancel)
    assert sorted(statuses(wire)) == [180, 200, 487]
    assert states(wire) == [("ringing", 0), ("ended", 487)]


def test_the_answer_has_what_both_know_in_the_order_of_the_offer() -> None:
    wire = a_wire()
    ringing(wire)
    body = next(seen.message.body for seen in wire.seen if seen.data.startswith(b"SIP/2.0 200 ") and b"INVITE" in seen.data)
    found = read_sdp(body)
    assert found is not None and found.media[0].formats == ("8", "0", "101")


def test_an_invite_without_an_offer_gets_one() -> None:
    wire = a_wire()
    ringing(wire, b"")
    assert statuses(wire) == [180, 200]
    assert b"m=audio" in wire.seen[-1].data


@pytest.mark.parametrize(
    ("srtp", "offer", "status"),
    [("0", SECURE_OFFER, 488), ("1", SECURE_OFFER, 200), ("2", SECURE_OFFER, 200), ("2", OFFER, 488), ("1", OFFER, 200)],
)
def test_srtp_of_both_sides_decides(srtp: str, offer: bytes, status: int) -> None:
    wire = a_wire({"account.1.srtp_encryption": srtp})
    ringing(wire, offer)
    assert statuses(wire)[-1] == status
    assert (b"a=crypto:1 AES" in wire.seen[-1].data) is (offer is SECURE_OFFER and status == 200)


def test_an_offer_with_nothing_in_common_is_488() -> None:
    wire = a_wire()
    ringing(wire, OFFER.replace(b"8 0 101", b"3"))
    assert statuses(wire) == [488]


@pytest.mark.parametrize(
    ("told", "offered", "wanted"),
    [
        ({"account.1.session_timer.enable": "1"}, "90;refresher=uac", "90;refresher=uac"),
        ({"account.1.session_timer.enable": "1"}, "90;refresher=uas", "90;refresher=uas"),
        ({"account.1.session_timer.enable": "1", "account.1.session_timer.refresher": "0"}, "90", "90;refresher=uas"),
        ({"account.1.session_timer.enable": "1", "account.1.session_timer.refresher": "1"}, "90", "90;refresher=uac"),
        ({}, "90;refresher=uac", None),
    ],
)
def test_the_callee_takes_part_in_a_session_timer_if_that_is_on(told: dict[str, str], offered: str, wanted: str | None) -> None:
    wire = a_wire(told)
    ringing(wire, Supported="timer", Session_Expires=offered)
    found = wire.seen[-1].message
    assert found is not None and found.headers.get("Session-Expires") == wanted
    assert ("timer" in found.require) is bool(wanted)


def test_requests_inside_of_the_call_are_answered() -> None:
    wire = a_wire()
    ringing(wire)
    wire.give(in_dialog(wire, "ACK", "1"))
    for number, (method, wanted) in enumerate(
        [("INFO", 200), ("UPDATE", 200), ("OPTIONS", 200), ("REFER", 603), ("PUBLISH", 405)], 2
    ):
        wire.give(in_dialog(wire, method, str(number)))
        assert statuses(wire)[-1] == wanted, method
    wire.give(in_dialog(wire, "INFO", "1"))
    assert statuses(wire)[-1] == 500


def test_a_hold_is_answered_with_the_other_direction_and_a_new_version() -> None:
    wire = a_wire()
    ringing(wire)
    wire.give(in_dialog(wire, "ACK", "1"))
    wire.give(in_dialog(wire, "INVITE", "2", OFFER + b"a=sendonly\r\n"))
    found = read_sdp(wire.seen[-1].message.body) if wire.seen[-1].message else None
    assert found is not None
    assert (found.media[0].own_direction, found.origin.session, found.origin.version) == ("recvonly", "20001", "20002")


def test_so_many_calls_at_a_time_and_no_more() -> None:
    wire = a_wire(answering=Answering.RING)
    for number in range(9):
        wire.give(a_request("INVITE", wire, body=OFFER, call_id=f"many-{number}"))
    assert statuses(wire) == [180] * 8 + [486]


def test_a_lost_180_and_a_lost_200_are_repeated_for_a_repeated_invite() -> None:
    wire = a_wire(answering=Answering.RING)
    invite = a_request("INVITE", wire, body=OFFER, call_id="in-1")
    wire.give(invite)
    wire.give(invite)
    assert statuses(wire) == [180, 180]
    assert [event.state for event in wire.events if isinstance(event, CallChanged)] == [CallState.RINGING]
