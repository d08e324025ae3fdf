"""Answers that the SBC makes reliable for the caller itself: SbcPrackMode of its side, RFC 3262."""

from __future__ import annotations

import pytest
from sbc_proof import named, proves, shown
from sbc_world import ANSWER, CHANGED, OFFER, Peer, World, hang_up, three_servers, two_servers

from sipstub.dialog.dialog import Dialog, dialog_of_client, dialog_of_server
from sipstub.sip.answer import answer
from sipstub.sip.message import Request, Response
from sipstub.transaction.follow import cancel_for

URI = "sip:200@corp.example"
REQUIRES, TAKES = ("Require", "100rel"), ("Supported", "100rel")
OPTIONAL = {"SbcPrackMode": 1}


def early(
    profile: dict[str, int], *said: tuple[str, str], status: int = 183, body: bytes = ANSWER
) -> tuple[World, Peer, Peer, Request, Request, Response]:
    """Return a call that rings: with the INVITEs of both legs and what the caller heard."""
    world, a, b = two_servers({}, profile, OPTIONAL)
    invite = a.ask("INVITE", URI, *said, body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, status, body=body)
    return world, a, b, invite, arrived, a.response(status)


def confirm(caller: Peer, invite: Request, heard: Response, *, status: int = 200, body: bytes = b"") -> Dialog:
    """Send the PRACK for an answer; return the caller's dialog."""
    ours = dialog_of_client(invite, heard)
    assert ours is not None and heard.rseq is not None
    prack(caller, ours, heard, body=body)
    caller.response(status)
    return ours


def prack(caller: Peer, ours: Dialog, heard: Response, *, body: bytes = b"") -> None:
    caller.send(ours, "PRACK", ("RAck", f"{heard.rseq} {heard.cseq}"), body=body)


@pytest.mark.parametrize(
    ("mode", "said", "is_reliable"),
    [
        named("SbcPrackMode", 1, REQUIRES, True),
        named("SbcPrackMode", 1, TAKES, False),
        named("SbcPrackMode", 2, REQUIRES, True),
        named("SbcPrackMode", 2, TAKES, True),
        named("SbcPrackMode", 3, REQUIRES, False),
        named("SbcPrackMode", 3, TAKES, False),
    ],
)
def test_an_answer_that_is_not_reliable_becomes_so_for_a_caller_that_needs_it(
    mode: int, said: tuple[str, str], is_reliable: bool
) -> None:
    world, a, b, invite, arrived, heard = early({"SbcPrackMode": mode}, said)
    if is_reliable:
        assert heard.rseq == 1 and heard.require == ("100rel",)
        confirm(a, invite, heard)
    else:
        assert heard.rseq is None and heard.require == ()
    assert b.heard == [], "the callee hears nothing of it"
    world.run(20)
    assert a.heard == [], "nothing is repeated any more"
    b.answer(arrived, 200, body=ANSWER)
    ok = a.response(200)
    ours = dialog_of_client(invite, ok)
    assert ours is not None and ok.rseq is None and ok.require == ()
    ours.local_cseq += 1
    a.send(ours, "ACK", cseq=1)
    b.request("ACK")
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(
    ("mode", "required", "supported"),
    [
        named("SbcPrackMode", 1, (), ("100rel",)),
        named("SbcPrackMode", 2, ("100rel",), ()),
        named("SbcPrackMode", 3, ("100rel",), ()),
    ],
)
def test_what_the_caller_requires_of_the_sbc_is_required_of_no_callee_that_need_not(
    mode: int, required: tuple[str, ...], supported: tuple[str, ...]
) -> None:
    _, a, b = two_servers({}, OPTIONAL, {"SbcPrackMode": mode})
    a.ask("INVITE", URI, REQUIRES, body=OFFER)
    got = b.request("INVITE")
    assert (got.require, got.supported) == (required, supported)


@proves("SbcPrackMode", 1)
def test_it_is_repeated_at_growing_pauses_until_its_prack_comes() -> None:
    world, a, b, invite, _, first = early(OPTIONAL, REQUIRES)
    start = world.now
    world.run(8)
    again = [(at - start, one.rseq) for at, _, to, one in world.log if to == "a" and isinstance(one, Response) and one.rseq]
    assert again == [(0.0, 1), (0.5, 1), (1.5, 1), (3.5, 1), (7.5, 1)]
    a.inbox.clear()
    confirm(a, invite, first)
    world.run(20)
    assert a.heard == [] and b.heard == []


@proves("SbcPrackMode", 1)
def test_without_a_prack_the_call_is_refused_with_504_and_nobody_rings_on() -> None:
    world, a, b, _, arrived, _ = early(OPTIONAL, REQUIRES)
    world.run(31.9)
    assert "CANCEL" not in b.heard
    world.run(0.2)
    assert a.heard[-1:] == ["504"] and b.heard == ["CANCEL"]
    b.answer(b.request("CANCEL"), 200)
    b.answer(arrived, 487)
    b.request("ACK")
    world.assert_both_legs_are_free()


@proves("SbcPrackMode", 1)
def test_the_next_one_waits_for_the_prack_of_the_first() -> None:
    _, a, b, invite, arrived, first = early(OPTIONAL, REQUIRES, status=180, body=b"")
    b.answer(arrived, 183, body=ANSWER)
    assert a.heard == []
    ours = dialog_of_client(invite, first)
    assert ours is not None
    prack(a, ours, first)
    assert a.response(200).cseq.method == "PRACK"
    following = a.response(183)
    assert (following.rseq, following.body) == (2, ANSWER)
    prack(a, ours, first)
    a.response(481)
    prack(a, ours, following)
    a.response(200)


@proves("SbcPrackMode", 1)
def test_the_answer_of_the_call_waits_for_the_prack_of_its_description() -> None:
    world, a, b, invite, arrived, first = early(OPTIONAL, REQUIRES)
    b.answer(arrived, 200, body=ANSWER)
    assert a.heard == [] and b.heard == []
    ours = confirm_and_hear(a, invite, first)
    a.send(ours, "ACK", cseq=1)
    b.request("ACK")
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


def confirm_and_hear(caller: Peer, invite: Request, heard: Response) -> Dialog:
    """Send PRACK, and hear that it is taken and that the call is up."""
    ours = dialog_of_client(invite, heard)
    assert ours is not None
    prack(caller, ours, heard)
    assert caller.response(200).cseq.method == "PRACK"
    assert caller.response(200).cseq.method == "INVITE"
    ours.confirm(heard)
    return ours


@proves("SbcPrackMode", 1)
def test_the_answer_of_the_call_does_not_wait_where_there_was_no_description_and_a_late_prack_is_taken() -> None:
    world, a, b, invite, arrived, first = early(OPTIONAL, REQUIRES, status=180, body=b"")
    b.answer(arrived, 200, body=ANSWER)
    ok = a.response(200)
    assert ok.cseq.method == "INVITE"
    ours = confirm(a, invite, first)
    ours.confirm(ok)
    a.send(ours, "ACK", cseq=1)
    b.request("ACK")
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


@proves("SbcPrackMode", 1)
@pytest.mark.parametrize("end", ["CANCEL", "504", "BYE of the callee", "second fork"])
def test_an_answer_that_waits_is_hung_up_when_the_call_ends(end: str) -> None:
    world, a, b, invite, arrived, _ = early(OPTIONAL, REQUIRES)
    b.answer(arrived, 200, body=ANSWER)
    if end == "second fork":
        b.answer(arrived, 200, body=ANSWER, tag="other")
        b.request("ACK")
        b.answer(b.request("BYE"), 200)
    if end == "BYE of the callee":
        b.send(dialog_of_server(arrived, "b-tag", is_accepted=True), "BYE")
        b.response(200)
        a.response(480)
    elif end == "504":
        world.run(33)
        assert "504" in a.heard
        a.inbox.clear()
    else:
        a.say(cancel_for(invite))
        a.response(200)
        a.response(487)
    if end != "BYE of the callee":
        b.request("ACK")
        b.answer(b.request("BYE"), 200)
    world.assert_both_legs_are_free()


@proves("SbcPrackMode", 1)
def test_an_offer_in_the_prack_is_answered_by_what_the_caller_has() -> None:
    _, a, b, invite, _, first = early(OPTIONAL, REQUIRES)
    ours = dialog_of_client(invite, first)
    assert ours is not None
    prack(a, ours, first, body=CHANGED)
    assert a.response(200).body == ANSWER and b.heard == []


@proves("SbcPrackMode", 1)
def test_an_offer_may_follow_once_the_description_is_confirmed() -> None:
    _, a, b, invite, _, first = early(OPTIONAL, REQUIRES)
    ours = dialog_of_client(invite, first)
    assert ours is not None
    a.send(ours, "UPDATE", body=CHANGED)
    a.response(500)
    prack(a, ours, first)
    a.response(200)
    a.send(ours, "UPDATE", body=CHANGED)
    b.answer(b.request("UPDATE"), 200, body=ANSWER)
    assert a.response(200).body == ANSWER


@pytest.mark.parametrize("value", [named("SBCRemoteEarlyMediaSupport", 0), shown("SBCRemoteEarlyMediaSupport", 1)])
def test_a_description_that_was_kept_back_from_the_caller_comes_with_the_200(value: int) -> None:
    world, a, b = two_servers({}, {"SBCRemoteEarlyMediaSupport": value})
    invite = a.ask("INVITE", URI, TAKES, body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 183, REQUIRES, ("RSeq", "5"), body=ANSWER)
    early = a.next()
    assert isinstance(early, Response) and (early.status, early.body) == ((183, ANSWER) if value else (180, b""))
    ours = dialog_of_client(invite, early)
    assert ours is not None
    prack(a, ours, early)
    b.answer(b.request("PRACK"), 200)
    a.response(200)
    b.answer(arrived, 200)
    ok = a.response(200)
    assert ok.body == (b"" if value else ANSWER) and ("content-type" in ok.headers) is not bool(value)
    ours.confirm(ok)
    a.send(ours, "ACK", cseq=1)
    b.request("ACK")
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("value", [named("SBCForkingHandlingMode", 0), named("SBCForkingHandlingMode", 1)])
def test_a_reliable_answer_of_a_fork_that_the_caller_does_not_hear_is_confirmed_by_the_sbc(value: int) -> None:
    world, a, b = two_servers({"SBCForkingHandlingMode": value})
    invite = a.ask("INVITE", URI, TAKES, body=OFFER)
    arrived = b.request("INVITE")
    other = ANSWER.replace(b"10.0.2.1", b"10.0.2.2")
    for tag, body in (("x", ANSWER), ("y", other), ("y", other)):
        b.answer(arrived, 183, REQUIRES, ("RSeq", "1"), body=body, tag=tag)
    assert b.heard == ([] if value else ["PRACK"]) and a.response(183).body == ANSWER
    if value:
        return
    b.answer(b.request("PRACK"), 200)
    assert a.heard == []
    b.answer(arrived, 200, tag="y")
    ok = a.response(200)
    assert ok.body == other, "the caller has heard of it nowhere else"
    ours = dialog_of_client(invite, ok)
    assert ours is not None
    a.send(ours, "ACK")
    b.request("ACK")
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


def test_reliable_answers_of_two_forks_count_in_one_row_and_what_comes_out_of_order_waits() -> None:
    _, a, b = two_servers({"SBCForkingHandlingMode": 1})
    invite = a.ask("INVITE", URI, TAKES, body=OFFER)
    arrived = b.request("INVITE")
    heard = []
    for tag, number in (("x", 7), ("y", 100), ("x", 9), ("x", 8)):
        b.answer(arrived, 180, REQUIRES, ("RSeq", str(number)), tag=tag)
        heard += [one.rseq for one in a.inbox if isinstance(one, Response) and one.status > 100]
        a.inbox.clear()
    assert heard == [7, 8, 9]
    ours = dialog_of_client(invite, answer_of(invite, "x"))
    assert ours is not None
    for number, theirs in ((8, "100 1 INVITE"), (9, "8 1 INVITE")):
        a.send(ours, "PRACK", ("RAck", f"{number} 1 INVITE"))
        got = b.request("PRACK")
        assert str(got.rack) == theirs
        b.answer(got, 200)
        a.response(200)


def answer_of(invite: Request, tag: str) -> Response:
    found = answer(invite, 180, to_tag=tag)
    found.headers.add("Contact", "<sip:10.0.0.1>")
    return found


@proves("SbcPrackMode", 1)
def test_a_place_that_refuses_is_followed_by_the_next_and_the_answers_go_on_in_the_same_row() -> None:
    world, a, b, c = three_servers({"SBC3xxBehavior": 2}, OPTIONAL)
    invite = a.ask("INVITE", URI, REQUIRES, body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 180)
    ours = confirm(a, invite, a.response(180))
    b.answer(arrived, 302, ("Contact", "<sip:300@x.example>"))
    b.request("ACK")
    c.answer(c.request("INVITE"), 183, body=ANSWER)
    following = a.response(183)
    assert following.rseq == 2
    prack(a, ours, following)
    a.response(200)
    assert world.sbc.relays


def of_callee(callee: Peer, arrived: Request, rseq: int, status: int = 183) -> None:
    """Send a reliable answer of the callee's own."""
    callee.answer(arrived, status, ("Require", "100rel"), ("RSeq", str(rseq)), body=ANSWER)


def test_a_reliable_answer_that_is_repeated_before_the_callers_prack_is_not_confirmed_twice() -> None:
    """Two PRACKs for one answer would get 481, which ends the call: the SBC's beside the caller's, which is on its way."""
    _, a, b = two_servers({}, {"SBCRemoteMultiple18xSupport": 0})
    invite = a.ask("INVITE", URI, TAKES, body=OFFER)
    arrived = b.request("INVITE")
    of_callee(b, arrived, 7)
    heard = a.response(183)
    of_callee(b, arrived, 7)
    assert b.heard == [] and a.repeated == 1, "the caller may have missed it"
    ours = dialog_of_client(invite, heard)
    assert ours is not None
    prack(a, ours, heard)
    b.answer(b.request("PRACK"), 200)
    a.response(200)
    of_callee(b, arrived, 7)
    assert b.heard == a.heard == [], "on the wire while the PRACK was"
    of_callee(b, arrived, 8)
    assert str(b.request("PRACK").rack) == "8 1 INVITE" and a.heard == [], "the caller is to hear one alone"
    b.answer(arrived, 486)
    b.request("ACK")
    a.response(486)


def test_the_sbc_confirms_no_answer_before_its_turn() -> None:
    """RFC 3262 section 4: one that is missing comes again."""
    _, a, b = two_servers({}, {"SbcPrackMode": 3}, OPTIONAL)
    a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    for rseq in (7, 9, 8, 9):
        of_callee(b, arrived, rseq)
    assert [str(one.rack) for one in b.inbox if isinstance(one, Request)] == ["7 1 INVITE", "8 1 INVITE", "9 1 INVITE"]
