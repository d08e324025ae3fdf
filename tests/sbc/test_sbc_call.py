"""Two phones call each other through the SBC: two dialogs that have nothing in common but what is carried over."""

from __future__ import annotations

from sbc_world import ANSWER, CHANGED, OFFER, hang_up, place, two_servers

from sipstub.dialog.dialog import dialog_of_client, dialog_of_server
from sipstub.transaction.follow import cancel_for


def test_a_call_has_two_dialogs_of_its_own_and_leaves_nothing_behind() -> None:
    world, a, b = two_servers()
    invite = a.ask("INVITE", "sip:200@corp.example", ("Subject", "lunch"), ("User-Agent", "Phone/1"), body=OFFER)
    assert a.heard == ["100"]
    arrived = b.request("INVITE")
    for key in ("call-id", "via", "contact", "from"):
        assert arrived.headers.lines(key) != invite.headers.lines(key)
    assert arrived.from_.tag != invite.from_.tag and arrived.from_.uri == invite.from_.uri
    text = arrived.to_bytes()
    assert b"10.0.1.1:" not in text and b"Phone/1" not in text
    assert arrived.headers.get("subject") == "lunch" and arrived.body == OFFER
    assert str(arrived.contacts.addresses[0].uri) == "sip:a@10.0.0.1:5060;transport=udp"
    b.answer(arrived, 180)
    assert a.response(180).to.tag == "b-tag"
    accepted = b.answer(arrived, 200, body=ANSWER)
    ok = a.response(200)
    assert ok.body == ANSWER and ok.call_id == invite.call_id and ok.to.tag == accepted.to.tag
    assert str(ok.contacts.addresses[0].uri) == "sip:200@10.0.0.1:5060;transport=udp"
    assert b.inbox == []
    ours = dialog_of_client(invite, ok)
    theirs = dialog_of_server(arrived, "b-tag", is_accepted=True)
    assert ours is not None
    a.send(ours, "ACK")
    assert b.request("ACK").cseq.number == arrived.cseq.number
    hang_up(b, a, theirs)
    world.assert_both_legs_are_free()


def test_requests_in_the_call_go_to_the_other_leg_and_their_answers_come_back() -> None:
    world, a, b = two_servers()
    ours, theirs = place(a, b)
    for method in ("INFO", "MESSAGE", "NOTIFY", "REFER"):
        extra = {"NOTIFY": [("Event", "x"), ("Subscription-State", "active")], "REFER": [("Refer-To", "<sip:300@x>")]}.get(
            method, []
        )
        for sender, dialog, other in ((a, ours, b), (b, theirs, a)):
            sent = sender.send(dialog, method, ("Content-Type", "text/plain"), *extra)
            got = other.request(method)
            assert got.call_id != sent.call_id and got.headers.get("content-type") == "text/plain"
            other.answer(got, 202)
            assert sender.response(202).cseq == sent.cseq
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


def test_a_reinvite_changes_both_legs() -> None:
    world, a, b = two_servers()
    ours, theirs = place(a, b)
    for sender, dialog, other in ((a, ours, b), (b, theirs, a)):
        sender.send(dialog, "INVITE", body=CHANGED)
        got = other.request("INVITE")
        assert got.body == CHANGED
        other.answer(got, 200, body=ANSWER)
        assert sender.response(200).body == ANSWER
        sender.send(dialog, "ACK")
        other.request("ACK")
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


def test_an_offer_in_the_200_is_answered_in_the_ack() -> None:
    world, a, b = two_servers()
    invite = a.ask("INVITE", "sip:200@corp.example")
    arrived = b.request("INVITE")
    assert arrived.body == b""
    b.answer(arrived, 200, body=OFFER)
    ok = a.response(200)
    dialog = dialog_of_client(invite, ok)
    assert dialog is not None
    a.send(dialog, "ACK", body=ANSWER)
    assert b.request("ACK").body == ANSWER
    hang_up(a, b, dialog)
    world.assert_both_legs_are_free()


def test_an_update_goes_through() -> None:
    world, a, b = two_servers()
    ours, theirs = place(a, b)
    for sender, dialog, other in ((a, ours, b), (b, theirs, a)):
        sender.send(dialog, "UPDATE", body=CHANGED)
        other.answer(other.request("UPDATE"), 200, body=ANSWER)
        assert sender.response(200).body == ANSWER
    hang_up(b, a, theirs)
    world.assert_both_legs_are_free()


def test_prack_confirms_the_answer_of_the_other_leg() -> None:
    world, a, b = two_servers()
    invite = a.ask("INVITE", "sip:200@corp.example", ("Supported", "100rel"), body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 183, ("Require", "100rel"), ("RSeq", "42"), body=ANSWER)
    progress = a.response(183)
    assert progress.rseq is not None and progress.require == ("100rel",)
    early = dialog_of_client(invite, progress)
    assert early is not None
    a.send(early, "PRACK", ("RAck", f"{progress.rseq} {invite.cseq}"))
    prack = b.request("PRACK")
    assert str(prack.rack) == f"42 {arrived.cseq}"
    b.answer(prack, 200)
    a.response(200)
    b.answer(arrived, 200)
    a.response(200)
    a.send(early, "ACK", cseq=invite.cseq.number)
    b.request("ACK")
    hang_up(a, b, early)
    world.assert_both_legs_are_free()


def test_cancel_ends_the_other_leg() -> None:
    world, a, b = two_servers()
    invite = a.ask("INVITE", "sip:200@corp.example", body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 180)
    a.response(180)
    a.say(cancel_for(invite, reason='SIP;cause=200;text="elsewhere"'))
    assert [a.response(200).cseq.method, a.response(487).cseq.method] == ["CANCEL", "INVITE"]
    cancel = b.request("CANCEL")
    assert cancel.headers.get("reason") == 'SIP;cause=200;text="elsewhere"'
    b.answer(cancel, 200)
    b.answer(arrived, 487)
    assert b.request("ACK").cseq.method == "ACK"
    world.assert_both_legs_are_free()


def test_a_200_that_crosses_the_cancel_is_acknowledged_and_hung_up() -> None:
    world, a, b = two_servers()
    invite = a.ask("INVITE", "sip:200@corp.example", body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 180)
    a.say(cancel_for(invite))
    b.request("CANCEL")
    b.answer(arrived, 200, body=ANSWER)
    b.request("ACK")
    b.answer(b.request("BYE"), 200)
    assert a.heard == ["100", "180", "200", "487"]
    world.assert_both_legs_are_free()


def test_a_refusal_comes_back_with_its_headers() -> None:
    world, a, b = two_servers()
    a.ask("INVITE", "sip:200@corp.example", body=OFFER)
    b.answer(b.request("INVITE"), 486, ("Warning", '399 x "busy"'), ("Server", "Secret/1"))
    b.request("ACK")
    refused = a.response(486)
    assert refused.headers.get("warning") == '399 x "busy"' and refused.headers.get("server") == "sipstub-sbc"
    world.assert_both_legs_are_free()


def test_a_challenge_is_answered_end_to_end() -> None:
    world, a, b = two_servers()
    a.ask("INVITE", "sip:200@corp.example", body=OFFER, call_id="one", tag="t")
    b.answer(b.request("INVITE"), 407, ("Proxy-Authenticate", 'Digest realm="r", nonce="n"'))
    assert a.response(407).headers.get("proxy-authenticate") == 'Digest realm="r", nonce="n"'
    credentials = 'Digest username="a", realm="r", nonce="n", uri="sip:200@corp.example", response="00"'
    a.ask("INVITE", "sip:200@corp.example", ("Proxy-Authorization", credentials), body=OFFER, call_id="one", tag="t", cseq=2)
    b.request("ACK")
    arrived = b.request("INVITE")
    assert arrived.headers.get("proxy-authorization") == credentials and arrived.uri_text == "sip:200@corp.example"
    b.answer(arrived, 603)
    a.response(603)
    world.assert_both_legs_are_free()


def test_a_caller_that_never_acknowledges_is_hung_up_on_both_sides() -> None:
    world, a, b = two_servers()
    a.ask("INVITE", "sip:200@corp.example", body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 200, body=ANSWER)
    a.response(200)
    world.run(33)
    assert a.repeated > 5
    assert b.heard == ["ACK", "BYE"] and a.heard == ["BYE"]
    world.assert_both_legs_are_free()


def test_a_callee_that_vanishes_gives_the_caller_an_answer() -> None:
    world, a, b = two_servers()
    a.ask("INVITE", "sip:200@corp.example", body=OFFER)
    b.request("INVITE")
    world.run(40)
    assert a.response(408)
    world.assert_both_legs_are_free()


def test_options_outside_of_a_call_are_answered_by_the_sbc() -> None:
    world, a, b = two_servers()
    a.ask("OPTIONS", "sip:10.0.0.1")
    assert "INVITE" in a.response(200).allow and b.inbox == []
    world.assert_both_legs_are_free()


def test_a_request_for_a_call_that_is_over_gets_481() -> None:
    world, a, b = two_servers()
    ours, theirs = place(a, b)
    hang_up(a, b, ours)
    b.send(theirs, "INFO")
    b.response(481)
    world.assert_both_legs_are_free()


def test_a_message_outside_of_a_call_is_passed_on() -> None:
    world, a, b = two_servers()
    a.ask("MESSAGE", "sip:200@corp.example", ("Content-Type", "text/plain"))
    got = b.request("MESSAGE")
    assert b"10.0.1.1" not in got.to_bytes()
    b.answer(got, 202)
    a.response(202)
    world.assert_both_legs_are_free()
