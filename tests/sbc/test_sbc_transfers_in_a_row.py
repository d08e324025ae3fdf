"""Calls that are transferred more than once: nothing is left of who was called, and of who has left."""

from __future__ import annotations

from sbc_world import ANSWER, hang_up, place, three_servers
from test_sbc_transfer import OTHER, TARGET, refer_locally

from sipstub.dialog.dialog import dialog_of_server


def test_two_transfers_in_a_row_leave_no_transferor_behind() -> None:
    """The first may still be waited for, that it says BYE itself, when the target is transferred on."""
    world, a, b, c = three_servers({"SBCReferBehavior": 3})
    ours, theirs = place(a, b)
    refer_locally(a, b, c, ours)
    c.answer(c.request("INVITE"), 200, body=OTHER)
    c.request("ACK")
    a.answer(a.request("NOTIFY"), 200)
    b.answer(b.request("INVITE"), 200, body=ANSWER)
    b.request("ACK")
    b.send(theirs, "REFER", ("Refer-To", f"<{TARGET}>"))
    b.response(202)
    b.answer(b.request("NOTIFY"), 200)
    again = c.request("INVITE")
    c.answer(again, 200, body=OTHER, tag="d-tag")
    c.request("ACK")
    b.answer(b.request("NOTIFY"), 200)
    a.answer(a.request("BYE"), 200)
    world.run(5)
    b.answer(b.request("BYE"), 200)
    c.inbox.clear()
    hang_up(c, c, dialog_of_server(again, "d-tag", is_accepted=True))
    world.assert_both_legs_are_free()


def test_a_late_fork_of_one_transfer_does_not_let_go_of_the_next() -> None:
    world, a, b, c = three_servers({"SBCReferBehavior": 3})
    ours, theirs = place(a, b)
    refer_locally(a, b, c, ours)
    first = c.request("INVITE")
    c.answer(first, 200, body=OTHER, tag="x")
    c.request("ACK")
    a.answer(a.request("NOTIFY"), 200)
    b.answer(b.request("INVITE"), 200, body=ANSWER)
    b.request("ACK")
    a.send(ours, "BYE")
    a.response(200)
    b.send(theirs, "REFER", ("Refer-To", f"<{TARGET}>"))
    b.response(202)
    b.answer(b.request("NOTIFY"), 200)
    second = c.request("INVITE")
    c.answer(second, 180)
    b.answer(b.request("NOTIFY"), 200)
    c.answer(first, 200, body=OTHER, tag="y")
    c.request("ACK")
    c.answer(c.request("BYE"), 200)
    b.send(theirs, "BYE")
    b.response(200)
    c.answer(c.request("CANCEL"), 200)
    c.answer(c.request("BYE"), 200)
    c.answer(second, 487)
    c.request("ACK")
    world.assert_both_legs_are_free()


def test_a_call_whose_transfers_fail_again_and_again_does_not_grow() -> None:
    world, a, b, c = three_servers({"SBCReferBehavior": 3})
    ours, _ = place(a, b)
    known = []
    for _ in range(5):
        refer_locally(a, b, c, ours)
        arrived = c.request("INVITE")
        c.answer(arrived, 180)
        a.answer(a.request("NOTIFY"), 200)
        c.answer(arrived, 486)
        c.request("ACK")
        a.answer(a.request("NOTIFY"), 200)
        known.append(world.sbc.dialogs)
    assert known == [2] * 5
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()
