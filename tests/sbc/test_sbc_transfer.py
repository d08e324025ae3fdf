"""REFER through the SBC, by what the side that would get it can do; and calls that take the place of others."""

from __future__ import annotations

import pytest
from sbc_proof import named, shown
from sbc_world import ANSWER, CHANGED, OFFER, Peer, acknowledge, hang_up, place, three_servers, two_servers

from sipstub.dialog.dialog import Dialog, dialog_of_server
from sipstub.dialog.refer import sipfrag_status
from sipstub.sip.replaces import Replaces
from sipstub.sip.uri import SipUri, escape

TARGET = "sip:300@x.example"
PRINTED = f'"N. N."<{TARGET};user=phone>;x="y"'
OTHER = ANSWER.replace(b"10.0.2.1", b"10.0.3.1")


@pytest.mark.parametrize(
    ("mode", "name", "want"),
    [
        named(name, mode, name, want)
        for name in ("SBCReferBehavior", "SBCRemoteReferBehavior")
        for mode, want in (
            (0, PRINTED),
            (1, '"N. N." <sip:T~&R-_k1_300@10.0.0.1:5060;transport=udp>;x="y"'),
            (2, '"N. N." <sip:300@there.example;user=phone>;x="y"'),
            (4, '"N. N." <sip:300@10.0.0.1;user=phone>;x="y"'),
            (5, PRINTED),
        )
    ],
)
def test_refer_to_as_the_other_side_gets_it(mode: int, name: str, want: str) -> None:
    values, profile = ({name: mode}, {}) if name == "SBCReferBehavior" else ({}, {name: mode})
    world, a, b = two_servers(values, None, profile, b_more={"SIPGroupName": "there.example"})
    ours, _ = place(a, b)
    a.send(ours, "REFER", ("Refer-To", PRINTED), ("Referred-By", "<sip:a@corp.example>"))
    got = b.request("REFER")
    assert got.headers.get("refer-to") == want and got.headers.get("referred-by") == "<sip:a@corp.example>"
    b.answer(got, 202)
    a.response(202)
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


def test_what_is_to_come_back_names_the_port_and_transport_of_the_sbc() -> None:
    _, a, b = two_servers({"SBCReferBehavior": 4})
    ours, _ = place(a, b)
    a.send(ours, "REFER", ("Refer-To", "<sip:300@x.example:5070;transport=tcp>"))
    assert b.request("REFER").headers.get("refer-to") == "<sip:300@10.0.0.1:5060;transport=udp>"


def test_local_host_is_the_name_of_ours_towards_that_group() -> None:
    _, a, b = two_servers({"SBCReferBehavior": 4}, b_more={"LocalHostName": "sbc.example"})
    ours, _ = place(a, b)
    a.send(ours, "REFER", ("Refer-To", f"<{TARGET}>"))
    assert b.request("REFER").headers.get("refer-to") == "<sip:300@sbc.example>"


@pytest.mark.parametrize(("prefix", "want"), [named("SBCXferPrefix", "", "300"), named("SBCXferPrefix", "*98", "*98300")])
def test_the_call_of_a_marked_refer_comes_back_and_goes_on(prefix: str, want: str) -> None:
    _, a, b = two_servers({"SBCReferBehavior": 1, "SBCXferPrefix": prefix})
    ours, _ = place(a, b)
    a.send(ours, "REFER", ("Refer-To", f"<{TARGET}>"))
    got = b.request("REFER")
    b.answer(got, 202)
    a.response(202)
    assert got.refer_to is not None
    b.ask("INVITE", str(got.refer_to.uri), body=OFFER)
    assert a.request("INVITE").uri_text == f"sip:{want}@x.example"


def test_the_subscription_of_a_refer_has_the_number_that_each_side_knows_it_by() -> None:
    """RFC 3515 section 2.4.6: the id is the CSeq of the REFER, which is another one on each leg."""
    world, a, b = two_servers()
    ours, theirs = place(a, b)
    numbers: list[tuple[int, int]] = []
    for cseq in (40, 41):
        a.send(ours, "REFER", ("Refer-To", f"<{TARGET}>"), cseq=cseq)
        got = b.request("REFER")
        b.answer(got, 202)
        numbers.append((a.response(202).cseq.number, got.cseq.number))
    for here, there in numbers:
        assert here != there
        b.send(theirs, "NOTIFY", ("Event", f"refer;id={there}"), ("Subscription-State", "active"), body=b"SIP/2.0 100 Trying\r\n")
        told = a.request("NOTIFY")
        assert told.headers.get("event") == f"refer;id={here}"
        a.answer(told, 200)
        b.response(200)
        a.send(ours, "SUBSCRIBE", ("Event", f"refer;id={here}"), ("Expires", "0"), cseq=here + 2)
        asked = b.request("SUBSCRIBE")
        assert asked.headers.get("event") == f"refer;id={there}"
        b.answer(asked, 200)
        a.response(200)
    for word in ("refer", "refer;id=9999999999", "refer;id=x", "talk;id=2"):
        b.send(theirs, "NOTIFY", ("Event", word), ("Subscription-State", "active"))
        told = a.request("NOTIFY")
        assert told.headers.get("event") == word
        a.answer(told, 200)
        b.response(200)
    hang_up(b, a, theirs)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("status", [481, 408])
def test_a_transferor_that_does_not_want_to_hear_of_it_keeps_its_call(status: int) -> None:
    """RFC 5057: a NOTIFY that nobody waits for ends the subscription, and not the call in whose dialog it came."""
    world, a, b = two_servers()
    ours, theirs = place(a, b)
    b.send(theirs, "NOTIFY", ("Event", "refer;id=7"), ("Subscription-State", "active"), body=b"SIP/2.0 100 Trying\r\n")
    a.answer(a.request("NOTIFY"), status)
    assert set(b.heard) <= {"481"} and not a.inbox, "no BYE"
    b.inbox.clear()
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


def refer_locally(a: Peer, b: Peer, c: Peer, ours: Dialog, refer_to: str = f"<{TARGET}>") -> None:
    """Have a refer b to c, up to the INVITE to c, which is left in its inbox."""
    refer = a.send(ours, "REFER", ("Refer-To", refer_to), ("Referred-By", "<sip:a@corp.example>"))
    accepted = a.response(202)
    assert accepted.cseq == refer.cseq
    trying = a.request("NOTIFY")
    assert sipfrag_status(trying.body) == 100 and (trying.headers.get("subscription-state") or "").startswith("active")
    a.answer(trying, 200)
    assert b.heard == []


@pytest.mark.parametrize(
    ("mode", "name"), [named("SBCReferBehavior", 3, "SBCReferBehavior"), named("SBCRemoteReferBehavior", 3, "")]
)
def test_the_target_is_called_and_tied_to_the_other_one(mode: int, name: str) -> None:
    world, a, b, c = three_servers({name: mode}) if name else three_servers({}, None, {"SBCRemoteReferBehavior": mode})
    ours, theirs = place(a, b)
    refer = a.send(ours, "REFER", ("Refer-To", f"<{TARGET}>"), ("Referred-By", "<sip:a@corp.example>"))
    a.response(202)

    def told(status: int, state: str) -> None:
        notify = a.request("NOTIFY")
        assert sipfrag_status(notify.body) == status
        assert (notify.headers.get("subscription-state") or "").startswith(state)
        assert notify.headers.get("event") == f"refer;id={refer.cseq.number}"
        a.answer(notify, 200)

    told(100, "active")
    assert b.heard == [], "no REFER leaves"
    arrived = c.request("INVITE")
    assert arrived.uri_text == TARGET and arrived.body == ANSWER, "what b said of its media"
    assert arrived.headers.get("referred-by") == "<sip:a@corp.example>"
    c.answer(arrived, 180)
    told(180, "active")
    c.answer(arrived, 200, body=OTHER)
    c.request("ACK")
    told(200, "terminated")
    moved = b.request("INVITE")
    assert moved.body == OTHER
    b.answer(moved, 200, body=ANSWER)
    b.request("ACK")
    a.send(ours, "BYE")
    a.response(200)
    assert b.heard == c.heard == [], "they go on"
    at_c = dialog_of_server(arrived, "c-tag", is_accepted=True)
    c.send(at_c, "INFO")
    b.answer(b.request("INFO"), 200)
    c.response(200)
    hang_up(b, c, theirs)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(
    ("reinvite", "update", "told"),
    [
        shown("SBCRemoteReinviteSupport", reinvite, update, told, case=f"update-{update}")
        for reinvite, update, told in ((0, 2, "UPDATE"), (0, 0, None), (1, 2, "INVITE"))
    ],
)
def test_who_stays_hears_of_the_target_by_what_it_takes(reinvite: int, update: int, told: str | None) -> None:
    profile = {"SBCRemoteReinviteSupport": reinvite, "SBCRemoteUpdateSupport": update}
    world, a, b, c = three_servers({"SBCReferBehavior": 3}, None, profile)
    ours, theirs = place(a, b)
    refer_locally(a, b, c, ours)
    c.answer(c.request("INVITE"), 200, body=OTHER)
    c.request("ACK")
    a.answer(a.request("NOTIFY"), 200)
    if told is not None:
        asked = b.request(told)
        assert asked.body == OTHER
        b.answer(asked, 200, body=ANSWER)
    assert b.heard == (["ACK"] if told == "INVITE" else [])
    b.inbox.clear()
    a.send(ours, "BYE")
    a.response(200)
    hang_up(b, c, theirs)
    world.assert_both_legs_are_free()


def test_nobody_waits_for_refreshes_of_a_transferor_that_has_left() -> None:
    """Observer, value 1, counts what the two agree on now: nothing."""
    world, a, b, c = three_servers({"SBCReferBehavior": 3}, None, {"SBCSessionExpiresMode": 1})
    timer = (("Session-Expires", "90;refresher=uac"), ("Supported", "timer"))
    ours, theirs = place(a, b, "sip:200@corp.example", *timer, answers=(("Require", "timer"), timer[0]))
    refer_locally(a, b, c, ours)
    c.answer(c.request("INVITE"), 200, body=OTHER)
    c.request("ACK")
    a.answer(a.request("NOTIFY"), 200)
    asked = b.request("INVITE")
    assert "session-expires" not in asked.headers
    b.answer(asked, 200, body=ANSWER)
    b.request("ACK")
    a.send(ours, "BYE")
    a.response(200)
    world.run(200)
    assert b.heard == c.heard == []
    hang_up(b, c, theirs)
    world.assert_both_legs_are_free()


def test_a_transferor_that_says_no_bye_gets_one() -> None:
    world, a, b, c = three_servers({"SBCReferBehavior": 3})
    ours, _ = place(a, b)
    refer_locally(a, b, c, ours)
    c.answer(c.request("INVITE"), 200, body=OTHER)
    c.request("ACK")
    a.answer(a.request("NOTIFY"), 200)
    b.answer(b.request("INVITE"), 200, body=ANSWER)
    b.request("ACK")
    world.run(5)
    a.answer(a.request("BYE"), 200)
    world.run(60)
    assert b.heard == c.heard == []


@pytest.mark.parametrize("status", [404, 486, 603])
def test_a_target_that_refuses_leaves_the_call_as_it_is(status: int) -> None:
    world, a, b, c = three_servers({"SBCReferBehavior": 3})
    ours, _ = place(a, b)
    refer_locally(a, b, c, ours)
    c.answer(c.request("INVITE"), status)
    c.request("ACK")
    told = a.request("NOTIFY")
    assert sipfrag_status(told.body) == status and (told.headers.get("subscription-state") or "").startswith("terminated")
    a.answer(told, 200)
    a.send(ours, "INFO")
    b.answer(b.request("INFO"), 200)
    a.response(200)
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


def test_a_call_that_ends_while_its_target_rings_cancels_that() -> None:
    world, a, b, c = three_servers({"SBCReferBehavior": 3})
    ours, theirs = place(a, b)
    refer_locally(a, b, c, ours)
    arrived = c.request("INVITE")
    c.answer(arrived, 180)
    a.answer(a.request("NOTIFY"), 200)
    hang_up(b, a, theirs)
    c.answer(c.request("CANCEL"), 200)
    c.answer(arrived, 487)
    c.request("ACK")
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("mode", [named("EnableSBCMediaSync", 0), named("EnableSBCMediaSync", 1), named("EnableSBCMediaSync", 2)])
def test_the_reinvite_after_a_transfer(mode: int) -> None:
    _, a, b, c = three_servers({"SBCReferBehavior": 3, "EnableSBCMediaSync": mode})
    ours, _ = place(a, b)
    refer_locally(a, b, c, ours)
    c.answer(c.request("INVITE"), 200, body=OTHER)
    assert b.heard == ([] if mode == 2 else ["INVITE"]), "0 sends it too where media are direct [choice]"


HOLDS = {
    "sendonly": (b"a=sendonly\r\n", b"a=recvonly\r\n", b"a=sendrecv"),
    "inactive": (b"a=inactive\r\n", b"a=inactive\r\n", b"a=sendrecv"),
    "nowhere": (b"c=IN IP4 0.0.0.0\r\n", b"a=recvonly\r\n", b"a=sendrecv"),
    "both hold": (b"a=sendonly\r\n", b"a=inactive\r\n", b"a=inactive"),
    "no hold": (b"", b"", b""),
    "their own hold": (b"a=recvonly\r\n", b"a=sendonly\r\n", b"a=sendonly"),
}


@pytest.mark.parametrize(("held", "answered", "want"), HOLDS.values(), ids=HOLDS)
def test_who_is_held_and_transferred_is_held_no_more(held: bytes, answered: bytes, want: bytes) -> None:
    world, a, b, c = three_servers({"SBCReferBehavior": 3})
    ours, theirs = place(a, b)
    a.send(ours, "INVITE", body=CHANGED.replace(b"a=sendonly\r\n", held))
    b.answer(b.request("INVITE"), 200, body=ANSWER + answered)
    a.send(ours, "ACK", cseq=a.response(200).cseq.number)
    b.request("ACK")
    refer_locally(a, b, c, ours)
    arrived = c.request("INVITE")
    said = [line for line in arrived.body.splitlines() if line.startswith(b"a=")]
    assert said == ([want] if want else []) and arrived.body.startswith(ANSWER[:60])
    c.answer(arrived, 200, body=OTHER)
    c.request("ACK")
    a.answer(a.request("NOTIFY"), 200)
    if b.heard == ["INVITE"]:
        b.answer(b.request("INVITE"), 200, body=ANSWER)
        b.request("ACK")
    elif held:
        assert b"0.0.0.0" not in held and answered != b"a=recvonly\r\n", "who was held has to be told"
    a.send(ours, "BYE")
    a.response(200)
    hang_up(b, c, theirs)
    world.assert_both_legs_are_free()


def test_the_call_id_of_a_transfer_is_new_though_it_is_to_be_kept() -> None:
    _, a, b, c = three_servers({"SBCReferBehavior": 3, "SBCKeepOriginalCallId": 1})
    ours, _ = place(a, b)
    refer_locally(a, b, c, ours)
    assert c.request("INVITE").call_id != ours.id.call_id


# Attended transfer


def second_call(a: Peer, c: Peer) -> tuple[Dialog, Dialog]:
    """Have a call c."""
    return place(a, c, TARGET)


def naming(dialog: Dialog) -> str:
    """Return Replaces as it stands in a Refer-To that names a dialog of the one that writes it."""
    return escape(f"{dialog.id.call_id};to-tag={dialog.id.remote_tag};from-tag={dialog.id.local_tag}").replace("=", "%3D")


@pytest.mark.parametrize("mode", [named("SBCReferBehavior", 0), named("SBCReferBehavior", 5)])
def test_an_attended_transfer_names_the_dialog_that_the_target_knows(mode: int) -> None:
    world, a, b, c = three_servers({"SBCReferBehavior": mode})
    ours, _ = place(a, b)
    consulted, at_c = second_call(a, c)
    a.send(ours, "REFER", ("Refer-To", f"<{TARGET}?Replaces={naming(consulted)}>"))
    got = b.request("REFER")
    assert got.refer_to is not None and isinstance(got.refer_to.uri, SipUri)
    named_in = Replaces.parse_escaped(dict(got.refer_to.uri.headers)["Replaces"])
    b.answer(got, 202)
    a.response(202)
    invite = b.ask("INVITE", TARGET, ("Replaces", str(named_in)), body=OFFER)
    arrived = c.request("INVITE")
    replaces = arrived.replaces
    assert replaces is not None
    assert (replaces.call_id, replaces.to_tag, replaces.from_tag) == (at_c.id.call_id, at_c.id.local_tag, at_c.id.remote_tag)
    c.answer(arrived, 200, body=ANSWER)
    new = acknowledge(b, c, invite, b.response(200))
    hang_up(c, a, at_c)
    hang_up(a, b, ours)
    hang_up(b, c, new)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("mode", [named("SBCRemoteReplacesBehavior", 0), named("SBCRemoteReplacesBehavior", 2)])
def test_replaces_in_an_invite(mode: int) -> None:
    _, a, b = two_servers({}, None, {"SBCRemoteReplacesBehavior": mode})
    ours, theirs = place(a, b)
    said = f"{ours.id.call_id};to-tag={ours.id.remote_tag};from-tag={ours.id.local_tag}"
    a.ask("INVITE", "sip:200@corp.example", ("Replaces", said), body=CHANGED)
    got = b.request("INVITE").replaces
    assert got is not None
    if mode == 2:
        assert str(got) == said
    else:
        assert (got.call_id, got.to_tag, got.from_tag) == (theirs.id.call_id, theirs.id.local_tag, theirs.id.remote_tag)


def test_an_attended_transfer_that_the_sbc_carries_out() -> None:
    world, a, b, c = three_servers({"SBCReferBehavior": 3})
    ours, theirs = place(a, b)
    consulted, at_c = second_call(a, c)
    refer_locally(a, b, c, ours, f"<{TARGET}?Replaces={naming(consulted)}>")
    arrived = c.request("INVITE")
    replaces = arrived.replaces
    assert replaces is not None
    assert (replaces.call_id, replaces.to_tag, replaces.from_tag) == (at_c.id.call_id, at_c.id.local_tag, at_c.id.remote_tag)
    c.answer(arrived, 200, body=OTHER)
    c.request("ACK")
    a.answer(a.request("NOTIFY"), 200)
    hang_up(c, a, at_c)
    b.answer(b.request("INVITE"), 200, body=ANSWER)
    b.request("ACK")
    world.run(5)
    a.answer(a.request("BYE"), 200)
    hang_up(b, c, theirs)
    world.assert_both_legs_are_free()
