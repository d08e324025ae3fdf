"""Dialogs: how each side makes one, in which order requests come, where they go.  RFC 3261 section 12."""

from __future__ import annotations

import pytest
from dialog_builders import a_phones, an_answer, as_client, as_server, our_invite

from sipstub.dialog.dialog import ENDING, DialogState, dialog_of_client
from sipstub.dialog.dialog_id import DialogId
from sipstub.sip.cseq import MAX_CSEQ

TWO_PROXIES = (("Record-Route", "<sip:near.example.com;lr>, <sip:far.example.com;lr>"),)


def texts(values: object) -> list[str]:
    return [str(value) for value in values]  # type: ignore[attr-defined]


# How it is made


def test_the_called_side_takes_tags_target_cseq_and_routes_of_the_request() -> None:
    dialog = as_server(headers=TWO_PROXIES, cseq=31)
    assert dialog.id == DialogId("call-1", "us", "phone") and dialog.state is DialogState.CONFIRMED
    assert str(dialog.remote_target) == "sip:100@10.1.1.1:5062" and dialog.remote_cseq == 31 and not dialog.is_initiator
    assert texts(dialog.route_set) == ["<sip:near.example.com;lr>", "<sip:far.example.com;lr>"]
    assert dialog.local.tag == "us" and dialog.remote.tag == "phone"


def test_the_calling_side_takes_them_of_the_answer_and_routes_the_other_way_round() -> None:
    dialog = as_client(headers=TWO_PROXIES)
    assert dialog.id == DialogId("ours@10.0.0.1", "ours", "them") and dialog.is_initiator
    assert str(dialog.remote_target) == "sip:100@10.1.1.1:5070" and dialog.local_cseq == 7 and dialog.remote_cseq is None
    assert texts(dialog.route_set) == ["<sip:far.example.com;lr>", "<sip:near.example.com;lr>"]


def test_both_sides_name_the_same_dialog() -> None:
    invite = a_phones()
    client = dialog_of_client(invite, an_answer(invite, 200, "us"))
    assert client is not None and client.id.of_peer == as_server().id


@pytest.mark.parametrize(("status", "tag"), [(100, "t"), (180, None), (302, "t"), (486, "t")])
def test_no_dialog_comes_of_100_of_1xx_without_tag_or_of_refusals(status: int, tag: str | None) -> None:
    invite = our_invite()
    assert dialog_of_client(invite, an_answer(invite, status, tag)) is None


@pytest.mark.parametrize("status", [101, 180, 183, 199])
def test_a_1xx_with_tag_makes_an_early_dialog(status: int) -> None:
    assert as_client(status).state is DialogState.EARLY


def test_a_2xx_without_tag_makes_a_dialog_with_an_old_peer() -> None:
    assert as_client(tag=None).id.remote_tag == ""
    assert as_server(from_tag="").id.remote_tag == ""


def test_without_contact_the_target_is_whom_we_called_or_who_called() -> None:
    assert str(as_client(contact=None).remote_target) == "sip:100@10.1.1.1"
    assert str(as_server(contact=None).remote_target) == "sip:100@pbx.example.com"


def test_a_call_to_a_sips_uri_is_secure() -> None:
    invite = our_invite(uri="sips:100@10.1.1.1")
    dialog = dialog_of_client(invite, an_answer(invite, 200))
    assert dialog is not None and dialog.is_secure and not as_client().is_secure


def test_the_2xx_confirms_an_early_dialog_and_its_routes_count() -> None:
    dialog = as_client(180, headers=TWO_PROXIES)
    dialog.confirm(
        an_answer(our_invite(), 200, contact="<sip:new@10.1.1.1>", headers=(("Record-Route", "<sip:one.example.com;lr>"),))
    )
    assert dialog.state is DialogState.CONFIRMED and str(dialog.remote_target) == "sip:new@10.1.1.1"
    assert texts(dialog.route_set) == ["<sip:one.example.com;lr>"]


def test_our_2xx_confirms_an_early_dialog() -> None:
    dialog = as_server(is_accepted=False)
    assert dialog.state is DialogState.EARLY
    dialog.accepted()
    assert dialog.state is DialogState.CONFIRMED


# Requests of ours


def test_a_request_carries_the_dialog_and_the_next_cseq() -> None:
    dialog = as_client()
    info = dialog.request("INFO", (("Contact", "<sip:stub@10.0.0.1>"),), b"x")
    assert (info.uri_text, str(info.cseq), info.call_id) == ("sip:100@10.1.1.1:5070", "8 INFO", "ours@10.0.0.1")
    assert info.from_.tag == "ours" and info.to.tag == "them" and info.max_forwards == 70 and info.body == b"x"
    assert str(dialog.request("BYE").cseq) == "9 BYE"


def test_ack_and_prack_know_the_cseq_of_the_invite() -> None:
    dialog = as_client()
    dialog.request("INFO")
    assert str(dialog.request("ACK").cseq) == "7 ACK"
    assert str(dialog.request("INVITE").cseq) == "9 INVITE" and str(dialog.request("ACK").cseq) == "9 ACK"
    assert str(dialog.request("ACK", cseq=7).cseq) == "7 ACK" and dialog.local_cseq == 9


def test_cseq_begins_anew_at_its_end() -> None:
    dialog = as_client()
    dialog.local_cseq = MAX_CSEQ
    assert dialog.request("INFO").cseq.number == 1


def test_loose_routers_stand_in_route_and_the_first_is_the_next_hop() -> None:
    dialog = as_server(headers=TWO_PROXIES)
    bye = dialog.request("BYE")
    assert bye.uri_text == "sip:100@10.1.1.1:5062" and str(dialog.way.next_hop) == "sip:near.example.com;lr"
    assert bye.headers.all("Route") == ["<sip:near.example.com;lr>", "<sip:far.example.com;lr>"]


def test_a_strict_router_stands_in_the_request_line_and_the_target_last_in_route() -> None:
    dialog = as_server(headers=(("Record-Route", "<sip:old.example.com;method=INVITE>, <sip:far.example.com;lr>"),))
    bye = dialog.request("BYE")
    assert bye.uri_text == "sip:old.example.com"
    assert bye.headers.all("Route") == ["<sip:far.example.com;lr>", "<sip:100@10.1.1.1:5062>"]


def test_without_routes_the_target_is_the_next_hop() -> None:
    assert str(as_server().way.next_hop) == "sip:100@10.1.1.1:5062" and as_server().request("BYE").routes == ()


@pytest.mark.parametrize("status", [408, 481, *sorted(ENDING)])
def test_answers_that_say_the_dialog_is_gone_end_it(status: int) -> None:
    dialog = as_client()
    info = dialog.request("INFO")
    dialog.receive_response(info, an_answer(info, status))
    assert dialog.is_ended


@pytest.mark.parametrize("method", ["SUBSCRIBE", "NOTIFY"])
def test_a_subscription_that_is_gone_leaves_the_call_of_the_same_dialog(method: str) -> None:
    dialog = as_client()
    for status in (408, 481):
        request = dialog.request(method)
        dialog.receive_response(request, an_answer(request, status))
        assert dialog.state is DialogState.CONFIRMED
    request = dialog.request(method)
    dialog.receive_response(request, an_answer(request, 404))
    assert dialog.is_ended


@pytest.mark.parametrize("status", [100, 200, 401, 486, 488, 491, 500, 503, 603])
def test_other_answers_leave_it(status: int) -> None:
    dialog = as_client()
    info = dialog.request("INFO")
    dialog.receive_response(info, an_answer(info, status))
    assert dialog.state is DialogState.CONFIRMED


@pytest.mark.parametrize(("status", "is_ended"), [(100, False), (200, True), (401, True), (500, True)])
def test_bye_ends_it_whatever_the_final_answer(status: int, is_ended: bool) -> None:
    dialog = as_client()
    bye = dialog.request("BYE")
    dialog.receive_response(bye, an_answer(bye, status))
    assert dialog.is_ended is is_ended


def test_a_request_without_any_answer_ends_it() -> None:
    dialog = as_client()
    dialog.on_no_answer(dialog.request("INFO"))
    assert dialog.is_ended


@pytest.mark.parametrize(
    ("method", "status", "is_moved"), [("INVITE", 200, True), ("UPDATE", 200, True), ("INFO", 200, False), ("INVITE", 488, False)]
)
def test_a_2xx_to_a_refreshing_request_moves_the_target(method: str, status: int, is_moved: bool) -> None:
    dialog = as_client()
    request = dialog.request(method)
    dialog.receive_response(request, an_answer(request, status, contact="<sip:moved@10.1.1.1>"))
    assert (str(dialog.remote_target) == "sip:moved@10.1.1.1") is is_moved


# Requests of theirs


def test_a_higher_cseq_is_taken_gaps_included_and_a_lower_or_equal_one_gets_500() -> None:
    dialog = as_server(cseq=5)
    for number, status in ((6, None), (9, None), (8, 500), (9, 500), (10, None)):
        refusal = dialog.receive_request(a_phones("INFO", cseq=number, to_tag="us"))
        assert (refusal.status if refusal else None) == status, number
    assert dialog.remote_cseq == 10


def test_the_first_request_of_the_called_side_may_have_any_cseq() -> None:
    dialog = as_client()
    assert dialog.receive_request(a_phones("BYE", cseq=0)) is None and dialog.remote_cseq == 0


def test_ack_and_cancel_carry_old_numbers_and_change_nothing() -> None:
    dialog = as_server(cseq=5)
    dialog.receive_request(a_phones("INFO", cseq=6))
    assert dialog.receive_request(a_phones("ACK", cseq=5)) is None and dialog.remote_cseq == 6


def test_a_refused_refresh_moves_nothing_and_an_accepted_one_moves_the_target() -> None:
    dialog = as_server()
    update = a_phones("UPDATE", cseq=2, to_tag="us", contact="<sip:100@10.1.1.9>")
    assert dialog.receive_request(update) is None
    dialog.request_answered(update, 491)
    assert str(dialog.remote_target) == "sip:100@10.1.1.1:5062"
    dialog.request_answered(update, 200)
    assert str(dialog.remote_target) == "sip:100@10.1.1.9"


def test_a_refresh_without_contact_leaves_the_target() -> None:
    dialog = as_server()
    dialog.request_answered(a_phones("UPDATE", cseq=2, contact=None), 200)
    assert str(dialog.remote_target) == "sip:100@10.1.1.1:5062"


def test_after_bye_everything_gets_481() -> None:
    dialog = as_server()
    bye = a_phones("BYE", cseq=2, to_tag="us")
    assert dialog.receive_request(bye) is None
    dialog.request_answered(bye, 200)
    assert dialog.is_ended
    refusal = dialog.receive_request(a_phones("INFO", cseq=3, to_tag="us"))
    assert refusal is not None and refusal.status == 481
