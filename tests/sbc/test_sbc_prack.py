"""Reliable provisional answers by SbcPrackMode of both sides."""

from __future__ import annotations

import pytest
from sbc_proof import named, proves, shown
from sbc_world import ANSWER, OFFER, acknowledge, hang_up, two_servers

from sipstub.dialog.dialog import dialog_of_client

URI = "sip:200@corp.example"
TAKES = ("Supported", "100rel")


@pytest.mark.parametrize(
    ("mode", "came", "supported", "required"),
    [
        named("SbcPrackMode", 1, (), ("100rel",), ()),
        named("SbcPrackMode", 2, (), (), ("100rel",)),
        named("SbcPrackMode", 3, (), (), ()),
        shown("SbcPrackMode", 1, (TAKES,), ("100rel",), ()),
        named("SbcPrackMode", 2, (TAKES,), ("100rel",), ("100rel",)),
        named("SbcPrackMode", 3, (TAKES,), ("100rel",), ()),
    ],
)
def test_what_the_invite_says_of_reliable_answers(
    mode: int, came: tuple[tuple[str, str], ...], supported: tuple[str, ...], required: tuple[str, ...]
) -> None:
    _, a, b = two_servers({}, None, {"SbcPrackMode": mode})
    a.ask("INVITE", URI, *came, body=OFFER)
    got = b.request("INVITE")
    assert (got.supported, got.require) == (supported, required)


@pytest.mark.parametrize("mode", [named("SbcPrackMode", 1), named("SbcPrackMode", 2)])
def test_the_sbc_does_prack_for_a_caller_that_does_not(mode: int) -> None:
    world, a, b = two_servers({}, None, {"SbcPrackMode": mode})
    invite = a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    for number in (1, 1, 2):
        b.answer(arrived, 183, ("Require", "100rel"), ("RSeq", str(number)), body=ANSWER)
    for number in (1, 2):
        prack = b.request("PRACK")
        assert prack.rack is not None and (prack.rack.rseq, prack.rack.cseq) == (number, arrived.cseq)
        b.answer(prack, 200)
    early = a.response(183)
    assert early.body == ANSWER and early.rseq is None and early.require == ()
    assert b.heard == [] and a.heard in ([], ["183"])
    a.inbox.clear()
    b.answer(arrived, 200)
    ok = a.response(200)
    assert ok.body == ANSWER, "the caller takes it from no answer but this one"
    ours = acknowledge(a, b, invite, ok)
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("mode", [shown("SbcPrackMode", mode) for mode in (1, 2, 3)])
def test_a_caller_that_does_prack_does_it_itself(mode: int) -> None:
    _, a, b = two_servers({}, {"SbcPrackMode": mode}, {"SbcPrackMode": mode})
    invite = a.ask("INVITE", URI, TAKES, body=OFFER)
    b.answer(b.request("INVITE"), 183, ("Require", "100rel"), ("RSeq", "7"), body=ANSWER)
    early = a.response(183)
    assert early.rseq == 7 and early.require == ("100rel",) and b.heard == []
    ours = dialog_of_client(invite, early)
    assert ours is not None
    a.send(ours, "PRACK", ("RAck", "7 1 INVITE"))
    b.answer(b.request("PRACK"), 200)
    a.response(200)


@proves("SbcPrackMode", 2)
def test_a_caller_that_cannot_is_refused_where_it_is_mandatory() -> None:
    world, a, b = two_servers({}, {"SbcPrackMode": 2})
    a.ask("INVITE", URI, body=OFFER)
    assert a.response(421).require == ("100rel",) and b.inbox == []
    world.assert_both_legs_are_free()
    a.ask("INVITE", URI, TAKES, body=OFFER)
    b.request("INVITE")


@pytest.mark.parametrize("mode", [shown("SbcPrackMode", mode) for mode in (1, 2, 3)])
def test_an_invite_without_an_offer_is_left_to_both_ends(mode: int) -> None:
    _, a, b = two_servers({}, None, {"SbcPrackMode": mode})
    a.ask("INVITE", URI)
    got = b.request("INVITE")
    assert (got.supported, got.require) == ((), ())
