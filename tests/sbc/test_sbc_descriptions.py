"""What a side hears of a hold, and of media before the answer, by what it can take."""

from __future__ import annotations

import pytest
from sbc_proof import named, shown
from sbc_world import ANSWER, OFFER, Peer, World, hang_up, place, two_servers

from sipstub.dialog.dialog import Dialog
from sipstub.sip.message import Request, Response
from sipstub.sip.sdp import Sdp

URI = "sip:200@corp.example"
OTHER = ANSWER.replace(b"10.0.2.1", b"10.0.3.1")
NEXT = OFFER.replace(b"o=- 1 1", b"o=- 1 2")


def held(way: str = "sendonly", address: str = "10.0.1.1") -> bytes:
    """Return the caller's offer of a hold."""
    return NEXT.replace(b"c=IN IP4 10.0.1.1", f"c=IN IP4 {address}".encode()) + (f"a={way}\r\n".encode() if way else b"")


def heard(request: Request) -> tuple[str, str | None]:
    """Return direction and address of the first line."""
    sdp = Sdp.parse(request.body)
    return sdp.direction_of(sdp.media[0]), sdp.address_of(sdp.media[0])


def asked_to_hold(how: int, offer: bytes, method: str = "INVITE") -> tuple[World, Peer, Peer, Dialog]:
    """Return a call in which a has asked b to be held."""
    world, a, b = two_servers({}, None, {"SBCRemoteHoldFormat": how})
    ours, _ = place(a, b)
    a.send(ours, method, body=offer)
    return world, a, b, ours


FORMATS = {
    0: ("sendonly", "10.0.1.1"),
    1: ("sendonly", "10.0.1.1"),
    2: ("sendonly", "0.0.0.0"),
    3: ("inactive", "10.0.1.1"),
    4: ("inactive", "0.0.0.0"),
}


@pytest.mark.parametrize(("how", "want"), [named("SBCRemoteHoldFormat", how, want) for how, want in FORMATS.items() if how != 1])
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_hold_arrives_as_the_side_can_take_it(how: int, want: tuple[str, str], method: str) -> None:
    world, a, b, ours = asked_to_hold(how, held(), method)
    got = b.request(method)
    assert heard(got) == want
    answer = {"sendonly": b"a=recvonly\r\n", "inactive": b"a=inactive\r\n"}[want[0]]
    b.answer(got, 200, body=ANSWER + answer)
    assert a.response(200).body == ANSWER + answer
    if method == "INVITE":
        a.send(ours, "ACK")
        b.request("ACK")
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("how", [named("SBCRemoteHoldFormat", 1)])
def test_inactive_arrives_as_sendonly_and_its_answer_fits_what_was_asked(how: int) -> None:
    _, a, b, _ = asked_to_hold(how, held("inactive"))
    got = b.request("INVITE")
    assert heard(got) == ("sendonly", "10.0.1.1")
    b.answer(got, 200, body=ANSWER + b"a=recvonly\r\n")
    assert a.response(200).body == ANSWER + b"a=inactive\r\n"


@pytest.mark.parametrize("how", [shown("SBCRemoteHoldFormat", how) for how in range(5)])
def test_what_an_offer_says_of_coders_is_left_alone_by_a_hold(how: int) -> None:
    offer = held().replace(b"a=sendonly", b"a=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendonly")
    _, _, b, _ = asked_to_hold(how, offer)
    (line,) = Sdp.parse(b.request("INVITE").body).media
    assert [value for letter, value in line.lines if letter == "a"][:2] == ["rtpmap:8 PCMA/8000", "ptime:20"]
    assert [value for letter, value in line.lines if letter == "a"][2:] == [FORMATS[how][0]]


BY_ADDRESS = {**FORMATS, 0: ("sendrecv", "0.0.0.0")}


@pytest.mark.parametrize(("how", "want"), [named("SBCRemoteHoldFormat", how, want) for how, want in BY_ADDRESS.items()])
def test_a_hold_by_address_is_one_too(how: int, want: tuple[str, str]) -> None:
    _, _, b, _ = asked_to_hold(how, held("", "0.0.0.0"))
    assert heard(b.request("INVITE")) == want


@pytest.mark.parametrize("how", [named("SBCRemoteHoldFormat", 5)])
@pytest.mark.parametrize("way", ["sendonly", "inactive"])
def test_a_side_that_cannot_be_held_hears_nothing_of_it(how: int, way: str) -> None:
    world, a, b, ours = asked_to_hold(how, held(way))
    turned = b"a=recvonly\r\n" if way == "sendonly" else b"a=inactive\r\n"
    assert a.response(200).body == ANSWER.replace(b"o=- 2 1", b"o=- 2 2") + turned and b.heard == []
    a.send(ours, "ACK")
    a.send(ours, "INVITE", body=OFFER.replace(b"o=- 1 1", b"o=- 1 3"))
    b.answer(b.request("INVITE"), 200, body=ANSWER)
    a.response(200)
    a.send(ours, "ACK")
    b.request("ACK")
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("how", [shown("SBCRemoteHoldFormat", how) for how in range(6)])
def test_what_is_no_hold_passes_as_it_is(how: int) -> None:
    for offer in (NEXT, held("recvonly"), b"v=0\r\nnonsense"):
        _, _, b, _ = asked_to_hold(how, offer)
        assert b.request("INVITE").body == offer


@pytest.mark.parametrize(
    ("value", "want"),
    [
        named("SBCRemoteEarlyMediaSupport", 0, [(180, b""), (180, b"")]),
        named("SBCRemoteEarlyMediaSupport", 1, [(180, ANSWER), (183, ANSWER)]),
    ],
)
def test_early_media_reach_a_caller_that_takes_them(value: int, want: list[tuple[int, bytes]]) -> None:
    assert early({"SBCRemoteEarlyMediaSupport": value}) == want


@pytest.mark.parametrize(
    ("value", "want"),
    [named("SBCRemoteEarlyMediaResponseType", *pair) for pair in ((0, [180, 183]), (1, [180, 180]), (2, [183, 183]))],
)
def test_early_media_come_by_the_response_that_the_caller_wants(value: int, want: list[int]) -> None:
    assert early({"SBCRemoteEarlyMediaResponseType": value}) == [(status, ANSWER) for status in want]


@pytest.mark.parametrize(
    ("value", "want"), [named("SBCRemoteMultipleAnswersMode", 0, b""), named("SBCRemoteMultipleAnswersMode", 1, OTHER)]
)
def test_a_second_answer_before_the_call_is_up_reaches_who_takes_it(value: int, want: bytes) -> None:
    _, a, b = two_servers({"SBCForkingHandlingMode": 1}, {"SBCRemoteMultipleAnswersMode": value})
    a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 183, body=ANSWER, tag="x")
    assert a.response(183).body == ANSWER
    b.answer(arrived, 183, body=OTHER, tag="y")
    assert a.response(183).body == want
    b.answer(arrived, 200, body=OTHER, tag="y")
    assert a.response(200).body == OTHER


def early(profile: dict[str, int]) -> list[tuple[int, bytes]]:
    """Return what a caller with that profile hears of a 180 and a 183 with descriptions; one without stays as it is."""
    found = []
    for status in (180, 183):
        _, a, b = two_servers({}, profile)
        a.ask("INVITE", URI, body=OFFER)
        arrived = b.request("INVITE")
        b.answer(arrived, 182)
        assert a.response(182).body == b""
        b.answer(arrived, status, body=ANSWER)
        got = a.next()
        assert isinstance(got, Response)
        assert got.headers.lines("content-type") == (["application/sdp"] if got.body else [])
        found.append((got.status, got.body))
        b.answer(arrived, 200, body=ANSWER)
        assert a.response(200).body == ANSWER
    return found


def test_an_offer_in_an_18x_is_left_to_a_caller_that_made_none() -> None:
    _, a, b = two_servers({}, {"SBCRemoteEarlyMediaSupport": 0})
    a.ask("INVITE", URI, ("Supported", "100rel"))
    b.answer(b.request("INVITE"), 183, ("Require", "100rel"), ("RSeq", "1"), body=ANSWER)
    assert a.response(183).body == ANSWER
