"""Several contacts of one user, and several answers to one INVITE."""

from __future__ import annotations

import pytest
from sbc_proof import named, proves
from sbc_world import ANSWER, OFFER, Peer, World, a_site, acknowledge, hang_up, two_servers

from sipstub.dialog.dialog import dialog_of_client
from sipstub.sip.message import Request, Response
from sipstub.transaction.follow import cancel_for

URI = "sip:200@corp.example"
ROUTES = ({"SrcIPGroupName": "pbx", "DestIPGroupName": "phones"}, {"SrcIPGroupName": "phones", "DestIPGroupName": "phones"})
RULES = ({"SrcAddress": "10.0.1.*", "SrcIPGroupName": "phones"},)


def phones(mode: int, values: dict[str, int] | None = None, count: int = 2) -> tuple[World, Peer, list[Peer]]:
    """Return a world with a proxy and phones of one user, all registered at the SBC."""
    groups = {"phones": {"Type": "user", "EnableSBCClientForking": mode}, "pbx": {"proxies": ["10.0.2.1:5060"]}}
    world = World(a_site({"SBCRandomizeExpires": 0, **(values or {})}, groups, ROUTES, RULES))
    found = []
    for number in range(1, count + 1):
        phone = world.peer(f"p{number}", f"10.0.1.{number}")
        phone.ask("REGISTER", "sip:corp.example", ("Expires", "100000"), from_=f"<{URI}>", to=f"<{URI}>")
        phone.response(200)
        found.append(phone)
    return world, world.peer("pbx", "10.0.2.1"), found


def free(world: World) -> None:
    """Fail if anything but registrations is left."""
    world.assert_both_legs_are_free()


@proves("EnableSBCClientForking", 0)
def test_EnableSBCClientForking_0_rings_one_after_the_other() -> None:  # noqa: N802
    world, pbx, (one, two) = phones(0, {"SBCAlertTimeout": 20})
    pbx.ask("INVITE", URI, body=OFFER)
    first = one.request("INVITE")
    one.answer(first, 180)
    pbx.response(180)
    assert two.inbox == []
    world.run(21)
    one.answer(one.request("CANCEL"), 200)
    one.answer(first, 487)
    one.request("ACK")
    second = two.request("INVITE")
    world.run(10)
    two.answer(second, 180)
    two.inbox.clear()
    world.run(15)
    assert two.inbox == [], "its time begins when it rings"
    two.answer(second, 486)
    two.request("ACK")
    assert pbx.response(486)
    free(world)


@proves("EnableSBCClientForking", 1)
def test_EnableSBCClientForking_1_rings_all_and_the_first_to_answer_wins() -> None:  # noqa: N802
    world, pbx, (one, two) = phones(1)
    invite = pbx.ask("INVITE", URI, body=OFFER)
    first, second = one.request("INVITE"), two.request("INVITE")
    one.answer(first, 180)
    two.answer(second, 180)
    pbx.response(180)
    assert pbx.heard == [], "the second 18x is not passed on"
    two.answer(second, 200, body=ANSWER)
    ok = pbx.response(200)
    cancel = one.request("CANCEL")
    assert cancel.headers.get("reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    one.answer(cancel, 200)
    one.answer(first, 487)
    one.request("ACK")
    ours = acknowledge(pbx, two, invite, ok)
    hang_up(pbx, two, ours)
    free(world)


def test_two_phones_that_answer_at_once_leave_one_call() -> None:
    world, pbx, (one, two) = phones(1)
    invite = pbx.ask("INVITE", URI, body=OFFER)
    first, second = one.request("INVITE"), two.request("INVITE")
    one.answer(first, 200, body=ANSWER)
    two.answer(second, 200, body=ANSWER)
    ok = pbx.response(200)
    assert two.heard == ["ACK", "BYE"]
    two.request("ACK")
    two.answer(two.request("BYE"), 200)
    ours = acknowledge(pbx, one, invite, ok)
    hang_up(pbx, one, ours)
    free(world)


@pytest.mark.parametrize(
    ("first", "second", "best"), [(486, 480, 480), (404, 407, 407), (503, 580, 580), (408, 486, 486), (603, 407, 603)]
)
def test_all_refuse_and_the_caller_gets_the_best_of_it(first: int, second: int, best: int) -> None:
    world, pbx, (one, two) = phones(1)
    pbx.ask("INVITE", URI, body=OFFER)
    at_one, at_two = one.request("INVITE"), two.request("INVITE")
    two.answer(at_two, second)
    one.answer(at_one, first)
    assert pbx.response(best)
    free(world)


def test_a_refusal_is_told_though_the_next_one_rings_in_vain() -> None:
    world, pbx, (one, two) = phones(0, {"SBCAlertTimeout": 20})
    pbx.ask("INVITE", URI, body=OFFER)
    one.answer(one.request("INVITE"), 486)
    one.request("ACK")
    asked = two.request("INVITE")
    two.answer(asked, 180)
    pbx.response(180)
    world.run(21)
    two.answer(two.request("CANCEL"), 200)
    two.answer(asked, 487)
    assert pbx.response(486)
    free(world)


@pytest.mark.parametrize("mode", [0, 1], ids=["one after the other", "all at once"])
def test_a_phone_that_names_another_place_has_it_called_before_those_that_are_left_and_after_those_that_ring(mode: int) -> None:
    world, pbx, (one, two) = phones(mode, {"SBC3xxBehavior": 2})
    other, elsewhere = world.peer("p9", "10.0.1.9"), "sip:300@corp.example"
    other.ask("REGISTER", "sip:corp.example", ("Expires", "100000"), from_=f"<{elsewhere}>", to=f"<{elsewhere}>")
    other.response(200)
    pbx.ask("INVITE", URI, body=OFFER)
    one.answer(one.request("INVITE"), 302, ("Contact", f"<{elsewhere}>"))
    one.request("ACK")
    last, then = ((other, two), (two, other))[mode]
    assert then.inbox == []
    last.answer(last.request("INVITE"), 486)
    last.request("ACK")
    then.answer(then.request("INVITE"), 486)
    then.request("ACK")
    pbx.response(486)
    free(world)


@pytest.mark.parametrize("status", [401, 407, 482, 483, 600, 603])
def test_after_a_last_word_no_other_phone_is_called(status: int) -> None:
    world, pbx, (one, two) = phones(0)
    pbx.ask("INVITE", URI, body=OFFER)
    one.answer(one.request("INVITE"), status)
    one.request("ACK")
    assert pbx.response(status) and two.inbox == []
    free(world)


@pytest.mark.parametrize("status", [600, 603])
def test_a_6xx_of_one_phone_ends_the_ringing_of_all(status: int) -> None:
    world, pbx, (one, two) = phones(1)
    pbx.ask("INVITE", URI, body=OFFER)
    second = two.request("INVITE")
    two.answer(second, 180)
    pbx.response(180)
    one.answer(one.request("INVITE"), status)
    two.answer(two.request("CANCEL"), 200)
    two.answer(second, 487)
    assert pbx.response(status)
    free(world)


def test_a_cancel_reaches_all_that_ring() -> None:
    world, pbx, (one, two) = phones(1)
    invite = pbx.ask("INVITE", URI, body=OFFER)
    rung = [(phone, phone.request("INVITE")) for phone in (one, two)]
    for phone, arrived in rung:
        phone.answer(arrived, 180)
    pbx.response(180)
    pbx.say(cancel_for(invite))
    for phone, arrived in rung:
        phone.answer(phone.request("CANCEL"), 200)
        phone.answer(arrived, 487)
    free(world)


@pytest.mark.parametrize("mode", [named("EnableSBCClientForking", 1)])
def test_no_more_than_five_ring_at_once(mode: int) -> None:
    world, pbx, found = phones(mode, count=5)
    sixth = world.peer("p6", "10.0.1.6")
    sixth.ask("REGISTER", "sip:corp.example", ("Expires", "100000"), from_=f"<{URI}>", to=f"<{URI}>")
    sixth.response(403)
    pbx.ask("INVITE", URI, body=OFFER)
    assert [phone.heard for phone in found] == [["INVITE"]] * 5


@proves("EnableSBCClientForking", 2)
def test_EnableSBCClientForking_2_leaves_out_who_is_in_a_call() -> None:  # noqa: N802
    world, pbx, (one, two) = phones(2)
    invite = pbx.ask("INVITE", URI, body=OFFER)
    one.answer(one.request("INVITE"), 200, body=ANSWER)
    ours = acknowledge(pbx, one, invite, pbx.response(200))
    pbx.ask("INVITE", URI, body=OFFER)
    assert one.heard == [], "busy"
    two.answer(two.request("INVITE"), 486)
    pbx.response(486)
    pbx.send(ours, "BYE")
    one.answer(one.request("BYE"), 200)
    free(world)


@pytest.mark.parametrize(
    ("value", "want"), [named("SBCSendInviteToAllContacts", 0, 1), named("SBCSendInviteToAllContacts", 1, 2)]
)
def test_an_invite_to_one_contact(value: int, want: int) -> None:
    _, pbx, found = phones(1, {"SBCSendInviteToAllContacts": value})
    pbx.ask("INVITE", "sip:p1@10.0.1.1:5060", body=OFFER)
    assert sum("INVITE" in phone.heard for phone in found) == want and "INVITE" in found[0].heard


# A proxy that forks


def tags_at_caller(a: Peer) -> list[tuple[int, str]]:
    """Return status and To tag of what the caller got, and empty its inbox."""
    found = [(one.status, one.to.tag or "") for one in a.inbox if isinstance(one, Response) and one.status > 100]
    a.inbox.clear()
    return found


@pytest.mark.parametrize(
    ("value", "want"), [named("SBCForkingHandlingMode", 0, [180]), named("SBCForkingHandlingMode", 1, [180, 183])]
)
def test_18x_of_two_branches(value: int, want: list[int]) -> None:
    world, a, b = two_servers({"SBCForkingHandlingMode": value})
    invite = a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 180, tag="x")
    b.answer(arrived, 183, tag="y", body=ANSWER)
    found = tags_at_caller(a)
    assert [status for status, _ in found] == want
    assert {tag for _, tag in found} == {"x"}, "one To tag for all"
    b.answer(arrived, 200, tag="y", body=ANSWER)
    ok = a.response(200)
    assert ok.to.tag == "x"
    ours = dialog_of_client(invite, ok)
    assert ours is not None
    a.send(ours, "ACK")
    assert b.request("ACK").to.tag == "y", "the branch that answered is the one that is talked to"
    a.send(ours, "BYE")
    a.response(200)
    assert b.request("BYE").to.tag == "y"
    world.run(40)
    free(world)


@pytest.mark.parametrize(
    ("value", "want"), [named("SBCForkingHandlingMode", 0, [183, 200]), named("SBCForkingHandlingMode", 1, [183, 180, 200])]
)
def test_of_offers_in_18x_of_several_branches_the_first_alone_is_passed_on(value: int, want: list[int]) -> None:
    _, a, b = two_servers({"SBCForkingHandlingMode": value}, {"SBCRemoteMultipleAnswersMode": 1})
    a.ask("INVITE", URI)
    arrived = b.request("INVITE")
    b.answer(arrived, 183, tag="x", body=ANSWER)
    b.answer(arrived, 183, tag="y", body=OFFER)
    b.answer(arrived, 180, tag="z")
    b.answer(arrived, 200, tag="y", body=OFFER)
    assert [status for status, _ in tags_at_caller(a)] == want


@pytest.mark.parametrize(
    ("value", "want"), [named("SBCRemoteMultipleEarlyDialogs", *pair) for pair in ((-1, {"x"}), (0, {"x"}), (1, {"x", "y"}))]
)
def test_to_tags_of_two_branches(value: int, want: set[str]) -> None:
    world, a, b = two_servers({"SBCForkingHandlingMode": 1}, {"SBCRemoteMultipleEarlyDialogs": value})
    invite = a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 180, tag="x")
    b.answer(arrived, 180, tag="y")
    assert {tag for _, tag in tags_at_caller(a)} == want
    b.answer(arrived, 200, tag="y", body=ANSWER)
    ok = a.response(200)
    assert ok.to.tag == ("y" if value == 1 else "x")
    ours = acknowledge(a, b, invite, ok)
    hang_up(a, b, ours)
    free(world)


@pytest.mark.parametrize(
    ("value", "want"), [named("SBCRemoteMultiple18xSupport", *pair) for pair in ((0, [180]), (1, [180, 183, 182]))]
)
def test_several_18x_of_one_branch(value: int, want: list[int]) -> None:
    _, a, b = two_servers({}, {"SBCRemoteMultiple18xSupport": value})
    a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    for status in (180, 183, 182):
        b.answer(arrived, status)
    assert [status for status, _ in tags_at_caller(a)] == want


def test_a_second_200_of_a_fork_is_hung_up() -> None:
    world, a, b = two_servers()
    invite = a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 200, tag="x", body=ANSWER)
    ours = dialog_of_client(invite, a.response(200))
    assert ours is not None
    b.answer(arrived, 200, tag="y", body=ANSWER)
    assert [(one.method, one.to.tag) for one in b.inbox if isinstance(one, Request)] == [("ACK", "y"), ("BYE", "y")]
    b.inbox.clear()
    a.send(ours, "ACK")
    assert b.request("ACK").to.tag == "x"
    a.send(ours, "BYE")
    a.response(200)
    world.run(40)
    free(world)


def test_more_forks_than_are_kept_do_no_harm() -> None:
    world, a, b = two_servers()
    invite = a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    for number in range(40):
        b.answer(arrived, 180, tag=f"t{number}")
    assert world.sbc.dialogs <= 17
    a.say(cancel_for(invite))
    b.answer(arrived, 487)
    free(world)
