"""A caller without an offer, and a side that takes no INVITE without one: SBCRemoteDelayedOfferSupport."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from media_world import MediaWorld, a_media_world, line_of, rtp, sdp
from sbc_proof import named, proves, shown

from sipstub.dialog.dialog import Dialog, dialog_of_client, dialog_of_server
from sipstub.sip.message import Request, Response
from sipstub.sip.sdp import Sdp

URI = "sip:200@corp.example"
NAME = "SBCRemoteDelayedOfferSupport"
ALAW, BOTH = sdp("10.0.2.1", 5000), sdp("10.0.2.1", 5000, "8 18")
MINE = sdp("10.0.1.1", 4000)


@contextlib.contextmanager
def a_world(
    value: int = 0, coders: tuple[str, ...] = ("g711Alaw64k", "g729"), *, direct: int = 0, **more: int
) -> Iterator[MediaWorld]:
    """Yield a world whose b has that value and these extension coders."""
    profile: dict[str, int | str] = {NAME: value, **more}
    if coders:
        profile["SBCExtensionCodersGroupName"] = "mine"
    with a_media_world({"SBCDirectMedia": direct}, None, profile, coders={"mine": coders}) as world:
        yield world


def connect(world: MediaWorld, answer: bytes, mine: bytes = MINE, *said: tuple[str, str]) -> tuple[Dialog, Dialog, Response]:
    """Call without an offer, be answered, and answer that in the ACK; return both dialogs and the 200."""
    invite = world.a.ask("INVITE", URI, *said)
    arrived = world.b.request("INVITE")
    accepted = world.b.answer(arrived, 200, body=answer)
    ok = world.a.response(200)
    ours = dialog_of_client(invite, ok)
    assert ours is not None
    world.a.send(ours, "ACK", body=mine)
    ack = world.b.request("ACK")
    assert ack.body == b"" and "content-type" not in ack.headers, "it got its answer when it was asked"
    return ours, dialog_of_server(arrived, accepted.to.tag or "", is_accepted=True), ok


def end(world: MediaWorld, ours: Dialog) -> None:
    world.a.send(ours, "BYE")
    world.a.response(200)
    world.b.answer(world.b.request("BYE"), 200)


@pytest.mark.parametrize(("value", "formats"), [named(NAME, 0, ("8", "18")), named(NAME, 1, ())])
def test_an_invite_without_an_offer_gets_one_for_a_side_that_has_to_have_it(value: int, formats: tuple[str, ...]) -> None:
    with a_world(value) as world:
        invite = world.a.ask("INVITE", URI)
        got = world.b.request("INVITE")
        if formats:
            assert got.headers.get("content-type") == "application/sdp"
            host, port, seen = line_of(got.body)
            assert (host, seen) == ("10.0.0.1", formats) and port in world.ledger.taken
        else:
            assert got.body == b"" and "content-type" not in got.headers
        world.b.answer(got, 486)
        world.b.request("ACK")
        world.a.response(486)
        assert invite.body == b""


@pytest.mark.parametrize("value", [shown(NAME, 0), shown(NAME, 1)])
def test_an_offer_of_the_caller_passes(value: int) -> None:
    with a_world(value) as world:
        world.a.ask("INVITE", URI, body=MINE)
        got = world.b.request("INVITE")
        assert line_of(got.body)[2] == ("8",)
        world.b.answer(got, 486)
        world.b.request("ACK")
        world.a.response(486)


@pytest.mark.parametrize("coders", [(), ("opus", "telephone-event", "CN")])
def test_without_extension_coders_that_can_be_offered_it_passes_as_it_came(coders: tuple[str, ...]) -> None:
    with a_world(0, coders) as world:
        world.a.ask("INVITE", URI)
        got = world.b.request("INVITE")
        assert got.body == b""
        world.b.answer(got, 486)
        world.b.request("ACK")
        world.a.response(486)


@pytest.mark.parametrize(
    ("coder", "number"),
    [("g711Alaw64k", "8"), ("g711Ulaw64k", "0"), ("PCMA", "8"), ("pcmu", "0"), ("g729", "18"), ("G722", "9")],
)
def test_coders_are_offered_by_the_numbers_that_everybody_knows(coder: str, number: str) -> None:
    with a_world(0, ("opus", coder, coder)) as world:
        world.a.ask("INVITE", URI)
        got = world.b.request("INVITE")
        assert line_of(got.body)[2] == (number,)
        world.b.answer(got, 486)
        world.b.request("ACK")
        world.a.response(486)


@proves(NAME, 0)
def test_its_answer_is_the_offer_to_the_caller_and_media_pass_both_ways() -> None:
    with a_world() as world:
        ours, _, ok = connect(world, ALAW)
        host, at_a, formats = line_of(ok.body)
        assert (host, formats) == ("10.0.0.1", ("8",))
        at_b = next(port for port in world.ledger.taken if port != at_a)
        world.ledger.ends[at_a].receive(rtp(), ("10.0.1.1", 4000), 0.0)
        world.ledger.ends[at_b].receive(rtp(), ("10.0.2.1", 5000), 0.0)
        assert [where for _, where in world.ledger.sent(at_b)] == [("10.0.2.1", 5000)]
        assert [where for _, where in world.ledger.sent(at_a)] == [("10.0.1.1", 4000)]
        assert world.b.heard == [], "what was answered holds: nobody is asked again"
        end(world, ours)


@proves(NAME, 0)
def test_a_caller_that_takes_fewer_coders_is_told_the_other_side_by_a_re_invite() -> None:
    with a_world() as world:
        ours, theirs, ok = connect(world, BOTH)
        assert line_of(ok.body)[2] == ("8", "18")
        again = world.b.request("INVITE")
        first = Sdp.parse(again.body)
        assert line_of(again.body)[2] == ("8",) and first.origin is not None
        world.b.answer(again, 200, body=ALAW)
        world.b.request("ACK")
        assert world.a.heard == []
        world.b.send(theirs, "INVITE", body=ALAW)
        world.a.answer(world.a.request("INVITE"), 200, body=MINE)
        world.b.response(200)
        world.b.send(theirs, "ACK")
        world.a.request("ACK")
        end(world, ours)


@proves(NAME, 0)
def test_where_media_go_direct_a_re_invite_tells_where_the_caller_is() -> None:
    with a_world(direct=1) as world:
        invite = world.a.ask("INVITE", URI)
        arrived = world.b.request("INVITE")
        assert arrived.body and line_of(arrived.body) == ("10.0.0.1", 9, ("8", "18")) and not world.ledger.taken
        world.b.answer(arrived, 200, body=ALAW)
        ok = world.a.response(200)
        assert line_of(ok.body) == ("10.0.2.1", 5000, ("8",))
        ours = dialog_of_client(invite, ok)
        assert ours is not None
        world.a.send(ours, "ACK", body=MINE)
        assert world.b.request("ACK").body == b""
        again = world.b.request("INVITE")
        assert line_of(again.body) == ("10.0.1.1", 4000, ("8",))
        before, after = origin_of(arrived), origin_of(again)
        assert after == (*before[:2], str(int(before[2]) + 1), *before[3:]), "the next version of the same session"
        world.b.answer(again, 200, body=ALAW)
        world.b.request("ACK")
        end(world, ours)


def origin_of(message: Request) -> tuple[str, ...]:
    """Return the words of the o= line."""
    return tuple(next(value for letter, value in Sdp.parse(message.body).lines if letter == "o").split(" "))


@proves(NAME, 0)
def test_a_re_invite_that_is_refused_leaves_the_call_as_it_is() -> None:
    with a_world() as world:
        ours, _, _ = connect(world, BOTH)
        world.b.answer(world.b.request("INVITE"), 488)
        world.b.request("ACK")
        assert world.a.heard == []
        end(world, ours)


@proves(NAME, 0)
@pytest.mark.parametrize(("agreed", "asked"), [("uac", "1800;refresher=uac"), ("uas", "1800;refresher=uas"), (None, None)])
def test_the_timer_of_both_ends_goes_on_over_a_re_invite_of_the_sbc(agreed: str | None, asked: str | None) -> None:
    """Without a word about it the callee would take it for ended (RFC 4028 section 7.2)."""
    with a_world() as world:
        invite = world.a.ask("INVITE", URI, ("Session-Expires", "1800"), ("Supported", "timer"))
        arrived = world.b.request("INVITE")
        said = (("Require", "timer"), ("Session-Expires", f"1800;refresher={agreed}")) if agreed else ()
        world.b.answer(arrived, 200, *said, body=BOTH)
        ours = dialog_of_client(invite, world.a.response(200))
        assert ours is not None
        world.a.send(ours, "ACK", body=MINE)
        world.b.request("ACK")
        again = world.b.request("INVITE")
        assert again.headers.get("session-expires") == asked and ("timer" in again.supported) is (asked is not None)
        world.b.answer(again, 200, *said, body=ALAW)
        world.b.request("ACK")
        end(world, ours)


@proves(NAME, 0)
@pytest.mark.parametrize("said", [(), (("Supported", "100rel"),)])
def test_an_early_answer_is_confirmed_by_the_sbc_and_offered_to_the_caller_in_the_200(said: tuple[tuple[str, str], ...]) -> None:
    with a_world(SbcPrackMode=1) as world:
        invite = world.a.ask("INVITE", URI, *said)
        arrived = world.b.request("INVITE")
        world.b.answer(arrived, 183, ("Require", "100rel"), ("RSeq", "1"), body=ALAW)
        prack = world.b.request("PRACK")
        assert prack.body == b""
        world.b.answer(prack, 200)
        early = world.a.response(183)
        assert early.body == b"" and early.rseq is None and early.require == () and "content-type" not in early.headers
        world.b.answer(arrived, 200)
        ok = world.a.response(200)
        assert line_of(ok.body)[2] == ("8",)
        ours = dialog_of_client(invite, ok)
        assert ours is not None
        world.a.send(ours, "ACK", body=MINE)
        assert world.b.request("ACK").body == b""
        end(world, ours)


@proves(NAME, 0)
def test_each_fork_answers_the_offer_and_the_first_is_offered_to_the_caller() -> None:
    with a_world() as world:
        invite = world.a.ask("INVITE", URI)
        arrived = world.b.request("INVITE")
        world.b.answer(arrived, 180, tag="x")
        assert world.a.response(180).body == b""
        world.b.answer(arrived, 200, body=ALAW, tag="y")
        ok = world.a.response(200)
        ours = dialog_of_client(invite, ok)
        assert ours is not None
        world.a.send(ours, "ACK", body=MINE)
        assert world.b.request("ACK").body == b"" and world.b.heard == []
        end(world, ours)


@proves(NAME, 0)
def test_the_callee_cannot_change_it_before_the_caller_has_answered() -> None:
    with a_world() as world:
        invite = world.a.ask("INVITE", URI)
        arrived = world.b.request("INVITE")
        assert arrived.body
        accepted = world.b.answer(arrived, 200, body=ALAW)
        world.b.send(dialog_of_server(arrived, accepted.to.tag or "", is_accepted=True), "INVITE", body=BOTH)
        world.b.response(500)
        ours = dialog_of_client(invite, world.a.response(200))
        assert ours is not None
        world.a.send(ours, "ACK", body=MINE)
        world.b.request("ACK")
        end(world, ours)


def test_a_caller_whose_ack_has_no_answer_leaves_the_call_as_it_is() -> None:
    with a_world() as world:
        ours, _, _ = connect(world, ALAW, b"")
        assert world.b.heard == []
        end(world, ours)


def test_a_call_without_a_free_port_is_refused_and_holds_nothing() -> None:
    with a_media_world(
        None, None, {NAME: 0, "SBCExtensionCodersGroupName": "mine"}, coders={"mine": ("PCMA",)}, limit=0
    ) as world:
        world.a.ask("INVITE", URI)
        world.a.response(503)
        assert world.b.heard == []
